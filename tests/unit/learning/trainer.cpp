#include <cmath>
#include <headlight/layer/cross_entropy.hpp>
#include <headlight/learning/backward.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/trainer.hpp>

#include "models.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

// Loss and gradients of a batch by run_model and run_model_backward, sequence by sequence.
BatchResultOf<double> one_by_one(const ModelWeights& w, const Batch& batch) {
  BatchResultOf<double> sum;
  sum.gradients = zeros_like(w);
  double counted = 0;
  for (std::size_t t = 0; t < batch.ids.size(); ++t)
    counted += batch.counts.empty() || batch.counts[t] ? 1 : 0;
  for (std::size_t s = 0; s < batch.sequences; ++s) {
    const std::size_t first = s * batch.n;
    const std::span<const std::size_t> ids(batch.ids.data() + first, batch.n);
    const std::span<const std::size_t> targets(batch.targets.data() + first, batch.n);
    std::vector<bool> counts;
    if (!batch.counts.empty())
      counts.assign(batch.counts.begin() + static_cast<std::ptrdiff_t>(first),
                    batch.counts.begin() + static_cast<std::ptrdiff_t>(first + batch.n));
    const ModelTrace trace = run_model<double>(ids, w);
    CrossEntropy ce = cross_entropy<double>(trace.logits, targets, counts);
    const double share = static_cast<double>(ce.counted) / counted;
    sum.loss += ce.loss * share;
    for (double& d : ce.of_logits) d *= share;
    run_model_backward(trace, w, ce.of_logits, sum.gradients);
  }
  return sum;
}

template <class T>
VectorOf<T> flat(const ModelWeightsOf<T>& w) {
  std::vector<T> all;
  for_each_parameter<T>(w, [&](const ParameterOf<const T>& p) {
    all.insert(all.end(), p.values.begin(), p.values.end());
  });
  VectorOf<T> v = VectorOf<T>::from_shape({all.size()});
  std::copy(all.begin(), all.end(), v.begin());
  return v;
}

TrainingPlan short_plan() {
  TrainingPlan plan;
  plan.schedule = {1e-2, 3, 20, 0.1};
  return plan;
}

}  // namespace

TEST_CASE("TrainerOf: loss and gradient of a batch are those of the recorded traces",
          "[learning][two-ways]") {
  for (const models::Kind& kind : models::all_kinds())
    for (const bool masked : {false, true}) {
      INFO(kind.name << (masked ? ", with a label mask" : ""));
      const ModelWeights w = models::model(kind);
      const Batch batch = models::batch(6, 7, masked);
      const BatchResultOf<double> want = one_by_one(w, batch);
      const BatchResultOf<double> got = TrainerOf<double>(w, {}).gradient(batch);
      CHECK_THAT(got.loss, Catch::Matchers::WithinRel(want.loss, 1e-13));
      CHECK_THAT(flat(got.gradients), IsClose(flat(want.gradients)));
    }
}

TEST_CASE("TrainerOf: in float, loss and gradient are those in double", "[learning][two-ways]") {
  for (const models::Kind& kind : models::all_kinds()) {
    INFO(kind.name);
    const ModelWeights w = models::model(kind);
    const Batch batch = models::batch(6, 7, true);
    const BatchResultOf<double> want = TrainerOf<double>(w, {}).gradient(batch);
    const BatchResultOf<float> got = TrainerF(model_cast<float>(w), {}).gradient(batch);
    CHECK_THAT(got.loss, Catch::Matchers::WithinRel(want.loss, 1e-5));
    // single precision through two layers and back
    CHECK_THAT(flat(got.gradients), IsCloseInFloat(flat(want.gradients), 2e-5));
  }
}

TEST_CASE("TrainerOf: one and two threads give the same bits, with dropout too",
          "[learning][law]") {
  for (const auto& [kind, dropout] : {std::pair{1, 0.0}, std::pair{1, 0.2}, std::pair{7, 0.2},
                                      std::pair{8, 0.2}, std::pair{9, 0.0}}) {
    std::uint64_t hashes[3] = {};
    for (const std::size_t threads : {1, 2}) {
      TrainingPlan plan = short_plan();
      plan.pattern_dropout = plan.head_dropout = dropout;
      plan.threads = threads;
      TrainerF trainer(models::model<float>(models::all_kinds()[static_cast<std::size_t>(kind)]),
                       plan);
      for (std::uint64_t s = 0; s < 8; ++s) trainer.step(models::batch(7, 6, false, s));
      hashes[threads] = parameter_hash(trainer.weights());
    }
    CHECK(hashes[1] == hashes[2]);
  }
}

