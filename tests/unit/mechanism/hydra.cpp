#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/hydra.hpp>
#include <headlight/mechanism/linear.hpp>
#include <headlight/mechanism/routing.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

struct HydraSample {
  Random random{3};
  Matrix q = random_matrix(random, 11, 4), k = random_matrix(random, 11, 4),
         v = random_matrix(random, 11, 4);
};

Matrix column(const Matrix& m, std::size_t c) {
  Matrix one = Matrix::from_shape({m.shape(0), 1});
  for (std::size_t i = 0; i < m.shape(0); ++i) one(i, 0) = m(i, c);
  return one;
}

// The n x n matrix of every head: (q_ic / |q_i|) (k_jc / |k_j|), masked, times the values.
Matrix quadratic(const HydraSample& s, bool causal) {
  const Matrix q = unit_rows(s.q), k = unit_rows(s.k);
  Matrix y = Matrix::from_shape({11, 4});
  for (std::size_t i = 0; i < 11; ++i)
    for (std::size_t c = 0; c < 4; ++c) {
      y(i, c) = 0;
      for (std::size_t j = 0; j < (causal ? i + 1 : 11); ++j)
        y(i, c) += q(i, c) * k(j, c) * s.v(j, c);
    }
  return y;
}

}  // namespace

TEST_CASE("hydra_attention: equals the quadratic form of every head", "[hydra][two-ways]") {
  const HydraSample s;
  for (const bool causal : {true, false})
    CHECK_THAT(hydra_attention(s.q, s.k, s.v, causal).output, IsClose(quadratic(s, causal)));
}

TEST_CASE("hydra_attention: is linear attention with one feature a head, before its normaliser",
          "[hydra][two-ways]") {
  const HydraSample s;
  const Matrix q = unit_rows(s.q), k = unit_rows(s.k);
  for (const bool causal : {true, false}) {
    const HydraTrace hydra = hydra_attention(s.q, s.k, s.v, causal);
    for (std::size_t c = 0; c < 4; ++c) {  // h = d: head c has feature c alone
      LinearTrace head = linear_attention(column(q, c), column(k, c), column(s.v, c), causal);
      for (std::size_t i = 0; i < 11; ++i) head.output(i, 0) *= head.normaliser(i);
      CHECK_THAT(column(hydra.output, c), IsClose(head.output));
    }
  }
}

TEST_CASE("hydra_attention: the length of queries and keys does not matter, that of values does",
          "[hydra][law]") {
  HydraSample s;
  const Matrix before = hydra_attention(s.q, s.k, s.v, true).output;
  for (double& x : s.q) x *= 5;
  for (double& x : s.k) x *= 7;
  CHECK_THAT(hydra_attention(s.q, s.k, s.v, true).output, IsClose(before));
  for (double& x : s.v) x *= 2;
  CHECK_FALSE(compare(hydra_attention(s.q, s.k, s.v, true).output, before).close);
}

TEST_CASE("hydra_attention: is not linear attention with one head", "[hydra][control]") {
  const HydraSample s;
  const Matrix one_head = linear_attention(unit_rows(s.q), unit_rows(s.k), s.v, false).output;
  CHECK_FALSE(
      compare(hydra_attention(s.q, s.k, s.v, false).output, one_head, {.tolerance = 0.1}).close);
}

TEST_CASE("hydra_attention: 4 n d products and a state of d numbers, at three lengths",
          "[hydra][work]") {
  for (const std::size_t n : {8u, 16u, 32u}) {
    Random random(n);
    const Matrix x = random_matrix(random, n, 6);
    const Work work = hydra_attention(x, x, x, true).work;
    CHECK(work.multiply_adds == 4 * n * 6);
    CHECK(work.exponentials == 0);
    CHECK(work.largest_buffer == 6);
  }
}

TEST_CASE("hydra_attention: a zero query gives zeros, sizes that differ are refused",
          "[hydra][error]") {
  HydraSample s;
  for (std::size_t c = 0; c < 4; ++c) s.q(3, c) = s.k(5, c) = 0;
  const Matrix y = hydra_attention(s.q, s.k, s.v, true).output;
  CHECK(y(3, 1) == 0);
  for (const double x : y) CHECK(std::isfinite(x));
  CHECK_THROWS_WITH(
      hydra_attention(s.q, s.k, Matrix{{1}}, true),
      "hydra_attention: widths of queries, keys and values differ: [11, 4], [11, 4], [1, 1]");
  const Matrix none = Matrix::from_shape({3, 0});
  CHECK_THROWS_WITH(hydra_attention(none, none, none, true),
                    "hydra_attention: wanted at least one feature, got [3, 0]");
  CHECK_THROWS_AS(hydra_attention(Matrix{{1, 2, 3, 4}}, s.k, s.v, true), ShapeError);
}
