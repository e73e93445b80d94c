// Wrong solutions of 13.3: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "13_positions_rope_relative_alibi/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"

namespace headlight::course {

namespace {

using exercise::AlibiTrace;
constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

struct Mistakes {
  bool halving = false, reversed = false, one_sequence = false, from_one = false,
       as_for_eight = false, sorted = false, in_a_row = false, next_power = false, again = false,
       negative = false, all_alike = false, linear = false, even_ones = false;
  bool report_sign = false, rows_from_zero = false, key_only = false, one_more = false,
       squared = false, logarithm = false, first_slope = false, by_length = false, far_end = false;
  bool no_mask = false, no_bias = false, subtracted = false, multiplied = false,
       mask_rows_from_zero = false, diagonal_hidden = false, one_ahead = false, zero_hides = false,
       bias_twice = false, past_hidden = false;
  bool after_softmax = false, over_columns = false, overflow = false, one_maximum = false,
       maximum_from_zero = false, open_softmax = false, not_divided = false, scores_only = false,
       over_heads = false;
};

double number(std::size_t i) {
  return static_cast<double>(i);
}

Vector slopes_of(std::size_t n, const Mistakes& m) {
  Vector out = distance_slopes(n);
  std::size_t power = 1;
  while (2 * power <= n) power *= 2;
  const std::size_t up = power < n ? 2 * power : power;
  for (std::size_t h = 0; h < n; ++h) {
    if (m.halving) out(h) = std::exp2(-number(h));
    if (m.one_sequence) out(h) = std::exp2(-8 * number(h + 1) / number(n));
    if (m.from_one)
      out(h) *= h < power ? std::exp2(8 / number(power)) : std::exp2(4 / number(power));
    if (m.as_for_eight) out(h) = std::exp2(-number(h + 1));
    if (m.next_power) out(h) = std::exp2(-8 * number(h + 1) / number(up));
    if (m.in_a_row && h >= power) out(h) = std::exp2(-4 * number(h - power + 1) / number(power));
    if (m.even_ones && h >= power)
      out(h) = std::exp2(-4 * number(2 * (h - power) + 2) / number(power));
    if (m.again && h >= power) out(h) = out(h - power);
    if (m.all_alike) out(h) = 0.5;
    if (m.linear) out(h) = number(n - h) / number(n);
  }
  if (m.reversed) std::reverse(out.begin(), out.end());
  if (m.sorted) {
    std::sort(out.begin(), out.end());
    std::reverse(out.begin(), out.end());
  }
  if (m.negative)
    for (double& x : out) x = -x;
  return out;
}

AlibiTrace made(const Tensor3& scores, const Mistakes& m) {
  const std::size_t n_heads = scores.shape(0), n_query = scores.shape(1), n_key = scores.shape(2);
  AlibiTrace t;
  t.slopes = slopes_of(n_heads, m);
  t.bias = t.masked = t.pattern = Tensor3(Tensor3::shape_type{n_heads, n_query, n_key}, 0.0);
  double most = minus_infinity;
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        const std::size_t place = i + n_key - n_query;
        double distance = number(m.rows_from_zero ? i : place) - number(j);
        if (m.one_more) distance += 1;
        if (m.squared) distance *= std::abs(distance);
        if (m.logarithm) distance = std::log2(1 + std::abs(distance));
        if (m.by_length) distance /= number(n_key);
        double bias = -t.slopes(m.first_slope ? 0 : h) * distance;
        if (m.report_sign || m.negative) bias = -bias;
        if (m.key_only) bias = t.slopes(h) * number(j);
        if (m.far_end) bias = -t.slopes(h) * number(n_key - 1 - j);
        t.bias(h, i, j) = bias;
        const double score = scores(h, i, j);
        const std::size_t eye = m.mask_rows_from_zero ? i : place;
        const bool hide = m.past_hidden       ? j < eye
                          : m.diagonal_hidden ? j >= eye && eye > 0
                          : m.one_ahead       ? j > eye + 1
                                              : j > eye;
        const double sum = m.no_bias      ? score
                           : m.subtracted ? score - bias
                           : m.multiplied ? score * bias
                           : m.bias_twice ? score + 2 * bias
                                          : score + bias;
        t.masked(h, i, j) = !m.no_mask && hide ? (m.zero_hides ? 0 : minus_infinity) : sum;
        most = std::max(most, t.masked(h, i, j));
      }
  for (std::size_t h = 0; h < n_heads; ++h) {
    Matrix base = head_of(t.masked, h);
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        const bool later = j > i + n_key - n_query;
        if (m.open_softmax) base(i, j) = scores(h, i, j) + t.bias(h, i, j);
        if (m.scores_only || m.after_softmax) base(i, j) = later ? minus_infinity : scores(h, i, j);
      }
    Matrix pattern = m.over_columns ? flipped(softmax(flipped(base))) : softmax(base);
    for (std::size_t i = 0; i < n_query; ++i) {
      double total = 0, top = m.one_maximum ? most : 0;
      if (m.not_divided || m.maximum_from_zero) {
        top = m.not_divided ? minus_infinity : 0;
        for (std::size_t j = 0; j < n_key; ++j) top = std::max(top, base(i, j));
      }
      for (std::size_t j = 0; j < n_key; ++j) {
        if (m.overflow || m.one_maximum || m.not_divided || m.maximum_from_zero)
          total += pattern(i, j) = std::exp(base(i, j) - top);
        if (m.after_softmax && j <= i + n_key - n_query) pattern(i, j) += t.bias(h, i, j);
      }
      for (std::size_t j = 0; j < n_key; ++j)
        t.pattern(h, i, j) = m.overflow || m.one_maximum || m.maximum_from_zero
                                 ? pattern(i, j) / total
                                 : pattern(i, j);
    }
  }
  if (m.over_heads)
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        double top = minus_infinity, total = 0;
        for (std::size_t h = 0; h < n_heads; ++h) top = std::max(top, t.masked(h, i, j));
        for (std::size_t h = 0; h < n_heads; ++h) total += std::exp(t.masked(h, i, j) - top);
        for (std::size_t h = 0; h < n_heads; ++h)
          t.pattern(h, i, j) = std::exp(t.masked(h, i, j) - top) / total;
      }
  return t;
}

