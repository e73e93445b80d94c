/// @file
/// What the two lessons on mechanisms share: softmax attention by three loops, who reaches whom in
/// how many layers, growth by powers, and small matrix helpers.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <headlight/core/close.hpp>
#include <headlight/core/tensor.hpp>
#include <limits>
#include <vector>

#include "support/algebra.hpp"

namespace lesson {

using headlight::Mask;
using headlight::Matrix;
using headlight::Tensor3;

/// The score of a key that is not seen.
inline constexpr double hidden = -std::numeric_limits<double>::infinity();

/// @param a  one @param b  other  @return how far apart, relative, in the Euclidean norm
inline double difference(const Matrix& a, const Matrix& b) {
  return headlight::compare(a, b).relative;
}

/// @param a  matrix  @return the largest absolute value; infinite where a number is none
inline double largest_size(const Matrix& a) {
  double largest = 0;
  for (const double x : a)
    largest =
        std::max(largest, std::isnan(x) ? std::numeric_limits<double>::infinity() : std::abs(x));
  return largest;
}

/// @param rows  count  @param columns  count  @return zeros
inline Matrix zeros(std::size_t rows, std::size_t columns) {
  Matrix m = Matrix::from_shape({rows, columns});
  std::fill(m.begin(), m.end(), 0.0);
  return m;
}

/// @param a  matrix  @param first  row  @param count  of rows  @return those rows
inline Matrix rows(const Matrix& a, std::size_t first, std::size_t count) {
  Matrix part = Matrix::from_shape({count, a.shape(1)});
  std::copy_n(a.data() + first * a.shape(1), part.size(), part.data());
  return part;
}

/// @param a  matrix  @param first  column  @param count  of columns  @return those columns
inline Matrix columns(const Matrix& a, std::size_t first, std::size_t count) {
  Matrix part = Matrix::from_shape({a.shape(0), count});
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t c = 0; c < count; ++c) part(i, c) = a(i, first + c);
  return part;
}

/// @param a  heads first  @param h  which head  @return its matrix
inline Matrix slice(const Tensor3& a, std::size_t h) {
  Matrix part = Matrix::from_shape({a.shape(1), a.shape(2)});
  std::copy_n(a.data() + h * part.size(), part.size(), part.data());
  return part;
}

/// @param a  of one head  @return the same with an axis of heads
inline Tensor3 one_head(const Matrix& a) {
  Tensor3 t = Tensor3::from_shape({1, a.shape(0), a.shape(1)});
  std::copy(a.begin(), a.end(), t.begin());
  return t;
}

/// @param factor  of every number  @param a  matrix  @return their product
inline Matrix scaled(double factor, Matrix a) {
  for (double& x : a) x *= factor;
  return a;
}

/// What is added to the score of query i and key j; -infinity hides the key.
using Bias = std::function<double(std::size_t, std::size_t)>;

/// Nobody sees the future. @param i  query  @param j  key  @return 0 or -infinity
inline double causal(std::size_t i, std::size_t j) {
  return j <= i ? 0 : hidden;
}
/// Everybody sees everybody. @return 0
inline double everyone(std::size_t, std::size_t) {
  return 0;
}
/// @param mask  who sees whom  @return the bias that hides the rest
inline Bias only(const Mask& mask) {
  return [mask](std::size_t i, std::size_t j) { return mask(i, j) ? 0 : hidden; };
}

/// Softmax attention by three loops, the reference of both lessons.
/// @param Q @shape{n_query, d_k}  @param K @shape{n_key, d_k}  @param V @shape{n_key, d_v}
/// @param bias  of every pair  @param pattern  when given, receives A
/// @return @shape{n_query, d_v}; zero for a query that sees nobody
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
    for (std::size_t j = 0; j < K.shape(0); ++j)
      sum += A(i, j) = largest == hidden ? 0 : std::exp(A(i, j) - largest);
    for (std::size_t j = 0; sum > 0 && j < K.shape(0); ++j) {
      A(i, j) /= sum;
      for (std::size_t c = 0; c < V.shape(1); ++c) Y(i, c) += A(i, j) * V(j, c);
    }
  }
  if (pattern) *pattern = A;
  return Y;
}

/// Query i sees the last `width` keys, its own included, and whom `also` adds.
/// @param size  tokens  @param width  of the window  @param two_sided  ahead too
/// @param also  further pairs  @return @shape{size, size}
inline Mask links(
    std::size_t size, std::size_t width, bool two_sided,
    const std::function<bool(std::size_t, std::size_t)>& also = [](std::size_t, std::size_t) {
      return false;
    }) {
  Mask mask = Mask::from_shape({size, size});
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < size; ++j)
      mask(i, j) = (two_sided || j <= i) && ((j + width > i && i + width > j) || also(i, j));
  return mask;
}

/// How many layers until the last token can know of the one at `from`.
/// @param sees  in every layer  @param from  token  @return layers; their number of tokens if never
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

/// How much the numbers of one diagonal differ, at most: zero for a fixed filter.
/// @param a  matrix  @return the largest difference of neighbours on a diagonal
inline double spread_along_diagonals(const Matrix& a) {
  double widest = 0;
  for (std::size_t i = 1; i < a.shape(0); ++i)
    for (std::size_t j = 1; j < a.shape(1); ++j)
      widest = std::max(widest, std::abs(a(i, j) - a(i - 1, j - 1)));
  return widest;
}

/// Slope of log(y) against log(x): the power by which y grows.
/// @param x  positive  @param y  positive, one for each  @return the fitted power
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

}  // namespace lesson
