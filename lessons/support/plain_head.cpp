#include "support/plain_head.hpp"

#include <algorithm>
#include <cmath>

namespace lesson {

using headlight::Matrix;

namespace {

Matrix zeros(std::size_t rows, std::size_t columns) {
  Matrix m = Matrix::from_shape({rows, columns});
  std::fill(m.begin(), m.end(), 0.0);
  return m;
}

Matrix mapped(const Matrix& x, const Matrix& W) {
  Matrix y = zeros(x.shape(0), W.shape(1));
  for (std::size_t i = 0; i < y.shape(0); ++i)
    for (std::size_t c = 0; c < y.shape(1); ++c)
      for (std::size_t m = x.shape(1); m-- > 0;) y(i, c) += x(i, m) * W(m, c);
  return y;
}

}  // namespace

PlainHead plain_head(const Matrix& x, const headlight::HeadWeights& w, bool causal) {
  const std::size_t n = x.shape(0), d_k = w.W_Q.shape(1), d_v = w.W_V.shape(1);
  PlainHead t = {mapped(x, w.W_Q), mapped(x, w.W_K), mapped(x, w.W_V),
                 zeros(n, n),      zeros(n, n),      zeros(n, d_v)};
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = n; j-- > 0;) {
      for (std::size_t c = d_k; c-- > 0;) t.raw(i, j) += t.query(i, c) * t.key(j, c);
      if (causal && j > i) continue;
      sum += t.pattern(i, j) = std::exp(t.raw(i, j) / std::sqrt(static_cast<double>(d_k)));
    }
    for (std::size_t j = n; j-- > 0;) {
      t.pattern(i, j) /= sum;
      for (std::size_t c = 0; c < d_v; ++c) t.output(i, c) += t.pattern(i, j) * t.value(j, c);
    }
  }
  return t;
}

Matrix reached(const Matrix& x, const std::function<Matrix(const Matrix&)>& output) {
  const std::size_t n = x.shape(0);
  const Matrix before = output(x);
  Matrix changes = zeros(n, n);
  for (std::size_t j = 0; j < n; ++j) {
    Matrix changed = x;
    for (std::size_t c = 0; c < x.shape(1); ++c) changed(j, c) += 1;
    const Matrix after = output(changed);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < after.shape(1); ++c)
        if (after(i, c) != before(i, c)) changes(i, j) = 1;
  }
  return changes;
}

}  // namespace lesson
