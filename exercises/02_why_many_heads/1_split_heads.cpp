// 02.1  Split heads: columns become heads                               10 minutes
//
//   heads(h, i, c) = projected(i, h * d_head + c),  d_head = columns / n_heads
//
// projected is [n, n_heads * d_head], heads is [n_heads, n, d_head].
// Example: projected = [[1, 2, 3, 4], [5, 6, 7, 8]], two heads, gives
//   heads[0] = [[1, 2], [5, 6]], heads[1] = [[3, 4], [7, 8]]
//
// Throw std::invalid_argument when n_heads is 0 or the columns cannot be shared out evenly.
// Section 2 of the report. Tensor3 out = xt::zeros<double>({a, b, c}) makes one of that shape.
#include "exercises.hpp"

namespace headlight::exercise {

Tensor3 split_heads(const Matrix& projected, std::size_t n_heads) {
  // >>> your code
  return headlight::todo("02.1");
  // <<< your code
}

}  // namespace headlight::exercise
