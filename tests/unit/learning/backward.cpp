#include <cmath>
#include <headlight/layer/cross_entropy.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/learning/backward.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/trainer.hpp>

#include "models.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

// Fourth-order central differences of `loss` over every number of `values`, compared with
// `gradient`; relative to the largest gradient where that exceeds one. The error of the difference
// quotient itself is about 1e-11 with a step of 2e-4; where that step crosses a kink of ReLU, the
// step 2e-6 (about 2e-10) decides.
template <class Loss>
double worst_gradient(std::span<double> values, std::span<const double> gradient,
                      const Loss& loss) {
  double worst = 0, largest = 1;
  for (std::size_t c = 0; c < values.size(); ++c) {
    const double before = values[c];
    const auto error = [&](double step) {
      const auto at = [&](double steps) {
        values[c] = before + steps * step;
        const double value = loss();
        values[c] = before;
        return value;
      };
      const double slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step);
      return std::abs(slope - gradient[c]);
    };
    double least = error(2e-4);
    if (least > 1e-10) least = std::min(least, error(2e-6));
    worst = std::max(worst, least);
    largest = std::max(largest, std::abs(gradient[c]));
  }
  return worst / largest;
}

double weighted_sum(const Matrix& a, const Matrix& weight) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += a.data()[c] * weight.data()[c];
  return sum;
}

std::span<double> all(Matrix& a) {
  return {a.data(), a.size()};
}
std::span<const double> all(const Matrix& a, int) {
  return {a.data(), a.size()};
}

double model_loss(const ModelWeights& w, const Batch& batch) {
  return cross_entropy<double>(run_model<double>(batch.ids, w).logits, batch.targets, batch.counts)
      .loss;
}

}  // namespace

TEST_CASE("softmax_backward: agrees with finite differences, hidden keys get exactly zero",
          "[learning][gradient]") {
  Random random(3);
  Matrix scores = random_matrix(random, 4, 5);
  const Matrix weight = random_matrix(random, 4, 5);
  scores(1, 4) = -std::numeric_limits<double>::infinity();
  const Matrix d = softmax_backward(softmax_rows(scores), weight);
  CHECK(d(1, 4) == 0);
  scores(1, 4) = -1e300;  // a finite stand-in, so that a step leaves it hidden
  CHECK(worst_gradient(all(scores), all(d, 0),
                       [&] { return weighted_sum(softmax_rows(scores), weight); }) < 1e-9);
}

TEST_CASE("softmax_backward: a gradient that is the same for every key moves nothing",
          "[learning][law]") {
  Random random(4);
  const Matrix pattern = softmax_rows(random_matrix(random, 3, 6));
  Matrix same = random_matrix(random, 3, 6);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 6; ++j) same(i, j) = same(i, 0);
  for (const double d : softmax_backward(pattern, same)) CHECK(std::abs(d) < 1e-15);
}

TEST_CASE("cross_entropy: loss and gradient by hand", "[layer][two-ways]") {
  const Matrix logits{{std::log(1.0), std::log(2.0), std::log(5.0)}, {0, 0, 0}};
  const std::vector<std::size_t> targets{2, 0};
  const CrossEntropy both = cross_entropy<double>(logits, targets);
  CHECK_THAT(both.loss, Catch::Matchers::WithinAbs((std::log(8.0 / 5) + std::log(3.0)) / 2, 1e-15));
  CHECK_THAT(both.of_logits,
             IsClose(Matrix{{0.0625, 0.125, -0.1875}, {-1.0 / 3, 1.0 / 6, 1.0 / 6}}));
  const CrossEntropy first = cross_entropy<double>(logits, targets, {true, false});
  CHECK_THAT(first.of_logits, IsClose(Matrix{{0.125, 0.25, -0.375}, {0, 0, 0}}));
}

TEST_CASE("cross_entropy: refuses what cannot be", "[layer][error]") {
  const Matrix logits{{0, 0, 0}, {0, 0, 0}};
  const std::vector<std::size_t> targets{2, 3}, few{1};
  CHECK_THROWS_WITH(cross_entropy<double>(logits, targets),
                    "cross_entropy: target 3 is not below 3, the size of the vocabulary");
  CHECK_THROWS_WITH(cross_entropy<double>(logits, few),
                    "cross_entropy: 1 targets and 0 flags for logits [2, 3]");
  CHECK_THROWS_WITH(cross_entropy<double>(logits, targets, {false, false}),
                    "cross_entropy: no token counts");
}

TEST_CASE("run_model_backward: agrees with finite differences for every parameter of every kind",
          "[learning][gradient]") {
  for (models::Kind kind : models::all_kinds()) {
    INFO(kind.name);
    for (const NormPlace place : {NormPlace::before, NormPlace::after}) {
      kind.place = place;
      ModelWeights w = models::model(kind);
      const Batch batch = models::batch(1, 7, true);
      const ModelTrace trace = run_model<double>(batch.ids, w);
      ModelWeights gradients = zeros_like(w);
      run_model_backward(trace, w,
                         cross_entropy<double>(trace.logits, batch.targets, batch.counts).of_logits,
                         gradients);
      std::vector<std::span<double>> of;
      for_each_parameter<double>(gradients,
                                 [&](const ParameterOf<double>& p) { of.push_back(p.values); });
      std::size_t next = 0;
      for_each_parameter<double>(w, [&](const ParameterOf<double>& p) {
        INFO(p.name);
        CHECK(worst_gradient(p.values, of[next++], [&] { return model_loss(w, batch); }) < 1e-9);
      });
    }
  }
}

