// Wrong solutions of 06.1: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "06_multi_head_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::ConcatTrace;

struct Mistakes {
  bool split_before = false, interleaved_values = false, reshaped_values = false,
       first_head_only = false, values_reversed = false, values_transposed = false,
       short_product = false, last_head_forgotten = false;
  bool pattern_transposed = false, first_pattern = false, mean_pattern = false, causal = false,
       not_mixed = false, uniform = false, last_token_lost = false, inputs_mixed = false;
  bool reversed = false, interleaved = false, reshaped = false, below = false, summed = false,
       averaged = false, values_joined = false, transposed = false, last_head_lost = false,
       features_reversed = false;
};

ConcatTrace made(const Matrix& X, const Matrix& W_V, const Tensor3& pattern, const Mistakes& m) {
  const std::size_t n = X.shape(0), d_model = X.shape(1), n_heads = pattern.shape(0);
  const std::size_t d_head = W_V.shape(1) / n_heads, width = n_heads * d_head;
  ConcatTrace t;
  t.value = t.z = Tensor3(Tensor3::shape_type{n_heads, n, d_head}, 0.0);
  t.concatenated = Matrix(Matrix::shape_type{n, width}, 0.0);
  const bool turn = m.values_transposed && d_model == width;
  Matrix all(Matrix::shape_type{n, width}, 0.0);  // X W_V
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t column = 0; column < width; ++column)
      for (std::size_t k = 0; k + (m.short_product ? 1 : 0) < d_model; ++k) {
        // The embedding cut into n_heads pieces: a head sees its own piece only.
        if (m.split_before && d_model % n_heads == 0 && k / (d_model / n_heads) != column / d_head)
          continue;
        all(i, column) += X(i, k) * (turn ? W_V(column, k) : W_V(k, column));
      }
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) {
        if (m.last_head_forgotten && h + 1 == n_heads && n_heads > 1) continue;
        t.value(h, i, c) = m.reshaped_values      ? all.data()[(h * n + i) * d_head + c]
                           : m.interleaved_values ? all(i, c * n_heads + h)
                           : m.first_head_only    ? all(i, c)
                           : m.values_reversed    ? all(i, (n_heads - 1 - h) * d_head + c)
                                                  : all(i, h * d_head + c);
      }
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) {
        for (std::size_t j = 0; j + (m.last_token_lost ? 1 : 0) < n; ++j) {
          double weight = m.pattern_transposed ? pattern(h, j, i)
                          : m.first_pattern    ? pattern(0, i, j)
                          : m.uniform          ? 1 / static_cast<double>(n)
                                               : pattern(h, i, j);
          if (m.mean_pattern) {
            weight = 0;
            for (std::size_t other = 0; other < n_heads; ++other)
              weight += pattern(other, i, j) / static_cast<double>(n_heads);
          }
          if (m.causal && j > i) weight = 0;
          t.z(h, i, c) += weight * (m.inputs_mixed && c < d_model ? X(j, c) : t.value(h, j, c));
        }
        if (m.not_mixed) t.z(h, i, c) = t.value(h, i, c);
      }
  const Tensor3& joined = m.values_joined ? t.value : t.z;
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) {
        const std::size_t column = m.interleaved         ? c * n_heads + h
                                   : m.reversed          ? (n_heads - 1 - h) * d_head + c
                                   : m.features_reversed ? h * d_head + (d_head - 1 - c)
                                                         : h * d_head + c;
        if (!(m.last_head_lost && h + 1 == n_heads)) t.concatenated(i, column) = joined(h, i, c);
      }
  if (m.reshaped) std::copy(joined.data(), joined.data() + joined.size(), t.concatenated.data());
  if (m.below) {
    t.concatenated = Matrix(Matrix::shape_type{n_heads * n, d_head});
    std::copy(joined.data(), joined.data() + joined.size(), t.concatenated.data());
  }
  if (m.summed || m.averaged) {
    t.concatenated = Matrix(Matrix::shape_type{n, d_head}, 0.0);
    for (std::size_t h = 0; h < n_heads; ++h)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < d_head; ++c)
          t.concatenated(i, c) += joined(h, i, c) / (m.averaged ? static_cast<double>(n_heads) : 1);
  }
  if (m.transposed) t.concatenated = Matrix(transpose(t.concatenated));
  return t;
}

template <auto Member>
ConcatTrace with(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(X, W_V, pattern, mistakes);
}

