#include <cmath>
#include <headlight/analysis/entropy.hpp>
#include <headlight/core/shape.hpp>

namespace headlight {

double entropy(std::span<const double> p) {
  double sum = 0;
  for (const double x : p)
    if (x > 0) sum -= x * std::log(x);
  return sum;
}

double mean_entropy(const Matrix& pattern) {
  const std::size_t n = pattern.shape(0), keys = pattern.shape(1);
  require_shape(n >= 2 && keys == n, "mean_entropy",
                "wanted a square pattern of two tokens or more, got " + shape_string(pattern));
  double sum = 0;
  for (std::size_t i = 1; i < n; ++i)
    sum += entropy({pattern.data() + i * keys, keys}) / std::log(static_cast<double>(i + 1));
  return sum / static_cast<double>(n - 1);
}

}  // namespace headlight
