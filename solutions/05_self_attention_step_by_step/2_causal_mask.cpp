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
  MaskTrace trace{scores, scores};
  const std::size_t n = scores.shape(0);
  // Infinity, not zero: a score of zero still gets exp(0) = 1. And assigned, not added through a
  // product with the mask: 0 times infinity is not a number.
  if (causal)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j)
        trace.masked(i, j) = -std::numeric_limits<double>::infinity();
  // The largest score of the row is taken off first: the softmax does not change, exp cannot
  // overflow.
  for (std::size_t i = 0; i < n; ++i) {
    double largest = trace.masked(i, 0), total = 0;
    for (std::size_t j = 0; j < n; ++j) largest = std::max(largest, trace.masked(i, j));
    for (std::size_t j = 0; j < n; ++j)
      total += trace.pattern(i, j) = std::exp(trace.masked(i, j) - largest);
    for (std::size_t j = 0; j < n; ++j) trace.pattern(i, j) /= total;
  }
  return trace;
  // Another way: sum over j <= i only and leave the rest of the row zero.
  // <<< your code
}

}  // namespace headlight::exercise
