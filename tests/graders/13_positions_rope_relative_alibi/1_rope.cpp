// 13.1 rope: speeds, turned queries and keys, values left alone, scores.
#include "13_positions_rope_relative_alibi/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::rope);
extern const std::vector<Mutant<Function>> mutants_13_1, accepted_13_1;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  input.numbers = {{"n_heads", static_cast<double>(sizes.at("n_heads"))}, {"base", 10000}};
  if (flavour == "worked") {
    input.matrices = {{"query", {{1, 0}}}, {"key", {{2, 0}}}, {"value", {{3, 4}}}};
    input.vectors = {{"query_positions", {2}}, {"key_positions", {1}}};
    return input;
  }
  const std::size_t n_query = sizes.at("n_query"), n_key = sizes.at("n_key");
  const std::size_t width = sizes.at("n_heads") * sizes.at("d_head");
  const double spread = flavour == "extreme" ? 1000 : 1;
  input.matrices["query"] = fresh_matrix(random, n_query, width, spread);
  input.matrices["key"] = fresh_matrix(random, n_key, width, spread);
  input.matrices["value"] = fresh_matrix(random, n_key, width, spread);
  Vector key_positions(Vector::shape_type{n_key}), query_positions(Vector::shape_type{n_query});
  double place = 0;
  if (flavour == "apart") {  // not from zero, not one by one, another base
    input.numbers["base"] = 50 + static_cast<double>(random.below(200));
    place = 3 + static_cast<double>(random.below(8));
    for (double& p : query_positions) p = static_cast<double>(random.below(60)) / 4;
  }
  for (double& p : key_positions) {
    p = place;
    place += flavour == "apart" ? 1 + static_cast<double>(random.below(3)) : 1;
  }
  if (flavour == "apart") key_positions(n_key - 1) += 0.5;  // squeezed positions are not whole
  if (flavour != "apart")                                   // the queries are the last tokens
    for (std::size_t i = 0; i < n_query; ++i)
      query_positions(i) = static_cast<double>(std::max(n_key, n_query) - n_query + i);
  input.vectors = {{"query_positions", query_positions}, {"key_positions", key_positions}};
  return input;
}

std::size_t heads_of(const Input& input) {
  return static_cast<std::size_t>(input.number("n_heads"));
}

std::size_t width_of(const Input& input) {
  return input.matrix("query").shape(1) / heads_of(input);
}

Stages answer(Function* function, const Input& input) {
  const exercise::RopeTrace trace =
      function({input.matrix("query"), input.matrix("key"), input.matrix("value"),
                input.vector("query_positions"), input.vector("key_positions"), heads_of(input),
                input.number("base")});
  return {{"theta", values(trace.theta)},
          {"query", values(trace.query)},
          {"key", values(trace.key)},
          {"value", values(trace.value)},
          {"scores", values(trace.scores)}};
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const std::size_t d_head = width_of(input);
  if (stage == "theta") return values(turning_speeds(d_head, input.number("base")));
  std::vector<Matrix> heads;
  for (std::size_t h = 0; h < heads_of(input); ++h) {
    if (stage == "scores") {
      const Matrix query = head_of(tensor(stage_of(before, "query")), h),
                   key = head_of(tensor(stage_of(before, "key")), h);
      heads.push_back(
          scaled(product(query, flipped(key)), 1 / std::sqrt(static_cast<double>(d_head))));
      continue;
    }
    const Matrix own = columns_of(input.matrix(stage), h * d_head, d_head);
    heads.push_back(stage == "value" ? own
                                     : pairs_turned(own, input.vector(stage + "_positions"),
                                                    vector(stage_of(before, "theta"))));
  }
  return values(heads);
}

// Scores are sums whose terms may cancel.
double terms_size(const Input& input, const Stages& before, const std::string& stage) {
  double largest = 0;
  if (stage == "scores")
    for (std::size_t h = 0; h < heads_of(input); ++h)
      largest =
          std::max(largest, product_size(head_of(tensor(stage_of(before, "query")), h),
                                         flipped(head_of(tensor(stage_of(before, "key")), h))));
  return largest / std::sqrt(static_cast<double>(width_of(input)));
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const std::size_t d_head = width_of(input);
  if (stage == "theta")
    return what + " = " + text(input.number("base")) + "^(-2*" + std::to_string(cell[0]) + "/" +
           std::to_string(d_head) +
           ") = " + text(turning_speeds(d_head, input.number("base"))(cell[0]));
  if (stage == "scores")
    return dot_terms("query . key",
                     row_of(head_of(tensor(stage_of(before, "query")), cell[0]), cell[1]),
                     row_of(head_of(tensor(stage_of(before, "key")), cell[0]), cell[2])) +
           "; divided by sqrt(d_head) = " + text(std::sqrt(static_cast<double>(d_head))) +
           " it is " + what;
  const Matrix own = columns_of(input.matrix(stage), cell[0] * d_head, d_head);
  if (stage == "value")
    return what + ": values do not turn, so column " + std::to_string(cell[0] * d_head + cell[2]) +
           " of token " + std::to_string(cell[1]) + ", " + text(own(cell[1], cell[2]));
  const std::size_t pair = cell[2] / 2;
  const bool second = cell[2] % 2 == 1;
  const double position = input.vector(stage + "_positions")(cell[1]);
  const double theta = vector(stage_of(before, "theta"))(pair), angle = position * theta;
  const double a = own(cell[1], 2 * pair), b = own(cell[1], 2 * pair + 1);
  return what + ": pair " + std::to_string(pair) + " is (a, b) = (" + text(a) + ", " + text(b) +
         "), w = position " + text(position) + " * theta " + text(theta) + " = " + text(angle) +
         "; " + (second ? "a sin w + b cos w" : "a cos w - b sin w") + " = " +
         text(second ? a * std::sin(angle) + b * std::cos(angle)
                     : a * std::cos(angle) - b * std::sin(angle));
}

