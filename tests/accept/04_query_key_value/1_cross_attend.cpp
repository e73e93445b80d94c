// Right but unusual solutions of 04.1: each has to get all points.
#include "04_query_key_value/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::CrossTrace;
using exercise::CrossWeights;
using Padding = std::vector<bool>;

// Everything in float, last term first, a large number for padding.
CrossTrace in_float(const Matrix& target, const Matrix& source, const CrossWeights& w,
                    const Padding& is_padding) {
  const auto product = [](const Matrix& a, const Matrix& b) {
    Matrix out(Matrix::shape_type{a.shape(0), b.shape(1)}, 0.0);
    for (std::size_t j = 0; j < b.shape(1); ++j)
      for (std::size_t i = 0; i < a.shape(0); ++i) {
        float total = 0;
        for (std::size_t k = a.shape(1); k-- > 0;)
          total += static_cast<float>(a(i, k)) * static_cast<float>(b(k, j));
        out(i, j) = static_cast<double>(total);
      }
    return out;
  };
  CrossTrace t;
  t.query = product(target, w.W_Q);
  t.key = product(source, w.W_K);
  t.value = product(source, w.W_V);
  t.scores = product(t.query, Matrix(transpose(t.key)));
  const float root = std::sqrt(static_cast<float>(w.W_K.shape(1)));
  for (double& s : t.scores) s = static_cast<double>(static_cast<float>(s) / root);
  t.masked = t.pattern = t.scores;
  for (std::size_t i = 0; i < target.shape(0); ++i) {
    float largest = -3e38F, total = 0;
    for (std::size_t j = 0; j < source.shape(0); ++j) {
      if (is_padding[j]) t.masked(i, j) = -1e9;
      largest = std::max(largest, static_cast<float>(t.masked(i, j)));
    }
    for (std::size_t j = 0; j < source.shape(0); ++j) {
      const float weight = std::exp(static_cast<float>(t.masked(i, j)) - largest);
      t.pattern(i, j) = static_cast<double>(weight);
      total += weight;
    }
    for (std::size_t j = 0; j < source.shape(0); ++j)
      t.pattern(i, j) = static_cast<double>(static_cast<float>(t.pattern(i, j)) / total);
  }
  t.output = product(t.pattern, t.value);
  return t;
}

// Only real tokens are attended to; the pattern is filled up with zeros.
CrossTrace real_tokens_only(const Matrix& target, const Matrix& source, const CrossWeights& w,
                            const Padding& is_padding) {
  CrossTrace t{matmul(target, w.W_Q), matmul(source, w.W_K), matmul(source, w.W_V), {}, {}, {}, {}};
  std::vector<std::size_t> real;
  for (std::size_t j = 0; j < is_padding.size(); ++j)
    if (!is_padding[j]) real.push_back(j);
  const double scale = std::pow(static_cast<double>(w.W_Q.shape(1)), -0.5);
  t.scores = matmul(Matrix(t.query * scale), transpose(t.key));
  t.masked = Matrix(t.scores.shape(), std::numeric_limits<double>::lowest());
  t.pattern = Matrix(t.scores.shape(), 0.0);
  t.output = Matrix(Matrix::shape_type{target.shape(0), w.W_V.shape(1)}, 0.0);
  for (std::size_t i = 0; i < target.shape(0); ++i) {
    double largest = t.scores(i, real[0]), total = 0;
    for (const std::size_t j : real) {
      t.masked(i, j) = t.scores(i, j);
      if (t.scores(i, j) > largest) {  // what was added so far counts less now
        total *= std::exp(largest - t.scores(i, j));
        largest = t.scores(i, j);
      }
      total += std::exp(t.scores(i, j) - largest);
    }
    for (const std::size_t j : real) {
      t.pattern(i, j) = std::exp(t.scores(i, j) - largest) / total;
      for (std::size_t c = 0; c < w.W_V.shape(1); ++c)
        t.output(i, c) += t.pattern(i, j) * t.value(j, c);
    }
  }
  return t;
}

// Expressions of xtensor, W_Q W_K^T first, the values mixed before they are projected.
CrossTrace by_expressions(const Matrix& target, const Matrix& source, const CrossWeights& w,
                          const Padding& is_padding) {
  CrossTrace t{matmul(target, w.W_Q), matmul(source, w.W_K), matmul(source, w.W_V), {}, {}, {}, {}};
  const Matrix form = matmul(w.W_Q, transpose(w.W_K));
  t.scores = matmul(matmul(target, form), transpose(source)) /
             std::sqrt(static_cast<double>(w.W_K.shape(1)));
  Matrix wall(Matrix::shape_type{1, source.shape(0)}, 0.0);
  for (std::size_t j = 0; j < source.shape(0); ++j)
    if (is_padding[j]) wall(0, j) = -std::numeric_limits<double>::infinity();
  t.masked = t.scores + wall;  // one row, added to all
  const Matrix shifted = t.masked - row_max(t.masked);
  const Matrix weight = xt::exp(shifted);
  const Matrix sums = row_sum(weight);
  t.pattern = weight / sums;
  t.output = matmul(matmul(t.pattern, source), w.W_V);
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::cross_attend)>> accepted_04_1;
const std::vector<Mutant<decltype(exercise::cross_attend)>> accepted_04_1 = {
    {"float", "", "everything in float, -1e9 for padding", in_float},
    {"real-tokens-only", "", "one pass over the real tokens with a running maximum",
     real_tokens_only},
    {"expressions", "", "expressions of xtensor, W_Q W_K^T first, values projected last",
     by_expressions},
};

}  // namespace headlight::course
