#include <algorithm>
#include <cmath>
#include <headlight/learning/evaluate.hpp>

#include "support/catch.hpp"

using namespace headlight;

namespace {

// One layer of eight heads that ask for nothing: their patterns are those of ALiBi's slopes alone.
ModelWeightsF silent() {
  const auto zeros = [](std::size_t rows, std::size_t columns) {
    MatrixF m = MatrixF::from_shape({rows, columns});
    m.fill(0);
    return m;
  };
  ModelWeightsF w;
  w.W_E = zeros(4, 8);
  w.position = Position::alibi;
  w.blocks.resize(1);
  w.blocks[0].attention = {8, zeros(8, 8), zeros(8, 8), zeros(8, 8), zeros(8, 8)};
  return w;
}

}  // namespace

TEST_CASE("evaluate: the weight on gold keys, the even share and the loss, by hand",
          "[learning][two-ways]") {
  Example e;
  e.ids = {0, 1, 2, 3, 0}, e.targets = {1, 2, 3, 0, 1};
  e.edges = {{.relation = "back", .query = 4, .keys = {1}, .has_answer = true},
             {.relation = "back", .query = 3, .keys = {0, 2}}};
  const Evaluation result = evaluate(silent(), std::vector<Example>{e}, {.entropy = true});
  const RelationFigures& back = result.relation.at("back");
  for (std::size_t h = 0; h < 8; ++h) {
    const double q = std::exp(-std::exp2(-1.0 - static_cast<double>(h)));  // a token farther
    const auto sum = [&](int n) { return (1 - std::pow(q, n)) / (1 - q); };
    const double first = std::pow(q, 3) / sum(5), second = (std::pow(q, 3) + q) / sum(4);
    CHECK(std::abs(back.mass(0, h) - (first + second) / 2) < 1e-6);  // float
    double entropy = 0;  // of the rows that see more than themselves, over that of an even row
    for (int i = 1; i < 5; ++i)
      for (int j = 0; j <= i; ++j) {
        const double p = std::pow(q, j) / sum(i + 1);
        entropy -= p * std::log(p) / std::log(i + 1.0) / 4;
      }
    CHECK(std::abs(result.entropy(0, h) - entropy) < 1e-6);
  }
  CHECK(back.edges == 2);
  CHECK(back.answers == 1);
  CHECK(std::abs(back.uniform - (1.0 / 5 + 2.0 / 4) / 2) < 1e-12);
  CHECK(std::abs(back.loss - std::log(4.0)) < 1e-6);    // four tokens alike, in float
  CHECK(std::abs(result.loss - std::log(4.0)) < 1e-6);  // the same
}

TEST_CASE("evaluate: an intervention changes what it touches, entropy is for those who ask",
          "[learning]") {
  Example e;
  e.ids = {0, 1, 2, 3, 0}, e.targets = {1, 2, 3, 0, 1};
  ModelWeightsF w = silent();
  for (std::size_t i = 0; i < 4; ++i) w.W_E(i, i) = 1;  // the next token is taken to be the same
  const std::vector<Example> examples(2, e);
  std::vector<std::size_t> asked;
  const Evaluation plain = evaluate(w, examples);
  const auto silence = [&](std::size_t number) {
    asked.push_back(number);
    return [](const StageOf<float>& stage) {
      if (stage.name == "unembed.hook_out")
        std::fill(stage.values.begin(), stage.values.end(), 0.0f);
    };
  };
  const Evaluation silenced = evaluate(w, examples, {.intervention = silence});
  CHECK(asked == std::vector<std::size_t>{0, 1});
  CHECK(plain.loss > 1.5);
  CHECK(plain.entropy.size() == 0);
  CHECK(std::abs(silenced.loss - std::log(4.0)) < 1e-6);
  CHECK(silenced.entropy.size() == 0);
  std::vector<std::string> met;
  const auto listen = [&](std::size_t) {
    return [&](const StageOf<float>& stage) { met.push_back(stage.name); };
  };
  const auto meets = [&](Record record, const char* name) {
    met.clear();
    evaluate(w, examples, {.intervention = listen, .record = record, .entropy = true});
    return std::find(met.begin(), met.end(), name) != met.end();
  };
  CHECK(meets(Record::everything, "blocks.0.attn.hook_result"));
  CHECK(!meets(Record::essential, "blocks.0.attn.hook_result"));
  CHECK(meets(Record::essential, "blocks.0.attn.hook_z"));
}

TEST_CASE(
    "evaluate: the same bits on any number of threads, each example with its own intervention",
    "[learning][law]") {
  Random random(7);
  std::vector<Example> examples;
  for (std::size_t n = 8; n < 15; ++n) examples.push_back(repeated_example({4, n, 2, 3}, random));
  ModelWeightsF w = silent();
  for (float& x : w.W_E) x = static_cast<float>(random.normal());
  for (float& x : w.blocks[0].attention.W_V) x = static_cast<float>(random.normal());
  for (float& x : w.blocks[0].attention.W_O) x = static_cast<float>(random.normal());
  const auto louder = [](std::size_t number) {
    return [number](const StageOf<float>& stage) {
      if (stage.name != "blocks.0.attn.hook_z") return;
      for (float& x : stage.values) x *= static_cast<float>(number);
    };
  };
  for (const bool changed : {false, true}) {
    EvaluationOptions options{.entropy = true};
    if (changed) options.intervention = louder;
    const Evaluation one = evaluate(w, examples, options);
    double mean = 0, counted = 0;  // example by example
    for (std::size_t k = 0; k < examples.size(); ++k) {
      EvaluationOptions alone;
      if (changed) alone.intervention = [&](std::size_t) { return louder(k); };
      const double n = static_cast<double>(examples[k].ids.size());
      mean += n * evaluate(w, {&examples[k], 1}, alone).loss, counted += n;
    }
    CHECK(std::abs(one.loss - mean / counted) < 1e-12);
    for (const std::size_t threads : {2u, 3u, 20u}) {
      options.threads = threads;
      const Evaluation many = evaluate(w, examples, options);
      CHECK(many.loss == one.loss);
      CHECK((many.entropy == one.entropy));
      for (const auto& [name, figures] : one.relation) {
        const RelationFigures& other = many.relation.at(name);
        CHECK(other.edges == figures.edges);
        CHECK(other.loss == figures.loss);
        CHECK(other.accuracy == figures.accuracy);
        CHECK((other.mass == figures.mass));
      }
    }
  }
}
