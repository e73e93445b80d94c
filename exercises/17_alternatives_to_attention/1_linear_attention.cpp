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
  return headlight::todo("17.1");
  // <<< your code
}

}  // namespace headlight::exercise
