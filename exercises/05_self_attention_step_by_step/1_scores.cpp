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
  return headlight::todo("05.1");
  // <<< your code
}

}  // namespace headlight::exercise
