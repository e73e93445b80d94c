/// @file
/// Embeddings: token ids to rows.
#pragma once

#include <headlight/core/tensor.hpp>
#include <span>

namespace headlight {

/// Looks up a row for every id.
/// @param table @shape{vocabulary, d_model}
/// @param ids  n token ids
/// @param rows @shape{n, d_model}, overwritten
/// @throws std::out_of_range when an id is not in the table
template <class T>
void embed(const MatrixOf<T>& table, std::span<const std::size_t> ids, MatrixOf<T>& rows);

/// Looks up a row for every id.
/// @param table @shape{vocabulary, d_model}
/// @param ids  n token ids
/// @return @shape{n, d_model}
/// @throws std::out_of_range when an id is not in the table
template <class T>
MatrixOf<T> embed(const MatrixOf<T>& table, std::span<const std::size_t> ids) {
  MatrixOf<T> rows;
  embed(table, ids, rows);
  return rows;
}

}  // namespace headlight
