// Wrong solutions of 02.1: each has to be refused, at its stage, by its name.
#include "02_why_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

void require_even(const Matrix& projected, std::size_t n_heads) {
  if (n_heads == 0 || projected.shape(1) % n_heads != 0)
    throw std::invalid_argument("columns do not make heads");
}

// heads(h, i, c) taken from the token and column that `from` says, after the check.
template <class From>
Tensor3 picked(const Matrix& projected, std::size_t n_heads, From from) {
  require_even(projected, n_heads);
  const std::size_t n = projected.shape(0), d_head = projected.shape(1) / n_heads;
  Tensor3 heads = xt::zeros<double>({n_heads, n, d_head});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) heads(h, i, c) = from(h, i, c);
  return heads;
}

Tensor3 right(const Matrix& projected, std::size_t n_heads) {
  return picked(projected, n_heads, [&](std::size_t h, std::size_t i, std::size_t c) {
    return projected(i, h * (projected.shape(1) / n_heads) + c);
  });
}

Tensor3 interleaved(const Matrix& projected, std::size_t n_heads) {
  return picked(projected, n_heads, [&](std::size_t h, std::size_t i, std::size_t c) {
    return projected(i, c * n_heads + h);
  });
}
Tensor3 raw_reshape(const Matrix& projected, std::size_t n_heads) {
  require_even(projected, n_heads);
  Tensor3 heads = xt::zeros<double>({n_heads, projected.shape(0), projected.shape(1) / n_heads});
  std::copy(projected.begin(), projected.end(), heads.begin());
  return heads;
}
Tensor3 heads_in_the_middle(const Matrix& projected, std::size_t n_heads) {
  require_even(projected, n_heads);
  Tensor3 heads = xt::zeros<double>({projected.shape(0), n_heads, projected.shape(1) / n_heads});
  std::copy(projected.begin(), projected.end(), heads.begin());
  return heads;
}
Tensor3 reversed(const Matrix& projected, std::size_t n_heads) {
  return picked(projected, n_heads, [&](std::size_t h, std::size_t i, std::size_t c) {
    return projected(i, (n_heads - 1 - h) * (projected.shape(1) / n_heads) + c);
  });
}
Tensor3 columns_reversed(const Matrix& projected, std::size_t n_heads) {
  return picked(projected, n_heads, [&](std::size_t h, std::size_t i, std::size_t c) {
    const std::size_t d_head = projected.shape(1) / n_heads;
    return projected(i, h * d_head + (d_head - 1 - c));
  });
}
Tensor3 first_for_all(const Matrix& projected, std::size_t n_heads) {
  return picked(projected, n_heads,
                [&](std::size_t, std::size_t i, std::size_t c) { return projected(i, c); });
}
Tensor3 overlapping(const Matrix& projected, std::size_t n_heads) {
  return picked(projected, n_heads,
                [&](std::size_t h, std::size_t i, std::size_t c) { return projected(i, h + c); });
}
Tensor3 step_of_heads(const Matrix& projected, std::size_t n_heads) {
  return picked(projected, n_heads, [&](std::size_t h, std::size_t i, std::size_t c) {
    return projected(i, (h * n_heads + c) % projected.shape(1));
  });
}
Tensor3 last_column_missed(const Matrix& projected, std::size_t n_heads) {
  Tensor3 heads = right(projected, n_heads);
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < heads.shape(1); ++i) heads(h, i, heads.shape(2) - 1) = 0;
  return heads;
}
Tensor3 last_token_missed(const Matrix& projected, std::size_t n_heads) {
  Tensor3 heads = right(projected, n_heads);
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t c = 0; c < heads.shape(2); ++c) heads(h, heads.shape(1) - 1, c) = 0;
  return heads;
}
Tensor3 last_head_missed(const Matrix& projected, std::size_t n_heads) {
  Tensor3 heads = right(projected, n_heads);
  for (std::size_t i = 0; i < heads.shape(1); ++i)
    for (std::size_t c = 0; c < heads.shape(2); ++c) heads(n_heads - 1, i, c) = 0;
  return heads;
}
Tensor3 head_transposed(const Matrix& projected, std::size_t n_heads) {
  const Tensor3 heads = right(projected, n_heads);
  Tensor3 out = xt::zeros<double>({n_heads, heads.shape(2), heads.shape(1)});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < heads.shape(1); ++i)
      for (std::size_t c = 0; c < heads.shape(2); ++c) out(h, c, i) = heads(h, i, c);
  return out;
}
Tensor3 width_and_heads_swapped(const Matrix& projected, std::size_t n_heads) {
  require_even(projected, n_heads);
  return right(projected, projected.shape(1) / n_heads);
}
Tensor3 remainder_dropped(const Matrix& projected, std::size_t n_heads) {
  if (n_heads == 0) throw std::invalid_argument("no heads");
  const std::size_t n = projected.shape(0), d_head = projected.shape(1) / n_heads;
  Tensor3 heads = xt::zeros<double>({n_heads, n, d_head});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) heads(h, i, c) = projected(i, h * d_head + c);
  return heads;
}
Tensor3 remainder_filled(const Matrix& projected, std::size_t n_heads) {
  if (n_heads == 0) throw std::invalid_argument("no heads");
  const std::size_t n = projected.shape(0), d = projected.shape(1),
                    d_head = (d + n_heads - 1) / n_heads;
  Tensor3 heads = xt::zeros<double>({n_heads, n, d_head});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d; ++c) heads(c / d_head, i, c % d_head) = projected(i, c);
  return heads;
}
Tensor3 no_heads_let_through(const Matrix& projected, std::size_t n_heads) {
  if (n_heads == 0) return xt::zeros<double>({std::size_t{0}, projected.shape(0), std::size_t{0}});
  return right(projected, n_heads);
}
Tensor3 another_exception(const Matrix& projected, std::size_t n_heads) {
  if (n_heads == 0 || projected.shape(1) % n_heads != 0)
    throw std::runtime_error("columns do not make heads");
  return right(projected, n_heads);
}
Tensor3 width_one_refused(const Matrix& projected, std::size_t n_heads) {
  if (n_heads >= projected.shape(1)) throw std::invalid_argument("too many heads");
  return right(projected, n_heads);
}
Tensor3 in_place(const Matrix& projected, std::size_t n_heads) {
  const Tensor3 heads = right(projected, n_heads);
  const_cast<Matrix&>(projected) *= 0.5;
  return heads;
}
Tensor3 of_the_example(const Matrix& projected, std::size_t n_heads) {
  require_even(projected, n_heads);
  return {{{1, 2}, {5, 6}}, {{3, 4}, {7, 8}}};
}
Tensor3 interleaved_and_dropped(const Matrix& projected, std::size_t n_heads) {
  if (n_heads == 0) throw std::invalid_argument("no heads");
  const std::size_t d_head = projected.shape(1) / n_heads;
  Matrix rest = xt::view(projected, xt::all(), xt::range(0, d_head * n_heads));
  return d_head == 0 ? Tensor3(xt::zeros<double>({n_heads, projected.shape(0), d_head}))
                     : interleaved(rest, n_heads);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::split_heads)>> mutants_02_1;
