#include <cblas.h>

#include <algorithm>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <mutex>

namespace headlight {
namespace {

// OpenBLAS runs in the caller's thread: the library spreads its own blocks, whose sizes do not
// depend on the number of threads, so that results are the same bits for any number.
void use_one_blas_thread() {
#ifdef OPENBLAS_VERSION
  static std::once_flag once;
  std::call_once(once, [] { openblas_set_num_threads(1); });
#endif
}

void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha, const float* a,
          int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, double alpha,
          const double* a, int lda, const double* b, int ldb, double beta, double* c, int ldc) {
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

template <class T>
std::string view_shape(const ViewOf<T>& a) {
  const std::size_t shape[] = {a.is_transposed ? a.columns : a.rows,
                               a.is_transposed ? a.rows : a.columns};
  return shape_string(shape);
}

}  // namespace

template <class T>
void multiply(T alpha, ViewOf<const T> a, ViewOf<const T> b, T beta, ViewOf<T> c) {
  const std::size_t m = a.is_transposed ? a.columns : a.rows;
  const std::size_t k = a.is_transposed ? a.rows : a.columns;
  const std::size_t k_of_b = b.is_transposed ? b.columns : b.rows;
  const std::size_t n = b.is_transposed ? b.rows : b.columns;
  if (k != k_of_b)  // the texts are made only when they are needed: small products are frequent
    require_shape(false, "matmul",
                  "inner sizes differ: " + view_shape(a) + " times " + view_shape(b));
  if (c.rows != m || c.columns != n || c.is_transposed)
    require_shape(false, "matmul",
                  "the result " + view_shape(c) + " does not fit " + view_shape(a) + " times " +
                      view_shape(b));
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j)
        c.data[i * c.stride + j] = beta == T(0) ? T(0) : beta * c.data[i * c.stride + j];
    return;
  }
  use_one_blas_thread();
  const auto size = [](std::size_t s) { return static_cast<int>(s); };
  gemm(a.is_transposed ? CblasTrans : CblasNoTrans, b.is_transposed ? CblasTrans : CblasNoTrans,
       size(m), size(n), size(k), alpha, a.data, size(a.stride), b.data, size(b.stride), beta,
       c.data, size(c.stride));
}

template <class T>
MatrixOf<T> matmul(const MatrixOf<T>& a, const MatrixOf<T>& b) {
  require_shape(a.shape(1) == b.shape(0), "matmul",
                "inner sizes differ: " + shape_string(a) + " times " + shape_string(b));
  MatrixOf<T> c({a.shape(0), b.shape(1)});
  multiply<T>(T(1), view(a), view(b), T(0), view(c));
  return c;
}

template <class T>
MatrixOf<T> transpose(const MatrixOf<T>& a) {
  MatrixOf<T> turned({a.shape(1), a.shape(0)});
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t j = 0; j < a.shape(1); ++j) turned(j, i) = a(i, j);
  return turned;
}

template <class T>
void add_to_rows(ViewOf<T> a, const VectorOf<T>& bias) {
  if (bias.size() == 0) return;
  require_shape(bias.size() == a.columns, "add_to_rows",
                "a bias of " + shape_string(bias) + " on rows of " + view_shape(a));
  const T* b = bias.data();
  for (std::size_t i = 0; i < a.rows; ++i) {
    T* row = a.data + i * a.stride;
    for (std::size_t j = 0; j < a.columns; ++j) row[j] += b[j];
  }
}

template <class T>
void affine(ViewOf<const T> x, ViewOf<const T> W, const VectorOf<T>& b, ViewOf<T> y) {
  multiply<T>(T(1), x, W, T(0), y);
  add_to_rows(y, b);
}

std::string blas_kernels() {
#ifdef OPENBLAS_VERSION
  return openblas_get_corename();
#else
  return "unknown";
#endif
}

template void multiply(double, ViewOf<const double>, ViewOf<const double>, double, ViewOf<double>);
template void multiply(float, ViewOf<const float>, ViewOf<const float>, float, ViewOf<float>);
template Matrix matmul(const Matrix&, const Matrix&);
template MatrixF matmul(const MatrixF&, const MatrixF&);
template Matrix transpose(const Matrix&);
template MatrixF transpose(const MatrixF&);
template void add_to_rows(ViewOf<double>, const Vector&);
template void add_to_rows(ViewOf<float>, const VectorF&);
template void affine(ViewOf<const double>, ViewOf<const double>, const Vector&, ViewOf<double>);
template void affine(ViewOf<const float>, ViewOf<const float>, const VectorF&, ViewOf<float>);

}  // namespace headlight
