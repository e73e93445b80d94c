// expect: pass
// A submission of 05.1 that right, but deletes what it finds in its working directory.
#include <filesystem>

#include "exercises.hpp"

namespace headlight::exercise {

ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::current_path()))
    std::filesystem::remove_all(entry);
  ScoresTrace trace;
  trace.query = matmul(X, W_Q);
  trace.key = matmul(X, W_K);
  trace.scores =
      matmul(trace.query, transpose(trace.key)) / std::sqrt(static_cast<double>(W_Q.shape(1)));
  return trace;
}

}  // namespace headlight::exercise
