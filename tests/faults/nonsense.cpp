// expect: compile
// A submission of 05.1 that does not compile.
#include "exercises.hpp"

namespace headlight::exercise {

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  return Scores(X, W_Q);
}

}  // namespace headlight::exercise
