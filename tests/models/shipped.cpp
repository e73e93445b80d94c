#include <filesystem>
#include <headlight/file/gpt2_folder.hpp>

#include "criteria.hpp"
#include "support/catch.hpp"

using namespace headlight;
namespace fs = std::filesystem;

namespace {

ModelWeightsF shipped(const std::string& name) {
  return read_gpt2_folder<float>(fs::path(HEADLIGHT_MODELS) / name);
}

}  // namespace

TEST_CASE("lessons/models: every recipe is shipped with its card, all together below 4 MB",
          "[models]") {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(HEADLIGHT_MODELS))
    if (entry.is_regular_file()) bytes += entry.file_size();
  CHECK(bytes < 4000000);
  for (const Recipe& recipe : recipes()) {
    INFO(recipe.name);
    std::vector<std::string> names{recipe.name};
    for (const std::size_t step : recipe.snapshots) {
      const std::string number = std::to_string(step);
      names.push_back(recipe.name + "-step-" + std::string(3 - number.size(), '0') + number);
    }
    for (const std::string& name : names) {
      const ModelWeightsF w = shipped(name);
      CHECK(parameter_count(w) == parameter_count(initial_weights(recipe.model, 0)));
      char hash[20];
      std::snprintf(hash, sizeof(hash), "%016llx",
                    static_cast<unsigned long long>(parameter_hash(w)));
      const std::string card = read_whole_file(fs::path(HEADLIGHT_MODELS) / name / "card.md");
      CHECK_THAT(card, headlight_test::contains(std::string("| hash | ") + hash + " |"));
      CHECK_THAT(card, headlight_test::contains("`./headlight train " + recipe.name + "`"));
    }
  }
}

TEST_CASE("lessons/models: training goes on from the recipe's first weights", "[models][law]") {
  for (const Recipe& recipe : recipes())
    if (!recipe.snapshots.empty())
      CHECK(parameter_hash(shipped(recipe.name + "-step-000")) ==
            parameter_hash(initial_weights(recipe.model, recipe.seed)));
}

TEST_CASE("induction: the shipped model has the circuit, the control has not, nor has the start",
          "[models]") {
  const Recipe& recipe = find_recipe("induction");
  CHECK(criteria::circuit_of(shipped("induction"), recipe).forms());
  CHECK_FALSE(criteria::circuit_of(shipped("induction-step-000"), recipe).forms());
  const criteria::Circuit control = criteria::circuit_of(shipped("induction-one-layer"), recipe);
  CHECK(control.loss > 1.8);
  CHECK(control.accuracy < 0.4);
  CHECK(control.induction < 0.3);
}

TEST_CASE("order: two heads name two tokens in order, one head of their width cannot", "[models]") {
  CHECK(criteria::not_solved(shipped("order-two-heads"), find_recipe("order-two-heads"), 0.95) ==
        "");
  CHECK(criteria::not_solved(shipped("order-one-head"), find_recipe("order-one-head"), 0.8) ==
        "previous before previous ");
}

TEST_CASE("grammar, wide, facts: every relation is solved, untrained none", "[models]") {
  for (const char* name : {"grammar", "wide", "facts"}) {
    INFO(name);
    const Recipe& recipe = find_recipe(name);
    CHECK(criteria::not_solved(shipped(name), recipe, 0.9) == "");
    const Evaluation before =
        evaluate(initial_weights(recipe.model, recipe.seed), held_out(recipe, 64, 98));
    for (const auto& [relation, figures] : before.relation)
      if (figures.answers > 0) CHECK(figures.accuracy < 0.8);
  }
}

TEST_CASE("grammar: roles that always appear, far above the untrained heads", "[models]") {
  for (const char* name : {"grammar", "wide"}) {
    INFO(name);
    const Recipe& recipe = find_recipe(name);
    const std::vector<Example> examples = held_out(recipe, 64, 97);
    const Evaluation now = evaluate(shipped(name), examples);
    const Evaluation before = evaluate(initial_weights(recipe.model, recipe.seed), examples);
    CHECK(now.relation.at("bracket").best() > 0.8);
    CHECK(now.relation.at("list").best() > 0.75);
    CHECK(now.relation.at("induction").best() > 0.5);
    CHECK(now.relation.at("reflexive").best() > 0.45);
    CHECK(now.relation.at("agreement").best() > 0.4);
    for (const std::string& relation : recipe.relations)
      CHECK(before.relation.at(relation).best() < 0.3);
  }
}

TEST_CASE(
    "positions: ALiBi and Shaw keep their loss at eight times the length, T5 loses "
    "moderately, the others much",
    "[models]") {
  for (const char* code : {"rope", "alibi", "sinusoidal", "learned", "t5", "shaw", "none"})
    CHECK(criteria::not_as_expected(code, shipped(std::string("positions-") + code)) == "");
}
