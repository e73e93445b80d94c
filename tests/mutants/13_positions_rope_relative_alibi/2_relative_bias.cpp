// Wrong solutions of 13.2: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "13_positions_rope_relative_alibi/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"

namespace headlight::course {

namespace {

using exercise::RelativeTrace;

struct Mistakes {
  bool query_minus_key = false, not_clipped = false, clipped_short = false, clipped_long = false,
       rows_from_zero = false, distance_only = false, clipped_above_only = false,
       future_zero = false, wraps = false, first_places = false;
  bool first_table = false, mirrored = false, not_shifted = false, next_column = false,
       python_wrap = false, same_for_all = false, scaled_bias = false, heads_reversed = false;
  bool before_scale = false, no_scale = false, scaled_twice = false, no_bias = false,
       subtracted = false, multiplied = false, first_head_scores = false, key_with_key = false,
       short_dot = false, by_keys = false;
  bool after_softmax = false, over_columns = false, overflow = false, causal = false,
       one_maximum = false, maximum_from_zero = false, not_divided = false, bias_twice = false,
       over_heads = false;
};

RelativeTrace made(const Tensor3& query, const Tensor3& key, const Matrix& table,
                   const Mistakes& m) {
  const std::size_t n_heads = query.shape(0), n_query = query.shape(1), n_key = key.shape(1);
  const std::size_t d_head = query.shape(2), columns = table.shape(1);
  const long reach = static_cast<long>(columns / 2);
  const long low = m.clipped_short && reach > 0 ? 1 - reach : -reach;
  const long high = m.clipped_short && reach > 0 ? reach - 1 : m.clipped_long ? reach + 1 : reach;
  RelativeTrace t;
  t.offset = Matrix(Matrix::shape_type{n_query, n_key});
  t.bias = t.scores = t.pattern = Tensor3(Tensor3::shape_type{n_heads, n_query, n_key}, 0.0);
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t j = 0; j < n_key; ++j) {
      const long place = static_cast<long>(m.rows_from_zero ? i : i + n_key - n_query);
      long offset = static_cast<long>(j) - place;
      if (m.query_minus_key) offset = -offset;
      if (m.distance_only) offset = std::abs(offset);
      if (m.future_zero && offset > 0) offset = 0;
      if (m.wraps)
        offset = (offset % (2 * reach + 1) + 2 * reach + 1 + reach) % (2 * reach + 1) - reach;
      else if (m.clipped_above_only)
        offset = std::min(offset, high);
      else if (!m.not_clipped)
        offset = std::clamp(offset, low, high);
      if (m.first_places) offset = std::clamp(static_cast<long>(j), low, high);
      t.offset(i, j) = static_cast<double>(offset);
    }
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        const long offset = static_cast<long>(t.offset(i, j));
        long column = m.mirrored      ? reach - offset
                      : m.not_shifted ? offset
                      : m.next_column ? offset + reach + 1
                      : m.python_wrap ? (offset < 0 ? offset + 2 * reach + 1 : offset)
                                      : offset + reach;
        column = std::clamp(column, 0L, 2 * reach);
        const std::size_t head = m.first_table ? 0 : m.heads_reversed ? n_heads - 1 - h : h;
        double& bias = t.bias(h, i, j);
        bias = table(head, static_cast<std::size_t>(column));
        if (m.same_for_all) {
          bias = 0;
          for (std::size_t other = 0; other < n_heads; ++other)
            bias += table(other, static_cast<std::size_t>(column)) / static_cast<double>(n_heads);
        }
        if (m.scaled_bias) bias /= std::sqrt(static_cast<double>(d_head));
        double dot = 0;
        for (std::size_t c = 0; c + (m.short_dot ? 1 : 0) < d_head; ++c) {
          const std::size_t who = m.first_head_scores ? 0 : h;
          dot += (m.key_with_key ? key(who, i, c) : query(who, i, c)) * key(who, j, c);
        }
        const double root = m.no_scale       ? 1
                            : m.scaled_twice ? static_cast<double>(d_head)
                            : m.by_keys      ? std::sqrt(static_cast<double>(n_key))
                                             : std::sqrt(static_cast<double>(d_head));
        t.scores(h, i, j) = m.before_scale ? (dot + bias) / root
                            : m.no_bias    ? dot / root
                            : m.subtracted ? dot / root - bias
                            : m.multiplied ? dot / root * bias
                                           : dot / root + bias;
      }
  double largest_of_all = t.scores(0, 0, 0);
  for (const double s : t.scores) largest_of_all = std::max(largest_of_all, s);
  for (std::size_t h = 0; h < n_heads; ++h) {
    Matrix scores = head_of(t.scores, h);
    const Matrix bias = head_of(t.bias, h);
    if (m.after_softmax) scores = added(scores, scaled(bias, -1));
    if (m.bias_twice) scores = added(scores, bias);
    if (m.causal)
      for (std::size_t i = 0; i < n_query; ++i)
        for (std::size_t j = i + n_key - n_query + 1; j < n_key; ++j)
          scores(i, j) = -std::numeric_limits<double>::infinity();
    Matrix pattern = m.over_columns ? flipped(softmax(flipped(scores))) : softmax(scores);
    if (m.overflow || m.one_maximum || m.not_divided || m.maximum_from_zero)
      for (std::size_t i = 0; i < n_query; ++i) {
        double top = m.one_maximum ? largest_of_all : 0, total = 0;
        if (m.not_divided || m.maximum_from_zero) {
          top = m.not_divided ? scores(i, 0) : 0;
          for (std::size_t j = 0; j < n_key; ++j) top = std::max(top, scores(i, j));
        }
        for (std::size_t j = 0; j < n_key; ++j)
          total += pattern(i, j) = std::exp(scores(i, j) - top);
        for (std::size_t j = 0; j < n_key && !m.not_divided; ++j) pattern(i, j) /= total;
      }
    if (m.after_softmax) pattern = added(pattern, bias);
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) t.pattern(h, i, j) = pattern(i, j);
  }
  if (m.over_heads)
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        double total = 0, top = t.scores(0, i, j);
        for (std::size_t h = 0; h < n_heads; ++h) top = std::max(top, t.scores(h, i, j));
        for (std::size_t h = 0; h < n_heads; ++h) total += std::exp(t.scores(h, i, j) - top);
        for (std::size_t h = 0; h < n_heads; ++h)
          t.pattern(h, i, j) = std::exp(t.scores(h, i, j) - top) / total;
      }
  return t;
}

