// 01.1  Project: three matrices of every token                          5 minutes
//
//   query = X W_Q   [n, d_k]     what a token looks for
//   key   = X W_K   [n, d_k]     what it can be found by
//   value = X W_V   [n, d_v]     what it gives to whoever finds it
//
// Example: X = [[1, 2]], W_Q = [[1, 1], [0, 1]], W_K = [[0, 1], [1, 0]], W_V = [[1], [10]] gives
//   query = [[1, 3]], key = [[2, 1]], value = [[21]]
//
// Section 1 of the report. Tokens are rows. matmul(a, b) is there; so are plain loops.
#include "exercises.hpp"

namespace headlight::exercise {

Projections project(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  // >>> your code
  // One row of X is one token, so it stands on the left: every token meets the same three matrices
  // and none meets another token. d_v is a width of its own; nothing asks it to be d_k.
  return {matmul(X, W_Q), matmul(X, W_K), matmul(X, W_V)};
  // Another way: put W_Q, W_K and W_V side by side, multiply once and cut the product. That is how
  // fast implementations do it.
  // <<< your code
}

}  // namespace headlight::exercise
