/// @file
/// The small models that the lessons stand on.
#pragma once

#include <filesystem>
#include <headlight/attention/model.hpp>
#include <string>

namespace lesson {

/// @param name  of a model in lessons/models  @return its folder
std::filesystem::path model_folder(const std::string& name);

/// A model of lessons/models. @param name  of its folder  @return the trained weights
/// @throws headlight::FileError when it is not there or damaged
headlight::ModelWeightsF trained_model(const std::string& name);

/// The same model before training, as its recipe draws it. @param name  of its folder
/// @return the first weights
/// @throws std::invalid_argument for a name without a recipe
headlight::ModelWeightsF untrained_model(const std::string& name);

}  // namespace lesson
