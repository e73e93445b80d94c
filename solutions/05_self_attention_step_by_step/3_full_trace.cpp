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
  FullTrace trace;
  trace.query = matmul(X, weights.W_Q);
  trace.key = matmul(X, weights.W_K);
  trace.value = matmul(X, weights.W_V);
  const std::size_t n = X.shape(0), d_model = X.shape(1);
  const double d_head = static_cast<double>(weights.W_Q.shape(1));
  trace.scores = matmul(trace.query, transpose(trace.key)) / std::sqrt(d_head);
  trace.masked = trace.pattern = trace.scores;
  for (std::size_t i = 0; i < n; ++i) {
    double largest = trace.scores(i, 0), total = 0;
    for (std::size_t j = 0; j < n; ++j)
      if (j > i)
        trace.masked(i, j) = -std::numeric_limits<double>::infinity();
      else
        largest = std::max(largest, trace.scores(i, j));
    for (std::size_t j = 0; j < n; ++j)
      total += trace.pattern(i, j) = std::exp(trace.masked(i, j) - largest);
    for (std::size_t j = 0; j < n; ++j) trace.pattern(i, j) /= total;
  }
  trace.z = matmul(trace.pattern, trace.value);
  trace.attention = matmul(trace.z, weights.W_O);
  // The input is added to what attention wrote, so that a block can also do nothing at all.
  trace.residual = X + trace.attention;
  // LayerNorm comes after the addition here (post-norm, as in 2017); GPT-2 puts it before.
  trace.normalised = trace.residual;
  for (std::size_t i = 0; i < n; ++i) {
    double mean = 0, variance = 0;
    for (std::size_t c = 0; c < d_model; ++c) mean += trace.residual(i, c);
    mean /= static_cast<double>(d_model);
    for (std::size_t c = 0; c < d_model; ++c)
      variance += (trace.residual(i, c) - mean) * (trace.residual(i, c) - mean);
    variance /= static_cast<double>(d_model);
    for (std::size_t c = 0; c < d_model; ++c)
      trace.normalised(i, c) =
          weights.gain(c) * (trace.residual(i, c) - mean) / std::sqrt(variance + 1e-5) +
          weights.bias(c);
  }
  return trace;
  // Another way: W_V W_O first, one matrix of rank d_head that says what a head writes.
  // <<< your code
}

}  // namespace headlight::exercise
