/// @file
/// Multi-head attention, with every intermediate of every head.
#pragma once

#include <headlight/attention/options.hpp>
#include <headlight/core/stage.hpp>
#include <headlight/core/tensor.hpp>
#include <string_view>

namespace headlight {

/// The projections of all heads. Head h owns the columns h*d_head ... (h+1)*d_head of W_Q, W_K
/// (d_value of W_V) and the rows h*d_value ... (h+1)*d_value of W_O.
template <class T>
struct MultiHeadWeightsOf {
  std::size_t n_heads = 1;    ///< how many heads share the columns
  MatrixOf<T> W_Q = {};       ///< @shape{d_model, n_heads * d_head}
  MatrixOf<T> W_K = {};       ///< @shape{d_model, n_heads * d_head}
  MatrixOf<T> W_V = {};       ///< @shape{d_model, n_heads * d_value}
  MatrixOf<T> W_O = {};       ///< @shape{n_heads * d_value, d_model}
  VectorOf<T> b_Q = {};       ///< @shape{n_heads * d_head}, or empty
  VectorOf<T> b_K = {};       ///< @shape{n_heads * d_head}, or empty
  VectorOf<T> b_V = {};       ///< @shape{n_heads * d_value}, or empty
  VectorOf<T> b_O = {};       ///< @shape{d_model}, or empty
  MatrixOf<T> null_key = {};  ///< @shape{n_heads, d_head}, or empty: one more key (never turned,
                              ///< its value is zero), put before all others
  MatrixOf<T> relative_keys = {};  ///< @shape{2 reach + 1, n_heads * d_head}, or empty: Shaw's a^K,
                                   ///< a row for every offset, columns of heads as in W_K
  MatrixOf<T> relative_values = {};  ///< @shape{2 reach + 1, n_heads * d_value}, or empty: a^V
};
using MultiHeadWeights = MultiHeadWeightsOf<double>;  ///< in double
using MultiHeadWeightsF = MultiHeadWeightsOf<float>;  ///< in float

/// Every number of multi-head attention, in the order computed.
template <class T>
struct MultiHeadTraceOf {
  Tensor3Of<T> query;          ///< @shape{n_heads, n_query, d_head}   Q = x W_Q + b_Q
  Tensor3Of<T> key;            ///< @shape{n_heads, n_key, d_head}   K = x W_K + b_K
  Tensor3Of<T> value;          ///< @shape{n_heads, n_key, d_value}   V = x W_V + b_V
  Tensor3Of<T> rotated_query;  ///< @shape{n_heads, n_query, d_head}   with rotary positions only
  Tensor3Of<T> rotated_key;    ///< @shape{n_heads, n_key, d_head}   with rotary positions only
  Tensor3Of<T> raw_scores;     ///< @shape{n_heads, n_query, n_key}   Q K^T
  Tensor3Of<T> scores;         ///< @shape{n_heads, n_query, n_key}   S = Q K^T / sqrt(d_head)
  Tensor3Of<T> bias;  ///< @shape{n_heads, n_query, n_key}   position bias, when there is one (of
                      ///< Shaw's positions q_i . a^K of j - i, / sqrt(d_head))
  Mask mask;          ///< @shape{n_query, n_key}   true where visible
  Tensor3Of<T> masked_scores;    ///< @shape{n_heads, n_query, n_key}   S + bias, -inf where hidden
  Tensor3Of<T> softmax_max;      ///< @shape{n_heads, n_query, 1}   largest score of a row
  Tensor3Of<T> softmax_exp;      ///< @shape{n_heads, n_query, n_key}   exp(S - max)
  Tensor3Of<T> softmax_sum;      ///< @shape{n_heads, n_query, 1}   sum of it
  Tensor3Of<T> pattern;          ///< @shape{n_heads, n_query, n_key}   A, rows sum to one
  Tensor3Of<T> relative_output;  ///< @shape{n_heads, n_query, d_value}   sum_j A_ij a^V of j - i,
                                 ///< with Shaw's positions on values only
  Tensor3Of<T> output;           ///< @shape{n_heads, n_query, d_value}   z = A V (+ the line above)
  MatrixOf<T> concatenated;      ///< @shape{n_query, n_heads * d_value}   heads side by side
  Tensor3Of<T> contribution;     ///< @shape{n_heads, n_query, d_model}   z_h times its rows of W_O
  MatrixOf<T> projected;         ///< @shape{n_query, d_model}   concatenated W_O
  MatrixOf<T> attention_output;  ///< @shape{n_query, d_model}   with b_O
  std::vector<std::size_t> fully_hidden_rows;  ///< queries that see nothing; their pattern is zero
};
using MultiHeadTrace = MultiHeadTraceOf<double>;  ///< in double
using MultiHeadTraceF = MultiHeadTraceOf<float>;  ///< in float

/// Multi-head attention into a trace that is used again: its memory is kept where the shapes are
/// the same. \f[ \mathrm{Concat}(z_1,\dots,z_h)\,W^O + b_O,\quad z_h = \mathrm{softmax}(Q_h
/// K_h^T/\sqrt{d_{head}})\,V_h \f]
/// With relative_keys (and relative_values) every head has Shaw's relative positions, as
/// relative_attention() has them.
/// @param x @shape{n_query, d_model}, where queries come from
/// @param memory @shape{n_key, d_memory}, where keys and values come from; `x` itself in
/// self-attention
/// @param weights  the projections
/// @param options  mask, positions, how much to record, interventions, threads
/// @param trace  overwritten
/// @throws ShapeError when sizes differ
/// @source Vaswani et al. 2017, 3.2.2; Shaw et al. 2018, equations 3 and 4    @booksection{06}
template <class T>
void multi_head_attention(const MatrixOf<T>& x, const MatrixOf<T>& memory,
                          const MultiHeadWeightsOf<T>& weights,
                          const AttentionOptionsOf<T>& options, MultiHeadTraceOf<T>& trace);

/// Multi-head self-attention.
/// @param x @shape{n, d_model}
/// @param weights  the projections
/// @param options  mask, positions, how much to record, interventions, threads
/// @return every intermediate
/// @throws ShapeError when sizes differ
template <class T>
MultiHeadTraceOf<T> multi_head_attention(const MatrixOf<T>& x, const MultiHeadWeightsOf<T>& weights,
                                         const AttentionOptionsOf<T>& options = {}) {
  MultiHeadTraceOf<T> trace;
  multi_head_attention(x, x, weights, options, trace);
  return trace;
}

/// Names the stages: prefix + `attn.hook_q` and so on, in the order computed; empty stages are left
/// out.
/// @param trace  of multi-head attention
/// @param prefix  "blocks.0." inside a model, empty for a lone layer
/// @param visit  called once a stage
template <class T>
void for_each_stage(const MultiHeadTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);

}  // namespace headlight
