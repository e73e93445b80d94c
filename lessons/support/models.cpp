#include "support/models.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/recipes.hpp>
#include <map>
#include <stdexcept>

namespace lesson {

using namespace headlight;

std::filesystem::path model_folder(const std::string& name) {
  const char* elsewhere = std::getenv("HEADLIGHT_MODELS");
  return std::filesystem::path(elsewhere ? elsewhere : HEADLIGHT_MODELS) / name;
}

namespace {

// One lesson runs in a program: which models it named, and those trained anew.
struct Models {
  std::vector<std::string> named;
  std::map<std::string, ModelWeightsF> trained_anew;
};
Models& models() {
  static Models of_this_lesson;
  return of_this_lesson;
}

ModelWeightsF shipped(const std::string& name) {
  return read_gpt2_folder<float>(model_folder(name));
}

constexpr std::size_t tried_steps = 4;  // that the estimate stands on

std::string text(const char* format, auto... values) {
  char buffer[160];
  std::snprintf(buffer, sizeof(buffer), format, values...);
  return buffer;
}

std::string checkpoint_name(const std::string& name, std::size_t step) {
  return text("%s-step-%03zu", name.c_str(), step);
}

// How a model trained anew stands to the shipped one.
std::string beside_shipped(const std::string& name, const ModelWeightsF& weights) {
  try {
    return parameter_hash(shipped(name)) == parameter_hash(weights)
               ? "the shipped model bit for bit"
               : "other bits than the shipped model";
  } catch (const FileError&) {
    return "no shipped model to compare with";
  }
}

}  // namespace

ModelWeightsF trained_model(const std::string& name) {
  const std::vector<std::string>& named = models().named;
  const std::string recipe = name.substr(0, name.find("-step-"));
  if (std::find(named.begin(), named.end(), recipe) == named.end())
    throw std::logic_error("the lesson asks for the model " + name +
                           ", which it does not name in its About");
  const auto found = models().trained_anew.find(name);
  return found == models().trained_anew.end() ? shipped(name) : found->second;
}

ModelWeightsF untrained_model(const std::string& name) {
  const Recipe& recipe = find_recipe(name);
  return initial_weights(recipe.model, recipe.seed);
}

void retrain(std::uint64_t seed, const RetrainTalk& talk) {
  double expected = 0;  // seconds
  std::string names;
  for (const std::string& name : models().named) {
    Recipe first_steps = find_recipe(name);
    const double all = static_cast<double>(first_steps.plan.schedule.steps);
    first_steps.plan.schedule.steps = tried_steps;
    const double start = talk.seconds();
    train_recipe(first_steps, first_steps.seed, threads);
    expected += (talk.seconds() - start) * all / static_cast<double>(tried_steps);
    names += (names.empty() ? "" : ", ") + name;
  }
  talk.say("trains anew: " + names + "; this takes about " +
           text("%.0f s", std::max(1.0, expected)));
  for (const std::string& name : models().named) {
    const Recipe& recipe = find_recipe(name);
    const std::uint64_t chosen = seed == 0 ? recipe.seed : seed;
    const std::size_t steps = recipe.plan.schedule.steps;
    const auto is_kept = [&](std::size_t step) {
      return std::find(recipe.snapshots.begin(), recipe.snapshots.end(), step) !=
             recipe.snapshots.end();
    };
    auto& anew = models().trained_anew;
    if (is_kept(0)) anew[checkpoint_name(name, 0)] = initial_weights(recipe.model, chosen);
    const double start = talk.seconds();
    double last_loss = 0;
    const ModelWeightsF weights =
        train_recipe(recipe, chosen, threads, [&](const TrainerF& trainer, double loss) {
          const std::size_t step = trainer.steps();
          last_loss = loss;
          if (is_kept(step)) anew[checkpoint_name(name, step)] = trainer.weights();
          talk.progress(text("%s  step %zu/%zu  loss %.3f", name.c_str(), step, steps, loss));
        });
    talk.say(text("%s: seed %llu, %zu steps in %.1f s, loss %.3f, ", name.c_str(),
                  static_cast<unsigned long long>(chosen), steps, talk.seconds() - start,
                  last_loss) +
             beside_shipped(name, weights));
    anew[name] = weights;
  }
}

TrainedModels use_models(std::vector<std::string> recipes) {
  for (const std::string& name : recipes) find_recipe(name);
  models().named = recipes;
  return {std::move(recipes), retrain};
}

}  // namespace lesson
