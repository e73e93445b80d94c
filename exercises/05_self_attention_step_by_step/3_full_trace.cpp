// 05.3  Full trace: the whole of section 5                             25 minutes
//
//   query, key, value = X W_Q, X W_K, X W_V                     [n, d_head]
//   scores = query key^T / sqrt(d_head), masked = the future at -infinity, pattern = row softmax
//   z = pattern value, attention = z W_O, residual = X + attention        [n, d_model]
//   normalised = gain * (residual - mean) / sqrt(variance + 1e-5) + bias, for every row
//
// Example: one token X = [[1, 3]], W_V = [[1], [0]], W_O = [[0, 2]], gain 1, bias 0 gives
//   pattern = [[1]], z = [[1]], attention = [[0, 2]], residual = [[1, 5]], normalised = [[-1, 1]]
//
// The variance is the mean of squared differences: divided by d_model, not by d_model - 1.
#include "exercises.hpp"

namespace headlight::exercise {

FullTrace full_trace(const Matrix& X, const BlockWeights& weights) {
  // >>> your code
  return headlight::todo("05.3");
  // <<< your code
}

}  // namespace headlight::exercise
