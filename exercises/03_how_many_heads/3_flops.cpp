// 03.3  Flops: predict what attention costs                             15 minutes
//
//   Four layers, six numbers each: see Work and Flops in exercises.hpp. All read n tokens of
//   d_model = 24 numbers, none has a mask. Fill them in before you check, one by one,
//   all.base.scores = ..., or six at once, all.base = {..., ..., ..., ..., ..., ...}
//     base          n = 10, 4 heads of 6      twice_heads  n = 10, 8 heads of 3
//     twice_tokens  n = 20, 4 heads of 6      wide_heads   n = 10, 4 heads of 16
//
// Example: n = 2, d_model = 3, one head of 1: projections = 18, scores = 4, exponentials = 4,
//   mixture = 4, output = 6, flops = 64 (twice 18 + 4 + 4 + 6)
// Section 3 of the report. What grows with the heads, and what does not?
#include "exercises.hpp"

namespace headlight::exercise {

Flops flops() {
  // >>> your code
  return headlight::todo("03.3");
  // <<< your code
}

}  // namespace headlight::exercise
