// 06.2  The output projection, and how to do without it                    20 minutes
//
//   concatenated = [ z(0) | z(1) | ... ]     [n, n_heads d_head]
//   mixed        = concatenated W_O          [n, d_out]
//   output       = mixed + b_O               [n, d_out], b_O is added to every token
//   folded(h)    = W_V(h) W_O(h)             [n_heads, d_model, d_out]
// W_V(h): columns h d_head ... of W_V. W_O(h): rows h d_head ... of W_O.
//
// Example: one token, two heads of width 1, z = [[[1]], [[2]]], W_V = [[1, 2], [0, 1]],
//   W_O = [[3, 4], [5, 6]], b_O = [1, 0] gives concatenated = [[1, 2]], mixed = [[13, 16]],
//   output = [[14, 16]], folded = [[[3, 4], [0, 0]], [[10, 12], [5, 6]]]
// Section 6 of the report. d_out may differ from n_heads d_head: W_O need not be square.
#include "exercises.hpp"

namespace headlight::exercise {

OutputTrace w_o(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O) {
  // >>> your code
  return headlight::todo("06.2");
  // <<< your code
}

}  // namespace headlight::exercise
