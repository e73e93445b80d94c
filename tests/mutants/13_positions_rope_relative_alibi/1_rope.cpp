// Wrong solutions of 13.1: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "13_positions_rope_relative_alibi/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::RopeInput;
using exercise::RopeTrace;

struct Mistakes {
  bool one_angle = false, t_over_d = false, before_the_split = false, upwards = false,
       base_ignored = false, from_pair_one = false, half_width = false, in_degrees = false;
  bool sign = false, halves = false, speeds_mixed = false, row_numbers = false,
       key_places_for_query = false, from_one = false, whole_only = false, overwritten = false,
       first_pair_only = false, last_pair_lost = false, split_interleaved = false,
       cosine_kept = false, reflected = false, query_not_turned = false, from_the_first = false,
       halves_out = false, first_head_only = false;
  bool key_not_turned = false, key_sign = false, value_turned = false, value_by_reshape = false;
  bool no_scale = false, scaled_by_width = false, scaled_twice = false, cosine_only = false,
       raw_scores = false, key_first = false;
};

double number(std::size_t i) {
  return static_cast<double>(i);
}

RopeTrace made(const RopeInput& in, const Mistakes& m) {
  const std::size_t n_heads = in.n_heads, width = in.query.shape(1), d_head = width / n_heads;
  const std::size_t n_query = in.query.shape(0), n_key = in.key.shape(0), half = d_head / 2;
  RopeTrace t;
  // Rotating before the heads are split: one sequence of speeds over the whole width.
  const std::size_t pairs = m.before_the_split ? width / 2 : half;
  t.theta = Vector(Vector::shape_type{pairs});
  for (std::size_t p = 0; p < pairs; ++p) {
    const double d = number(m.before_the_split ? width : m.half_width ? half : d_head);
    const double exponent = m.one_angle       ? 0
                            : m.t_over_d      ? -number(p) / d
                            : m.upwards       ? 2 * number(p) / d
                            : m.from_pair_one ? -2 * number(p + 1) / d
                                              : -2 * number(p) / d;
    t.theta(p) = std::pow(m.base_ignored ? 10000 : in.base, exponent);
    if (m.in_degrees) t.theta(p) *= 3.14159265358979 / 180;
  }
  const auto split = [&](const Matrix& x, std::size_t i, std::size_t h, std::size_t c) {
    return x(i, m.split_interleaved ? c * n_heads + h : h * d_head + c);
  };
  enum class Kind { query, key, value };
  const auto turned = [&](const Matrix& x, const Vector& places, Kind kind) {
    Tensor3 out(Tensor3::shape_type{n_heads, x.shape(0), d_head});
    const bool still = (kind == Kind::value && !m.value_turned) ||
                       (kind == Kind::query && m.query_not_turned) ||
                       (kind == Kind::key && m.key_not_turned);
    for (std::size_t h = 0; h < n_heads; ++h)
      for (std::size_t i = 0; i < x.shape(0); ++i)
        for (std::size_t p = 0; p < half; ++p) {
          double place = places(i);
          if (m.row_numbers) place = number(i);
          if (m.key_places_for_query && kind == Kind::query && i < n_key)
            place = in.key_positions(i);
          if (m.from_one) place += 1;
          if (m.whole_only) place = std::floor(place);
          if (m.from_the_first) place -= places(0);
          const std::size_t first = m.halves ? p : 2 * p, second = m.halves ? p + half : 2 * p + 1;
          const std::size_t speed = m.before_the_split ? h * half + p : p;
          double w = place * t.theta(speed), v = w;
          if (m.speeds_mixed) {  // as if coordinates p and p + d_head/2 were the pair
            w = place * t.theta(2 * p % half);
            v = place * t.theta((2 * p + 1) % half);
          }
          const bool skipped = (m.first_pair_only && p > 0) ||
                               (m.last_pair_lost && p + 1 == half) || (m.first_head_only && h > 0);
          if (still || skipped) w = v = 0;
          if (m.sign || (m.key_sign && kind == Kind::key)) {
            w = -w;
            v = -v;
          }
          const double a = split(x, i, h, first), b = split(x, i, h, second);
          double new_a = a * std::cos(w) - b * std::sin(w);
          double new_b = (m.overwritten ? new_a : a) * std::sin(v) + b * std::cos(v);
          if (m.cosine_kept) {
            new_a = a * std::cos(w);
            new_b = b * std::cos(w);
          }
          if (m.reflected) new_b = a * std::sin(w) - b * std::cos(w);
          if (still) {
            new_a = a;
            new_b = b;
          }
          out(h, i, m.halves_out ? p : first) = new_a;
          out(h, i, m.halves_out ? p + half : second) = new_b;
        }
    return out;
  };
  t.query = turned(in.query, in.query_positions, Kind::query);
  t.key = turned(in.key, in.key_positions, Kind::key);
  t.value = turned(in.value, in.key_positions, Kind::value);
  if (m.value_by_reshape) std::copy(in.value.begin(), in.value.end(), t.value.data());
  t.scores = Tensor3(Tensor3::shape_type{n_heads, n_query, n_key}, 0.0);
  const double divisor = m.no_scale          ? 1
                         : m.scaled_by_width ? std::sqrt(number(width))
                         : m.scaled_twice    ? number(d_head)
                                             : std::sqrt(number(d_head));
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j)
        for (std::size_t c = 0; c < d_head; ++c) {
          double term = t.query(h, i, c) * t.key(h, j, c);
          if (m.cosine_only || m.raw_scores)
            term = split(in.query, i, h, c) * split(in.key, j, h, c);
          if (m.cosine_only)  // the report's component, without the sine that belongs to it
            term *= std::cos(t.theta(c / 2) * (in.query_positions(i) - in.key_positions(j)));
          t.scores(h, i, j) += term / divisor;
        }
  if (m.key_first) {
    Tensor3 other(Tensor3::shape_type{n_heads, n_key, n_query});
    for (std::size_t h = 0; h < n_heads; ++h)
      for (std::size_t i = 0; i < n_query; ++i)
        for (std::size_t j = 0; j < n_key; ++j) other(h, j, i) = t.scores(h, i, j);
    t.scores = other;
  }
  return t;
}