TEST_CASE("TrainerOf: a resumed run has the bits of one that was not interrupted",
          "[learning][law]") {
  TrainingPlan plan = short_plan();
  plan.pattern_dropout = 0.1;
  plan.adam.decay = 0.01;
  const ModelWeightsF start = models::model<float>(models::all_kinds()[0]);
  TrainerF whole(start, plan), first(start, plan), second(start, plan);
  for (std::uint64_t s = 0; s < 9; ++s) whole.step(models::batch(5, 6, true, s));
  for (std::uint64_t s = 0; s < 4; ++s) first.step(models::batch(5, 6, true, s));
  second.resume(first.weights(), first.state());
  for (std::uint64_t s = 4; s < 9; ++s) second.step(models::batch(5, 6, true, s));
  CHECK(parameter_hash(second.weights()) == parameter_hash(whole.weights()));
  CHECK(parameter_hash(first.weights()) != parameter_hash(whole.weights()));
}

TEST_CASE("TrainerOf: a loss that is not a number changes nothing", "[learning][error]") {
  ModelWeightsF start = models::model<float>(models::all_kinds()[0]);
  start.blocks[0].attention.W_O(0, 0) = std::numeric_limits<float>::infinity();
  TrainerF trainer(start, short_plan());
  CHECK(std::isnan(trainer.step(models::batch(3, 5, false))));
  CHECK(trainer.steps() == 0);
  CHECK(parameter_hash(trainer.weights()) == parameter_hash(start));
}

TEST_CASE("TrainerOf: training lowers the loss of a batch it sees again and again",
          "[learning][law]") {
  for (const models::Kind& kind : models::all_kinds()) {
    INFO(kind.name);
    TrainingPlan plan = short_plan();
    plan.schedule = {1e-2, 5, 60, 0.1};
    TrainerF trainer(models::model<float>(kind), plan);
    const Batch batch = models::batch(4, 6, false);
    const double before = trainer.step(batch);
    double after = before;
    for (int s = 0; s < 60; ++s) after = trainer.step(batch);
    CHECK(after < before / 2);
  }
}

TEST_CASE("TrainerOf: refuses batches that do not fit", "[learning][error]") {
  TrainerF trainer(models::model<float>(models::all_kinds()[0]), {});
  Batch batch = models::batch(2, 5, false);
  batch.ids[3] = 99;
  CHECK_THROWS_WITH(trainer.step(batch), "TrainerOf: token id 99 is not in the vocabulary of 11");
  batch.ids.pop_back();
  CHECK_THROWS_WITH(trainer.step(batch),
                    "TrainerOf: 2 sequences of 5 tokens have 9 ids, 10 targets, 0 flags");
  CHECK_THROWS_WITH(trainer.step(models::batch(1, 9, false)),
                    "TrainerOf: wanted at most 8 tokens (the model's context), got 9");
}

TEST_CASE("TrainerOf: refuses models that run_model refuses", "[learning][error]") {
  models::Kind kind = models::all_kinds()[7];  // T5's buckets
  kind.has_null_key = true;
  CHECK_THROWS_WITH(TrainerF(models::model<float>(kind), {}),
                    "TrainerOf: ALiBi, T5's or Shaw's positions with a null key are not defined");
  kind.has_null_key = false;
  ModelWeightsF w = models::model<float>(kind);
  w.relative_bias = MatrixF::from_shape({6, 2});
  CHECK_THROWS_WITH(TrainerF(w, {}), "TrainerOf: relative_bias [6, 2] does not fit 3 heads");
  kind.position = Position::shaw;
  w = models::model<float>(kind);
  w.blocks[1].attention.relative_keys = MatrixF::from_shape({6, 12});
  CHECK_THROWS_WITH(TrainerF(w, {}),
                    "TrainerOf: relative_keys [6, 12] and relative_values [7, 15] do not fit W_K "
                    "[9, 12]");
  w.position = Position::none;  // tables without their code
  CHECK_THROWS_AS(TrainerF(w, {}), std::invalid_argument);
}

