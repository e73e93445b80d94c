// Wrong solutions of 06.2: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "06_multi_head_attention/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"

namespace headlight::course {

namespace {

using exercise::OutputTrace;

struct Mistakes {
  bool reversed = false, interleaved = false, reshaped = false, below = false,
       last_head_lost = false;
  bool transposed = false, forgotten = false, short_product = false, averaged = false,
       first_rows = false, rows_reversed = false, scaled_root = false, value_matrix = false;
  bool no_bias = false, bias_every_head = false, bias_first_token = false, bias_twice = false,
       bias_subtracted = false, bias_by_token = false;
  bool all_heads = false, first_head_only = false, rows_as_columns = false, other_head = false,
       rows_interleaved = false, bias_folded = false, summed = false, folded_transposed = false,
       divided = false, short_fold = false;
};

OutputTrace made(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O,
                 const Mistakes& m) {
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  const std::size_t width = n_heads * d_head, d_model = W_V.shape(0), d_out = W_O.shape(1);
  OutputTrace t;
  t.concatenated = Matrix(Matrix::shape_type{n, width}, 0.0);
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) {
        const std::size_t column = m.interleaved ? c * n_heads + h
                                   : m.reversed  ? (n_heads - 1 - h) * d_head + c
                                                 : h * d_head + c;
        if (!(m.last_head_lost && h + 1 == n_heads)) t.concatenated(i, column) = z(h, i, c);
      }
  if (m.reshaped) std::copy(z.data(), z.data() + z.size(), t.concatenated.data());
  if (m.below) {
    t.concatenated = Matrix(Matrix::shape_type{n_heads * n, d_head});
    std::copy(z.data(), z.data() + z.size(), t.concatenated.data());
  }
  const bool square = width == d_out, value_fits = d_model == width && square;
  t.mixed = Matrix(Matrix::shape_type{n, d_out}, 0.0);
  if (t.concatenated.shape(1) == width)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t o = 0; o < d_out; ++o) {
        for (std::size_t k = 0; k + (m.short_product ? 1 : 0) < width; ++k) {
          const std::size_t row = m.first_rows ? k % d_head
                                  : m.rows_reversed
                                      ? (n_heads - 1 - k / d_head) * d_head + k % d_head
                                      : k;
          t.mixed(i, o) += t.concatenated(i, k) * (m.transposed && square         ? W_O(o, k)
                                                   : m.value_matrix && value_fits ? W_V(k, o)
                                                                                  : W_O(row, o));
        }
        if (m.averaged) t.mixed(i, o) /= static_cast<double>(n_heads);
        if (m.scaled_root) t.mixed(i, o) /= std::sqrt(static_cast<double>(d_head));
      }
  if (m.forgotten) t.mixed = t.concatenated;
  t.output = t.mixed;
  for (std::size_t i = 0; i < t.output.shape(0); ++i)
    for (std::size_t o = 0; o < t.output.shape(1) && o < d_out; ++o) {
      const double times = m.no_bias                     ? 0
                           : m.bias_every_head           ? static_cast<double>(n_heads)
                           : m.bias_twice                ? 2
                           : m.bias_subtracted           ? -1
                           : m.bias_first_token && i > 0 ? 0
                                                         : 1;
      t.output(i, o) += times * b_O(m.bias_by_token ? i % d_out : o);
    }
  t.folded = Tensor3(Tensor3::shape_type{n_heads, d_model, d_out}, 0.0);
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t a = 0; a < d_model; ++a)
      for (std::size_t o = 0; o < d_out; ++o) {
        const std::size_t first = m.all_heads ? 0 : h * d_head;
        const std::size_t last = m.all_heads ? width : first + d_head;
        for (std::size_t k = first; k + (m.short_fold ? 1 : 0) < last; ++k) {
          const std::size_t row = m.first_head_only    ? k % d_head
                                  : m.rows_interleaved ? k % d_head * n_heads + h
                                  : m.other_head       ? (n_heads - 1 - h) * d_head + k % d_head
                                                       : k;
          t.folded(h, a, o) +=
              W_V(a, k) * (m.rows_as_columns && square ? W_O(o, row) : W_O(row, o));
        }
        if (m.bias_folded) t.folded(h, a, o) += b_O(o);
        if (m.divided) t.folded(h, a, o) /= static_cast<double>(n_heads);
      }
  if (m.summed)
    for (std::size_t a = 0; a < d_model; ++a)
      for (std::size_t o = 0; o < d_out; ++o)
        for (std::size_t h = 1; h < n_heads; ++h) t.folded(h, a, o) += t.folded(h - 1, a, o);
  if (m.folded_transposed) {
    const Tensor3 right = t.folded;
    t.folded = Tensor3(Tensor3::shape_type{n_heads, d_out, d_model});
    for (std::size_t h = 0; h < n_heads; ++h)
      for (std::size_t a = 0; a < d_model; ++a)
        for (std::size_t o = 0; o < d_out; ++o) t.folded(h, o, a) = right(h, a, o);
  }
  return t;
}

