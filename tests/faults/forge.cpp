// expect: crash
// A submission of 05.1 that writes a verdict without the nonce and leaves.
#include <unistd.h>

#include <cstdio>

#include "exercises.hpp"

namespace headlight::exercise {

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  std::puts("PASS\nEND");
  std::fflush(stdout);
  const std::string lie =
      "{\"case\":\"05.1.worked\",\"status\":\"pass\",\"fraction\":1.0,\"nonce\":\"\"}\n{\"end\":"
      "true,\"lines\":1,\"nonce\":\"\"}\n";
  if (write(3, lie.data(), lie.size()) > 0) _exit(0);
  ScoresTrace trace;
  trace.query = matmul(X, W_Q);
  trace.key = matmul(X, W_K);
  trace.scores =
      matmul(trace.query, transpose(trace.key)) / std::sqrt(static_cast<double>(W_Q.shape(1)));
  return trace;
}

}  // namespace headlight::exercise
