#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/flash.hpp>
#include <headlight/mechanism/full.hpp>
#include <headlight/position/alibi.hpp>

#include "plain.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

struct FullSample {
  explicit FullSample(std::size_t n = 9, std::size_t n_key = 0) : random(n) {
    n_key = n_key ? n_key : n;
    q = random_matrix(random, n, 4), k = random_matrix(random, n_key, 4);
    v = random_matrix(random, n_key, 3);
  }
  Random random;
  Matrix q, k, v;
};

Matrix slice(const Tensor3& t, std::size_t h) {
  Matrix m = Matrix::from_shape({t.shape(1), t.shape(2)});
  std::copy_n(t.data() + h * m.size(), m.size(), m.data());
  return m;
}

MultiHeadWeights weights(Random& random, std::size_t d_model, std::size_t n_heads) {
  MultiHeadWeights w;
  w.n_heads = n_heads;
  w.W_Q = random_matrix(random, d_model, d_model), w.W_K = random_matrix(random, d_model, d_model);
  w.W_V = random_matrix(random, d_model, 2 * d_model),
  w.W_O = random_matrix(random, 2 * d_model, d_model);
  w.b_Q = random_vector(random, d_model), w.b_O = random_vector(random, d_model);
  return w;
}

}  // namespace

TEST_CASE("full_attention: row by row equals whole matrices, also across sequences",
          "[full][two-ways]") {
  for (const std::size_t n_key : {9u, 13u}) {
    const FullSample s(9, n_key);
    CHECK_THAT(full_attention(s.q, s.k, s.v).output,
               IsClose(plain_attention(s.q, s.k, s.v, full_mask(9, n_key))));
    CHECK_THAT(full_attention(s.q, s.k, s.v, {.causal = true}).output,
               IsClose(plain_attention(s.q, s.k, s.v, causal_mask(9, n_key))));
  }
}

TEST_CASE("full_attention: rows sum to one, stay between the values, and permute with the queries",
          "[full][law]") {
  const FullSample s;
  const FullTrace t = full_attention(s.q, s.k, s.v);
  for (std::size_t i = 0; i < 9; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 9; ++j) sum += t.pattern(i, j);
    CHECK(std::abs(sum - 1) < 1e-14);
    for (std::size_t c = 0; c < 3; ++c) {
      double low = s.v(0, c), high = low;
      for (std::size_t j = 0; j < 9; ++j)
        low = std::min(low, s.v(j, c)), high = std::max(high, s.v(j, c));
      CHECK((t.output(i, c) >= low && t.output(i, c) <= high));
    }
  }
  Matrix swapped = s.q;
  for (std::size_t c = 0; c < 4; ++c) std::swap(swapped(2, c), swapped(7, c));
  const Matrix y = full_attention(swapped, s.k, s.v).output;
  CHECK((y(2, 0) == t.output(7, 0) && y(7, 1) == t.output(2, 1)));
}

TEST_CASE("full_attention: padding weighs nothing and may hold anything", "[full][control]") {
  FullSample s;
  std::vector<bool> is_token(9, true);
  is_token[3] = is_token[8] = false;
  const Matrix want = plain_attention(s.q, s.k, s.v, padding_mask(9, is_token));
  s.k(3, 1) = NAN, s.v(8, 0) = INFINITY;
  CHECK_THAT(full_attention(s.q, s.k, s.v, {.is_token = is_token}).output, IsClose(want));
  const FullTrace none = full_attention(s.q, s.k, s.v, {.is_token = std::vector<bool>(9, false)});
  for (const double x : none.output) CHECK(x == 0);
  CHECK(none.work.exponentials == 0);
}

