// The one input of the table, and what the first head makes of it.
#pragma once

#include <headlight/attention/multi_head.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>

#include "support/mechanisms.hpp"

namespace headlight::ten {

using lesson::causal, lesson::columns, lesson::difference, lesson::everyone, lesson::growth;
using lesson::hidden, lesson::layers_needed, lesson::links, lesson::one_head, lesson::only;
using lesson::plain, lesson::reordered, lesson::rows, lesson::scaled, lesson::slice;
using lesson::spread_along_diagonals, lesson::zeros;

inline constexpr std::size_t n = 48, d = 16, d_k = 8, d_v = 6, n_heads = 4, window = 8;

// The one input: tokens, and what the first head makes of them.
struct Input {
  Matrix X, Q, K, V;         // [n, d_model], [n, d_k], [n, d_k], [n, d_v]
  MultiHeadWeights weights;  // of all heads; Q, K and V are head 0's
};

inline Input input_of(std::size_t tokens, std::uint64_t seed = 1) {
  Random random(seed);
  Input in;
  in.weights = {.n_heads = n_heads,
                .W_Q = random_matrix(random, d, n_heads * d_k, 0.4),
                .W_K = random_matrix(random, d, n_heads * d_k, 0.4),
                .W_V = random_matrix(random, d, n_heads * d_v, 0.4),
                .W_O = random_matrix(random, n_heads * d_v, d, 0.4)};
  in.X = random_matrix(random, tokens, d);
  in.Q = columns(matmul(in.X, in.weights.W_Q), 0, d_k);
  in.K = columns(matmul(in.X, in.weights.W_K), 0, d_k);
  in.V = columns(matmul(in.X, in.weights.W_V), 0, d_v);
  return in;
}

}  // namespace headlight::ten
