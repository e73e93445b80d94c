/// @file
/// Entropy of attention: how widely a head looks.
#pragma once

#include <headlight/core/tensor.hpp>
#include <span>

namespace headlight {

/// Entropy of one distribution, in nats.
/// \f[ H = -\sum_j p_j \ln p_j \f]
/// @param p  weights that sum to one  @return 0 (one key) ... ln n (all alike)
double entropy(std::span<const double> p);

/// Mean entropy of the rows of a causal pattern, each over the logarithm of the keys it may see;
/// the first row, which sees one key, is left out.
/// @param pattern @shape{n, n}  @return 0 ... 1
/// @throws ShapeError for fewer than two tokens
/// @booksection{18}
double mean_entropy(const Matrix& pattern);

}  // namespace headlight
