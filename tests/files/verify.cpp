#include "cli/verify.hpp"

#include <map>

#include "support/catch.hpp"

// A model of one layer, one head, width 2, small enough to write every stage down.

using namespace headlight::verify;

namespace {

struct Example {
  // token embedding, no positions, no norms, no feed-forward; W_Q = W_K = W_V = W_O = identity
  float identity[4] = {1, 0, 0, 1};
  float embedding[4] = {1, 0, 0, 2};
  std::map<std::string, std::vector<float>> values;
  std::map<std::string, std::vector<std::size_t>> shapes;
  PlainModel model;

  Example() {
    model.W_E = model.W_U = {embedding, 2, 2};
    model.position = 'n';
    PlainBlock block;
    block.n_heads = 1;
    block.W_Q = block.W_K = block.W_V = block.W_O = {identity, 2, 2};
    model.blocks = {block};
    put("hook_embed", {2, 2}, {1, 0, 0, 2});
    put("blocks.0.hook_resid_pre", {2, 2}, {1, 0, 0, 2});
    for (const char* name : {"q", "k", "v"})
      put(std::string("blocks.0.attn.hook_") + name, {1, 2, 2}, {1, 0, 0, 2});
    put("blocks.0.attn.hook_scores_raw", {1, 2, 2}, {1, 0, 0, 4});
    put("blocks.0.attn.hook_scores_scaled", {1, 2, 2}, {0.70710678f, 0, 0, 2.8284271f});
    put("blocks.0.attn.hook_attn_scores", {1, 2, 2}, {0.70710678f, -INFINITY, 0, 2.8284271f});
    put("blocks.0.attn.hook_softmax_max", {1, 2, 1}, {0.70710678f, 2.8284271f});
    put("blocks.0.attn.hook_softmax_exp", {1, 2, 2}, {1, 0, 0.05910575f, 1});
    put("blocks.0.attn.hook_softmax_sum", {1, 2, 1}, {1, 1.05910575f});
    put("blocks.0.attn.hook_pattern", {1, 2, 2}, {1, 0, 0.05580723f, 0.94419277f});
    put("blocks.0.attn.hook_z", {1, 2, 2}, {1, 0, 0.05580723f, 1.88838554f});
  }
  void put(const std::string& name, std::vector<std::size_t> shape, std::vector<float> numbers) {
    values[name] = std::move(numbers), shapes[name] = std::move(shape);
  }
  Verdict verdict(const std::string& changed = "") const {
    return verify_trace(
        model, {0, 1},
        [&](const std::string& name) -> Recorded {
          const auto found = values.find(name);
          if (found == values.end()) return {};
          return {found->second.data(), nullptr, shapes.at(name)};
        },
        [&](const std::string& name) { return name == changed; }, 1e-6);
  }
};

// The same with Shaw's tables of reach 1: looking one back is worth one more to the second token.
struct ShawExample : Example {
  float keys[6] = {0, 0.70710678f, 0, 0, 1, 1};  // of the offsets -1, 0, 1
  float values_of_offsets[6] = {10, 0, 0, 1, 5, 5};

  ShawExample() {
    model.position = 'k';
    model.blocks[0].relative_keys = {keys, 3, 2};
    model.blocks[0].relative_values = {values_of_offsets, 3, 2};
    put("blocks.0.attn.hook_bias", {1, 2, 2}, {0, 0.70710678f, 1, 0});
    put("blocks.0.attn.hook_attn_scores", {1, 2, 2}, {0.70710678f, -INFINITY, 1, 2.8284271f});
    put("blocks.0.attn.hook_softmax_exp", {1, 2, 2}, {1, 0, 0.16066608f, 1});
    put("blocks.0.attn.hook_softmax_sum", {1, 2, 1}, {1, 1.16066608f});
    put("blocks.0.attn.hook_pattern", {1, 2, 2}, {1, 0, 0.13842575f, 0.86157425f});
    put("blocks.0.attn.hook_z_relative", {1, 2, 2}, {0, 1, 1.3842575f, 0.86157425f});
    put("blocks.0.attn.hook_z", {1, 2, 2}, {1, 1, 1.5226833f, 2.5847227f});
  }
};

}  // namespace

TEST_CASE("verify_trace: agrees with Shaw's positions by hand, and finds a wrong number",
          "[verify][control]") {
  const Verdict right = ShawExample().verdict();
  INFO(right.stage << " " << right.got << " " << right.want);
  CHECK(right.agrees);
  CHECK(right.checked == 15);
  for (const auto& [name, numbers] : ShawExample().values) {
    ShawExample example;
    example.values[name].back() += 0.01f;
    INFO(name);
    CHECK(example.verdict().stage == name);
  }
  ShawExample without;  // a stage that nobody recorded is an input that is missing
  without.values.erase("blocks.0.attn.hook_bias");
  CHECK(without.verdict().agrees);
  CHECK(without.verdict().without_inputs == 1);
}

TEST_CASE("verify_trace: T5's buckets widen with distance", "[verify]") {
  // 4 buckets up to distance 4: 0 and 1 token back, from 2, from 2.8 on
  Example example;
  const float table[4] = {0.5f, -1, 2, 3};
  example.model.position = 't';
  example.model.relative_bias = {table, 4, 1};
  example.model.max_distance = 4;
  example.put("blocks.0.attn.hook_bias", {1, 2, 2}, {0.5f, 0.5f, -1, 0.5f});
  example.put("blocks.0.attn.hook_attn_scores", {1, 2, 2},
              {1.20710678f, -INFINITY, -1, 3.3284271f});
  CHECK(example.verdict().stage == "blocks.0.attn.hook_softmax_max");  // of other scores
  example.put("blocks.0.attn.hook_bias", {1, 2, 2}, {0.5f, 0.5f, 2, 0.5f});
  CHECK(example.verdict().stage == "blocks.0.attn.hook_bias");
}

TEST_CASE("verify_trace: agrees with a trace computed by hand", "[verify]") {
  const Verdict verdict = Example().verdict();
  INFO(verdict.stage << " " << verdict.got << " " << verdict.want);
  CHECK(verdict.agrees);
  CHECK(verdict.checked == 13);
}

TEST_CASE("verify_trace: one wrong number in any stage is found, with its cell",
          "[verify][control]") {
  for (const auto& [name, numbers] : Example().values) {
    Example example;
    example.values[name].back() += 0.01f;
    const Verdict verdict = example.verdict();
    INFO(name);
    CHECK_FALSE(verdict.agrees);
    // the stage itself is named, or the first one before it in the order of computation that no
    // longer follows
    CHECK(verdict.stage == name);
    CHECK(verdict.where.back() + 1 == example.shapes[name].back());
  }
}

TEST_CASE("verify_trace: a stage that an intervention wrote is an input, not an error",
          "[verify]") {
  Example example;
  example.values["blocks.0.attn.hook_z"].back() = 7;
  CHECK_FALSE(example.verdict().agrees);
  CHECK(example.verdict("blocks.0.attn.hook_z").agrees);
}

TEST_CASE("verify_trace: stages without recorded inputs are counted, not passed", "[verify]") {
  Example example;
  example.values.erase("blocks.0.attn.hook_attn_scores");
  const Verdict verdict = example.verdict();
  CHECK(verdict.agrees);
  CHECK(verdict.without_inputs == 2);  // the maximum and the exponentials
}