TEST_CASE("full_attention: a slope equals ALiBi's bias, and the key column that folds it in",
          "[full][alibi][two-ways]") {
  const FullSample s;
  for (std::size_t h = 0; h < 3; ++h) {
    const double slope = alibi_slopes<double>(3)(h);
    const FullTrace got = full_attention(s.q, s.k, s.v, {.causal = true, .alibi_slope = slope});
    const Matrix bias = slice(alibi_bias<double>(3, 9, 9), h);
    CHECK_THAT(got.output, IsClose(plain_attention(s.q, s.k, s.v, causal_mask(9, 9), &bias)));
    // q gets 1, k_j gets slope j sqrt(d): the rest of -slope (i - j) is one number a row.
    Matrix longer_q = Matrix::from_shape({9, 5}), longer_k = Matrix::from_shape({9, 5});
    for (std::size_t i = 0; i < 9; ++i) {
      std::copy_n(s.q.data() + i * 4, 4, longer_q.data() + i * 5);
      std::copy_n(s.k.data() + i * 4, 4, longer_k.data() + i * 5);
      longer_q(i, 4) = 1, longer_k(i, 4) = 2 * slope * static_cast<double>(i);
    }
    CHECK_THAT(flash_attention(one_head(longer_q), one_head(longer_k), one_head(s.v),
                               {.causal = true, .query_block = 2, .key_block = 4, .scale = 0.5})
                   .output,
               IsClose(one_head(got.output)));
    const FullTrace wrong =  // the control: a sign
        full_attention(s.q, s.k, s.v, {.causal = true, .alibi_slope = -slope});
    CHECK_FALSE(compare(wrong.output, got.output, {.tolerance = 1e-3}).close);
  }
}

TEST_CASE("full_attention: under ALiBi a far key beats a near one by content alone",
          "[full][alibi][control]") {
  const std::size_t n = 100;
  const double slope = 1.0 / 256;
  const auto weight_of_first = [&](double content) {  // the score of key 0; all others have zero
    Matrix q = Matrix::from_shape({n, 1}), k = q, v = q;
    for (std::size_t i = 0; i < n; ++i) q(i, 0) = 1, k(i, 0) = i == 0 ? content : 0, v(i, 0) = 0;
    const FullTrace t = full_attention(q, k, v, {.causal = true, .alibi_slope = slope});
    return t.pattern(n - 1, 0) / t.pattern(n - 1, n - 1);
  };
  CHECK(weight_of_first(99 * slope + 0.01) > 1);  // 0.387 and a little
  CHECK(weight_of_first(99 * slope - 0.01) < 1);
}

TEST_CASE("relative_attention_counted: equals the head of Shaw's that the lessons use",
          "[full][relative][two-ways]") {
  const FullSample s;
  Random random(5);
  for (const std::size_t reach : {1u, 3u, 20u}) {
    RelativeWeights w{.reach = reach, .keys = random_matrix(random, 2 * reach + 1, 4)};
    const Mask causal = causal_mask(9, 9);
    for (const bool with_values : {false, true}) {
      if (with_values) w.values = random_matrix(random, 2 * reach + 1, 3);
      CHECK_THAT(relative_attention_counted(s.q, s.k, s.v, w, false).output,
                 IsClose(relative_attention(s.q, s.k, s.v, w).output));
      CHECK_THAT(relative_attention_counted(s.q, s.k, s.v, w, true).output,
                 IsClose(relative_attention(s.q, s.k, s.v, w, &causal).output));
    }
    RelativeWeights zero = w, turned = w;
    for (double& x : zero.keys) x = 0;
    for (double& x : zero.values) x = 0;
    CHECK_THAT(relative_attention_counted(s.q, s.k, s.v, zero, true).output,
               IsClose(full_attention(s.q, s.k, s.v, {.causal = true}).output));
    for (std::size_t o = 0; o <= 2 * reach; ++o)  // the control: i - j instead of j - i
      for (std::size_t c = 0; c < 4; ++c) turned.keys(o, c) = w.keys(2 * reach - o, c);
    CHECK_FALSE(compare(relative_attention_counted(s.q, s.k, s.v, turned, true).output,
                        relative_attention_counted(s.q, s.k, s.v, w, true).output,
                        {.tolerance = 1e-3})
                    .close);
  }
}

