#include <algorithm>
#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/position/relative.hpp>
#include <limits>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

struct Example {
  Matrix query, key, value;
  RelativeWeights weights;
};

Example example(std::size_t n_query, std::size_t n_key, std::size_t reach) {
  Random random(31);
  const std::size_t d_head = 5, d_value = 3;
  return {random_matrix(random, n_query, d_head),
          random_matrix(random, n_key, d_head),
          random_matrix(random, n_key, d_value),
          {reach, random_matrix(random, 2 * reach + 1, d_head),
           random_matrix(random, 2 * reach + 1, d_value)}};
}

}  // namespace

TEST_CASE("relative_row: offsets beyond the reach share its row", "[relative]") {
  CHECK(relative_row(0, 2) == 2);
  CHECK(relative_row(-1, 2) == 1);
  CHECK(relative_row(2, 2) == 4);
  CHECK(relative_row(-9, 2) == 0);
  CHECK(relative_row(9, 2) == 4);
  CHECK(relative_row(9, 0) == 0);
}

TEST_CASE("relative_attention: the paper's sums, one query and key at a time",
          "[relative][two-ways]") {
  for (const std::size_t n_query : {std::size_t{7}, std::size_t{4}}) {
    const std::size_t n_key = 7;
    const Example e = example(n_query, n_key, 2);
    const Mask mask = causal_mask(n_query, n_key);
    const RelativeTrace t = relative_attention(e.query, e.key, e.value, e.weights, &mask);
    Matrix scores = t.scores, output = t.output;
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        const int offset = static_cast<int>(j) - static_cast<int>(i + n_key - n_query);
        const auto row = static_cast<std::size_t>(std::max(-2, std::min(2, offset)) + 2);
        scores(i, j) = 0;
        for (std::size_t c = 0; c < 5; ++c)
          scores(i, j) += e.query(i, c) * (e.key(j, c) + e.weights.keys(row, c)) / std::sqrt(5.0);
      }
    CHECK_THAT(t.scores, IsClose(scores));
    const Matrix pattern = softmax_rows(hide(scores, mask));
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t c = 0; c < 3; ++c) {
        output(i, c) = 0;
        for (std::size_t j = 0; j < n_key; ++j) {
          const int offset = static_cast<int>(j) - static_cast<int>(i + n_key - n_query);
          const auto row = static_cast<std::size_t>(std::max(-2, std::min(2, offset)) + 2);
          output(i, c) += pattern(i, j) * (e.value(j, c) + e.weights.values(row, c));
        }
      }
    CHECK_THAT(t.output, IsClose(output));
  }
}

TEST_CASE("relative_attention: the skew trick gives the same position scores",
          "[relative][two-ways]") {
  // Q E^T with a column of zeros before it, read row by row one column narrower, is the gathered
  // matrix: Huang et al. 2018, Music Transformer, 3.4.1. It needs a row for every past offset.
  const std::size_t n = 6, reach = n - 1;
  const Example e = example(n, n, reach);
  const RelativeTrace t = relative_attention(e.query, e.key, e.value, e.weights);
  Matrix past = Matrix::from_shape({n, 5});  // rows of the offsets -(n-1) ... 0
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c < 5; ++c) past(r, c) = e.weights.keys(r, c);
  const Matrix by_offset = matmul(e.query, transpose(past));  // [n, n]
  Vector padded = Vector::from_shape({n * (n + 1)});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t r = 0; r <= n; ++r) padded(i * (n + 1) + r) = r == 0 ? 0 : by_offset(i, r - 1);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      CHECK(std::abs(t.position_scores(i, j) - padded(n + i * n + j) / std::sqrt(5.0)) < 1e-12);
}

TEST_CASE("relative_attention: tables of zeros leave plain attention", "[relative][two-ways]") {
  Example e = example(6, 6, 3);
  for (double& a : e.weights.keys) a = 0;
  e.weights.values = {};
  const Mask mask = causal_mask(6, 6);
  const RelativeTrace t = relative_attention(e.query, e.key, e.value, e.weights, &mask);
  Matrix identity = Matrix::from_shape({5, 5});
  for (std::size_t i = 0; i < 25; ++i) identity.data()[i] = i % 6 == 0 ? 1 : 0;
  CHECK_THAT(t.pattern, IsClose(attend(e.query, e.key, HeadWeights{identity, identity, identity},
                                       AttentionOptions{.causal = true})
                                    .pattern));
  CHECK_THAT(t.output, IsClose(matmul(t.pattern, e.value)));
}

TEST_CASE("relative_attention: position values add the share of every offset", "[relative]") {
  // Zero scores: every query looks at all three keys alike. Values are zero, a^V is -1, 0, 1.
  const Matrix zero = {{0}, {0}, {0}};
  const RelativeWeights w{1, Matrix{{0}, {0}, {0}}, Matrix{{-1}, {0}, {1}}};
  const RelativeTrace t = relative_attention(zero, zero, zero, w);
  CHECK_THAT(t.output, IsClose(Matrix{{2.0 / 3}, {0}, {-2.0 / 3}}));
}

TEST_CASE("relative_attention: equal tokens get scores that depend on the offset alone",
          "[relative][law]") {
  Example e = example(8, 8, 3);
  for (std::size_t i = 1; i < 8; ++i)
    for (std::size_t c = 0; c < 5; ++c) e.query(i, c) = e.query(0, c), e.key(i, c) = e.key(0, c);
  const RelativeTrace t = relative_attention(e.query, e.key, e.value, e.weights);
  for (std::size_t i = 1; i < 8; ++i)
    for (std::size_t j = 1; j < 8; ++j)
      CHECK(std::abs(t.scores(i, j) - t.scores(i - 1, j - 1)) < 1e-12);
  CHECK(std::abs(t.scores(0, 3) - t.scores(0, 7)) < 1e-12);  // clipped
  CHECK(std::abs(t.scores(0, 2) - t.scores(0, 3)) > 0.01);
}

TEST_CASE("relative_attention: a fully hidden query gets zero", "[relative]") {
  const Example e = example(2, 2, 1);
  const Mask mask = {{false, false}, {true, true}};
  const RelativeTrace t = relative_attention(e.query, e.key, e.value, e.weights, &mask);
  for (std::size_t c = 0; c < 3; ++c) CHECK(t.output(0, c) == 0);
}

TEST_CASE("relative_attention: refuses what does not fit", "[relative][error]") {
  Example e = example(4, 4, 2);
  const auto run = [&] { return relative_attention(e.query, e.key, e.value, e.weights); };
  e.weights.reach = 3;
  CHECK_THROWS_WITH(run(), "relative_attention: wanted key positions [7, 5], got [5, 5]");
  e = example(4, 4, 2);
  e.weights.values = Matrix{{1, 2}};
  CHECK_THROWS_WITH(run(), "relative_attention: wanted value positions [5, 3], got [1, 2]");
  e = example(5, 4, 2);
  CHECK_THROWS_AS(run(), ShapeError);
  e = example(4, 4, 2);
  const Mask narrow = causal_mask(4, 5);
  CHECK_THROWS_AS(relative_attention(e.query, e.key, e.value, e.weights, &narrow), ShapeError);
}
