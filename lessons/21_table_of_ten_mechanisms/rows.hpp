// The report's table as data: every row with its complexity column, how to run it, and the closed
// formulas of its counters.
#pragma once

#include <bit>
#include <headlight/mechanism/flash.hpp>
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

inline Measured counted(const Matrix& Q, const Matrix& K, const Matrix& V, const Bias& bias) {
  Measured m;
  m.output = plain(Q, K, V, bias, nullptr, &m.work);
  return m;
}

inline void add(Work& sum, const Work& part) {  // buffers held at the same time
  sum.multiply_adds += part.multiply_adds, sum.exponentials += part.exponentials;
  sum.largest_buffer += part.largest_buffer;
}

// A whole layer: projections, heads held side by side, W^O.
inline Measured all_heads(const Input& in) {
  Measured layer;
  const std::size_t tokens = in.X.shape(0);
  const auto project = [&](const Matrix& x, const Matrix& W) {
    Matrix y = zeros(x.shape(0), W.shape(1));
    for (std::size_t i = 0; i < y.shape(0); ++i)
      for (std::size_t k = 0; k < x.shape(1); ++k) {
        for (std::size_t c = 0; c < y.shape(1); ++c) y(i, c) += x(i, k) * W(k, c);
        layer.work.multiply_adds += y.shape(1);
      }
    return y;
  };
  const Matrix Q = project(in.X, in.weights.W_Q), K = project(in.X, in.weights.W_K),
               V = project(in.X, in.weights.W_V);
  Matrix side_by_side = zeros(tokens, n_heads * d_v);
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Measured head = counted(columns(Q, h * d_k, d_k), columns(K, h * d_k, d_k),
                                  columns(V, h * d_v, d_v), causal);
    add(layer.work, head.work);
    for (std::size_t i = 0; i < tokens; ++i)
      for (std::size_t c = 0; c < d_v; ++c) side_by_side(i, h * d_v + c) = head.output(i, c);
  }
  layer.output = project(side_by_side, in.weights.W_O);
  return layer;
}

// Shaw's scores and outputs from tables: every query meets the 2 reach + 1 rows once.
inline Measured shaw(const Input& in, const RelativeWeights& a, bool keeps_all_vectors) {
  const std::size_t tokens = in.Q.shape(0), n_rows = 2 * a.reach + 1;
  Measured m;
  const auto row = [&](std::size_t i, std::size_t j) {
    return relative_row(static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(i), a.reach);
  };
  Matrix met = zeros(tokens, n_rows), pattern;  // q_i . a^K_r
  for (std::size_t i = 0; i < tokens; ++i)
    for (std::size_t r = 0; r < n_rows; ++r, m.work.multiply_adds += d_k)
      for (std::size_t c = 0; c < d_k; ++c) met(i, r) += in.Q(i, c) * a.keys(r, c);
  Work content;
  m.output = plain(
      in.Q, in.K, in.V,
      [&](std::size_t i, std::size_t j) {
        return j <= i ? met(i, row(i, j)) / std::sqrt(static_cast<double>(d_k)) : hidden;
      },
      &pattern, &content);
  Matrix share = zeros(tokens, n_rows);  // weight that the query gives to each row
  for (std::size_t i = 0; i < tokens; ++i) {
    for (std::size_t j = 0; j < tokens; ++j) share(i, row(i, j)) += pattern(i, j);
    for (std::size_t r = 0; r < n_rows; ++r, m.work.multiply_adds += d_v)
      for (std::size_t c = 0; c < d_v; ++c) m.output(i, c) += share(i, r) * a.values(r, c);
  }
  const std::size_t tables = keeps_all_vectors ? tokens * tokens * d_k : tokens * n_rows;
  add(m.work, content);
  m.work.largest_buffer = std::max(content.largest_buffer, tables);
  return m;
}

inline RelativeWeights shaw_tables() {
  Random random(8);
  return {4, random_matrix(random, 9, d_k), random_matrix(random, 9, d_v)};
}

inline constexpr std::size_t flash_tile = 16, state_size = 16;

inline Measured in_tiles(const Input& in) {
  std::vector<FlashTileOf<double>> tiles;
  Measured m;
  m.output = slice(
      flash_attention(one_head(in.Q), one_head(in.K), one_head(in.V),
                      {.causal = true, .query_block = flash_tile, .key_block = flash_tile}, &tiles)
          .output,
      0);
  for (const FlashTileOf<double>& tile : tiles) {  // flash tells its tiles; each is computed whole
    const std::size_t cells =
        tile.max.size() * std::min(flash_tile, in.K.shape(0) - tile.first_key);
    m.work.multiply_adds += cells * (d_k + d_v), m.work.exponentials += cells;
    m.work.hold(cells);
  }
  return m;
}

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
  std::function<Measured(const Input&)> run;
  std::function<Work(std::size_t)> formula;  // what the counters have to say for n tokens
};

