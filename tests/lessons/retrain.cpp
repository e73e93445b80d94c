#include <cstdlib>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/recipes.hpp>
#include <stdexcept>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/trained.hpp"

using namespace headlight;

namespace {

// What retrain() said; its clock advances by one second at every look.
struct Heard {
  std::vector<std::string> lines, progress;
  double now = 0;

  lesson::RetrainTalk talk() {
    return {[this](const std::string& line) { lines.push_back(line); },
            [this](const std::string& line) { progress.push_back(line); },
            [this] { return now += 1; }};
  }
};

}  // namespace

TEST_CASE("retrain: says beforehand how long it takes, trains from nothing, writes nothing",
          "[retrain][two-ways]") {
  setenv("HEADLIGHT_MODELS", "/nowhere", 1);  // the shipped weights are out of reach
  lesson::use_models({"order-two-heads"});
  CHECK_THROWS_AS(lesson::trained_model("order-two-heads"), std::runtime_error);
  const Recipe& recipe = find_recipe("order-two-heads");
  for (const std::uint64_t seed : {0, 5}) {
    Heard heard;
    lesson::retrain(seed, heard.talk());
    REQUIRE(heard.lines.size() == 2);
    // one second for four of its 600 steps
    CHECK(heard.lines[0] == "trains anew: order-two-heads; this takes about 150 s");
    CHECK(heard.progress.size() == 600);
    CHECK_THAT(heard.progress[99],
               headlight_test::contains("order-two-heads  step 100/600  loss "));
    CHECK_THAT(heard.lines[1],
               headlight_test::contains("order-two-heads: seed " + std::to_string(seed) +
                                        ", 600 steps in 1.0 s, loss "));
    CHECK(parameter_hash(lesson::trained_model("order-two-heads")) ==
          parameter_hash(train_recipe(recipe, seed)));
  }
  unsetenv("HEADLIGHT_MODELS");
}

TEST_CASE("trained_model: a lesson gets the models that it names, and their checkpoints",
          "[retrain][error]") {
  lesson::use_models({"induction"});
  CHECK(parameter_hash(lesson::trained_model("induction-step-100")) !=
        parameter_hash(lesson::trained_model("induction")));
  CHECK_THROWS_WITH(lesson::trained_model("wide"),
                    "the lesson asks for the model wide, which it does not name in its About");
  CHECK_THROWS_AS(lesson::use_models({"no-such-model"}), std::invalid_argument);
}

TEST_CASE("order_answers: training brings both letters, and the worse is the smaller share",
          "[models]") {
  lesson::use_models({"order-two-heads"});
  const lesson::OrderAnswers trained = lesson::order_answers(
                                 "order-two-heads", lesson::trained_model("order-two-heads")),
                             untrained = lesson::order_answers(
                                 "order-two-heads", lesson::untrained_model("order-two-heads"));
  CHECK(trained.previous > 0.95);
  CHECK(trained.before_previous > 0.95);
  CHECK(untrained.previous < 0.3);
  CHECK(untrained.before_previous < 0.3);
  CHECK(lesson::OrderAnswers{0.25, 0.5}.worse() == 0.25);
  CHECK(lesson::OrderAnswers{0.5, 0.125}.worse() == 0.125);
}
