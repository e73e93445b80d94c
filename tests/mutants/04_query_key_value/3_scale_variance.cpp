// Wrong solutions of 04.3: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "04_query_key_value/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::VarianceTrace;

struct Mistakes {
  bool self_product = false, short_dot = false, neighbour = false, by_columns = false,
       already_scaled = false;
  bool sample_variance = false, deviation = false, raw_squares = false, sum_only = false,
       absolute = false, by_width = false;
  bool overflow = false, smallest = false, by_sum = false, largest_number = false,
       from_zero = false;
  bool scale_d = false, scale_fourth = false, scale_m = false, unscaled = false, multiplied = false,
       scaled_by_deviation = false;
  bool mixed = false, root_only = false, of_products = false, first_variance_kept = false;
  bool softened_of_products = false, softened_divided = false;
};

double variance_of(const Vector& x, const Mistakes& m, bool sample) {
  const double count = static_cast<double>(x.shape(0));
  double mean = 0, sum = 0;
  for (const double number : x) mean += number / count;
  if (m.raw_squares) mean = 0;
  for (const double number : x)
    sum += m.absolute ? std::abs(number - mean) : (number - mean) * (number - mean);
  const double variance = m.sum_only ? sum : sum / (sample ? count - 1 : count);
  return m.deviation ? std::sqrt(variance) : variance;
}

double weight_of(const Vector& x, const Mistakes& m) {
  double largest = m.from_zero ? 0 : x(0), smallest = x(0), total = 0, sum = 0;
  for (const double number : x) {
    largest = std::max(largest, number);
    smallest = std::min(smallest, number);
    sum += std::abs(number);
  }
  if (m.largest_number) return largest;
  if (m.by_sum) return largest / sum;
  double most = x(0);
  for (const double number : x) most = std::max(most, number);
  if (m.overflow) largest = 0;
  for (const double number : x) total += std::exp(number - largest);
  return std::exp((m.smallest ? smallest : most) - largest) / total;
}

VarianceTrace made(const Matrix& query, const Matrix& key, const Mistakes& m) {
  const std::size_t count = query.shape(0), width = query.shape(1);
  VarianceTrace t;
  t.products = Vector(Vector::shape_type{m.by_columns ? width : count}, 0.0);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k + (m.short_dot ? 1 : 0) < width; ++k) {
      const std::size_t other = m.neighbour ? (i + 1) % count : i;
      t.products(m.by_columns ? k : i) +=
          query(i, k) * (m.self_product ? query(i, k) : key(other, k));
    }
  const double d_head = static_cast<double>(width);
  if (m.already_scaled) t.products = t.products / std::sqrt(d_head);
  t.variance = variance_of(t.products, m, m.sample_variance);
  if (m.by_width) t.variance *= static_cast<double>(count) / d_head;
  t.sharpest = weight_of(t.products, m);
  const double divisor = m.scale_d               ? d_head
                         : m.scale_fourth        ? std::sqrt(std::sqrt(d_head))
                         : m.scale_m             ? std::sqrt(static_cast<double>(count))
                         : m.unscaled            ? 1
                         : m.multiplied          ? 1 / std::sqrt(d_head)
                         : m.scaled_by_deviation ? std::sqrt(t.variance)
                                                 : std::sqrt(d_head);
  t.scaled = t.products / divisor;
  t.scaled_variance = m.root_only     ? t.variance / std::sqrt(d_head)
                      : m.of_products ? t.variance
                      : m.first_variance_kept
                          ? 1
                          : variance_of(t.scaled, m, m.sample_variance || m.mixed);
  t.softened = m.softened_of_products ? t.sharpest
               : m.softened_divided   ? t.sharpest / std::sqrt(d_head)
                                      : weight_of(t.scaled, m);
  return t;
}

template <auto Member>
VarianceTrace with(const Matrix& query, const Matrix& key) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(query, key, mistakes);
}

VarianceTrace in_place(const Matrix& query, const Matrix& key) {
  const VarianceTrace trace = made(query, key, {});
  for (double& x : const_cast<Matrix&>(query)) x /= 2;
  return trace;
}

// The products are added up in something that lives on.
VarianceTrace kept_between_calls(const Matrix& query, const Matrix& key) {
  static double total = 0;
  VarianceTrace trace = made(query, key, {});
  total += trace.variance;
  trace.variance = total;
  return trace;
}

VarianceTrace sample(const Matrix& query, const Matrix& key) {
  VarianceTrace trace = made(query, key, {});
  trace.variance = 1;
  return trace;
}