TEST_CASE("run_model_backward: the essential trace suffices", "[learning][two-ways]") {
  const ModelWeights w = models::model(models::all_kinds()[1]);
  const Batch batch = models::batch(1, 7, false);
  std::uint64_t hashes[2] = {};
  for (const Record record : {Record::everything, Record::essential}) {
    const ModelTrace trace = run_model<double>(batch.ids, w, {.record = record});
    ModelWeights gradients = zeros_like(w);
    run_model_backward(trace, w, cross_entropy<double>(trace.logits, batch.targets).of_logits,
                       gradients);
    hashes[record == Record::essential] = parameter_hash(gradients);
  }
  CHECK(hashes[0] == hashes[1]);
}

TEST_CASE("multi_head_attention_backward: cross-attention, padding, scores with a bias",
          "[learning][gradient]") {
  Random random(8);
  MultiHeadWeights w;
  w.n_heads = 2;
  w.W_Q = random_matrix(random, 6, 2 * 3);
  w.W_K = random_matrix(random, 7, 2 * 3);
  w.W_V = random_matrix(random, 7, 2 * 4);
  w.W_O = random_matrix(random, 2 * 4, 6);
  Matrix x = random_matrix(random, 4, 6), memory = random_matrix(random, 5, 7);
  Tensor3 bias = Tensor3::from_shape({2, 4, 5});
  for (double& b : bias) b = random.normal();
  AttentionOptions options;
  options.is_token = {true, true, false, true, true};
  options.bias = &bias;
  options.scale = 0.7;
  const Matrix weight = random_matrix(random, 4, 6);
  const auto loss = [&] {
    MultiHeadTrace trace;
    multi_head_attention(x, memory, w, options, trace);
    return weighted_sum(trace.attention_output, weight);
  };
  MultiHeadTrace trace;
  multi_head_attention(x, memory, w, options, trace);
  MultiHeadWeights gradients = w;
  for (Matrix* m : {&gradients.W_Q, &gradients.W_K, &gradients.W_V, &gradients.W_O})
    std::fill(m->begin(), m->end(), 0.0);
  const AttentionInputGradientsOf<double> g =
      multi_head_attention_backward(x, memory, trace, w, options, weight, gradients);
  CHECK(worst_gradient(all(x), all(g.x, 0), loss) < 1e-9);
  CHECK(worst_gradient(all(memory), all(g.memory, 0), loss) < 1e-9);
  CHECK(worst_gradient({bias.data(), bias.size()}, {g.bias.data(), g.bias.size()}, loss) < 1e-9);
  CHECK(worst_gradient(all(w.W_Q), all(gradients.W_Q, 0), loss) < 1e-9);
  CHECK(worst_gradient(all(w.W_K), all(gradients.W_K, 0), loss) < 1e-9);
  CHECK(worst_gradient(all(w.W_V), all(gradients.W_V, 0), loss) < 1e-9);
  CHECK(worst_gradient(all(w.W_O), all(gradients.W_O, 0), loss) < 1e-9);
  for (std::size_t j = 0; j < 7; ++j) CHECK(g.memory(2, j) == 0);  // padding
}

TEST_CASE("relative_attention_backward: agrees with finite differences", "[learning][gradient]") {
  Random random(12);
  Matrix q = random_matrix(random, 4, 3), k = random_matrix(random, 6, 3);
  Matrix v = random_matrix(random, 6, 5);
  RelativeWeights w{2, random_matrix(random, 5, 3), random_matrix(random, 5, 5)};
  const Mask mask = causal_mask(4, 6);
  const Matrix weight = random_matrix(random, 4, 5);
  const auto loss = [&] {
    return weighted_sum(relative_attention(q, k, v, w, &mask).output, weight);
  };
  const RelativeGradientsOf<double> g =
      relative_attention_backward(q, k, v, w, relative_attention(q, k, v, w, &mask), weight);
  CHECK(worst_gradient(all(q), all(g.query, 0), loss) < 1e-9);
  CHECK(worst_gradient(all(k), all(g.key, 0), loss) < 1e-9);
  CHECK(worst_gradient(all(v), all(g.value, 0), loss) < 1e-9);
  CHECK(worst_gradient(all(w.keys), all(g.weights.keys, 0), loss) < 1e-9);
  CHECK(worst_gradient(all(w.values), all(g.weights.values, 0), loss) < 1e-9);
}

TEST_CASE("t5_bias_backward: agrees with finite differences", "[learning][gradient]") {
  Random random(13);
  const T5Buckets buckets{8, 12, false};
  Matrix table = random_matrix(random, 8, 2);
  Tensor3 weight = t5_bias(table, 5, 14, buckets);
  for (double& x : weight) x = random.normal();
  const auto loss = [&] {
    const Tensor3 bias = t5_bias(table, 5, 14, buckets);
    double sum = 0;
    for (std::size_t c = 0; c < bias.size(); ++c) sum += bias.data()[c] * weight.data()[c];
    return sum;
  };
  CHECK(worst_gradient(all(table), all(t5_bias_backward(weight, buckets), 0), loss) < 1e-9);
}
