// 04.1 cross_attend: two sequences of different lengths, padding in one of them.
#include "04_query_key_value/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::cross_attend);
extern const std::vector<Mutant<Function>> mutants_04_1, accepted_04_1;

namespace {

constexpr double hidden = -std::numeric_limits<double>::infinity();

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  const std::size_t n_key = sizes.at("n_key"), d_model = sizes.at("d_model");
  input.vectors["is_padding"] = Vector(Vector::shape_type{n_key}, 0.0);
  if (flavour == "worked") {
    input.matrices = {{"target", {{2}}},
                      {"source", {{1}, {3}, {5}}},
                      {"W_Q", {{1}}},
                      {"W_K", {{1}}},
                      {"W_V", {{1}}}};
    input.vectors["is_padding"](2) = 1;
    return input;
  }
  const double spread = flavour == "extreme" ? 8 : 1;
  input.matrices["target"] = fresh_matrix(random, sizes.at("n_query"), d_model, spread);
  input.matrices["source"] = fresh_matrix(random, n_key, d_model, spread);
  input.matrices["W_Q"] = fresh_matrix(random, d_model, sizes.at("d_head"));
  input.matrices["W_K"] = fresh_matrix(random, d_model, sizes.at("d_head"));
  input.matrices["W_V"] = fresh_matrix(random, d_model, sizes.at("d_value"));
  if (flavour == "extreme") {  // all keys lie on one side, and query 0 on the other
    for (std::size_t j = 0; j < n_key; ++j) input.matrices["source"](j, 0) = 60;
    input.matrices["target"](0, 0) = 60;
    for (std::size_t k = 0; k < sizes.at("d_head"); ++k) {
      input.matrices["W_K"](0, k) = 2;
      input.matrices["W_Q"](0, k) = -2;
    }
  }
  if (flavour == "padding") {  // somewhere, not only at the end; one token at least is real
    const std::size_t real = random.below(n_key), padded = (real + 1) % n_key;
    for (std::size_t j = 0; j < n_key; ++j)
      if (j != real && (j == padded || random.uniform() < 0.4)) input.vectors["is_padding"](j) = 1;
  }
  return input;
}

Stages answer(Function* function, const Input& input) {
  const Vector& padding = input.vector("is_padding");
  const exercise::CrossTrace trace =
      function(input.matrix("target"), input.matrix("source"),
               {input.matrix("W_Q"), input.matrix("W_K"), input.matrix("W_V")},
               std::vector<bool>(padding.begin(), padding.end()));
  return {{"query", values(trace.query)},   {"key", values(trace.key)},
          {"value", values(trace.value)},   {"scores", values(trace.scores)},
          {"masked", values(trace.masked)}, {"pattern", values(trace.pattern)},
          {"output", values(trace.output)}};
}

double root_of_width(const Input& input) {
  return std::sqrt(static_cast<double>(input.matrix("W_Q").shape(1)));
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const auto earlier = [&](const char* name) { return matrix(stage_of(before, name)); };
  if (stage == "query") return values(product(input.matrix("target"), input.matrix("W_Q")));
  if (stage == "key") return values(product(input.matrix("source"), input.matrix("W_K")));
  if (stage == "value") return values(product(input.matrix("source"), input.matrix("W_V")));
  if (stage == "scores")
    return values(
        scaled(product(earlier("query"), flipped(earlier("key"))), 1 / root_of_width(input)));
  if (stage == "masked") {
    Matrix out = earlier("scores");
    for (std::size_t i = 0; i < out.shape(0); ++i)
      for (std::size_t j = 0; j < out.shape(1); ++j)
        if (input.vector("is_padding")(j) != 0) out(i, j) = hidden;
    return values(out);
  }
  if (stage == "pattern") return values(softmax(earlier("masked")));
  return values(product(earlier("pattern"), earlier("value")));
}

