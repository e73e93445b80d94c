// 06.3  A sum over heads                                                   15 minutes
//
//   contributions(h) = z(h) W_O(h)                    [n_heads, n, d_out]
//   output           = contributions(0) + contributions(1) + ... + b_O     [n, d_out]
//   lengths(h, i)    = sqrt(sum of squares of contributions(h, i))         [n_heads, n]
// W_O(h): rows h d_head ... (h + 1) d_head - 1 of W_O, d_head of them.
//
// Example: one token, two heads of width 1, z = [[[1]], [[2]]], W_O = [[3, 4], [6, 8]] and
//   b_O = [1, 0] gives contributions = [[[3, 4]], [[12, 16]]], output = [[16, 20]],
//   lengths = [[5], [20]]
//
// Section 6 of the report. z = what head h mixed out of its values, before W_O.
#include "exercises.hpp"

namespace headlight::exercise {

SumTrace sum_over_heads(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  // >>> your code
  return headlight::todo("06.3");
  // <<< your code
}

}  // namespace headlight::exercise
