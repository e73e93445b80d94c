#include <algorithm>
#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/routing.hpp>
#include <numeric>
#include <vector>

#include "mechanism/rows.hpp"

namespace headlight {
namespace {

using detail::add_scaled;
using detail::dot;

template <class T>
std::size_t nearest(const MatrixOf<T>& centroids, const T* row) {
  std::size_t best = 0;
  T largest = 0;
  for (std::size_t k = 0; k < centroids.shape(0); ++k) {
    const T near = dot(centroids.data() + k * centroids.shape(1), row, centroids.shape(1));
    if (k == 0 || near > largest) largest = near, best = k;
  }
  return best;
}

template <class T>
MatrixOf<T> affinity(const MatrixOf<T>& centroids, const MatrixOf<T>& x, Work& work) {
  const std::size_t d = x.shape(1);
  const MatrixOf<T> unit = unit_rows(x);
  work.multiply_adds += x.size();
  MatrixOf<T> a = MatrixOf<T>::from_shape({centroids.shape(0), x.shape(0)});
  for (std::size_t k = 0; k < a.shape(0); ++k)
    for (std::size_t i = 0; i < a.shape(1); ++i) {
      a(k, i) = dot(centroids.data() + k * d, unit.data() + i * d, d);
      work.multiply_adds += d;
    }
  return a;
}

// The tokens nearest to each centroid, ties to the earlier token, then put in order of position.
template <class T>
Members choose(const MatrixOf<T>& near, std::size_t members) {
  Members chosen = Members::from_shape({near.shape(0), members});
  std::vector<std::size_t> order(near.shape(1));
  for (std::size_t k = 0; k < near.shape(0); ++k) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return near(k, a) > near(k, b); });
    std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(members));
    std::copy_n(order.begin(), members, chosen.data() + k * members);
  }
  return chosen;
}

}  // namespace

template <class T>
MatrixOf<T> unit_rows(const MatrixOf<T>& x) {
  MatrixOf<T> unit = x;
  const std::size_t d = x.shape(1);
  for (std::size_t i = 0; i < x.shape(0); ++i) {
    T* row = unit.data() + i * d;
    const T length = std::sqrt(dot(row, row, d));
    if (length > 0)
      for (std::size_t c = 0; c < d; ++c) row[c] /= length;
  }
  return unit;
}

template <class T>
MatrixOf<T> update_centroids(const MatrixOf<T>& centroids, const MatrixOf<T>& x, T decay) {
  const std::size_t d = x.shape(1);
  require_shape(centroids.shape(0) > 0, "update_centroids",
                "wanted at least one cluster, got none");
  require_shape(
      centroids.shape(1) == d, "update_centroids",
      "widths of centroids and tokens differ: " + shape_string(centroids) + ", " + shape_string(x));
  if (!(decay >= 0 && decay <= 1))
    throw std::domain_error("update_centroids: wanted a decay in [0, 1], got " +
                            std::to_string(decay));
  const MatrixOf<T> unit = unit_rows(x);
  MatrixOf<T> sum = centroids;
  std::fill(sum.begin(), sum.end(), T(0));
  std::vector<std::size_t> count(centroids.shape(0));
  for (std::size_t i = 0; i < x.shape(0); ++i) {
    const std::size_t k = nearest(centroids, unit.data() + i * d);
    ++count[k];
    for (std::size_t c = 0; c < d; ++c) sum(k, c) += unit(i, c);
  }
  MatrixOf<T> moved = centroids;
  for (std::size_t k = 0; k < count.size(); ++k)
    if (count[k] > 0)
      for (std::size_t c = 0; c < d; ++c)
        moved(k, c) = decay * centroids(k, c) + (1 - decay) * sum(k, c) / static_cast<T>(count[k]);
  return unit_rows(moved);
}

template <class T>
MatrixOf<T> spherical_k_means(const MatrixOf<T>& x, std::size_t n_clusters, std::size_t rounds,
                              std::uint64_t seed) {
  const std::size_t n = x.shape(0), d = x.shape(1);
  require_shape(n_clusters > 0, "spherical_k_means", "wanted at least one cluster, got none");
  require_shape(n_clusters <= n, "spherical_k_means",
                "wanted no more clusters than tokens, got " + std::to_string(n_clusters) + " for " +
                    std::to_string(n));
  Random random(seed);
  std::vector<std::size_t> tokens(n);
  std::iota(tokens.begin(), tokens.end(), std::size_t{0});
  MatrixOf<T> centroids = MatrixOf<T>::from_shape({n_clusters, d});
  for (std::size_t k = 0; k < n_clusters; ++k) {
    std::swap(tokens[k], tokens[k + random.below(n - k)]);
    std::copy_n(x.data() + tokens[k] * d, d, centroids.data() + k * d);
  }
  centroids = unit_rows(centroids);
  for (std::size_t r = 0; r < rounds; ++r) centroids = update_centroids(centroids, x, T(0));
  return centroids;
}

