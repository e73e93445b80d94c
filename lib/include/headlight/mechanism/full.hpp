/// @file
/// Softmax attention over all pairs as a mechanism that counts: plain, with a bias on distance
/// (ALiBi), with Shaw's relative positions, and with several heads.
#pragma once

#include <headlight/attention/multi_head.hpp>
#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>
#include <headlight/position/relative.hpp>
#include <vector>

namespace headlight {

/// Who is seen, and what is added to the scores.
template <class T>
struct FullOptionsOf {
  bool causal = false;              ///< hide the future; hidden cells are not computed
  std::vector<bool> is_token = {};  ///< one entry a key; false hides padding; empty: all are tokens
  double alibi_slope = 0;           ///< subtracted once for every step between key and query
  const MatrixOf<T>* bias = nullptr;  ///< @shape{n_query, n_key} added to the scaled scores
  double scale = 0;                   ///< factor of the raw scores; 0 means 1/sqrt(d_head)
};
using FullOptions = FullOptionsOf<double>;  ///< in double

/// Every number of softmax attention over all pairs.
template <class T>
struct FullTraceOf {
  MatrixOf<T> masked_scores;  ///< @shape{n_query, n_key}   S + bias, -inf where hidden
  MatrixOf<T> pattern;        ///< @shape{n_query, n_key}   A, rows sum to one
  MatrixOf<T> output;  ///< @shape{n_query, d_value}   A V; zero for a query that sees nothing
  Work work;           ///< what it cost
};
using FullTrace = FullTraceOf<double>;  ///< in double

/// Softmax attention over all pairs: the first row of the table, and what all others are measured
/// against. With queries of one sequence and keys of another it is cross-attention. With fewer
/// queries than keys a causal query is one of the last positions.
/// \f[ Y = \mathrm{softmax}(Q K^T/\sqrt{d_{head}} + B)\,V \f]
/// @param query @shape{n_query, d_head}
/// @param key @shape{n_key, d_head}
/// @param value @shape{n_key, d_value}
/// @param options  mask and bias
/// @return every intermediate
/// @throws ShapeError when sizes differ, or a causal mask meets more queries than keys
/// @source Vaswani et al. 2017, 3.2.1; Press, Smith, Lewis 2022 (the slope)    @booksection{21}
template <class T>
FullTraceOf<T> full_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                              const MatrixOf<T>& value, const FullOptionsOf<T>& options = {});

/// Shaw's relative positions, counted: an offset's product with the query is computed once, not
/// once a pair, and no buffer of n x n x d_head is held.
/// \f[ S_{ij} = q_i\,(k_j + a^K_{j-i})^T/\sqrt{d_{head}},\quad
///     y_i = \sum_j A_{ij}\,(v_j + a^V_{j-i}) \f]
/// @param query @shape{n, d_head}
/// @param key @shape{n, d_head}
/// @param value @shape{n, d_value}
/// @param weights  both tables
/// @param causal  hide the future
/// @return every intermediate
/// @throws ShapeError when sizes differ
/// @source Shaw, Uszkoreit, Vaswani 2018; Huang et al. 2018 (the order)    @booksection{21}
template <class T>
FullTraceOf<T> relative_attention_counted(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                          const MatrixOf<T>& value,
                                          const RelativeWeightsOf<T>& weights, bool causal);

/// Every number of multi-head attention that counts.
template <class T>
struct HeadsTraceOf {
  Tensor3Of<T> query;                ///< @shape{n_heads, n_query, d_head}   Q = x W_Q
  Tensor3Of<T> key;                  ///< @shape{n_heads, n_key, d_head}   K = x W_K
  Tensor3Of<T> value;                ///< @shape{n_heads, n_key, d_value}   V = x W_V
  std::vector<FullTraceOf<T>> head;  ///< what each head did
  MatrixOf<T> output;                ///< @shape{n_query, d_model}   sum of z_h W_O,h
  Work work;                         ///< what it cost; all heads' scores are held at once
};
using HeadsTrace = HeadsTraceOf<double>;  ///< in double

/// Multi-head attention, counted.
/// @param x @shape{n_query, d_model}
/// @param memory @shape{n_key, d_memory}; x itself in self-attention
/// @param weights  the projections; biases are added, a null key is refused
/// @param options  mask and bias, the same for every head
/// @return every intermediate
/// @throws ShapeError when sizes differ
/// @source Vaswani et al. 2017, 3.2.2    @booksection{21}
template <class T>
HeadsTraceOf<T> multi_head_counted(const MatrixOf<T>& x, const MatrixOf<T>& memory,
                                   const MultiHeadWeightsOf<T>& weights,
                                   const FullOptionsOf<T>& options = {});

}  // namespace headlight
