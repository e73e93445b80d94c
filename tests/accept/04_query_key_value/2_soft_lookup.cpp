// Right but unusual solutions of 04.2: each has to get all points.
#include "04_query_key_value/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::LookupTrace;

// Everything in float, keys from the last to the first.
LookupTrace in_float(const Vector& query, const Matrix& keys, const Matrix& values,
                     double temperature) {
  const std::size_t n = keys.shape(0), d_value = values.shape(1);
  LookupTrace t;
  t.scores = t.weights = Vector(Vector::shape_type{n}, 0.0);
  t.found = t.nearest = Vector(Vector::shape_type{d_value}, 0.0);
  std::vector<float> scores(n);
  std::size_t best = n - 1;
  for (std::size_t j = n; j-- > 0;) {
    for (std::size_t k = 0; k < query.shape(0); ++k)
      scores[j] += static_cast<float>(query(k)) * static_cast<float>(keys(j, k));
    scores[j] /= static_cast<float>(temperature);
    t.scores(j) = static_cast<double>(scores[j]);
    if (scores[j] >= scores[best]) best = j;
  }
  float total = 0;
  for (std::size_t j = 0; j < n; ++j) total += std::exp(scores[j] - scores[best]);
  for (std::size_t j = 0; j < n; ++j)
    t.weights(j) = static_cast<double>(std::exp(scores[j] - scores[best]) / total);
  for (std::size_t c = 0; c < d_value; ++c) {
    float sum = 0;
    for (std::size_t j = 0; j < n; ++j)
      sum += static_cast<float>(t.weights(j)) * static_cast<float>(values(j, c));
    t.found(c) = static_cast<double>(sum);
    t.nearest(c) = values(best, c);
  }
  return t;
}

// Expressions of xtensor and a matrix product with one row.
LookupTrace by_expressions(const Vector& query, const Matrix& keys, const Matrix& values,
                           double temperature) {
  LookupTrace t;
  const Matrix products = keys * query;  // the query meets every row
  const Vector sums = xt::sum(products, {1});
  t.scores = sums / temperature;
  const double top = xt::amax(t.scores)();
  const Vector weight = xt::exp(t.scores - top);
  t.weights = weight / xt::sum(weight)();
  Matrix row(Matrix::shape_type{1, keys.shape(0)});
  std::copy(t.weights.begin(), t.weights.end(), row.data());
  t.found = xt::view(matmul(row, values), 0);
  t.nearest =
      xt::view(values, std::max_element(t.scores.begin(), t.scores.end()) - t.scores.begin());
  return t;
}

// One pass over the dictionary: mixture and sum are rescaled when a better key comes.
LookupTrace one_pass(const Vector& query, const Matrix& keys, const Matrix& values,
                     double temperature) {
  const std::size_t n = keys.shape(0), d_value = values.shape(1);
  LookupTrace t;
  t.scores = t.weights = Vector(Vector::shape_type{n}, 0.0);
  t.found = t.nearest = Vector(Vector::shape_type{d_value}, 0.0);
  double top = -std::numeric_limits<double>::infinity(), total = 0;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = query.shape(0); k-- > 0;)
      t.scores(j) += keys(j, k) * query(k) / temperature;
    const double old = top;
    top = std::max(top, t.scores(j));
    const double keep = std::exp(old - top), weight = std::exp(t.scores(j) - top);
    total = total * keep + weight;
    for (std::size_t c = 0; c < d_value; ++c) {
      t.found(c) = t.found(c) * keep + weight * values(j, c);
      if (top > old) t.nearest(c) = values(j, c);
    }
  }
  t.found /= total;
  for (std::size_t j = 0; j < n; ++j) t.weights(j) = std::exp(t.scores(j) - top - std::log(total));
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::soft_lookup)>> accepted_04_2;
const std::vector<Mutant<decltype(exercise::soft_lookup)>> accepted_04_2 = {
    {"float", "", "everything in float, keys from the last to the first", in_float},
    {"expressions", "", "expressions of xtensor", by_expressions},
    {"one-pass", "", "one pass with a running maximum, weights through the logarithm", one_pass},
};

}  // namespace headlight::course
