// The report's table as data: every row with its complexity column, how to run it, and the closed
// formulas of its counters.
#pragma once

#include <bit>
#include <headlight/mechanism/flash.hpp>
#include <headlight/mechanism/full.hpp>
#include <headlight/mechanism/linear.hpp>
#include <headlight/mechanism/local.hpp>
#include <headlight/mechanism/selective_scan.hpp>
#include <headlight/mechanism/sparse.hpp>
#include <headlight/mechanism/state_space.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/relative.hpp>
#include <string>

#include "ground.hpp"

namespace headlight::ten {

inline constexpr BigBirdOptions big_bird = {
    .block = 4, .window = 2, .global = 1, .random = 1, .seed = 3, .causal = true};

struct Measured {
  Matrix output;  // [n, d_v], or [n, d_model] for whole layers
  Work work;
};

inline RelativeWeights shaw_tables() {
  Random random(8);
  return {4, random_matrix(random, 9, d_k), random_matrix(random, 9, d_v)};
}

inline constexpr std::size_t flash_tile = 16, state_size = 16;

inline StateSpace s4_system() {
  Random random(10);
  return discretise(StateSpace{hippo_legs(state_size),
                               hippo_legs_input(state_size),
                               random_matrix(random, d, state_size),
                               {}},
                    0.02, Discretisation::bilinear);
}

inline SelectiveWeights mamba_weights() {
  Random random(13);
  return {s4d_real(d, state_size),
          random_matrix(random, d, 2, 0.3),
          random_matrix(random, 2, d, 0.3),
          random_vector(random, d, 0.3),
          random_matrix(random, d, state_size, 0.3),
          random_matrix(random, d, state_size, 0.3),
          {}};
}

// One line of the report's table, run.
struct Row {
  std::string name;    // of the mechanism
  std::string report;  // its complexity column
  std::string formula_in_words;
  std::function<Measured(const Input&)> run;
  std::function<Work(std::size_t)> formula;  // what the counters have to say for n tokens
};

// Output and counters out of any trace.
template <class Trace>
Measured measured(const Trace& trace) {
  return {trace.output, trace.work};
}

inline std::vector<Row> table_rows() {
  constexpr std::size_t both = d_k + d_v;
  const auto triangle = [](std::size_t t) { return t * (t + 1) / 2; };  // causal pairs
  const auto log2 = [](std::size_t t) { return static_cast<std::size_t>(std::bit_width(t) - 1); };
  return {
      {"1 full", "O(n^2 d), also memory",
       "full attention: n (n + 1) / 2 visible pairs times d_k + d_v, a buffer of n^2",
       [](const Input& in) { return measured(full_attention(in.Q, in.K, in.V, {.causal = true})); },
       [triangle](std::size_t t) {
         return Work{triangle(t) * both, triangle(t), t * t};
       }},
      {"2 multi-head", "O(h n^2 (d/h))",
       "multi-head: full attention times h, and 2 n d h (d_k + d_v) to project, which the report "
       "leaves out",
       [](const Input& in) {
         return measured(multi_head_counted(in.X, in.X, in.weights, {.causal = true}));
       },
       [triangle](std::size_t t) {
         return Work{n_heads * triangle(t) * both + 2 * t * d * n_heads * both,
                     n_heads * triangle(t), n_heads * t * t};
       }},
      {"3 local", "O(n w d)", "local: n w - w (w - 1) / 2 pairs times d_k + d_v, a buffer of n w",
       [](const Input& in) {
         return measured(local_attention(in.Q, in.K, in.V, {.window = window}));
       },
       [](std::size_t t) {
         const std::size_t pairs = t * window - window * (window - 1) / 2;
         return Work{pairs * both, pairs, t * window};
       }},
      {"4 sparse", "O(n k d)", "sparse: the pairs of four blocks a row at most, and no others",
       [](const Input& in) {
         return measured(
             sparse_attention(in.Q, in.K, in.V, bigbird_pattern(in.Q.shape(0), big_bird)));
       },
       [](std::size_t t) {  // block row r sees min(r + 1, 4) blocks of 4 x 4, the last one half
         const std::size_t blocks = t / 4, pairs = 16 * (4 * blocks - 6) - 6 * blocks;
         return Work{pairs * both, pairs, pairs};
       }},
      {"5 linear", "O(n d^2)", "linear: n m (2 d_v + 1) products, a state of m d_v",
       [](const Input& in) {
         return measured(linear_attention(elu_plus_one(in.Q), elu_plus_one(in.K), in.V, true));
       },
       [](std::size_t t) {
         return Work{t * d_k * (2 * d_v + 1), 0, d_k * d_v};
       }},
      {"6 flash", "O(n^2), memory by a constant",
       "flash: whole tiles on and below the diagonal, a buffer of one tile",
       [](const Input& in) {
         const FlashResult result =
             flash_attention(one_head(in.Q), one_head(in.K), one_head(in.V),
                             {.causal = true, .query_block = flash_tile, .key_block = flash_tile});
         return Measured{slice(result.output, 0), result.work};
       },
       [triangle](std::size_t t) {  // whole tiles, and one rescale for each row of each tile
         const std::size_t tiles = triangle(t / flash_tile);
         return Work{tiles * flash_tile * flash_tile * both, triangle(t) + tiles * flash_tile,
                     flash_tile * flash_tile};
       }},
      {"7 cross", "O(n_src n_tgt)",
       "cross: n_src n_tgt (d_k + d_v) products, where the report leaves out the width",
       [](const Input& in) {  // half as many targets as sources
         return measured(full_attention(rows(in.Q, 0, in.Q.shape(0) / 2), in.K, in.V));
       },
       [](std::size_t t) {
         return Work{t / 2 * t * both, t / 2 * t, t / 2 * t};
       }},
      {"8 relative, Shaw", "O(n^2), small storage",
       "relative: what full attention takes, and n (d_k + d_v) products for each of 9 offsets",
       [](const Input& in) {
         return measured(relative_attention_counted(in.Q, in.K, in.V, shaw_tables(), true));
       },
       [triangle](std::size_t t) {
         return Work{triangle(t) * both + t * 9 * both, triangle(t), t * t};
       }},
      {"9 ALiBi", "O(n^2)", "ALiBi: what full attention takes, to the last product",
       [](const Input& in) {
         return measured(full_attention(
             in.Q, in.K, in.V, {.causal = true, .alibi_slope = alibi_slopes<double>(8)(3)}));
       },
       [triangle](std::size_t t) {
         return Work{triangle(t) * both, triangle(t), t * t};
       }},
      {"10 S4, recurrence", "O(n) with FFT",
       "S4 token by token: n d (N^2 + 2 N) products, a state of d N",
       [](const Input& in) {
         return measured(state_space(in.X, s4_system(), StateSpaceOrder::recurrence));
       },
       [](std::size_t t) {
         return Work{t * d * (state_size * state_size + 2 * state_size), 0, d * state_size};
       }},
      {"10 S4, transform", "O(n log n)",
       "S4 by the transform: kernels and three transforms of 2 n for each channel",
       [](const Input& in) {
         return measured(state_space(in.X, s4_system(), StateSpaceOrder::fourier));
       },
       [log2](std::size_t t) {
         const std::size_t transforms = 3 * (t / 2 * log2(t)) + 2 * (t + 1) + t + (t + 1);
         return Work{t * (state_size * state_size + d * state_size) + 4 * d * transforms, 0, d * t};
       }},
      {"10 Mamba, scan", "O(n)", "Mamba: 5 n d N products, a state of d N",
       [](const Input& in) {
         return measured(selective_scan(in.X, select(in.X, mamba_weights())));
       },
       [](std::size_t t) {
         return Work{5 * t * d * state_size, t * d * state_size, d * state_size};
       }}};
}

}  // namespace headlight::ten
