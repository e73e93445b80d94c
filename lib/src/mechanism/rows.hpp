/// @file
/// Private to lib/src/mechanism: what most loops there do to rows of matrices, by addresses, for a
/// light compilation looks up every element of a matrix by a call.
#pragma once

#include <cstddef>
#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>

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

// x W + b, its products counted; b may be empty.
template <class T>
MatrixOf<T> mapped(const MatrixOf<T>& x, const MatrixOf<T>& W, const VectorOf<T>& b, Work& work) {
  const std::size_t width = W.shape(1);
  MatrixOf<T> y = MatrixOf<T>::from_shape({x.shape(0), width});
  for (std::size_t i = 0; i < y.shape(0); ++i) {
    T* row = y.data() + i * width;
    for (std::size_t c = 0; c < width; ++c) row[c] = b.size() ? b(c) : T(0);
    for (std::size_t k = 0; k < x.shape(1); ++k) {
      add_scaled(x(i, k), W.data() + k * width, width, row);
      work.multiply_adds += width;
    }
  }
  return y;
}

}  // namespace headlight::detail
