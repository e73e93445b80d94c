#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/performer.hpp>
#include <limits>

namespace headlight {
namespace {

double length(const double* a, std::size_t d) {
  double square = 0;
  for (std::size_t c = 0; c < d; ++c) square += a[c] * a[c];
  return std::sqrt(square);
}

template <class T>
void check(const MatrixOf<T>& x, const MatrixOf<T>& directions, const char* function) {
  require_shape(directions.shape(0) > 0, function,
                "wanted at least one feature, got directions " + shape_string(directions));
  require_shape(x.shape(1) == directions.shape(1), function,
                "widths of vectors and directions differ: " + shape_string(x) + ", " +
                    shape_string(directions));
}

// W x' - |x'|^2 / 2
template <class T>
MatrixOf<T> exponents(const MatrixOf<T>& x, const MatrixOf<T>& directions, Work& work) {
  const std::size_t n = x.shape(0), d = x.shape(1), m = directions.shape(0);
  const T shrink = static_cast<T>(std::pow(static_cast<double>(d), -0.25));
  MatrixOf<T> e = MatrixOf<T>::from_shape({n, m});
  for (std::size_t i = 0; i < n; ++i) {
    const T* row = x.data() + i * d;
    T square = 0;
    for (std::size_t c = 0; c < d; ++c) square += row[c] * row[c];
    work.multiply_adds += d;
    for (std::size_t f = 0; f < m; ++f) {
      const T* direction = directions.data() + f * d;
      T along = 0;
      for (std::size_t c = 0; c < d; ++c) along += direction[c] * row[c];
      e(i, f) = shrink * along - shrink * shrink * square / 2;
      work.multiply_adds += d;
    }
  }
  return e;
}

// exp(e - e of `largest`) / sqrt(m)
template <class T>
void features_of_row(const T* e, T largest, std::size_t m, T* features, Work& work) {
  const T share = 1 / std::sqrt(static_cast<T>(m));
  for (std::size_t f = 0; f < m; ++f) features[f] = share * std::exp(e[f] - largest);
  work.exponentials += m;
}

template <class T>
T largest_of(const T* begin, const T* end) {
  T largest = -std::numeric_limits<T>::infinity();
  for (; begin != end; ++begin) largest = std::max(largest, *begin);
  return std::isfinite(largest) ? largest : T(0);
}

}  // namespace

template <class T>
MatrixOf<T> orthogonal_directions(std::size_t d_features, std::size_t d_head, std::uint64_t seed) {
  require_shape(d_features > 0 && d_head > 0, "orthogonal_directions",
                "wanted at least one feature and one column, got " + std::to_string(d_features) +
                    " x " + std::to_string(d_head));
  Random random(seed);
  MatrixOf<T> directions = MatrixOf<T>::from_shape({d_features, d_head});
  for (std::size_t first = 0; first < d_features; first += d_head) {
    // Gram and Schmidt's rows are those of the QR decomposition whose diagonal is positive. Twice,
    // so that rounding leaves them orthogonal.
    Matrix block = random_matrix(random, d_head, d_head);
    for (std::size_t r = 0; r < d_head; ++r) {
      double* row = block.data() + r * d_head;
      for (int pass = 0; pass < 2; ++pass) {
        for (std::size_t before = 0; before < r; ++before) {
          const double* other = block.data() + before * d_head;
          double along = 0;
          for (std::size_t c = 0; c < d_head; ++c) along += row[c] * other[c];
          for (std::size_t c = 0; c < d_head; ++c) row[c] -= along * other[c];
        }
        const double size = length(row, d_head);
        for (std::size_t c = 0; c < d_head; ++c) row[c] /= size;
      }
    }
    const Matrix sizes = random_matrix(random, d_head, d_head);
    for (std::size_t r = 0; r < d_head && first + r < d_features; ++r) {
      const double size = length(sizes.data() + r * d_head, d_head);
      for (std::size_t c = 0; c < d_head; ++c)
        directions(first + r, c) = static_cast<T>(size * block(r, c));
    }
  }
  return directions;
}

template <class T>
MatrixOf<T> favor_features(const MatrixOf<T>& x, const MatrixOf<T>& directions) {
  check(x, directions, "favor_features");
  Work work;
  MatrixOf<T> features = exponents(x, directions, work);
  for (std::size_t i = 0; i < features.shape(0); ++i) {
    T* row = features.data() + i * features.shape(1);
    features_of_row(row, T(0), features.shape(1), row, work);
  }
  return features;
}

template <class T>
PerformerTraceOf<T> performer_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                        const MatrixOf<T>& value, const MatrixOf<T>& directions,
                                        bool causal) {
  check(query, directions, "performer_attention");
  check(key, directions, "performer_attention");
  const std::size_t m = directions.shape(0);
  PerformerTraceOf<T> t;
  Work work;
  t.query_exponents = exponents(query, directions, work);
  t.key_exponents = exponents(key, directions, work);
  MatrixOf<T> query_features = t.query_exponents, key_features = t.key_exponents;
  for (std::size_t i = 0; i < query.shape(0); ++i) {
    const T* e = t.query_exponents.data() + i * m;
    features_of_row(e, largest_of(e, e + m), m, query_features.data() + i * m, work);
  }
  // A later key must not change what an earlier query reads, so causal keys keep their own scale.
  const T* all = t.key_exponents.data();
  const T largest = causal ? T(0) : largest_of(all, all + t.key_exponents.size());
  for (std::size_t j = 0; j < key.shape(0); ++j)
    features_of_row(all + j * m, largest, m, key_features.data() + j * m, work);
  static_cast<LinearTraceOf<T>&>(t) = linear_attention(query_features, key_features, value, causal);
  t.work.multiply_adds += work.multiply_adds;
  t.work.exponentials += work.exponentials;
  t.work.hold(std::max(query_features.size(), key_features.size()));
  return t;
}

#define HEADLIGHT_PERFORMER(T)                                                             \
  template MatrixOf<T> orthogonal_directions(std::size_t, std::size_t, std::uint64_t);     \
  template MatrixOf<T> favor_features(const MatrixOf<T>&, const MatrixOf<T>&);             \
  template PerformerTraceOf<T> performer_attention(const MatrixOf<T>&, const MatrixOf<T>&, \
                                                   const MatrixOf<T>&, const MatrixOf<T>&, bool)
HEADLIGHT_PERFORMER(double);
HEADLIGHT_PERFORMER(float);
#undef HEADLIGHT_PERFORMER

}  // namespace headlight
