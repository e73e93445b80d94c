/// @file
/// Cross-attention: queries from one sequence, keys and values from another, which may be kept.
#pragma once

#include <headlight/attention/multi_head.hpp>
#include <headlight/core/tensor.hpp>
#include <vector>

namespace headlight {

/// Keys and values of a source, computed once and read by any number of queries. The source is not
/// changed by being read.
template <class T>
struct SourceOf {
  Tensor3Of<T> key;                 ///< @shape{n_heads, n_source, d_head}   K = source W_K + b_K
  Tensor3Of<T> value;               ///< @shape{n_heads, n_source, d_value}   V = source W_V + b_V
  std::vector<bool> is_token = {};  ///< one entry a key; false hides padding; empty: all are tokens
};
using Source = SourceOf<double>;  ///< in double

/// Projects a source for cross_attention: the half of its work that does not depend on the target.
/// @param source @shape{n_source, d_source}
/// @param weights  the projections
/// @param is_token  one entry a key; false hides padding; empty: all are tokens
/// @return keys and values of every head
/// @throws ShapeError when sizes differ
template <class T>
SourceOf<T> keep_source(const MatrixOf<T>& source, const MultiHeadWeightsOf<T>& weights,
                        const std::vector<bool>& is_token = {});

/// Multi-head attention from a target to a source, with every intermediate.
/// \f[ z_h = \mathrm{softmax}(x W^Q_h (s W^K_h)^T/\sqrt{d_{head}})\, s W^V_h \f]
/// @param target @shape{n_target, d_model}, where queries come from
/// @param source @shape{n_source, d_source}, where keys and values come from
/// @param weights  the projections
/// @param is_token  one entry a key; false hides padding; empty: all are tokens
/// @return every intermediate; a query that sees only padding gets zeros and b_O
/// @throws ShapeError when sizes differ
/// @source Vaswani et al. 2017, 3.2.3    @booksection{17}
template <class T>
MultiHeadTraceOf<T> cross_attention(const MatrixOf<T>& target, const MatrixOf<T>& source,
                                    const MultiHeadWeightsOf<T>& weights,
                                    const std::vector<bool>& is_token = {});

/// What reading a kept source gives.
template <class T>
struct CrossTraceOf {
  Tensor3Of<T> query;            ///< @shape{n_heads, n_target, d_head}   Q = x W_Q + b_Q
  Tensor3Of<T> masked_scores;    ///< @shape{n_heads, n_target, n_source}   S, -inf at padding
  Tensor3Of<T> pattern;          ///< @shape{n_heads, n_target, n_source}   A, rows sum to one
  Tensor3Of<T> output;           ///< @shape{n_heads, n_target, d_value}   z = A V
  MatrixOf<T> attention_output;  ///< @shape{n_target, d_model}   sum of z_h W_O,h, plus b_O
};
using CrossTrace = CrossTraceOf<double>;  ///< in double

/// Multi-head attention from a target to a source that was kept: keys and values are not computed
/// again, so a decoder may come with one token at a time.
/// @param target @shape{n_target, d_model}
/// @param source  of keep_source
/// @param weights  the projections; W_K and W_V are not read
/// @return as cross_attention on the source itself
/// @throws ShapeError when sizes differ
/// @source Vaswani et al. 2017, 3.2.3    @booksection{17}
template <class T>
CrossTraceOf<T> cross_attention(const MatrixOf<T>& target, const SourceOf<T>& source,
                                const MultiHeadWeightsOf<T>& weights);

}  // namespace headlight
