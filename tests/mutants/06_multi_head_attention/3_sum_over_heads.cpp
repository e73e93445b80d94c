// Wrong solutions of 06.3: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "06_multi_head_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SumTrace;

struct Mistakes {
  bool column_blocks = false, first_rows = false, rows_interleaved = false, rows_reversed = false,
       bias_in_each = false, bias_shared = false, divided = false, running = false,
       short_product = false, last_head_lost = false, unprojected = false;
  bool no_bias = false, bias_every_head = false, mean = false, last_only = false,
       first_only = false, bias_twice = false, absolute = false, tokens_too = false,
       bias_first_token = false, last_left_out = false;
  bool squared = false, manhattan = false, of_z = false, transposed = false, mean_square = false,
       largest = false, with_bias = false, of_the_sum = false, running_squares = false,
       signed_sum = false;
};

SumTrace made(const Tensor3& z, const Matrix& W_O, const Vector& b_O, const Mistakes& m) {
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  const std::size_t width = n_heads * d_head, d_out = W_O.shape(1);
  const double heads = static_cast<double>(n_heads);
  SumTrace t;
  t.contributions = Tensor3(Tensor3::shape_type{n_heads, n, d_out}, 0.0);
  t.output = Matrix(Matrix::shape_type{n, d_out}, 0.0);
  t.lengths = Matrix(Matrix::shape_type{n_heads, n}, 0.0);
  const bool square = width == d_out;
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t o = 0; o < d_out; ++o) {
        double& cell = t.contributions(h, i, o);
        for (std::size_t c = 0; c + (m.short_product ? 1 : 0) < d_head; ++c) {
          const std::size_t row = m.first_rows         ? c
                                  : m.rows_interleaved ? c * n_heads + h
                                  : m.rows_reversed    ? (n_heads - 1 - h) * d_head + c
                                                       : h * d_head + c;
          cell += z(h, i, c) * (m.column_blocks && square ? W_O(o, row) : W_O(row, o));
        }
        if (m.unprojected && square) cell = o / d_head == h ? z(h, i, o % d_head) : 0;
        if (m.bias_in_each) cell += b_O(o);
        if (m.bias_shared) cell += b_O(o) / heads;
        if (m.divided) cell /= heads;
        if (m.running && h > 0) cell += t.contributions(h - 1, i, o);
        if (m.last_head_lost && h + 1 == n_heads) cell = 0;
      }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t o = 0; o < d_out; ++o) {
      double& cell = t.output(i, o);
      for (std::size_t h = 0; h < n_heads; ++h) {
        const double part = t.contributions(h, i, o);
        if (m.last_only) cell = 0;
        if (m.first_only && h > 0) continue;
        if (m.last_left_out && h + 1 == n_heads) continue;
        cell += m.absolute ? std::abs(part) : part;
        if (m.bias_every_head) cell += b_O(o);
      }
      if (m.mean) cell /= heads;
      if (m.tokens_too && i > 0) cell += t.output(i - 1, o);
      const double times = m.no_bias || m.bias_every_head || m.bias_in_each || m.bias_shared ? 0
                           : m.bias_twice                                                    ? 2
                           : m.bias_first_token && i > 0                                     ? 0
                                                                                             : 1;
      cell += times * b_O(o);
    }
  double squares = 0;
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i) {
      if (!m.running_squares) squares = 0;
      double sum = 0, most = 0, plain = 0;
      for (std::size_t k = 0; k < (m.of_z ? d_head : d_out); ++k) {
        const double x = m.of_z         ? z(h, i, k)
                         : m.of_the_sum ? t.output(i, k)
                         : m.with_bias  ? t.contributions(h, i, k) + b_O(k)
                                        : t.contributions(h, i, k);
        squares += x * x;
        sum += std::abs(x);
        plain += x;
        most = std::max(most, std::abs(x));
      }
      t.lengths(h, i) = m.squared       ? squares
                        : m.manhattan   ? sum
                        : m.largest     ? most
                        : m.signed_sum  ? plain
                        : m.mean_square ? std::sqrt(squares / static_cast<double>(d_out))
                                        : std::sqrt(squares);
    }
  if (m.transposed) t.lengths = Matrix(transpose(t.lengths));
  return t;
}

template <auto Member>
SumTrace with(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(z, W_O, b_O, mistakes);
}

SumTrace in_place(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  const SumTrace trace = made(z, W_O, b_O, {});
  for (double& x : const_cast<Matrix&>(W_O)) x = 0;
  return trace;
}

