/// @file
/// ALiBi: a penalty on scores that grows with distance, one slope a head.
#pragma once

#include <headlight/core/tensor.hpp>

namespace headlight {

/// Slopes of n_heads heads: a geometric sequence from 2^(-8/n); for a count that is no power of
/// two, the slopes of the next lower power of two, then every other slope of the next higher one.
/// @param n_heads  how many
/// @return @shape{n_heads}, positive
/// @source Press, Smith, Lewis 2022, section 3 and the authors' code    @booksection{13}
template <class T>
VectorOf<T> alibi_slopes(std::size_t n_heads);

/// What ALiBi adds to the scaled scores: minus slope times distance.
/// \f[ B_{hij} = -m_h\,(i' - j),\quad i' = i + n_{key} - n_{query} \f]
/// @param n_heads  heads
/// @param n_query  queries, the last n_query of the n_key positions
/// @param n_key  keys
/// @return @shape{n_heads, n_query, n_key}; zero on the diagonal, negative in the past, positive in
/// the (hidden) future
template <class T>
Tensor3Of<T> alibi_bias(std::size_t n_heads, std::size_t n_query, std::size_t n_key);

}  // namespace headlight
