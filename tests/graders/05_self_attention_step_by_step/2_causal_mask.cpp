// 05.2 causal_mask: what is hidden, and a softmax that survives large scores.
#include "05_self_attention_step_by_step/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::causal_mask);
extern const std::vector<Mutant<Function>> mutants_05_2, accepted_05_2;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  input.numbers["causal"] = flavour == "open" ? 0 : 1;
  const std::size_t n = sizes.at("n");
  if (flavour == "worked") {
    input.matrices = {{"scores", {{1, 5}, {2, 2}}}};
    return input;
  }
  input.matrices["scores"] = fresh_matrix(random, n, n, flavour == "extreme" ? 400 : 2);
  if (flavour == "extreme")  // one row far below another: a maximum over all rows would not do
    for (std::size_t j = 0; j < n; ++j) input.matrices["scores"](0, j) -= 3000;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::MaskTrace trace = function(input.matrix("scores"), input.number("causal") != 0);
  return {{"masked", values(trace.masked)}, {"pattern", values(trace.pattern)}};
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Matrix& scores = input.matrix("scores");
  if (stage == "masked")
    return values(input.number("causal") != 0 ? future_hidden(scores) : scores);
  return values(softmax(matrix(stage_of(before, "masked"))));
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  if (stage == "masked") {
    const bool hidden = input.number("causal") != 0 && cell[1] > cell[0];
    return what + ": key " + std::to_string(cell[1]) +
           (hidden ? " comes after" : " may be seen by") + " query " + std::to_string(cell[0]) +
           (hidden ? ", so -inf"
                   : ", so the score " + text(input.matrix("scores")(cell[0], cell[1])));
  }
  return softmax_terms(what, row_of(matrix(stage_of(before, "masked")), cell[0]), cell[1]);
}

// Later scores are replaced: rows of earlier queries must not change by a bit.
std::optional<Broken> future_is_unseen(const Answer& of, const Input& input) {
  const std::size_t n = input.size("n");
  const Matrix plain = matrix(stage_of(of(input), "pattern"));
  for (std::size_t last = 0; last + 1 < n; ++last) {
    Input other = input;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = last + 1; j < n; ++j) other.matrices["scores"](i, j) += 7;
    const Matrix changed = matrix(stage_of(of(other), "pattern"));
    for (std::size_t i = 0; i <= last; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (changed(i, j) != plain(i, j))
          return Broken{"pattern", "query " + std::to_string(i) +
                                       " changes when scores of keys after " +
                                       std::to_string(last) + " do"};
  }
  return std::nullopt;
}

const Exercise& exercise_05_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "05.2";
    out.stages = {"masked", "pattern"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {
        {"worked", "the example of the header", {{{"n", 2}}}, "worked"},
        {"fresh", "fresh scores, causal", {{{"n", 4}}, {{"n", 7}}}},
        {"open", "not causal", {{{"n", 3}}, {{"n", 5}}}, "open"},
        {"edge", "one token", {{{"n", 1}}}},
        {"law", "the future replaced", {{{"n", 5}}}, "", future_is_unseen},
        {"extreme", "scores of a thousand", {{{"n", 5}}}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::causal_mask, input); };
    out.mutants = mutations(mutants_05_2, answer);
    out.accepted = mutations(accepted_05_2, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("05.2.worked") {
  judge(exercise_05_2(), "worked");
}
TEST_CASE("05.2.fresh") {
  judge(exercise_05_2(), "fresh");
}
TEST_CASE("05.2.open") {
  judge(exercise_05_2(), "open");
}
TEST_CASE("05.2.edge") {
  judge(exercise_05_2(), "edge");
}
TEST_CASE("05.2.law") {
  judge(exercise_05_2(), "law");
}
TEST_CASE("05.2.extreme") {
  judge(exercise_05_2(), "extreme");
}

}  // namespace headlight::course
