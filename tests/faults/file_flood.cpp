// expect: limit
// A submission of 05.1 that fills the disk.
#include <cstdio>

#include "exercises.hpp"

namespace headlight::exercise {

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  std::FILE* file = std::fopen("big", "w");
  const std::string block(1 << 16, 'x');
  for (;;) std::fwrite(block.data(), 1, block.size(), file);
  ScoresTrace trace;
  trace.query = matmul(X, W_Q);
  trace.key = matmul(X, W_K);
  trace.scores =
      matmul(trace.query, transpose(trace.key)) / std::sqrt(static_cast<double>(W_Q.shape(1)));
  return trace;
}

}  // namespace headlight::exercise
