// Large matrices as pictures of a bounded size: every cell the mean of a square band.
#pragma once

#include <headlight/core/tensor.hpp>

namespace headlight::render::detail {

// The smallest band with which the matrix has at most these many rows and columns.
std::size_t band_that_fits(const Matrix& cells, std::size_t max_rows, std::size_t max_columns);

// Means over bands of rows and columns; -inf is left out, a band with nothing visible is -inf.
Matrix banded(const Matrix& cells, std::size_t band);

}  // namespace headlight::render::detail
