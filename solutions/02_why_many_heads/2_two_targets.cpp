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
  const std::size_t n = X.shape(0), d_v = first.W_V.shape(1);
  TwoTargets out{xt::zeros<double>({std::size_t{2}, n, n}),
                 xt::zeros<double>({std::size_t{2}, n, d_v}), xt::zeros<double>({n, 2 * d_v})};
  std::size_t h = 0;
  for (const HeadWeights* head : {&first, &second}) {
    // All of X goes into each head; a head that got only half of it could not ask about the rest.
    const Matrix query = matmul(X, head->W_Q), key = matmul(X, head->W_K);
    const double d_k = static_cast<double>(query.shape(1));
    const Matrix scores = matmul(query, transpose(key)) / std::sqrt(d_k);
    // A softmax for each head: two distributions, not one that is shared out between the heads.
    const Matrix weight = xt::exp(scores - row_max(scores));
    const Matrix pattern = weight / row_sum(weight);
    const Matrix output = matmul(pattern, matmul(X, head->W_V));
    xt::view(out.pattern, h) = pattern;
    xt::view(out.output, h) = output;
    // Side by side, so that what follows can still tell who found what; a mean could not be undone.
    xt::view(out.joined, xt::all(), xt::range(h * d_v, (h + 1) * d_v)) = output;
    ++h;
  }
  return out;
  // Another way: one product X [W_Q of head 0 | W_Q of head 1] for both heads, then 02.1.
  // <<< your code
}

}  // namespace headlight::exercise
