// 01.2  Softmax of rows: from scores to a pattern                       10 minutes
//
//   shifted(i, j) = scores(i, j) - the largest score of row i     [n_query, n_key]
//   weight(i, j)  = e^shifted(i, j)                               [n_query, n_key]
//   pattern(i, j) = weight(i, j) / the sum of weight over row i   [n_query, n_key]
//
// Example: scores = [[ln 1, ln 2, ln 5]] = [[0, 0.6931, 1.6094]] gives
//   shifted = [[-1.6094, -0.9163, 0]], weight = [[0.2, 0.4, 1]], pattern = [[0.125, 0.25, 0.625]]
//
// Scores may be as large as 1000; -infinity hides a key (its weight is 0). row_max(a) and
// row_sum(a) give columns, [n_query, 1]. Section 1 of the report.
#include "exercises.hpp"

namespace headlight::exercise {

SoftmaxTrace softmax_row(const Matrix& scores) {
  // >>> your code
  return headlight::todo("01.2");
  // <<< your code
}

}  // namespace headlight::exercise
