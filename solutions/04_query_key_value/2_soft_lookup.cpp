// 04.2  Soft lookup: a dictionary that answers with a mixture              15 minutes
//
//   scores_j  = key_j . query / temperature                     [n]
//   weights   = softmax of scores                               [n]
//   found     = weights_0 value_0 + weights_1 value_1 + ...     [d_value]
//   nearest   = the value of the key with the largest score     [d_value], the first of several
//
// Example: query = [1, 0], keys = [[1, 0], [0, 1]], values = [[10], [20]], temperature 0.5, gives
//   scores = [2, 0], weights = [0.8808, 0.1192], found = [11.1920], nearest = [10]
//
// Section 4 of the report. Cold lookups have scores of thousands, above and below zero.
#include "exercises.hpp"

namespace headlight::exercise {

LookupTrace soft_lookup(const Vector& query, const Matrix& keys, const Matrix& values,
                        double temperature) {
  // >>> your code
  const std::size_t n = keys.shape(0), d_value = values.shape(1);
  LookupTrace trace;
  trace.scores = trace.weights = xt::zeros<double>({n});
  trace.found = trace.nearest = xt::zeros<double>({d_value});
  // Dividing by a small temperature drives scores apart: the colder, the more like a hash table. At
  // a large one all keys count alike, and the answer is the mean of all values.
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < query.shape(0); ++k) trace.scores(j) += query(k) * keys(j, k);
    trace.scores(j) /= temperature;
  }
  // The best is looked for among scores, not among weights: of weights many may be zero. `>` keeps
  // the first of several.
  std::size_t best = 0;
  for (std::size_t j = 1; j < n; ++j)
    if (trace.scores(j) > trace.scores(best)) best = j;
  double total = 0;
  for (std::size_t j = 0; j < n; ++j)
    total += trace.weights(j) = std::exp(trace.scores(j) - trace.scores(best));
  for (std::size_t j = 0; j < n; ++j) trace.weights(j) /= total;
  for (std::size_t c = 0; c < d_value; ++c) {
    for (std::size_t j = 0; j < n; ++j) trace.found(c) += trace.weights(j) * values(j, c);
    trace.nearest(c) = values(best, c);
  }
  return trace;
  // Another way: the weights are the gradient of log(sum of exp(scores)), a smooth maximum; the
  // temperature says how smooth.
  // <<< your code
}

}  // namespace headlight::exercise