// Every query meets every key.
VarianceTrace all_pairs(const Matrix& query, const Matrix& key) {
  VarianceTrace trace = made(query, key, {});
  const Matrix scores = matmul(query, transpose(key));
  trace.products = Vector(Vector::shape_type{scores.size()});
  std::copy(scores.begin(), scores.end(), trace.products.begin());
  trace.variance = variance_of(trace.products, {}, false);
  trace.sharpest = weight_of(trace.products, {});
  trace.scaled = trace.products / std::sqrt(static_cast<double>(query.shape(1)));
  trace.scaled_variance = variance_of(trace.scaled, {}, false);
  trace.softened = weight_of(trace.scaled, {});
  return trace;
}

VarianceTrace sample_variance_and_scale_d(const Matrix& query, const Matrix& key) {
  Mistakes mistakes;
  mistakes.sample_variance = mistakes.scale_d = true;
  return made(query, key, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::scale_variance)>> mutants_04_3;
const std::vector<Mutant<decltype(exercise::scale_variance)>> mutants_04_3 = {
    {"query-query", "products", "query times query: the key is not used",
     with<&Mistakes::self_product>},
    {"short-dot", "products", "the dot product stops one feature early",
     with<&Mistakes::short_dot>},
    {"neighbour", "products", "query i meets key i + 1: an index is off by one",
     with<&Mistakes::neighbour>},
    {"by-columns", "products", "added over rows: one product for every feature, not for every pair",
     with<&Mistakes::by_columns>},
    {"all-pairs", "products", "every query meets every key: here row i only meets row i",
     all_pairs},
    {"already-scaled", "products", "the products are divided already; scaling comes later",
     with<&Mistakes::already_scaled>},
    {"n-minus-one", "variance", "both variances are divided by m - 1 instead of m",
     with<&Mistakes::sample_variance>},
    {"deviation", "variance", "the standard deviation: the root is too much",
     with<&Mistakes::deviation>},
    {"raw-squares", "variance", "the mean is not taken off before squaring",
     with<&Mistakes::raw_squares>},
    {"sum-only", "variance", "the squares are added up but not divided by m",
     with<&Mistakes::sum_only>},
    {"absolute", "variance", "absolute differences instead of squares", with<&Mistakes::absolute>},
    {"by-width", "variance", "divided by d_head instead of by the number of pairs",
     with<&Mistakes::by_width>},
    {"overflow", "sharpest", "exp over- or underflows: take the largest product off first",
     with<&Mistakes::overflow>},
    {"maximum-from-zero", "sharpest",
     "the maximum starts at 0: with all products far below, everything becomes 0 / 0",
     with<&Mistakes::from_zero>},
    {"smallest", "sharpest", "the smallest weight instead of the largest",
     with<&Mistakes::smallest>},
    {"no-exp", "sharpest", "the largest product's share of the sum: exp is missing",
     with<&Mistakes::by_sum>},
    {"largest-product", "sharpest", "the largest product itself: the softmax is missing",
     with<&Mistakes::largest_number>},
    {"scale-d", "scaled", "scaled twice: divided by d_head instead of sqrt(d_head)",
     with<&Mistakes::scale_d>},
    {"scale-fourth-root", "scaled", "divided by the fourth root of d_head",
     with<&Mistakes::scale_fourth>},
    {"scale-m", "scaled", "divided by the root of the number of pairs", with<&Mistakes::scale_m>},
    {"unscaled", "scaled", "1/sqrt(d_head) is missing", with<&Mistakes::unscaled>},
    {"times-root", "scaled", "multiplied by sqrt(d_head) instead of divided",
     with<&Mistakes::multiplied>},
    {"by-deviation", "scaled",
     "divided by the deviation that was measured: sqrt(d_head) is known beforehand",
     with<&Mistakes::scaled_by_deviation>},
    {"sample-and-population", "scaled_variance", "one variance is divided by m, the other by m - 1",
     with<&Mistakes::mixed>},
    {"root-of-variance", "scaled_variance",
     "the variance is divided by sqrt(d_head): numbers by the root, their variance by d_head",
     with<&Mistakes::root_only>},
    {"variance-again", "scaled_variance", "the variance of the products once more",
     with<&Mistakes::of_products>},
    {"one", "scaled_variance", "always 1: that is what is hoped for, not what was measured",
     with<&Mistakes::first_variance_kept>},
    {"sharpest-again", "softened", "the softmax of the products once more",
     with<&Mistakes::softened_of_products>},
    {"weight-divided", "softened",
     "the weight is divided by sqrt(d_head): scores are, before the softmax",
     with<&Mistakes::softened_divided>},
    {"in-place", "", "the queries that were handed in are changed", in_place},
    {"kept-between-calls", "variance", "", kept_between_calls},
    {"sample", "variance", "", sample},
    {"n-minus-one-and-scale-d", "variance", "", sample_variance_and_scale_d},
};

}  // namespace headlight::course
