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

}  // namespace headlight::exercise