// Scores and outputs are sums whose terms may cancel.
double terms_size(const Input& input, const Stages& before, const std::string& stage) {
  const auto earlier = [&](const char* name) { return matrix(stage_of(before, name)); };
  if (stage == "scores")
    return product_size(earlier("query"), flipped(earlier("key"))) / root_of_width(input);
  return stage == "output" ? product_size(earlier("pattern"), earlier("value")) : 0;
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const std::size_t i = cell[0], j = cell[1];
  const auto earlier = [&](const char* name) { return matrix(stage_of(before, name)); };
  if (stage == "query")
    return dot_terms(what + " = target row . column of W_Q", row_of(input.matrix("target"), i),
                     column_of(input.matrix("W_Q"), j));
  if (stage == "key" || stage == "value")
    return dot_terms(what + " = source row . column of W_" + (stage == "key" ? "K" : "V"),
                     row_of(input.matrix("source"), i),
                     column_of(input.matrix(stage == "key" ? "W_K" : "W_V"), j));
  if (stage == "scores")
    return dot_terms("query[" + std::to_string(i) + "] . key[" + std::to_string(j) + "]",
                     row_of(earlier("query"), i), row_of(earlier("key"), j)) +
           "; divided by sqrt(d_head) = " + text(root_of_width(input)) + " it is " + what;
  if (stage == "masked")
    return what + (input.vector("is_padding")(j) != 0
                       ? ": key " + std::to_string(j) + " is padding, so -inf for every query"
                       : ": key " + std::to_string(j) + " is real, so the score " +
                             text(earlier("scores")(i, j)));
  if (stage == "pattern") return softmax_terms(what, row_of(earlier("masked"), i), j);
  return dot_terms(what + " = pattern row . column of value", row_of(earlier("pattern"), i),
                   column_of(earlier("value"), j));
}

std::optional<Broken> same_output(const Answer& of, const Input& input, const Input& other,
                                  const std::string& law) {
  const Matrix plain = matrix(stage_of(of(input), "output")),
               changed = matrix(stage_of(of(other), "output"));
  for (std::size_t i = 0; i < plain.shape(0); ++i)
    for (std::size_t c = 0; c < plain.shape(1); ++c)
      if (!(std::abs(changed(i, c) - plain(i, c)) <= 1e-5 * (1 + std::abs(plain(i, c)))))
        return Broken{"output", law + ": " + cell_text("output", {i, c}) + " was " +
                                    text(plain(i, c)) + " and is " + text(changed(i, c))};
  return std::nullopt;
}

// The source is a set: its order does not matter. And what stands in its padding does not either.
std::optional<Broken> source_is_a_set(const Answer& of, const Input& input) {
  Input turned = input, other = input;
  const Matrix& source = input.matrix("source");
  const Vector& padding = input.vector("is_padding");
  const std::size_t n_key = source.shape(0);
  for (std::size_t j = 0; j < n_key; ++j) {
    turned.vectors["is_padding"]((j + 1) % n_key) = padding(j);
    for (std::size_t c = 0; c < source.shape(1); ++c) {
      turned.matrices["source"]((j + 1) % n_key, c) = source(j, c);
      if (padding(j) != 0) other.matrices["source"](j, c) = 3 - source(j, c);
    }
  }
  if (auto broken = same_output(of, input, turned, "source tokens in another order")) return broken;
  return same_output(of, input, other, "padding with other content");
}

const Exercise& exercise_04_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "04.1";
    out.stages = {"query", "key", "value", "scores", "masked", "pattern", "output"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.terms_size = terms_size;
    const auto sizes = [](std::size_t n_query, std::size_t n_key, std::size_t d_model,
                          std::size_t d_head, std::size_t d_value) {
      return Sizes{{"n_query", n_query},
                   {"n_key", n_key},
                   {"d_model", d_model},
                   {"d_head", d_head},
                   {"d_value", d_value}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(1, 3, 1, 1, 1)}, "worked"},
        {"fresh",
         "two lengths, no padding",
         {sizes(2, 5, 6, 4, 3), sizes(5, 3, 4, 2, 4), sizes(3, 3, 5, 3, 3)}},
        {"padding",
         "padding anywhere in the source",
         {sizes(3, 6, 4, 3, 2), sizes(4, 4, 3, 2, 5), sizes(5, 3, 2, 4, 3)},
         "padding"},
        {"edge",
         "one query, one key, one feature",
         {sizes(1, 4, 3, 2, 2), sizes(4, 1, 3, 2, 2), sizes(3, 4, 2, 1, 1), sizes(1, 1, 1, 1, 1)}},
        {"law",
         "the source in another order, its padding with other content",
         {sizes(3, 5, 4, 3, 2)},
         "padding",
         source_is_a_set},
        {"extreme", "scores of thousands", {sizes(4, 6, 8, 5, 3)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::cross_attend, input); };
    out.mutants = mutations(mutants_04_1, answer);
    out.accepted = mutations(accepted_04_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("04.1.worked") {
  judge(exercise_04_1(), "worked");
}
TEST_CASE("04.1.fresh") {
  judge(exercise_04_1(), "fresh");
}
TEST_CASE("04.1.padding") {
  judge(exercise_04_1(), "padding");
}
TEST_CASE("04.1.edge") {
  judge(exercise_04_1(), "edge");
}
TEST_CASE("04.1.law") {
  judge(exercise_04_1(), "law");
}
TEST_CASE("04.1.extreme") {
  judge(exercise_04_1(), "extreme");
}

}  // namespace headlight::course
