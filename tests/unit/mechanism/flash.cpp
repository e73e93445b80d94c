#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/flash.hpp>
#include <limits>

#include "plain.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

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
  Tensor3 mean = left.output;  // the control: halves weighed alike
  for (std::size_t c = 0; c < mean.size(); ++c)
    mean.data()[c] = (mean.data()[c] + right.output.data()[c]) / 2;
  CHECK_FALSE(compare(mean, whole.output, {.tolerance = 0.01}).close);
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

namespace {

// The whole way with padding hidden, and the whole way's gradients: softmax's derivative by hand.
struct Plain {
  Matrix output;
  Matrix query, key, value;  // gradients
};

Plain plain_with_gradients(const Matrix& q, const Matrix& k, const Matrix& v, const Mask& mask,
                           const Matrix& dy) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.shape(1)));
  Matrix s = matmul(q, headlight::transpose(k));
  for (double& x : s) x *= scale;
  const Matrix pattern = softmax_rows(hide(s, mask));
  Matrix slope = matmul(dy, headlight::transpose(v));  // dL / dpattern
  for (std::size_t i = 0; i < slope.shape(0); ++i) {
    double along = 0;
    for (std::size_t j = 0; j < slope.shape(1); ++j) along += pattern(i, j) * slope(i, j);
    for (std::size_t j = 0; j < slope.shape(1); ++j)
      slope(i, j) = scale * pattern(i, j) * (slope(i, j) - along);
  }
  return {matmul(pattern, v), matmul(slope, k), matmul(headlight::transpose(slope), q),
          matmul(headlight::transpose(pattern), dy)};
}

}  // namespace

TEST_CASE("flash_attention: a first tile that is fully hidden, and rows that see nothing",
          "[flash][two-ways]") {
  Random random(7);
  const Matrix q = random_matrix(random, 11, 4), k = random_matrix(random, 13, 4),
               v = random_matrix(random, 13, 3), dy = random_matrix(random, 11, 3);
  for (const bool causal : {false, true})
    for (const std::size_t hidden : {3u, 4u, 8u, 13u})
      for (const std::size_t columns : {1u, 4u, 5u, 64u}) {
        INFO(hidden << " hidden, tiles of " << columns << " keys, causal " << causal);
        std::vector<bool> is_token(13, true);
        std::fill_n(is_token.begin(), hidden, false);
        Mask mask = padding_mask(11, is_token);
        if (causal) mask = both(mask, causal_mask(11, 13));
        const FlashOptions options{
            .causal = causal, .query_block = 3, .key_block = columns, .is_token = is_token};
        const Plain want = plain_with_gradients(q, k, v, mask, dy);
        std::vector<FlashTileOf<double>> tiles;
        const FlashResult got =
            flash_attention(one_head(q), one_head(k), one_head(v), options, &tiles);
        CHECK_THAT(got.output, IsClose(one_head(want.output)));
        if (columns <= hidden) {  // nothing was seen: no maximum, no sum, nothing to rescale
          CHECK(tiles[0].max(0) == -std::numeric_limits<double>::infinity());
          CHECK((tiles[0].sum(0) == 0 && tiles[0].rescale(0) == 1));
        }
        const FlashGradientOf<double> gradient =
            flash_backward(one_head(q), one_head(k), one_head(v), got, one_head(dy), options);
        CHECK_THAT(gradient.query, IsClose(one_head(want.query)));
        CHECK_THAT(gradient.key, IsClose(one_head(want.key)));
        CHECK_THAT(gradient.value, IsClose(one_head(want.value)));
      }
}

