// 07.1  Softmax Jacobian: how a pattern answers to its scores            15 minutes
//
//   pattern(i, .)        = softmax of row i of scores                  [n_query, n_key]
//   jacobian(i, j, k)    = d pattern(i, j) / d scores(i, k)            [n_query, n_key, n_key]
//                        = pattern(i, j) * ((1 if j = k else 0) - pattern(i, k))
//   score_gradient(i, k) = sum over j of pattern_gradient(i, j) * jacobian(i, j, k)
//
// Example: scores = [[0, 0]], pattern_gradient = [[4, 0]] gives pattern = [[0.5, 0.5]],
//   jacobian = [[[0.25, -0.25], [-0.25, 0.25]]], score_gradient = [[1, -1]]
//
// Section 7 of the report. -infinity hides a key; a fully hidden row has a zero pattern.
#include "exercises.hpp"

namespace headlight::exercise {

JacobianTrace softmax_jacobian(const Matrix& scores, const Matrix& pattern_gradient) {
  // >>> your code
  const std::size_t n_query = scores.shape(0), n_key = scores.shape(1);
  JacobianTrace trace;
  trace.pattern = xt::zeros<double>({n_query, n_key});
  trace.jacobian = xt::zeros<double>({n_query, n_key, n_key});
  trace.score_gradient = xt::zeros<double>({n_query, n_key});
  for (std::size_t i = 0; i < n_query; ++i) {
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    for (std::size_t j = 0; j < n_key; ++j) largest = std::max(largest, scores(i, j));
    if (std::isinf(largest)) continue;  // all hidden: -inf minus -inf would not be a number
    for (std::size_t j = 0; j < n_key; ++j)
      total += trace.pattern(i, j) = std::exp(scores(i, j) - largest);
    for (std::size_t j = 0; j < n_key; ++j) trace.pattern(i, j) /= total;
    // A score pulls its own weight up and all others down: they share a sum of one. The second
    // part is what makes keys compete, and what is left out when p (1 - p) alone is remembered.
    for (std::size_t j = 0; j < n_key; ++j)
      for (std::size_t k = 0; k < n_key; ++k) {
        trace.jacobian(i, j, k) =
            trace.pattern(i, j) * ((j == k ? 1.0 : 0.0) - trace.pattern(i, k));
        trace.score_gradient(i, k) += pattern_gradient(i, j) * trace.jacobian(i, j, k);
      }
  }
  return trace;
  // Another way, without the Jacobian: score_gradient(i, k) = pattern(i, k) * (pattern_gradient(i,
  // k) - mean), where mean is pattern_gradient averaged with the pattern. So a key gains exactly
  // when it serves the loss better than the average key does; that is how a head finds its task.
  // <<< your code
}

}  // namespace headlight::exercise
