/// @file
/// Masks: which keys a query may look at.
#pragma once

#include <headlight/core/tensor.hpp>
#include <span>
#include <vector>

namespace headlight {

/// Everybody sees everybody.
/// @param n_query  queries
/// @param n_key  keys
/// @return @shape{n_query, n_key}, all true
Mask full_mask(std::size_t n_query, std::size_t n_key);

/// Nobody sees the future. With fewer queries than keys the queries are the last positions (a
/// cache).
/// @param n_query  queries
/// @param n_key  keys, at least n_query
/// @return @shape{n_query, n_key}; true where key j <= i + n_key - n_query
/// @throws ShapeError when n_query > n_key
/// @source Vaswani et al. 2017, 3.2.3    @booksection{05}
Mask causal_mask(std::size_t n_query, std::size_t n_key);

/// Hides keys that are padding.
/// @param n_query  queries
/// @param is_token  one entry a key: true for a token, false for padding
/// @return @shape{n_query, n_key}
Mask padding_mask(std::size_t n_query, const std::vector<bool>& is_token);

/// Visible where both are.
/// @param a @shape{n_query, n_key}
/// @param b @shape{n_query, n_key}
/// @return @shape{n_query, n_key}
/// @throws ShapeError when sizes differ
Mask both(const Mask& a, const Mask& b);

/// Hides with infinity: \f$ -\infty \f$ where the mask is false, the score elsewhere.
/// @param scores @shape{n_query, n_key}
/// @param mask @shape{n_query, n_key}
/// @return @shape{n_query, n_key}
/// @throws ShapeError when sizes differ
template <class T>
MatrixOf<T> hide(const MatrixOf<T>& scores, const Mask& mask);

/// Queries that see nothing at all: their pattern is zero.
/// @param mask @shape{n_query, n_key}
/// @return their row numbers, ascending
std::vector<std::size_t> fully_hidden_rows(const Mask& mask);

}  // namespace headlight
