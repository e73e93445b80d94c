/// @file
/// Shaw's relative positions: a learned vector for every offset, added to keys and to values.
#pragma once

#include <cstddef>
#include <headlight/core/tensor.hpp>
#include <vector>

namespace headlight {

/// Two tables with a row for every offset from -reach to +reach.
template <class T>
struct RelativeWeightsOf {
  std::size_t reach = 1;    ///< k of the paper: farther offsets share the row of the farthest
  MatrixOf<T> keys;         ///< @shape{2 reach + 1, d_head}   a^K, added to keys
  MatrixOf<T> values = {};  ///< @shape{2 reach + 1, d_value}   a^V, added to values, or empty
};
using RelativeWeights = RelativeWeightsOf<double>;  ///< in double

/// Every number of one head with relative positions, in the order computed.
template <class T>
struct RelativeTraceOf {
  MatrixOf<T> content_scores;   ///< @shape{n_query, n_key}   q_i . k_j / sqrt(d_head)
  MatrixOf<T> position_scores;  ///< @shape{n_query, n_key}   q_i . a^K of j - i, / sqrt(d_head)
  MatrixOf<T> scores;           ///< @shape{n_query, n_key}   their sum
  MatrixOf<T> masked_scores;    ///< @shape{n_query, n_key}   -inf where hidden
  MatrixOf<T> pattern;          ///< @shape{n_query, n_key}   A, rows sum to one
  MatrixOf<T> content_output;   ///< @shape{n_query, d_value}   A V
  MatrixOf<T> position_output;  ///< @shape{n_query, d_value}   sum_j A_ij a^V of j - i
  MatrixOf<T> output;           ///< @shape{n_query, d_value}   their sum
};
using RelativeTrace = RelativeTraceOf<double>;  ///< in double

/// The row of an offset in the tables: clipped to the reach, then counted from zero.
/// \f[ \min(\max(offset, -k), k) + k \f]
/// @param offset  key position minus query position
/// @param reach  k
/// @return 0 ... 2 reach
/// @source Shaw et al. 2018, 3.2    @booksection{13}
std::size_t relative_row(std::ptrdiff_t offset, std::size_t reach);

/// One head of attention with relative positions on keys and values.
/// \f[ e_{ij} = q_i\,(k_j + a^K_{j-i})^T/\sqrt{d_{head}},\quad
///     z_i = \sum_j A_{ij}\,(v_j + a^V_{j-i}) \f]
/// Queries and keys stand at the positions 0, 1, 2, ...; with fewer queries than keys the queries
/// are the last positions.
/// @param query @shape{n_query, d_head}
/// @param key @shape{n_key, d_head}
/// @param value @shape{n_key, d_value}
/// @param weights  the two tables
/// @param mask @shape{n_query, n_key}, true where visible; null: everything is
/// @return every intermediate
/// @throws ShapeError when sizes differ or n_query > n_key
/// @source Shaw et al. 2018, equations 3 and 4    @booksection{13}
template <class T>
RelativeTraceOf<T> relative_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                      const MatrixOf<T>& value, const RelativeWeightsOf<T>& weights,
                                      const Mask* mask = nullptr);

}  // namespace headlight
