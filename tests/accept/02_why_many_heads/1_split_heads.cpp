// Right but unusual solutions of 02.1: each has to get all points.
#include <headlight/core/shape.hpp>

#include "02_why_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

void require_whole_heads(const Matrix& projected, std::size_t n_heads) {
  if (n_heads == 0 || projected.shape(1) / n_heads * n_heads != projected.shape(1))
    throw ShapeError("columns do not make heads");
}

// Column by column: which head and which of its columns is a division and its remainder. In float.
Tensor3 column_by_column(const Matrix& projected, std::size_t n_heads) {
  require_whole_heads(projected, n_heads);
  const std::size_t d_head = projected.shape(1) / n_heads;
  Tensor3 heads = xt::zeros<double>({n_heads, projected.shape(0), d_head});
  for (std::size_t column = projected.shape(1); column-- > 0;)
    for (std::size_t i = 0; i < projected.shape(0); ++i)
      heads(column / d_head, i, column % d_head) =
          static_cast<double>(static_cast<float>(projected(i, column)));
  return heads;
}

// Slices of columns.
Tensor3 slices(const Matrix& projected, std::size_t n_heads) {
  require_whole_heads(projected, n_heads);
  const std::size_t d_head = projected.shape(1) / n_heads;
  Tensor3 heads = xt::zeros<double>({n_heads, projected.shape(0), d_head});
  for (std::size_t h = 0; h < n_heads; ++h)
    xt::view(heads, h) = xt::view(projected, xt::all(), xt::range(h * d_head, (h + 1) * d_head));
  return heads;
}

// Read as [n, n_heads, d_head], then the first two axes exchanged, by a pointer that walks.
Tensor3 reshaped_and_exchanged(const Matrix& projected, std::size_t n_heads) {
  require_whole_heads(projected, n_heads);
  const std::size_t n = projected.shape(0), d_head = projected.shape(1) / n_heads;
  Tensor3 heads = xt::zeros<double>({n_heads, n, d_head});
  const double* walking = projected.data();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t h = 0; h < n_heads; ++h)
      for (std::size_t c = 0; c < d_head; ++c) heads(h, i, c) = *walking++;
  return heads;
}

// A product with a matrix of ones and zeros that picks the columns of one head.
Tensor3 by_products(const Matrix& projected, std::size_t n_heads) {
  require_whole_heads(projected, n_heads);
  const std::size_t d_head = projected.shape(1) / n_heads;
  Tensor3 heads = xt::zeros<double>({n_heads, projected.shape(0), d_head});
  for (std::size_t h = 0; h < n_heads; ++h) {
    Matrix pick = xt::zeros<double>({projected.shape(1), d_head});
    for (std::size_t c = 0; c < d_head; ++c) pick(h * d_head + c, c) = 1;
    xt::view(heads, h) = matmul(projected, pick);
  }
  return heads;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::split_heads)>> accepted_02_1;
const std::vector<Mutant<decltype(exercise::split_heads)>> accepted_02_1 = {
    {"column-by-column", "", "last column first, division and remainder, in float",
     column_by_column},
    {"slices", "", "slices of columns", slices},
    {"reshaped", "", "[n, n_heads, d_head], then two axes exchanged", reshaped_and_exchanged},
    {"by-products", "", "products with matrices that pick columns", by_products},
};

}  // namespace headlight::course
