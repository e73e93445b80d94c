// 04.2 soft_lookup: scores, weights, the mixture, and the best key alone.
#include "04_query_key_value/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::soft_lookup);
extern const std::vector<Mutant<Function>> mutants_04_2, accepted_04_2;

namespace {

double dot(const Input& input, std::size_t j) {
  double total = 0;
  for (std::size_t k = 0; k < input.vector("query").shape(0); ++k)
    total += input.vector("query")(k) * input.matrix("keys")(j, k);
  return total;
}

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.numbers["temperature"] = 0.5;
    input.vectors["query"] = {1, 0};
    input.matrices = {{"keys", {{1, 0}, {0, 1}}}, {"values", {{10}, {20}}}};
    return input;
  }
  const std::size_t n = sizes.at("n"), d_key = sizes.at("d_key");
  input.numbers["temperature"] = 0.25 + std::round(64 * random.uniform()) / 32;
  if (flavour == "hot") input.numbers["temperature"] = 1000;
  if (flavour == "cold" || flavour == "far below") input.numbers["temperature"] = 1.0 / 1024;
  input.vectors["query"] = fresh_vector(random, d_key);
  input.vectors["query"](0) += input.vectors["query"](0) < 0 ? -1 : 1;  // no score of zero
  input.matrices["keys"] = fresh_matrix(random, n, d_key);
  input.matrices["values"] = fresh_matrix(random, n, sizes.at("d_value"), 3);
  Matrix& keys = input.matrices["keys"];
  if (flavour == "far below")  // every key on the far side: the largest score is below zero
    for (std::size_t j = 0; j < n; ++j) {
      const double side = dot(input, j) > 0 ? -1 : 1;
      for (std::size_t k = 0; k < d_key; ++k)
        keys(j, k) = side * keys(j, k) - 2 * input.vector("query")(k);
    }
  if (flavour == "ties") {  // the best key three times, with other values
    input.numbers["temperature"] = 0.5;
    std::size_t best = 0;
    for (std::size_t j = 1; j < n; ++j)
      if (dot(input, j) > dot(input, best)) best = j;
    const std::vector<double> row = row_of(keys, best);
    for (const std::size_t j : {n / 3, n / 2, n - 1})
      for (std::size_t k = 0; k < d_key; ++k) keys(j, k) = row[k];
  }
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::LookupTrace trace = function(input.vector("query"), input.matrix("keys"),
                                               input.matrix("values"), input.number("temperature"));
  return {{"scores", values(trace.scores)},
          {"weights", values(trace.weights)},
          {"found", values(trace.found)},
          {"nearest", values(trace.nearest)}};
}

Matrix as_row(const Values& stage) {
  const Vector numbers = vector(stage);
  Matrix out(Matrix::shape_type{1, numbers.shape(0)});
  std::copy(numbers.begin(), numbers.end(), out.data());
  return out;
}

Values as_list(const Matrix& row) {
  return values(row_of(row, 0));
}

std::size_t best_of(const std::vector<double>& scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Matrix& all = input.matrix("values");
  if (stage == "scores") {
    std::vector<double> out;
    for (std::size_t j = 0; j < all.shape(0); ++j)
      out.push_back(dot(input, j) / input.number("temperature"));
    return values(out);
  }
  if (stage == "weights") return as_list(softmax(as_row(stage_of(before, "scores"))));
  if (stage == "found") return as_list(product(as_row(stage_of(before, "weights")), all));
  return values(row_of(all, best_of(stage_of(before, "scores").data)));
}

