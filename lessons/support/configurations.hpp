/// @file
/// Real models as data: layers, heads, widths, with the source of each line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lesson {

/// Which tensors a model consists of.
enum class Family {
  original,  ///< encoder and decoder of 2017; not listed here
  bert,      ///< word, place and segment embeddings, biases everywhere, a pooler
  gpt,       ///< GPT-2 and GPT-3: learned places, biases, the unembedding is the embedding again
  gptj,      ///< biases in the feed-forward layer only, an unembedding of its own
  llama,     ///< no biases, three matrices in the feed-forward layer, grouped keys and values
  qwen,      ///< as llama, with biases on queries, keys and values
};

/// One model.
struct Configuration {
  std::string name;              ///< as published
  Family family;                 ///< which tensors it has
  std::uint64_t layers = 0;      ///< blocks
  std::uint64_t heads = 0;       ///< query heads a layer
  std::uint64_t kv_heads = 0;    ///< key and value heads a layer
  std::uint64_t d_model = 0;     ///< width of the residual stream
  std::uint64_t d_head = 0;      ///< width of a head
  std::uint64_t d_hidden = 0;    ///< width of the feed-forward layer
  std::uint64_t vocabulary = 0;  ///< tokens
  std::uint64_t context = 0;     ///< rows of the table of places, or 0
  std::uint64_t published = 0;   ///< parameters as published: exactly, or rounded (GPT-3)
  std::string source;            ///< where the line is printed
};

/// @return the models, in the order of their years
const std::vector<Configuration>& configurations();

/// @param name  as in configurations()  @return that line  @throws std::out_of_range
const Configuration& configuration(const std::string& name);

/// A tensor by name and shape.
struct NamedShape {
  std::string name;       ///< "attn.c_attn.weight"
  std::uint64_t rows;     ///< 1 for a vector
  std::uint64_t columns;  ///< numbers a row
};

/// Every tensor of a model, layer by layer.
/// @param c  a model  @return empty for the family `original`
std::vector<NamedShape> tensors(const Configuration& c);

/// @param c  a model  @return numbers in tensors(c)
std::uint64_t parameters(const Configuration& c);

/// @param c  a model  @return numbers in W_Q, W_K, W_V and W_O of one layer
std::uint64_t attention_parameters(const Configuration& c);

}  // namespace lesson
