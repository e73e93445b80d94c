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
  const Evaluation result = evaluate(silent(), std::vector<Example>{e});
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

TEST_CASE("evaluate: an intervention changes what it touches, and entropy is left out",
          "[learning]") {
  Example e;
  e.ids = {0, 1, 2, 3, 0}, e.targets = {1, 2, 3, 0, 1};
  ModelWeightsF w = silent();
  for (std::size_t i = 0; i < 4; ++i) w.W_E(i, i) = 1;  // the next token is taken to be the same
  const std::vector<Example> examples(2, e);
  std::vector<std::size_t> asked;
  const Evaluation plain = evaluate(w, examples);
  const Evaluation silenced = evaluate(w, examples, [&](std::size_t number) {
    asked.push_back(number);
    return [](const StageOf<float>& stage) {
      if (stage.name == "unembed.hook_out")
        std::fill(stage.values.begin(), stage.values.end(), 0.0f);
    };
  });
  CHECK(asked == std::vector<std::size_t>{0, 1});
  CHECK(plain.loss > 1.5);
  CHECK(plain.entropy.size() == 8);
  CHECK(std::abs(silenced.loss - std::log(4.0)) < 1e-6);
  CHECK(silenced.entropy.size() == 0);
}