const std::vector<Mutant<decltype(exercise::split_heads)>> mutants_02_1 = {
    {"interleaved", "heads",
     "interleaved: head h gets columns h, h + n_heads, ... instead of a block", interleaved},
    {"raw-reshape", "heads",
     "the numbers are only read with another shape: a head gets tokens instead of columns",
     raw_reshape},
    {"heads-in-the-middle", "heads", "the axes are [n, n_heads, d_head]: exchange the first two",
     heads_in_the_middle},
    {"reversed", "heads", "the heads are in reverse order", reversed},
    {"columns-reversed", "heads", "the columns of each head are in reverse order",
     columns_reversed},
    {"first-for-all", "heads", "every head gets the columns of head 0", first_for_all},
    {"overlapping", "heads", "heads begin one column apart instead of d_head apart", overlapping},
    {"step-of-heads", "heads", "heads begin n_heads columns apart instead of d_head apart",
     step_of_heads},
    {"last-column-missed", "heads", "the last column of each head is left out", last_column_missed},
    {"last-token-missed", "heads", "the last token is left out", last_token_missed},
    {"last-head-missed", "heads", "the last head is left out", last_head_missed},
    {"head-transposed", "heads", "each head is transposed: tokens are rows", head_transposed},
    {"width-heads-swapped", "heads", "d_head and n_heads are swapped", width_and_heads_swapped},
    {"remainder-dropped", "", "columns that are left over are dropped without a word",
     remainder_dropped},
    {"remainder-filled", "", "the last head is filled up with zeros without a word",
     remainder_filled},
    {"no-heads-let-through", "", "0 heads are let through", no_heads_let_through},
    {"another-exception", "", "refused, but not with std::invalid_argument", another_exception},
    {"width-one-refused", "", "heads of width one are refused", width_one_refused},
    {"in-place", "", "the matrix that was handed in is changed", in_place},
    {"of-the-example", "heads", "the numbers of the example are returned, whatever comes in",
     of_the_example},
    {"interleaved-and-dropped", "heads", "", interleaved_and_dropped},
};

}  // namespace headlight::course