TEST_CASE("flash_backward: equals the plain backward for any tile size", "[flash][two-ways]") {
  Random random(9);
  const Matrix q = random_matrix(random, 17, 5), k = random_matrix(random, 17, 5),
               v = random_matrix(random, 17, 6), dy = random_matrix(random, 17, 6);
  for (const bool causal : {false, true})
    for (const std::size_t rows : {1u, 4u, 40u})
      for (const std::size_t columns : {1u, 7u, 40u}) {
        const FlashOptions options{.causal = causal, .query_block = rows, .key_block = columns};
        const Plain want =
            plain_with_gradients(q, k, v, causal ? causal_mask(17, 17) : full_mask(17, 17), dy);
        const FlashGradientOf<double> got = flash_backward(
            one_head(q), one_head(k), one_head(v),
            flash_attention(one_head(q), one_head(k), one_head(v), options), one_head(dy), options);
        CHECK_THAT(got.query, IsClose(one_head(want.query)));
        CHECK_THAT(got.key, IsClose(one_head(want.key)));
        CHECK_THAT(got.value, IsClose(one_head(want.value)));
      }
}

TEST_CASE("flash_attention: scores shifted by 1000 give what they gave before", "[flash][law]") {
  Random random(12);
  const Matrix q = random_matrix(random, 9, 4), k = random_matrix(random, 9, 4),
               v = random_matrix(random, 9, 3);
  const auto shifted = [&](double shift) {  // one more column: q gets 1, k gets the shift
    Matrix longer_q = Matrix::from_shape({9, 5}), longer_k = Matrix::from_shape({9, 5});
    for (std::size_t i = 0; i < 9; ++i) {
      std::copy_n(q.data() + i * 4, 4, longer_q.data() + i * 5);
      std::copy_n(k.data() + i * 4, 4, longer_k.data() + i * 5);
      longer_q(i, 4) = 1, longer_k(i, 4) = shift;
    }
    return flash_attention(one_head(longer_q), one_head(longer_k), one_head(v),
                           {.query_block = 2, .key_block = 4, .scale = 1});
  };
  const FlashResult plain_scores = shifted(0), high = shifted(1000), low = shifted(-1000);
  CHECK_THAT(high.output, IsClose(plain_scores.output, 1e-11));  // 1000 has 1e-13 between numbers
  CHECK_THAT(low.output, IsClose(plain_scores.output, 1e-11));
  CHECK(std::abs(high.log_sum_exp(0, 0) - plain_scores.log_sum_exp(0, 0) - 1000) < 1e-10);
}

TEST_CASE("flash_attention: counts whole tiles, the exponentials and one tile, at three lengths",
          "[flash][work]") {
  const std::size_t d = 5, d_value = 3, rows = 8, columns = 4;
  for (const std::size_t n : {16u, 32u, 64u})
    for (const std::size_t threads : {1u, 2u}) {
      Random random(n);
      const Tensor3 q = random_heads(random, 1, n, d), k = random_heads(random, 1, n, d),
                    v = random_heads(random, 1, n, d_value);
      FlashOptions options{.query_block = rows, .key_block = columns, .threads = threads};
      const Work whole = flash_attention(q, k, v, options).work;
      CHECK(whole.multiply_adds == n * n * (d + d_value));
      CHECK(whole.exponentials == n * n + n * n / columns);  // and a rescale a row and tile
      CHECK(whole.largest_buffer == rows * columns);
      options.causal = true;
      const Work causal = flash_attention(q, k, v, options).work;
      const std::size_t B = n / rows;
      CHECK(causal.multiply_adds == rows * rows * B * (B + 1) / 2 * (d + d_value));
      CHECK(causal.exponentials == n * (n + 1) / 2 + rows * (rows / columns) * B * (B + 1) / 2);
    }
}

TEST_CASE("flash_attention: says which shapes do not fit", "[flash][error]") {
  const Tensor3 a = Tensor3::from_shape({1, 2, 3}), b = Tensor3::from_shape({1, 2, 4});
  CHECK_THROWS_WITH(flash_attention(a, b, a),
                    "flash_attention: query and key widths differ: [1, 2, 3], [1, 2, 4]");
  CHECK_THROWS_WITH(flash_attention(a, a, a, {.query_block = 128, .key_block = 0}),
                    "flash_attention: wanted tiles of at least one row and column, got 128 x 0");
  CHECK_THROWS_AS(flash_attention(Tensor3::from_shape({1, 4, 3}), a, a, {.causal = true}),
                  ShapeError);
  CHECK_THROWS_WITH(flash_attention(a, a, a, {.is_token = {true}}),
                    "flash_attention: is_token has 1 entries for 2 keys");
}
