// Right but unusual solutions of 18.1: each has to get all points.
#include "18_attention_and_training/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SaturationTrace;

// Expressions; the norm from sums of squares and cubes, without the Jacobian.
SaturationTrace closed_form(const Matrix& query, const Matrix& key) {
  const auto softmax = [](const Matrix& scores) {
    const Matrix weight = xt::exp(scores - row_max(scores));
    return Matrix(weight / row_sum(weight));
  };
  const auto norms = [](const Matrix& p) {
    const Matrix squares = p * p, cubes = squares * p;
    const Matrix a = row_sum(squares), b = row_sum(cubes);
    Vector out(Vector::shape_type{p.shape(0)});
    for (std::size_t i = 0; i < p.shape(0); ++i)
      out(i) = std::sqrt(std::max(0.0, a(i, 0) - 2 * b(i, 0) + a(i, 0) * a(i, 0)));
    return out;
  };
  SaturationTrace t;
  t.raw_scores = matmul(query, transpose(key));
  t.scores = t.raw_scores * std::pow(static_cast<double>(key.shape(1)), -0.5);
  t.raw_pattern = softmax(t.raw_scores);
  t.pattern = softmax(t.scores);
  t.raw_norm = norms(t.raw_pattern);
  t.norm = norms(t.pattern);
  t.left = xt::mean(t.raw_norm)() / xt::mean(t.norm)();
  return t;
}

// In float, features and keys from the last; the scores from a query divided beforehand.
SaturationTrace in_float(const Matrix& query, const Matrix& key) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d_head = key.shape(1);
  const Matrix blank(Matrix::shape_type{n_query, n_key}, 0.0);
  SaturationTrace t{blank,
                    blank,
                    blank,
                    blank,
                    Vector(Vector::shape_type{n_query}),
                    Vector(Vector::shape_type{n_query}),
                    0};
  float without = 0, with = 0;
  const auto go_on = [&](const Matrix& scores, std::size_t i, Matrix& pattern, Vector& norm) {
    std::vector<float> p(n_key);
    float largest = static_cast<float>(scores(i, 0)), total = 0, squares = 0;
    for (std::size_t j = n_key; j-- > 0;)
      largest = std::max(largest, static_cast<float>(scores(i, j)));
    for (std::size_t j = n_key; j-- > 0;)
      total += p[j] = std::exp(static_cast<float>(scores(i, j)) - largest);
    for (std::size_t j = n_key; j-- > 0;) pattern(i, j) = static_cast<double>(p[j] /= total);
    for (std::size_t j = n_key; j-- > 0;) {
      squares += p[j] * p[j] * (1 - p[j]) * (1 - p[j]);
      for (std::size_t k = j; k-- > 0;) squares += 2 * p[j] * p[j] * p[k] * p[k];
    }
    norm(i) = static_cast<double>(std::sqrt(squares));
    return std::sqrt(squares);
  };
  const float root = std::sqrt(static_cast<float>(d_head));
  for (std::size_t i = 0; i < n_query; ++i) {
    for (std::size_t j = 0; j < n_key; ++j) {
      float raw = 0, scaled = 0;
      for (std::size_t f = d_head; f-- > 0;) {
        raw += static_cast<float>(query(i, f)) * static_cast<float>(key(j, f));
        scaled += static_cast<float>(query(i, f)) / root * static_cast<float>(key(j, f));
      }
      t.raw_scores(i, j) = static_cast<double>(raw);
      t.scores(i, j) = static_cast<double>(scaled);
    }
    without += go_on(t.raw_scores, i, t.raw_pattern, t.raw_norm);
    with += go_on(t.scores, i, t.pattern, t.norm);
  }
  t.left = static_cast<double>(without / with);
  return t;
}

// Every Jacobian as a matrix; its norm is the root of the trace of J J^T.
SaturationTrace by_matrices(const Matrix& query, const Matrix& key) {
  SaturationTrace t;
  t.raw_scores = Matrix(transpose(matmul(key, transpose(query))));
  t.scores = t.raw_scores / std::sqrt(static_cast<double>(query.shape(1)));
  const std::size_t n_query = query.shape(0), n_key = key.shape(0);
  const auto measured = [&](const Matrix& scores, Matrix& pattern) {
    pattern = scores;
    Vector norm(Vector::shape_type{n_query});
    for (std::size_t i = 0; i < n_query; ++i) {
      for (std::size_t j = 0; j < n_key; ++j) {  // 1 / sum of e^(others - own)
        double others = 0;
        for (std::size_t k = 0; k < n_key; ++k) others += std::exp(scores(i, k) - scores(i, j));
        pattern(i, j) = 1 / others;
      }
      Matrix p(Matrix::shape_type{1, n_key});
      for (std::size_t j = 0; j < n_key; ++j) p(0, j) = pattern(i, j);
      Matrix J = -matmul(transpose(p), p);
      for (std::size_t j = 0; j < n_key; ++j) J(j, j) += p(0, j);
      const Matrix squared = matmul(J, transpose(J));
      double trace = 0;
      for (std::size_t j = 0; j < n_key; ++j) trace += squared(j, j);
      norm(i) = std::sqrt(trace);
    }
    return norm;
  };
  t.raw_norm = measured(t.raw_scores, t.raw_pattern);
  t.norm = measured(t.scores, t.pattern);
  double ratio = 0, total = 0;
  for (const double x : t.norm) total += x;
  for (const double x : t.raw_norm) ratio += x / total;
  t.left = ratio;
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::saturation)>> accepted_18_1;
const std::vector<Mutant<decltype(exercise::saturation)>> accepted_18_1 = {
    {"closed-form", "", "norms from sums of squares and cubes", closed_form},
    {"float", "", "in float, from the last feature and the last key", in_float},
    {"matrices", "", "every Jacobian as a matrix, the trace of its square", by_matrices},
};

}  // namespace headlight::course
