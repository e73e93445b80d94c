#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/flash.hpp>
#include <limits>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

Tensor3 random_heads(Random& random, std::size_t h, std::size_t n, std::size_t d, double size = 1) {
  Tensor3 t = Tensor3::from_shape({h, n, d});
  for (double& x : t) x = size * random.normal();
  return t;
}

Matrix head_of(const Tensor3& t, std::size_t h) {
  Matrix m = Matrix::from_shape({t.shape(1), t.shape(2)});
  std::copy_n(t.data() + h * m.size(), m.size(), m.data());
  return m;
}

// The plain way: whole matrices.
Tensor3 plain(const Tensor3& q, const Tensor3& k, const Tensor3& v, bool causal) {
  Tensor3 y = Tensor3::from_shape({q.shape(0), q.shape(1), v.shape(2)});
  for (std::size_t h = 0; h < q.shape(0); ++h) {
    Matrix s = matmul(head_of(q, h), headlight::transpose(head_of(k, h)));
    for (double& x : s) x /= std::sqrt(static_cast<double>(q.shape(2)));
    if (causal) s = hide(s, causal_mask(q.shape(1), k.shape(1)));
    const Matrix z = matmul(softmax_rows(s), head_of(v, h));
    std::copy(z.begin(), z.end(), y.data() + h * z.size());
  }
  return y;
}

}  // namespace

TEST_CASE("flash_attention: equals the plain way for any tile size, also when n is no multiple",
          "[flash][two-ways]") {
  Random random(1);
  const Tensor3 q = random_heads(random, 2, 13, 5), k = random_heads(random, 2, 17, 5),
                v = random_heads(random, 2, 17, 3);
  for (const bool causal : {false, true})
    for (const std::size_t rows : {1u, 4u, 13u, 128u})
      for (const std::size_t columns : {1u, 5u, 17u, 256u}) {
        INFO(causal << " " << rows << " x " << columns);
        const FlashOptions options{.causal = causal, .query_block = rows, .key_block = columns};
        CHECK_THAT(flash_attention(q, k, v, options).output, IsClose(plain(q, k, v, causal)));
      }
}

TEST_CASE("flash_attention: scores near 1000 do no harm", "[flash]") {
  Random random(2);
  Tensor3 q = random_heads(random, 1, 6, 4), k = random_heads(random, 1, 9, 4);
  const Tensor3 v = random_heads(random, 1, 9, 2);
  for (std::size_t i = 0; i < 6; ++i) q(0, i, 0) = 2000;
  for (std::size_t j = 0; j < 9; ++j) k(0, j, 0) = 1 + 1e-3 * static_cast<double>(j);
  const FlashResult result = flash_attention(q, k, v, {.query_block = 2, .key_block = 2});
  CHECK_THAT(result.output,
             IsClose(plain(q, k, v, false), 1e-9));  // scores of 1000 carry 1e-13 each
}

TEST_CASE("flash_attention: log-sum-exp of ln 1, ln 2, ln 5 is ln 8", "[flash]") {
  const Tensor3 q = {{{1}}}, k = {{{0}, {std::log(2)}, {std::log(5)}}}, v = {{{8}, {80}, {800}}};
  const FlashResult result = flash_attention(q, k, v, {.key_block = 2});
  CHECK(std::abs(result.log_sum_exp(0, 0) - std::log(8)) < 1e-14);
  CHECK(std::abs(result.output(0, 0, 0) - 521) < 1e-10);
}

TEST_CASE("flash_attention: tiles record the running maximum, sum and rescale", "[flash]") {
  const Tensor3 q = {{{1}}}, k = {{{0}, {std::log(2)}, {std::log(5)}}}, v = {{{8}, {80}, {800}}};
  std::vector<FlashTileOf<double>> tiles;
  flash_attention(q, k, v, {.key_block = 1}, &tiles);
  REQUIRE(tiles.size() == 3);
  CHECK(std::abs(tiles[0].sum(0) - 1) < 1e-15);
  CHECK(std::abs(tiles[1].rescale(0) - 1.0 / 2) < 1e-15);
  CHECK(std::abs(tiles[1].sum(0) - 3.0 / 2) < 1e-15);
  CHECK(std::abs(tiles[2].rescale(0) - 2.0 / 5) < 1e-15);
  CHECK(std::abs(tiles[2].sum(0) - 8.0 / 5) < 1e-15);
}

