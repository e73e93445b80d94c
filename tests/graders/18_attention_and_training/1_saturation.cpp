// 18.1 saturation: seven stages; the norm that is meant, not another one.
#include "18_attention_and_training/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::saturation);
extern const std::vector<Mutant<Function>> mutants_18_1, accepted_18_1;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    const double a = std::log(3) / 2;
    input.matrices = {{"query", {{1, 1, 1, 1}}}, {"key", {{0, 0, 0, 0}, {a, a, a, a}}}};
    return input;
  }
  const std::size_t n_query = sizes.at("n_query"), n_key = sizes.at("n_key"),
                    d_head = sizes.at("d_head");
  Matrix query = fresh_matrix(random, n_query, d_head), key = fresh_matrix(random, n_key, d_head);
  // The first query is short, so that one row at least is far from any corner, and the comparison
  // has a scale.
  for (std::size_t f = 0; f < d_head; ++f) query(0, f) /= 16;
  if (flavour == "extreme") {  // scores far up and far down, exact in float: eighths, d_head = 4
    for (Matrix* rows : {&query, &key})
      for (double& x : *rows) x = std::round(x * 8) / 8;
    for (std::size_t j = 0; j < n_key; ++j) key(j, d_head - 1) = 1;
    for (std::size_t i = 0; i < n_query; ++i) query(i, d_head - 1) = i % 2 == 0 ? 2000 : -2000;
  }
  input.matrices["query"] = query;
  input.matrices["key"] = key;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::SaturationTrace trace = function(input.matrix("query"), input.matrix("key"));
  return {{"raw_scores", values(trace.raw_scores)},
          {"scores", values(trace.scores)},
          {"raw_pattern", values(trace.raw_pattern)},
          {"pattern", values(trace.pattern)},
          {"raw_norm", values(trace.raw_norm)},
          {"norm", values(trace.norm)},
          {"left", values(trace.left)}};
}

double root_of_width(const Input& input) {
  return std::sqrt(static_cast<double>(input.matrix("query").shape(1)));
}

double mean(const Values& stage) {
  double sum = 0;
  for (const double x : stage.data) sum += x;
  return sum / static_cast<double>(stage.data.size());
}

// Cells of diag(p) - p p^T, row by row.
std::vector<double> jacobian(const std::vector<double>& p) {
  std::vector<double> cells;
  for (std::size_t j = 0; j < p.size(); ++j)
    for (std::size_t k = 0; k < p.size(); ++k) cells.push_back((j == k ? p[j] : 0.0) - p[j] * p[k]);
  return cells;
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const auto earlier = [&](const char* name) { return matrix(stage_of(before, name)); };
  if (stage == "raw_scores")
    return values(product(input.matrix("query"), flipped(input.matrix("key"))));
  if (stage == "scores") return values(scaled(earlier("raw_scores"), 1 / root_of_width(input)));
  if (stage == "raw_pattern") return values(softmax(earlier("raw_scores")));
  if (stage == "pattern") return values(softmax(earlier("scores")));
  if (stage == "left")
    return values(mean(stage_of(before, "raw_norm")) / mean(stage_of(before, "norm")));
  const Matrix pattern = earlier(stage == "norm" ? "pattern" : "raw_pattern");
  Vector out(Vector::shape_type{pattern.shape(0)}, 0.0);
  for (std::size_t i = 0; i < pattern.shape(0); ++i) {
    for (const double cell : jacobian(row_of(pattern, i))) out(i) += cell * cell;
    out(i) = std::sqrt(out(i));
  }
  return values(out);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const auto earlier = [&](const char* name) { return matrix(stage_of(before, name)); };
  if (stage == "raw_scores")
    return dot_terms(what, row_of(input.matrix("query"), cell[0]),
                     row_of(input.matrix("key"), cell[1]));
  if (stage == "scores")
    return what + " = " + text(earlier("raw_scores")(cell[0], cell[1])) +
           " / sqrt(d_head) = " + text(earlier("raw_scores")(cell[0], cell[1])) + " / " +
           text(root_of_width(input));
  if (stage == "raw_pattern")
    return softmax_terms(what, row_of(earlier("raw_scores"), cell[0]), cell[1]);
  if (stage == "pattern") return softmax_terms(what, row_of(earlier("scores"), cell[0]), cell[1]);
  if (stage == "left")
    return "left = mean of raw_norm / mean of norm = " + text(mean(stage_of(before, "raw_norm"))) +
           " / " + text(mean(stage_of(before, "norm")));
  const std::vector<double> p =
      row_of(earlier(stage == "norm" ? "pattern" : "raw_pattern"), cell[0]);
  std::string row, squares;
  double sum = 0;
  for (const double x : p) row += (row.empty() ? "" : ", ") + text(x);
  for (const double x : jacobian(p)) {
    sum += x * x;
    squares += (squares.empty() ? "" : " + ") + text(x) + "^2";
  }
  return what + ", p = [" + row + "]: sqrt(" + squares + ") = sqrt(" + text(sum) + ")";
}

// The same vector added to every key moves all scores of a row alike: no norm moves.
std::optional<Broken> shift_does_nothing(const Answer& of, const Input& input) {
  Input moved = input;
  Matrix& key = moved.matrices["key"];
  for (std::size_t j = 0; j < key.shape(0); ++j)
    for (std::size_t f = 0; f < key.shape(1); ++f) key(j, f) += 1;
  const Stages plain = of(input), again = of(moved);
  for (const char* name : {"raw_norm", "norm"}) {
    const Vector a = vector(stage_of(plain, name)), b = vector(stage_of(again, name));
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!(std::abs(a(i) - b(i)) <= 1e-5))
        return Broken{name, "every key was moved by the same vector, and row " + std::to_string(i) +
                                " has another norm"};
  }
  return std::nullopt;
}

const Exercise& exercise_18_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "18.1";
    out.stages = {"raw_scores", "scores", "raw_pattern", "pattern", "raw_norm", "norm", "left"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.possible = [](const Sizes& sizes) { return sizes.at("n_key") > 1; };
    const auto sizes = [](std::size_t n_query, std::size_t n_key, std::size_t d_head) {
      return Sizes{{"n_query", n_query}, {"n_key", n_key}, {"d_head", d_head}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(1, 2, 4)}, "worked"},
        {"fresh", "fresh queries and keys", {sizes(4, 4, 3), sizes(5, 3, 6)}},
        {"rect", "all sizes different", {sizes(3, 6, 4), sizes(6, 2, 5)}},
        {"edge", "one query, one feature", {sizes(1, 4, 3), sizes(4, 5, 1)}},
        {"wide", "a wide head", {sizes(5, 4, 100)}},
        {"law", "all keys moved", {sizes(4, 3, 2)}, "", shift_does_nothing},
        {"extreme", "scores of a thousand", {sizes(4, 3, 4)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::saturation, input); };
    out.mutants = mutations(mutants_18_1, answer);
    out.accepted = mutations(accepted_18_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("18.1.worked") {
  judge(exercise_18_1(), "worked");
}
TEST_CASE("18.1.fresh") {
  judge(exercise_18_1(), "fresh");
}
TEST_CASE("18.1.rect") {
  judge(exercise_18_1(), "rect");
}
TEST_CASE("18.1.edge") {
  judge(exercise_18_1(), "edge");
}
TEST_CASE("18.1.wide") {
  judge(exercise_18_1(), "wide");
}
TEST_CASE("18.1.law") {
  judge(exercise_18_1(), "law");
}
TEST_CASE("18.1.extreme") {
  judge(exercise_18_1(), "extreme");
}

}  // namespace headlight::course
