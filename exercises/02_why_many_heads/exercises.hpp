/// @file
/// Lesson 2, why many heads: what the three exercises compute or ask.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// 02.1: cuts projected tokens into heads: head h gets columns h d_head ... (h + 1) d_head - 1.
/// @param projected @shape{n, n_heads * d_head}
/// @param n_heads  how many heads
/// @return @shape{n_heads, n, d_head}    @booksection{02}
/// @throws std::invalid_argument when n_heads is 0 or does not divide the columns
Tensor3 split_heads(const Matrix& projected, std::size_t n_heads);

/// Weights of one of the two heads of 02.2.
struct HeadWeights {
  Matrix W_Q;  ///< @shape{d_model, d_k}
  Matrix W_K;  ///< @shape{d_model, d_k}
  Matrix W_V;  ///< @shape{d_model, d_v}
};

/// Stages of 02.2. The first head comes first everywhere.
struct TwoTargets {
  Tensor3 pattern;  ///< @shape{2, n, n}   of each head: softmax of every row of Q K^T / sqrt(d_k)
  Tensor3 output;   ///< @shape{2, n, d_v}   of each head: its pattern times its values
  Matrix joined;    ///< @shape{n, 2 d_v}   the outputs side by side
};

/// 02.2: two heads look at two targets at once.
/// @param X @shape{n, d_model}
/// @param first  weights of the first head
/// @param second  weights of the second head, of the same shapes
/// @return the three stages    @booksection{02}
TwoTargets two_targets(const Matrix& X, const HeadWeights& first, const HeadWeights& second);

/// Who may have made a trace of 02.3; what each does is said in traces.hpp.
enum class Program {
  unknown,         ///< nothing is filled in
  multi_head,      ///< two heads, each with projections of its own
  one_wide_head,   ///< one head of the whole width
  shared_pattern,  ///< two heads, but the second uses the pattern of the first
  split_first,     ///< the embedding is split before it is projected
  swapped,         ///< two heads whose outputs are joined in the wrong order
};

/// What 02.3 asks: who made which trace.
struct Traces {
  Program a = Program::unknown;  ///< made trace a
  Program b = Program::unknown;  ///< made trace b
  Program c = Program::unknown;  ///< made trace c
  Program d = Program::unknown;  ///< made trace d
};

/// 02.3: which trace is multi-head attention, and what are the other three?
/// @return a program for every trace; no program made two    @booksection{02}
Traces which_is_multihead();

}  // namespace headlight::exercise
