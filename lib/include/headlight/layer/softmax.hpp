/// @file
/// Softmax of rows, with its maximum, exponentials and sum.
#pragma once

#include <headlight/core/tensor.hpp>
#include <span>

namespace headlight {

/// Every number of a softmax over rows.
template <class T>
struct SoftmaxTraceOf {
  MatrixOf<T> max;  ///< @shape{n_query, 1}   m = largest score of the row, -inf when all are hidden
  MatrixOf<T> exp;  ///< @shape{n_query, n_key}   e = exp(S - m), zero where hidden
  MatrixOf<T> sum;  ///< @shape{n_query, 1}   sum of e over the row
  MatrixOf<T> pattern;  ///< @shape{n_query, n_key}   A = e / sum, zero in a fully hidden row
};
using SoftmaxTrace = SoftmaxTraceOf<double>;  ///< in double

/// Row-wise softmax: turns scores into a pattern.
/// \f[ A_{ij} = e^{S_{ij}-m_i} / \sum_k e^{S_{ik}-m_i} \f]
/// @param scores @shape{n_query, n_key}; -inf hides a key
/// @return @shape{n_query, n_key}; every row with a visible key sums to one
/// @note a fully hidden row gives zeros
/// @source Vaswani et al. 2017, 3.2.1    @booksection{05}
template <class T>
MatrixOf<T> softmax_rows(const MatrixOf<T>& scores);

/// Row-wise softmax that keeps its maximum, exponentials and sum.
/// @param scores @shape{n_query, n_key}; -inf hides a key
/// @return all four, shapes as in SoftmaxTraceOf
template <class T>
SoftmaxTraceOf<T> softmax_trace(const MatrixOf<T>& scores);

/// One row of softmax, in memory that the caller owns.
/// @param scores @shape{n_key}
/// @param exp @shape{n_key}, overwritten; may be the memory of `pattern`
/// @param pattern @shape{n_key}, overwritten
/// @param max  receives the largest score
/// @param sum  receives the sum of the exponentials
template <class T>
void softmax_row(std::span<const T> scores, std::span<T> exp, std::span<T> pattern, T& max, T& sum);

}  // namespace headlight
