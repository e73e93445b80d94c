/// @file
/// Matrix products: the one place that calls BLAS. Strides instead of copies.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/core/view.hpp>
#include <string>

namespace headlight {

/// All of a matrix. @param a @shape{rows, columns}  @return a view of it
template <class T>
ViewOf<const T> view(const MatrixOf<T>& a) {
  return {a.data(), a.shape(0), a.shape(1), a.shape(1)};
}
/// All of a matrix, writable. @param a @shape{rows, columns}  @return a view of it
template <class T>
ViewOf<T> view(MatrixOf<T>& a) {
  return {a.data(), a.shape(0), a.shape(1), a.shape(1)};
}
/// One head of a heads-first tensor. @param a @shape{n_heads, n, d_head}  @param head which @return
/// @shape{n, d_head}
template <class T>
ViewOf<const T> head_view(const Tensor3Of<T>& a, std::size_t head) {
  return {a.data() + head * a.shape(1) * a.shape(2), a.shape(1), a.shape(2), a.shape(2)};
}
/// One head, writable. @param a @shape{n_heads, n, d_head}  @param head which  @return @shape{n,
/// d_head}
template <class T>
ViewOf<T> head_view(Tensor3Of<T>& a, std::size_t head) {
  return {a.data() + head * a.shape(1) * a.shape(2), a.shape(1), a.shape(2), a.shape(2)};
}
/// \f[ C = A B \f]
/// @param a @shape{m, k}
/// @param b @shape{k, n}
/// @return @shape{m, n}
/// @throws ShapeError when inner sizes differ
template <class T>
MatrixOf<T> matmul(const MatrixOf<T>& a, const MatrixOf<T>& b);

/// \f[ A^T \f], evaluated.
/// @param a @shape{m, n}
/// @return @shape{n, m}
template <class T>
MatrixOf<T> transpose(const MatrixOf<T>& a);
/// The same for a matrix that is not const: without it xtensor's own lazy transpose would be found.
/// @param a @shape{m, n}  @return @shape{n, m}
template <class T>
MatrixOf<T> transpose(MatrixOf<T>& a) {
  return transpose(static_cast<const MatrixOf<T>&>(a));
}
/// The same for a temporary. @param a @shape{m, n}  @return @shape{n, m}
template <class T>
MatrixOf<T> transpose(MatrixOf<T>&& a) {
  return transpose(static_cast<const MatrixOf<T>&>(a));
}

/// Adds one row to every row: a bias.
/// @param a @shape{m, n}, changed
/// @param bias @shape{n}; an empty bias changes nothing
/// @throws ShapeError when sizes differ
template <class T>
void add_to_rows(ViewOf<T> a, const VectorOf<T>& bias);

/// x W + b: the affine map of row vectors.
/// @param x @shape{n, d_in}
/// @param W @shape{d_in, d_out}
/// @param b @shape{d_out}, or empty for none
/// @param y @shape{n, d_out}, overwritten
/// @throws ShapeError when sizes differ
template <class T>
void affine(ViewOf<const T> x, ViewOf<const T> W, const VectorOf<T>& b, ViewOf<T> y);

/// Which kernels BLAS has chosen for this processor. @return OpenBLAS's name of them, such as
/// "SkylakeX"; "unknown" for another BLAS
std::string blas_kernels();

}  // namespace headlight