// All positions moved by the same amount: every score stays, every row keeps its length.
std::optional<Broken> only_differences(const Answer& of, const Input& input) {
  Input moved = input;
  for (const char* name : {"query_positions", "key_positions"})
    for (double& p : moved.vectors[name]) p += 6;
  const Stages plain = of(input), later = of(moved);
  const Tensor3 a = tensor(stage_of(plain, "scores")), b = tensor(stage_of(later, "scores"));
  double scale = 1;
  for (const double x : a) scale = std::max(scale, std::abs(x));
  for (std::size_t h = 0; h < a.shape(0); ++h) {
    for (std::size_t i = 0; i < a.shape(1); ++i)
      for (std::size_t j = 0; j < a.shape(2); ++j)
        if (!(std::abs(a(h, i, j) - b(h, i, j)) <= 1e-5 * scale))  // float keeps that much
          return Broken{"scores", "all positions six later: " + cell_text("scores", {h, i, j}) +
                                      " was " + text(a(h, i, j)) + " and is " + text(b(h, i, j))};
    for (const char* stage : {"query", "key"}) {
      const Matrix before = columns_of(input.matrix(stage), h * width_of(input), width_of(input)),
                   after = head_of(tensor(stage_of(later, stage)), h);
      for (std::size_t i = 0; i < before.shape(0); ++i) {
        double was = 0, is = 0;
        for (const double x : row_of(before, i)) was += x * x;
        for (const double x : row_of(after, i)) is += x * x;
        if (!(std::abs(was - is) <= 1e-5 * (1 + was)))
          return Broken{stage, "a turned row keeps its length: its square was " + text(was) +
                                   " and is " + text(is)};
      }
    }
  }
  return std::nullopt;
}

const Exercise& exercise_13_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "13.1";
    out.stages = {"theta", "query", "key", "value", "scores"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.terms_size = terms_size;
    out.possible = [](const Sizes& sizes) { return sizes.at("d_head") % 2 == 0; };
    const auto sizes = [](std::size_t n_query, std::size_t n_key, std::size_t n_heads,
                          std::size_t d_head) {
      return Sizes{
          {"n_query", n_query}, {"n_key", n_key}, {"n_heads", n_heads}, {"d_head", d_head}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(1, 1, 1, 2)}, "worked"},
        {"fresh",
         "fresh inputs, tokens at 0, 1, 2, ...",
         {sizes(3, 3, 1, 4), sizes(2, 5, 2, 6), sizes(4, 4, 3, 4)}},
        {"apart",
         "positions from elsewhere, with gaps and halves, another base",
         {sizes(3, 5, 2, 4), sizes(5, 2, 1, 8), sizes(2, 3, 3, 6)},
         "apart"},
        {"edge",
         "one token, one pair, one head",
         {sizes(1, 1, 1, 2), sizes(1, 4, 3, 2), sizes(3, 1, 2, 4)}},
        {"law", "all positions later", {sizes(3, 4, 2, 6)}, "apart", only_differences},
        {"extreme", "large numbers", {sizes(4, 6, 2, 8)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::rope, input); };
    out.mutants = mutations(mutants_13_1, answer);
    out.accepted = mutations(accepted_13_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("13.1.worked") {
  judge(exercise_13_1(), "worked");
}
TEST_CASE("13.1.fresh") {
  judge(exercise_13_1(), "fresh");
}
TEST_CASE("13.1.apart") {
  judge(exercise_13_1(), "apart");
}
TEST_CASE("13.1.edge") {
  judge(exercise_13_1(), "edge");
}
TEST_CASE("13.1.law") {
  judge(exercise_13_1(), "law");
}
TEST_CASE("13.1.extreme") {
  judge(exercise_13_1(), "extreme");
}

}  // namespace headlight::course
