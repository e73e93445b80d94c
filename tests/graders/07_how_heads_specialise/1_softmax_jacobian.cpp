// 07.1 softmax_jacobian: three stages; the Jacobian against differences of the answer's own
// pattern.
#include "07_how_heads_specialise/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::softmax_jacobian);
extern const std::vector<Mutant<Function>> mutants_07_1, accepted_07_1;

namespace {

constexpr double hidden = -std::numeric_limits<double>::infinity();

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {{"scores", {{0, 0}}}, {"pattern_gradient", {{4, 0}}}};
    return input;
  }
  const std::size_t n_query = sizes.at("n_query"), n_key = sizes.at("n_key");
  Matrix scores = fresh_matrix(random, n_query, n_key, 0.75);
  if (flavour == "hidden") {  // row 0 whole, row 1 not at all, then more and more is hidden
    for (std::size_t i = 1; i < n_query; ++i)
      for (std::size_t j = i == 1 ? 0 : n_key - std::min(i - 1, n_key - 1); j < n_key; ++j)
        scores(i, j) = hidden;
  }
  if (flavour == "extreme")  // shifted far up and far down, and one row that is settled
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j)
        scores(i, j) = i % 3 == 2 ? 400 * scores(i, j) : scores(i, j) + (i % 3 == 0 ? 1000 : -1000);
  input.matrices["scores"] = scores;
  input.matrices["pattern_gradient"] = fresh_matrix(random, n_query, n_key);
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::JacobianTrace trace =
      function(input.matrix("scores"), input.matrix("pattern_gradient"));
  return {{"pattern", values(trace.pattern)},
          {"jacobian", values(trace.jacobian)},
          {"score_gradient", values(trace.score_gradient)}};
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Matrix& scores = input.matrix("scores");
  if (stage == "pattern") return values(softmax(scores));
  const std::size_t n_query = scores.shape(0), n_key = scores.shape(1);
  if (stage == "jacobian") {
    const Matrix p = matrix(stage_of(before, "pattern"));
    Tensor3 jacobian(Tensor3::shape_type{n_query, n_key, n_key});
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j)
        for (std::size_t k = 0; k < n_key; ++k)
          jacobian(i, j, k) = j == k ? p(i, j) - p(i, j) * p(i, j) : -p(i, j) * p(i, k);
    return values(jacobian);
  }
  const Tensor3 jacobian = tensor(stage_of(before, "jacobian"));
  Matrix gradient(Matrix::shape_type{n_query, n_key}, 0.0);
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t k = 0; k < n_key; ++k)
      for (std::size_t j = 0; j < n_key; ++j)
        gradient(i, k) += input.matrix("pattern_gradient")(i, j) * jacobian(i, j, k);
  return values(gradient);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  if (stage == "pattern")
    return softmax_terms(what, row_of(input.matrix("scores"), cell[0]), cell[1]);
  if (stage == "jacobian") {
    const Matrix p = matrix(stage_of(before, "pattern"));
    const std::size_t i = cell[0], j = cell[1], k = cell[2];
    return what + " = pattern[" + std::to_string(i) + ", " + std::to_string(j) + "] * (" +
           (j == k ? "1" : "0") + " - pattern[" + std::to_string(i) + ", " + std::to_string(k) +
           "]) = " + text(p(i, j)) + "*(" + (j == k ? "1" : "0") + " - " + text(p(i, k)) +
           ") = " + text(p(i, j) * ((j == k ? 1 : 0) - p(i, k)));
  }
  const Tensor3 jacobian = tensor(stage_of(before, "jacobian"));
  std::vector<double> column;
  for (std::size_t j = 0; j < jacobian.shape(1); ++j)
    column.push_back(jacobian(cell[0], j, cell[1]));
  return dot_terms(what + " = pattern_gradient[" + std::to_string(cell[0]) + "] . jacobian[" +
                       std::to_string(cell[0]) + ", all, " + std::to_string(cell[1]) + "]",
                   row_of(input.matrix("pattern_gradient"), cell[0]), column);
}

// Each score is nudged a little: the answer's own pattern has to move as its Jacobian says.
std::optional<Broken> differences(const Answer& of, const Input& input) {
  constexpr double nudge = 1.0 / 64;  // float holds it; the error of the difference is nudge^2 / 6
  const Stages plain = of(input);
  const Tensor3 jacobian = tensor(stage_of(plain, "jacobian"));
  const std::size_t n_query = jacobian.shape(0), n_key = jacobian.shape(1);
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t k = 0; k < n_key; ++k) {
      Input up = input, down = input;
      up.matrices["scores"](i, k) += nudge;
      down.matrices["scores"](i, k) -= nudge;
      const Matrix above = matrix(stage_of(of(up), "pattern")),
                   below = matrix(stage_of(of(down), "pattern"));
      for (std::size_t j = 0; j < n_key; ++j)
        if (!(std::abs((above(i, j) - below(i, j)) / (2 * nudge) - jacobian(i, j, k)) <= 1e-3))
          return Broken{"jacobian", "scores(" + std::to_string(i) + ", " + std::to_string(k) +
                                        ") was moved by 1/64, and the pattern did not follow as "
                                        "the Jacobian says"};
    }
  return std::nullopt;
}

const Exercise& exercise_07_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "07.1";
    out.stages = {"pattern", "jacobian", "score_gradient"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {
        {"worked", "the example of the header", {{{"n_query", 1}, {"n_key", 2}}}, "worked"},
        {"fresh", "fresh scores", {{{"n_query", 4}, {"n_key", 4}}, {{"n_query", 3}, {"n_key", 6}}}},
        {"rect",
         "more queries than keys, one key",
         {{{"n_query", 6}, {"n_key", 3}}, {{"n_query", 3}, {"n_key", 1}}}},
        {"hidden", "hidden keys, a hidden row", {{{"n_query", 5}, {"n_key", 4}}}, "hidden"},
        {"law", "scores moved a little", {{{"n_query", 3}, {"n_key", 5}}}, "", differences},
        {"extreme", "scores of a thousand", {{{"n_query", 4}, {"n_key", 5}}}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::softmax_jacobian, input); };
    out.mutants = mutations(mutants_07_1, answer);
    out.accepted = mutations(accepted_07_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("07.1.worked") {
  judge(exercise_07_1(), "worked");
}
TEST_CASE("07.1.fresh") {
  judge(exercise_07_1(), "fresh");
}
TEST_CASE("07.1.rect") {
  judge(exercise_07_1(), "rect");
}
TEST_CASE("07.1.hidden") {
  judge(exercise_07_1(), "hidden");
}
TEST_CASE("07.1.law") {
  judge(exercise_07_1(), "law");
}
TEST_CASE("07.1.extreme") {
  judge(exercise_07_1(), "extreme");
}

}  // namespace headlight::course
