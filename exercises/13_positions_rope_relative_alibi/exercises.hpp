/// @file
/// Lesson 13, positions: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// What rotary attention is given: projected, heads not split yet.
struct RopeInput {
  Matrix query;             ///< @shape{n_query, n_heads d_head}
  Matrix key;               ///< @shape{n_key, n_heads d_head}
  Matrix value;             ///< @shape{n_key, n_heads d_head}
  Vector query_positions;   ///< @shape{n_query}, not always 0, 1, 2, ... and not always whole
  Vector key_positions;     ///< @shape{n_key}
  std::size_t n_heads = 1;  ///< head h owns the columns h d_head ... (h+1) d_head - 1
  double base = 10000;      ///< of the geometric sequence of speeds
};

/// Stages of 13.1.
struct RopeTrace {
  Vector theta;    ///< @shape{d_head/2}   radians a token: base^(-2t/d_head) for pair t
  Tensor3 query;   ///< @shape{n_heads, n_query, d_head}   pairs turned by position theta
  Tensor3 key;     ///< @shape{n_heads, n_key, d_head}   the same for keys
  Tensor3 value;   ///< @shape{n_heads, n_key, d_head}   split into heads, not turned
  Tensor3 scores;  ///< @shape{n_heads, n_query, n_key}   query key^T / sqrt(d_head)
};

/// 13.1: rotary positions: queries and keys turn, pair by pair, by an angle that grows with their
/// position; coordinate 2t turns with 2t + 1.
/// @param input  queries, keys, values and where they stand
/// @return the five stages    @booksection{13}
RopeTrace rope(const RopeInput& input);

/// Stages of 13.2.
struct RelativeTrace {
  Matrix offset;    ///< @shape{n_query, n_key}   key position minus query position, clipped
  Tensor3 bias;     ///< @shape{n_heads, n_query, n_key}   table of the head at offset + reach
  Tensor3 scores;   ///< @shape{n_heads, n_query, n_key}   query key^T / sqrt(d_head) + bias
  Tensor3 pattern;  ///< @shape{n_heads, n_query, n_key}   softmax of every row
};

/// 13.2: a learned bias for every offset, one table a head.
/// @param query @shape{n_heads, n_query, d_head}, the last n_query of the n_key positions
/// @param key @shape{n_heads, n_key, d_head}, at the positions 0 ... n_key - 1
/// @param table @shape{n_heads, 2 reach + 1}, columns are the offsets -reach ... reach
/// @return the four stages    @booksection{13}
RelativeTrace relative_bias(const Tensor3& query, const Tensor3& key, const Matrix& table);

/// Stages of 13.3.
struct AlibiTrace {
  Vector slopes;    ///< @shape{n_heads}   positive, one a head
  Tensor3 bias;     ///< @shape{n_heads, n_query, n_key}   minus slope times distance
  Tensor3 masked;   ///< @shape{n_heads, n_query, n_key}   scores + bias, -infinity for later keys
  Tensor3 pattern;  ///< @shape{n_heads, n_query, n_key}   softmax of every row
};

/// 13.3: ALiBi in a decoder: what is far away counts less, for every head by another slope.
/// @param scores @shape{n_heads, n_query, n_key}, scaled already; the queries are the last n_query
/// of the n_key positions
/// @return the four stages; what stands in the bias of later keys is not judged @booksection{13}
AlibiTrace alibi(const Tensor3& scores);

}  // namespace headlight::exercise
