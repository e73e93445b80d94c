// 06.2  The output projection, and how to do without it                    20 minutes
//
//   concatenated = [ z(0) | z(1) | ... ]     [n, n_heads d_head]
//   mixed        = concatenated W_O          [n, d_out]
//   output       = mixed + b_O               [n, d_out], b_O is added to every token
//   folded(h)    = W_V(h) W_O(h)             [n_heads, d_model, d_out]
// W_V(h): columns h d_head ... of W_V. W_O(h): rows h d_head ... of W_O.
//
// Example: one token, two heads of width 1, z = [[[1]], [[2]]], W_V = [[1, 2], [0, 1]],
//   W_O = [[3, 4], [5, 6]], b_O = [1, 0] gives concatenated = [[1, 2]], mixed = [[13, 16]],
//   output = [[14, 16]], folded = [[[3, 4], [0, 0]], [[10, 12], [5, 6]]]
// Section 6 of the report. d_out may differ from n_heads d_head: W_O need not be square.
#include "exercises.hpp"

namespace headlight::exercise {

OutputTrace w_o(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O) {
  // >>> your code
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  const std::size_t d_model = W_V.shape(0), d_out = W_O.shape(1);
  OutputTrace trace;
  trace.concatenated = xt::zeros<double>({n, n_heads * d_head});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) trace.concatenated(i, h * d_head + c) = z(h, i, c);
  trace.mixed = matmul(trace.concatenated, W_O);
  trace.output = trace.mixed + b_O;
  // A head reads with W_V and writes with W_O, and between the two there is only a mixture over
  // tokens. So the two may be multiplied beforehand: the same function, and no W_O is left. What
  // makes heads interact is not W_O.
  trace.folded = xt::zeros<double>({n_heads, d_model, d_out});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t m = 0; m < d_model; ++m)
      for (std::size_t o = 0; o < d_out; ++o)
        for (std::size_t c = 0; c < d_head; ++c)
          trace.folded(h, m, o) += W_V(m, h * d_head + c) * W_O(h * d_head + c, o);
  return trace;
  // Another way: copy head h's columns and rows into two small matrices and multiply those; rank
  // d_head at most, however large d_model is.
  // <<< your code
}

}  // namespace headlight::exercise
