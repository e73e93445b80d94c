// 18.1  Saturation: what large scores leave of the gradient              20 minutes
//
//   raw_scores = query . key, scores = raw_scores / sqrt(d_head)        [n_query, n_key]
//   raw_pattern, pattern = softmax of every row of the one and of the other
//   raw_norm, norm = of every row p of the one and of the other the root of the sum of squares of
//                    all cells of diag(p) - p p^T, its softmax Jacobian [n_query]
//   left = mean of raw_norm / mean of norm
//
// Example: query [[1, 1, 1, 1]], key [[0, 0, 0, 0], [a, a, a, a]] with a = 0.5493 give raw_scores
//   [[0, 2.1972]], raw_pattern [[0.1, 0.9]], pattern [[0.25, 0.75]], raw_norm [0.18], norm [0.375],
//   left 0.48. Section 18 of the report. Scores may be as large as 1000.
#include "exercises.hpp"

namespace headlight::exercise {

SaturationTrace saturation(const Matrix& query, const Matrix& key) {
  // >>> your code
  return headlight::todo("18.1");
  // <<< your code
}

}  // namespace headlight::exercise
