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
  return headlight::todo("07.1");
  // <<< your code
}

}  // namespace headlight::exercise