inline std::vector<Row> table_rows() {
  constexpr std::size_t both = d_k + d_v;
  const auto quadratic = [](std::size_t t) { return Work{t * t * both, t * t, t * t}; };
  const auto log2 = [](std::size_t t) { return static_cast<std::size_t>(std::bit_width(t) - 1); };
  return {
      {"1 full", "O(n^2 d), also memory",
       [](const Input& in) { return counted(in.Q, in.K, in.V, causal); }, quadratic},
      {"2 multi-head", "O(h n^2 (d/h))", all_heads,
       [](std::size_t t) {
         return Work{n_heads * t * t * both + 2 * t * d * n_heads * both, n_heads * t * t,
                     n_heads * t * t};
       }},
      {"3 local", "O(n w d)",
       [](const Input& in) {
         const LocalTrace t = local_attention(in.Q, in.K, in.V, {.window = window});
         return Measured{t.output, t.work};
       },
       [](std::size_t t) {
         const std::size_t pairs = t * window - window * (window - 1) / 2;
         return Work{pairs * both, pairs, t * window};
       }},
      {"4 sparse", "O(n k d)",
       [](const Input& in) {
         const SparseTrace t =
             sparse_attention(in.Q, in.K, in.V, bigbird_pattern(in.Q.shape(0), big_bird));
         return Measured{t.output, t.work};
       },
       [](std::size_t t) {  // block row r sees min(r + 1, 4) blocks of 4 x 4, the last one half
         const std::size_t blocks = t / 4, pairs = 16 * (4 * blocks - 6) - 6 * blocks;
         return Work{pairs * both, pairs, pairs};
       }},
      {"5 linear", "O(n d^2)",
       [](const Input& in) {
         const LinearTrace t = linear_attention(elu_plus_one(in.Q), elu_plus_one(in.K), in.V, true);
         return Measured{t.output, t.work};
       },
       [](std::size_t t) {
         return Work{t * d_k * (2 * d_v + 1), 0, d_k * d_v};
       }},
      {"6 flash", "O(n^2), memory by a constant", in_tiles,
       [](std::size_t t) {
         const std::size_t blocks = t / flash_tile,
                           cells = blocks * (blocks + 1) / 2 * flash_tile * flash_tile;
         return Work{cells * both, cells, flash_tile * flash_tile};
       }},
      {"7 cross", "O(n_src n_tgt)",
       [](const Input& in) {  // half as many targets as sources
         return counted(rows(in.Q, 0, in.Q.shape(0) / 2), in.K, in.V, everyone);
       },
       [](std::size_t t) {
         return Work{t / 2 * t * both, t / 2 * t, t / 2 * t};
       }},
      {"8 relative", "O(n^2), small storage",
       [](const Input& in) { return shaw(in, shaw_tables(), false); },
       [](std::size_t t) {
         return Work{t * t * both + t * 9 * both, t * t, t * t};
       }},
      {"9 ALiBi", "O(n^2)",
       [](const Input& in) {
         const Vector m = alibi_slopes<double>(8);
         return counted(in.Q, in.K, in.V, [&](std::size_t i, std::size_t j) {
           return j <= i ? -m(3) * static_cast<double>(i - j) : hidden;
         });
       },
       quadratic},
      {"10 S4, recurrence", "O(n) with FFT",
       [](const Input& in) {
         const StateSpaceTrace t = state_space(in.X, s4_system(), StateSpaceOrder::recurrence);
         return Measured{t.output, t.work};
       },
       [](std::size_t t) {
         return Work{t * d * (state_size * state_size + 2 * state_size), 0, d * state_size};
       }},
      {"10 S4, transform", "O(n log n)",
       [](const Input& in) {
         const StateSpaceTrace t = state_space(in.X, s4_system(), StateSpaceOrder::fourier);
         return Measured{t.output, t.work};
       },
       [log2](std::size_t t) {
         const std::size_t transforms = 3 * (t / 2 * log2(t)) + 2 * (t + 1) + t + (t + 1);
         return Work{t * (state_size * state_size + d * state_size) + 4 * d * transforms, 0, d * t};
       }},
      {"10 Mamba, scan", "O(n)",
       [](const Input& in) {
         const SelectiveTrace t = selective_scan(in.X, select(in.X, mamba_weights()));
         return Measured{t.output, t.work};
       },
       [](std::size_t t) {
         return Work{5 * t * d * state_size, t * d * state_size, d * state_size};
       }}};
}

}  // namespace headlight::ten
