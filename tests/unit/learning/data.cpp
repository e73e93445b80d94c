#include <algorithm>
#include <headlight/learning/data.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/recipes.hpp>
#include <set>

#include "support/catch.hpp"

using namespace headlight;

TEST_CASE("repeated_example: it repeats with its period, periods vary, edges are gold",
          "[learning][law]") {
  Random random(3);
  std::set<std::size_t> periods;
  for (int s = 0; s < 40; ++s) {
    const Example e = repeated_example({30, 40, 5, 9}, random);
    periods.insert(e.period);
    for (std::size_t t = 0; t < 40; ++t) {
      if (t >= e.period) CHECK(e.ids[t] == e.ids[t - e.period]);
      if (t + 1 < 40) CHECK(e.targets[t] == e.ids[t + 1]);
    }
    for (const GoldEdge& edge : e.edges) {
      for (const std::size_t key : edge.keys) {
        if (edge.relation == "previous") CHECK(key + 1 == edge.query);
        if (edge.relation == "duplicate") CHECK(e.ids[key] == e.ids[edge.query]);
        if (edge.relation == "induction") CHECK(e.ids[key - 1] == e.ids[edge.query]);
      }
      // what follows an earlier copy one period ago is what comes next
      if (edge.relation == "induction") {
        const std::size_t follower = edge.query + 1 - e.period;
        CHECK(std::count(edge.keys.begin(), edge.keys.end(), follower) == 1);
        CHECK(e.ids[follower] == e.targets[edge.query]);
      }
    }
  }
  CHECK(periods == std::set<std::size_t>{5, 6, 7, 8, 9});
}

TEST_CASE("order_examples: the previous token, and in the other half the one before it",
          "[learning][law]") {
  Random random(4);
  const std::vector<Example> both = order_examples(7, 9, random);
  REQUIRE(both.size() == 2);
  CHECK(both[0].ids == both[1].ids);
  for (std::size_t i = 2; i < 9; ++i) {
    CHECK(both[0].targets[i] == both[0].ids[i - 1]);
    CHECK(both[1].targets[i] == 7 + both[0].ids[i - 2]);
  }
  CHECK_FALSE(both[0].counts[1]);
}

TEST_CASE("grammar_example: every gold edge points at the word that decides", "[learning][law]") {
  const std::vector<std::string>& words = grammar_words();
  CHECK(words.size() == 105);
  CHECK(std::set<std::string>(words.begin(), words.end()).size() == 105);
  Random random(5);
  std::set<std::string> met;
  const std::string men = "john tom bob max sam";
  for (int s = 0; s < 200; ++s) {
    const Example e = grammar_example(48, random);
    const auto word = [&](std::size_t i) { return words[e.ids[i]]; };
    for (const GoldEdge& edge : e.edges) {
      met.insert(edge.relation);
      REQUIRE(edge.query < 48);
      for (const std::size_t key : edge.keys) REQUIRE(key <= edge.query);
      const std::string answer = words[e.targets[edge.query]], key = word(edge.keys[0]);
      if (edge.relation == "reflexive")
        CHECK((men.find(key) != std::string::npos) == (answer == "himself"));
      if (edge.relation == "pronoun") {
        CHECK(answer == key);
        CHECK((men.find(key) != std::string::npos) == (word(edge.query) == "he"));
      }
      if (edge.relation == "indirect object") {
        CHECK(answer == key);
        CHECK(std::find(edge.wrong.begin(), edge.wrong.end(), e.targets[edge.query]) ==
              edge.wrong.end());
      }
      if (edge.relation == "agreement") {
        // -s on the noun, or on the verb, never on both
        CHECK((key.back() == 's') != (answer.back() == 's'));
        CHECK(std::count(edge.right.begin(), edge.right.end(), e.targets[edge.query]) == 1);
      }
      if (edge.relation == "bracket")
        CHECK((key == "(" ? answer == ")" : key == "[" ? answer == "]" : answer == "\""));
      if (edge.relation == "list") CHECK(std::stoi(answer) == std::stoi(key) + 1);
      if (edge.relation == "duplicate name") CHECK(key == word(edge.query));
      if (edge.relation == "subject again") CHECK(word(edge.query) == "to");
    }
  }
  CHECK(met.size() == 11);
}

TEST_CASE("facts_example: the city is the country's, the list is repeated", "[learning][law]") {
  const std::vector<std::string>& words = facts_words();
  CHECK(std::set<std::string>(words.begin(), words.end()).size() == words.size());
  Random random(6);
  std::set<std::string> met;
  for (int s = 0; s < 50; ++s) {
    const Example e = facts_example(32, random);
    for (const GoldEdge& edge : e.edges) {
      met.insert(edge.relation);
      if (edge.relation == "fact")
        CHECK(e.targets[edge.query] ==
              capital_of(e.ids[edge.query - 1] - 5, e.ids[edge.query] - 13));
      else
        CHECK(e.targets[edge.query] == e.ids[edge.keys[0]]);
    }
  }
  CHECK(met == std::set<std::string>{"fact", "list item"});
}

TEST_CASE("find_recipe: an unknown name is answered with the known ones", "[learning][error]") {
  CHECK(find_recipe("wide").model.n_heads == 16);
  CHECK_THROWS_WITH(
      find_recipe("tall"),
      headlight_test::contains(
          "find_recipe: no recipe is called tall; there are induction, induction-one-layer"));
}

TEST_CASE("training_batch: a step has its own batch, the same in every run", "[learning][law]") {
  const Recipe& r = find_recipe("induction");
  CHECK(training_batch(r, 0, 5).ids == training_batch(r, 0, 5).ids);
  CHECK(training_batch(r, 0, 5).ids != training_batch(r, 0, 6).ids);
  CHECK(training_batch(r, 0, 5).ids != training_batch(r, 1, 5).ids);
}
