// Wrong solutions of 04.1: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "04_query_key_value/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"

namespace headlight::course {

namespace {

using exercise::CrossTrace;
using exercise::CrossWeights;
using Padding = std::vector<bool>;
constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

struct Mistakes {
  bool query_from_source = false, key_from_target = false, key_from_W_Q = false;
  bool value_from_target = false, value_from_W_K = false;
  bool no_scale = false, scaled_twice = false, scale_d_model = false, scale_n_key = false,
       transposed_scores = false;
  bool padding_ignored = false, padding_inverted = false, padding_hides_queries = false,
       causal = false, zero_hides = false, last_key_open = false, padding_is_at_the_end = false;
  bool after_softmax = false, over_columns = false, overflow = false, one_maximum = false,
       maximum_from_zero = false, open_softmax = false;
  bool key_as_value = false, uniform = false, first_keys_only = false, whole_sum = false;
};

CrossTrace made(const Matrix& target, const Matrix& source, const CrossWeights& w,
                const Padding& is_padding, const Mistakes& m) {
  CrossTrace t;
  t.query = matmul(m.query_from_source ? source : target, w.W_Q);
  t.key = matmul(m.key_from_target ? target : source, m.key_from_W_Q ? w.W_Q : w.W_K);
  t.value = matmul(m.value_from_target ? target : source, m.value_from_W_K ? w.W_K : w.W_V);
  const double d_head = static_cast<double>(w.W_Q.shape(1));
  const double divisor = m.no_scale        ? 1
                         : m.scaled_twice  ? d_head
                         : m.scale_d_model ? std::sqrt(static_cast<double>(target.shape(1)))
                         : m.scale_n_key   ? std::sqrt(static_cast<double>(source.shape(0)))
                                           : std::sqrt(d_head);
  t.scores = scaled(product(t.query, flipped(t.key)), 1 / divisor);
  if (m.transposed_scores) t.scores = flipped(t.scores);
  t.masked = t.scores;
  const std::size_t rows = t.scores.shape(0), columns = t.scores.shape(1);
  const auto padded = [&](std::size_t j) { return j < is_padding.size() && is_padding[j]; };
  std::size_t n_real = 0;
  for (const bool one : is_padding) n_real += one ? 0 : 1;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      bool hide = padded(m.padding_hides_queries ? i : j) != m.padding_inverted;
      if (m.padding_is_at_the_end) hide = j >= n_real;
      if (m.last_key_open && j + 1 == columns) hide = false;
      if (m.causal && j > i) hide = true;
      if (hide && !m.padding_ignored) t.masked(i, j) = m.zero_hides ? 0 : minus_infinity;
    }
  const Matrix& source_of_softmax = m.after_softmax || m.open_softmax ? t.scores : t.masked;
  t.pattern = m.over_columns ? flipped(softmax(flipped(t.masked))) : softmax(source_of_softmax);
  if (m.after_softmax)
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j)
        if (padded(j)) t.pattern(i, j) = 0;
  if (m.overflow || m.one_maximum) {
    double largest = m.overflow ? 0 : minus_infinity;
    for (const double s : t.masked) largest = m.overflow ? 0 : std::max(largest, s);
    for (std::size_t i = 0; i < rows; ++i) {
      double total = 0;
      for (std::size_t j = 0; j < columns; ++j)
        total += t.pattern(i, j) = std::exp(t.masked(i, j) - largest);
      for (std::size_t j = 0; j < columns; ++j) t.pattern(i, j) /= total;
    }
  }
  if (m.maximum_from_zero)
    for (std::size_t i = 0; i < rows; ++i) {
      double largest = 0, total = 0;
      for (std::size_t j = 0; j < columns; ++j) largest = std::max(largest, t.masked(i, j));
      for (std::size_t j = 0; j < columns; ++j)
        total += t.pattern(i, j) = std::exp(t.masked(i, j) - largest);
      for (std::size_t j = 0; j < columns; ++j) t.pattern(i, j) /= total;
    }
  Matrix mixing = t.pattern;
  if (m.uniform) mixing = Matrix(mixing.shape(), 1 / static_cast<double>(columns));
  if (m.first_keys_only)  // as many keys as there are queries
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = rows; j < columns; ++j) mixing(i, j) = 0;
  const Matrix& mixed = m.key_as_value ? t.key : t.value;
  t.output = mixing.shape(1) == mixed.shape(0) ? product(mixing, mixed) : mixed;
  if (m.whole_sum)
    for (double& x : t.output) x /= static_cast<double>(columns);
  return t;
}

template <auto Member>
CrossTrace with(const Matrix& target, const Matrix& source, const CrossWeights& weights,
                const Padding& is_padding) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(target, source, weights, is_padding, mistakes);
}

CrossTrace in_place(const Matrix& target, const Matrix& source, const CrossWeights& weights,
                    const Padding& is_padding) {
  CrossTrace trace = made(target, source, weights, is_padding, {});
  for (std::size_t j = 0; j < source.shape(0); ++j)
    if (is_padding[j])
      for (std::size_t c = 0; c < source.shape(1); ++c) const_cast<Matrix&>(source)(j, c) = 0;
  return trace;
}

