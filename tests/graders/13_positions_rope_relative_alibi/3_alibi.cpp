// 13.3 alibi: slopes of any number of heads, a penalty for distance, the future hidden.
#include "13_positions_rope_relative_alibi/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::alibi);
extern const std::vector<Mutant<Function>> mutants_13_3, accepted_13_3;

namespace {

constexpr double hidden = -std::numeric_limits<double>::infinity();

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  const std::size_t n_heads = sizes.at("n_heads"), n_query = sizes.at("n_query"),
                    n_key = sizes.at("n_key");
  if (flavour == "worked") {  // content without a preference
    input.tensors["scores"] = Tensor3(Tensor3::shape_type{n_heads, n_query, n_key}, 0.0);
    return input;
  }
  input.tensors["scores"] =
      fresh_tensor(random, n_heads, n_query, n_key, flavour == "extreme" ? 400 : 2);
  if (flavour == "extreme")  // one row far below all others
    for (std::size_t j = 0; j < n_key; ++j) input.tensors["scores"](n_heads - 1, 0, j) -= 4000;
  return input;
}

// Whether query i may see key j.
bool seen(const Tensor3& scores, std::size_t i, std::size_t j) {
  return j + scores.shape(1) <= i + scores.shape(2);
}

// What stands in the bias of later keys is hidden in the next stage, so nobody looks at it.
Tensor3 without_future(Tensor3 bias, const Tensor3& scores) {
  if (bias.shape() != scores.shape()) return bias;
  for (std::size_t h = 0; h < bias.shape(0); ++h)
    for (std::size_t i = 0; i < bias.shape(1); ++i)
      for (std::size_t j = 0; j < bias.shape(2); ++j)
        if (!seen(scores, i, j)) bias(h, i, j) = 0;
  return bias;
}

Stages answer(Function* function, const Input& input) {
  const Tensor3& scores = input.tensor("scores");
  const exercise::AlibiTrace trace = function(scores);
  return {{"slopes", values(trace.slopes)},
          {"bias", values(without_future(trace.bias, scores))},
          {"masked", values(trace.masked)},
          {"pattern", values(trace.pattern)}};
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Tensor3& scores = input.tensor("scores");
  const std::size_t n_heads = scores.shape(0), n_query = scores.shape(1), n_key = scores.shape(2);
  if (stage == "slopes") return values(distance_slopes(n_heads));
  std::vector<Matrix> heads;
  for (std::size_t h = 0; h < n_heads; ++h) {
    if (stage == "pattern") {
      heads.push_back(softmax(head_of(tensor(stage_of(before, "masked")), h)));
      continue;
    }
    Matrix out(Matrix::shape_type{n_query, n_key}, stage == "bias" ? 0.0 : hidden);
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j)
        if (seen(scores, i, j))
          out(i, j) = stage == "bias"
                          ? vector(stage_of(before, "slopes"))(h) *
                                (static_cast<double>(j) - static_cast<double>(i + n_key - n_query))
                          : scores(h, i, j) + tensor(stage_of(before, "bias"))(h, i, j);
    heads.push_back(out);
  }
  return values(heads);
}

// Score and bias may cancel.
double terms_size(const Input&, const Stages& before, const std::string& stage) {
  double largest = 0;
  if (stage == "masked")
    for (const double x : stage_of(before, "bias").data) largest = std::max(largest, std::abs(x));
  return std::isfinite(largest) ? largest : 0;
}

std::string slope_terms(std::size_t n_heads, std::size_t h) {
  std::size_t power = 1;
  while (2 * power <= n_heads) power *= 2;
  const std::size_t place = h < power ? h + 1 : 2 * (h - power) + 1,
                    of = h < power ? power : 2 * power;
  return cell_text("slopes", {h}) + " is slope " + std::to_string(place) + " of " +
         std::to_string(of) + " heads: 2^(-8*" + std::to_string(place) + "/" + std::to_string(of) +
         ") = " + text(distance_slopes(n_heads)(h));
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const Tensor3& scores = input.tensor("scores");
  if (stage == "slopes") return slope_terms(scores.shape(0), cell[0]);
  const std::string what = cell_text(stage, cell);
  const std::size_t h = cell[0], i = cell[1], j = cell[2];
  const std::size_t place = i + scores.shape(2) - scores.shape(1);
  const std::string where = "query " + std::to_string(i) + " stands at " + std::to_string(place);
  if (stage == "pattern")
    return softmax_terms(what, row_of(head_of(tensor(stage_of(before, "masked")), h), i), j);
  if (!seen(scores, i, j))
    return what + ": " + where + ", key " + std::to_string(j) + " comes later" +
           (stage == "masked" ? ", so -inf" : " and is hidden next: not judged");
  if (stage == "bias") {
    const double slope = vector(stage_of(before, "slopes"))(h);
    return what + ": " + where + "; -slope * (" + std::to_string(place) + " - " +
           std::to_string(j) + ") = -" + text(slope) + " * " + std::to_string(place - j) + " = " +
           text(-slope * static_cast<double>(place - j));
  }
  const double bias = tensor(stage_of(before, "bias"))(h, i, j);
  return what + " = score + bias = " + text(scores(h, i, j)) + " + " + text(bias) + " = " +
         text(scores(h, i, j) + bias);
}