template <auto Member>
AlibiTrace with(const Tensor3& scores) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(scores, mistakes);
}

AlibiTrace in_place(const Tensor3& scores) {
  const AlibiTrace trace = made(scores, {});
  for (double& x : const_cast<Tensor3&>(scores)) x += 1;
  return trace;
}

// The slopes of the first call serve all later ones, as far as they go.
AlibiTrace slopes_kept(const Tensor3& scores) {
  static const Vector first = distance_slopes(scores.shape(0));
  AlibiTrace trace = made(scores, {});
  for (std::size_t h = 0; h < trace.slopes.shape(0) && h < first.shape(0); ++h)
    trace.slopes(h) = first(h);
  return trace;
}

AlibiTrace sample(const Tensor3& scores) {
  AlibiTrace trace = made(scores, {});
  trace.slopes = {1.0 / 16, 1.0 / 256, 0.25};
  return trace;
}

AlibiTrace report_sign_no_mask(const Tensor3& scores) {
  Mistakes mistakes;
  mistakes.report_sign = mistakes.no_mask = true;
  return made(scores, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::alibi)>> mutants_13_3;
const std::vector<Mutant<decltype(exercise::alibi)>> mutants_13_3 = {
    {"halving", "slopes",
     "1, 1/2, 1/4, ... as in the report: the first slope of n heads is 2^(-8/n)",
     with<&Mistakes::halving>},
    {"as-for-eight", "slopes", "1/2, 1/4, 1/8, ... belongs to eight heads only",
     with<&Mistakes::as_for_eight>},
    {"reversed", "slopes", "slope order: the first head has the steepest",
     with<&Mistakes::reversed>},
    {"one-sequence", "slopes", "2^(-8 (h+1) / n) for a number of heads that is no power of two",
     with<&Mistakes::one_sequence>},
    {"from-one", "slopes", "counted from 0: one step too steep, and the first is not 2^(-8/n)",
     with<&Mistakes::from_one>},
    {"next-power", "slopes", "the first n slopes of the next higher power of two",
     with<&Mistakes::next_power>},
    {"sorted", "slopes", "sorted: the extra slopes come after those of the lower power",
     with<&Mistakes::sorted>},
    {"extra-in-a-row", "slopes",
     "the extra slopes are the 1st, 2nd, 3rd of the higher power instead of the 1st, 3rd, 5th",
     with<&Mistakes::in_a_row>},
    {"extra-even", "slopes",
     "the extra slopes are the 2nd, 4th, 6th of the higher power: those exist already",
     with<&Mistakes::even_ones>},
    {"extra-again", "slopes", "the extra heads get the slopes of the first heads again",
     with<&Mistakes::again>},
    {"all-alike", "slopes", "one slope for all heads", with<&Mistakes::all_alike>},
    {"linear", "slopes", "evenly spaced instead of a geometric sequence", with<&Mistakes::linear>},
    {"negative-slopes", "slopes", "slopes are positive; the minus stands in the bias",
     with<&Mistakes::negative>},
    {"report-sign", "bias",
     "the report's sign: minus slope (j - p) rewards distance, for past keys have j < p",
     with<&Mistakes::report_sign>},
    {"rows-from-zero", "bias",
     "query i is taken to stand at i: with fewer queries than keys they are the last ones",
     with<&Mistakes::rows_from_zero>},
    {"key-only", "bias",
     "slope j for every key: the softmax cannot tell, but the bias is counted from the query",
     with<&Mistakes::key_only>},
    {"from-the-end", "bias", "distance from the last key instead of from the query",
     with<&Mistakes::far_end>},
    {"one-more", "bias", "the distance is one too large: a token is at distance 0 from itself",
     with<&Mistakes::one_more>},
    {"squared", "bias", "the distance is squared", with<&Mistakes::squared>},
    {"logarithm", "bias", "the logarithm of the distance: ALiBi is linear",
     with<&Mistakes::logarithm>},
    {"first-slope", "bias", "all heads use the slope of head 0", with<&Mistakes::first_slope>},
    {"by-length", "bias", "divided by the number of keys", with<&Mistakes::by_length>},
    {"no-mask", "masked", "later keys are not hidden", with<&Mistakes::no_mask>},
    {"mask-rows-from-zero", "masked",
     "the mask takes query i to stand at i: with fewer queries than keys they are the last ones",
     with<&Mistakes::mask_rows_from_zero>},
    {"diagonal-hidden", "masked", "the diagonal is hidden too: a token sees itself",
     with<&Mistakes::diagonal_hidden>},
    {"one-ahead", "masked", "off by one: the next token is still seen", with<&Mistakes::one_ahead>},
    {"past-hidden", "masked", "transposed: the past is hidden instead of the future",
     with<&Mistakes::past_hidden>},
    {"zero-hides", "masked", "hidden scores are 0 instead of -infinity: exp(0) is 1",
     with<&Mistakes::zero_hides>},
    {"no-bias", "masked", "the bias is not added", with<&Mistakes::no_bias>},
    {"subtracted", "masked", "the bias is subtracted: its minus is in it already",
     with<&Mistakes::subtracted>},
    {"multiplied", "masked", "multiplied by the bias instead of added",
     with<&Mistakes::multiplied>},
    {"bias-twice", "masked", "the bias is added twice", with<&Mistakes::bias_twice>},
    {"after-softmax", "pattern", "the bias is added after the softmax: rows no longer sum to one",
     with<&Mistakes::after_softmax>},
    {"scores-only", "pattern", "the softmax is of the scores without the bias",
     with<&Mistakes::scores_only>},
    {"open-softmax", "pattern", "the softmax is of what was there before the mask",
     with<&Mistakes::open_softmax>},
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
    {"in-place", "", "the scores that were handed in are changed", in_place},
    {"slopes-kept", "slopes", "", slopes_kept},
    {"sample", "slopes", "", sample},
    {"report-sign-no-mask", "bias", "", report_sign_no_mask},
};

}  // namespace headlight::course
