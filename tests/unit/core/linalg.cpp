#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

Matrix by_loops(const Matrix& a, const Matrix& b) {
  Matrix c = Matrix::from_shape({a.shape(0), b.shape(1)});
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t j = 0; j < b.shape(1); ++j) {
      c(i, j) = 0;
      for (std::size_t k = 0; k < a.shape(1); ++k) c(i, j) += a(i, k) * b(k, j);
    }
  return c;
}

}  // namespace

TEST_CASE("matmul: a product that can be checked by hand", "[linalg]") {
  CHECK_THAT(matmul(Matrix{{1, 2, 3}, {0, 1, 0}}, Matrix{{1, 0}, {0, 1}, {2, 2}}),
             IsClose(Matrix{{7, 8}, {0, 1}}));
}

TEST_CASE("matmul: equals three plain loops", "[linalg][two-ways]") {
  Random random(1);
  const Matrix a = random_matrix(random, 7, 5), b = random_matrix(random, 5, 11);
  CHECK_THAT(matmul(a, b), IsClose(by_loops(a, b)));
}

TEST_CASE("matmul: refuses inner sizes that differ, with both shapes", "[linalg][error]") {
  CHECK_THROWS_WITH(matmul(Matrix::from_shape({1, 3}), Matrix::from_shape({1, 2})),
                    "matmul: inner sizes differ: [1, 3] times [1, 2]");
}

TEST_CASE("multiply: reads column slices and transposes where they lie", "[linalg][two-ways]") {
  Random random(2);
  const Matrix a = random_matrix(random, 6, 9), b = random_matrix(random, 4, 8);
  Matrix a_slice = Matrix::from_shape({3, 5}), b_slice = Matrix::from_shape({5, 4});
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 5; ++j) a_slice(i, j) = a(2 + i, 4 + j);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 4; ++j) b_slice(i, j) = b(j, 1 + i);
  Matrix c = Matrix::from_shape({3, 4});
  multiply<double>(1.0, columns(rows(view(a), 2, 3), 4, 5), transposed(columns(view(b), 1, 5)), 0.0,
                   view(c));
  CHECK_THAT(c, IsClose(by_loops(a_slice, b_slice)));
}

TEST_CASE("multiply: alpha A B + beta C, and beta zero does not read C", "[linalg]") {
  const Matrix a = {{2}}, b = {{3}};
  Matrix c = {{10}};
  multiply<double>(5.0, view(a), view(b), 2.0, view(c));
  CHECK(c(0, 0) == 50);
  c(0, 0) = std::numeric_limits<double>::quiet_NaN();
  multiply<double>(1.0, view(a), view(b), 0.0, view(c));
  CHECK(c(0, 0) == 6);
}

TEST_CASE("multiply: an empty sum is zero", "[linalg]") {
  const Matrix a = Matrix::from_shape({2, 0}), b = Matrix::from_shape({0, 3});
  CHECK_THAT(matmul(a, b), IsClose(Matrix{{0, 0, 0}, {0, 0, 0}}));
}

TEST_CASE("head_view: one head of a heads-first tensor", "[linalg]") {
  Tensor3 heads = Tensor3::from_shape({2, 3, 4});
  for (std::size_t c = 0; c < heads.size(); ++c) heads.data()[c] = static_cast<double>(c);
  const ViewOf<double> second = head_view(heads, 1);
  CHECK(second.data[2 * second.stride + 3] == heads(1, 2, 3));
}

TEST_CASE("transpose: rows become columns", "[linalg]") {
  CHECK_THAT(transpose(Matrix{{1, 2, 3}, {4, 5, 6}}), IsClose(Matrix{{1, 4}, {2, 5}, {3, 6}}));
}

TEST_CASE("affine: x W + b", "[linalg]") {
  const Matrix x = {{1, 1}, {0, 2}}, W = {{1, 0, 2}, {0, 1, 3}};
  const Vector b = {10, 20, 30};
  Matrix y = Matrix::from_shape({2, 3});
  affine<double>(view(x), view(W), b, view(y));
  CHECK_THAT(y, IsClose(Matrix{{11, 21, 35}, {10, 22, 36}}));
}

TEST_CASE("affine: refuses a bias of another width", "[linalg][error]") {
  const Matrix x = {{1}}, W = {{1, 2}};
  Matrix y = Matrix::from_shape({1, 2});
  CHECK_THROWS_WITH((affine<double>(view(x), view(W), Vector{1, 2, 3}, view(y))),
                    "add_to_rows: a bias of [3] on rows of [1, 2]");
}
