#include <headlight/core/shape.hpp>
#include <headlight/layer/softmax.hpp>

#include "core/kernels.hpp"

namespace headlight {

template <class T>
void softmax_row(std::span<const T> scores, std::span<T> exp, std::span<T> pattern, T& max,
                 T& sum) {
  const detail::RowKernels<T>& kernels = detail::row_kernels<T>();
  const std::size_t n = scores.size();
  max = kernels.max(scores.data(), n);             // -inf in a fully hidden row
  kernels.exp(scores.data(), max, exp.data(), n);  // exactly zero where hidden
  sum = kernels.sum(exp.data(), n);
  kernels.divide(exp.data(), sum, pattern.data(), n);  // zero when the sum is zero
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