template <auto Member>
RelativeTrace with(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(query, key, table, mistakes);
}

RelativeTrace in_place(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  const RelativeTrace trace = made(query, key, table, {});
  for (double& x : const_cast<Tensor3&>(query)) x *= 2;
  return trace;
}

// The bias is made once for a shape and kept, though the table has changed.
RelativeTrace bias_kept(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  static std::vector<Tensor3> kept;
  RelativeTrace trace = made(query, key, table, {});
  for (const Tensor3& old : kept)
    if (old.shape() == trace.bias.shape()) {
      trace.bias = old;
      return trace;
    }
  kept.push_back(trace.bias);
  return trace;
}

RelativeTrace sample(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  RelativeTrace trace = made(query, key, table, {});
  trace.pattern = Tensor3(trace.pattern.shape(), 1 / static_cast<double>(key.shape(1)));
  return trace;
}

RelativeTrace sign_and_no_scale(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  Mistakes mistakes;
  mistakes.mirrored = mistakes.no_scale = true;
  return made(query, key, table, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::relative_bias)>> mutants_13_2;
const std::vector<Mutant<decltype(exercise::relative_bias)>> mutants_13_2 = {
    {"query-minus-key", "offset", "query position minus key position: the sign is turned",
     with<&Mistakes::query_minus_key>},
    {"not-clipped", "offset", "offsets are not clipped to the reach", with<&Mistakes::not_clipped>},
    {"clipped-short", "offset", "clipped one too early: -reach and reach belong to the table",
     with<&Mistakes::clipped_short>},
    {"clipped-long", "offset", "clipped one too late: reach is the last column",
     with<&Mistakes::clipped_long>},
    {"clipped-above-only", "offset", "clipped above only: the past has an end too",
     with<&Mistakes::clipped_above_only>},
    {"wraps", "offset", "offsets beyond the reach begin again from the other side",
     with<&Mistakes::wraps>},
    {"rows-from-zero", "offset",
     "query i is taken to stand at i: with fewer queries than keys they are the last ones",
     with<&Mistakes::rows_from_zero>},
    {"distance-only", "offset", "the distance without its sign: before and after differ",
     with<&Mistakes::distance_only>},
    {"future-zero", "offset", "later keys all count as offset 0", with<&Mistakes::future_zero>},
    {"absolute", "offset", "the key's own position: nothing is taken off for the query",
     with<&Mistakes::first_places>},
    {"first-table", "bias", "all heads use the table of head 0", with<&Mistakes::first_table>},
    {"heads-reversed", "bias", "the tables are handed out in reverse order",
     with<&Mistakes::heads_reversed>},
    {"mirrored", "bias", "the table is read from the other end", with<&Mistakes::mirrored>},
    {"not-shifted", "bias", "reach is not added: column 0 is the offset -reach",
     with<&Mistakes::not_shifted>},
    {"next-column", "bias", "one column too far", with<&Mistakes::next_column>},
    {"wrapped-index", "bias",
     "column 0 is taken for offset 0, negative ones from the end: column 0 is the offset -reach",
     with<&Mistakes::python_wrap>},
    {"mean-table", "bias", "all heads use the mean table", with<&Mistakes::same_for_all>},
    {"scaled-bias", "bias", "the bias is divided by sqrt(d_head)", with<&Mistakes::scaled_bias>},
    {"before-scale", "scores", "the bias is added before the division and divided with it",
     with<&Mistakes::before_scale>},
    {"no-scale", "scores", "1/sqrt(d_head) is missing", with<&Mistakes::no_scale>},
    {"scaled-twice", "scores",
     "scaled twice: divided by d_head in all, as step 5 of the report would",
     with<&Mistakes::scaled_twice>},
    {"scale-n-key", "scores", "divided by the root of the number of keys instead of sqrt(d_head)",
     with<&Mistakes::by_keys>},
    {"no-bias", "scores", "the bias is not added", with<&Mistakes::no_bias>},
    {"subtracted", "scores", "the bias is subtracted", with<&Mistakes::subtracted>},
    {"multiplied", "scores", "multiplied by the bias instead of added",
     with<&Mistakes::multiplied>},
    {"first-head", "scores", "all heads use query and key of head 0",
     with<&Mistakes::first_head_scores>},
    {"key-key", "scores", "key times key: the query is not used", with<&Mistakes::key_with_key>},
    {"short-dot", "scores", "the dot product stops one feature early", with<&Mistakes::short_dot>},
    {"after-softmax", "pattern", "the bias is added after the softmax: rows no longer sum to one",
     with<&Mistakes::after_softmax>},
    {"bias-twice", "pattern", "the bias is added once more before the softmax",
     with<&Mistakes::bias_twice>},
    {"causal", "pattern", "later keys are hidden: nothing is hidden here", with<&Mistakes::causal>},
    {"over-columns", "pattern", "softmax over columns instead of rows",
     with<&Mistakes::over_columns>},
    {"over-heads", "pattern", "softmax over heads instead of keys", with<&Mistakes::over_heads>},
    {"overflow", "pattern", "exp overflows: take the row's largest score off first",
     with<&Mistakes::overflow>},
    {"one-maximum", "pattern", "one maximum for everything: a row far below it becomes 0 / 0",
     with<&Mistakes::one_maximum>},
    {"maximum-from-zero", "pattern",
     "the maximum starts at 0: a row with all scores far below becomes 0 / 0",
     with<&Mistakes::maximum_from_zero>},
    {"not-divided", "pattern", "the division by the row's sum is missing",
     with<&Mistakes::not_divided>},
    {"in-place", "", "the query that was handed in is changed", in_place},
    {"bias-kept", "bias", "", bias_kept},
    {"sample", "pattern", "", sample},
    {"mirrored-no-scale", "bias", "", sign_and_no_scale},
};

}  // namespace headlight::course
