// 18.2 entropy_vs_scale: predictions held against a softmax that is run.
#include "18_attention_and_training/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::entropy_vs_scale);
extern const std::vector<Mutant<Function>> mutants_18_2, accepted_18_2;

namespace {

const std::vector<std::pair<std::string, double>> factors = {
    {"at_zero", 0}, {"at_quarter", 0.25}, {"at_one", 1}, {"at_thousand", 1000}};

struct Row {
  exercise::Entropy exercise::Entropies::*predicted;
  std::vector<double> scores;
};

const std::map<std::string, Row>& rows() {
  static const double hidden = -std::numeric_limits<double>::infinity(), far = 4 * std::log(3);
  using exercise::Entropies;
  static const std::map<std::string, Row> all = {
      {"two_keys", {&Entropies::two_keys, {0, far}}},
      {"one_ahead", {&Entropies::one_ahead, {0, 0, 0, far}}},
      {"tie", {&Entropies::tie, {far, 0, far}}},
      {"hidden", {&Entropies::hidden, {0, hidden, far}}},
      {"shifted", {&Entropies::shifted, {100, 100, 100, 100 + far}}},
      {"level", {&Entropies::level, {7, 7, 7, 7, 7}}}};
  return all;
}

// Which row an input is about: the only number that is one.
const Row& row_of_input(const Input& input) {
  for (const auto& [name, row] : rows())
    if (input.number(name) != 0) return row;
  throw std::logic_error("an input without a row");
}

Input make(Random&, const Sizes&, const std::string& flavour) {
  Input input;
  for (const auto& [name, row] : rows()) input.numbers[name] = name == flavour;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::Entropies all = function();
  const exercise::Entropy& one = all.*row_of_input(input).predicted;
  return {{"at_zero", values(one.at_zero)},
          {"at_quarter", values(one.at_quarter)},
          {"at_one", values(one.at_one)},
          {"at_thousand", values(one.at_thousand)}};
}

// The pattern of the scaled row.
std::vector<double> pattern(const Input& input, const std::string& stage) {
  double factor = 0;
  for (const auto& [name, number] : factors)
    if (name == stage) factor = number;
  const std::vector<double>& scores = row_of_input(input).scores;
  Matrix row(Matrix::shape_type{1, scores.size()});
  for (std::size_t j = 0; j < scores.size(); ++j)
    row(0, j) = std::isinf(scores[j]) ? scores[j] : factor * scores[j];
  return headlight::course::row_of(softmax(row), 0);
}

Values expected(const Input& input, const Stages&, const std::string& stage) {
  double entropy = 0;
  for (const double p : pattern(input, stage))
    if (p > 0) entropy -= p * std::log(p);
  return values(entropy);
}

std::string terms(const Input& input, const Stages&, const std::string& stage,
                  const std::vector<std::size_t>&) {
  std::string weights, sum;
  for (const double p : pattern(input, stage)) {
    weights += (weights.empty() ? "" : ", ") + text(p);
    if (p > 0) sum += (sum.empty() ? "" : " + ") + text(p) + "*" + text(-std::log(p));
  }
  return stage + ": the pattern is [" + weights + "], and the sum of p * (-ln p) is " + sum;
}

const Exercise& exercise_18_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "18.2";
    for (const auto& [name, factor] : factors) out.stages.push_back(name);
    out.fixed = true;
    out.tolerance = 2e-3;  // four decimals are enough
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    const auto row = [](const char* name, const char* about) {
      return Case{name, about, {{{"row", 1}}}, name};
    };
    out.cases = {row("two_keys", "scores 0, 4 ln 3"),
                 row("one_ahead", "scores 0, 0, 0, 4 ln 3"),
                 row("tie", "scores 4 ln 3, 0, 4 ln 3"),
                 row("hidden", "scores 0, -infinity, 4 ln 3"),
                 row("shifted", "scores 100, 100, 100, 100 + 4 ln 3"),
                 row("level", "scores 7, 7, 7, 7, 7")};
    out.learner = [](const Input& input) { return answer(exercise::entropy_vs_scale, input); };
    out.mutants = mutations(mutants_18_2, answer);
    out.accepted = mutations(accepted_18_2, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("18.2.two_keys") {
  judge(exercise_18_2(), "two_keys");
}
TEST_CASE("18.2.one_ahead") {
  judge(exercise_18_2(), "one_ahead");
}
TEST_CASE("18.2.tie") {
  judge(exercise_18_2(), "tie");
}
TEST_CASE("18.2.hidden") {
  judge(exercise_18_2(), "hidden");
}
TEST_CASE("18.2.shifted") {
  judge(exercise_18_2(), "shifted");
}
TEST_CASE("18.2.level") {
  judge(exercise_18_2(), "level");
}

}  // namespace headlight::course
