// Right but unusual solutions of 04.3: each has to get all points.
#include "04_query_key_value/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::VarianceTrace;

// Everything in float, from the last pair to the first.
VarianceTrace in_float(const Matrix& query, const Matrix& key) {
  const std::size_t m = query.shape(0), width = query.shape(1);
  VarianceTrace t;
  t.products = t.scaled = Vector(Vector::shape_type{m});
  std::vector<float> products(m), scaled(m);
  for (std::size_t i = m; i-- > 0;) {
    for (std::size_t k = width; k-- > 0;)
      products[i] += static_cast<float>(query(i, k)) * static_cast<float>(key(i, k));
    scaled[i] = products[i] / std::sqrt(static_cast<float>(width));
    t.products(i) = static_cast<double>(products[i]);
    t.scaled(i) = static_cast<double>(scaled[i]);
  }
  const auto variance = [&](const std::vector<float>& x) {
    float mean = 0, sum = 0;
    for (const float number : x) mean += number;
    mean /= static_cast<float>(m);
    for (const float number : x) sum += (number - mean) * (number - mean);
    return static_cast<double>(sum / static_cast<float>(m));
  };
  const auto weight = [](const std::vector<float>& x) {
    float total = 0;
    const float largest = *std::max_element(x.begin(), x.end());
    for (const float number : x) total += std::exp(number - largest);
    return static_cast<double>(1 / total);
  };
  t.variance = variance(products);
  t.scaled_variance = variance(scaled);
  t.sharpest = weight(products);
  t.softened = weight(scaled);
  return t;
}

// Mean of the squares minus square of the mean; the diagonal of the whole product; the variance of
// scaled numbers from that of the numbers.
VarianceTrace by_moments(const Matrix& query, const Matrix& key) {
  const Matrix all = matmul(query, transpose(key));
  const double m = static_cast<double>(query.shape(0)), width = static_cast<double>(query.shape(1));
  VarianceTrace t;
  t.products = xt::zeros<double>({query.shape(0)});
  double first = 0, second = 0;
  for (std::size_t i = 0; i < query.shape(0); ++i) {
    t.products(i) = all(i, i);
    first += all(i, i);
    second += all(i, i) * all(i, i);
  }
  t.variance = second / m - first / m * (first / m);
  t.scaled = t.products * std::pow(width, -0.5);
  t.scaled_variance = t.variance / width;
  const auto weight = [](const Vector& x) {  // through the logarithm of the sum
    const double largest = xt::amax(x)();
    return std::exp(-std::log(xt::sum(xt::exp(x - largest))()));
  };
  t.sharpest = weight(t.products);
  t.softened = weight(t.scaled);
  return t;
}

// Half the mean squared difference of all pairs is the variance, without any mean; expressions.
VarianceTrace by_pairs(const Matrix& query, const Matrix& key) {
  VarianceTrace t;
  const Matrix terms = query * key;
  t.products = xt::sum(terms, {1});
  t.scaled = t.products / std::sqrt(static_cast<double>(query.shape(1)));
  const auto variance = [](const Vector& x) {
    double sum = 0;
    for (const double a : x)
      for (const double b : x) sum += (a - b) * (a - b) / 2;
    return sum / static_cast<double>(x.shape(0) * x.shape(0));
  };
  const auto weight = [](const Vector& x) {  // of every number, then the largest of them
    double most = 0;
    for (const double a : x) {
      double total = 0;
      for (const double b : x) total += std::exp(b - a);
      most = std::max(most, 1 / total);
    }
    return most;
  };
  t.variance = variance(t.products);
  t.scaled_variance = variance(t.scaled);
  t.sharpest = weight(t.products);
  t.softened = weight(t.scaled);
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::scale_variance)>> accepted_04_3;
const std::vector<Mutant<decltype(exercise::scale_variance)>> accepted_04_3 = {
    {"float", "", "everything in float, from the last pair to the first", in_float},
    {"moments", "", "mean of squares minus square of the mean", by_moments},
    {"pairs", "", "half the mean squared difference of all pairs, expressions", by_pairs},
};

}  // namespace headlight::course
