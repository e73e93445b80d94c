// The kit's judging itself, on exercises made for the purpose.
#include <limits>

#include "kit/diagnose.hpp"
#include "kit/exercise.hpp"
#include "kit/grade.hpp"
#include "kit/runner.hpp"
#include "kit/verdict.hpp"
#include "support/catch.hpp"

namespace headlight::course {

Asked& asked() {
  static Asked wish;
  return wish;
}
void deliver(nlohmann::json) {}

}  // namespace headlight::course

using namespace headlight::course;
using headlight::not_filled;
using nlohmann::json;

namespace {

// Predict the area and, from it, the volume of a box: exact counts, two cases.
struct Box {
  double area = not_filled, volume = not_filled;
};
struct Boxes {
  Box low, high;
};

Exercise boxes(const Boxes& predicted) {
  Exercise out;
  out.id = "99.1";
  out.stages = {"area", "volume"};
  out.fixed = true;
  out.tolerance = 0;
  out.make = [](headlight::Random&, const Sizes& sizes, const std::string& flavour) {
    Input input;
    input.numbers["high"] = flavour == "high";
    input.numbers["height"] = static_cast<double>(sizes.at("height"));
    return input;
  };
  out.expected = [](const Input& input, const Stages& before, const std::string& stage) {
    return values(stage == "area" ? 1000003.0
                                  : stage_of(before, "area").data[0] * input.numbers.at("height"));
  };
  const auto answer = [](const Boxes& all) {
    return [all](const Input& input) -> Stages {
      const Box& one = input.numbers.at("high") != 0 ? all.high : all.low;
      return {{"area", values(one.area)}, {"volume", values(one.volume)}};
    };
  };
  out.cases = {{"low", "two high", {{{"height", 2}}}, "low"},
               {"high", "five high", {{{"height", 5}}}, "high"}};
  out.learner = answer(predicted);
  out.mutants = {{"squared", "volume", "the area is taken twice",
                  answer({{1000003, 1000003.0 * 1000003}, {1000003, 1000003.0 * 1000003}})}};
  return out;
}

}  // namespace

TEST_CASE("predict: the right numbers get everything", "[course]") {
  const Exercise exercise = boxes({{1000003, 2000006}, {1000003, 5000015}});
  for (const char* name : {"low", "high"}) CHECK(verdict_on(exercise, name)["status"] == "pass");
}

TEST_CASE("predict: nothing, zero, infinity and the next number are never right", "[course]") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double wrong : {not_filled, 0.0, infinity, -infinity, 1000002.0, 1000004.0}) {
    CAPTURE(wrong);
    const json verdict = verdict_on(boxes({{wrong, not_filled}, {wrong, 5 * wrong}}), "low");
    CHECK(verdict["status"] == "fail");
    CHECK(verdict["stage"] == "area");
    CHECK(verdict["fraction"] == 0.0);
    CHECK_FALSE(verdict.contains("sizes"));
  }
}

TEST_CASE("predict: a volume that follows from a wrong area is a consequence", "[course]") {
  const json verdict = verdict_on(boxes({{7, 14}, {1000003, 5000015}}), "low");
  CHECK(verdict["stage"] == "area");
  CHECK(verdict["consequence"] == json::array({"volume"}));
  CHECK(verdict["fraction"] == 0.5);
}

TEST_CASE("judge: a later stage is right, or only follows from a wrong one", "[course]") {
  const json follows = verdict_on(boxes({{7, 14}, {7, 35}}), "low");
  CHECK(follows["consequence"] == json::array({"volume"}));
  CHECK(follows["right_too"].empty());
  Exercise apart = boxes({{7, 2000006}, {7, 35}});
  apart.expected = [](const Input&, const Stages&, const std::string& stage) {
    return values(stage == "area" ? 1000003.0 : 2000006.0);
  };
  const json independent = verdict_on(apart, "low");
  CHECK(independent["right_too"] == json::array({"volume"}));
  CHECK(independent["consequence"].empty());
}

TEST_CASE("predict: a cause is named when it fits every case, not for one slip", "[course]") {
  const double square = 1000003.0 * 1000003;
  CHECK(verdict_on(boxes({{1000003, square}, {1000003, square}}), "low")["cause"]["id"] ==
        "squared");
  CHECK(verdict_on(boxes({{1000003, square}, {1000003, 5000015}}), "low")["cause"].is_null());
}

