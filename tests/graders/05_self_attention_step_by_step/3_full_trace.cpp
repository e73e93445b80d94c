// 05.3 full_trace: ten stages, each recomputed from the learner's own stage before it.
#include "05_self_attention_step_by_step/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::full_trace);
extern const std::vector<Mutant<Function>> mutants_05_3, accepted_05_3;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {{"X", {{1, 3}}},
                      {"W_Q", {{1}, {1}}},
                      {"W_K", {{1}, {-1}}},
                      {"W_V", {{1}, {0}}},
                      {"W_O", {{0, 2}}}};
    input.vectors = {{"gain", {1, 1}}, {"bias", {0, 0}}};
    return input;
  }
  const std::size_t n = sizes.at("n"), d_model = sizes.at("d_model"), d_head = sizes.at("d_head");
  const double spread = flavour == "extreme" ? 20 : 1;
  input.matrices["X"] = fresh_matrix(random, n, d_model, spread);
  for (const char* name : {"W_Q", "W_K", "W_V"})
    input.matrices[name] = fresh_matrix(random, d_model, d_head);
  input.matrices["W_O"] = fresh_matrix(random, d_head, d_model);
  input.vectors["gain"] = fresh_vector(random, d_model);
  input.vectors["bias"] = fresh_vector(random, d_model);
  if (flavour == "flat") {  // rows that hardly vary: the small number under the root counts
    for (const char* name : {"X", "W_O"})
      for (double& x : input.matrices[name]) x /= 1024;
  }
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::BlockWeights weights{input.matrix("W_Q"),  input.matrix("W_K"),
                                       input.matrix("W_V"),  input.matrix("W_O"),
                                       input.vector("gain"), input.vector("bias")};
  const exercise::FullTrace trace = function(input.matrix("X"), weights);
  return {{"query", values(trace.query)},
          {"key", values(trace.key)},
          {"value", values(trace.value)},
          {"scores", values(trace.scores)},
          {"masked", values(trace.masked)},
          {"pattern", values(trace.pattern)},
          {"z", values(trace.z)},
          {"attention", values(trace.attention)},
          {"residual", values(trace.residual)},
          {"normalised", values(trace.normalised)}};
}

double root_of_width(const Input& input) {
  return std::sqrt(static_cast<double>(input.matrix("W_Q").shape(1)));
}

struct Moments {
  double mean = 0, variance = 0;
};

Moments moments(const Matrix& a, std::size_t i) {
  Moments out;
  const double count = static_cast<double>(a.shape(1));
  for (const double x : row_of(a, i)) out.mean += x / count;
  for (const double x : row_of(a, i)) out.variance += (x - out.mean) * (x - out.mean) / count;
  return out;
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
  if (stage == "masked") return values(future_hidden(earlier("scores")));
  if (stage == "pattern") return values(softmax(earlier("masked")));
  if (stage == "z") return values(product(earlier("pattern"), earlier("value")));
  if (stage == "attention") return values(product(earlier("z"), input.matrix("W_O")));
  if (stage == "residual") return values(added(X, earlier("attention")));
  Matrix out = earlier("residual");
  for (std::size_t i = 0; i < out.shape(0); ++i) {
    const Moments of = moments(earlier("residual"), i);
    for (std::size_t c = 0; c < out.shape(1); ++c)
      out(i, c) = input.vector("gain")(c) * (out(i, c) - of.mean) / std::sqrt(of.variance + 1e-5) +
                  input.vector("bias")(c);
  }
  return values(out);
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
    return dot_terms("query . key", row_of(earlier("query"), i), row_of(earlier("key"), j)) +
           "; divided by sqrt(d_head) = " + text(root_of_width(input)) + " it is " + what;
  if (stage == "masked")
    return what + (j > i ? ": the key comes after the query, so -inf"
                         : " = " + text(earlier("scores")(i, j)));
  if (stage == "pattern") return softmax_terms(what, row_of(earlier("masked"), i), j);
  if (stage == "z")
    return dot_terms(what, row_of(earlier("pattern"), i), column_of(earlier("value"), j));
  if (stage == "attention")
    return dot_terms(what, row_of(earlier("z"), i), column_of(input.matrix("W_O"), j));
  if (stage == "residual")
    return what + " = X + attention = " + text(X(i, j)) + " + " + text(earlier("attention")(i, j));
  const Moments of = moments(earlier("residual"), i);
  return what + " = " + text(input.vector("gain")(j)) + " * (" + text(earlier("residual")(i, j)) +
         " - " + text(of.mean) + ") / sqrt(" + text(of.variance) + " + 1e-5) + " +
         text(input.vector("bias")(j));
}

// The last token is replaced: everything before it stays, to the bit.
std::optional<Broken> future_is_unseen(const Answer& of, const Input& input) {
  Input other = input;
  const std::size_t n = input.size("n"), d_model = input.size("d_model");
  for (std::size_t c = 0; c < d_model; ++c) other.matrices["X"](n - 1, c) += 3;
  const Matrix plain = matrix(stage_of(of(input), "normalised"));
  const Matrix changed = matrix(stage_of(of(other), "normalised"));
  for (std::size_t i = 0; i + 1 < n; ++i)
    for (std::size_t c = 0; c < d_model; ++c)
      if (!(std::abs(changed(i, c) - plain(i, c)) <= 1e-9 * (1 + std::abs(plain(i, c)))))
        return Broken{"normalised", "row " + std::to_string(i) + " changes with a later token"};
  return std::nullopt;
}

const Exercise& exercise_05_3() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "05.3";
    out.stages = {"query",   "key", "value",     "scores",   "masked",
                  "pattern", "z",   "attention", "residual", "normalised"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {
        {"worked",
         "the example of the header",
         {{{"n", 1}, {"d_model", 2}, {"d_head", 1}}},
         "worked"},
        {"fresh", "fresh inputs", {{{"n", 4}, {"d_model", 6}, {"d_head", 3}}}},
        {"rect",
         "all sizes different",
         {{{"n", 5}, {"d_model", 4}, {"d_head", 7}}, {{"n", 3}, {"d_model", 8}, {"d_head", 2}}}},
        {"edge",
         "one token, rows that hardly vary",
         {{{"n", 1}, {"d_model", 4}, {"d_head", 2}}, {{"n", 3}, {"d_model", 5}, {"d_head", 2}}},
         "flat"},
        {"law",
         "the last token replaced",
         {{{"n", 4}, {"d_model", 5}, {"d_head", 3}}},
         "",
         future_is_unseen},
        {"extreme", "large numbers", {{{"n", 5}, {"d_model", 6}, {"d_head", 4}}}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::full_trace, input); };
    out.mutants = mutations(mutants_05_3, answer);
    out.accepted = mutations(accepted_05_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("05.3.worked") {
  judge(exercise_05_3(), "worked");
}
TEST_CASE("05.3.fresh") {
  judge(exercise_05_3(), "fresh");
}
TEST_CASE("05.3.rect") {
  judge(exercise_05_3(), "rect");
}
TEST_CASE("05.3.edge") {
  judge(exercise_05_3(), "edge");
}
TEST_CASE("05.3.law") {
  judge(exercise_05_3(), "law");
}
TEST_CASE("05.3.extreme") {
  judge(exercise_05_3(), "extreme");
}

}  // namespace headlight::course
