// 06.3  A sum over heads                                                   15 minutes
//
//   contributions(h) = z(h) W_O(h)                    [n_heads, n, d_out]
//   output           = contributions(0) + contributions(1) + ... + b_O     [n, d_out]
//   lengths(h, i)    = sqrt(sum of squares of contributions(h, i))         [n_heads, n]
// W_O(h): rows h d_head ... (h + 1) d_head - 1 of W_O, d_head of them.
//
// Example: one token, two heads of width 1, z = [[[1]], [[2]]], W_O = [[3, 4], [6, 8]] and
//   b_O = [1, 0] gives contributions = [[[3, 4]], [[12, 16]]], output = [[16, 20]],
//   lengths = [[5], [20]]
//
// Section 6 of the report. z = what head h mixed out of its values, before W_O.
#include "exercises.hpp"

namespace headlight::exercise {

SumTrace sum_over_heads(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  // >>> your code
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  const std::size_t d_out = W_O.shape(1);
  SumTrace trace;
  trace.contributions = xt::zeros<double>({n_heads, n, d_out});
  trace.output = xt::zeros<double>({n, d_out});
  trace.lengths = xt::zeros<double>({n_heads, n});
  // Every head writes into the same residual stream. Side by side times W_O is the same as one
  // below the other, each times its own rows, and added: so one head can be looked at, or left out,
  // alone.
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i) {
      double squares = 0;
      for (std::size_t o = 0; o < d_out; ++o) {
        for (std::size_t c = 0; c < d_head; ++c)
          trace.contributions(h, i, o) += z(h, i, c) * W_O(h * d_head + c, o);
        trace.output(i, o) += trace.contributions(h, i, o);
        squares += trace.contributions(h, i, o) * trace.contributions(h, i, o);
      }
      trace.lengths(h, i) = std::sqrt(squares);
    }
  // The bias belongs to no head, so it is added once.
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t o = 0; o < d_out; ++o) trace.output(i, o) += b_O(o);
  return trace;
  // Another way: multiply a concatenation in which all heads but one are zero by W_O.
  // <<< your code
}

}  // namespace headlight::exercise
