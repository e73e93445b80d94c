#include "support/models.hpp"

#include <cstdlib>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/learning/recipes.hpp>

namespace lesson {

std::filesystem::path model_folder(const std::string& name) {
  const char* elsewhere = std::getenv("HEADLIGHT_MODELS");
  return std::filesystem::path(elsewhere ? elsewhere : HEADLIGHT_MODELS) / name;
}

headlight::ModelWeightsF trained_model(const std::string& name) {
  return headlight::read_gpt2_folder<float>(model_folder(name));
}

headlight::ModelWeightsF untrained_model(const std::string& name) {
  const headlight::Recipe& recipe = headlight::find_recipe(name);
  return headlight::initial_weights(recipe.model, recipe.seed);
}

}  // namespace lesson
