#include <headlight/mechanism/flash.hpp>
#include <headlight/mechanism/full.hpp>
#include <headlight/mechanism/hydra.hpp>
#include <headlight/mechanism/linear.hpp>
#include <headlight/mechanism/local.hpp>
#include <headlight/mechanism/performer.hpp>
#include <headlight/mechanism/sparse.hpp>
#include <headlight/mechanism/token_mixing.hpp>

#include "read.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

// mechanisms.json was made by PyTorch in float64 (make_mechanisms.py beside it).

using namespace headlight;
using namespace headlight_test;

namespace {

const json& mechanism_golden(const std::string& name) {
  static const json all = read("mechanisms.json");
  return all.at(name);
}

struct Input {
  Matrix q = matrix(mechanism_golden("input")["q"]), k = matrix(mechanism_golden("input")["k"]),
         v = matrix(mechanism_golden("input")["v"]);
};

Tensor3 one_head(const Matrix& a) {
  Tensor3 t = Tensor3::from_shape({1, a.shape(0), a.shape(1)});
  std::copy(a.begin(), a.end(), t.begin());
  return t;
}

Matrix only_head(const Tensor3& a) {
  Matrix m = Matrix::from_shape({a.shape(1), a.shape(2)});
  std::copy(a.begin(), a.end(), m.begin());
  return m;
}

}  // namespace

TEST_CASE("golden full_attention: torch.softmax, two-sided and causal", "[golden]") {
  const Input in;
  CHECK_THAT(full_attention(in.q, in.k, in.v).output,
             IsClose(matrix(mechanism_golden("full")["output"])));
  CHECK_THAT(full_attention(in.q, in.k, in.v, {.causal = true}).output,
             IsClose(matrix(mechanism_golden("causal")["output"])));
}

TEST_CASE("golden flash_attention: torch.logsumexp and autograd's gradients", "[golden]") {
  const Input in;
  const Tensor3 q = one_head(in.q), k = one_head(in.k), v = one_head(in.v);
  for (const char* name : {"full", "causal"}) {
    INFO(name);
    const json& g = mechanism_golden(name);
    const FlashOptions options = {
        .causal = std::string(name) == "causal", .query_block = 4, .key_block = 3};
    const FlashResult result = flash_attention(q, k, v, options);
    CHECK_THAT(only_head(result.output), IsClose(matrix(g["output"])));
    Vector log_sum_exp = Vector::from_shape({11});
    std::copy(result.log_sum_exp.begin(), result.log_sum_exp.end(), log_sum_exp.begin());
    CHECK_THAT(log_sum_exp, IsClose(vector(g["log_sum_exp"])));
    const FlashGradientOf<double> back =
        flash_backward(q, k, v, result, one_head(matrix(g["dy"])), options);
    CHECK_THAT(only_head(back.query), IsClose(matrix(g["dq"])));
    CHECK_THAT(only_head(back.key), IsClose(matrix(g["dk"])));
    CHECK_THAT(only_head(back.value), IsClose(matrix(g["dv"])));
  }
}

TEST_CASE("golden multi_head_counted: torch.nn.MultiheadAttention, itself, padded, across",
          "[golden]") {
  const json all = read("attention.json");
  const json &self = all["mha_causal"], &padded = all["mha_padding"], &cross = all["mha_cross"];
  const Matrix x = matrix(self["x"]);
  CHECK_THAT(multi_head_counted(x, x, heads(self), {.causal = true}).output,
             IsClose(matrix(self["output"])));
  FullOptions options;
  for (const json& is_token : padded["is_token"]) options.is_token.push_back(is_token.get<bool>());
  const Matrix y = matrix(padded["x"]);
  CHECK_THAT(multi_head_counted(y, y, heads(padded), options).output,
             IsClose(matrix(padded["output"])));
  CHECK_THAT(multi_head_counted(matrix(cross["x"]), matrix(cross["memory"]), heads(cross)).output,
             IsClose(matrix(cross["output"])));
}

