#include "kit/reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace headlight::course {

namespace {
constexpr double hidden = -std::numeric_limits<double>::infinity();

Matrix zeros(std::size_t rows, std::size_t columns) {
  Matrix out(Matrix::shape_type{rows, columns});
  std::fill(out.data(), out.data() + out.size(), 0.0);
  return out;
}
}  // namespace

Matrix product(const Matrix& a, const Matrix& b) {
  if (a.shape(1) != b.shape(0)) throw std::invalid_argument("product: inner sizes differ");
  Matrix out = zeros(a.shape(0), b.shape(1));
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t j = 0; j < b.shape(1); ++j)
      for (std::size_t k = 0; k < b.shape(0); ++k) out(i, j) += a(i, k) * b(k, j);
  return out;
}

double product_size(const Matrix& a, const Matrix& b) {
  Matrix x = a, y = b;
  for (double& number : x) number = std::abs(number);
  for (double& number : y) number = std::abs(number);
  double largest = 0;
  for (const double sum : product(x, y))
    if (std::isfinite(sum)) largest = std::max(largest, sum);
  return largest;
}

Matrix flipped(const Matrix& a) {
  Matrix out = zeros(a.shape(1), a.shape(0));
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t j = 0; j < a.shape(1); ++j) out(j, i) = a(i, j);
  return out;
}

Matrix scaled(const Matrix& a, double factor) {
  Matrix out = a;
  for (std::size_t i = 0; i < out.size(); ++i) out.data()[i] *= factor;
  return out;
}

Matrix added(const Matrix& a, const Matrix& b) {
  if (a.shape() != b.shape()) throw std::invalid_argument("added: shapes differ");
  Matrix out = a;
  for (std::size_t i = 0; i < out.size(); ++i) out.data()[i] += b.data()[i];
  return out;
}

Matrix softmax(const Matrix& scores) {
  Matrix out = zeros(scores.shape(0), scores.shape(1));
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double largest = hidden, total = 0;
    for (std::size_t j = 0; j < scores.shape(1); ++j) largest = std::max(largest, scores(i, j));
    if (largest == hidden) continue;
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      total += out(i, j) = std::exp(scores(i, j) - largest);
    for (std::size_t j = 0; j < scores.shape(1); ++j) out(i, j) /= total;
  }
  return out;
}

Matrix future_hidden(const Matrix& scores) {
  Matrix out = scores;
  for (std::size_t i = 0; i < out.shape(0); ++i)
    for (std::size_t j = i + 1; j < out.shape(1); ++j) out(i, j) = hidden;
  return out;
}

Matrix columns_of(const Matrix& a, std::size_t first, std::size_t count) {
  Matrix out = zeros(a.shape(0), count);
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t j = 0; j < count; ++j) out(i, j) = a(i, first + j);
  return out;
}

Matrix rows_of(const Matrix& a, std::size_t first, std::size_t count) {
  Matrix out = zeros(count, a.shape(1));
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < a.shape(1); ++j) out(i, j) = a(first + i, j);
  return out;
}

Matrix head_of(const Tensor3& heads, std::size_t h) {
  if (h >= heads.shape(0)) throw std::invalid_argument("head_of: there is no such head");
  Matrix out = zeros(heads.shape(1), heads.shape(2));
  for (std::size_t i = 0; i < out.shape(0); ++i)
    for (std::size_t c = 0; c < out.shape(1); ++c) out(i, c) = heads(h, i, c);
  return out;
}

Matrix beside(const Tensor3& heads) {
  const std::size_t d_head = heads.shape(2);
  Matrix out = zeros(heads.shape(1), heads.shape(0) * d_head);
  for (std::size_t i = 0; i < out.shape(0); ++i)
    for (std::size_t c = 0; c < out.shape(1); ++c) out(i, c) = heads(c / d_head, i, c % d_head);
  return out;
}

Vector turning_speeds(std::size_t d_head, double base) {
  Vector out(Vector::shape_type{d_head / 2});
  for (std::size_t t = 0; t < d_head / 2; ++t)
    out(t) = 1 / std::pow(base, 2 * static_cast<double>(t) / static_cast<double>(d_head));
  return out;
}

Matrix pairs_turned(const Matrix& x, const Vector& positions, const Vector& speeds) {
  if (speeds.shape(0) != x.shape(1) / 2) throw std::invalid_argument("pairs_turned: other pairs");
  Matrix out = x;
  for (std::size_t i = 0; i < x.shape(0); ++i)
    for (std::size_t t = 0; t < speeds.shape(0); ++t) {
      const double angle = positions(i) * speeds(t);
      const double a = x(i, 2 * t), b = x(i, 2 * t + 1);
      out(i, 2 * t) = a * std::cos(angle) - b * std::sin(angle);
      out(i, 2 * t + 1) = b * std::cos(angle) + a * std::sin(angle);
    }
  return out;
}

Vector distance_slopes(std::size_t n_heads) {
  std::size_t power = 1;
  while (power * 2 <= n_heads) power *= 2;
  Vector out(Vector::shape_type{n_heads});
  for (std::size_t h = 0; h < n_heads; ++h)
    out(h) = h < power ? std::pow(2, -8 * static_cast<double>(h + 1) / static_cast<double>(power))
                       : std::pow(2, -4 * static_cast<double>(2 * (h - power) + 1) /
                                         static_cast<double>(power));
  return out;
}

std::vector<double> row_of(const Matrix& a, std::size_t i) {
  std::vector<double> out;
  for (std::size_t j = 0; j < a.shape(1); ++j) out.push_back(a(i, j));
  return out;
}

std::vector<double> column_of(const Matrix& a, std::size_t j) {
  std::vector<double> out;
  for (std::size_t i = 0; i < a.shape(0); ++i) out.push_back(a(i, j));
  return out;
}

std::string text(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x < 0 ? "-inf" : "inf";
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, std::abs(x) < 1e5 ? "%.4f" : "%.4g", x);
  return buffer;
}

std::string dot_terms(const std::string& what, const std::vector<double>& a,
                      const std::vector<double>& b) {
  std::string line = what + " =";
  double total = 0;
  for (std::size_t k = 0; k < a.size() && k < b.size(); ++k) {
    line += (k == 0 ? " " : " + ") + text(a[k]) + "*" + text(b[k]);
    total += a[k] * b[k];
  }
  return line + " = " + text(total);
}

std::string softmax_terms(const std::string& what, const std::vector<double>& scores,
                          std::size_t j) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  if (std::isinf(largest)) return what + " = 0: every key of this row is hidden";
  double total = 0;
  std::string sums;
  for (const double s : scores) {
    const double weight = std::exp(s - largest);
    sums += (sums.empty() ? "" : " + ") + text(weight);
    total += weight;
  }
  return what + " = exp(" + text(scores[j]) + " - " + text(largest) + ") / (" + sums +
         ") = " + text(std::exp(scores[j] - largest) / total);
}

std::string cell_text(const std::string& name, const std::vector<std::size_t>& cell) {
  std::string out = name + "[";
  for (std::size_t axis = 0; axis < cell.size(); ++axis)
    out += (axis == 0 ? "" : ", ") + std::to_string(cell[axis]);
  return out + "]";
}

}  // namespace headlight::course
