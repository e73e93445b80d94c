#include <cmath>
#include <headlight/core/fourier.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/token_mixing.hpp>
#include <numbers>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

Matrix mixing_signal(std::size_t n, std::size_t d, std::uint64_t seed = 1) {
  Random random(seed);
  return random_matrix(random, n, d);
}

TokenMixingWeights weights(std::size_t n, std::size_t d, std::size_t d_hidden) {
  Random random(2);
  return {{random_vector(random, d), random_vector(random, d)},
          {random_matrix(random, n, d_hidden), random_vector(random, d_hidden),
           random_matrix(random, d_hidden, n), random_vector(random, n), Activation::gelu}};
}

}  // namespace

TEST_CASE("token_mixing: equals its definition, cell by cell", "[token_mixing][two-ways]") {
  const Matrix x = mixing_signal(7, 5);
  const TokenMixingWeights w = weights(7, 5, 9);
  const Matrix normal = normalise(x, w.norm).output;
  Matrix want = x;
  for (std::size_t i = 0; i < 7; ++i)
    for (std::size_t c = 0; c < 5; ++c) {
      want(i, c) += w.mixer.b_out(i);
      for (std::size_t h = 0; h < 9; ++h) {
        double pre = w.mixer.b_in(h);
        for (std::size_t j = 0; j < 7; ++j) pre += normal(j, c) * w.mixer.W_in(j, h);
        want(i, c) += pre * std::erfc(-pre / std::numbers::sqrt2) / 2 * w.mixer.W_out(h, i);
      }
    }
  CHECK_THAT(token_mixing(x, w).output, IsClose(want));
}

TEST_CASE(
    "token_mixing: its weights belong to positions, so exchanging two tokens does more than "
    "exchange outputs",
    "[token_mixing][control]") {
  const TokenMixingWeights w = weights(7, 5, 9);
  Matrix x = mixing_signal(7, 5), want = token_mixing(x, w).output;
  for (std::size_t c = 0; c < 5; ++c)
    std::swap(x(1, c), x(4, c)), std::swap(want(1, c), want(4, c));
  CHECK_FALSE(compare(token_mixing(x, w).output, want, {.tolerance = 0.1}).close);
}

TEST_CASE("token_mixing: 2 n d d_hidden products, at three lengths", "[token_mixing][work]") {
  for (const std::size_t n : {8u, 16u, 32u}) {
    const Work work = token_mixing(mixing_signal(n, 5), weights(n, 5, 9)).work;
    CHECK(work.multiply_adds == 2 * n * 5 * 9);
    CHECK(work.exponentials == 0);
    CHECK(work.largest_buffer == 5 * 9);
  }
}

TEST_CASE("token_mixing: refuses another length than its weights'", "[token_mixing][error]") {
  CHECK_THROWS_WITH(token_mixing(mixing_signal(6, 5), weights(7, 5, 9)),
                    "token_mixing: weights are for another number of tokens: [6, 5], W_in [7, 9], "
                    "W_out [9, 7]");
  TokenMixingWeights w = weights(7, 5, 9);
  w.mixer.b_in = {1};
  CHECK_THROWS_AS(token_mixing(mixing_signal(7, 5), w), ShapeError);
}

TEST_CASE("fourier_mixing: equals two explicit matrices of cosines and sines, any sizes",
          "[token_mixing][two-ways]") {
  for (const auto& [n, d] : {std::pair{8u, 4u}, {1u, 8u}, {16u, 1u}, {6u, 10u}, {13u, 7u}}) {
    const Matrix x = mixing_signal(n, d);
    Matrix want = Matrix::from_shape({n, d});
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d; ++c) {
        want(i, c) = 0;
        for (std::size_t j = 0; j < n; ++j)
          for (std::size_t k = 0; k < d; ++k)
            want(i, c) +=
                x(j, k) *
                std::cos(2 * std::numbers::pi *
                         (static_cast<double>(i * j % n) / n + static_cast<double>(c * k % d) / d));
      }
    INFO(n << " x " << d);
    CHECK_THAT(fourier_mixing(x).output, IsClose(want));
  }
}

TEST_CASE("fourier_mixing: is linear, and twice of it mirrors the even part",
          "[token_mixing][law]") {
  // The real part of the transform of a real signal is even: applied again it gives n d times the
  // mean of x and x mirrored in both directions.
  const Matrix x = mixing_signal(8, 4);
  const Matrix twice = fourier_mixing(fourier_mixing(x).output).output;
  Matrix want = x;
  for (std::size_t i = 0; i < 8; ++i)
    for (std::size_t c = 0; c < 4; ++c) want(i, c) = 16 * (x(i, c) + x((8 - i) % 8, (4 - c) % 4));
  CHECK_THAT(twice, IsClose(want));
}

TEST_CASE("fourier_mixing: over one axis only it is another function", "[token_mixing][control]") {
  const Matrix x = mixing_signal(8, 4);
  const FourierMixingTrace t = fourier_mixing(x);
  CHECK_FALSE(compare(t.hidden_real, t.output, {.tolerance = 0.1}).close);
}

TEST_CASE("fourier_mixing: n d (log2 n + log2 d) / 2 complex products, at three lengths",
          "[token_mixing][work]") {
  for (const std::size_t log : {3u, 5u, 7u}) {
    const std::size_t n = std::size_t{1} << log;
    const Work work = fourier_mixing(mixing_signal(n, 4)).work;
    CHECK(work.multiply_adds == 4 * (n * 4 * (log + 2) / 2));
    CHECK(work.largest_buffer == 2 * n * 4);
  }
}

TEST_CASE("fourier_mixing: refuses nothing to mix", "[token_mixing][error]") {
  CHECK_THROWS_WITH(fourier_mixing(Matrix::from_shape({0, 4})),
                    "fourier_mixing: wanted at least one token and channel, got [0, 4]");
}
