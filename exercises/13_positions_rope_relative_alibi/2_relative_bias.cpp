// 13.2  Relative bias: a number for every offset                           20 minutes
//
//   offset(i, j) = j - p_i, clipped to -reach ... reach            [n_query, n_key]
//   bias(h, i, j) = table(h, offset(i, j) + reach)                 [n_heads, n_query, n_key]
//   scores = query key^T / sqrt(d_head) + bias, head by head; pattern = softmax of every row
// The queries are the last n_query of the n_key positions: p_i = i + n_key - n_query.
// table has 2 reach + 1 columns. Nothing is hidden.
//
// Example: one head of width 1, query [[2]], key [[1], [0], [3]], table [[5, 6, 7]] gives
//   offset = [[-1, -1, 0]], bias = [[5, 5, 6]], scores = [[7, 5, 12]],
//   pattern = [[0.0067, 0.0009, 0.9924]]
// Section 13 of the report (Shaw's clipping, T5's scalar bias).
#include "exercises.hpp"

namespace headlight::exercise {

RelativeTrace relative_bias(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  // >>> your code
  return headlight::todo("13.2");
  // <<< your code
}

}  // namespace headlight::exercise
