// The kit's judging itself, on exercises made for the purpose.
#include <limits>

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
  CHECK(verdict["consequence"] == json({"volume"}));
  CHECK(verdict["fraction"] == 0.5);
}

TEST_CASE("predict: a cause is named when it fits every case, not for one slip", "[course]") {
  const double square = 1000003.0 * 1000003;
  CHECK(verdict_on(boxes({{1000003, square}, {1000003, square}}), "low")["cause"]["id"] ==
        "squared");
  CHECK(verdict_on(boxes({{1000003, square}, {1000003, 5000015}}), "low")["cause"].is_null());
}
