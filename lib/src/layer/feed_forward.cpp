#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/layer/feed_forward.hpp>

#include "core/kernels.hpp"

namespace headlight {

template <class T>
void activate(Activation kind, std::span<const T> x, std::span<T> y) {
  require_shape(x.size() == y.size(), "activate",
                "input of " + std::to_string(x.size()) + ", output of " + std::to_string(y.size()));
  switch (kind) {
    case Activation::gelu:
      for (std::size_t i = 0; i < x.size(); ++i)
        y[i] = x[i] / 2 * (1 + std::erf(x[i] / T(1.4142135623730950488)));
      break;
    case Activation::gelu_new:
      detail::row_kernels<T>().gelu_new(x.data(), y.data(), x.size());
      break;
    case Activation::relu:
      // written so that NaN stays NaN
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] < 0 ? T(0) : x[i];
      break;
  }
}

template void activate(Activation, std::span<const double>, std::span<double>);
template void activate(Activation, std::span<const float>, std::span<float>);

}  // namespace headlight