namespace {

// Two programs and what they wrote down: twice the input, and its square.
Diagnosis doubling() {
  Diagnosis out;
  out.id = "99.2";
  out.input.matrices["x"] = {{0.123456, 3}};
  const auto program = [](double (*f)(double)) {
    return [f](const Input& input) -> Stages {
      headlight::Matrix y = input.matrix("x");
      for (double& one : y) one = f(one);
      return {{"y", values(y)}};
    };
  };
  out.programs = {{"twice", "three becomes six", program([](double x) { return 2 * x; })},
                  {"square", "three becomes nine", program([](double x) { return x * x; })}};
  out.recordings = {{"a", 2, {{"y", values(headlight::Matrix{{0.0152, 9}})}}},
                    {"b", 1, {{"y", values(headlight::Matrix{{0.2469, 6}})}}}};
  return out;
}

json diagnosed(const Diagnosis& diagnosis, std::size_t a, std::size_t b, const std::string& name) {
  Exercise exercise = exercise_of(diagnosis);
  exercise.learner = [a, b](const Input& input) { return said_of({a, b}, input); };
  return verdict_on(exercise, name);
}

}  // namespace

TEST_CASE("diagnose: the right names pass, swapped and unknown ones do not", "[course]") {
  for (const char* name : {"a", "b"}) {
    CHECK(diagnosed(doubling(), 2, 1, name)["status"] == "pass");
    CHECK(diagnosed(doubling(), 1, 2, name)["status"] == "fail");
    CHECK(diagnosed(doubling(), 0, 0, name)["status"] == "fail");
    CHECK(diagnosed(doubling(), 7, 7, name)["status"] == "fail");
  }
}

TEST_CASE("diagnose: a wrong name is answered by what that program would have made", "[course]") {
  const json verdict = diagnosed(doubling(), 1, 1, "a");
  CHECK(verdict["against"] ==
        "you say twice: it would have made y[0, 1] = 6.0000, trace a has 9.0000. What "
        "distinguishes twice: three becomes six");
  CHECK_FALSE(verdict.contains("want"));  // the right name is not given away
  CHECK(diagnosed(doubling(), 0, 1, "a")["against"] == "nothing is filled in for trace a");
  CHECK(diagnosed(doubling(), 9, 1, "a")["against"] == "there is no program number 9");
}

TEST_CASE("diagnose: one name for all traces earns nothing, not even where it is right",
          "[course]") {
  for (const std::size_t name : {1, 2})
    for (const char* trace : {"a", "b"})
      CHECK(diagnosed(doubling(), name, name, trace)["fraction"] == 0.0);
}

TEST_CASE("diagnose: a trace that its program does not make is the course's fault", "[course]") {
  Diagnosis spoilt = doubling();
  spoilt.recordings[1].stages = {{"y", values(headlight::Matrix{{0.2471, 6}})}};
  CHECK(diagnosed(spoilt, 2, 1, "a")["status"] == "course");
  Diagnosis swapped = doubling();
  std::swap(swapped.recordings[0].program, swapped.recordings[1].program);
  CHECK(diagnosed(swapped, 1, 2, "a")["status"] == "course");
}

TEST_CASE("diagnose: a trace that two programs make is the course's fault", "[course]") {
  Diagnosis twins = doubling();
  twins.programs.push_back(twins.programs[0]);
  CHECK(diagnosed(twins, 2, 1, "a")["status"] == "course");
}

TEST_CASE("diagnose: exhibits are the input and the traces as written", "[course]") {
  asked().mode = "exhibits";
  const json verdict = diagnosed(doubling(), 0, 0, "a");
  asked().mode = "judge";
  CHECK(verdict["exhibits"].size() == 3);
  CHECK(verdict["exhibits"][1]["title"] == "trace a");
  CHECK(verdict["exhibits"][2]["stages"][0]["numbers"]["data"] == json({0.2469, 6.0}));
}

namespace {

// Two stages, twice x and its square; odd sizes have to be refused.
using Pair = Stages (*)(const headlight::Matrix&);

Exercise pairs(Pair function) {
  Exercise out;
  out.id = "99.3";
  out.stages = {"twice", "square"};
  out.make = [](headlight::Random& random, const Sizes& sizes, const std::string&) {
    Input input;
    input.matrices["x"] = fresh_matrix(random, 1, sizes.at("n"));
    return input;
  };
  out.expected = [](const Input& input, const Stages& before, const std::string& stage) {
    headlight::Matrix out_values = input.matrix("x");
    if (stage == "square") out_values = matrix(stage_of(before, "twice"));
    for (double& one : out_values) one *= stage == "square" ? one : 2;
    return values(out_values);
  };
  out.refuses = [](const Input& input) {
    return input.size("n") % 2 == 1 ? "an odd size cannot be halved" : "";
  };
  const Law again = [](const Answer& of, const Input& input) -> std::optional<Broken> {
    Input other = input;
    other.matrices["x"](0, 0) = 1000;
    of(other);
    return std::nullopt;
  };
  out.cases = {{"even", "an even size", {{{"n", 6}}}},
               {"odd", "an odd size", {{{"n", 5}}}},
               {"law", "a changed input", {{{"n", 2}}}, "", again}};
  out.learner = [function](const Input& input) { return function(input.matrix("x")); };
  return out;
}

Stages computed(const headlight::Matrix& x) {
  headlight::Matrix twice = x, square = x;
  for (double& one : twice) one *= 2;
  for (double& one : square) one *= 4 * one;
  return {{"twice", values(twice)}, {"square", values(square)}};
}

Stages right_pair(const headlight::Matrix& x) {
  if (x.shape(1) % 2 == 1) throw std::invalid_argument("odd");
  return computed(x);
}

Stages blank_pair(const headlight::Matrix& x) {
  Stages out = computed(x);
  for (Stage& stage : out)
    for (double& one : stage.values.data) one = 0;
  return out;
}

}  // namespace

