#include <cmath>
#include <complex>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/position/rope.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

double dot(const Matrix& a, const Matrix& b) {
  return matmul(a, transpose(b))(0, 0);
}

double norm_of_row(const Matrix& a, std::size_t row) {
  double squares = 0;
  for (std::size_t j = 0; j < a.shape(1); ++j) squares += a(row, j) * a(row, j);
  return std::sqrt(squares);
}

}  // namespace

TEST_CASE("rotate: one coordinate pair at position 1 turns by one radian", "[rope]") {
  const Matrix x = {{1, 0}, {1, 0}};  // [n, d_head]; rows at positions 0 and 1
  CHECK_THAT(rotate(x), IsClose(Matrix{{1, 0}, {std::cos(1.0), std::sin(1.0)}}));
}

TEST_CASE("rotate: width 4 at position 1, both pairings by hand", "[rope]") {
  const Matrix x = {{1, 2, 3, 4}};
  const double c = std::cos(1.0), s = std::sin(1.0);      // first pair: one radian a token
  const double cs = std::cos(0.01), ss = std::sin(0.01);  // second pair: 10000^(-2/4)
  CHECK_THAT(rotate(x, {.pairing = RopePairing::interleaved}, 1),
             IsClose(Matrix{{c - 2 * s, s + 2 * c, 3 * cs - 4 * ss, 3 * ss + 4 * cs}}));
  CHECK_THAT(rotate(x, {.pairing = RopePairing::halves}, 1),
             IsClose(Matrix{{c - 3 * s, 2 * cs - 4 * ss, s + 3 * c, 2 * ss + 4 * cs}}));
}

TEST_CASE("rotate: is multiplication by a complex number of length one", "[rope][two-ways]") {
  Random random(11);
  const Matrix x = random_matrix(random, 7, 10);
  const Matrix got = rotate(x, {.base = 500, .pairing = RopePairing::interleaved}, 3);
  Matrix want = x;
  for (std::size_t i = 0; i < 7; ++i)
    for (std::size_t t = 0; t < 5; ++t) {
      const double angle = static_cast<double>(i + 3) * std::exp(-std::log(500.0) * 2 * t / 10.0);
      const std::complex<double> z =
          std::complex<double>(x(i, 2 * t), x(i, 2 * t + 1)) * std::polar(1.0, angle);
      want(i, 2 * t) = z.real(), want(i, 2 * t + 1) = z.imag();
    }
  CHECK_THAT(got, IsClose(want));
}

TEST_CASE("rotate: every row keeps its length", "[rope][law]") {
  Random random(12);
  const Matrix x = random_matrix(random, 9, 8);
  const Matrix turned = rotate(x, {}, 1000);
  for (std::size_t i = 0; i < 9; ++i)
    CHECK(std::abs(norm_of_row(turned, i) - norm_of_row(x, i)) < 1e-12);
}

TEST_CASE("rotate: the score depends on the difference of positions alone", "[rope][law]") {
  Random random(13);
  const Matrix q = random_matrix(random, 1, 16), k = random_matrix(random, 1, 16);
  const auto score = [&](std::size_t i, std::size_t j) {
    return dot(rotate(q, {}, i), rotate(k, {}, j));
  };
  CHECK(std::abs(score(105, 100) - score(5, 0)) < 1e-11);  // angles of 100 radians lose 2 digits
  CHECK(std::abs(score(5, 0) - score(0, 5)) > 0.1);        // the sign of the difference matters
  CHECK(std::abs(score(5, 0) - score(6, 0)) > 0.01);
}

TEST_CASE("rotate: position 0 changes nothing, and turning the other way undoes it",
          "[rope][law]") {
  Random random(14);
  const Matrix x = random_matrix(random, 5, 6);
  const Matrix turned = rotate(x, {}, 4);
  CHECK_THAT(rotate(turned, {.position_scale = -1}, 4), IsClose(x));
  CHECK_THAT(rotate(Matrix{{1, 2, 3, 4}}), IsClose(Matrix{{1, 2, 3, 4}}));
}

TEST_CASE("rotate: the two pairings are one rotation in another order of the coordinates",
          "[rope][two-ways]") {
  Random random(15);
  for (const std::size_t dimensions : {std::size_t{0}, std::size_t{6}}) {
    const Rope halves{.pairing = RopePairing::halves, .dimensions = dimensions};
    const Rope interleaved{.pairing = RopePairing::interleaved, .dimensions = dimensions};
    const Matrix x = random_matrix(random, 5, 10);  // [n, d_head], interleaved layout
    const std::vector<std::size_t> order = pairing_order(10, halves);
    const auto reordered = [&](const Matrix& a) {
      Matrix b = a;
      for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t j = 0; j < 10; ++j) b(i, j) = a(i, order[j]);
      return b;
    };
    CHECK_THAT(rotate(reordered(x), halves, 2), IsClose(reordered(rotate(x, interleaved, 2))));
    CHECK_FALSE(compare(rotate(x, halves, 2), rotate(x, interleaved, 2), {.tolerance = 0.1}).close);
  }
}

