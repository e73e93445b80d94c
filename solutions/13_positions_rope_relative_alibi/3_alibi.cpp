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
  const std::size_t n_heads = scores.shape(0), n_query = scores.shape(1), n_key = scores.shape(2);
  AlibiTrace trace;
  trace.slopes = xt::zeros<double>({n_heads});
  trace.bias = trace.masked = trace.pattern = xt::zeros<double>({n_heads, n_query, n_key});
  // The sequence ends at 2^-8 for every power of two: more heads fill the same range more finely.
  std::size_t power = 1;
  while (2 * power <= n_heads) power *= 2;
  for (std::size_t h = 0; h < n_heads; ++h) {
    const std::size_t place = h < power ? h + 1 : 2 * (h - power) + 1;  // from one
    const std::size_t of = h < power ? power : 2 * power;
    trace.slopes(h) = std::exp2(-8.0 * static_cast<double>(place) / static_cast<double>(of));
  }
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i) {
      const std::size_t position = i + n_key - n_query;
      double largest = -std::numeric_limits<double>::infinity(), total = 0;
      for (std::size_t j = 0; j < n_key; ++j) {
        // A penalty: zero at the query's own place, the more negative the farther back. The report
        // subtracts slope (j - i), which is positive for the past.
        const double distance = static_cast<double>(position) - static_cast<double>(j);
        trace.bias(h, i, j) = -trace.slopes(h) * distance;
        trace.masked(h, i, j) = j <= position ? scores(h, i, j) + trace.bias(h, i, j)
                                              : -std::numeric_limits<double>::infinity();
        largest = std::max(largest, trace.masked(h, i, j));
      }
      for (std::size_t j = 0; j < n_key; ++j)
        total += trace.pattern(h, i, j) = std::exp(trace.masked(h, i, j) - largest);
      for (std::size_t j = 0; j < n_key; ++j) trace.pattern(h, i, j) /= total;
    }
  return trace;
  // Another way: slope_h j added to every key gives the same pattern, for what a whole row shares
  // drops out of the softmax.
  // <<< your code
}

}  // namespace headlight::exercise
