/// @file
/// Lesson 5, self-attention step by step: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Stages of 05.1.
struct ScoresTrace {
  Matrix query;   ///< @shape{n, d_head}   X W_Q
  Matrix key;     ///< @shape{n, d_head}   X W_K
  Matrix scores;  ///< @shape{n, n}   query key^T / sqrt(d_head)
};

/// 05.1: how much every token looks at every other one, before the softmax.
/// @param X @shape{n, d_model}
/// @param W_Q @shape{d_model, d_head}
/// @param W_K @shape{d_model, d_head}
/// @return the three stages    @booksection{05}
ScoresTrace scores(const Matrix& X, const Matrix& W_Q, const Matrix& W_K);

/// Stages of 05.2.
struct MaskTrace {
  Matrix masked;   ///< @shape{n, n}   scores, with -infinity where the key must not be seen
  Matrix pattern;  ///< @shape{n, n}   softmax of every row of masked
};

/// 05.2: hides the future, then turns scores into a pattern.
/// @param scores @shape{n, n}
/// @param causal  whether query i sees only keys 0 ... i; otherwise it sees all
/// @return the two stages    @booksection{05}
MaskTrace causal_mask(const Matrix& scores, bool causal);

/// Weights of a small block with one head.
struct BlockWeights {
  Matrix W_Q;   ///< @shape{d_model, d_head}
  Matrix W_K;   ///< @shape{d_model, d_head}
  Matrix W_V;   ///< @shape{d_model, d_head}
  Matrix W_O;   ///< @shape{d_head, d_model}
  Vector gain;  ///< @shape{d_model}   of LayerNorm
  Vector bias;  ///< @shape{d_model}   of LayerNorm
};

/// Stages of 05.3.
struct FullTrace {
  Matrix query;       ///< @shape{n, d_head}   X W_Q
  Matrix key;         ///< @shape{n, d_head}   X W_K
  Matrix value;       ///< @shape{n, d_head}   X W_V
  Matrix scores;      ///< @shape{n, n}   query key^T / sqrt(d_head)
  Matrix masked;      ///< @shape{n, n}   with -infinity for the future
  Matrix pattern;     ///< @shape{n, n}   softmax of every row
  Matrix z;           ///< @shape{n, d_head}   pattern value
  Matrix attention;   ///< @shape{n, d_model}   z W_O
  Matrix residual;    ///< @shape{n, d_model}   X + attention
  Matrix normalised;  ///< @shape{n, d_model}   LayerNorm of residual
};

/// 05.3: the whole of section 5: causal attention with one head, W_O, the residual, LayerNorm after
/// it.
/// @param X @shape{n, d_model}
/// @param weights  of the block
/// @return all stages; LayerNorm divides by sqrt(variance + 1e-5), variance with 1/d_model
FullTrace full_trace(const Matrix& X, const BlockWeights& weights);

}  // namespace headlight::exercise
