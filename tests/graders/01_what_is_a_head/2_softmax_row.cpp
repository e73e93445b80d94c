// 01.2 softmax_row: shifted, weight, pattern; every row by itself, and scores that would overflow.
#include "01_what_is_a_head/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::softmax_row);
extern const std::vector<Mutant<Function>> mutants_01_2, accepted_01_2;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {{"scores", {{0, std::log(2.0), std::log(5.0)}}}};
    return input;
  }
  const std::size_t n_query = sizes.at("n_query"), n_key = sizes.at("n_key");
  Matrix scores = fresh_matrix(random, n_query, n_key, flavour == "extreme" ? 400 : 2);
  if (flavour == "low")  // a whole row below zero: a maximum that starts from zero shows
    for (double& score : scores) score -= 12;
  if (flavour == "extreme") {
    for (std::size_t j = 0; j < n_key; ++j) scores(0, j) -= 3000;  // far below the other rows
    for (std::size_t i = 1; i < n_query && n_key > 1; ++i)         // one key hidden in every row
      scores(i, i % n_key) = -std::numeric_limits<double>::infinity();
  }
  input.matrices["scores"] = scores;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::SoftmaxTrace trace = function(input.matrix("scores"));
  return {{"shifted", values(trace.shifted)},
          {"weight", values(trace.weight)},
          {"pattern", values(trace.pattern)}};
}

double largest_of(const Matrix& a, std::size_t i) {
  const std::vector<double> row = row_of(a, i);
  return *std::max_element(row.begin(), row.end());
}

double sum_of(const Matrix& a, std::size_t i) {
  double total = 0;
  for (const double x : row_of(a, i)) total += x;
  return total;
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  Matrix out = stage == "shifted"  ? input.matrix("scores")
               : stage == "weight" ? matrix(stage_of(before, "shifted"))
                                   : matrix(stage_of(before, "weight"));
  const Matrix in = out;
  for (std::size_t i = 0; i < out.shape(0); ++i)
    for (std::size_t j = 0; j < out.shape(1); ++j)
      out(i, j) = stage == "shifted"  ? in(i, j) - largest_of(in, i)
                  : stage == "weight" ? std::exp(in(i, j))
                                      : in(i, j) / sum_of(in, i);
  return values(out);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell) + " = ";
  const std::size_t i = cell[0], j = cell[1];
  if (stage == "shifted") {
    const Matrix& scores = input.matrix("scores");
    return what + text(scores(i, j)) + " - " + text(largest_of(scores, i)) +
           ", the largest of row " + std::to_string(i);
  }
  if (stage == "weight")
    return what + "exp(" + text(matrix(stage_of(before, "shifted"))(i, j)) + ")";
  const Matrix weight = matrix(stage_of(before, "weight"));
  std::string sum;
  for (const double x : row_of(weight, i)) sum += (sum.empty() ? "" : " + ") + text(x);
  return what + text(weight(i, j)) + " / (" + sum + ") = " + text(weight(i, j) / sum_of(weight, i));
}

// A number added to a whole row changes nothing after the shift; rows sum to one.
std::optional<Broken> shift_and_sum(const Answer& of, const Input& input) {
  Input other = input;
  for (std::size_t i = 0; i < input.size("n_query"); ++i)
    for (std::size_t j = 0; j < input.size("n_key"); ++j)
      other.matrices["scores"](i, j) += 3.0 + static_cast<double>(i);
  const Stages plain = of(input), raised = of(other);
  for (const char* name : {"shifted", "weight", "pattern"})
    if (!compare(stage_of(raised, name), stage_of(plain, name), 1e-6).same)
      return Broken{name, "a number added to every score of a row must change nothing"};
  const Matrix pattern = matrix(stage_of(raised, "pattern"));
  for (std::size_t i = 0; i < pattern.shape(0); ++i)
    if (!(std::abs(sum_of(pattern, i) - 1) <= 1e-6))
      return Broken{"pattern", "row " + std::to_string(i) + " sums to " + text(sum_of(pattern, i))};
  return std::nullopt;
}

const Exercise& exercise_01_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "01.2";
    out.stages = {"shifted", "weight", "pattern"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {
        {"worked", "the example of the header", {{{"n_query", 1}, {"n_key", 3}}}, "worked"},
        {"fresh",
         "fresh scores",
         {{{"n_query", 4}, {"n_key", 4}},
          {{"n_query", 3}, {"n_key", 5}},
          {{"n_query", 6}, {"n_key", 2}}}},
        {"low", "all scores below zero", {{{"n_query", 3}, {"n_key", 4}}}, "low"},
        {"edge",
         "one row, one column",
         {{{"n_query", 1}, {"n_key", 4}},
          {{"n_query", 4}, {"n_key", 1}},
          {{"n_query", 1}, {"n_key", 1}}}},
        {"law", "a number added to every row", {{{"n_query", 5}, {"n_key", 3}}}, "", shift_and_sum},
        {"extreme",
         "scores of a thousand, hidden keys",
         {{{"n_query", 5}, {"n_key", 4}}},
         "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::softmax_row, input); };
    out.mutants = mutations(mutants_01_2, answer);
    out.accepted = mutations(accepted_01_2, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("01.2.worked") {
  judge(exercise_01_2(), "worked");
}
TEST_CASE("01.2.fresh") {
  judge(exercise_01_2(), "fresh");
}
TEST_CASE("01.2.low") {
  judge(exercise_01_2(), "low");
}
TEST_CASE("01.2.edge") {
  judge(exercise_01_2(), "edge");
}
TEST_CASE("01.2.law") {
  judge(exercise_01_2(), "law");
}
TEST_CASE("01.2.extreme") {
  judge(exercise_01_2(), "extreme");
}

}  // namespace headlight::course
