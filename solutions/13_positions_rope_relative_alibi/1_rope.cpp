// 13.1  RoPE: queries and keys turn with their position                    25 minutes
//
//   theta_t = base^(-2t / d_head), t = 0 ... d_head/2 - 1       [d_head/2], radians a token
//   query, key: split into heads, then in every row at position p every pair (a, b) of coordinates
//     2t and 2t + 1 becomes (a cos w - b sin w, a sin w + b cos w) with w = p theta_t
//   value: split into heads, not turned.  scores = query key^T / sqrt(d_head), head by head
//
// Example: one head of width 2 (so theta = [1]), query [1, 0] at position 2, key [2, 0] at 1:
//   query = [-0.4161, 0.9093], key = [1.0806, 1.6829], scores = [[0.7641]] = 2 cos(1) / sqrt(2)
//
// Section 13 of the report. Head h owns the columns h d_head ... of query, key and value.
#include "exercises.hpp"

namespace headlight::exercise {

RopeTrace rope(const RopeInput& input) {
  // >>> your code
  const std::size_t n_heads = input.n_heads, width = input.query.shape(1), d_head = width / n_heads;
  RopeTrace trace;
  trace.theta = xt::zeros<double>({d_head / 2});
  // The speeds belong to a head: d_head counts, not the width of all heads. The first pair turns by
  // one radian a token, the last hardly at all.
  for (std::size_t t = 0; t < d_head / 2; ++t)
    trace.theta(t) =
        std::pow(input.base, -2.0 * static_cast<double>(t) / static_cast<double>(d_head));
  const auto turned = [&](const Matrix& x, const Vector& positions) {
    Tensor3 out = xt::zeros<double>({n_heads, x.shape(0), d_head});
    for (std::size_t h = 0; h < n_heads; ++h)
      for (std::size_t i = 0; i < x.shape(0); ++i)
        for (std::size_t t = 0; t < d_head / 2; ++t) {
          const double w = positions(i) * trace.theta(t);
          const double a = x(i, h * d_head + 2 * t), b = x(i, h * d_head + 2 * t + 1);
          out(h, i, 2 * t) = a * std::cos(w) - b * std::sin(w);
          out(h, i, 2 * t + 1) = a * std::sin(w) + b * std::cos(w);
        }
    return out;
  };
  trace.query = turned(input.query, input.query_positions);
  trace.key = turned(input.key, input.key_positions);
  // Values are what is fetched; where they came from is the scores' business.
  const Vector nowhere = xt::zeros<double>({input.value.shape(0)});
  trace.value = turned(input.value, nowhere);
  const std::size_t n_query = input.query.shape(0), n_key = input.key.shape(0);
  trace.scores = xt::zeros<double>({n_heads, n_query, n_key});
  // Turning both by the same angle changes no dot product: only the difference of positions is
  // left.
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        for (std::size_t c = 0; c < d_head; ++c)
          trace.scores(h, i, j) += trace.query(h, i, c) * trace.key(h, j, c);
        trace.scores(h, i, j) /= std::sqrt(static_cast<double>(d_head));
      }
  return trace;
  // Another way: a + ib times cos w + i sin w, with std::complex.
  // <<< your code
}

}  // namespace headlight::exercise
