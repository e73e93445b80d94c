// Wrong solutions of 18.1: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "18_attention_and_training/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SaturationTrace;

struct Mistakes {
  bool scaled_both = false, no_scale = false, by_d_head = false, by_keys = false,
       multiplied = false, transposed = false, query_query = false;
  bool over_columns = false, overflow = false, one_maximum = false, not_divided = false,
       pattern_of_raw = false;
  bool no_outer = false, diagonal_only = false, absolute_sum = false, largest = false,
       no_root = false, mean_square = false, trace = false, of_pattern = false, outer_only = false,
       distance_from_uniform = false;
  bool norm_of_raw = false;
  bool turned = false, mean_of_ratios = false, difference = false, first_row = false,
       squared = false;
};

Matrix softmax(const Matrix& scores, const Mistakes& m) {
  Matrix p = m.over_columns ? Matrix(transpose(scores)) : scores;
  double top = -std::numeric_limits<double>::infinity();
  for (const double s : scores) top = std::max(top, s);
  for (std::size_t i = 0; i < p.shape(0); ++i) {
    double largest = p(i, 0), total = 0;
    for (std::size_t j = 0; j < p.shape(1); ++j) largest = std::max(largest, p(i, j));
    if (m.overflow) largest = 0;
    if (m.one_maximum) largest = top;
    for (std::size_t j = 0; j < p.shape(1); ++j) total += p(i, j) = std::exp(p(i, j) - largest);
    for (std::size_t j = 0; j < p.shape(1) && !m.not_divided; ++j) p(i, j) /= total;
  }
  return m.over_columns ? Matrix(transpose(p)) : p;
}

Vector norms(const Matrix& p, const Mistakes& m) {
  Vector out(Vector::shape_type{p.shape(0)}, 0.0);
  const double n_key = static_cast<double>(p.shape(1));
  for (std::size_t i = 0; i < p.shape(0); ++i) {
    double squares = 0, sum = 0, largest = 0, trace = 0;
    for (std::size_t j = 0; j < p.shape(1); ++j)
      for (std::size_t k = 0; k < p.shape(1); ++k) {
        const double diagonal = j == k && !m.outer_only ? p(i, j) : 0.0;
        double cell = diagonal - (m.no_outer ? 0 : p(i, j) * p(i, k));
        if (m.diagonal_only && j != k) cell = 0;
        if (m.of_pattern) cell = j == k ? p(i, j) : 0;
        if (m.distance_from_uniform) cell = j == k ? p(i, j) - 1 / n_key : 0;
        squares += cell * cell;
        sum += std::abs(cell);
        largest = std::max(largest, std::abs(cell));
        if (j == k) trace += cell;
      }
    out(i) = m.absolute_sum  ? sum
             : m.largest     ? largest
             : m.no_root     ? squares
             : m.mean_square ? std::sqrt(squares) / n_key
             : m.trace       ? trace
                             : std::sqrt(squares);
  }
  return out;
}

SaturationTrace made(const Matrix& query, const Matrix& key, const Mistakes& m) {
  SaturationTrace t;
  const double d_head = static_cast<double>(query.shape(1)),
               n_key = static_cast<double>(key.shape(0));
  t.raw_scores = matmul(query, transpose(m.query_query ? query : key));
  if (m.transposed) t.raw_scores = Matrix(transpose(t.raw_scores));
  if (m.scaled_both) t.raw_scores /= std::sqrt(d_head);
  t.scores = m.scaled_both ? t.raw_scores
                           : Matrix(t.raw_scores / (m.no_scale     ? 1
                                                    : m.by_d_head  ? d_head
                                                    : m.by_keys    ? std::sqrt(n_key)
                                                    : m.multiplied ? 1 / std::sqrt(d_head)
                                                                   : std::sqrt(d_head)));
  t.raw_pattern = softmax(t.raw_scores, m);
  t.pattern = m.pattern_of_raw ? t.raw_pattern : softmax(t.scores, m);
  t.raw_norm = norms(t.raw_pattern, m);
  t.norm = m.norm_of_raw ? t.raw_norm : norms(t.pattern, m);
  double without = 0, with = 0, ratios = 0;
  for (std::size_t i = 0; i < t.norm.size(); ++i) {
    without += t.raw_norm(i);
    with += t.norm(i);
    ratios += t.raw_norm(i) / t.norm(i) / static_cast<double>(t.norm.size());
  }
  t.left = m.turned           ? with / without
           : m.mean_of_ratios ? ratios
           : m.difference     ? (with - without) / static_cast<double>(t.norm.size())
           : m.first_row      ? t.raw_norm(0) / t.norm(0)
           : m.squared        ? without * without / (with * with)
                              : without / with;
  return t;
}