// The sum is never set back to zero.
SumTrace not_cleared(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  static double left_over = 0;
  SumTrace trace = made(z, W_O, b_O, {});
  trace.output(0, 0) += left_over;
  left_over = trace.output(0, 0);
  return trace;
}

SumTrace sample(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  SumTrace trace = made(z, W_O, b_O, {});
  trace.output = {{16, 20}};
  return trace;
}

SumTrace rows_and_squares(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  Mistakes mistakes;
  mistakes.first_rows = mistakes.squared = true;
  return made(z, W_O, b_O, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::sum_over_heads)>> mutants_06_3;
const std::vector<Mutant<decltype(exercise::sum_over_heads)>> mutants_06_3 = {
    {"column-blocks", "contributions",
     "a block of columns of W_O instead of a block of rows (W_O transposed)",
     with<&Mistakes::column_blocks>},
    {"first-rows", "contributions", "all heads use the rows of head 0",
     with<&Mistakes::first_rows>},
    {"rows-interleaved", "contributions",
     "head h took every n_heads-th row instead of its own block",
     with<&Mistakes::rows_interleaved>},
    {"rows-reversed", "contributions", "the blocks of rows are handed out in reverse order",
     with<&Mistakes::rows_reversed>},
    {"bias-in-each", "contributions",
     "b_O is in every contribution, and so n_heads times in the sum",
     with<&Mistakes::bias_in_each>},
    {"bias-shared", "contributions",
     "b_O is shared out among the heads: the sum is right, but the bias belongs to no head",
     with<&Mistakes::bias_shared>},
    {"divided", "contributions", "divided by the number of heads: heads are added, not averaged",
     with<&Mistakes::divided>},
    {"running-sum", "contributions", "the sum of all heads so far: something is not cleared",
     with<&Mistakes::running>},
    {"short-product", "contributions", "the product stops one feature of the head early",
     with<&Mistakes::short_product>},
    {"last-head-lost", "contributions", "the last head is left out: a loop ends one too early",
     with<&Mistakes::last_head_lost>},
    {"unprojected", "contributions", "z in its own columns: W_O is forgotten",
     with<&Mistakes::unprojected>},
    {"no-bias", "output", "b_O is forgotten", with<&Mistakes::no_bias>},
    {"bias-every-head", "output", "b_O is added once for every head",
     with<&Mistakes::bias_every_head>},
    {"bias-twice", "output", "b_O is added twice", with<&Mistakes::bias_twice>},
    {"bias-first-token", "output", "b_O is added to the first token only",
     with<&Mistakes::bias_first_token>},
    {"mean", "output", "the mean over heads instead of the sum", with<&Mistakes::mean>},
    {"last-only", "output",
     "only the last head arrives: = instead of +=", with<&Mistakes::last_only>},
    {"first-only", "output", "only the first head arrives", with<&Mistakes::first_only>},
    {"last-left-out", "output", "the last head is not added: a loop ends one too early",
     with<&Mistakes::last_left_out>},
    {"absolute", "output", "absolute values are added: heads may also cancel each other",
     with<&Mistakes::absolute>},
    {"over-tokens", "output", "earlier tokens are added too: the sum is over heads only",
     with<&Mistakes::tokens_too>},
    {"squared", "lengths", "the root is missing", with<&Mistakes::squared>},
    {"manhattan", "lengths", "absolute values are added instead of squares",
     with<&Mistakes::manhattan>},
    {"largest", "lengths", "the largest number instead of the length", with<&Mistakes::largest>},
    {"plain-sum", "lengths", "the numbers themselves are added: no squares, no root",
     with<&Mistakes::signed_sum>},
    {"mean-square", "lengths", "divided by d_out under the root: that is a mean, not a length",
     with<&Mistakes::mean_square>},
    {"length-of-z", "lengths", "the length of z: W_O may stretch or shrink it",
     with<&Mistakes::of_z>},
    {"length-with-bias", "lengths", "b_O is in the length: it belongs to no head",
     with<&Mistakes::with_bias>},
    {"length-of-output", "lengths", "the length of the output, the same for every head",
     with<&Mistakes::of_the_sum>},
    {"squares-not-cleared", "lengths", "the sum of squares is not set back to zero",
     with<&Mistakes::running_squares>},
    {"lengths-transposed", "lengths", "transposed: rows are heads, columns are tokens",
     with<&Mistakes::transposed>},
    {"in-place", "", "the W_O that was handed in is changed", in_place},
    {"not-cleared", "output", "", not_cleared},
    {"sample", "output", "", sample},
    {"first-rows-squared", "contributions", "", rows_and_squares},
};

}  // namespace headlight::course