TEST_CASE("multi_head_counted: equals multi-head attention, self and cross", "[full][two-ways]") {
  Random random(8);
  const Matrix x = random_matrix(random, 7, 6), memory = random_matrix(random, 11, 6);
  const MultiHeadWeights w = weights(random, 6, 3);
  for (const bool causal : {false, true}) {
    AttentionOptions options;
    options.causal = causal;
    CHECK_THAT(multi_head_counted(x, x, w, {.causal = causal}).output,
               IsClose(multi_head_attention(x, w, options).attention_output));
    MultiHeadTrace across;
    multi_head_attention(x, memory, w, options, across);
    CHECK_THAT(multi_head_counted(x, memory, w, {.causal = causal}).output,
               IsClose(across.attention_output));
  }
}

TEST_CASE("full mechanisms: work equals closed formulas, at three lengths", "[full][work]") {
  const std::size_t d = 4, d_value = 3;
  for (const std::size_t n : {8u, 16u, 32u})
    for (const bool causal : {false, true}) {
      const FullSample s(n);
      const std::size_t pairs = causal ? n * (n + 1) / 2 : n * n;
      const Work full = full_attention(s.q, s.k, s.v, {.causal = causal}).work;
      CHECK(full.multiply_adds == pairs * (d + d_value));
      CHECK(full.exponentials == pairs);
      CHECK(full.largest_buffer == n * n);
      Random random(n);
      const RelativeWeights shaw{.reach = 2,
                                 .keys = random_matrix(random, 5, d),
                                 .values = random_matrix(random, 5, d_value)};
      const Work relative = relative_attention_counted(s.q, s.k, s.v, shaw, causal).work;
      CHECK(relative.multiply_adds == pairs * (d + d_value) + n * 5 * (d + d_value));
      CHECK(relative.exponentials == pairs);
      CHECK(relative.largest_buffer == n * n);  // and not n n d
      for (const std::size_t h : {1u, 2u, 3u}) {
        const Matrix x = random_matrix(random, n, 6);
        const Work heads = multi_head_counted(x, x, weights(random, 6, h), {.causal = causal}).work;
        CHECK(heads.multiply_adds == 6 * n * 6 * 6 + pairs * (6 + 12));  // whatever h
        CHECK(heads.exponentials == h * pairs);
        CHECK(heads.largest_buffer == h * n * n);
      }
      const FullSample cross(n, 5);
      CHECK(full_attention(cross.q, cross.k, cross.v).work.multiply_adds == n * 5 * (d + d_value));
    }
}

TEST_CASE("full mechanisms: say which shapes do not fit", "[full][error]") {
  const FullSample s(4, 6);
  CHECK_THROWS_WITH(full_attention(s.q, s.v, s.v),
                    "full_attention: queries [4, 4], keys [6, 3], values [6, 3] do not fit");
  CHECK_THROWS_WITH(
      full_attention(s.k, s.q, s.q, {.causal = true}),
      "full_attention: a causal mask wants no more queries than keys, got 6 queries and 4 keys");
  CHECK_THROWS_AS(full_attention(s.q, s.k, s.v, {.is_token = {true}}), ShapeError);
  CHECK_THROWS_AS(full_attention(s.q, s.k, s.v, {.bias = &s.k}), ShapeError);
  CHECK_THROWS_AS(relative_attention_counted(s.q, s.k, s.v, {}, true), ShapeError);
  CHECK_THROWS_AS(relative_attention_counted(s.q, s.q, s.q, {}, true), ShapeError);
  Random random(1);
  CHECK_THROWS_AS(multi_head_counted(s.q, s.q, weights(random, 6, 2)), ShapeError);
  CHECK_THROWS_AS(multi_head_counted(s.q, s.q, weights(random, 4, 3)), ShapeError);
}
