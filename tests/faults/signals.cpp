// expect: timeout
// A submission of 05.1 that ignores every signal and never ends.
#include <csignal>

#include "exercises.hpp"

namespace headlight::exercise {

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  for (int i = 1; i < 65; ++i) std::signal(i, SIG_IGN);
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
