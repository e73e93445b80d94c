/// @file
/// Matrices that lie in somebody else's memory, and their product.
#pragma once

#include <cstddef>
#include <type_traits>

namespace headlight {

/// A matrix somewhere in memory: rows of `columns` numbers, `stride` numbers apart. Owns nothing.
template <class T>
struct ViewOf {
  T* data = nullptr;           ///< first number
  std::size_t rows = 0;        ///< of the stored matrix
  std::size_t columns = 0;     ///< of the stored matrix
  std::size_t stride = 0;      ///< numbers from one stored row to the next
  bool is_transposed = false;  ///< read as its transpose

  /// The same numbers, for reading only. @return a view of them
  operator ViewOf<const T>() const requires(!std::is_const_v<T>) {
    return {data, rows, columns, stride, is_transposed};
  }
};

/// Some rows of a view that is not transposed. @param a a view  @param first row  @param count of
/// rows  @return a view
template <class T>
ViewOf<T> rows(ViewOf<T> a, std::size_t first, std::size_t count) {
  return {a.data + first * a.stride, count, a.columns, a.stride};
}
/// Some columns of a view that is not transposed. @param a a view  @param first column  @param
/// count of columns  @return a view
template <class T>
ViewOf<T> columns(ViewOf<T> a, std::size_t first, std::size_t count) {
  return {a.data + first, a.rows, count, a.stride};
}
/// The same numbers, read as the transpose. @param a a view  @return a view
template <class T>
ViewOf<T> transposed(ViewOf<T> a) {
  a.is_transposed = !a.is_transposed;
  return a;
}

/// C = alpha A B + beta C.
/// @param alpha  factor of the product
/// @param a @shape{m, k}
/// @param b @shape{k, n}
/// @param beta  factor of what C held; zero does not read C
/// @param c @shape{m, n}, not transposed
/// @throws ShapeError when sizes differ
template <class T>
void multiply(T alpha, ViewOf<const T> a, ViewOf<const T> b, T beta, ViewOf<T> c);

}  // namespace headlight
