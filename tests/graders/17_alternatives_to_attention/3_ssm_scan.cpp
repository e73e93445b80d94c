// 17.3 ssm_scan: discretisation, kernel, output; by recurrence or by convolution.
#include "17_alternatives_to_attention/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::ssm_scan);
extern const std::vector<Mutant<Function>> mutants_17_3, accepted_17_3;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {{"input", {{1}, {0}, {2}}}};
    input.vectors = {{"pole", {-std::log(2)}}, {"B", {2 * std::log(2)}}, {"C", {3}}};
    input.numbers = {{"step", 1}};
    return input;
  }
  const std::size_t n = sizes.at("n"), d_state = sizes.at("d_state");
  input.matrices["input"] =
      fresh_matrix(random, n, sizes.at("d_model"), flavour == "extreme" ? 300 : 1);
  input.numbers["step"] = flavour == "extreme" ? 1 : random.below(2) == 0 ? 0.5 : 1.5;
  Vector pole(Vector::shape_type{d_state});
  for (double& p : pole) p = -(0.5 + std::round(random.uniform() * 512) / 256);
  if (flavour == "extreme") {  // one state that forgets at once, one that hardly forgets
    pole(0) = -60;
    pole(d_state - 1) = -0.25;
  }
  input.vectors["pole"] = pole;
  input.vectors["B"] = fresh_vector(random, d_state);
  input.vectors["C"] = fresh_vector(random, d_state);
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::ScanTrace trace =
      function(input.matrix("input"), input.vector("pole"), input.vector("B"), input.vector("C"),
               input.number("step"));
  return {{"factor", values(trace.factor)},
          {"entry", values(trace.entry)},
          {"kernel", values(trace.kernel)},
          {"output", values(trace.output)}};
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Vector& pole = input.vector("pole");
  const Matrix& u = input.matrix("input");
  if (stage == "factor") {
    Vector out = pole;
    for (double& p : out) p = std::exp(input.number("step") * p);
    return values(out);
  }
  if (stage == "entry") {
    const Vector factor = vector(stage_of(before, "factor"));
    Vector out = pole;
    for (std::size_t s = 0; s < pole.size(); ++s)
      out(s) = (factor(s) - 1) / pole(s) * input.vector("B")(s);
    return values(out);
  }
  if (stage == "kernel") {
    const Vector factor = vector(stage_of(before, "factor")),
                 entry = vector(stage_of(before, "entry"));
    Vector kernel(Vector::shape_type{u.shape(0)}, 0.0);
    for (std::size_t k = 0; k < kernel.size(); ++k)
      for (std::size_t s = 0; s < pole.size(); ++s)
        kernel(k) += input.vector("C")(s) * std::pow(factor(s), static_cast<double>(k)) * entry(s);
    return values(kernel);
  }
  const Vector kernel = vector(stage_of(before, "kernel"));
  Matrix out(u.shape(), 0.0);
  for (std::size_t t = 0; t < u.shape(0); ++t)
    for (std::size_t c = 0; c < u.shape(1); ++c)
      for (std::size_t k = 0; k <= t; ++k) out(t, c) += kernel(k) * u(t - k, c);
  return values(out);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const std::size_t at = cell[0];
  const auto list = [&](const char* name) { return vector(stage_of(before, name)); };
  const double pole = stage == "factor" || stage == "entry" ? input.vector("pole")(at) : 0;
  if (stage == "factor")
    return what + " = exp(step * pole) = exp(" + text(input.number("step")) + "*" + text(pole) +
           ") = " + text(std::exp(input.number("step") * pole));
  if (stage == "entry")
    return what + " = (factor - 1) / pole * B = (" + text(list("factor")(at)) + " - 1) / " +
           text(pole) + " * " + text(input.vector("B")(at));
  std::vector<double> a, b;
  if (stage == "kernel") {
    for (std::size_t s = 0; s < list("factor").size(); ++s) {
      a.push_back(input.vector("C")(s));
      b.push_back(std::pow(list("factor")(s), static_cast<double>(at)) * list("entry")(s));
    }
    return dot_terms(what + ", C times factor^" + std::to_string(at) + " entry, over states", a, b);
  }
  for (std::size_t k = 0; k <= at; ++k) {
    a.push_back(list("kernel")(k));
    b.push_back(input.matrix("input")(at - k, cell[1]));
  }
  return dot_terms(what + ", kernel(k) times input(" + std::to_string(at) + " - k, " +
                       std::to_string(cell[1]) + ")",
                   a, b);
}

// Inputs one token later give outputs one token later; and two inputs together give both outputs.
std::optional<Broken> delays_and_adds(const Answer& of, const Input& input) {
  const Matrix& u = input.matrix("input");
  const std::size_t n = u.shape(0), d_model = u.shape(1);
  Input later = input, both = input;
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t c = 0; c < d_model; ++c) {
      later.matrices["input"](t, c) = t == 0 ? 0 : u(t - 1, c);
      both.matrices["input"](t, c) = u(t, c) + (t == 0 ? 0 : u(t - 1, c));
    }
  const Matrix plain = matrix(stage_of(of(input), "output")),
               shifted = matrix(stage_of(of(later), "output")),
               sum = matrix(stage_of(of(both), "output"));
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t c = 0; c < d_model; ++c) {
      if (!(std::abs(shifted(t, c) - (t == 0 ? 0 : plain(t - 1, c))) <= 1e-4))
        return Broken{"output", "the input came one token later and the output did not"};
      if (!(std::abs(sum(t, c) - plain(t, c) - shifted(t, c)) <= 1e-4))
        return Broken{"output", "two inputs together do not give both outputs together"};
    }
  return std::nullopt;
}

const Exercise& exercise_17_3() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "17.3";
    out.stages = {"factor", "entry", "kernel", "output"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    const auto sizes = [](std::size_t n, std::size_t d_model, std::size_t d_state) {
      return Sizes{{"n", n}, {"d_model", d_model}, {"d_state", d_state}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(3, 1, 1)}, "worked"},
        {"fresh", "fresh inputs", {sizes(5, 2, 3), sizes(4, 3, 4)}},
        {"rect",
         "more channels than tokens, more states than channels",
         {sizes(3, 5, 2), sizes(9, 1, 6)}},
        {"edge", "one token, one state", {sizes(1, 2, 3), sizes(6, 3, 1)}},
        {"law", "a later input, two inputs", {sizes(6, 2, 3)}, "", delays_and_adds},
        {"extreme", "many tokens, a state that forgets at once", {sizes(40, 2, 3)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::ssm_scan, input); };
    out.mutants = mutations(mutants_17_3, answer);
    out.accepted = mutations(accepted_17_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("17.3.worked") {
  judge(exercise_17_3(), "worked");
}
TEST_CASE("17.3.fresh") {
  judge(exercise_17_3(), "fresh");
}
TEST_CASE("17.3.rect") {
  judge(exercise_17_3(), "rect");
}
TEST_CASE("17.3.edge") {
  judge(exercise_17_3(), "edge");
}
TEST_CASE("17.3.law") {
  judge(exercise_17_3(), "law");
}
TEST_CASE("17.3.extreme") {
  judge(exercise_17_3(), "extreme");
}

}  // namespace headlight::course
