// 01.3 one_head: six stages, each recomputed from the learner's own stage before it.
#include "01_what_is_a_head/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::one_head);
extern const std::vector<Mutant<Function>> mutants_01_3, accepted_01_3;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {{"X", {{1, 0}, {0, 1}}},
                      {"W_Q", {{1, 1, 0, 0}, {0, 0, 1, 1}}},
                      {"W_K", {{1, 1, 0, 0}, {1, 1, 2, 2}}},
                      {"W_V", {{0}, {10}}}};
    return input;
  }
  const std::size_t d_model = sizes.at("d_model");
  const double spread = flavour == "extreme" ? 30 : 1;
  input.matrices["X"] = fresh_matrix(random, sizes.at("n"), d_model, spread);
  input.matrices["W_Q"] = fresh_matrix(random, d_model, sizes.at("d_k"));
  input.matrices["W_K"] = fresh_matrix(random, d_model, sizes.at("d_k"));
  input.matrices["W_V"] = fresh_matrix(random, d_model, sizes.at("d_v"));
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::OneHead head =
      function(input.matrix("X"), input.matrix("W_Q"), input.matrix("W_K"), input.matrix("W_V"));
  return {{"query", values(head.query)},     {"key", values(head.key)},
          {"value", values(head.value)},     {"scores", values(head.scores)},
          {"pattern", values(head.pattern)}, {"output", values(head.output)}};
}

double root_of_width(const Input& input) {
  return std::sqrt(static_cast<double>(input.matrix("W_Q").shape(1)));
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Matrix& X = input.matrix("X");
  const auto earlier = [&](const char* name) { return matrix(stage_of(before, name)); };
  if (stage == "query") return values(product(X, input.matrix("W_Q")));
  if (stage == "key") return values(product(X, input.matrix("W_K")));
  if (stage == "value") return values(product(X, input.matrix("W_V")));
  if (stage == "scores")
    return values(
        scaled(product(earlier("query"), flipped(earlier("key"))), 1 / root_of_width(input)));
  if (stage == "pattern") return values(softmax(earlier("scores")));
  return values(product(earlier("pattern"), earlier("value")));
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const std::size_t i = cell[0], j = cell[1];
  const auto earlier = [&](const char* name) { return matrix(stage_of(before, name)); };
  const Matrix& X = input.matrix("X");
  if (stage == "query") return dot_terms(what, row_of(X, i), column_of(input.matrix("W_Q"), j));
  if (stage == "key") return dot_terms(what, row_of(X, i), column_of(input.matrix("W_K"), j));
  if (stage == "value") return dot_terms(what, row_of(X, i), column_of(input.matrix("W_V"), j));
  if (stage == "scores")
    return dot_terms("query[" + std::to_string(i) + "] . key[" + std::to_string(j) + "]",
                     row_of(earlier("query"), i), row_of(earlier("key"), j)) +
           "; divided by sqrt(d_k) = " + text(root_of_width(input)) + " it is " + what;
  if (stage == "pattern") return softmax_terms(what, row_of(earlier("scores"), i), j);
  return dot_terms(
      what + " = pattern[" + std::to_string(i) + "] . column " + std::to_string(j) + " of value",
      row_of(earlier("pattern"), i), column_of(earlier("value"), j));
}

// Tokens in another order give the same rows in that order; no output leaves the range of the
// values.
std::optional<Broken> order_and_range(const Answer& of, const Input& input) {
  Input turned = input;
  const Matrix& X = input.matrix("X");
  const std::size_t n = X.shape(0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < X.shape(1); ++c) turned.matrices["X"]((i + 1) % n, c) = X(i, c);
  const Stages moved = of(turned);
  const Matrix plain = matrix(stage_of(of(input), "output")),
               output = matrix(stage_of(moved, "output")), value = matrix(stage_of(moved, "value"));
  for (std::size_t c = 0; c < plain.shape(1); ++c) {
    const std::vector<double> column = column_of(value, c);
    const double low = *std::min_element(column.begin(), column.end()),
                 high = *std::max_element(column.begin(), column.end());
    for (std::size_t i = 0; i < n; ++i) {
      const double x = output((i + 1) % n, c), room = 1e-5 * (1 + std::abs(x));
      if (!(std::abs(x - plain(i, c)) <= room))
        return Broken{"output", "tokens in another order must give the same rows in that order"};
      if (!(x >= low - room && x <= high + room))
        return Broken{"output", text(x) + " is outside the values of its column, " + text(low) +
                                    " to " + text(high)};
    }
  }
  return std::nullopt;
}

const Exercise& exercise_01_3() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "01.3";
    out.stages = {"query", "key", "value", "scores", "pattern", "output"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {
        {"worked",
         "the example of the header",
         {{{"n", 2}, {"d_model", 2}, {"d_k", 4}, {"d_v", 1}}},
         "worked"},
        {"fresh",
         "fresh inputs",
         {{{"n", 4}, {"d_model", 4}, {"d_k", 4}, {"d_v", 4}},
          {{"n", 3}, {"d_model", 5}, {"d_k", 2}, {"d_v", 2}}}},
        {"rect",
         "n, d_model, d_k and d_v all different",
         {{{"n", 5}, {"d_model", 4}, {"d_k", 3}, {"d_v", 2}},
          {{"n", 2}, {"d_model", 3}, {"d_k", 6}, {"d_v", 5}}}},
        {"edge",
         "one token, one feature",
         {{{"n", 1}, {"d_model", 3}, {"d_k", 2}, {"d_v", 4}},
          {{"n", 4}, {"d_model", 1}, {"d_k", 1}, {"d_v", 1}}}},
        {"law",
         "tokens in another order",
         {{{"n", 5}, {"d_model", 4}, {"d_k", 3}, {"d_v", 2}}},
         "",
         order_and_range},
        {"extreme",
         "scores of a thousand",
         {{{"n", 5}, {"d_model", 6}, {"d_k", 3}, {"d_v", 2}}},
         "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::one_head, input); };
    out.mutants = mutations(mutants_01_3, answer);
    out.accepted = mutations(accepted_01_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("01.3.worked") {
  judge(exercise_01_3(), "worked");
}
TEST_CASE("01.3.fresh") {
  judge(exercise_01_3(), "fresh");
}
TEST_CASE("01.3.rect") {
  judge(exercise_01_3(), "rect");
}
TEST_CASE("01.3.edge") {
  judge(exercise_01_3(), "edge");
}
TEST_CASE("01.3.law") {
  judge(exercise_01_3(), "law");
}
TEST_CASE("01.3.extreme") {
  judge(exercise_01_3(), "extreme");
}

}  // namespace headlight::course