TEST_CASE("rate_at: warm-up, peak, end", "[learning][two-ways]") {
  const Schedule s{0.01, 4, 24, 0.1};
  CHECK_THAT(rate_at(s, 0), Catch::Matchers::WithinRel(0.0025, 1e-15));
  CHECK_THAT(rate_at(s, 4), Catch::Matchers::WithinRel(0.01, 1e-15));
  CHECK_THAT(rate_at(s, 14), Catch::Matchers::WithinRel(0.0055, 1e-12));  // half way
  CHECK_THAT(rate_at(s, 24), Catch::Matchers::WithinRel(0.001, 1e-12));
  CHECK_THAT(rate_at(s, 99), Catch::Matchers::WithinRel(0.001, 1e-12));
}

TEST_CASE("clip_factor: a longer gradient is brought to the length", "[learning][two-ways]") {
  CHECK(clip_factor(0.25, 1) == 1);
  CHECK_THAT(clip_factor(16, 1), Catch::Matchers::WithinRel(0.25, 1e-6));
  CHECK(clip_factor(16, 0) == 1);
}

TEST_CASE("adam_update: the first step goes by the rate against the sign, decay apart",
          "[learning][two-ways]") {
  std::vector<double> w{1, 1, 1}, g{0.5, -3, 0.5};
  AdamStateOf<double> state;
  adam_update<double>({0.9, 0.98, 0, 0.1}, 0.01, 1, {true, true, false}, g, w, state);
  CHECK_THAT(w[0], Catch::Matchers::WithinRel(1 - 0.001 - 0.01, 1e-12));
  CHECK_THAT(w[1], Catch::Matchers::WithinRel(1 - 0.001 + 0.01, 1e-12));
  CHECK_THAT(w[2], Catch::Matchers::WithinRel(1 - 0.01, 1e-12));
}

namespace {

struct Symmetry {
  double apart = 0;  // of the queries' weights of heads 0 and 2
  double moved = 0;  // of head 0, since the start
};

// Two hundred steps of a block whose heads 0 and 2 start equal.
template <class T>
Symmetry train_twins(const models::Kind& kind, double dropout) {
  ModelWeightsOf<T> w = models::model<T>(kind);
  w.blocks.resize(1);
  MultiHeadWeightsOf<T>& a = w.blocks[0].attention;
  for (MatrixOf<T>* m :
       {&a.W_Q, &a.W_K, &a.W_V, &a.relative_keys, &a.relative_values, &w.relative_bias})
    for (std::size_t i = 0; i < m->shape(0); ++i)
      for (std::size_t j = 0; j < m->shape(1) / 3; ++j)
        (*m)(i, j + 2 * m->shape(1) / 3) = (*m)(i, j);
  for (VectorOf<T>* b : {&a.b_Q, &a.b_K, &a.b_V})
    for (std::size_t j = 0; j < b->size() / 3; ++j) (*b)(j + 2 * b->size() / 3) = (*b)(j);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 9; ++j) a.W_O(i + 10, j) = a.W_O(i, j);
  TrainingPlan plan = short_plan();
  plan.pattern_dropout = dropout;
  TrainerOf<T> trainer(w, plan);
  for (std::uint64_t s = 0; s < 200; ++s) trainer.step(models::batch(4, 6, false, s));
  const ModelWeightsOf<T> trained = trainer.weights();
  const MatrixOf<T>& W_Q = trained.blocks[0].attention.W_Q;
  Symmetry found;
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      const auto distance = [](T x, T y) { return static_cast<double>(std::abs(x - y)); };
      found.apart = std::max(found.apart, distance(W_Q(i, j), W_Q(i, j + 8)));
      found.moved = std::max(found.moved, distance(W_Q(i, j), a.W_Q(i, j)));
    }
  return found;
}

}  // namespace

// Every column of a product is the same chain of sums wherever it lies: the symmetry is exact.
TEMPLATE_TEST_CASE("identical heads: they stay bit-identical without noise and part with it",
                   "[learning][law]", float, double) {
  const std::vector<models::Kind> kinds = models::all_kinds();
  for (const std::size_t k : {1u, 7u, 8u}) {
    INFO(kinds[k].name);
    const Symmetry plain = train_twins<TestType>(kinds[k], 0);
    CHECK(plain.moved > 0.01);
    CHECK(plain.apart == 0);
    CHECK(train_twins<TestType>(kinds[k], 0.1).apart > 0.001);
  }
}
