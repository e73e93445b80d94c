/// @file
/// Lesson 18, attention and training: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Stages of 18.1. The norm of a row is the Frobenius norm of its softmax Jacobian diag(p) - p p^T:
/// the root of the sum of the squares of all its cells.
struct SaturationTrace {
  Matrix raw_scores;   ///< @shape{n_query, n_key}   query . key
  Matrix scores;       ///< @shape{n_query, n_key}   raw_scores / sqrt(d_head)
  Matrix raw_pattern;  ///< @shape{n_query, n_key}   softmax of every row of raw_scores
  Matrix pattern;      ///< @shape{n_query, n_key}   softmax of every row of scores
  Vector raw_norm;     ///< @shape{n_query}   of the Jacobian of every row of raw_pattern
  Vector norm;         ///< @shape{n_query}   of the Jacobian of every row of pattern
  double left;         ///< mean of raw_norm / mean of norm: what is left of the gradient
};

/// 18.1: what large scores leave of the gradient, without and with the division by sqrt(d_head).
/// @param query @shape{n_query, d_head}
/// @param key @shape{n_key, d_head}   two keys at least
/// @return the seven stages    @booksection{18}
SaturationTrace saturation(const Matrix& query, const Matrix& key);

}  // namespace headlight::exercise
