/// @file
/// Lesson 17, alternatives to attention: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Stages of 17.1.
struct LinearTrace {
  Matrix
      query_features;   ///< @shape{n_query, d_head}   phi(query), phi(x) = x + 1 above 0, else e^x
  Matrix key_features;  ///< @shape{n_key, d_head}   phi(key)
  Matrix numerator;     ///< @shape{n_query, d_value}   sum over seen j of (phi(q_i) . phi(k_j)) v_j
  Vector normaliser;    ///< @shape{n_query}   sum over seen j of phi(q_i) . phi(k_j)
  Matrix output;        ///< @shape{n_query, d_value}   numerator / normaliser, row by row
};

/// 17.1: attention with a feature map in place of the softmax.
/// @param query @shape{n_query, d_head}
/// @param key @shape{n_key, d_head}
/// @param value @shape{n_key, d_value}
/// @param causal  whether query i sees only keys 0 ... i (then n_query = n_key); otherwise all
/// @return the five stages    @booksection{17}
LinearTrace linear_attention(const Matrix& query, const Matrix& key, const Matrix& value,
                             bool causal);

/// Stages of 17.2, recorded after every block of keys. A score is query . key / sqrt(d_head).
struct FlashTrace {
  Matrix maximum;       ///< @shape{n_blocks, n_query}   largest score so far, -infinity without any
  Matrix sum;           ///< @shape{n_blocks, n_query}   sum so far of e^(score - maximum)
  Tensor3 accumulated;  ///< @shape{n_blocks, n_query, d_value}   sum so far of e^(score - maximum)
                        ///< value
  Matrix output;        ///< @shape{n_query, d_value}   attention; zero where no key was seen
};

/// 17.2: exact attention without a matrix of all scores, block by block.
/// @param query @shape{n_query, d_head}
/// @param key @shape{n_key, d_head}
/// @param value @shape{n_key, d_value}
/// @param is_token @shape{n_key}   1, or 0 for padding: such a key is hidden from everybody
/// @param block  keys a block; the last block may have fewer
/// @return the four stages    @booksection{17}
FlashTrace flash_blocks(const Matrix& query, const Matrix& key, const Matrix& value,
                        const Vector& is_token, std::size_t block);

/// Stages of 17.3.
struct ScanTrace {
  Vector factor;  ///< @shape{d_state}   e^(step pole): what a step leaves of a state
  Vector entry;   ///< @shape{d_state}   (factor - 1) / pole B: what one input adds to a state
  Vector kernel;  ///< @shape{n}   kernel(k) = sum over states of C factor^k entry
  Matrix output;  ///< @shape{n, d_model}   sum over k <= t of kernel(k) input(t - k, c)
};

/// 17.3: a state-space layer with a diagonal matrix, state' = pole state + B input, output = C
/// state, in steps in which the input stands still (zero-order hold). Every channel of the input
/// runs through the same system, with states of its own that begin at zero.
/// @param input @shape{n, d_model}
/// @param pole @shape{d_state}   negative
/// @param B @shape{d_state}   how the input enters
/// @param C @shape{d_state}   how the output reads
/// @param step  time between tokens
/// @return the four stages    @booksection{17}
ScanTrace ssm_scan(const Matrix& input, const Vector& pole, const Vector& B, const Vector& C,
                   double step);

}  // namespace headlight::exercise