template <auto Member>
RopeTrace with(const RopeInput& input) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(input, mistakes);
}

// A table of cosines and sines that is made in the first call.
RopeTrace table_kept(const RopeInput& input) {
  static const double base = input.base;
  RopeInput other = input;
  other.base = base;
  return made(other, {});
}

// Every call turns from where the last one stopped, as a cache would want it.
RopeTrace goes_on(const RopeInput& input) {
  static double passed = 0;
  RopeInput other = input;
  for (double& p : other.query_positions) p += passed;
  for (double& p : other.key_positions) p += passed;
  passed += 1;
  return made(other, {});
}

RopeTrace sample(const RopeInput& input) {
  RopeTrace trace = made(input, {});
  trace.scores = Tensor3(trace.scores.shape(), 0.76410284874);
  return trace;
}

RopeTrace one_angle_and_value(const RopeInput& input) {
  Mistakes mistakes;
  mistakes.one_angle = mistakes.value_turned = true;
  return made(input, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::rope)>> mutants_13_1;
const std::vector<Mutant<decltype(exercise::rope)>> mutants_13_1 = {
    {"one-angle", "theta",
     "one angle for all pairs (is 2 * t / d_head computed in whole numbers? then it is 0)",
     with<&Mistakes::one_angle>},
    {"t-over-d", "theta", "the exponent is t / d_head instead of 2 t / d_head",
     with<&Mistakes::t_over_d>},
    {"before-the-split", "theta",
     "turned before the split: one sequence of speeds over all heads instead of one in each",
     with<&Mistakes::before_the_split>},
    {"upwards", "theta", "the exponent's sign: speeds fall from one pair to the next",
     with<&Mistakes::upwards>},
    {"base-ignored", "theta", "10000 is written in: the base that is handed in is not used",
     with<&Mistakes::base_ignored>},
    {"from-pair-one", "theta", "pairs are counted from 1: the first one has the speed 1",
     with<&Mistakes::from_pair_one>},
    {"half-width", "theta", "divided by d_head / 2 instead of d_head: speeds fall twice as fast",
     with<&Mistakes::half_width>},
    {"degrees", "theta", "radians were turned into degrees", with<&Mistakes::in_degrees>},
    {"sign", "query", "the sign of the angle: a' = a cos w - b sin w", with<&Mistakes::sign>},
    {"halves", "query", "coordinate t is paired with t + d_head/2; here 2t is paired with 2t + 1",
     with<&Mistakes::halves>},
    {"speeds-mixed", "query",
     "pairs 2t, 2t + 1 with the speeds of the other layout (t and t + d_head/2): the two of a pair "
     "turn by different angles",
     with<&Mistakes::speeds_mixed>},
    {"halves-out", "query", "turned pairs are written into two halves: every number stays in place",
     with<&Mistakes::halves_out>},
    {"row-numbers", "query", "the number of the row is used instead of the position",
     with<&Mistakes::row_numbers>},
    {"key-places", "query", "queries stand where keys stand: query_positions is not used",
     with<&Mistakes::key_places_for_query>},
    {"from-the-first", "query", "positions are counted from the first token that is handed in",
     with<&Mistakes::from_the_first>},
    {"from-one", "query", "positions are counted from 1: one too many", with<&Mistakes::from_one>},
    {"whole-only", "query", "positions are cut to whole numbers", with<&Mistakes::whole_only>},
    {"overwritten", "query", "a is overwritten before b is computed: b' needs the old a",
     with<&Mistakes::overwritten>},
    {"first-pair-only", "query", "only the first pair turns", with<&Mistakes::first_pair_only>},
    {"last-pair-lost", "query", "the last pair does not turn: a loop ends one too early",
     with<&Mistakes::last_pair_lost>},
    {"first-head-only", "query", "only head 0 turns", with<&Mistakes::first_head_only>},
    {"split-interleaved", "query", "head h took every n_heads-th column instead of its own block",
     with<&Mistakes::split_interleaved>},
    {"cosine-kept", "query", "multiplied by the cosine only: that shrinks, it does not turn",
     with<&Mistakes::cosine_kept>},
    {"reflected", "query", "a sin w - b cos w: a mirror, not a rotation",
     with<&Mistakes::reflected>},
    {"query-not-turned", "query", "queries do not turn, only keys",
     with<&Mistakes::query_not_turned>},
    {"key-not-turned", "key", "keys do not turn, only queries", with<&Mistakes::key_not_turned>},
    {"key-sign", "key", "keys turn the other way: scores depend on the sum of positions",
     with<&Mistakes::key_sign>},
    {"value-turned", "value", "values are turned too: only queries and keys are",
     with<&Mistakes::value_turned>},
    {"value-reshaped", "value", "values are reshaped to heads without exchanging the axes",
     with<&Mistakes::value_by_reshape>},
    {"no-scale", "scores", "1/sqrt(d_head) is missing", with<&Mistakes::no_scale>},
    {"scaled-by-width", "scores", "divided by the root of the width of all heads",
     with<&Mistakes::scaled_by_width>},
    {"scaled-twice", "scores",
     "scaled twice: divided by d_head in all, as step 5 of the report would",
     with<&Mistakes::scaled_twice>},
    {"cosine-only", "scores",
     "q k cos(theta(i - j)), as the report has it: the sine belongs to it, for q and k of a pair "
     "do not point the same way",
     with<&Mistakes::cosine_only>},
    {"raw-scores", "scores", "scores of queries and keys that are not turned",
     with<&Mistakes::raw_scores>},
    {"transposed", "scores", "transposed: rows are queries, columns are keys",
     with<&Mistakes::key_first>},
    {"table-kept", "theta", "", table_kept},
    {"goes-on", "query", "", goes_on},
    {"sample", "scores", "", sample},
    {"one-angle-value-turned", "theta", "", one_angle_and_value},
};

}  // namespace headlight::course