TEST_CASE("judge: what follows from zeros or from nothing earns nothing", "[course]") {
  CHECK(verdict_on(pairs(right_pair), "even")["status"] == "pass");
  CHECK(verdict_on(pairs(blank_pair), "even")["fraction"] == 0.0);
  const json nothing = verdict_on(pairs([](const headlight::Matrix&) -> Stages {
                                    return {{"twice", {}}, {"square", {}}};
                                  }),
                                  "even");
  CHECK(nothing["fraction"] == 0.0);
  const json consequence = verdict_on(pairs([](const headlight::Matrix& x) {
                                        headlight::Matrix wrong = x;
                                        for (double& one : wrong) one *= 3;
                                        Stages out = computed(x);
                                        out[0].values = out[1].values = values(wrong);
                                        for (double& one : out[1].values.data) one *= one;
                                        return out;
                                      }),
                                      "even");
  CHECK(consequence["fraction"] == 0.5);  // numbers that were computed still earn their share
}

TEST_CASE("judge: an input that must be refused asks for invalid_argument and nothing else",
          "[course]") {
  CHECK(verdict_on(pairs(right_pair), "odd")["status"] == "pass");
  const json returned = verdict_on(pairs(computed), "odd");
  CHECK(returned["status"] == "fail");
  CHECK(returned["fraction"] == 0.0);
  CHECK(returned["sizes"] == "n = 1");
  CHECK_THAT(
      returned["text"].get<std::string>(),
      headlight_test::contains("an odd size cannot be halved: wanted std::invalid_argument"));
  const json other = verdict_on(pairs([](const headlight::Matrix& x) -> Stages {
                                  if (x.shape(1) % 2 == 1) throw std::runtime_error("oh");
                                  return computed(x);
                                }),
                                "odd");
  CHECK(other["status"] == "fail");
  CHECK(verdict_on(pairs([](const headlight::Matrix&) -> Stages {
                     throw std::invalid_argument("always");
                   }),
                   "even")["status"] == "fail");
}

TEST_CASE("judge: an answer that throws while a law is tried is wrong, the course is not",
          "[course]") {
  const json verdict = verdict_on(pairs([](const headlight::Matrix& x) {
                                    if (x(0, 0) > 100) throw std::runtime_error("too large");
                                    return right_pair(x);
                                  }),
                                  "law");
  CHECK(verdict["status"] == "fail");
  CHECK_THAT(verdict["text"].get<std::string>(), headlight_test::contains("too large"));
}

TEST_CASE("judge: an answer that keeps something between calls is told so, not a stage",
          "[course]") {
  const json verdict = verdict_on(pairs([](const headlight::Matrix& x) {
                                    static double kept = 0;
                                    Stages out = right_pair(x);
                                    out[0].values.data[0] += kept;
                                    kept += 1;
                                    return out;
                                  }),
                                  "even");
  CHECK(verdict["status"] == "fail");
  CHECK(verdict["fraction"] == 0.0);
  CHECK_FALSE(verdict.contains("stage"));
  CHECK_THAT(verdict["text"].get<std::string>(), headlight_test::contains("called twice"));
}

TEST_CASE("judge: a cause is found although an earlier known mistake changes its input",
          "[course]") {
  const Pair wrong = [](const headlight::Matrix& x) {
    Stages out = right_pair(x);
    for (double& one : out[1].values.data) one += 1;
    return out;
  };
  Exercise exercise = pairs(wrong);
  exercise.mutants = {{"changes", "", "the input is changed",
                       [](const Input& input) {
                         headlight::Matrix& x = const_cast<headlight::Matrix&>(input.matrix("x"));
                         x *= 2;
                         return computed(x);
                       }},
                      {"one-more", "square", "one too much",
                       [wrong](const Input& input) { return wrong(input.matrix("x")); }}};
  CHECK(verdict_on(exercise, "even")["cause"]["id"] == "one-more");
}

