/// @file
/// One attention head, with every intermediate.
#pragma once

#include <headlight/attention/options.hpp>
#include <headlight/core/stage.hpp>
#include <headlight/core/tensor.hpp>

namespace headlight {

/// The three projections of a head.
template <class T>
struct HeadWeightsOf {
  MatrixOf<T> W_Q;       ///< @shape{d_model, d_head}
  MatrixOf<T> W_K;       ///< @shape{d_model, d_head}
  MatrixOf<T> W_V;       ///< @shape{d_model, d_value}
  VectorOf<T> b_Q = {};  ///< @shape{d_head}, or empty
  VectorOf<T> b_K = {};  ///< @shape{d_head}, or empty
  VectorOf<T> b_V = {};  ///< @shape{d_value}, or empty
};
using HeadWeights = HeadWeightsOf<double>;  ///< in double

/// Every number of a head, in the order computed.
template <class T>
struct HeadTraceOf {
  MatrixOf<T> query;          ///< @shape{n_query, d_head}   Q = x W_Q + b_Q
  MatrixOf<T> key;            ///< @shape{n_key, d_head}   K = x W_K + b_K
  MatrixOf<T> value;          ///< @shape{n_key, d_value}   V = x W_V + b_V
  MatrixOf<T> rotated_query;  ///< @shape{n_query, d_head}   with rotary positions only
  MatrixOf<T> rotated_key;    ///< @shape{n_key, d_head}   with rotary positions only
  MatrixOf<T> raw_scores;     ///< @shape{n_query, n_key}   Q K^T
  MatrixOf<T> scores;         ///< @shape{n_query, n_key}   S = Q K^T / sqrt(d_head)
  MatrixOf<T> bias;           ///< @shape{n_query, n_key}   position bias, when there is one
  Mask mask;                  ///< @shape{n_query, n_key}   true where visible
  MatrixOf<T> masked_scores;  ///< @shape{n_query, n_key}   S + bias, -inf where hidden
  MatrixOf<T> softmax_max;    ///< @shape{n_query, 1}   largest score of a row
  MatrixOf<T> softmax_exp;    ///< @shape{n_query, n_key}   exp(S - max)
  MatrixOf<T> softmax_sum;    ///< @shape{n_query, 1}   sum of it
  MatrixOf<T> pattern;        ///< @shape{n_query, n_key}   A, rows sum to one
  MatrixOf<T> output;         ///< @shape{n_query, d_value}   Y = A V
  std::vector<std::size_t> fully_hidden_rows;  ///< queries that see nothing; their pattern is zero
};
using HeadTrace = HeadTraceOf<double>;  ///< in double

/// Attention of one head: queries from `x`, keys and values from `memory` (self-attention: the
/// same). \f[ Y = \mathrm{softmax}(Q K^T/\sqrt{d_{head}} + \text{mask})\,V \f]
/// @param x @shape{n_query, d_model}
/// @param memory @shape{n_key, d_model of W_K}
/// @param weights  the projections
/// @param options  mask, positions, interventions
/// @return every intermediate
/// @throws ShapeError when sizes differ
/// @source Vaswani et al. 2017, 3.2.1    @booksection{05}
template <class T>
HeadTraceOf<T> attend(const MatrixOf<T>& x, const MatrixOf<T>& memory,
                      const HeadWeightsOf<T>& weights, const AttentionOptionsOf<T>& options);

/// Self-attention of one head.
/// @param x @shape{n, d_model}
/// @param weights  the projections
/// @param options  mask, positions, interventions
/// @return every intermediate
/// @throws ShapeError when sizes differ
template <class T>
HeadTraceOf<T> attend(const MatrixOf<T>& x, const HeadWeightsOf<T>& weights,
                      const AttentionOptionsOf<T>& options = {}) {
  return attend(x, x, weights, options);
}

/// Names the stages of a head: `attn.hook_q` and so on, in the order computed; empty stages are
/// left out.
/// @param trace  of a head
/// @param visit  called once a stage
template <class T>
void for_each_stage(const HeadTraceOf<T>& trace, const StageVisitorOf<T>& visit);

}  // namespace headlight
