// 17.1  Linear attention: a state instead of a matrix                    20 minutes
//
//   phi(x)        = x + 1 where x > 0, else e^x; number by number, always positive
//   numerator(i)  = sum over seen j of (phi(q_i) . phi(k_j)) v_j       [n_query, d_value]
//   normaliser(i) = sum over seen j of phi(q_i) . phi(k_j)             [n_query]
//   output(i)     = numerator(i) / normaliser(i)                       [n_query, d_value]
// Causal: query i sees keys 0 ... i. Not causal: all keys. Neither a root nor an epsilon is needed.
//
// Example: query = key = [[0], [1]], value = [[2], [5]], causal, gives phi = [[1], [2]],
//   numerator = [[2], [24]], normaliser = [1, 6], output = [[2], [4]]
//
// Section 17 of the report, whose formula leaves the normaliser out.
#include "exercises.hpp"

namespace headlight::exercise {

LinearTrace linear_attention(const Matrix& query, const Matrix& key, const Matrix& value,
                             bool causal) {
  // >>> your code
  LinearTrace trace{query, key, {}, {}, {}};
  for (Matrix* features : {&trace.query_features, &trace.key_features})
    for (double& x : *features) x = x > 0 ? x + 1 : std::exp(x);
  const std::size_t n_query = query.shape(0), n_key = key.shape(0);
  const std::size_t d_head = key.shape(1), d_value = value.shape(1);
  trace.numerator = xt::zeros<double>({n_query, d_value});
  trace.normaliser = xt::zeros<double>({n_query});
  // All that has been seen, in d_head * (d_value + 1) numbers, however many keys there were: the
  // brackets of phi(q) (phi(k)^T v) are set the other way round than softmax allows.
  Matrix state = xt::zeros<double>({d_head, d_value});
  Vector key_sum = xt::zeros<double>({d_head});
  std::size_t seen = 0;
  for (std::size_t i = 0; i < n_query; ++i) {
    for (; seen < (causal ? i + 1 : n_key); ++seen)  // the token's own key comes in before it reads
      for (std::size_t f = 0; f < d_head; ++f) {
        key_sum(f) += trace.key_features(seen, f);
        for (std::size_t c = 0; c < d_value; ++c)
          state(f, c) += trace.key_features(seen, f) * value(seen, c);
      }
    for (std::size_t f = 0; f < d_head; ++f) {
      trace.normaliser(i) += trace.query_features(i, f) * key_sum(f);
      for (std::size_t c = 0; c < d_value; ++c)
        trace.numerator(i, c) += trace.query_features(i, f) * state(f, c);
    }
  }
  // Without the division the output grows with the number of keys, and the weights of a row do not
  // sum to one.
  trace.output = trace.numerator;
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t c = 0; c < d_value; ++c) trace.output(i, c) /= trace.normaliser(i);
  return trace;
  // Another way, quadratic: the matrix phi(Q) phi(K)^T, the future set to zero, rows divided by
  // their sums, times V. The same numbers, and it shows that this is attention.
  // <<< your code
}

}  // namespace headlight::exercise
