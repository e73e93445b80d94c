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
  // Every cell of a product is a sum of as many products as its two rows are long, so a count is
  // rows * columns * length.
  const auto work = [](double n, double n_heads, double d_head) {
    const double d_model = 24, wide = n_heads * d_head;  // wide: all heads side by side
    Work out;
    out.projections = 3 * n * wide * d_model;
    // n_heads matrices of n by n, each cell d_head long: heads and width cancel where wide =
    // d_model
    out.scores = n_heads * n * n * d_head;
    // but an exponential is one a cell, however narrow the head: this is what more heads cost
    out.exponentials = n_heads * n * n;
    out.mixture = n_heads * n * d_head * n;
    out.output = n * d_model * wide;
    out.flops = 2 * (out.projections + out.scores + out.mixture + out.output);
    return out;
  };
  Flops all;
  all.base = work(10, 4, 6);
  all.twice_heads = work(10, 8, 3);
  all.twice_tokens = work(20, 4, 6);
  all.wide_heads = work(10, 4, 16);
  return all;
  // Another way: twenty-four numbers. From base on, twice_tokens is projections and output times
  // two, everything else times four.
  // <<< your code
}

}  // namespace headlight::exercise
