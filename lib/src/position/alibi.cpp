#include <algorithm>
#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/position/alibi.hpp>
#include <vector>

namespace headlight {

template <class T>
VectorOf<T> alibi_slopes(std::size_t n_heads) {
  require_shape(n_heads > 0, "alibi_slopes", "wanted at least one head, got 0");
  std::size_t power = 1;
  while (2 * power <= n_heads) power *= 2;
  const auto slope = [](std::size_t k, std::size_t n) {  // k = 1 ... n
    return static_cast<T>(std::exp2(-8.0 * static_cast<double>(k) / static_cast<double>(n)));
  };
  VectorOf<T> slopes = VectorOf<T>::from_shape({n_heads});
  for (std::size_t h = 0; h < n_heads; ++h)
    slopes(h) = h < power ? slope(h + 1, power) : slope(2 * (h - power) + 1, 2 * power);
  return slopes;
}

template <class T>
Tensor3Of<T> alibi_bias(std::size_t n_heads, std::size_t n_query, std::size_t n_key) {
  require_shape(n_query <= n_key, "alibi_bias",
                "wanted no more queries than keys, got " + std::to_string(n_query) +
                    " queries and " + std::to_string(n_key) + " keys");
  const VectorOf<T> slopes = alibi_slopes<T>(n_heads);
  Tensor3Of<T> bias = Tensor3Of<T>::from_shape({n_heads, n_query, n_key});
  std::vector<T> line(n_query + n_key);  // of all distances; a row is a piece of it
  T* row = bias.data();
  for (std::size_t h = 0; h < n_heads; ++h) {
    for (std::size_t k = 0; k < line.size(); ++k) {
      const T distance = static_cast<T>(n_key - 1) - static_cast<T>(k);
      line[k] = -slopes(h) * distance;
    }
    for (std::size_t i = 0; i < n_query; ++i, row += n_key)
      std::copy_n(line.data() + n_query - 1 - i, n_key, row);
  }
  return bias;
}

template Vector alibi_slopes(std::size_t);
template VectorF alibi_slopes(std::size_t);
template Tensor3 alibi_bias(std::size_t, std::size_t, std::size_t);
template Tensor3F alibi_bias(std::size_t, std::size_t, std::size_t);

}  // namespace headlight
