#include <algorithm>
#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/position/t5_bias.hpp>
#include <stdexcept>
#include <vector>

namespace headlight {

std::size_t t5_bucket(std::ptrdiff_t offset, const T5Buckets& buckets) {
  const std::size_t directions = buckets.bidirectional ? 2 : 1;
  const std::size_t count = buckets.n_buckets / directions;  // of one direction
  const std::size_t exact = count / 2;
  if (buckets.n_buckets % directions != 0 || exact == 0 || buckets.max_distance <= exact)
    throw std::domain_error(
        "t5_bucket: wanted at least two buckets a direction and a largest distance above the exact "
        "ones, got " +
        std::to_string(buckets.n_buckets) + " buckets and " + std::to_string(buckets.max_distance));
  const bool later = offset > 0;
  const std::size_t side = buckets.bidirectional && later ? count : 0;
  if (later && !buckets.bidirectional) return 0;
  const std::size_t distance = static_cast<std::size_t>(later ? offset : -offset);
  if (distance < exact) return side + distance;
  // log2 of 16, 32, 64 is exact, so a boundary on a power of two is met; the small number keeps
  // the other whole boundaries in their bucket whatever way the logarithm rounds.
  const double far = static_cast<double>(distance), near = static_cast<double>(exact);
  const double reach = static_cast<double>(buckets.max_distance);
  const double share = std::log2(far / near) / std::log2(reach / near);  // 0 at exact, 1 at reach
  const double steps = std::floor(share * static_cast<double>(count - exact) + 1e-9);
  return side + std::min(exact + static_cast<std::size_t>(steps), count - 1);
}

template <class T>
Tensor3Of<T> t5_bias(const MatrixOf<T>& table, std::size_t n_query, std::size_t n_key,
                     const T5Buckets& buckets) {
  require_shape(table.shape(0) == buckets.n_buckets, "t5_bias",
                "wanted a row for each of " + std::to_string(buckets.n_buckets) +
                    " buckets, got a table " + shape_string(table));
  require_shape(n_query <= n_key, "t5_bias",
                "wanted no more queries than keys, got " + std::to_string(n_query) +
                    " queries and " + std::to_string(n_key) + " keys");
  const std::size_t n_heads = table.shape(1);
  std::vector<std::size_t> bucket(2 * n_key);  // of the offsets from 1 - n_key on
  for (std::size_t k = 0; k < bucket.size(); ++k)
    bucket[k] =
        t5_bucket(static_cast<std::ptrdiff_t>(k + 1) - static_cast<std::ptrdiff_t>(n_key), buckets);
  Tensor3Of<T> bias = Tensor3Of<T>::from_shape({n_heads, n_query, n_key});
  std::vector<T> line(bucket.size());  // a row is a piece of it
  T* row = bias.data();
  for (std::size_t h = 0; h < n_heads; ++h) {
    for (std::size_t k = 0; k < line.size(); ++k) line[k] = table.data()[bucket[k] * n_heads + h];
    for (std::size_t i = 0; i < n_query; ++i, row += n_key) {
      const std::size_t position = i + n_key - n_query;
      std::copy_n(line.data() + n_key - 1 - position, n_key, row);
    }
  }
  return bias;
}

template Tensor3 t5_bias(const Matrix&, std::size_t, std::size_t, const T5Buckets&);
template Tensor3F t5_bias(const MatrixF&, std::size_t, std::size_t, const T5Buckets&);

}  // namespace headlight
