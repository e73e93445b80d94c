/// @file
/// Learned positions: an absolute code that is a table of parameters, added to the embeddings.
#pragma once

#include <headlight/core/tensor.hpp>

namespace headlight {

/// The rows of the table for n positions in a row. Beyond its last row there is nothing to look up:
/// such a model has no answer at all for longer sequences.
/// @param table @shape{n_context, d_model}
/// @param n  positions
/// @param first  position of row 0
/// @return @shape{n, d_model}
/// @throws ShapeError when the table has no row for a position
/// @source Vaswani et al. 2017, 3.5 and table 3 (E); Radford et al. 2018    @booksection{13}
template <class T>
MatrixOf<T> learned_positions(const MatrixOf<T>& table, std::size_t n, std::size_t first = 0);

}  // namespace headlight
