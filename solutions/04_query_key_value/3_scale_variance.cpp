// 04.3  Variance: why scores are divided by sqrt(d_head)                   15 minutes
//
//   products_i = query_i . key_i, row by row           [m]
//   variance   = mean of (products_i - their mean)^2   divided by m, not by m - 1
//   sharpest   = the largest weight in softmax(products)
//   scaled     = products / sqrt(d_head)               [m]
//   scaled_variance, softened: the same two numbers of scaled
//
// Example: query = [[1, 1, 1, 1], [1, 1, 0, 0]], key = [[1, 1, 1, 1], [1, 1, 1, 1]] gives
//   products = [4, 2], variance = 1, sharpest = 0.8808, scaled = [2, 1], scaled_variance = 0.25,
//   softened = 0.7311
// Section 4 of the report. Products may be as large as 10000: exp must not overflow.
#include "exercises.hpp"

namespace headlight::exercise {

VarianceTrace scale_variance(const Matrix& query, const Matrix& key) {
  // >>> your code
  const std::size_t m = query.shape(0), d_head = query.shape(1);
  const auto variance_of = [&](const Vector& x) {
    double mean = 0, sum = 0;
    for (const double number : x) mean += number / static_cast<double>(m);
    for (const double number : x) sum += (number - mean) * (number - mean);
    return sum / static_cast<double>(m);
  };
  // The largest weight belongs to the largest number, whose exponential is one once the largest is
  // taken off.
  const auto largest_weight = [](const Vector& x) {
    const double largest = *std::max_element(x.begin(), x.end());
    double total = 0;
    for (const double number : x) total += std::exp(number - largest);
    return 1 / total;
  };
  VarianceTrace trace;
  trace.products = xt::zeros<double>({m});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t k = 0; k < d_head; ++k) trace.products(i) += query(i, k) * key(i, k);
  trace.variance = variance_of(trace.products);
  trace.sharpest = largest_weight(trace.products);
  // A sum of d_head independent terms of variance one has variance d_head. Dividing numbers by
  // sqrt(d_head) divides their variance by d_head: back to one, whatever the width.
  trace.scaled = trace.products / std::sqrt(static_cast<double>(d_head));
  trace.scaled_variance = variance_of(trace.scaled);
  trace.softened = largest_weight(trace.scaled);
  return trace;
  // Another way: variance = mean of the squares minus square of the mean; shorter, and less exact
  // when the mean is large.
  // <<< your code
}

}  // namespace headlight::exercise
