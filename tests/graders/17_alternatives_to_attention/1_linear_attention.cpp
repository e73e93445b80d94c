// 17.1 linear_attention: five stages that do not tell in which order they were computed.
#include "17_alternatives_to_attention/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::linear_attention);
extern const std::vector<Mutant<Function>> mutants_17_1, accepted_17_1;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  input.numbers["causal"] = flavour == "open" ? 0 : 1;
  if (flavour == "worked") {
    input.matrices = {{"query", {{0}, {1}}}, {"key", {{0}, {1}}}, {"value", {{2}, {5}}}};
    return input;
  }
  const bool square = flavour != "open";
  const std::size_t n_query = sizes.at(square ? "n" : "n_query"),
                    n_key = sizes.at(square ? "n" : "n_key"), d_head = sizes.at("d_head");
  const double spread = flavour == "extreme" ? 300 : 1;
  Matrix query = fresh_matrix(random, n_query, d_head, spread),
         key = fresh_matrix(random, n_key, d_head, spread);
  if (flavour == "extreme")  // e^x of a large x is infinite; one feature keeps the sums from zero
    for (Matrix* rows : {&query, &key})
      for (std::size_t i = 0; i < rows->shape(0); ++i)
        (*rows)(i, 0) = 800 + std::abs((*rows)(i, 0));
  if (flavour == "faint")  // keys with hardly any feature: the weights still sum to one
    for (double& x : key) x -= 10;
  input.matrices["query"] = query;
  input.matrices["key"] = key;
  input.matrices["value"] = fresh_matrix(random, n_key, sizes.at("d_value"));
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::LinearTrace trace = function(input.matrix("query"), input.matrix("key"),
                                               input.matrix("value"), input.number("causal") != 0);
  return {{"query_features", values(trace.query_features)},
          {"key_features", values(trace.key_features)},
          {"numerator", values(trace.numerator)},
          {"normaliser", values(trace.normaliser)},
          {"output", values(trace.output)}};
}

std::size_t seen_by(const Input& input, std::size_t i) {
  return input.number("causal") != 0 ? i + 1 : input.matrix("key").shape(0);
}

// phi(q_i) . phi(k_j), zero where the key is not seen.
Matrix weights(const Input& input, const Stages& before) {
  Matrix out = product(matrix(stage_of(before, "query_features")),
                       flipped(matrix(stage_of(before, "key_features"))));
  for (std::size_t i = 0; i < out.shape(0); ++i)
    for (std::size_t j = seen_by(input, i); j < out.shape(1); ++j) out(i, j) = 0;
  return out;
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  if (stage == "query_features" || stage == "key_features") {
    Matrix out = input.matrix(stage == "key_features" ? "key" : "query");
    for (double& x : out) x = x > 0 ? x + 1 : std::exp(x);
    return values(out);
  }
  if (stage == "numerator") return values(product(weights(input, before), input.matrix("value")));
  if (stage == "normaliser") {
    const Matrix weight = weights(input, before);
    Vector out(Vector::shape_type{weight.shape(0)}, 0.0);
    for (std::size_t i = 0; i < weight.shape(0); ++i)
      for (std::size_t j = 0; j < weight.shape(1); ++j) out(i) += weight(i, j);
    return values(out);
  }
  Matrix out = matrix(stage_of(before, "numerator"));
  const Vector normaliser = vector(stage_of(before, "normaliser"));
  for (std::size_t i = 0; i < out.shape(0); ++i)
    for (std::size_t c = 0; c < out.shape(1); ++c) out(i, c) /= normaliser(i);
  return values(out);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const std::size_t i = cell[0];
  if (stage == "query_features" || stage == "key_features") {
    const double x = input.matrix(stage == "key_features" ? "key" : "query")(i, cell[1]);
    return what + " = phi(" + text(x) +
           ") = " + (x > 0 ? text(x) + " + 1" : "exp(" + text(x) + ")") + " = " +
           text(x > 0 ? x + 1 : std::exp(x));
  }
  if (stage == "output")
    return what + " = numerator / normaliser = " +
           text(matrix(stage_of(before, "numerator"))(i, cell[1])) + " / " +
           text(vector(stage_of(before, "normaliser"))(i));
  std::vector<double> weight = row_of(weights(input, before), i);
  weight.resize(seen_by(input, i));
  std::vector<double> with(weight.size(), 1.0);
  if (stage == "numerator") with = column_of(input.matrix("value"), cell[1]);
  return dot_terms(what + ", keys 0 to " + std::to_string(weight.size() - 1) +
                       (stage == "numerator" ? ", phi(q).phi(k) times value" : ", phi(q).phi(k)"),
                   weight, with);
}

