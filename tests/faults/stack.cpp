// expect: crash
// A submission of 05.1 that recurses for ever.
#include "exercises.hpp"

namespace headlight::exercise {

static double deeper(double x) {
  volatile double room[1024] = {x};
  return deeper(room[0] + 1) + room[0];
}

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  if (deeper(1) > 0) throw std::runtime_error("never");
  ScoresTrace trace;
  trace.query = matmul(X, W_Q);
  trace.key = matmul(X, W_K);
  trace.scores =
      matmul(trace.query, transpose(trace.key)) / std::sqrt(static_cast<double>(W_Q.shape(1)));
  return trace;
}

}  // namespace headlight::exercise
