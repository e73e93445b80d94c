/// @file
/// Lesson 6, multi-head attention: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Stages of 06.1.
struct ConcatTrace {
  Tensor3 value;  ///< @shape{n_heads, n, d_head}   X times the columns of W_V that are head h's
  Tensor3 z;      ///< @shape{n_heads, n, d_head}   pattern value, head by head
  Matrix concatenated;  ///< @shape{n, n_heads d_head}   the heads side by side
};

/// 06.1: values are split into heads, mixed head by head, and laid side by side again.
/// @param X @shape{n, d_model}
/// @param W_V @shape{d_model, n_heads d_head}, head h owns the columns h d_head ... (h+1) d_head -
/// 1
/// @param pattern @shape{n_heads, n, n}
/// @return the three stages    @booksection{06}
ConcatTrace concat(const Matrix& X, const Matrix& W_V, const Tensor3& pattern);

/// Stages of 06.2.
struct OutputTrace {
  Matrix concatenated;  ///< @shape{n, n_heads d_head}   the heads side by side
  Matrix mixed;         ///< @shape{n, d_out}   concatenated W_O
  Matrix output;        ///< @shape{n, d_out}   mixed + b_O
  Tensor3 folded;  ///< @shape{n_heads, d_model, d_out}   what head h reads times what it writes
};

/// 06.2: the output projection, and how it disappears into the value projection.
/// @param z @shape{n_heads, n, d_head}, what every head gives
/// @param W_V @shape{d_model, n_heads d_head}, head h owns d_head columns
/// @param W_O @shape{n_heads d_head, d_out}, head h owns d_head rows
/// @param b_O @shape{d_out}
/// @return the four stages    @booksection{06}
OutputTrace w_o(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O);

/// Stages of 06.3.
struct SumTrace {
  Tensor3 contributions;  ///< @shape{n_heads, n, d_out}   z of head h times head h's rows of W_O
  Matrix output;          ///< @shape{n, d_out}   the sum over heads, and b_O once
  Matrix lengths;         ///< @shape{n_heads, n}   length of every contribution
};

/// 06.3: concatenation and W_O are a sum over heads.
/// @param z @shape{n_heads, n, d_head}, what every head gives
/// @param W_O @shape{n_heads d_head, d_out}, head h owns d_head rows
/// @param b_O @shape{d_out}
/// @return the three stages    @booksection{06}
SumTrace sum_over_heads(const Tensor3& z, const Matrix& W_O, const Vector& b_O);

}  // namespace headlight::exercise
