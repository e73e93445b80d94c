#include <headlight/attention/model.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <numeric>
#include <stdexcept>

#include "example.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace example;

namespace {

const std::vector<std::size_t> ids = {3, 1, 12, 3, 7};
const Position all_positions[] = {Position::learned, Position::sinusoidal, Position::rope,
                                  Position::alibi,   Position::t5,         Position::shaw,
                                  Position::none};

std::size_t bytes_of(const ModelTrace& trace) {
  std::size_t bytes = 0;
  for_each_stage<double>(trace, [&](const StageOf<const double>& stage) {
    // what is unembedded is the output of the final norm (or of the last block), shown again
    if (stage.name != "unembed.hook_in")
      bytes += stage.values.size_bytes() + stage.flags.size_bytes();
  });
  return bytes;
}

}  // namespace

TEST_CASE("run_model: the tied unembedding is the embedding read backwards", "[model]") {
  Random random(1);
  const ModelWeights w = model(random);
  const ModelTrace t = run_model<double>(ids, w);
  CHECK_THAT(t.logits, IsClose(matmul(t.norm_final.output, headlight::transpose(w.W_E))));
}

TEST_CASE("run_model: an untied unembedding is used instead", "[model]") {
  Random random(2);
  ModelWeights w = model(random);
  w.W_U = random_matrix(random, 13, 7);
  const ModelTrace t = run_model<double>(ids, w);
  CHECK_THAT(t.logits, IsClose(matmul(t.norm_final.output, headlight::transpose(w.W_U))));
}

TEST_CASE("run_model: the first block reads embedding plus position, row by row", "[model]") {
  for (const Position position : all_positions) {
    Random random(14);
    const ModelWeights w = model(random, position);
    Matrix want = Matrix::from_shape({ids.size(), w.W_E.shape(1)});
    const Matrix waves = sinusoidal_positions<double>(ids.size(), w.W_E.shape(1));
    for (std::size_t i = 0; i < want.shape(0); ++i)
      for (std::size_t c = 0; c < want.shape(1); ++c) {
        want(i, c) = w.W_E(ids[i], c);
        if (position == Position::learned) want(i, c) += w.W_pos(i, c);
        if (position == Position::sinusoidal) want(i, c) += waves(i, c);
      }
    CHECK_THAT(run_model<double>(ids, w).blocks[0].residual_pre, IsClose(want));
  }
}

TEST_CASE("run_model: the future changes no stage of the past, whatever the positions",
          "[model][law]") {
  for (const Position position : all_positions) {
    Random random(3);
    const ModelWeights w = model(random, position);
    const ModelTrace before = run_model<double>(ids, w);
    std::vector<std::size_t> other = ids;
    other.back() = 0;
    const ModelTrace after = run_model<double>(other, w);
    for (std::size_t i = 0; i + 1 < ids.size(); ++i)
      for (std::size_t c = 0; c < 13; ++c) CHECK(before.logits(i, c) == after.logits(i, c));
    CHECK(before.logits(4, 0) != after.logits(4, 0));
  }
}

TEST_CASE("run_model: without positions a causal model still tells order, an RoPE model more",
          "[model]") {
  Random random(4);
  const std::vector<std::size_t> ab = {1, 2, 5}, ba = {2, 1, 5};
  for (const Position position : all_positions) {
    ModelWeights w = model(random, position);
    w.blocks.resize(1);
    const Matrix first = run_model<double>(ab, w).logits, second = run_model<double>(ba, w).logits;
    double difference = 0;  // of the last token, which sees both orders in full
    for (std::size_t c = 0; c < 13; ++c) difference += std::abs(first(2, c) - second(2, c));
    // one layer without positions sees a set of earlier tokens; every position code breaks the tie
    CHECK((difference < 1e-12) == (position == Position::none));
  }
}

TEST_CASE("visit_model: shows the same numbers as the trace, in the same order",
          "[model][two-ways]") {
  for (const Position position : all_positions) {
    Random random(5);
    const ModelWeights w = model(random, position);
    std::vector<std::string> order_of_trace, order_of_visit;
    const ModelTrace trace = run_model<double>(ids, w);
    for_each_stage<double>(
        trace, [&](const StageOf<const double>& stage) { order_of_trace.push_back(stage.name); });
    std::map<std::string, std::vector<double>> visited;
    visit_model<double>(ids, w, {}, [&](const StageOf<const double>& stage) {
      order_of_visit.push_back(stage.name);
      visited[stage.name].assign(stage.values.begin(), stage.values.end());
    });
    CHECK(order_of_trace == order_of_visit);
    CHECK((visited == numbers(trace)));
  }
}

