#include <algorithm>
#include <cmath>
#include <headlight/core/parallel.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/norm.hpp>

#include "core/kernels.hpp"

namespace headlight {

template <class T>
void normalise(const MatrixOf<T>& x, const NormWeightsOf<T>& weights, NormTraceOf<T>& trace,
               std::size_t threads, NormStep first) {
  const std::size_t n = x.shape(0), d = x.shape(1);
  require_shape(weights.gain.size() == d, "normalise",
                "a gain of " + shape_string(weights.gain) + " for rows of " + shape_string(x));
  require_shape(weights.bias.size() == 0 || weights.bias.size() == d, "normalise",
                "a bias of " + shape_string(weights.bias) + " for rows of " + shape_string(x));
  const bool is_layer_norm = weights.kind == Norm::layer;
  const bool has_bias = weights.bias.size() > 0;
  set_shape(trace.mean, std::array{is_layer_norm ? n : 0, std::size_t{1}});
  set_shape(trace.scale, std::array{n, std::size_t{1}});
  set_shape(trace.normalised, std::array{n, d});
  set_shape(trace.output, std::array{n, d});
  const detail::RowKernels<T>& kernels = detail::row_kernels<T>();
  const T* gain = weights.gain.data();
  const T* bias = weights.bias.data();
  const auto normalise_row = [&](std::size_t i) {
    const T* row = x.data() + i * d;
    T* normalised = trace.normalised.data() + i * d;
    T* output = trace.output.data() + i * d;
    if (is_layer_norm && first <= NormStep::mean)
      trace.mean(i, 0) = kernels.sum(row, d) / static_cast<T>(d);
    const T mean = is_layer_norm ? trace.mean(i, 0) : T(0);
    if (first <= NormStep::scale)
      trace.scale(i, 0) =
          std::sqrt(kernels.squares(row, mean, d) / static_cast<T>(d) + weights.epsilon);
    if (first <= NormStep::normalised)
      kernels.normalise(row, mean, trace.scale(i, 0), normalised, d);
    kernels.gain(normalised, gain, has_bias ? bias : nullptr, output, d);
  };
  constexpr std::size_t block = 64;
  parallel_for((n + block - 1) / block, threads, [&](std::size_t b) {
    for (std::size_t i = b * block; i < std::min(n, (b + 1) * block); ++i) normalise_row(i);
  });
}

template void normalise(const Matrix&, const NormWeightsOf<double>&, NormTraceOf<double>&,
                        std::size_t, NormStep);
template void normalise(const MatrixF&, const NormWeightsOf<float>&, NormTraceOf<float>&,
                        std::size_t, NormStep);

}  // namespace headlight
