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
  return headlight::todo("03.2");
  // <<< your code
}

}  // namespace headlight::exercise
