/// @file
/// One head as the report's sums, one number at a time; nothing of the library computes here, and
/// sums run from the last term to the first.
#pragma once

#include <functional>
#include <headlight/attention/head.hpp>

namespace lesson {

/// What the sums give.
struct PlainHead {
  headlight::Matrix query;    ///< @shape{n, d_k}   q_i = x_i W_Q
  headlight::Matrix key;      ///< @shape{n, d_k}   k_i = x_i W_K
  headlight::Matrix value;    ///< @shape{n, d_v}   v_i = x_i W_V
  headlight::Matrix raw;      ///< @shape{n_query, n_key}   q_i . k_j
  headlight::Matrix pattern;  ///< @shape{n_query, n_key}   exp(raw / sqrt(d_k)) over its row's sum
  headlight::Matrix output;   ///< @shape{n, d_v}   sum over j of pattern_ij v_j
};

/// @param x @shape{n, d_model}  @param weights  without biases  @param causal  only j <= i is seen
/// @return every sum
PlainHead plain_head(const headlight::Matrix& x, const headlight::HeadWeights& weights,
                     bool causal = false);

/// Which outputs a token reaches: every token is changed in turn.
/// @param x @shape{n, d_model}  @param output  from inputs to one row a token
/// @return @shape{n, n}: 1 where a change of token j changes any bit of output i, else 0
headlight::Matrix reached(const headlight::Matrix& x,
                          const std::function<headlight::Matrix(const headlight::Matrix&)>& output);

}  // namespace lesson
