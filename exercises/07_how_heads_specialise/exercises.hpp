/// @file
/// Lesson 7, how heads specialise: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Stages of 07.1.
struct JacobianTrace {
  Matrix pattern;    ///< @shape{n_query, n_key}   softmax of every row of scores
  Tensor3 jacobian;  ///< @shape{n_query, n_key, n_key}   (i, j, k): d pattern(i, j) / d scores(i,
                     ///< k)
  Matrix score_gradient;  ///< @shape{n_query, n_key}   d loss / d scores
};

/// 07.1: how a pattern answers to its scores, and what the loss tells the scores.
/// @param scores @shape{n_query, n_key}, -infinity hides a key; a fully hidden row has a zero
/// pattern
/// @param pattern_gradient @shape{n_query, n_key}   d loss / d pattern
/// @return the three stages    @booksection{07}
JacobianTrace softmax_jacobian(const Matrix& scores, const Matrix& pattern_gradient);

}  // namespace headlight::exercise
