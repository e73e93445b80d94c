// expect: timeout
// A submission of 05.1 that never ends.
#include "exercises.hpp"

namespace headlight::exercise {

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  for (volatile std::size_t i = 0;; i = i + 1) {
  }
  ScoresTrace trace;
  trace.query = matmul(X, W_Q);
  trace.key = matmul(X, W_K);
  trace.scores =
      matmul(trace.query, transpose(trace.key)) / std::sqrt(static_cast<double>(W_Q.shape(1)));
  return trace;
}

}  // namespace headlight::exercise
