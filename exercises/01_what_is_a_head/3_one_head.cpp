// 01.3  One head: softmax(Q K^T / sqrt(d_k)) V                          20 minutes
//
//   query, key, value = X W_Q, X W_K, X W_V     [n, d_k], [n, d_k], [n, d_v]
//   scores  = query key^T / sqrt(d_k)           [n, n], row = who looks, column = at whom
//   pattern = softmax of every row of scores    [n, n]
//   output  = pattern value                     [n, d_v]
//
// Example: X = [[1, 0], [0, 1]], W_Q = [[1, 1, 0, 0], [0, 0, 1, 1]],
//   W_K = [[1, 1, 0, 0], [1, 1, 2, 2]], W_V = [[0], [10]] gives scores = [[1, 1], [0, 2]],
//   pattern = [[0.5, 0.5], [0.1192, 0.8808]], output = [[5], [8.808]]
// No mask: every token sees every token. row_max(a) and row_sum(a) give columns, [n, 1].
// Section 1 of the report.
#include "exercises.hpp"

namespace headlight::exercise {

OneHead one_head(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  // >>> your code
  return headlight::todo("01.3");
  // <<< your code
}

}  // namespace headlight::exercise
