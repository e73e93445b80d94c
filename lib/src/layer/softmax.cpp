#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/layer/softmax.hpp>
#include <limits>

namespace headlight {

template <class T>
void softmax_row(std::span<const T> scores, std::span<T> exp, std::span<T> pattern, T& max,
                 T& sum) {
  const std::size_t n = scores.size();
  max = -std::numeric_limits<T>::infinity();
  for (std::size_t j = 0; j < n; ++j) {
    if (scores[j] > max) max = scores[j];
  }
  sum = 0;
  if (max == -std::numeric_limits<T>::infinity()) {
    // Nothing above -inf: every key is hidden (a zero row), unless a NaN stands among the scores.
    for (std::size_t j = 0; j < n; ++j) {
      exp[j] = std::isnan(scores[j]) ? scores[j] : T(0);
      sum += exp[j];
    }
    for (std::size_t j = 0; j < n; ++j) pattern[j] = std::isnan(sum) ? sum : T(0);
    if (std::isnan(sum)) max = sum;
    return;
  }
  for (std::size_t j = 0; j < n; ++j) {
    exp[j] = std::exp(scores[j] - max);
    sum += exp[j];
  }
  for (std::size_t j = 0; j < n; ++j) pattern[j] = exp[j] / sum;
}

template <class T>
SoftmaxTraceOf<T> softmax_trace(const MatrixOf<T>& scores) {
  const std::size_t n_query = scores.shape(0), n_key = scores.shape(1);
  SoftmaxTraceOf<T> trace;
  set_shape(trace.max, std::array{n_query, std::size_t{1}});
  set_shape(trace.exp, std::array{n_query, n_key});
  set_shape(trace.sum, std::array{n_query, std::size_t{1}});
  set_shape(trace.pattern, std::array{n_query, n_key});
  for (std::size_t i = 0; i < n_query; ++i) {
    softmax_row<T>({scores.data() + i * n_key, n_key}, {trace.exp.data() + i * n_key, n_key},
                   {trace.pattern.data() + i * n_key, n_key}, trace.max(i, 0), trace.sum(i, 0));
  }
  return trace;
}

template <class T>
MatrixOf<T> softmax_rows(const MatrixOf<T>& scores) {
  return softmax_trace(scores).pattern;
}

template void softmax_row(std::span<const double>, std::span<double>, std::span<double>, double&,
                          double&);
template void softmax_row(std::span<const float>, std::span<float>, std::span<float>, float&,
                          float&);
template SoftmaxTraceOf<double> softmax_trace(const Matrix&);
template SoftmaxTraceOf<float> softmax_trace(const MatrixF&);
template Matrix softmax_rows(const Matrix&);
template MatrixF softmax_rows(const MatrixF&);

}  // namespace headlight
