// expect: partial
// A submission of 05.1 that a wrong answer, as a control.
#include "exercises.hpp"

namespace headlight::exercise {

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  ScoresTrace trace;
  trace.query = matmul(X, W_Q);
  trace.key = matmul(X, W_K);
  trace.scores = matmul(trace.query, transpose(trace.key));
  return trace;
}

}  // namespace headlight::exercise
