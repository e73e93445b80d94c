#include <cmath>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/position/alibi.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

TEST_CASE("alibi_slopes: 8 heads from 1/2 to 1/256", "[alibi]") {
  CHECK((alibi_slopes<double>(8) ==
         Vector{1.0 / 2, 1.0 / 4, 1.0 / 8, 1.0 / 16, 1.0 / 32, 1.0 / 64, 1.0 / 128, 1.0 / 256}));
}

TEST_CASE("alibi_slopes: 16 heads in steps of the square root of a half", "[alibi]") {
  const Vector slopes = alibi_slopes<double>(16);
  for (std::size_t h = 0; h < 16; ++h)
    CHECK(std::abs(slopes(h) - std::pow(std::sqrt(0.5), static_cast<double>(h + 1))) < 1e-15);
}

TEST_CASE("alibi_slopes: 12 heads are those of 8, then every other one of 16", "[alibi]") {
  const Vector slopes = alibi_slopes<double>(12), eight = alibi_slopes<double>(8);
  for (std::size_t h = 0; h < 8; ++h) CHECK(slopes(h) == eight(h));
  const double exponents[] = {-0.5, -1.5, -2.5, -3.5};
  for (std::size_t h = 0; h < 4; ++h)
    CHECK(std::abs(slopes(8 + h) - std::exp2(exponents[h])) < 1e-15);
}

TEST_CASE("alibi_slopes: any head count has distinct slopes between 1/256 and 1", "[alibi][law]") {
  for (std::size_t n = 1; n <= 70; ++n) {
    const Vector slopes = alibi_slopes<double>(n);
    for (std::size_t h = 0; h < n; ++h) {
      CHECK((slopes(h) >= 1.0 / 256 && slopes(h) < 1));
      for (std::size_t g = 0; g < h; ++g) CHECK(slopes(g) != slopes(h));
    }
  }
  CHECK_THROWS_WITH(alibi_slopes<double>(0), "alibi_slopes: wanted at least one head, got 0");
}

TEST_CASE("alibi_bias: minus slope times distance", "[alibi]") {
  const Tensor3 bias = alibi_bias<double>(2, 3, 3);  // slopes 1/16 and 1/256
  const double m = 1.0 / 16, w = 1.0 / 256;
  CHECK((bias == Tensor3{{{0, m, 2 * m}, {-m, 0, m}, {-2 * m, -m, 0}},
                         {{0, w, 2 * w}, {-w, 0, w}, {-2 * w, -w, 0}}}));
}

TEST_CASE("alibi_bias: the last queries of a longer sequence get its last rows",
          "[alibi][two-ways]") {
  const Tensor3 all = alibi_bias<double>(3, 7, 7), last = alibi_bias<double>(3, 2, 7);
  for (std::size_t h = 0; h < 3; ++h)
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t j = 0; j < 7; ++j) CHECK(last(h, i, j) == all(h, i + 5, j));
  CHECK_THROWS_AS(alibi_bias<double>(3, 8, 7), ShapeError);
}

TEST_CASE("alibi_bias: adding slope times the key's index gives the same pattern",
          "[alibi][two-ways]") {
  Random random(21);
  const std::size_t n = 9;
  const Matrix x = random_matrix(random, n, 6);
  const MultiHeadWeights w{2, random_matrix(random, 6, 8), random_matrix(random, 6, 8),
                           random_matrix(random, 6, 4), random_matrix(random, 4, 6)};
  const Tensor3 bias = alibi_bias<double>(2, n, n);
  Tensor3 per_key = bias;
  for (std::size_t h = 0; h < 2; ++h)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        per_key(h, i, j) = alibi_slopes<double>(2)(h) * static_cast<double>(j);
  const MultiHeadTrace a = multi_head_attention(x, w, {.causal = true, .bias = &bias});
  const MultiHeadTrace b = multi_head_attention(x, w, {.causal = true, .bias = &per_key});
  CHECK_THAT(a.pattern, IsClose(b.pattern));
}

TEST_CASE("alibi_bias: a steeper slope looks less far back", "[alibi][law]") {
  const std::size_t n = 64;
  const MultiHeadWeights w{4, Matrix{{0, 0, 0, 0}}, Matrix{{0, 0, 0, 0}}, Matrix{{0, 0, 0, 0}},
                           Matrix{{0}, {0}, {0}, {0}}};
  Matrix zero = Matrix::from_shape({n, 1});
  for (double& value : zero) value = 0;
  const Tensor3 bias = alibi_bias<double>(4, n, n);
  const MultiHeadTrace t = multi_head_attention(zero, w, {.causal = true, .bias = &bias});
  double previous = 0;
  for (std::size_t h = 0; h < 4; ++h) {
    double distance = 0;
    for (std::size_t j = 0; j < n; ++j)
      distance += t.pattern(h, n - 1, j) * static_cast<double>(n - 1 - j);
    CHECK(distance > previous);
    previous = distance;
  }
  // Slope 1/4: the geometric series q / (1 - q) with q = exp(-1/4).
  double first = 0;
  for (std::size_t j = 0; j < n; ++j)
    first += t.pattern(0, n - 1, j) * static_cast<double>(n - 1 - j);
  const double q = std::exp(-0.25);
  CHECK(std::abs(first - q / (1 - q)) < 1e-4);  // the series is cut after 64 terms, 0.25 * 64 = 16
}