TEST_CASE("golden patterns: torch.softmax over what a window, globals and blocks leave",
          "[golden]") {
  const Input in;
  CHECK_THAT(local_attention(in.q, in.k, in.v, {.window = 4}).output,
             IsClose(matrix(mechanism_golden("window")["causal"])));
  CHECK_THAT(local_attention(in.q, in.k, in.v, {.window = 4, .causal = false}).output,
             IsClose(matrix(mechanism_golden("window")["two_sided"])));
  const auto globals = mechanism_golden("longformer")["globals"].get<std::vector<std::size_t>>();
  CHECK_THAT(sparse_attention(in.q, in.k, in.v, longformer_pattern(11, 2, globals, false)).output,
             IsClose(matrix(mechanism_golden("longformer")["output"])));
  CHECK_THAT(sparse_attention(in.q, in.k, in.v, longformer_pattern(11, 2, globals, true)).output,
             IsClose(matrix(mechanism_golden("longformer")["causal"])));
  const BlockPattern blocks = bigbird_pattern(11, {.block = 3, .window = 2, .global = 1});
  CHECK_THAT(sparse_attention(in.q, in.k, in.v, blocks).output,
             IsClose(matrix(mechanism_golden("bigbird")["output"])));
}

TEST_CASE("golden full_attention: ALiBi's slope, and T5's learned bias on unscaled scores",
          "[golden]") {
  const Input in;
  CHECK_THAT(full_attention(
                 in.q, in.k, in.v,
                 {.causal = true, .alibi_slope = mechanism_golden("alibi")["slope"].get<double>()})
                 .output,
             IsClose(matrix(mechanism_golden("alibi")["output"])));
  const Matrix bias = matrix(mechanism_golden("learned_bias")["bias"]);
  CHECK_THAT(full_attention(in.q, in.k, in.v, {.bias = &bias, .scale = 1}).output,
             IsClose(matrix(mechanism_golden("learned_bias")["output"])));
}

TEST_CASE("golden linear_attention: torch's elu and cumsum, and Performer's features", "[golden]") {
  const Input in;
  const json &linear = mechanism_golden("linear"), &performer = mechanism_golden("performer");
  const Matrix q = elu_plus_one(in.q), k = elu_plus_one(in.k);
  CHECK_THAT(q, IsClose(matrix(linear["query_features"])));
  CHECK_THAT(linear_attention(q, k, in.v, false).output, IsClose(matrix(linear["output"])));
  CHECK_THAT(linear_attention(q, k, in.v, true).output, IsClose(matrix(linear["causal"])));
  const Matrix directions = matrix(performer["directions"]);
  CHECK_THAT(favor_features(in.q, directions), IsClose(matrix(performer["query_features"])));
  CHECK_THAT(performer_attention(in.q, in.k, in.v, directions, false).output,
             IsClose(matrix(performer["output"])));
}

TEST_CASE("golden token_mixing and hydra_attention: torch.nn's modules and normalize", "[golden]") {
  const json &mixer = mechanism_golden("mixer"), &hydra = mechanism_golden("hydra");
  TokenMixingWeights w;
  w.norm = {vector(mixer["gain"]), vector(mixer["bias"]), mixer["epsilon"].get<double>()};
  w.mixer = {matrix(mixer["W_in"]), vector(mixer["b_in"]), matrix(mixer["W_out"]),
             vector(mixer["b_out"]), Activation::gelu};
  CHECK_THAT(token_mixing(matrix(mixer["x"]), w).output, IsClose(matrix(mixer["output"])));
  const Matrix q = matrix(hydra["q"]), k = matrix(hydra["k"]), v = matrix(hydra["v"]);
  CHECK_THAT(hydra_attention(q, k, v, false).output, IsClose(matrix(hydra["output"])));
  CHECK_THAT(hydra_attention(q, k, v, true).output, IsClose(matrix(hydra["causal"])));
}