TEST_CASE("flash_attention: tiles that lie in the future are not computed", "[flash]") {
  Random random(3);
  const Tensor3 q = random_heads(random, 1, 8, 2), k = random_heads(random, 1, 8, 2),
                v = random_heads(random, 1, 8, 2);
  std::vector<FlashTileOf<double>> tiles;
  flash_attention(q, k, v, {.causal = true, .query_block = 2, .key_block = 2}, &tiles);
  CHECK(tiles.size() == 10);  // 1 + 2 + 3 + 4 of 16
}

TEST_CASE("merge: two halves of the keys give the whole, also when a half is unseen",
          "[flash][two-ways]") {
  Random random(4);
  const Tensor3 q = random_heads(random, 2, 5, 4), k = random_heads(random, 2, 10, 4),
                v = random_heads(random, 2, 10, 3);
  const auto part = [](const Tensor3& t, std::size_t first, std::size_t count) {
    Tensor3 some = Tensor3::from_shape({t.shape(0), count, t.shape(2)});
    for (std::size_t h = 0; h < t.shape(0); ++h)
      for (std::size_t i = 0; i < count; ++i)
        for (std::size_t c = 0; c < t.shape(2); ++c) some(h, i, c) = t(h, first + i, c);
    return some;
  };
  const FlashResult left = flash_attention(q, part(k, 0, 4), part(v, 0, 4));
  const FlashResult right = flash_attention(q, part(k, 4, 6), part(v, 4, 6));
  const FlashResult whole = flash_attention(q, k, v);
  CHECK_THAT(merge(left, right).output, IsClose(whole.output));
  CHECK_THAT(merge(left, right).log_sum_exp, IsClose(whole.log_sum_exp));
  FlashResult unseen = left;
  for (double& x : unseen.output) x = 0;
  for (double& x : unseen.log_sum_exp) x = -std::numeric_limits<double>::infinity();
  CHECK_THAT(merge(unseen, right).output, IsClose(right.output));
}

TEST_CASE("flash_backward: agrees with finite differences", "[flash][gradient]") {
  Random random(5);
  Tensor3 q = random_heads(random, 2, 5, 3), k = random_heads(random, 2, 7, 3),
          v = random_heads(random, 2, 7, 4);
  const Tensor3 dy = random_heads(random, 2, 5, 4);
  for (const bool causal : {false, true}) {
    const FlashOptions options{.causal = causal, .query_block = 2, .key_block = 3};
    const auto loss = [&] {
      const Tensor3 y = flash_attention(q, k, v, options).output;
      double sum = 0;
      for (std::size_t c = 0; c < y.size(); ++c) sum += y.data()[c] * dy.data()[c];
      return sum;
    };
    const FlashGradientOf<double> gradient =
        flash_backward(q, k, v, flash_attention(q, k, v, options), dy, options);
    const auto check = [&](Tensor3& argument, const Tensor3& got) {
      Tensor3 want = got;
      for (std::size_t c = 0; c < argument.size(); ++c) {
        const double kept = argument.data()[c], h = 1e-5;
        argument.data()[c] = kept + h;
        const double up = loss();
        argument.data()[c] = kept - h;
        want.data()[c] = (up - loss()) / (2 * h);
        argument.data()[c] = kept;
      }
      CHECK_THAT(got, IsClose(want, 1e-8));  // central differences: h^2 and rounding / h
    };
    check(q, gradient.query);
    check(k, gradient.key);
    check(v, gradient.value);
  }
}

TEST_CASE("flash_attention: float agrees with double, one and two threads bit for bit",
          "[flash][two-ways]") {
  Random random(6);
  const Tensor3 q = random_heads(random, 3, 150, 8), k = random_heads(random, 3, 150, 8),
                v = random_heads(random, 3, 150, 8);
  const Tensor3F qf = q, kf = k, vf = v;
  const FlashResultF one = flash_attention(qf, kf, vf, {.causal = true, .query_block = 32});
  const FlashResultF two =
      flash_attention(qf, kf, vf, {.causal = true, .query_block = 32, .threads = 2});
  CHECK((one.output == two.output));
  CHECK_THAT(one.output, IsCloseInFloat(plain(q, k, v, true)));
}

TEST_CASE("flash_attention: says which shapes do not fit", "[flash][error]") {
  const Tensor3 a = Tensor3::from_shape({1, 2, 3}), b = Tensor3::from_shape({1, 2, 4});
  CHECK_THROWS_WITH(flash_attention(a, b, a),
                    "flash_attention: query and key widths differ: [1, 2, 3], [1, 2, 4]");
  CHECK_THROWS_WITH(flash_attention(a, a, a, {.key_block = 0}),
                    "flash_attention: wanted tiles of at least one row and column, got 128 x 0");
  CHECK_THROWS_AS(flash_attention(Tensor3::from_shape({1, 4, 3}), a, a, {.causal = true}),
                  ShapeError);
}
