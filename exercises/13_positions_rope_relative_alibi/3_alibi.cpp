// 13.3  ALiBi: the farther away, the less                                  20 minutes
//
//   slopes of n_heads = 2^k heads: 2^(-8/n_heads), and every next one times 2^(-8/n_heads)
//     any other n_heads: those of the next lower power of two, then the 1st, 3rd, 5th, ... slope of
//     the next higher power, as many as are missing
//   bias(h, i, j) = -slope_h (p_i - j), where p_i = i + n_key - n_query is the place of query i
//   masked = scores + bias for j <= p_i, -infinity for later keys; pattern = softmax of every row
//
// Example: 3 heads, one query, 3 keys: 2 heads have 1/16, 1/256; of 4 (1/4, 1/16, ...) the first:
//   slopes [1/16, 1/256, 1/4], bias [-0.1250, -0.0625, 0], [-0.0078, -0.0039, 0], [-0.5, -0.25, 0]
// Section 13 of the report, whose sign is wrong: it would reward distance.
#include "exercises.hpp"

namespace headlight::exercise {

AlibiTrace alibi(const Tensor3& scores) {
  // >>> your code
  return headlight::todo("13.3");
  // <<< your code
}

}  // namespace headlight::exercise
