// 01.1 project: three products, each with its own matrix and width.
#include "01_what_is_a_head/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::project);
extern const std::vector<Mutant<Function>> mutants_01_1, accepted_01_1;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {{"X", {{1, 2}}},
                      {"W_Q", {{1, 1}, {0, 1}}},
                      {"W_K", {{0, 1}, {1, 0}}},
                      {"W_V", {{1}, {10}}}};
    return input;
  }
  const std::size_t d_model = sizes.at("d_model");
  const double spread = flavour == "extreme" ? 200 : 1;
  input.matrices["X"] = fresh_matrix(random, sizes.at("n"), d_model, spread);
  input.matrices["W_Q"] = fresh_matrix(random, d_model, sizes.at("d_k"), spread);
  input.matrices["W_K"] = fresh_matrix(random, d_model, sizes.at("d_k"), spread);
  input.matrices["W_V"] = fresh_matrix(random, d_model, sizes.at("d_v"), spread);
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::Projections made =
      function(input.matrix("X"), input.matrix("W_Q"), input.matrix("W_K"), input.matrix("W_V"));
  return {{"query", values(made.query)}, {"key", values(made.key)}, {"value", values(made.value)}};
}

const char* weights_of(const std::string& stage) {
  return stage == "query" ? "W_Q" : stage == "key" ? "W_K" : "W_V";
}

Values expected(const Input& input, const Stages&, const std::string& stage) {
  return values(product(input.matrix("X"), input.matrix(weights_of(stage))));
}

std::string terms(const Input& input, const Stages&, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  return dot_terms(cell_text(stage, cell) + " = X[" + std::to_string(cell[0]) + "] . column " +
                       std::to_string(cell[1]) + " of " + weights_of(stage),
                   row_of(input.matrix("X"), cell[0]),
                   column_of(input.matrix(weights_of(stage)), cell[1]));
}

// One token is replaced: its rows change, no other row does.
std::optional<Broken> token_by_token(const Answer& of, const Input& input) {
  const Stages plain = of(input);
  const Matrix& X = input.matrix("X");
  for (std::size_t token = 0; token < X.shape(0); ++token) {
    Input other = input;
    for (std::size_t c = 0; c < X.shape(1); ++c) other.matrices["X"](token, c) += 1 + X(token, c);
    const Stages changed = of(other);
    for (const Stage& stage : plain) {
      const Matrix before = matrix(stage.values), after = matrix(stage_of(changed, stage.name));
      for (std::size_t i = 0; i < before.shape(0); ++i)
        for (std::size_t c = 0; c < before.shape(1); ++c)
          if ((i != token && before(i, c) != after(i, c)))
            return Broken{stage.name, "row " + std::to_string(i) + " changes when token " +
                                          std::to_string(token) + " does"};
      const Matrix right = product(other.matrix("X"), input.matrix(weights_of(stage.name)));
      if (!compare(values(after), values(right), 1e-6).same)
        return Broken{stage.name, "another token " + std::to_string(token) +
                                      " must give another row " + std::to_string(token)};
    }
  }
  return std::nullopt;
}

const Exercise& exercise_01_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "01.1";
    out.stages = {"query", "key", "value"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {
        {"worked",
         "the example of the header",
         {{{"n", 1}, {"d_model", 2}, {"d_k", 2}, {"d_v", 1}}},
         "worked"},
        {"fresh",
         "fresh inputs",
         {{{"n", 3}, {"d_model", 4}, {"d_k", 4}, {"d_v", 4}},
          {{"n", 4}, {"d_model", 4}, {"d_k", 3}, {"d_v", 3}}}},
        {"rect",
         "n, d_model, d_k and d_v all different",
         {{{"n", 5}, {"d_model", 4}, {"d_k", 3}, {"d_v", 2}},
          {{"n", 2}, {"d_model", 3}, {"d_k", 5}, {"d_v", 6}}}},
        {"edge",
         "one token, one feature",
         {{{"n", 1}, {"d_model", 3}, {"d_k", 2}, {"d_v", 4}},
          {{"n", 3}, {"d_model", 1}, {"d_k", 1}, {"d_v", 2}},
          {{"n", 2}, {"d_model", 3}, {"d_k", 1}, {"d_v", 1}}}},
        {"law",
         "tokens replaced one by one",
         {{{"n", 4}, {"d_model", 3}, {"d_k", 2}, {"d_v", 3}}},
         "",
         token_by_token},
        {"extreme",
         "large numbers",
         {{{"n", 3}, {"d_model", 12}, {"d_k", 4}, {"d_v", 5}}},
         "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::project, input); };
    out.mutants = mutations(mutants_01_1, answer);
    out.accepted = mutations(accepted_01_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("01.1.worked") {
  judge(exercise_01_1(), "worked");
}
TEST_CASE("01.1.fresh") {
  judge(exercise_01_1(), "fresh");
}
TEST_CASE("01.1.rect") {
  judge(exercise_01_1(), "rect");
}
TEST_CASE("01.1.edge") {
  judge(exercise_01_1(), "edge");
}
TEST_CASE("01.1.law") {
  judge(exercise_01_1(), "law");
}
TEST_CASE("01.1.extreme") {
  judge(exercise_01_1(), "extreme");
}

}  // namespace headlight::course
