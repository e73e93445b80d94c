// The complete program of the library guide: one head, every number of it, one change from outside.
#include <cmath>
#include <cstdio>
#include <headlight/attention/head.hpp>
#include <headlight/core/shape.hpp>

using headlight::HeadTrace;
using headlight::HeadWeights;
using headlight::Matrix;

void print(const char* name, const Matrix& values) {
  std::printf("%s\n", name);
  for (std::size_t i = 0; i < values.shape(0); ++i) {
    for (std::size_t j = 0; j < values.shape(1); ++j) std::printf(" %8.4f", values(i, j));
    std::printf("\n");
  }
}

int main() {
  // Three tokens, "The cat sat", one-hot. Only "sat" asks: its scaled scores are ln 1, ln 2, ln 5.
  const Matrix x = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};  // [n, d_model]
  const double s = std::sqrt(3.0);                     // undone by the division by sqrt(d_head)
  HeadWeights weights;
  weights.W_Q = Matrix{{0, 0, 0}, {0, 0, 0}, {0, s * std::log(2.0), s * std::log(5.0)}};
  weights.W_K = x;                                 // [d_model, d_head]
  weights.W_V = Matrix{{8, 0}, {0, 8}, {16, 16}};  // [d_model, d_value]

  const HeadTrace trace = headlight::attend(x, weights, {.causal = true});
  print("pattern", trace.pattern);
  print("output", trace.output);

  // Every recorded stage by name, in the order computed.
  headlight::for_each_stage<double>(trace, [](const headlight::StageOf<const double>& stage) {
    std::printf("%-26s %-12s", stage.name.c_str(), headlight::shape_string(stage.shape).c_str());
    std::printf(" %.*s\n", static_cast<int>(stage.formula.size()), stage.formula.data());
  });

  // An intervention changes a stage before the next one reads it: "sat" may look only at "cat".
  headlight::AttentionOptions options{.causal = true};
  options.intervention = [](const headlight::StageOf<double>& stage) {
    if (stage.name != "attn.hook_pattern") return;
    stage.values[6] = 0, stage.values[7] = 1, stage.values[8] = 0;  // row 2 of [query 3, key 3]
  };
  print("output, changed", headlight::attend(x, weights, options).output);

  // A wrong shape is an exception with both shapes in its message.
  try {
    headlight::attend(Matrix{{1, 2}}, weights);
  } catch (const headlight::ShapeError& error) {
    std::printf("%s\n", error.what());
  }
}
