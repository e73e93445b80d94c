// What all rows of the table share: the one input, the plain reference, masks.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/close.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/layer/mask.hpp>
#include <limits>
#include <vector>

namespace headlight::ten {

inline constexpr std::size_t n = 48, d = 16, d_k = 8, d_v = 6, n_heads = 4, window = 8;
inline const double hidden = -std::numeric_limits<double>::infinity();

inline double difference(const Matrix& a, const Matrix& b) {
  return compare(a, b).relative;
}

inline Matrix zeros(std::size_t rows, std::size_t columns) {
  Matrix m = Matrix::from_shape({rows, columns});
  std::fill(m.begin(), m.end(), 0.0);
  return m;
}

inline Matrix rows(const Matrix& a, std::size_t first, std::size_t count) {
  Matrix part = Matrix::from_shape({count, a.shape(1)});
  std::copy_n(a.data() + first * a.shape(1), part.size(), part.data());
  return part;
}

inline Matrix columns(const Matrix& a, std::size_t first, std::size_t count) {
  Matrix part = Matrix::from_shape({a.shape(0), count});
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t c = 0; c < count; ++c) part(i, c) = a(i, first + c);
  return part;
}

inline Matrix slice(const Tensor3& a, std::size_t h) {
  Matrix part = Matrix::from_shape({a.shape(1), a.shape(2)});
  std::copy_n(a.data() + h * part.size(), part.size(), part.data());
  return part;
}

inline Tensor3 one_head(const Matrix& a) {
  Tensor3 t = Tensor3::from_shape({1, a.shape(0), a.shape(1)});
  std::copy(a.begin(), a.end(), t.begin());
  return t;
}

inline Matrix scaled(double factor, Matrix a) {
  for (double& x : a) x *= factor;
  return a;
}

inline Matrix reordered(const Matrix& a, const std::vector<std::size_t>& order) {
  Matrix result = a;
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t c = 0; c < a.shape(1); ++c) result(i, c) = a(order[i], c);
  return result;
}

// The one input: tokens, and what the first head makes of them.
struct Input {
  Matrix X, Q, K, V;         // [n, d_model], [n, d_k], [n, d_k], [n, d_v]
  MultiHeadWeights weights;  // of all heads; Q, K and V are head 0's
};

inline Input input_of(std::size_t tokens, std::uint64_t seed = 1) {
  Random random(seed);
  Input in;
  in.weights = {.n_heads = n_heads,
                .W_Q = random_matrix(random, d, n_heads * d_k, 0.4),
                .W_K = random_matrix(random, d, n_heads * d_k, 0.4),
                .W_V = random_matrix(random, d, n_heads * d_v, 0.4),
                .W_O = random_matrix(random, n_heads * d_v, d, 0.4)};
  in.X = random_matrix(random, tokens, d);
  in.Q = columns(matmul(in.X, in.weights.W_Q), 0, d_k);
  in.K = columns(matmul(in.X, in.weights.W_K), 0, d_k);
  in.V = columns(matmul(in.X, in.weights.W_V), 0, d_v);
  return in;
}

// The plain reference: three loops. Hidden where the bias is -infinity.
using Bias = std::function<double(std::size_t, std::size_t)>;
inline Matrix plain(const Matrix& Q, const Matrix& K, const Matrix& V, const Bias& bias,
                    Matrix* pattern = nullptr) {
  Matrix Y = zeros(Q.shape(0), V.shape(1)), A = zeros(Q.shape(0), K.shape(0));
  for (std::size_t i = 0; i < Q.shape(0); ++i) {
    double sum = 0, largest = hidden;
    for (std::size_t j = 0; j < K.shape(0); ++j) {
      double dot = 0;
      for (std::size_t c = 0; c < Q.shape(1); ++c) dot += Q(i, c) * K(j, c);
      A(i, j) = dot / std::sqrt(static_cast<double>(Q.shape(1))) + bias(i, j);
      largest = std::max(largest, A(i, j));
    }
    for (std::size_t j = 0; j < K.shape(0); ++j) sum += A(i, j) = std::exp(A(i, j) - largest);
    for (std::size_t j = 0; j < K.shape(0); ++j) {
      A(i, j) /= sum;
      for (std::size_t c = 0; c < V.shape(1); ++c) Y(i, c) += A(i, j) * V(j, c);
    }
  }
  if (pattern) *pattern = A;
  return Y;
}

inline double causal(std::size_t i, std::size_t j) {
  return j <= i ? 0 : hidden;
}
inline double everyone(std::size_t, std::size_t) {
  return 0;
}

// How many layers until the last token can know of the one at `from`.
inline std::size_t layers_needed(const Mask& sees, std::size_t from) {
  const std::size_t size = sees.shape(0);
  std::vector<bool> knows(size);
  knows[from] = true;
  for (std::size_t layers = 0;; ++layers) {
    if (knows[size - 1]) return layers;
    std::vector<bool> next = knows;
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = 0; j < size; ++j)
        if (sees(i, j) && knows[j]) next[i] = true;
    if (next == knows) return size;  // never
    knows = next;
  }
}

// Query i sees the last `width` keys, its own included, and whom `also` adds.
inline Mask links(std::size_t size, std::size_t width, bool two_sided,
                  const std::function<bool(std::size_t, std::size_t)>& also) {
  Mask mask = full_mask(size, size);
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < size; ++j)
      mask(i, j) = (two_sided || j <= i) && ((j + width > i && i + width > j) || also(i, j));
  return mask;
}

// How much the numbers of one diagonal differ, at most: zero for a fixed filter.
inline double spread_along_diagonals(const Matrix& a) {
  double widest = 0;
  for (std::size_t i = 1; i < a.shape(0); ++i)
    for (std::size_t j = 1; j < a.shape(1); ++j)
      widest = std::max(widest, std::abs(a(i, j) - a(i - 1, j - 1)));
  return widest;
}

// Slope of log(y) against log(x): the power by which y grows.
inline double growth(const std::vector<double>& x, const std::vector<double>& y) {
  double mx = 0, my = 0, above = 0, below = 0;
  const auto count = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    mx += std::log(x[i]) / count, my += std::log(y[i]) / count;
  for (std::size_t i = 0; i < x.size(); ++i) {
    above += (std::log(x[i]) - mx) * (std::log(y[i]) - my);
    below += (std::log(x[i]) - mx) * (std::log(x[i]) - mx);
  }
  return above / below;
}

}  // namespace headlight::ten