// The future replaced changes nothing; nor does a number added to a whole row. With content that
// prefers nothing, what is nearer gets more.
std::optional<Broken> near_and_past(const Answer& of, const Input& input) {
  const Tensor3& scores = input.tensor("scores");
  const std::size_t n_key = scores.shape(2);
  Input other = input, flat = input;
  for (std::size_t h = 0; h < scores.shape(0); ++h)
    for (std::size_t i = 0; i < scores.shape(1); ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        other.tensors["scores"](h, i, j) += seen(scores, i, j) ? static_cast<double>(i) : 30;
        flat.tensors["scores"](h, i, j) = 0.5;
      }
  const Tensor3 plain = tensor(stage_of(of(input), "pattern")),
                changed = tensor(stage_of(of(other), "pattern")),
                even = tensor(stage_of(of(flat), "pattern"));
  for (std::size_t h = 0; h < scores.shape(0); ++h)
    for (std::size_t i = 0; i < scores.shape(1); ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        if (!(std::abs(plain(h, i, j) - changed(h, i, j)) <= 1e-5))  // float keeps that much
          return Broken{"pattern", "later scores replaced, a number added to every row: " +
                                       cell_text("pattern", {h, i, j}) + " was " +
                                       text(plain(h, i, j)) + " and is " + text(changed(h, i, j))};
        if (j > 0 && seen(scores, i, j) && !(even(h, i, j) > even(h, i, j - 1)))
          return Broken{"pattern", "equal scores: key " + std::to_string(j) +
                                       " is nearer than key " + std::to_string(j - 1) +
                                       " and must get more"};
      }
  return std::nullopt;
}

const Exercise& exercise_13_3() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "13.3";
    out.stages = {"slopes", "bias", "masked", "pattern"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.terms_size = terms_size;
    out.possible = [](const Sizes& sizes) { return sizes.at("n_query") <= sizes.at("n_key"); };
    const auto sizes = [](std::size_t n_heads, std::size_t n_query, std::size_t n_key) {
      return Sizes{{"n_heads", n_heads}, {"n_query", n_query}, {"n_key", n_key}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(3, 1, 3)}, "worked"},
        {"powers",
         "2, 4, 8, 16 heads",
         {sizes(2, 4, 4), sizes(4, 3, 3), sizes(8, 5, 5), sizes(16, 2, 2)}},
        {"others",
         "3, 5, 6, 11, 20 heads",
         {sizes(3, 4, 4), sizes(5, 3, 3), sizes(6, 5, 5), sizes(11, 3, 3), sizes(20, 2, 2)}},
        {"rect",
         "fewer queries than keys: they are the last",
         {sizes(4, 2, 6), sizes(3, 3, 5), sizes(7, 1, 4)}},
        {"edge", "one token, one head", {sizes(3, 1, 1), sizes(1, 5, 5), sizes(1, 1, 1)}},
        {"law", "the future replaced, equal scores", {sizes(5, 3, 6)}, "", near_and_past},
        {"extreme", "scores of thousands", {sizes(6, 5, 7)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::alibi, input); };
    out.mutants = mutations(mutants_13_3, answer);
    out.accepted = mutations(accepted_13_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("13.3.worked") {
  judge(exercise_13_3(), "worked");
}
TEST_CASE("13.3.powers") {
  judge(exercise_13_3(), "powers");
}
TEST_CASE("13.3.others") {
  judge(exercise_13_3(), "others");
}
TEST_CASE("13.3.rect") {
  judge(exercise_13_3(), "rect");
}
TEST_CASE("13.3.edge") {
  judge(exercise_13_3(), "edge");
}
TEST_CASE("13.3.law") {
  judge(exercise_13_3(), "law");
}
TEST_CASE("13.3.extreme") {
  judge(exercise_13_3(), "extreme");
}

}  // namespace headlight::course
