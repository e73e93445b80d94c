// 13.1  RoPE: queries and keys turn with their position                    25 minutes
//
//   theta_t = base^(-2t / d_head), t = 0 ... d_head/2 - 1       [d_head/2], radians a token
//   query, key: split into heads, then in every row at position p every pair (a, b) of coordinates
//     2t and 2t + 1 becomes (a cos w - b sin w, a sin w + b cos w) with w = p theta_t
//   value: split into heads, not turned.  scores = query key^T / sqrt(d_head), head by head
//
// Example: one head of width 2 (so theta = [1]), query [1, 0] at position 2, key [2, 0] at 1:
//   query = [-0.4161, 0.9093], key = [1.0806, 1.6829], scores = [[0.7641]] = 2 cos(1) / sqrt(2)
//
// Section 13 of the report. Head h owns the columns h d_head ... of query, key and value.
#include "exercises.hpp"

namespace headlight::exercise {

RopeTrace rope(const RopeInput& input) {
  // >>> your code
  return headlight::todo("13.1");
  // <<< your code
}

}  // namespace headlight::exercise