// Equal values come back as they are, whatever the weights; and the future does not matter.
std::optional<Broken> means_of_the_past(const Answer& of, const Input& input) {
  Input flat = input;
  for (double& v : flat.matrices["value"]) v = 3;
  for (const double y : matrix(stage_of(of(flat), "output")))
    if (!(std::abs(y - 3) <= 1e-5))
      return Broken{"output", "all values are 3 and the output is " + text(y) +
                                  ": the weights of a row have to sum to one"};
  Input other = input;
  const std::size_t n = input.size("n");
  for (const char* name : {"query", "key", "value"})
    for (std::size_t c = 0; c < other.matrix(name).shape(1); ++c)
      other.matrices[name](n - 1, c) += 2;
  const Matrix plain = matrix(stage_of(of(input), "output")),
               changed = matrix(stage_of(of(other), "output"));
  for (std::size_t i = 0; i + 1 < n; ++i)
    for (std::size_t c = 0; c < plain.shape(1); ++c)
      if (!(std::abs(plain(i, c) - changed(i, c)) <= 1e-9))
        return Broken{"output", "row " + std::to_string(i) + " changes with a later token"};
  return std::nullopt;
}

const Exercise& exercise_17_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "17.1";
    out.stages = {"query_features", "key_features", "numerator", "normaliser", "output"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    const auto sizes = [](std::size_t n, std::size_t d_head, std::size_t d_value) {
      return Sizes{{"n", n}, {"d_head", d_head}, {"d_value", d_value}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(2, 1, 1)}, "worked"},
        {"fresh", "fresh tokens, causal", {sizes(4, 3, 3), sizes(7, 2, 5)}},
        {"open",
         "not causal, more keys than queries or fewer",
         {{{"n_query", 3}, {"n_key", 5}, {"d_head", 4}, {"d_value", 2}},
          {{"n_query", 6}, {"n_key", 2}, {"d_head", 2}, {"d_value", 3}}},
         "open"},
        {"edge", "one token, one feature", {sizes(1, 3, 2), sizes(5, 1, 4)}},
        {"law", "equal values, the future replaced", {sizes(5, 3, 2)}, "", means_of_the_past},
        {"faint", "keys with hardly any feature", {sizes(5, 4, 3)}, "faint"},
        {"extreme", "large numbers", {sizes(5, 4, 3)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::linear_attention, input); };
    out.mutants = mutations(mutants_17_1, answer);
    out.accepted = mutations(accepted_17_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("17.1.worked") {
  judge(exercise_17_1(), "worked");
}
TEST_CASE("17.1.fresh") {
  judge(exercise_17_1(), "fresh");
}
TEST_CASE("17.1.open") {
  judge(exercise_17_1(), "open");
}
TEST_CASE("17.1.edge") {
  judge(exercise_17_1(), "edge");
}
TEST_CASE("17.1.law") {
  judge(exercise_17_1(), "law");
}
TEST_CASE("17.1.faint") {
  judge(exercise_17_1(), "faint");
}
TEST_CASE("17.1.extreme") {
  judge(exercise_17_1(), "extreme");
}

}  // namespace headlight::course