template <class T>
RoutingTraceOf<T> routing_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                    const MatrixOf<T>& value, const MatrixOf<T>& centroids,
                                    const RoutingOptions& options) {
  const char* function = "routing_attention";
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d = query.shape(1),
                    d_value = value.shape(1), n_clusters = centroids.shape(0);
  require_shape(key.shape(1) == d && centroids.shape(1) == d, function,
                "widths of queries, keys and centroids differ: " + shape_string(query) + ", " +
                    shape_string(key) + ", " + shape_string(centroids));
  require_shape(
      value.shape(0) == n_key, function,
      "numbers of keys and values differ: " + shape_string(key) + ", " + shape_string(value));
  require_shape(!options.causal || n_query == n_key, function,
                "the causal form wants as many queries as keys, got " + shape_string(query) + ", " +
                    shape_string(key));
  require_shape(n_clusters > 0, function, "wanted at least one cluster, got none");
  const std::size_t fewest = std::min(n_query, n_key);
  const std::size_t members =
      options.members ? options.members : (fewest + n_clusters - 1) / n_clusters;
  require_shape(members <= fewest && fewest > 0, function,
                "wanted no more members than tokens, got " + std::to_string(members) + " for " +
                    std::to_string(fewest));
  RoutingTraceOf<T> t;
  t.query_affinity = affinity(centroids, query, t.work);
  t.key_affinity = affinity(centroids, key, t.work);
  t.queries = choose(t.query_affinity, members), t.keys = choose(t.key_affinity, members);
  t.times_routed = VectorOf<T>::from_shape({n_query});
  t.output = MatrixOf<T>::from_shape({n_query, d_value});
  std::fill(t.times_routed.begin(), t.times_routed.end(), T(0));
  std::fill(t.output.begin(), t.output.end(), T(0));
  const T scale = T(1) / std::sqrt(static_cast<T>(d));
  std::vector<T> scores(members), pattern(members);
  t.work.hold(members);
  for (std::size_t k = 0; k < n_clusters; ++k)
    for (std::size_t a = 0; a < members; ++a) {
      const std::size_t i = t.queries(k, a);
      std::size_t seen = 0;  // keys are in order of position: the visible ones come first
      for (; seen < members && (!options.causal || t.keys(k, seen) <= i); ++seen) {
        scores[seen] = scale * dot(query.data() + i * d, key.data() + t.keys(k, seen) * d, d);
        t.work.multiply_adds += d;
      }
      if (seen == 0) continue;
      T max = 0, sum = 0;
      softmax_row<T>({scores.data(), seen}, {pattern.data(), seen}, {pattern.data(), seen}, max,
                     sum);
      t.work.exponentials += seen;
      t.times_routed(i) += 1;
      for (std::size_t b = 0; b < seen; ++b) {
        add_scaled(pattern[b], value.data() + t.keys(k, b) * d_value, d_value,
                   t.output.data() + i * d_value);
        t.work.multiply_adds += d_value;
      }
    }
  for (std::size_t i = 0; i < n_query; ++i)
    if (t.times_routed(i) > 0)
      for (std::size_t c = 0; c < d_value; ++c) t.output(i, c) /= t.times_routed(i);
  return t;
}

#define HEADLIGHT_ROUTING(T)                                                           \
  template MatrixOf<T> unit_rows(const MatrixOf<T>&);                                  \
  template MatrixOf<T> spherical_k_means(const MatrixOf<T>&, std::size_t, std::size_t, \
                                         std::uint64_t);                               \
  template MatrixOf<T> update_centroids(const MatrixOf<T>&, const MatrixOf<T>&, T);    \
  template RoutingTraceOf<T> routing_attention(const MatrixOf<T>&, const MatrixOf<T>&, \
                                               const MatrixOf<T>&, const MatrixOf<T>&, \
                                               const RoutingOptions&)
HEADLIGHT_ROUTING(double);
HEADLIGHT_ROUTING(float);
#undef HEADLIGHT_ROUTING

}  // namespace headlight
