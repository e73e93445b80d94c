// expect: partial
// A submission of 05.1 that throws.
#include "exercises.hpp"

namespace headlight::exercise {

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  throw std::runtime_error("no idea");
  ScoresTrace trace;
  trace.query = matmul(X, W_Q);
  trace.key = matmul(X, W_K);
  trace.scores =
      matmul(trace.query, transpose(trace.key)) / std::sqrt(static_cast<double>(W_Q.shape(1)));
  return trace;
}

}  // namespace headlight::exercise
