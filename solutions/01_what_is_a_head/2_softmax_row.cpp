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
  SoftmaxTrace trace{scores, scores, scores};
  const std::size_t n_query = scores.shape(0), n_key = scores.shape(1);
  for (std::size_t i = 0; i < n_query; ++i) {
    // Each row is a question of its own, so each has its own largest score. Taking it off divides
    // above and below by the same number: the pattern stays, and exp never sees more than 0.
    double largest = scores(i, 0), total = 0;
    for (std::size_t j = 0; j < n_key; ++j) largest = std::max(largest, scores(i, j));
    for (std::size_t j = 0; j < n_key; ++j) {
      trace.shifted(i, j) = scores(i, j) - largest;
      total += trace.weight(i, j) = std::exp(trace.shifted(i, j));
    }
    for (std::size_t j = 0; j < n_key; ++j) trace.pattern(i, j) = trace.weight(i, j) / total;
  }
  return trace;
  // Another way: row_max and row_sum give columns [n_query, 1], so shifted = scores -
  // row_max(scores) and pattern = weight / row_sum(weight) are one line each.
  // <<< your code
}

}  // namespace headlight::exercise