ConcatTrace in_place(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  const ConcatTrace trace = made(X, W_V, pattern, {});
  for (double& x : const_cast<Tensor3&>(pattern)) x /= 2;
  return trace;
}

// The sum over keys begins with what the call before left behind.
ConcatTrace not_cleared(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  static Tensor3 z;
  ConcatTrace trace = made(X, W_V, pattern, {});
  if (z.shape() == trace.z.shape())
    for (std::size_t i = 0; i < z.size(); ++i) trace.z.data()[i] += z.data()[i];
  z = trace.z;
  return trace;
}

ConcatTrace sample(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  ConcatTrace trace = made(X, W_V, pattern, {});
  trace.concatenated = {{1, 6}, {3, 8}};
  return trace;
}

ConcatTrace one_axis_missing(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  ConcatTrace trace = made(X, W_V, pattern, {});
  trace.value = Tensor3(Tensor3::shape_type{1, X.shape(0), W_V.shape(1)});
  const Matrix all = matmul(X, W_V);
  std::copy(all.begin(), all.end(), trace.value.begin());
  return trace;
}

ConcatTrace first_pattern_and_reversed(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  Mistakes mistakes;
  mistakes.first_pattern = mistakes.reversed = true;
  return made(X, W_V, pattern, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::concat)>> mutants_06_1;
const std::vector<Mutant<decltype(exercise::concat)>> mutants_06_1 = {
    {"split-before", "value",
     "the embedding was split before it was projected: every head reads all of X",
     with<&Mistakes::split_before>},
    {"values-interleaved", "value", "head h took every n_heads-th column instead of its own block",
     with<&Mistakes::interleaved_values>},
    {"values-reshaped", "value",
     "a reshape alone: rows of X W_V are read as heads; the axes have to be exchanged too",
     with<&Mistakes::reshaped_values>},
    {"first-block", "value", "all heads use the first block of W_V",
     with<&Mistakes::first_head_only>},
    {"values-reversed", "value", "the blocks of W_V are handed out in reverse order",
     with<&Mistakes::values_reversed>},
    {"values-transposed", "value", "W_V is transposed", with<&Mistakes::values_transposed>},
    {"short-product", "value", "the product stops one feature of X early",
     with<&Mistakes::short_product>},
    {"heads-not-split", "value", "X W_V as a whole: it is not split into heads", one_axis_missing},
    {"last-head-forgotten", "value", "the last head is forgotten: a loop ends one too early",
     with<&Mistakes::last_head_forgotten>},
    {"pattern-transposed", "z", "the pattern is transposed: its rows are queries",
     with<&Mistakes::pattern_transposed>},
    {"first-pattern", "z", "all heads use the pattern of head 0", with<&Mistakes::first_pattern>},
    {"mean-pattern", "z", "all heads use the mean pattern", with<&Mistakes::mean_pattern>},
    {"causal", "z", "later tokens are left out: the pattern alone says what is seen",
     with<&Mistakes::causal>},
    {"not-mixed", "z", "the values as they are: the pattern is not used",
     with<&Mistakes::not_mixed>},
    {"uniform", "z", "the mean of all values: the pattern is not used", with<&Mistakes::uniform>},
    {"last-token-lost", "z", "the last token is not added: a loop ends one too early",
     with<&Mistakes::last_token_lost>},
    {"inputs-mixed", "z", "the pattern mixes X instead of the values",
     with<&Mistakes::inputs_mixed>},
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
    {"summed", "concatenated", "the heads are added instead of laid side by side",
     with<&Mistakes::summed>},
    {"averaged", "concatenated", "the mean of the heads instead of all side by side",
     with<&Mistakes::averaged>},
    {"values-joined", "concatenated", "the values are laid side by side, before the pattern",
     with<&Mistakes::values_joined>},
    {"transposed", "concatenated", "transposed: rows are tokens", with<&Mistakes::transposed>},
    {"last-head-lost", "concatenated", "the last head is not copied: a loop ends one too early",
     with<&Mistakes::last_head_lost>},
    {"features-reversed", "concatenated", "the features of every head stand in reverse order",
     with<&Mistakes::features_reversed>},
    {"in-place", "", "the pattern that was handed in is changed", in_place},
    {"not-cleared", "z", "", not_cleared},
    {"sample", "concatenated", "", sample},
    {"first-pattern-reversed", "z", "", first_pattern_and_reversed},
};

}  // namespace headlight::course
