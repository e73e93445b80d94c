// 03.2  Param count: how many numbers attention learns                  15 minutes
//
//   one_head  W_Q, W_K: [d_model, d_head], W_V: [d_model, d_value]
//   heads     the same for n_heads heads           w_o     W_O: [n_heads * d_value, d_model]
//   biases    one number for each column that the four products make, if shape.bias, else 0
//   layer     heads + w_o + biases                 model   n_layers layers
//
// Example: GPT-2 small, d_model = 768, n_heads = 12, d_head = d_value = 64, bias, n_layers = 12:
//   one_head = 147456, heads = 1769472, w_o = 589824, biases = 3072, layer = 2362368,
//   model = 28348416
// Heads need not be d_model / n_heads wide. Section 3 of the report.
#include "exercises.hpp"

namespace headlight::exercise {

ParamCount param_count(const AttentionShape& shape) {
  // >>> your code
  // 64 bits: GPT-3's attention has 58 thousand million parameters, and 32 bits end at 4.
  const std::uint64_t d_model = shape.d_model, n_heads = shape.n_heads;
  const std::uint64_t columns_of_head = 2 * shape.d_head + shape.d_value;
  ParamCount count;
  count.one_head = d_model * columns_of_head;
  count.heads = n_heads * count.one_head;
  // W_O reads all heads side by side, so its rows are values, whatever the width of the queries.
  count.w_o = n_heads * shape.d_value * d_model;
  count.biases = shape.bias ? n_heads * columns_of_head + d_model : 0;
  count.layer = count.heads + count.w_o + count.biases;
  count.model = shape.n_layers * count.layer;
  return count;
  // Another way: with d_head = d_value = d_model / n_heads all of it is 4 d_model^2 + 4 d_model a
  // layer, for every n_heads.
  // <<< your code
}

}  // namespace headlight::exercise