TEST_CASE("judge: the smallest failing input is found among thousands of sizes in a moment",
          "[course]") {
  Exercise exercise = pairs([](const headlight::Matrix& x) {
    Stages out = right_pair(x);
    if (x.shape(1) > 2) out[0].values.data[1] += 1;
    return out;
  });
  std::size_t made = 0;
  const auto plain = exercise.make;
  exercise.make = [&](headlight::Random& random, const Sizes& sizes, const std::string& flavour) {
    ++made;
    return plain(random, sizes, flavour);
  };
  exercise.cases[0].sizes = {{{"n", 100000}}};
  CHECK(verdict_on(exercise, "even")["sizes"] == "n = 4");
  CHECK(made < 200);
}

TEST_CASE("judge: right numbers with a wrong conduct are named by the conduct", "[course]") {
  const Answer changes = [](const Input& input) {
    headlight::Matrix& x = const_cast<headlight::Matrix&>(input.matrix("x"));
    const Stages out = right_pair(x);
    x *= 2;
    return out;
  };
  const Answer keeps = [](const Input& input) {
    static double kept = 0;
    Stages out = right_pair(input.matrix("x"));
    out[0].values.data[0] += kept;
    kept += 1e-12;
    return out;
  };
  Exercise exercise = pairs(right_pair);
  exercise.mutants = {{"changes", "", "the input is changed", changes},
                      {"keeps", "", "something is kept", keeps}};
  exercise.learner = keeps;
  CHECK(verdict_on(exercise, "even")["cause"]["id"] == "keeps");
  std::swap(exercise.mutants[0], exercise.mutants[1]);
  exercise.learner = changes;
  CHECK(verdict_on(exercise, "even")["cause"]["id"] == "changes");
}

TEST_CASE("judge: a stage that is right by another way than through the wrong one counts",
          "[course]") {
  const json verdict = verdict_on(boxes({{7, 2000006}, {1000003, 5000015}}), "low");
  CHECK(verdict["stage"] == "area");
  CHECK(verdict["right_too"] == json::array({"volume"}));
  CHECK(verdict["wrong_too"].empty());
  CHECK(verdict["fraction"] == 0.5);
  CHECK(verdict_on(boxes({{7, 15}, {1000003, 5000015}}), "low")["wrong_too"] ==
        json::array({"volume"}));
}

TEST_CASE("judge: an answer that only breaks a law is not named after a mistake that keeps it",
          "[course]") {
  Exercise exercise = boxes({{1000003, 2000006}, {1000003, 5000015}});
  exercise.mutants.push_back({"keeps", "area", "agrees with every number", exercise.learner});
  exercise.cases[0].law = [&](const Answer&, const Input&) {
    return std::optional<Broken>(Broken{"area", "always broken"});
  };
  CHECK(verdict_on(exercise, "low")["cause"]["id"] == "keeps");
  std::size_t asked_for = 0;
  exercise.cases[0].law = [&](const Answer&, const Input&) {
    return asked_for++ == 0 ? std::optional<Broken>(Broken{"area", "once"}) : std::nullopt;
  };
  CHECK(verdict_on(exercise, "low")["text"] == "once");
  asked_for = 0;
  CHECK(verdict_on(exercise, "low")["cause"].is_null());
}

TEST_CASE("judge: what is kept between calls is told although another input shows a wrong stage",
          "[course]") {
  Exercise exercise = boxes({});
  exercise.fixed = false;
  double calls = 0;
  exercise.learner = [&](const Input&) -> Stages {
    return {{"area", values(1000003.0 + calls++)}, {"volume", values(2000006.0)}};
  };
  exercise.cases[0].sizes.push_back({{"height", 2}});  // what is wrong there tells less
  const json verdict = verdict_on(exercise, "low");
  CHECK(verdict["status"] == "fail");
  CHECK(verdict["fraction"] == 0.0);
  CHECK_THAT(verdict["text"].get<std::string>(), headlight_test::contains("called twice"));
  CHECK_FALSE(verdict.contains("stage"));
}

TEST_CASE("fix: what the stub holds is worth nothing, what is repaired beyond it is", "[course]") {
  const double square = 1000003.0 * 1000003;
  const auto to_repair = [](const Boxes& boxed) {
    Exercise exercise = boxes(boxed);
    exercise.given = "squared";
    return exercise;
  };
  const Boxes given{{1000003, square}, {1000003, square}};
  CHECK(verdict_on(boxes(given), "low")["fraction"] == 0.5);
  CHECK(verdict_on(to_repair(given), "low")["fraction"] == 0.0);
  CHECK(verdict_on(to_repair({{7, 14}, {7, 35}}), "low")["fraction"] == 0.0);
  CHECK(verdict_on(to_repair({{1000003, 2000006}, {1000003, square}}), "low")["status"] == "pass");
}