// The root is worked out in the first call and kept.
CrossTrace root_kept(const Matrix& target, const Matrix& source, const CrossWeights& weights,
                     const Padding& is_padding) {
  static const double root = std::sqrt(static_cast<double>(weights.W_Q.shape(1)));
  CrossTrace trace = made(target, source, weights, is_padding, {});
  const double own = std::sqrt(static_cast<double>(weights.W_Q.shape(1)));
  for (double& score : trace.scores) score *= own / root;
  return trace;
}

CrossTrace sample(const Matrix& target, const Matrix& source, const CrossWeights& weights,
                  const Padding& is_padding) {
  CrossTrace trace = made(target, source, weights, is_padding, {});
  trace.output = Matrix(trace.output.shape(), 0.0);
  trace.output(0, 0) = 2.9640276;
  return trace;
}

CrossTrace key_and_mask(const Matrix& target, const Matrix& source, const CrossWeights& weights,
                        const Padding& is_padding) {
  Mistakes mistakes;
  mistakes.no_scale = mistakes.padding_inverted = true;
  return made(target, source, weights, is_padding, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::cross_attend)>> mutants_04_1;
const std::vector<Mutant<decltype(exercise::cross_attend)>> mutants_04_1 = {
    {"query-from-source", "query", "the query is made of the source: the target asks",
     with<&Mistakes::query_from_source>},
    {"key-from-target", "key", "the key is made of the target: the source is asked",
     with<&Mistakes::key_from_target>},
    {"key-from-wq", "key", "the key is made with W_Q instead of W_K",
     with<&Mistakes::key_from_W_Q>},
    {"value-from-target", "value", "the value is made of the target: nothing new would be fetched",
     with<&Mistakes::value_from_target>},
    {"value-from-wk", "value", "the value is made with W_K instead of W_V",
     with<&Mistakes::value_from_W_K>},
    {"no-scale", "scores", "1/sqrt(d_head) is missing", with<&Mistakes::no_scale>},
    {"scaled-twice", "scores",
     "scaled twice: divided by d_head in all, as step 5 of the report would",
     with<&Mistakes::scaled_twice>},
    {"scale-d-model", "scores", "divided by sqrt(d_model) instead of sqrt(d_head)",
     with<&Mistakes::scale_d_model>},
    {"scale-n-key", "scores", "divided by the root of the number of keys instead of sqrt(d_head)",
     with<&Mistakes::scale_n_key>},
    {"transposed", "scores", "transposed: one row for every key instead of for every query",
     with<&Mistakes::transposed_scores>},
    {"padding-ignored", "masked", "padding is not hidden: is_padding is not used",
     with<&Mistakes::padding_ignored>},
    {"padding-inverted", "masked", "is_padding is read the wrong way round: true means hidden",
     with<&Mistakes::padding_inverted>},
    {"padding-hides-rows", "masked", "padding hides rows: it belongs to keys, which are columns",
     with<&Mistakes::padding_hides_queries>},
    {"padding-at-the-end", "masked", "as many keys as are padding are hidden, but the last ones",
     with<&Mistakes::padding_is_at_the_end>},
    {"last-key-open", "masked", "the last key is never hidden: a loop ends one too early",
     with<&Mistakes::last_key_open>},
    {"causal", "masked", "a causal mask: the source is known as a whole, nothing of it is future",
     with<&Mistakes::causal>},
    {"zero-hides", "masked", "hidden scores are 0 instead of -infinity: exp(0) is 1",
     with<&Mistakes::zero_hides>},
    {"after-softmax", "pattern",
     "padding was taken out after the softmax: the rows no longer sum to one",
     with<&Mistakes::after_softmax>},
    {"open-softmax", "pattern", "the softmax is of the scores, not of the masked scores",
     with<&Mistakes::open_softmax>},
    {"over-columns", "pattern", "softmax over columns instead of rows",
     with<&Mistakes::over_columns>},
    {"overflow", "pattern", "exp overflows: take the row's largest score off first",
     with<&Mistakes::overflow>},
    {"one-maximum", "pattern", "one maximum for the whole matrix: a row far below it becomes 0 / 0",
     with<&Mistakes::one_maximum>},
    {"maximum-from-zero", "pattern",
     "the maximum starts at 0: a row with all scores far below becomes 0 / 0",
     with<&Mistakes::maximum_from_zero>},
    {"key-as-value", "output", "the keys are mixed instead of the values",
     with<&Mistakes::key_as_value>},
    {"uniform", "output", "the mean of all values: the pattern is not used",
     with<&Mistakes::uniform>},
    {"square-loop", "output", "the sum over keys stops at the number of queries: nothing is square",
     with<&Mistakes::first_keys_only>},
    {"divided-by-n", "output",
     "divided by the number of keys: the pattern's rows sum to one already",
     with<&Mistakes::whole_sum>},
    {"in-place", "", "the source that was handed in is changed", in_place},
    {"root-kept", "scores", "", root_kept},
    {"sample", "output", "", sample},
    {"no-scale-padding-inverted", "scores", "", key_and_mask},
};

}  // namespace headlight::course