TEST_CASE("rotate: coordinates beyond `dimensions` stay, the others turn as in a narrower head",
          "[rope][two-ways]") {
  const Matrix x = {{1, 2, 3, 4, 5, 6}};
  for (const RopePairing pairing : {RopePairing::halves, RopePairing::interleaved}) {
    const Matrix turned = rotate(x, {.pairing = pairing, .dimensions = 4}, 9);
    const Matrix narrow = rotate(Matrix{{1, 2, 3, 4}}, {.pairing = pairing}, 9);
    CHECK_THAT(turned,
               IsClose(Matrix{{narrow(0, 0), narrow(0, 1), narrow(0, 2), narrow(0, 3), 5, 6}}));
  }
}

TEST_CASE("rotate: may write over its input", "[rope]") {
  Random random(16);
  for (const RopePairing pairing : {RopePairing::halves, RopePairing::interleaved}) {
    Matrix x = random_matrix(random, 4, 8);
    const Matrix want = rotate(x, {.pairing = pairing}, 1);
    const Matrix& from = x;
    rotate<double>(view(from), 1, {.pairing = pairing}, view(x));
    CHECK((x == want));
  }
}

TEST_CASE("rope_frequencies: from one radian a token down to nearly 1/base", "[rope]") {
  CHECK_THAT(rope_frequencies(4), IsClose(Vector{1, 0.01}));
  CHECK_THAT(rope_frequencies(8, {.base = 16, .position_scale = 0.5}),
             IsClose(Vector{0.5, 0.25, 0.125, 0.0625}));
  CHECK_THAT(rope_frequencies(10, {.dimensions = 4}), IsClose(Vector{1, 0.01}));
}

TEST_CASE("interpolated: position 4 m turns as far as position m did", "[rope][law]") {
  Random random(17);
  const Matrix x = random_matrix(random, 1, 8);
  const Rope trained{.base = 10000, .position_scale = 1};
  CHECK_THAT(rotate(x, interpolated(trained, 4), 28), IsClose(rotate(x, trained, 7)));
}

TEST_CASE("ntk_scaled: the fastest pair keeps its speed, the slowest is slowed by the factor",
          "[rope][law]") {
  const Vector before = rope_frequencies(12), after = rope_frequencies(12, ntk_scaled({}, 12, 8));
  CHECK(before(0) == after(0));
  CHECK(std::abs(before(5) / after(5) - 8) < 1e-12);
  for (std::size_t i = 1; i < 5; ++i) {
    CHECK(before(i) / after(i) > before(i - 1) / after(i - 1));
  }
}

TEST_CASE("rotate: by turns made once, any part of them, the same bits", "[rope][law]") {
  Random random(17);
  const Matrix x = random_matrix(random, 6, 8);
  for (const RopePairing pairing : {RopePairing::halves, RopePairing::interleaved}) {
    const Rope rope{.base = 500, .pairing = pairing, .dimensions = 6, .position_scale = 0.5};
    const Turns all = turns<double>(3, 10, 8, rope);
    CHECK(all.cosine.shape() == std::array<std::size_t, 2>{10, 3});
    Matrix turned = x;
    rotate<double>(view(x), all, 4, pairing, view(turned));
    CHECK((turned == rotate(x, rope, 7)));
    CHECK_THROWS_WITH(rotate<double>(view(x), all, 5, pairing, view(turned)),
                      "rotate: turns [10, 3] from row 5 on do not fit 6 rows of 8");
  }
}

TEST_CASE("rotate: refuses an odd or too large number of turning coordinates", "[rope][error]") {
  const Matrix x = {{1, 2, 3}};
  CHECK_THROWS_WITH(rotate(x),
                    "rotate: wanted an even number of turning coordinates, at most 3, got 3");
  CHECK_THROWS_WITH(rotate(x, {.dimensions = 4}),
                    "rotate: wanted an even number of turning coordinates, at most 3, got 4");
  CHECK_THROWS_AS(rope_frequencies(5), ShapeError);
  CHECK_THROWS_AS(pairing_order(5), ShapeError);
  CHECK_THROWS_AS(ntk_scaled({}, 2, 4), ShapeError);
  CHECK_THROWS_AS(ntk_scaled({}, 8, 0.5), std::domain_error);
  CHECK_THROWS_WITH(interpolated({}, 0.5),
                    "interpolated: wanted a factor of at least 1, got 0.500000");
  Matrix small = {{1, 2}};
  const Matrix wide = {{1, 2, 3, 4}};
  CHECK_THROWS_AS(rotate<double>(view(wide), 0, {}, view(small)), ShapeError);
}

TEST_CASE("rotate: float follows double", "[rope][two-ways]") {
  Random random(18);
  const Matrix x = random_matrix(random, 20, 8);
  // Cosine, sine, two products and a sum, each rounded to float: a few times 6e-8.
  CHECK_THAT(rotate(MatrixF(x), {}, 500), IsCloseInFloat(rotate(x, {}, 500), 3e-7));
}
