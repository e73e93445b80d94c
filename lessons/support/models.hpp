/// @file
/// The small models that the lessons stand on: as shipped, or trained anew.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <headlight/attention/model.hpp>
#include <string>
#include <vector>

#include "support/page.hpp"

namespace lesson {

/// On how many threads lessons train and run models; no result depends on it.
inline constexpr std::size_t threads = 2;

/// @param name  of a model in lessons/models  @return its folder
std::filesystem::path model_folder(const std::string& name);

/// A model of lessons/models, or what retrain() made of it. @param name  of its folder
/// @return the trained weights
/// @throws headlight::FileError when it is not there or damaged; std::logic_error for a model that
/// the lesson does not name in its About
headlight::ModelWeightsF trained_model(const std::string& name);

/// The same model before training, as its recipe draws it. @param name  of its folder
/// @return the first weights
/// @throws std::invalid_argument for a name without a recipe
headlight::ModelWeightsF untrained_model(const std::string& name);

/// What is said while models are trained anew.
struct RetrainTalk {
  std::function<void(const std::string& line)> say;  ///< a whole line
  std::function<void(const std::string& line)>
      progress;                     ///< a line that takes the last one's place
  std::function<double()> seconds;  ///< a clock that only goes forward
};

/// Trains the models of use_models() from nothing; from now on trained_model() returns them, and
/// the checkpoints along their way. Nothing is written to disk. Says beforehand how long it takes,
/// estimated from the first steps of each.
/// @param seed  of weights and data; 0: each recipe's own, which gives the shipped bits on the
/// build that made them
/// @param talk  where to talk
/// @throws std::domain_error when a loss is no longer a number
void retrain(std::uint64_t seed, const RetrainTalk& talk);

/// Says which models this lesson may ask for. @param recipes  names; their checkpoints go with them
/// @return the same names and how to train them, for the lesson's About
/// @throws std::invalid_argument for a name without a recipe
TrainedModels use_models(std::vector<std::string> recipes);

}  // namespace lesson
