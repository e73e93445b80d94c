// 05.1  Scores: who looks at whom                                    10 minutes
//
//   query  = X W_Q                        [n, d_head]
//   key    = X W_K                        [n, d_head]
//   scores = query key^T / sqrt(d_head)   [n, n], row = who looks, column = at whom
//
// Example: X = [[1, 0], [0, 1]], W_Q = [[2, 0], [0, 2]], W_K = [[1, 1], [0, 1]] gives
//   query = [[2, 0], [0, 2]], key = [[1, 1], [0, 1]], scores = [[1.4142, 0], [1.4142, 1.4142]]
//
// Section 5 of the report. matmul(a, b) and transpose(a) are there; so are plain loops.
#include "exercises.hpp"

namespace headlight::exercise {

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  // >>> your code
  ScoresTrace trace;
  trace.query = matmul(X, W_Q);
  trace.key = matmul(X, W_K);
  // The width of a head, not of the model: a dot product of d_head terms of variance one has
  // variance d_head, and the division brings it back to one. Dividing once is enough; the report
  // divides again inside the softmax.
  const double d_head = static_cast<double>(W_Q.shape(1));
  trace.scores = matmul(trace.query, transpose(trace.key)) / std::sqrt(d_head);
  return trace;
  // Another way: scale the query before the product; it costs n * d_head divisions instead of n *
  // n.
  // <<< your code
}

}  // namespace headlight::exercise
