#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/hydra.hpp>

namespace headlight {
namespace {

template <class T>
MatrixOf<T> directions(const MatrixOf<T>& x, Work& work) {
  MatrixOf<T> unit = x;
  for (std::size_t i = 0; i < x.shape(0); ++i) {
    T square = 0;
    for (std::size_t c = 0; c < x.shape(1); ++c) square += x(i, c) * x(i, c);
    work.multiply_adds += x.shape(1);
    if (square > 0)
      for (std::size_t c = 0; c < x.shape(1); ++c) unit(i, c) /= std::sqrt(square);
  }
  return unit;
}

}  // namespace

template <class T>
HydraTraceOf<T> hydra_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                const MatrixOf<T>& value, bool causal) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d = query.shape(1);
  require_shape(d > 0, "hydra_attention",
                "wanted at least one feature, got " + shape_string(query));
  require_shape(key.shape(1) == d && value.shape() == key.shape(), "hydra_attention",
                "widths of queries, keys and values differ: " + shape_string(query) + ", " +
                    shape_string(key) + ", " + shape_string(value));
  require_shape(!causal || n_query == n_key, "hydra_attention",
                "the causal form wants as many queries as keys, got " + shape_string(query) + ", " +
                    shape_string(key));
  HydraTraceOf<T> t;
  t.query_features = directions(query, t.work), t.key_features = directions(key, t.work);
  t.state = VectorOf<T>::from_shape({d});
  t.output = MatrixOf<T>::from_shape({n_query, d});
  std::fill(t.state.begin(), t.state.end(), T(0));
  t.work.hold(d);
  const auto take_in = [&](std::size_t j) {
    for (std::size_t c = 0; c < d; ++c) t.state(c) += t.key_features(j, c) * value(j, c);
    t.work.multiply_adds += d;
  };
  const auto read_out = [&](std::size_t i) {
    for (std::size_t c = 0; c < d; ++c) t.output(i, c) = t.query_features(i, c) * t.state(c);
    t.work.multiply_adds += d;
  };
  if (causal) {
    for (std::size_t i = 0; i < n_query; ++i) take_in(i), read_out(i);
  } else {
    for (std::size_t j = 0; j < n_key; ++j) take_in(j);
    for (std::size_t i = 0; i < n_query; ++i) read_out(i);
  }
  return t;
}

template HydraTraceOf<double> hydra_attention(const Matrix&, const Matrix&, const Matrix&, bool);
template HydraTraceOf<float> hydra_attention(const MatrixF&, const MatrixF&, const MatrixF&, bool);

}  // namespace headlight
