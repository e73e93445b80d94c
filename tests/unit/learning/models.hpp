/// @file
/// Small models of every kind with distinct sizes, for the tests of lib/learning.
#pragma once

#include <headlight/attention/model.hpp>
#include <headlight/core/random.hpp>
#include <headlight/learning/trainer.hpp>

namespace models {

using namespace headlight;

// What a model may differ in.
struct Kind {
  Position position = Position::learned;
  Norm norm = Norm::layer;
  bool has_norms = true;
  bool has_biases = true;
  bool is_tied = true;
  bool has_null_key = false;
  bool has_feed_forward = true;
  Activation activation = Activation::gelu_new;
  RopePairing pairing = RopePairing::halves;
  NormPlace place = NormPlace::before;
  const char* name = "";
};

// Every choice of the library at least once.
inline std::vector<Kind> all_kinds() {
  Kind gpt2;
  gpt2.name = "learned, LayerNorm, gelu_new, tied";
  Kind rope = gpt2;
  rope.position = Position::rope, rope.norm = Norm::rms, rope.has_biases = false;
  rope.is_tied = false, rope.activation = Activation::relu;
  rope.name = "rope in halves, RMSNorm, relu, untied, no biases";
  Kind interleaved = rope;
  interleaved.pairing = RopePairing::interleaved, interleaved.has_feed_forward = false;
  interleaved.name = "rope interleaved, attention only";
  Kind alibi = gpt2;
  alibi.position = Position::alibi, alibi.activation = Activation::gelu;
  alibi.name = "alibi, gelu";
  Kind sinusoidal = gpt2;
  sinusoidal.position = Position::sinusoidal, sinusoidal.has_norms = false;
  sinusoidal.name = "sinusoidal, no norms";
  Kind none = gpt2;
  none.position = Position::none, none.has_null_key = true;
  none.name = "no positions, null key";
  Kind null_rope = rope;
  null_rope.has_null_key = true, null_rope.has_biases = true;
  null_rope.name = "rope and null key";
  Kind t5 = rope;
  t5.position = Position::t5;
  t5.name = "T5's buckets";
  Kind shaw = gpt2;
  shaw.position = Position::shaw;
  shaw.name = "Shaw's vectors on keys and values";
  Kind after = gpt2;
  after.place = NormPlace::after;
  after.name = "post-norm";
  Kind shaw_after = shaw;
  shaw_after.place = NormPlace::after, shaw_after.has_feed_forward = false;
  shaw_after.norm = Norm::rms;
  shaw_after.name = "Shaw's vectors, post-norm, attention only";
  return {gpt2, rope, interleaved, alibi, sinusoidal, none, null_rope, t5, shaw, after, shaw_after};
}

inline constexpr std::size_t vocabulary = 11;

// d_model 9, three heads of 4 (d_value 5), hidden 13: no two sizes alike.
template <class T = double>
ModelWeightsOf<T> model(const Kind& kind, std::uint64_t seed = 5) {
  Random random(seed);
  const std::size_t d = 9, h = 3, d_head = 4, d_value = 5, d_hidden = 13;
  const auto norm = [&]() -> std::optional<NormWeightsOf<T>> {
    if (!kind.has_norms) return {};
    NormWeightsOf<T> w{random_vector<T>(random, d), {}, T(1e-5), kind.norm};
    if (kind.norm == Norm::layer) w.bias = random_vector<T>(random, d);
    return w;
  };
  const auto bias = [&](std::size_t size) {
    return kind.has_biases ? random_vector<T>(random, size) : VectorOf<T>::from_shape({0});
  };
  ModelWeightsOf<T> w;
  w.W_E = random_matrix<T>(random, vocabulary, d, kind.has_norms ? 1.0 : 0.3);
  w.position = kind.position;
  w.rope.pairing = kind.pairing;
  if (kind.position == Position::learned) w.W_pos = random_matrix<T>(random, 8, d);
  if (kind.position == Position::t5)  // 6 buckets: 0, 1, 2, then 3, 4, and 5 or more tokens back
    w.relative_bias = random_matrix<T>(random, 6, h), w.max_distance = 5;
  for (int layer = 0; layer < 2; ++layer) {
    BlockWeightsOf<T> b;
    b.place = kind.place;
    b.norm1 = norm();
    b.attention.n_heads = h;
    b.attention.W_Q = random_matrix<T>(random, d, h * d_head, 0.5);
    b.attention.W_K = random_matrix<T>(random, d, h * d_head, 0.5);
    b.attention.W_V = random_matrix<T>(random, d, h * d_value, 0.5);
    b.attention.W_O = random_matrix<T>(random, h * d_value, d, 0.5);
    b.attention.b_Q = bias(h * d_head), b.attention.b_K = bias(h * d_head);
    b.attention.b_V = bias(h * d_value), b.attention.b_O = bias(d);
    if (kind.has_null_key) b.attention.null_key = random_matrix<T>(random, h, d_head);
    if (kind.position == Position::shaw) {
      b.attention.relative_keys = random_matrix<T>(random, 2 * 3 + 1, h * d_head);
      b.attention.relative_values = random_matrix<T>(random, 2 * 3 + 1, h * d_value);
    }
    if (kind.has_feed_forward) {
      b.norm2 = norm();
      b.feed_forward = FeedForwardWeightsOf<T>{
          random_matrix<T>(random, d, d_hidden, 0.5), bias(d_hidden),
          random_matrix<T>(random, d_hidden, d, 0.5), bias(d), kind.activation};
    }
    w.blocks.push_back(b);
  }
  w.norm_final = norm();
  if (!kind.is_tied) w.W_U = random_matrix<T>(random, vocabulary, d, 0.5);
  return w;
}

// Random tokens; with a label mask about a third does not count.
inline Batch batch(std::size_t sequences, std::size_t n, bool masked, std::uint64_t seed = 9) {
  Random random(seed);
  Batch b;
  b.sequences = sequences, b.n = n;
  for (std::size_t i = 0; i < sequences * n; ++i) {
    b.ids.push_back(random.below(vocabulary));
    b.targets.push_back(random.below(vocabulary));
    if (masked) b.counts.push_back(random.below(3) != 0);
  }
  return b;
}

}  // namespace models
