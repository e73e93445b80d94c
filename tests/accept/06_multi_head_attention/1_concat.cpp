// Right but unusual solutions of 06.1: each has to get all points.
#include "06_multi_head_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::ConcatTrace;

// Everything in float, straight into the concatenation, the last head first.
ConcatTrace in_float(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  const std::size_t n = X.shape(0), n_heads = pattern.shape(0), d_head = W_V.shape(1) / n_heads;
  ConcatTrace t;
  t.value = t.z = Tensor3(Tensor3::shape_type{n_heads, n, d_head});
  t.concatenated = Matrix(Matrix::shape_type{n, W_V.shape(1)});
  for (std::size_t column = W_V.shape(1); column-- > 0;) {
    const std::size_t h = column / d_head, c = column % d_head;
    for (std::size_t i = 0; i < n; ++i) {
      float sum = 0;
      for (std::size_t k = X.shape(1); k-- > 0;)
        sum += static_cast<float>(X(i, k)) * static_cast<float>(W_V(k, column));
      t.value(h, i, c) = static_cast<double>(sum);
    }
    for (std::size_t i = 0; i < n; ++i) {
      float sum = 0;
      for (std::size_t j = 0; j < n; ++j)
        sum += static_cast<float>(pattern(h, i, j)) * static_cast<float>(t.value(h, j, c));
      t.z(h, i, c) = t.concatenated(i, column) = static_cast<double>(sum);
    }
  }
  return t;
}

// Reshape, exchange axes, multiply, exchange axes, reshape: as libraries do it.
ConcatTrace reshapes(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  const std::size_t n = X.shape(0), n_heads = pattern.shape(0), d_head = W_V.shape(1) / n_heads;
  Matrix all = matmul(X, W_V);
  const Tensor3 by_token = xt::reshape_view(all, std::array<std::size_t, 3>{n, n_heads, d_head});
  ConcatTrace t;
  t.value = xt::transpose(by_token, {1, 0, 2});
  t.z = t.value;
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix A = xt::view(pattern, h), V = xt::view(t.value, h);
    xt::view(t.z, h) = matmul(A, V);
  }
  const Tensor3 back = xt::transpose(t.z, {1, 0, 2});
  t.concatenated = xt::reshape_view(back, std::array<std::size_t, 2>{n, n_heads * d_head});
  return t;
}

// Inputs are mixed first, then projected by every head's own columns.
ConcatTrace mixed_first(const Matrix& X, const Matrix& W_V, const Tensor3& pattern) {
  const std::size_t n = X.shape(0), n_heads = pattern.shape(0), d_head = W_V.shape(1) / n_heads;
  ConcatTrace t;
  t.value = t.z = xt::zeros<double>({n_heads, n, d_head});
  t.concatenated = xt::zeros<double>({n, n_heads * d_head});
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix W = xt::view(W_V, xt::all(), xt::range(h * d_head, (h + 1) * d_head));
    const Matrix A = xt::view(pattern, h);
    const Matrix z = matmul(matmul(A, X), W);
    xt::view(t.value, h) = matmul(X, W);
    xt::view(t.z, h) = z;
    xt::view(t.concatenated, xt::all(), xt::range(h * d_head, (h + 1) * d_head)) = z;
  }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::concat)>> accepted_06_1;
const std::vector<Mutant<decltype(exercise::concat)>> accepted_06_1 = {
    {"float", "", "everything in float, the last column first", in_float},
    {"reshapes", "", "reshape and exchange of axes, there and back", reshapes},
    {"mixed-first", "", "inputs mixed first, then projected", mixed_first},
};

}  // namespace headlight::course
