// 05.1 scores: the three stages, their laws.
#include "05_self_attention_step_by_step/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::scores);
extern const std::vector<Mutant<Function>> mutants_05_1, accepted_05_1;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {
        {"X", {{1, 0}, {0, 1}}}, {"W_Q", {{2, 0}, {0, 2}}}, {"W_K", {{1, 1}, {0, 1}}}};
    return input;
  }
  const double spread = flavour == "extreme" ? 30 : 1;
  input.matrices["X"] = fresh_matrix(random, sizes.at("n"), sizes.at("d_model"), spread);
  input.matrices["W_Q"] = fresh_matrix(random, sizes.at("d_model"), sizes.at("d_head"));
  input.matrices["W_K"] = fresh_matrix(random, sizes.at("d_model"), sizes.at("d_head"));
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::ScoresTrace trace =
      function(input.matrix("X"), input.matrix("W_Q"), input.matrix("W_K"));
  return {
      {"query", values(trace.query)}, {"key", values(trace.key)}, {"scores", values(trace.scores)}};
}

double root_of_width(const Input& input) {
  return std::sqrt(static_cast<double>(input.matrix("W_Q").shape(1)));
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  if (stage == "query") return values(product(input.matrix("X"), input.matrix("W_Q")));
  if (stage == "key") return values(product(input.matrix("X"), input.matrix("W_K")));
  const Matrix query = matrix(stage_of(before, "query")), key = matrix(stage_of(before, "key"));
  return values(scaled(product(query, flipped(key)), 1 / root_of_width(input)));
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  if (stage != "scores") {
    const Matrix& W = input.matrix(stage == "query" ? "W_Q" : "W_K");
    return dot_terms(
        what + " = X[" + std::to_string(cell[0]) + "] . column " + std::to_string(cell[1]),
        row_of(input.matrix("X"), cell[0]), column_of(W, cell[1]));
  }
  const Matrix query = matrix(stage_of(before, "query")), key = matrix(stage_of(before, "key"));
  return dot_terms("query[" + std::to_string(cell[0]) + "] . key[" + std::to_string(cell[1]) + "]",
                   row_of(query, cell[0]), row_of(key, cell[1])) +
         "; divided by sqrt(d_head) = " + text(root_of_width(input)) + " it is " + what;
}

// Tokens in another order: rows and columns of the scores move with them.
std::optional<Broken> permuting(const Answer& of, const Input& input) {
  Input turned = input;
  const Matrix& X = input.matrix("X");
  const std::size_t n = X.shape(0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < X.shape(1); ++c) turned.matrices["X"]((i + 1) % n, c) = X(i, c);
  const Matrix plain = matrix(stage_of(of(input), "scores")),
               moved = matrix(stage_of(of(turned), "scores"));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (!(std::abs(moved((i + 1) % n, (j + 1) % n) - plain(i, j)) <=
            1e-5 * (1 + std::abs(plain(i, j)))))
        return Broken{"scores", "tokens in another order must give the same scores in that order"};
  return std::nullopt;
}

const Exercise& exercise_05_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "05.1";
    out.stages = {"query", "key", "scores"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {
        {"worked",
         "the example of the header",
         {{{"n", 2}, {"d_model", 2}, {"d_head", 2}}},
         "worked"},
        {"fresh",
         "fresh inputs",
         {{{"n", 3}, {"d_model", 4}, {"d_head", 4}}, {{"n", 5}, {"d_model", 6}, {"d_head", 4}}}},
        {"rect",
         "n, d_model and d_head all different",
         {{{"n", 4}, {"d_model", 5}, {"d_head", 3}}, {{"n", 3}, {"d_model", 2}, {"d_head", 7}}}},
        {"edge",
         "one token, one feature",
         {{{"n", 1}, {"d_model", 3}, {"d_head", 2}}, {{"n", 4}, {"d_model", 3}, {"d_head", 1}}}},
        {"law",
         "tokens in another order",
         {{{"n", 5}, {"d_model", 3}, {"d_head", 2}}},
         "",
         permuting},
        {"extreme", "large numbers", {{{"n", 4}, {"d_model", 8}, {"d_head", 16}}}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::scores, input); };
    out.mutants = mutations(mutants_05_1, answer);
    out.accepted = mutations(accepted_05_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("05.1.worked") {
  judge(exercise_05_1(), "worked");
}
TEST_CASE("05.1.fresh") {
  judge(exercise_05_1(), "fresh");
}
TEST_CASE("05.1.rect") {
  judge(exercise_05_1(), "rect");
}
TEST_CASE("05.1.edge") {
  judge(exercise_05_1(), "edge");
}
TEST_CASE("05.1.law") {
  judge(exercise_05_1(), "law");
}
TEST_CASE("05.1.extreme") {
  judge(exercise_05_1(), "extreme");
}

}  // namespace headlight::course
