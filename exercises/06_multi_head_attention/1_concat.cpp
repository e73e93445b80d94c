// 06.1  Concatenation: split into heads, mix, lay side by side             15 minutes
//
//   value(h)     = X W_V(h)             [n_heads, n, d_head]   W_V(h): columns h d_head ... of W_V
//   z(h)         = pattern(h) value(h)  [n_heads, n, d_head]
//   concatenated = [ z(0) | z(1) | ... ]                       [n, n_heads d_head]
//
// Example: X = [[1, 2], [3, 4]], W_V = [[1, 0], [0, 2]], two heads of width 1 with the patterns
//   [[1, 0], [0, 1]] and [[0.5, 0.5], [0, 1]], gives
//   value = [[[1], [3]], [[4], [8]]], z = [[[1], [3]], [[6], [8]]], concatenated = [[1, 6], [3, 8]]
//
// Section 6 of the report. n_heads = pattern.shape(0), d_head = W_V.shape(1) / n_heads.
#include "exercises.hpp"

namespace headlight::exercise {

ConcatTrace concat(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  // >>> your code
  return headlight::todo("06.1");
  // <<< your code
}

}  // namespace headlight::exercise
