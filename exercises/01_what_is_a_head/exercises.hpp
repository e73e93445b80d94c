/// @file
/// Lesson 1, what an attention head is: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Stages of 01.1.
struct Projections {
  Matrix query;  ///< @shape{n, d_k}   X W_Q
  Matrix key;    ///< @shape{n, d_k}   X W_K
  Matrix value;  ///< @shape{n, d_v}   X W_V
};

/// 01.1: the three things that a head makes of every token.
/// @param X @shape{n, d_model}
/// @param W_Q @shape{d_model, d_k}
/// @param W_K @shape{d_model, d_k}
/// @param W_V @shape{d_model, d_v}
/// @return the three stages    @booksection{01}
Projections project(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V);

/// Stages of 01.2.
struct SoftmaxTrace {
  Matrix shifted;  ///< @shape{n_query, n_key}   scores minus the largest of their row
  Matrix weight;   ///< @shape{n_query, n_key}   e to the power of shifted
  Matrix pattern;  ///< @shape{n_query, n_key}   weight, every row divided by its sum
};

/// 01.2: softmax of every row: from scores to weights that sum to one.
/// @param scores @shape{n_query, n_key}; -infinity hides a key, no row is hidden completely
/// @return the three stages    @booksection{01}
SoftmaxTrace softmax_row(const Matrix& scores);

/// Stages of 01.3.
struct OneHead {
  Matrix query;    ///< @shape{n, d_k}   X W_Q
  Matrix key;      ///< @shape{n, d_k}   X W_K
  Matrix value;    ///< @shape{n, d_v}   X W_V
  Matrix scores;   ///< @shape{n, n}   query key^T / sqrt(d_k)
  Matrix pattern;  ///< @shape{n, n}   softmax of every row of scores
  Matrix output;   ///< @shape{n, d_v}   pattern value
};

/// 01.3: a whole head without a mask: softmax(Q K^T / sqrt(d_k)) V.
/// @param X @shape{n, d_model}
/// @param W_Q @shape{d_model, d_k}
/// @param W_K @shape{d_model, d_k}
/// @param W_V @shape{d_model, d_v}
/// @return all stages    @booksection{01}
OneHead one_head(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V);

}  // namespace headlight::exercise