// The mixture is a sum whose terms may cancel.
double terms_size(const Input& input, const Stages& before, const std::string& stage) {
  if (stage == "found")
    return product_size(as_row(stage_of(before, "weights")), input.matrix("values"));
  return 0;
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  if (stage == "scores")
    return dot_terms("query . key[" + std::to_string(cell[0]) + "]",
                     row_of(as_row(values(input.vector("query"))), 0),
                     row_of(input.matrix("keys"), cell[0])) +
           "; divided by the temperature " + text(input.number("temperature")) + " it is " + what;
  const std::vector<double>& scores = stage_of(before, "scores").data;
  if (stage == "weights") return softmax_terms(what, scores, cell[0]);
  if (stage == "found")
    return dot_terms(what + " = weights . column " + std::to_string(cell[0]) + " of values",
                     stage_of(before, "weights").data, column_of(input.matrix("values"), cell[0]));
  const std::size_t best = best_of(scores);
  return what + ": the largest score is scores[" + std::to_string(best) +
         "] = " + text(scores[best]) + ", so values[" + std::to_string(best) + ", " +
         std::to_string(cell[0]) + "] = " + text(input.matrix("values")(best, cell[0]));
}

// A dictionary has no order, and of keys only differences count: the same vector added to all of
// them moves every score alike.
std::optional<Broken> order_and_origin(const Answer& of, const Input& input) {
  Input turned = input, moved = input;
  const std::size_t n = input.size("n");
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < input.size("d_key"); ++k) {
      turned.matrices["keys"]((j + 1) % n, k) = input.matrix("keys")(j, k);
      moved.matrices["keys"](j, k) += 1;
    }
    for (std::size_t c = 0; c < input.size("d_value"); ++c)
      turned.matrices["values"]((j + 1) % n, c) = input.matrix("values")(j, c);
  }
  const Stages plain = of(input);
  for (const auto& [other, law] : {std::pair(turned, "entries in another order"),
                                   std::pair(moved, "the same vector added to all keys")}) {
    const Stages changed = of(other);
    for (const char* stage : {"found", "nearest"}) {
      const Vector a = vector(stage_of(plain, stage)), b = vector(stage_of(changed, stage));
      for (std::size_t c = 0; c < a.shape(0); ++c)
        if (!(std::abs(a(c) - b(c)) <= 1e-4 * (1 + std::abs(a(c)))))  // float keeps that much
          return Broken{stage, std::string(law) + ": " + cell_text(stage, {c}) + " was " +
                                   text(a(c)) + " and is " + text(b(c))};
    }
  }
  return std::nullopt;
}

const Exercise& exercise_04_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "04.2";
    out.stages = {"scores", "weights", "found", "nearest"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.terms_size = terms_size;
    const auto sizes = [](std::size_t n, std::size_t d_key, std::size_t d_value) {
      return Sizes{{"n", n}, {"d_key", d_key}, {"d_value", d_value}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(2, 2, 1)}, "worked"},
        {"fresh",
         "fresh keys, values and temperature",
         {sizes(4, 3, 2), sizes(6, 2, 5), sizes(5, 5, 5)}},
        {"hot", "a temperature of 1000", {sizes(5, 3, 2)}, "hot"},
        {"cold", "scores of thousands", {sizes(5, 3, 2), sizes(7, 4, 1)}, "cold"},
        {"below", "all scores thousands below zero", {sizes(5, 4, 2)}, "far below"},
        {"edge",
         "one entry, one feature, the best key three times",
         {sizes(1, 3, 2), sizes(4, 1, 1), sizes(6, 3, 2), sizes(9, 2, 3)},
         "ties"},
        {"law", "entries in another order, all keys moved", {sizes(5, 3, 2)}, "", order_and_origin},
    };
    out.learner = [](const Input& input) { return answer(exercise::soft_lookup, input); };
    out.mutants = mutations(mutants_04_2, answer);
    out.accepted = mutations(accepted_04_2, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("04.2.worked") {
  judge(exercise_04_2(), "worked");
}
TEST_CASE("04.2.fresh") {
  judge(exercise_04_2(), "fresh");
}
TEST_CASE("04.2.hot") {
  judge(exercise_04_2(), "hot");
}
TEST_CASE("04.2.cold") {
  judge(exercise_04_2(), "cold");
}
TEST_CASE("04.2.below") {
  judge(exercise_04_2(), "below");
}
TEST_CASE("04.2.edge") {
  judge(exercise_04_2(), "edge");
}
TEST_CASE("04.2.law") {
  judge(exercise_04_2(), "law");
}

}  // namespace headlight::course
