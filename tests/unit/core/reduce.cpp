#include <headlight/core/reduce.hpp>
#include <headlight/core/shape.hpp>
#include <limits>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using headlight::Matrix;

TEST_CASE("row_sum: adds the columns of every row", "[reduce]") {
  CHECK_THAT(headlight::row_sum(Matrix{{1, 2, 3}, {4, 5, 6}}), IsClose(Matrix{{6}, {15}}));
}

TEST_CASE("row_sum: the column divides a wide matrix row by row", "[reduce]") {
  const Matrix a = {{1, 2, 1}, {3, 3, 2}};
  const Matrix sums = headlight::row_sum(a);
  CHECK(sums.shape() == std::array<std::size_t, 2>{2, 1});
  CHECK(sums(1, 0) == 8);
}

TEST_CASE("row_max: a fully hidden row has the maximum -infinity", "[reduce]") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(headlight::row_max(Matrix{{-inf, -inf}})(0, 0) == -inf);
}

TEST_CASE("row_max: NaN is not swallowed, wherever it stands", "[reduce]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Matrix max = headlight::row_max(Matrix{{nan, 1, 0}, {1, nan, 2}, {0, 1, nan}, {0, 1, 2}});
  CHECK(std::isnan(max(0, 0)));
  CHECK(std::isnan(max(1, 0)));
  CHECK(std::isnan(max(2, 0)));
  CHECK(max(3, 0) == 2);
}

TEST_CASE("row_mean: divides by the number of columns", "[reduce]") {
  CHECK_THAT(headlight::row_mean(Matrix{{1, 2, 6}, {0, 0, 3}}), IsClose(Matrix{{3}, {1}}));
}

TEST_CASE("row_mean: refuses rows without columns", "[reduce][error]") {
  CHECK_THROWS_WITH(headlight::row_mean(Matrix::from_shape({2, 0})),
                    "row_mean: wanted at least one column, got [2, 0]");
}
