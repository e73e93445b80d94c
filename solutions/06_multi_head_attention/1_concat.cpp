// 06.1  Concatenation: split into heads, mix, lay side by side             15 minutes
//
//   value(h)     = X W_V(h)             [n_heads, n, d_head]   W_V(h): columns h d_head ... of W_V
//   z(h)         = pattern(h) value(h)  [n_heads, n, d_head]
//   concatenated = [ z(0) | z(1) | ... ]                       [n, n_heads d_head]
//
// Example: X = [[1, 2], [3, 4]], W_V = [[1, 0], [0, 2]], two heads of width 1 with the patterns
//   [[1, 0], [0, 1]] and [[0.5, 0.5], [0, 1]], gives
//   value = [[[1], [3]], [[4], [8]]], z = [[[1], [3]], [[6], [8]]], concatenated = [[1, 6], [3, 8]]
//
// Section 6 of the report. n_heads = pattern.shape(0), d_head = W_V.shape(1) / n_heads.
#include "exercises.hpp"

namespace headlight::exercise {

ConcatTrace concat(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  // >>> your code
  const std::size_t n = X.shape(0), n_heads = pattern.shape(0), d_head = W_V.shape(1) / n_heads;
  ConcatTrace trace;
  trace.value = trace.z = xt::zeros<double>({n_heads, n, d_head});
  trace.concatenated = xt::zeros<double>({n, n_heads * d_head});
  // The whole X is projected; what is split is the result. A head sees all of the embedding,
  // through its own columns of W_V.
  const Matrix all = matmul(X, W_V);
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) trace.value(h, i, c) = all(i, h * d_head + c);
  // In memory the heads are one below the other; a reshape alone would take rows for heads. That is
  // why libraries transpose before and after.
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) {
        for (std::size_t j = 0; j < n; ++j)
          trace.z(h, i, c) += pattern(h, i, j) * trace.value(h, j, c);
        trace.concatenated(i, h * d_head + c) = trace.z(h, i, c);
      }
  return trace;
  // Another way: reshape X W_V to [n, n_heads, d_head], exchange the first two axes, multiply all
  // heads at once, exchange the axes back, reshape.
  // <<< your code
}

}  // namespace headlight::exercise
