/// @file
/// Lesson 3, how many heads: what the three exercises compute or predict.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Stages of 03.1.
struct HeadDims {
  std::size_t d_head = 0;          ///< width of a head
  std::vector<std::size_t> first;  ///< first column of every head
  std::vector<std::size_t> end;    ///< column after the last one of every head
};

/// 03.1: how wide heads are, and which columns belong to which.
/// @param d_model  columns to share out
/// @param n_heads  among how many heads
/// @return the three stages    @booksection{03}
/// @throws std::invalid_argument when n_heads is 0 or does not divide d_model
HeadDims head_dims(std::size_t d_model, std::size_t n_heads);

/// A model's attention in numbers.
struct AttentionShape {
  std::size_t d_model = 0;   ///< width of a token
  std::size_t n_heads = 0;   ///< of one layer
  std::size_t d_head = 0;    ///< width of a query and of a key
  std::size_t d_value = 0;   ///< width of a value
  bool bias = false;         ///< whether every product adds a bias to its result
  std::size_t n_layers = 0;  ///< of the model, all alike
};

/// Stages of 03.2: numbers of parameters.
struct ParamCount {
  std::uint64_t one_head = 0;  ///< W_Q, W_K, W_V of one head
  std::uint64_t heads = 0;     ///< W_Q, W_K, W_V of all heads of a layer
  std::uint64_t w_o = 0;       ///< W_O of a layer
  std::uint64_t biases = 0;    ///< of queries, keys, values and of what W_O makes; 0 without
  std::uint64_t layer = 0;     ///< all of a layer's attention
  std::uint64_t model = 0;     ///< all of the model's attention
};

/// 03.2: how many numbers attention learns. Heads may be wider or narrower than d_model / n_heads.
/// @param shape  of the model
/// @return the six stages    @booksection{03}
ParamCount param_count(const AttentionShape& shape);

/// What one layer does for n tokens, without a mask and without biases. A product is one number of
/// a matrix times one of another. What is not filled in is not a number.
struct Work {
  double projections = not_filled;   ///< products in X W_Q, X W_K and X W_V, all heads
  double scores = not_filled;        ///< products in query key^T, all heads
  double exponentials = not_filled;  ///< calls of exp in the softmax, all heads
  double mixture = not_filled;       ///< products in pattern value, all heads
  double output = not_filled;        ///< products in the heads side by side times W_O
  double flops = not_filled;         ///< two for every product: it is also added to a sum
};

/// What 03.3 asks for: four layers.
struct Flops {
  Work base;          ///< n = 10, d_model = 24, n_heads = 4, d_head = 6
  Work twice_heads;   ///< n = 10, d_model = 24, n_heads = 8, d_head = 3
  Work twice_tokens;  ///< n = 20, d_model = 24, n_heads = 4, d_head = 6
  Work wide_heads;    ///< n = 10, d_model = 24, n_heads = 4, d_head = 16
};

/// 03.3: what attention costs, predicted.
/// @return six numbers for each of four layers    @booksection{03}
Flops flops();

}  // namespace headlight::exercise
