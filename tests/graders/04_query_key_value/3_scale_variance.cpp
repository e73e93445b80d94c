// 04.3 scale_variance: the spread of products before and after the division by sqrt(d_head).
#include "04_query_key_value/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::scale_variance);
extern const std::vector<Mutant<Function>> mutants_04_3, accepted_04_3;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {{"query", {{1, 1, 1, 1}, {1, 1, 0, 0}}},
                      {"key", {{1, 1, 1, 1}, {1, 1, 1, 1}}}};
    return input;
  }
  const double spread = flavour == "extreme" ? 30 : 1;
  for (const char* name : {"query", "key"})
    input.matrices[name] = fresh_matrix(random, sizes.at("m"), sizes.at("d_head"), spread);
  if (flavour == "aside")  // a mean far from zero, so that taking it off matters
    for (double& x : input.matrices["query"]) x += 2;
  if (flavour == "aside")
    for (double& x : input.matrices["key"]) x += 2;
  if (flavour == "below")  // every product far below zero
    for (std::size_t i = 0; i < sizes.at("m"); ++i)
      for (std::size_t k = 0; k < sizes.at("d_head"); ++k)
        input.matrices["key"](i, k) =
            -200 * (input.matrices["query"](i, k) < 0 ? -1 : 1) + input.matrices["key"](i, k);
  if (flavour == "below")
    for (double& x : input.matrices["query"]) x *= 16;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::VarianceTrace trace = function(input.matrix("query"), input.matrix("key"));
  return {{"products", values(trace.products)},
          {"variance", values(trace.variance)},
          {"sharpest", values(trace.sharpest)},
          {"scaled", values(trace.scaled)},
          {"scaled_variance", values(trace.scaled_variance)},
          {"softened", values(trace.softened)}};
}

double root_of_width(const Input& input) {
  return std::sqrt(static_cast<double>(input.matrix("query").shape(1)));
}

double mean_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double number : x) sum += number;
  return sum / static_cast<double>(x.size());
}

double variance_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double number : x) sum += (number - mean_of(x)) * (number - mean_of(x));
  return sum / static_cast<double>(x.size());
}

std::size_t largest_of(const std::vector<double>& x) {
  return static_cast<std::size_t>(std::max_element(x.begin(), x.end()) - x.begin());
}

double largest_weight(const std::vector<double>& x) {
  double sum = 0;
  for (const double number : x) sum += std::exp(number - x[largest_of(x)]);
  return 1 / sum;
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  if (stage == "products") {
    std::vector<double> out;
    for (std::size_t i = 0; i < input.matrix("query").shape(0); ++i) {
      out.push_back(0);
      for (std::size_t k = 0; k < input.matrix("query").shape(1); ++k)
        out[i] += input.matrix("query")(i, k) * input.matrix("key")(i, k);
    }
    return values(out);
  }
  const bool scaled_already = stage == "scaled_variance" || stage == "softened";
  std::vector<double> numbers = stage_of(before, scaled_already ? "scaled" : "products").data;
  if (numbers.empty()) throw std::invalid_argument("there is nothing to work out " + stage + " of");
  if (stage == "variance" || stage == "scaled_variance") return values(variance_of(numbers));
  if (stage == "sharpest" || stage == "softened") return values(largest_weight(numbers));
  for (double& x : numbers) x /= root_of_width(input);
  return values(numbers);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  if (stage == "products")
    return dot_terms(cell_text(stage, cell) + " = query[" + std::to_string(cell[0]) + "] . key[" +
                         std::to_string(cell[0]) + "]",
                     row_of(input.matrix("query"), cell[0]), row_of(input.matrix("key"), cell[0]));
  const bool scaled_already = stage == "scaled_variance" || stage == "softened";
  const std::vector<double>& numbers =
      stage_of(before, scaled_already ? "scaled" : "products").data;
  if (stage == "scaled")
    return cell_text(stage, cell) + " = " + text(numbers[cell[0]]) +
           " / sqrt(d_head) = " + text(numbers[cell[0]]) + " / " + text(root_of_width(input)) +
           " = " + text(numbers[cell[0]] / root_of_width(input));
  if (stage == "sharpest" || stage == "softened")
    return softmax_terms(stage, numbers, largest_of(numbers));
  std::string squares;
  for (const double x : numbers)
    squares +=
        (squares.empty() ? "(" : " + ") + text((x - mean_of(numbers)) * (x - mean_of(numbers)));
  return stage + ": the mean is " + text(mean_of(numbers)) + ", the squares of the differences " +
         squares + ") / " + std::to_string(numbers.size()) + " = " + text(variance_of(numbers));
}

// Queries three times as large: nine times the variance. And the order of the pairs is nothing.
std::optional<Broken> nine_times(const Answer& of, const Input& input) {
  Input larger = input, turned = input;
  for (double& x : larger.matrices["query"]) x *= 3;
  const std::size_t m = input.size("m");
  for (const char* name : {"query", "key"})
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t k = 0; k < input.size("d_head"); ++k)
        turned.matrices[name]((i + 1) % m, k) = input.matrix(name)(i, k);
  const Stages plain = of(input), grown = of(larger), moved = of(turned);
  for (const char* stage : {"variance", "scaled_variance"}) {
    const double a = stage_of(plain, stage).data.at(0), b = stage_of(grown, stage).data.at(0),
                 c = stage_of(moved, stage).data.at(0);
    if (!(std::abs(b - 9 * a) <= 1e-4 * (1 + 9 * a)))  // float keeps that much
      return Broken{stage,
                    "queries three times as large: wanted 9 * " + text(a) + ", got " + text(b)};
    if (!(std::abs(c - a) <= 1e-4 * (1 + a)))
      return Broken{stage, "pairs in another order: was " + text(a) + ", is " + text(c)};
  }
  return std::nullopt;
}

const Exercise& exercise_04_3() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "04.3";
    out.stages = {"products", "variance", "sharpest", "scaled", "scaled_variance", "softened"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    const auto sizes = [](std::size_t m, std::size_t d_head) {
      return Sizes{{"m", m}, {"d_head", d_head}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(2, 4)}, "worked"},
        {"fresh", "fresh queries and keys", {sizes(5, 3), sizes(4, 8), sizes(6, 6)}},
        {"aside", "products whose mean is far from zero", {sizes(6, 4), sizes(3, 5)}, "aside"},
        {"edge", "one pair, one feature", {sizes(1, 5), sizes(4, 1), sizes(1, 1)}},
        {"law",
         "queries three times as large, pairs in another order",
         {sizes(5, 3)},
         "",
         nine_times},
        {"extreme", "products of thousands", {sizes(5, 16)}, "extreme"},
        {"below", "products thousands below zero", {sizes(4, 7)}, "below"},
    };
    out.learner = [](const Input& input) { return answer(exercise::scale_variance, input); };
    out.mutants = mutations(mutants_04_3, answer);
    out.accepted = mutations(accepted_04_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("04.3.worked") {
  judge(exercise_04_3(), "worked");
}
TEST_CASE("04.3.fresh") {
  judge(exercise_04_3(), "fresh");
}
TEST_CASE("04.3.aside") {
  judge(exercise_04_3(), "aside");
}
TEST_CASE("04.3.edge") {
  judge(exercise_04_3(), "edge");
}
TEST_CASE("04.3.law") {
  judge(exercise_04_3(), "law");
}
TEST_CASE("04.3.extreme") {
  judge(exercise_04_3(), "extreme");
}
TEST_CASE("04.3.below") {
  judge(exercise_04_3(), "below");
}

}  // namespace headlight::course