template <auto... Members>
SaturationTrace with(const Matrix& query, const Matrix& key) {
  Mistakes mistakes;
  ((mistakes.*Members = true), ...);
  return made(query, key, mistakes);
}

SaturationTrace in_place(const Matrix& query, const Matrix& key) {
  const SaturationTrace t = made(query, key, {});
  for (double& q : const_cast<Matrix&>(query)) q = q / 3 + 1;
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::saturation)>> mutants_18_1;
const std::vector<Mutant<decltype(exercise::saturation)>> mutants_18_1 = {
    {"scaled-both", "raw_scores",
     "the raw scores are divided too: there is nothing to compare with",
     with<&Mistakes::scaled_both>},
    {"query-query", "raw_scores", "query times query: the key is not used",
     with<&Mistakes::query_query>},
    {"transposed", "raw_scores", "transposed: rows are queries, columns are keys",
     with<&Mistakes::transposed>},
    {"no-scale", "scores", "1/sqrt(d_head) is missing", with<&Mistakes::no_scale>},
    {"scale-d", "scores", "divided by d_head instead of its root", with<&Mistakes::by_d_head>},
    {"scale-keys", "scores", "divided by the root of the number of keys, not of features",
     with<&Mistakes::by_keys>},
    {"times-root", "scores", "multiplied by sqrt(d_head) instead of divided",
     with<&Mistakes::multiplied>},
    {"over-columns", "raw_pattern", "softmax over columns instead of rows",
     with<&Mistakes::over_columns>},
    {"overflow", "raw_pattern", "exp overflows: take the row's largest score off first",
     with<&Mistakes::overflow>},
    {"one-maximum", "raw_pattern",
     "one maximum for the whole matrix: a row far below it becomes 0 / 0",
     with<&Mistakes::one_maximum>},
    {"not-divided", "raw_pattern", "the division by the row's sum is missing",
     with<&Mistakes::not_divided>},
    {"pattern-of-raw", "pattern", "the softmax is of the raw scores, not of the divided ones",
     with<&Mistakes::pattern_of_raw>},
    {"no-outer", "raw_norm", "the norm of diag(p) alone: p p^T is not taken off",
     with<&Mistakes::no_outer>},
    {"outer-only", "raw_norm", "the norm of p p^T alone: diag(p) is missing",
     with<&Mistakes::outer_only>},
    {"diagonal-only", "raw_norm", "only the diagonal p (1 - p): the cells beside it count too",
     with<&Mistakes::diagonal_only>},
    {"sum-of-absolutes", "raw_norm", "another norm: the sum of absolute values",
     with<&Mistakes::absolute_sum>},
    {"largest-cell", "raw_norm", "another norm: the largest cell", with<&Mistakes::largest>},
    {"no-root", "raw_norm", "the root of the sum of squares is missing", with<&Mistakes::no_root>},
    {"mean-square", "raw_norm", "the mean of the squares: their sum is asked for",
     with<&Mistakes::mean_square>},
    {"trace", "raw_norm", "the sum of the diagonal is no norm", with<&Mistakes::trace>},
    {"of-uniform", "raw_norm", "the distance from the uniform pattern is asked for nowhere",
     with<&Mistakes::distance_from_uniform>},
    {"norm-of-raw", "norm", "the norms of the raw pattern once more", with<&Mistakes::norm_of_raw>},
    {"turned", "left", "turned: the norm without the root belongs above the line",
     with<&Mistakes::turned>},
    {"mean-of-ratios", "left", "the mean of the ratios: the ratio of the means is asked for",
     with<&Mistakes::mean_of_ratios>},
    {"difference", "left", "a difference instead of a ratio", with<&Mistakes::difference>},
    {"first-row", "left", "only the first query is looked at", with<&Mistakes::first_row>},
    {"squared", "left", "the ratio is squared", with<&Mistakes::squared>},
    {"in-place", "", "the queries that were handed in are changed", in_place},
    {"no-scale-no-root", "scores", "", with<&Mistakes::no_scale, &Mistakes::no_root>},
};

}  // namespace headlight::course
