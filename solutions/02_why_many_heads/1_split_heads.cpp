// 02.1  Split heads: columns become heads                               10 minutes
//
//   heads(h, i, c) = projected(i, h * d_head + c),  d_head = columns / n_heads
//
// projected is [n, n_heads * d_head], heads is [n_heads, n, d_head].
// Example: projected = [[1, 2, 3, 4], [5, 6, 7, 8]], two heads, gives
//   heads[0] = [[1, 2], [5, 6]], heads[1] = [[3, 4], [7, 8]]
//
// Throw std::invalid_argument when n_heads is 0 or the columns cannot be shared out evenly.
// Section 2 of the report. Tensor3 out = xt::zeros<double>({a, b, c}) makes one of that shape.
#include "exercises.hpp"

namespace headlight::exercise {

Tensor3 split_heads(const Matrix& projected, std::size_t n_heads) {
  // >>> your code
  // A division would drop the columns that are left over, and nobody would notice.
  if (n_heads == 0 || projected.shape(1) % n_heads != 0)
    throw std::invalid_argument("split_heads: " + std::to_string(projected.shape(1)) +
                                " columns do not make " + std::to_string(n_heads) + " heads");
  const std::size_t n = projected.shape(0), d_head = projected.shape(1) / n_heads;
  // A head is a block of columns of every token. Memory runs along tokens, so reading the same
  // numbers with another shape would give a head some tokens instead of some columns.
  Tensor3 heads = xt::zeros<double>({n_heads, n, d_head});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) heads(h, i, c) = projected(i, h * d_head + c);
  return heads;
  // Another way: read as [n, n_heads, d_head], which changes no number, then exchange the first two
  // axes. That is what view(...).transpose(1, 2) does in PyTorch.
  // <<< your code
}

}  // namespace headlight::exercise
