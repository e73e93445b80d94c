#include "support/algebra.hpp"

#include <algorithm>
#include <cmath>

namespace lesson {

using namespace headlight;

std::size_t rank(Matrix a, double tolerance) {
  double largest = 0;
  for (const double x : a) largest = std::max(largest, std::abs(x));
  std::size_t rank = 0;
  for (std::size_t c = 0; c < a.shape(1) && rank < a.shape(0); ++c) {
    std::size_t pivot = rank;
    for (std::size_t i = rank; i < a.shape(0); ++i)
      if (std::abs(a(i, c)) > std::abs(a(pivot, c))) pivot = i;
    if (std::abs(a(pivot, c)) <= tolerance * largest) continue;
    for (std::size_t k = 0; k < a.shape(1); ++k) std::swap(a(rank, k), a(pivot, k));
    for (std::size_t i = rank + 1; i < a.shape(0); ++i) {
      const double factor = a(i, c) / a(rank, c);
      for (std::size_t k = 0; k < a.shape(1); ++k) a(i, k) -= factor * a(rank, k);
    }
    ++rank;
  }
  return rank;
}

std::pair<Matrix, Matrix> with_inverse(std::size_t n, Random& random) {
  Matrix m = Matrix::from_shape({n, n});
  for (std::size_t c = 0; c < n * n; ++c) m.data()[c] = c % (n + 1) == 0 ? 1 : 0;
  Matrix inverse = m;
  for (std::size_t step = 0; step < 3 * n; ++step) {
    const std::size_t a = random.below(n), b = (a + 1 + random.below(n - 1)) % n;
    const double f = random.normal();
    for (std::size_t c = 0; c < n; ++c) m(c, b) += f * m(c, a);              // m (1 + f e_ab)
    for (std::size_t c = 0; c < n; ++c) inverse(a, c) -= f * inverse(b, c);  // (1 - f e_ab) m^-1
  }
  return {m, inverse};
}

MultiHeadWeights draw_heads(Random& random, std::size_t n_heads, std::size_t d_model,
                            double deviation) {
  MultiHeadWeights w;
  w.n_heads = n_heads;
  for (Matrix* W : {&w.W_Q, &w.W_K, &w.W_V, &w.W_O})
    *W = random_matrix(random, d_model, d_model, deviation);
  return w;
}

Matrix reordered(const Matrix& a, const std::vector<std::size_t>& order) {
  Matrix result = Matrix::from_shape({order.size(), a.shape(1)});
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < a.shape(1); ++j) result(i, j) = a(order[i], j);
  return result;
}

std::size_t largest_in_row(const Matrix& a, std::size_t row) {
  const double* first = a.data() + row * a.shape(1);
  return static_cast<std::size_t>(std::max_element(first, first + a.shape(1)) - first);
}

}  // namespace lesson
