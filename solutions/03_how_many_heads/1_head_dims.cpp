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
  // Zero first: the remainder of a division by zero ends the program.
  if (n_heads == 0 || d_model % n_heads != 0)
    throw std::invalid_argument("head_dims: " + std::to_string(n_heads) +
                                " heads do not divide d_model = " + std::to_string(d_model));
  HeadDims dims;
  dims.d_head = d_model / n_heads;
  // The end of one head is the beginning of the next, so nothing is lost and nothing shared.
  for (std::size_t h = 0; h < n_heads; ++h) {
    dims.first.push_back(h * dims.d_head);
    dims.end.push_back((h + 1) * dims.d_head);
  }
  return dims;
  // Another way: walk over the columns and begin a head whenever d_head of them are full.
  // <<< your code
}

}  // namespace headlight::exercise
