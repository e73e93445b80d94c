/// @file
/// Models as folders in Hugging Face's GPT-2 layout: config.json and model.safetensors.
#pragma once

#include <filesystem>
#include <headlight/attention/model.hpp>
#include <headlight/file/whole_file.hpp>

namespace headlight {

/// Reads a folder of GPT-2 ("model_type": "gpt2") or of our own models ("headlight"), which may
/// have other norms, positions, activations, and lack what they do not use.
/// @param folder  with config.json and model.safetensors
/// @return the weights; F16, BF16 and F64 are converted
/// @throws FileError with the file, the place and the reason
template <class T>
ModelWeightsOf<T> read_gpt2_folder(const std::filesystem::path& folder);

/// Writes a model of ours: model.safetensors, then config.json, each complete or not at all.
/// @param folder  made when it is not there
/// @param weights  all blocks of one width, pre-norm or post-norm, d_value equal to d_head
/// @throws FileError with the reason of the system; std::invalid_argument for a model that the
/// layout cannot hold
template <class T>
void write_gpt2_folder(const std::filesystem::path& folder, const ModelWeightsOf<T>& weights);

}  // namespace headlight
