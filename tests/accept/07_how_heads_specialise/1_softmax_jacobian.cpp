// Right but unusual solutions of 07.1: each has to get all points.
#include "07_how_heads_specialise/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::JacobianTrace;

// Everything in float, keys from the last to the first.
JacobianTrace in_float(const Matrix& scores, const Matrix& pattern_gradient) {
  const std::size_t n_query = scores.shape(0), n_key = scores.shape(1);
  JacobianTrace t{Matrix(scores.shape(), 0.0),
                  Tensor3(Tensor3::shape_type{n_query, n_key, n_key}, 0.0),
                  Matrix(scores.shape(), 0.0)};
  for (std::size_t i = 0; i < n_query; ++i) {
    std::vector<float> p(n_key);
    float largest = -std::numeric_limits<float>::max(), total = 0;
    for (std::size_t j = n_key; j-- > 0;)
      largest = std::max(largest, static_cast<float>(scores(i, j)));
    for (std::size_t j = n_key; j-- > 0;)
      total += p[j] = std::exp(static_cast<float>(scores(i, j)) - largest);
    for (std::size_t j = n_key; j-- > 0 && total > 0;) {
      p[j] /= total;
      t.pattern(i, j) = static_cast<double>(p[j]);
    }
    for (std::size_t k = n_key; k-- > 0 && total > 0;) {
      float sum = 0;
      for (std::size_t j = n_key; j-- > 0;) {
        const float cell = j == k ? p[j] * (1 - p[j]) : -p[j] * p[k];
        t.jacobian(i, j, k) = static_cast<double>(cell);
        sum += cell * static_cast<float>(pattern_gradient(i, j));
      }
      t.score_gradient(i, k) = static_cast<double>(sum);
    }
  }
  return t;
}

// The gradient without the Jacobian: p (g - mean of g under p); the Jacobian filled apart.
JacobianTrace without_jacobian(const Matrix& scores, const Matrix& pattern_gradient) {
  JacobianTrace t;
  t.pattern = Matrix(scores.shape(), 0.0);
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double largest = scores(i, 0), total = 0;
    for (std::size_t j = 0; j < scores.shape(1); ++j) largest = std::max(largest, scores(i, j));
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      if (std::isfinite(scores(i, j))) total += t.pattern(i, j) = std::exp(scores(i, j) - largest);
    if (total == 0) continue;
    for (std::size_t j = 0; j < scores.shape(1); ++j) t.pattern(i, j) /= total;
  }
  const Matrix products = t.pattern * pattern_gradient;
  t.score_gradient = products - t.pattern * row_sum(products);
  const std::size_t n_key = scores.shape(1);
  t.jacobian = Tensor3(Tensor3::shape_type{scores.shape(0), n_key, n_key}, 0.0);
  for (std::size_t k = 0; k < n_key; ++k)
    for (std::size_t i = 0; i < scores.shape(0); ++i) {
      for (std::size_t j = 0; j < n_key; ++j)
        t.jacobian(i, j, k) -= t.pattern(i, j) * t.pattern(i, k);
      t.jacobian(i, k, k) += t.pattern(i, k);
    }
  return t;
}

// Row by row as small matrices: the outer product by matmul, the gradient as a row times it.
JacobianTrace by_matrices(const Matrix& scores, const Matrix& pattern_gradient) {
  const std::size_t n_query = scores.shape(0), n_key = scores.shape(1);
  JacobianTrace t{Matrix(scores.shape(), 0.0),
                  Tensor3(Tensor3::shape_type{n_query, n_key, n_key}, 0.0),
                  Matrix(scores.shape(), 0.0)};
  for (std::size_t i = 0; i < n_query; ++i) {
    const Matrix row = xt::view(scores, xt::range(i, i + 1), xt::all());  // [1, n_key]
    const Matrix top = row_max(row);
    if (!std::isfinite(top(0, 0))) continue;
    const Matrix weight = xt::exp(row - top);
    const Matrix p = weight / row_sum(weight);  // [1, n_key]
    const Matrix outer = matmul(transpose(p), p);
    const Matrix diagonal = xt::eye<double>(n_key) * p;
    const Matrix J = diagonal - outer;  // [n_key, n_key]
    const Matrix g = xt::view(pattern_gradient, xt::range(i, i + 1), xt::all());
    const Matrix gradient = matmul(g, J);  // [1, n_key]
    xt::view(t.pattern, i) = xt::view(p, 0);
    xt::view(t.jacobian, i) = J;
    xt::view(t.score_gradient, i) = xt::view(gradient, 0);
  }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::softmax_jacobian)>> accepted_07_1;
const std::vector<Mutant<decltype(exercise::softmax_jacobian)>> accepted_07_1 = {
    {"float", "", "everything in float, from the last key", in_float},
    {"without-jacobian", "", "the gradient without the Jacobian", without_jacobian},
    {"matrices", "", "outer products of rows by matmul", by_matrices},
};

}  // namespace headlight::course
