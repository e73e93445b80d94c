/// @file
/// Private to lib/src/mechanism: what most loops there do to rows of matrices, by addresses, for a
/// light compilation looks up every element of a matrix by a call.
#pragma once

#include <cstddef>

namespace headlight::detail {

// The sum of a[c] b[c], in the order of c.
template <class T>
inline T dot(const T* a, const T* b, std::size_t n) {
  T sum = 0;
  for (std::size_t c = 0; c < n; ++c) sum += a[c] * b[c];
  return sum;
}

// to += factor row
template <class T>
inline void add_scaled(T factor, const T* row, std::size_t n, T* to) {
  for (std::size_t c = 0; c < n; ++c) to[c] += factor * row[c];
}

}  // namespace headlight::detail
