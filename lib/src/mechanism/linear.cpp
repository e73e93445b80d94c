#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/linear.hpp>

#include "mechanism/rows.hpp"

namespace headlight {
namespace {

using detail::add_scaled;
using detail::dot;

template <class T>
void check(const MatrixOf<T>& q, const MatrixOf<T>& k, const MatrixOf<T>& v, bool causal,
           const char* function) {
  require_shape(q.shape(1) > 0, function, "wanted at least one feature, got " + shape_string(q));
  require_shape(q.shape(1) == k.shape(1), function,
                "features of queries and keys differ: " + shape_string(q) + ", " + shape_string(k));
  require_shape(k.shape(0) == v.shape(0), function,
                "numbers of keys and values differ: " + shape_string(k) + ", " + shape_string(v));
  require_shape(!causal || q.shape(0) == k.shape(0), function,
                "the causal form wants as many queries as keys, got " + shape_string(q) + ", " +
                    shape_string(k));
}

}  // namespace

template <class T>
MatrixOf<T> elu_plus_one(const MatrixOf<T>& x) {
  MatrixOf<T> features = x;
  for (T& f : features) f = f > 0 ? f + 1 : std::exp(f);
  return features;
}

template <class T>
LinearTraceOf<T> linear_attention(const MatrixOf<T>& query_features,
                                  const MatrixOf<T>& key_features, const MatrixOf<T>& value,
                                  bool causal) {
  check(query_features, key_features, value, causal, "linear_attention");
  const std::size_t n_query = query_features.shape(0), n_key = key_features.shape(0);
  const std::size_t r = query_features.shape(1), d_value = value.shape(1);
  LinearTraceOf<T> t;
  t.query_features = query_features, t.key_features = key_features;
  t.state = MatrixOf<T>::from_shape({r, d_value}), t.key_sum = VectorOf<T>::from_shape({r});
  t.normaliser = VectorOf<T>::from_shape({n_query}),
  t.output = MatrixOf<T>::from_shape({n_query, d_value});
  std::fill(t.state.begin(), t.state.end(), T(0)),
      std::fill(t.key_sum.begin(), t.key_sum.end(), T(0));
  t.work.hold(r * d_value);

  const auto take_in = [&](std::size_t j) {  // S += phi(k_j)^T v_j
    for (std::size_t f = 0; f < r; ++f) {
      const T feature = key_features(j, f);
      t.key_sum(f) += feature;
      add_scaled(feature, value.data() + j * d_value, d_value, t.state.data() + f * d_value);
    }
    t.work.multiply_adds += r * d_value;
  };
  const auto read_out = [&](std::size_t i) {  // y_i = phi(q_i) S / phi(q_i) . sum of phi(k)
    const T* features = query_features.data() + i * r;
    const T normaliser = t.normaliser(i) = dot(features, t.key_sum.data(), r);
    T* mixed = t.output.data() + i * d_value;
    std::fill_n(mixed, d_value, T(0));
    for (std::size_t f = 0; f < r; ++f)
      add_scaled(features[f], t.state.data() + f * d_value, d_value, mixed);
    for (std::size_t c = 0; c < d_value; ++c)
      mixed[c] = normaliser == 0 ? T(0) : mixed[c] / normaliser;
    t.work.multiply_adds += r * (d_value + 1);
  };
  if (causal) {
    for (std::size_t i = 0; i < n_query; ++i) take_in(i), read_out(i);
  } else {
    for (std::size_t j = 0; j < n_key; ++j) take_in(j);
    for (std::size_t i = 0; i < n_query; ++i) read_out(i);
  }
  return t;
}

template <class T>
MatrixOf<T> linear_attention_quadratic(const MatrixOf<T>& query_features,
                                       const MatrixOf<T>& key_features, const MatrixOf<T>& value,
                                       bool causal, MatrixOf<T>* pattern) {
  check(query_features, key_features, value, causal, "linear_attention_quadratic");
  const std::size_t n_query = query_features.shape(0), n_key = key_features.shape(0),
                    d_value = value.shape(1);
  MatrixOf<T> weights = MatrixOf<T>::from_shape({n_query, n_key});
  MatrixOf<T> output = MatrixOf<T>::from_shape({n_query, d_value});
  std::fill(output.begin(), output.end(), T(0));
  for (std::size_t i = 0; i < n_query; ++i) {
    T sum = 0;
    for (std::size_t j = 0; j < n_key; ++j) {
      T weight = 0;
      for (std::size_t f = 0; f < key_features.shape(1); ++f)
        weight += query_features(i, f) * key_features(j, f);
      weights(i, j) = causal && j > i ? T(0) : weight;
      sum += weights(i, j);
    }
    for (std::size_t j = 0; j < n_key; ++j) {
      weights(i, j) = sum == 0 ? T(0) : weights(i, j) / sum;
      for (std::size_t c = 0; c < d_value; ++c) output(i, c) += weights(i, j) * value(j, c);
    }
  }
  if (pattern) *pattern = weights;
  return output;
}

#define HEADLIGHT_LINEAR(T)                                                               \
  template MatrixOf<T> elu_plus_one(const MatrixOf<T>&);                                  \
  template LinearTraceOf<T> linear_attention(const MatrixOf<T>&, const MatrixOf<T>&,      \
                                             const MatrixOf<T>&, bool);                   \
  template MatrixOf<T> linear_attention_quadratic(const MatrixOf<T>&, const MatrixOf<T>&, \
                                                  const MatrixOf<T>&, bool, MatrixOf<T>*)
HEADLIGHT_LINEAR(double);
HEADLIGHT_LINEAR(float);
#undef HEADLIGHT_LINEAR

}  // namespace headlight
