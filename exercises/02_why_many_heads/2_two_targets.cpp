// 02.2  Two targets: what one pattern cannot do                         20 minutes
//
//   pattern[h] = softmax of every row of (X W_Q) (X W_K)^T / sqrt(d_k)   [n, n], weights of head h
//   output[h]  = pattern[h] (X W_V)                                      [n, d_v], values of head h
//   joined     = [output[0] | output[1]], side by side                   [n, 2 d_v]
//
// Example: X = [[1, 0], [0, 1]], d_k = 2, d_v = 1, both W_K = [[1, 0], [0, 1]], and
//   head 0: W_Q = [[30, 0], [0, 30]], W_V = [[1], [2]]    head 1: W_Q = [[0, 30], [30, 0]],
//   W_V = [[10], [20]]. Head 0 finds the token itself, head 1 the other one: joined is, to nine
//   digits, [[1, 20], [2, 10]]. One pattern would have to mix the two.
// Section 2 of the report. xt::view(tensor, h) is the matrix of head h.
#include "exercises.hpp"

namespace headlight::exercise {

TwoTargets two_targets(const Matrix& X, const HeadWeights& first, const HeadWeights& second) {
  // >>> your code
  return headlight::todo("02.2");
  // <<< your code
}

}  // namespace headlight::exercise
