#include <headlight/attention/block.hpp>
#include <headlight/attention/head.hpp>

#include "read.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

// attention.json was made by PyTorch in float64 (make_attention.py beside it).

using namespace headlight;
using namespace headlight_test;
using nlohmann::json;

namespace {

const json& goldens() {
  static const json all = read("attention.json");
  return all;
}

template <class T>
NormWeightsOf<T> norm(const json& g, const std::string& which) {
  return {VectorOf<T>(vector(g["gain" + which])), VectorOf<T>(vector(g["bias" + which])),
          static_cast<T>(g["epsilon"].get<double>())};
}

}  // namespace

TEST_CASE("golden head: every stage equals PyTorch's arithmetic", "[golden]") {
  const json& g = goldens()["head"];
  const HeadWeights w{matrix(g["W_Q"]), matrix(g["W_K"]), matrix(g["W_V"]),
                      vector(g["b_Q"]), vector(g["b_K"]), vector(g["b_V"])};
  const HeadTrace t = attend<double>(matrix(g["x"]), matrix(g["memory"]), w, {.causal = true});
  CHECK_THAT(t.query, IsClose(matrix(g["q"])));
  CHECK_THAT(t.key, IsClose(matrix(g["k"])));
  CHECK_THAT(t.value, IsClose(matrix(g["v"])));
  CHECK_THAT(t.raw_scores, IsClose(matrix(g["raw"])));
  CHECK_THAT(t.scores, IsClose(matrix(g["scores"])));
  CHECK_THAT(t.masked_scores, IsClose(matrix(g["masked"])));
  CHECK_THAT(t.pattern, IsClose(matrix(g["pattern"])));
  CHECK_THAT(t.output, IsClose(matrix(g["z"])));
}

TEST_CASE("golden heads: torch.nn.MultiheadAttention with a causal mask", "[golden]") {
  const json& g = goldens()["mha_causal"];
  const MultiHeadTrace t = multi_head_attention(matrix(g["x"]), heads(g), {.causal = true});
  CHECK_THAT(t.pattern, IsClose(tensor(g["pattern"])));
  CHECK_THAT(t.attention_output, IsClose(matrix(g["output"])));
}

TEST_CASE("golden heads: torch.nn.MultiheadAttention with padding", "[golden]") {
  const json& g = goldens()["mha_padding"];
  AttentionOptions options;
  for (const json& is_token : g["is_token"]) options.is_token.push_back(is_token.get<bool>());
  const MultiHeadTrace t = multi_head_attention(matrix(g["x"]), heads(g), options);
  CHECK_THAT(t.pattern, IsClose(tensor(g["pattern"])));
  CHECK_THAT(t.attention_output, IsClose(matrix(g["output"])));
}

TEST_CASE("golden heads: torch.nn.MultiheadAttention over a memory of another width", "[golden]") {
  const json& g = goldens()["mha_cross"];
  MultiHeadTrace t;
  multi_head_attention(matrix(g["x"]), matrix(g["memory"]), heads(g), {}, t);
  CHECK_THAT(t.pattern, IsClose(tensor(g["pattern"])));
  CHECK_THAT(t.attention_output, IsClose(matrix(g["output"])));
}

TEST_CASE("golden block: torch.nn.TransformerEncoderLayer, both norm orders, three activations",
          "[golden]") {
  for (const std::string place : {"pre", "post"})
    for (const std::string activation : {"gelu", "relu", "gelu_new"}) {
      const json& g = goldens()["block_" + place + "_" + activation];
      BlockWeights w;
      w.norm1 = norm<double>(g, "1"), w.norm2 = norm<double>(g, "2");
      w.attention = heads(g);
      w.feed_forward = FeedForwardWeights{matrix(g["W_in"]), vector(g["b_in"]), matrix(g["W_out"]),
                                          vector(g["b_out"]),
                                          activation == "gelu"   ? Activation::gelu
                                          : activation == "relu" ? Activation::relu
                                                                 : Activation::gelu_new};
      w.place = place == "pre" ? NormPlace::before : NormPlace::after;
      INFO(place << " " << activation);
      CHECK_THAT(run_block(matrix(g["x"]), w, {.causal = true}).residual_post,
                 IsClose(matrix(g["output"])));
    }
}
