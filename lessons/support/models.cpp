#include "support/models.hpp"

#include <cstdlib>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/learning/recipes.hpp>

namespace lesson {

headlight::ModelWeightsF trained_model(const std::string& name) {
  const char* elsewhere = std::getenv("HEADLIGHT_MODELS");
  const std::filesystem::path folder = elsewhere ? elsewhere : HEADLIGHT_MODELS;
  return headlight::read_gpt2_folder<float>(folder / name);
}

headlight::ModelWeightsF untrained_model(const std::string& name) {
  const headlight::Recipe& recipe = headlight::find_recipe(name);
  return headlight::initial_weights(recipe.model, recipe.seed);
}

}  // namespace lesson
