// 04.1  Cross-attention: the target asks, the source answers              20 minutes
//
//   query  = target W_Q               [n_query, d_head]
//   key    = source W_K               [n_key, d_head]      value = source W_V  [n_key, d_value]
//   scores = query key^T / sqrt(d_head)                    [n_query, n_key], no square
//   masked = scores, and -infinity in the columns of padding; pattern = softmax of every row
//   output = pattern value            [n_query, d_value]
//
// Example: target = [[2]], source = [[1], [3], [5]], the last is padding, all weights [[1]], gives
//   scores = [[2, 6, 10]], masked = [[2, 6, -inf]], pattern = [[0.0180, 0.9820, 0]],
//   output = [[2.9640]]
// Section 4 of the report. Scores may be as large as 10000: exp must not overflow.
#include "exercises.hpp"

namespace headlight::exercise {

CrossTrace cross_attend(const Matrix& target, const Matrix& source, const CrossWeights& weights,
                        const std::vector<bool>& is_padding) {
  // >>> your code
  CrossTrace trace;
  // Who asks is the target (a decoder); who is asked is the source (an encoder). That is all that
  // distinguishes cross-attention from self-attention.
  trace.query = matmul(target, weights.W_Q);
  trace.key = matmul(source, weights.W_K);
  trace.value = matmul(source, weights.W_V);
  const double d_head = static_cast<double>(weights.W_Q.shape(1));
  trace.scores = matmul(trace.query, transpose(trace.key)) / std::sqrt(d_head);
  trace.masked = trace.pattern = trace.scores;
  const std::size_t n_query = target.shape(0), n_key = source.shape(0);
  // Padding is a property of keys: a whole column disappears. There is no causal mask, for the
  // whole source is known before the target begins.
  for (std::size_t i = 0; i < n_query; ++i) {
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    for (std::size_t j = 0; j < n_key; ++j) {
      if (is_padding[j]) trace.masked(i, j) = -std::numeric_limits<double>::infinity();
      largest = std::max(largest, trace.masked(i, j));
    }
    for (std::size_t j = 0; j < n_key; ++j)
      total += trace.pattern(i, j) = std::exp(trace.masked(i, j) - largest);
    for (std::size_t j = 0; j < n_key; ++j) trace.pattern(i, j) /= total;
  }
  trace.output = matmul(trace.pattern, trace.value);
  return trace;
  // Another way: cut the padded rows out of the source first, attend, and put zeros back into the
  // pattern.
  // <<< your code
}

}  // namespace headlight::exercise