TEST_CASE("for_each_stage: names of TransformerLens, each once", "[model]") {
  Random random(6);
  const auto stages = numbers(run_model<double>(ids, model(random)));
  for (const char* name : {"hook_embed",
                           "hook_pos_embed",
                           "blocks.0.hook_resid_pre",
                           "blocks.0.ln1.hook_scale",
                           "blocks.0.ln1.hook_normalized",
                           "blocks.0.attn.hook_q",
                           "blocks.0.attn.hook_k",
                           "blocks.0.attn.hook_v",
                           "blocks.0.attn.hook_attn_scores",
                           "blocks.0.attn.hook_pattern",
                           "blocks.0.attn.hook_z",
                           "blocks.0.attn.hook_result",
                           "blocks.0.hook_attn_out",
                           "blocks.0.hook_resid_mid",
                           "blocks.0.ln2.hook_scale",
                           "blocks.0.mlp.hook_pre",
                           "blocks.0.mlp.hook_post",
                           "blocks.0.hook_mlp_out",
                           "blocks.0.hook_resid_post",
                           "blocks.1.hook_resid_pre",
                           "ln_final.hook_scale",
                           "ln_final.hook_normalized",
                           "unembed.hook_in",
                           "unembed.hook_out",
                           "blocks.0.ln1.hook_mean",
                           "blocks.0.ln1.hook_out",
                           "blocks.0.attn.hook_scores_raw",
                           "blocks.0.attn.hook_scores_scaled",
                           "blocks.0.attn.hook_mask",
                           "blocks.0.attn.hook_softmax_max",
                           "blocks.0.attn.hook_softmax_exp",
                           "blocks.0.attn.hook_softmax_sum",
                           "blocks.0.attn.hook_z_concat",
                           "blocks.0.attn.hook_out_nobias",
                           "unembed.hook_probs"}) {
    INFO(name);
    CHECK(stages.count(name) == 1);
  }
}

TEST_CASE("trace_bytes: known beforehand, exactly", "[model][two-ways]") {
  for (const Position position : all_positions) {
    Random random(7);
    ModelWeights w = model(random, position);
    w.blocks[1].place = NormPlace::after;
    CHECK(trace_bytes(w, ids.size()) == bytes_of(run_model<double>(ids, w)));
    w.blocks[0].feed_forward.reset();
    w.blocks[0].norm2.reset();
    w.blocks[0].norm1 = norm(random, {}, Norm::rms);
    w.norm_final.reset();
    CHECK(trace_bytes(w, ids.size()) == bytes_of(run_model<double>(ids, w)));
  }
}

TEST_CASE("run_model: interventions are called by full name and change no bit when idle",
          "[model][law]") {
  Random random(8);
  const ModelWeights w = model(random);
  const ModelTrace plain = run_model<double>(ids, w);
  std::vector<std::string> seen;
  ModelOptionsOf<double> options;
  options.intervention = [&](const StageOf<double>& stage) { seen.push_back(stage.name); };
  CHECK((numbers(plain) == numbers(run_model<double>(ids, w, options))));
  CHECK(std::count(seen.begin(), seen.end(), "blocks.1.attn.hook_pattern") == 1);
  CHECK(std::count(seen.begin(), seen.end(), "ln_final.hook_scale") == 1);
}

TEST_CASE("run_model: patching a stage with another run's values gives the other run above it",
          "[model][law]") {
  Random random(9);
  const ModelWeights w = model(random);
  const std::vector<std::size_t> other = {0, 2, 4, 6, 8};
  const auto source = numbers(run_model<double>(other, w));
  ModelOptionsOf<double> options;
  options.intervention = [&](const StageOf<double>& stage) {
    if (stage.name == "blocks.0.hook_resid_post")
      std::copy_n(source.at(stage.name).data(), stage.values.size(), stage.values.data());
  };
  CHECK((numbers(run_model<double>(ids, w, options)).at("unembed.hook_out") ==
         source.at("unembed.hook_out")));
}

TEST_CASE("run_model: refuses tables of positions that do not fit", "[model][error]") {
  Random random(12);
  ModelWeights w = model(random, Position::shaw);
  w.blocks[1].attention.relative_keys = {};
  w.blocks[1].attention.relative_values = {};
  CHECK_THROWS_WITH(
      run_model<double>(ids, w),
      "run_model: layer 1 has no relative_keys, but the model's positions are Shaw's");
  w.position = Position::none;
  CHECK_THROWS_WITH(
      run_model<double>(ids, w),
      "run_model: layer 0 has relative_keys, but the model's positions are not Shaw's");
  w = model(random, Position::t5);
  w.blocks[1].attention.n_heads = 1;
  CHECK_THROWS_WITH(run_model<double>(ids, w),
                    "run_model: relative_bias has shape [6, 3] for the 1 heads of layer 1");
  w = model(random, Position::t5);
  w.blocks[0].attention.null_key = random_matrix(random, 3, 4);
  CHECK_THROWS_WITH(run_model<double>(ids, w),
                    "run_model: T5's positions with a null key are not defined; use another "
                    "position code");
}

TEST_CASE("run_model: refuses what does not fit", "[model][error]") {
  Random random(10);
  ModelWeights w = model(random);
  w.n_context = 4;
  CHECK_THROWS_WITH(run_model<double>(ids, w),
                    "run_model: wanted at most 4 tokens (the model's context), got 5");
  w.n_context = 0;
  const std::vector<std::size_t> unknown = {13};
  CHECK_THROWS_AS(run_model<double>(unknown, w), std::out_of_range);
  CHECK_THROWS_WITH(run_model<double>(std::vector<std::size_t>{}, w),
                    "run_model: wanted at least one token, got none");
  CHECK_THROWS_WITH(run_model<double>(std::vector<std::size_t>(18, 0), w),
                    "run_model: wanted at most 17 tokens (rows of W_pos), got 18");
}
