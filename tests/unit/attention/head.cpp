#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <limits>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

const double inf = std::numeric_limits<double>::infinity();

HeadWeights weights(Random& random) {
  return {random_matrix(random, 6, 3), random_matrix(random, 6, 3), random_matrix(random, 6, 4)};
}

}  // namespace

TEST_CASE("attend: scores ln 1, ln 2, ln 5 mix the values in eighths", "[head]") {
  // d_head = 1: the query is 1, the keys are the logarithms, the values count 8, 80, 800
  const Matrix x = {{1, 0, 8}, {1, std::log(2), 80}, {1, std::log(5), 800}};
  const HeadWeights w{.W_Q = {{1}, {0}, {0}}, .W_K = {{0}, {1}, {0}}, .W_V = {{0}, {0}, {1}}};
  const HeadTrace trace = attend(x, w);
  CHECK_THAT(trace.pattern,
             IsClose(Matrix{{0.125, 0.25, 0.625}, {0.125, 0.25, 0.625}, {0.125, 0.25, 0.625}}));
  CHECK_THAT(trace.output, IsClose(Matrix{{521}, {521}, {521}}));
}

TEST_CASE("attend: the raw scores are divided by the root of d_head", "[head]") {
  const Matrix x = {{1, 1, 1, 1}};
  const Matrix identity = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
  const HeadTrace trace = attend(x, HeadWeights{identity, identity, identity});
  CHECK(trace.raw_scores(0, 0) == 4);
  CHECK(trace.scores(0, 0) == 2);
}

TEST_CASE("attend: changing the future changes nothing before it, bit for bit", "[head][law]") {
  Random random(1);
  const HeadWeights w = weights(random);
  Matrix x = random_matrix(random, 5, 6);
  const HeadTrace before = attend(x, w, {.causal = true});
  for (std::size_t j = 0; j < 6; ++j) x(4, j) += 100;
  const HeadTrace after = attend(x, w, {.causal = true});
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) CHECK(before.output(i, j) == after.output(i, j));
  CHECK_FALSE(compare(before.output, after.output).close);  // the last row does see itself
}

TEST_CASE("attend: permuting the tokens permutes the outputs", "[head][law]") {
  Random random(2);
  const HeadWeights w = weights(random);
  const Matrix x = random_matrix(random, 4, 6);
  const std::size_t order[] = {2, 0, 3, 1};
  Matrix permuted = x, want = Matrix::from_shape({4, 4});
  const Matrix output = attend(x, w).output;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 6; ++j) permuted(i, j) = x(order[i], j);
    for (std::size_t j = 0; j < 4; ++j) want(i, j) = output(order[i], j);
  }
  CHECK_THAT(attend(permuted, w).output, IsClose(want));
}

TEST_CASE("attend: a fully hidden row gives zeros and is reported", "[head]") {
  Random random(3);
  const HeadTrace trace = attend(random_matrix(random, 3, 6), weights(random),
                                 {.causal = true, .is_token = {false, true, true}});
  CHECK(trace.fully_hidden_rows == std::vector<std::size_t>{0});
  CHECK(trace.masked_scores(0, 0) == -inf);
  CHECK(trace.pattern(0, 0) == 0);
  CHECK(trace.output(0, 3) == 0);
}

TEST_CASE("attend: cross-attention has as many rows as queries", "[head]") {
  Random random(4);
  const HeadTrace trace =
      attend<double>(random_matrix(random, 2, 6), random_matrix(random, 5, 6), weights(random), {});
  CHECK(trace.pattern.shape() == std::array<std::size_t, 2>{2, 5});
  CHECK(trace.output.shape() == std::array<std::size_t, 2>{2, 4});
}

TEST_CASE("attend: a bias is added after scaling and before the mask", "[head]") {
  const Matrix x = {{0}, {0}};
  const HeadWeights w{.W_Q = {{1}}, .W_K = {{1}}, .W_V = {{1}}};
  const Tensor3 bias = {{{0, 0}, {0, std::log(3)}}};
  const HeadTrace trace = attend(x, w, {.causal = true, .bias = &bias});
  CHECK_THAT(trace.pattern, IsClose(Matrix{{1, 0}, {0.25, 0.75}}));
}

TEST_CASE("attend: says which widths differ", "[head][error]") {
  CHECK_THROWS_WITH(attend(Matrix{{1}}, HeadWeights{.W_Q = {{1}}, .W_K = {{1, 2}}, .W_V = {{1}}}),
                    "attend: query and key widths differ: W_Q [1, 1], W_K [1, 2]");
  CHECK_THROWS_WITH(attend(Matrix{{1}}, HeadWeights{.W_Q = {{1}}, .W_K = {{1}}, .W_V = {{1}}},
                           {.is_token = {true, true}}),
                    "attend: is_token has 2 entries for 1 keys");
}

TEST_CASE("attend, multi_head_attention: a scale of the caller takes the place of 1/sqrt(d_head)",
          "[head][multi_head]") {
  const Matrix one = {{1, 0}, {0, 1}};
  const Matrix x = {{1, 2}, {3, 4}};  // raw scores 5 11 / 11 25
  const Matrix thrice = {{15, 33}, {33, 75}};
  CHECK_THAT(attend(x, HeadWeights{one, one, one}, {.scale = 3}).scores, IsClose(thrice));
  const Tensor3 scores =
      multi_head_attention(x, MultiHeadWeights{1, one, one, one, one}, {.scale = 3}).scores;
  CHECK_THAT(scores, IsClose(Tensor3{{{15, 33}, {33, 75}}}));
}
