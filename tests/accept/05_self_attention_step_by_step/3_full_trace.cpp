// Right but unusual solutions of 05.3: each has to get all points.
#include "05_self_attention_step_by_step/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::BlockWeights;
using exercise::FullTrace;

// A product by loops in any arithmetic.
template <class Number>
Matrix times(const Matrix& a, const Matrix& b) {
  Matrix out(Matrix::shape_type{a.shape(0), b.shape(1)}, 0.0);
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t j = 0; j < b.shape(1); ++j) {
      Number total = 0;
      for (std::size_t k = a.shape(1); k-- > 0;)
        total += static_cast<Number>(a(i, k)) * static_cast<Number>(b(k, j));
      out(i, j) = static_cast<double>(total);
    }
  return out;
}

template <class Number>
FullTrace by_loops(const Matrix& X, const BlockWeights& w) {
  FullTrace t;
  const std::size_t n = X.shape(0), d_model = X.shape(1);
  t.query = times<Number>(X, w.W_Q);
  t.key = times<Number>(X, w.W_K);
  t.value = times<Number>(X, w.W_V);
  t.scores = times<Number>(t.query, transpose(t.key));
  const Number root = std::sqrt(static_cast<Number>(w.W_K.shape(1)));
  for (double& s : t.scores) s = static_cast<double>(static_cast<Number>(s) / root);
  t.masked = t.scores;
  t.pattern = Matrix(Matrix::shape_type{n, n}, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) t.masked(i, j) = -1e30;
    Number largest = static_cast<Number>(t.scores(i, 0)), total = 0;
    for (std::size_t j = 0; j <= i; ++j)
      largest = std::max(largest, static_cast<Number>(t.scores(i, j)));
    for (std::size_t j = 0; j <= i; ++j)
      total += std::exp(static_cast<Number>(t.scores(i, j)) - largest);
    for (std::size_t j = 0; j <= i; ++j)
      t.pattern(i, j) =
          static_cast<double>(std::exp(static_cast<Number>(t.scores(i, j)) - largest) / total);
  }
  t.z = times<Number>(t.pattern, t.value);
  t.attention = times<Number>(t.z, w.W_O);
  t.residual = t.attention;
  for (std::size_t i = 0; i < t.residual.size(); ++i)
    t.residual.data()[i] = static_cast<double>(static_cast<Number>(t.residual.data()[i]) +
                                               static_cast<Number>(X.data()[i]));
  t.normalised = t.residual;
  for (std::size_t i = 0; i < n; ++i) {
    Number mean = 0, variance = 0;
    for (std::size_t c = 0; c < d_model; ++c) mean += static_cast<Number>(t.residual(i, c));
    mean /= static_cast<Number>(d_model);
    for (std::size_t c = 0; c < d_model; ++c)
      variance += (static_cast<Number>(t.residual(i, c)) - mean) *
                  (static_cast<Number>(t.residual(i, c)) - mean);
    variance /= static_cast<Number>(d_model);
    for (std::size_t c = 0; c < d_model; ++c)
      t.normalised(i, c) = static_cast<double>((static_cast<Number>(t.residual(i, c)) - mean) /
                                                   std::sqrt(variance + static_cast<Number>(1e-5)) *
                                                   static_cast<Number>(w.gain(c)) +
                                               static_cast<Number>(w.bias(c)));
  }
  return t;
}

// Expressions of xtensor, the mask as a matrix of numbers, LayerNorm by rows.
FullTrace by_expressions(const Matrix& X, const BlockWeights& w) {
  FullTrace t;
  t.query = matmul(X, w.W_Q);
  t.key = matmul(X, w.W_K);
  t.value = matmul(X, w.W_V);
  const Matrix scaled_query = t.query / std::sqrt(static_cast<double>(w.W_Q.shape(1)));
  t.scores = matmul(scaled_query, transpose(t.key));
  const Matrix far = Matrix(t.scores.shape(), -1e9);
  t.masked = t.scores + xt::triu(far, 1);
  const Matrix shifted = t.masked - row_max(t.masked);
  const Matrix weight = xt::exp(shifted);
  const Matrix sums = row_sum(weight);
  t.pattern = weight / sums;
  t.z = matmul(t.pattern, t.value);
  t.attention = matmul(t.z, w.W_O);
  t.residual = t.attention + X;
  const Matrix centred = t.residual - row_mean(t.residual);
  const Matrix squares = centred * centred;
  const Matrix variance = row_mean(squares);
  const Matrix divisor = xt::sqrt(variance + 1e-5);
  t.normalised = w.gain * centred / divisor + w.bias;
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::full_trace)>> accepted_05_3;
const std::vector<Mutant<decltype(exercise::full_trace)>> accepted_05_3 = {
    {"loops", "", "by loops from the last term to the first, -1e30 for the future",
     by_loops<double>},
    {"float", "", "the same in float", by_loops<float>},
    {"expressions", "", "expressions of xtensor, -1e9 added", by_expressions},
};

}  // namespace headlight::course