template <auto Member>
OutputTrace with(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(z, W_V, W_O, b_O, mistakes);
}

OutputTrace in_place(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O) {
  const OutputTrace trace = made(z, W_V, W_O, b_O, {});
  for (double& x : const_cast<Vector&>(b_O)) x += 1;
  return trace;
}

// W_V W_O is worked out in the first call and kept for all inputs of that shape.
OutputTrace folded_kept(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O) {
  static Tensor3 kept;
  OutputTrace trace = made(z, W_V, W_O, b_O, {});
  if (kept.shape() == trace.folded.shape())
    trace.folded = kept;
  else
    kept = trace.folded;
  return trace;
}

OutputTrace sample(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O) {
  OutputTrace trace = made(z, W_V, W_O, b_O, {});
  trace.mixed = {{13, 16}};
  return trace;
}

OutputTrace reversed_and_no_bias(const Tensor3& z, const Matrix& W_V, const Matrix& W_O,
                                 const Vector& b_O) {
  Mistakes mistakes;
  mistakes.reversed = mistakes.no_bias = true;
  return made(z, W_V, W_O, b_O, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::w_o)>> mutants_06_2;
const std::vector<Mutant<decltype(exercise::w_o)>> mutants_06_2 = {
    {"reversed", "concatenated", "the heads stand in reverse order", with<&Mistakes::reversed>},
    {"interleaved", "concatenated",
     "interleaved: feature 0 of all heads, then feature 1; every head stays in one piece",
     with<&Mistakes::interleaved>},
    {"reshaped", "concatenated",
     "a reshape alone: the heads lie below each other in memory; the axes have to be exchanged "
     "first",
     with<&Mistakes::reshaped>},
    {"below", "concatenated", "the heads are stacked below each other instead of side by side",
     with<&Mistakes::below>},
    {"last-head-lost", "concatenated", "the last head is not copied: a loop ends one too early",
     with<&Mistakes::last_head_lost>},
    {"transposed", "mixed", "W_O is transposed: its rows belong to heads, its columns to d_out",
     with<&Mistakes::transposed>},
    {"forgotten", "mixed", "W_O is forgotten: the concatenation as it is",
     with<&Mistakes::forgotten>},
    {"value-matrix", "mixed", "multiplied by W_V instead of W_O", with<&Mistakes::value_matrix>},
    {"short-product", "mixed", "the product stops one column early",
     with<&Mistakes::short_product>},
    {"averaged", "mixed", "divided by the number of heads: W_O adds, it does not average",
     with<&Mistakes::averaged>},
    {"first-rows", "mixed", "all heads use the rows of head 0", with<&Mistakes::first_rows>},
    {"rows-reversed", "mixed", "the blocks of rows are handed out in reverse order",
     with<&Mistakes::rows_reversed>},
    {"scaled-root", "mixed", "divided by sqrt(d_head): that belongs to scores",
     with<&Mistakes::scaled_root>},
    {"no-bias", "output", "b_O is forgotten", with<&Mistakes::no_bias>},
    {"bias-every-head", "output", "b_O is added once for every head",
     with<&Mistakes::bias_every_head>},
    {"bias-twice", "output", "b_O is added twice", with<&Mistakes::bias_twice>},
    {"bias-first-token", "output", "b_O is added to the first token only",
     with<&Mistakes::bias_first_token>},
    {"bias-subtracted", "output", "b_O is subtracted", with<&Mistakes::bias_subtracted>},
    {"bias-by-token", "output", "b_O is read by token: it has one number for every column",
     with<&Mistakes::bias_by_token>},
    {"folded-whole", "folded", "W_V W_O of all heads together: each head has its own block",
     with<&Mistakes::all_heads>},
    {"folded-first-rows", "folded", "all heads are folded with the rows of head 0",
     with<&Mistakes::first_head_only>},
    {"folded-columns", "folded", "columns of W_O instead of its rows",
     with<&Mistakes::rows_as_columns>},
    {"folded-other-head", "folded", "columns of one head meet rows of another",
     with<&Mistakes::other_head>},
    {"folded-interleaved", "folded", "head h took every n_heads-th row instead of its own block",
     with<&Mistakes::rows_interleaved>},
    {"folded-bias", "folded", "b_O is folded in: it belongs to no head",
     with<&Mistakes::bias_folded>},
    {"folded-running-sum", "folded", "the sum of all heads so far: something is not cleared",
     with<&Mistakes::summed>},
    {"folded-transposed", "folded", "transposed: rows are d_model, columns are d_out",
     with<&Mistakes::folded_transposed>},
    {"folded-divided", "folded", "divided by the number of heads", with<&Mistakes::divided>},
    {"folded-short", "folded", "the product stops one feature of the head early",
     with<&Mistakes::short_fold>},
    {"in-place", "", "the bias that was handed in is changed", in_place},
    {"folded-kept", "folded", "", folded_kept},
    {"sample", "mixed", "", sample},
    {"reversed-no-bias", "concatenated", "", reversed_and_no_bias},
};

}  // namespace headlight::course
