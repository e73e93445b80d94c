// 05.2  Causal mask: nobody sees the future                            10 minutes
//
//   masked(i, j)  = scores(i, j) where key j may be seen by query i, else -infinity
//   pattern       = softmax of every row of masked                    [n, n]
//
// Causal: query i sees keys 0 ... i. Not causal: all keys, masked is scores.
// Example: scores = [[1, 5], [2, 2]], causal, gives
//   masked = [[1, -inf], [2, 2]], pattern = [[1, 0], [0.5, 0.5]]
//
// Section 5 of the report. Scores may be as large as 1000: exp must not overflow.
#include "exercises.hpp"

namespace headlight::exercise {

MaskTrace causal_mask(const Matrix& scores, bool causal) {
  // >>> your code
  return headlight::todo("05.2");
  // <<< your code
}

}  // namespace headlight::exercise
