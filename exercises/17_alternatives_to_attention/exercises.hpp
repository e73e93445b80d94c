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

}  // namespace headlight::exercise
