/// @file
/// Reductions of rows to columns, evaluated: `weight / row_sum(weight)` is right.
#pragma once

#include <headlight/core/tensor.hpp>

namespace headlight {

/// Sum of every row.
/// @param a @shape{rows, columns}
/// @return @shape{rows, 1}; zero for rows without columns
template <class T>
MatrixOf<T> row_sum(const MatrixOf<T>& a);

/// Largest value of every row.
/// @param a @shape{rows, columns}
/// @return @shape{rows, 1}; -infinity for a row that is empty or hidden, NaN where the row has a
/// NaN
template <class T>
MatrixOf<T> row_max(const MatrixOf<T>& a);

/// Mean of every row.
/// @param a @shape{rows, columns}, at least one column
/// @return @shape{rows, 1}
/// @throws ShapeError without columns
template <class T>
MatrixOf<T> row_mean(const MatrixOf<T>& a);

}  // namespace headlight
