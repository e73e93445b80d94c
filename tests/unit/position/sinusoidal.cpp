#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/position/sinusoidal.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

TEST_CASE("sinusoidal_positions: position 0 is sine 0 and cosine 0 of every pair", "[sinusoidal]") {
  CHECK_THAT(sinusoidal_positions<double>(1, 6), IsClose(Matrix{{0, 1, 0, 1, 0, 1}}));
}

TEST_CASE("sinusoidal_positions: the second pair of a width of 4 turns 100 times slower",
          "[sinusoidal]") {
  CHECK_THAT(sinusoidal_positions<double>(1, 4, 3),
             IsClose(Matrix{{std::sin(3.0), std::cos(3.0), std::sin(0.03), std::cos(0.03)}}));
}

TEST_CASE("sinusoidal_positions: an odd width ends with a lone sine", "[sinusoidal]") {
  const Matrix p = sinusoidal_positions<double>(2, 3);  // [n, d_model]
  CHECK_THAT(
      p, IsClose(Matrix{{0, 1, 0},
                        {std::sin(1.0), std::cos(1.0), std::sin(std::pow(10000.0, -2.0 / 3.0))}}));
}

TEST_CASE("sinusoidal_positions: starting later gives the later rows", "[sinusoidal][law]") {
  const Matrix all = sinusoidal_positions<double>(9, 8);
  const Matrix late = sinusoidal_positions<double>(4, 8, 5);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 8; ++j) CHECK(late(i, j) == all(i + 5, j));
}

TEST_CASE("sinusoidal_shift: one matrix moves every position by the same offset",
          "[sinusoidal][law]") {
  const std::size_t n = 40, d = 16;
  for (const int offset : {1, 7, 25}) {
    const Matrix moved =
        matmul(sinusoidal_positions<double>(n, d), sinusoidal_shift<double>(d, offset));
    CHECK_THAT(moved,
               IsClose(sinusoidal_positions<double>(n, d, static_cast<std::size_t>(offset))));
  }
}

TEST_CASE("sinusoidal_shift: its transpose moves back, and two shifts add up",
          "[sinusoidal][law]") {
  const Matrix there = sinusoidal_shift<double>(6, 5), back = sinusoidal_shift<double>(6, -5);
  CHECK_THAT(transpose(there), IsClose(back));
  CHECK_THAT(matmul(sinusoidal_shift<double>(6, 2), sinusoidal_shift<double>(6, 3)),
             IsClose(there));
}

TEST_CASE("sinusoidal_positions: the product of two positions depends on their difference alone",
          "[sinusoidal][law]") {
  const Matrix p = sinusoidal_positions<double>(50, 12);
  const Matrix products = matmul(p, transpose(p));  // [n, n]
  for (std::size_t i = 0; i + 11 < 50; ++i)
    CHECK(std::abs(products(i, i + 11) - products(0, 11)) < 1e-12);
  CHECK(std::abs(products(0, 11) - products(0, 12)) > 0.01);
}

TEST_CASE("sinusoidal_shift: refuses an odd width", "[sinusoidal][error]") {
  CHECK_THROWS_WITH(sinusoidal_shift<double>(5, 1),
                    "sinusoidal_shift: wanted an even width, got 5");
}

TEST_CASE("sinusoidal_positions: float is double rounded", "[sinusoidal][two-ways]") {
  // One rounding to float: half a unit in the last place, 6e-8.
  CHECK_THAT(sinusoidal_positions<float>(30, 10),
             IsCloseInFloat(sinusoidal_positions<double>(30, 10), 6e-8));
}
