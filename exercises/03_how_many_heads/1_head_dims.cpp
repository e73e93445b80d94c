// 03.1  Head dims: whose columns are whose                              5 minutes
//
//   d_head   = d_model / n_heads
//   first[h] = the first column of head h, end[h] = the column after its last    [n_heads]
//
// Example: d_model = 12, n_heads = 3 gives d_head = 4, first = {0, 4, 8}, end = {4, 8, 12}
//
// Throw std::invalid_argument when n_heads is 0 or does not divide d_model: 13 columns do not make
// 3 heads. Section 3 of the report. A std::vector grows by push_back.
#include "exercises.hpp"

namespace headlight::exercise {

HeadDims head_dims(std::size_t d_model, std::size_t n_heads) {
  // >>> your code
  return headlight::todo("03.1");
  // <<< your code
}

}  // namespace headlight::exercise
