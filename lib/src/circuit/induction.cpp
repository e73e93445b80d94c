#include <cmath>
#include <headlight/circuit/induction.hpp>
#include <headlight/core/shape.hpp>

namespace headlight {
namespace {

constexpr double sharp = 40;  // score of a match after scaling: e^-40 is what the others keep

template <class T>
MatrixOf<T> zeros(std::size_t rows, std::size_t columns) {
  MatrixOf<T> a({rows, columns});
  std::fill(a.begin(), a.end(), T(0));
  return a;
}

}  // namespace

template <class T>
ModelWeightsOf<T> induction_by_hand(std::size_t vocabulary, std::size_t n_context) {
  require_shape(vocabulary > 0 && n_context > 0, "induction_by_hand",
                "wanted at least one token and one position, got " + std::to_string(vocabulary) +
                    " and " + std::to_string(n_context));
  const std::size_t V = vocabulary, C = n_context;
  const std::size_t token = 0, position = V, before = V + C, answer = 2 * V + C, d = 3 * V + C;
  ModelWeightsOf<T> w;
  w.n_context = C;
  w.W_E = zeros<T>(V, d), w.W_pos = zeros<T>(C, d), w.W_U = zeros<T>(V, d);
  for (std::size_t t = 0; t < V; ++t) w.W_E(t, token + t) = 1, w.W_U(t, answer + t) = T(10);
  for (std::size_t p = 0; p < C; ++p) w.W_pos(p, position + p) = 1;

  BlockWeightsOf<T> previous_token;
  MultiHeadWeightsOf<T>& a = previous_token.attention;
  a.W_Q = zeros<T>(d, C), a.W_K = zeros<T>(d, C), a.W_V = zeros<T>(d, V), a.W_O = zeros<T>(V, d);
  for (std::size_t p = 0; p < C; ++p) {
    a.W_Q(position + p, p) = static_cast<T>(sharp * std::sqrt(static_cast<double>(C)));
    if (p + 1 < C) a.W_K(position + p, p + 1) = 1;  // position p answers to the query of p + 1
  }
  for (std::size_t t = 0; t < V; ++t) a.W_V(token + t, t) = 1, a.W_O(t, before + t) = 1;

  BlockWeightsOf<T> induction;
  MultiHeadWeightsOf<T>& b = induction.attention;
  const std::size_t first =
      V;  // one more coordinate: position 0 has no token before and must not match
  b.W_Q = zeros<T>(d, V + 1), b.W_K = zeros<T>(d, V + 1), b.W_V = zeros<T>(d, V),
  b.W_O = zeros<T>(V, d);
  const T strength = static_cast<T>(sharp * std::sqrt(static_cast<double>(V + 1)));
  for (std::size_t t = 0; t < V; ++t) {
    b.W_Q(token + t, t) = strength, b.W_Q(token + t, first) = strength;
    b.W_K(before + t, t) = 1;
    b.W_V(token + t, t) = 1, b.W_O(t, answer + t) = 1;
  }
  b.W_K(position, first) = -1;

  w.blocks = {previous_token, induction};
  return w;
}

template ModelWeightsOf<double> induction_by_hand(std::size_t, std::size_t);
template ModelWeightsOf<float> induction_by_hand(std::size_t, std::size_t);

}  // namespace headlight
