// The graders' plain loops agree with the library, which agrees with PyTorch.
#include "kit/reference.hpp"

#include <headlight/attention/multi_head.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/rope.hpp>
#include <limits>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

TEST_CASE("reference: product and flipped agree with matmul and transpose", "[course]") {
  Random random(3);
  const Matrix a = course::fresh_matrix(random, 4, 5), b = course::fresh_matrix(random, 5, 3);
  CHECK_THAT(course::product(a, b), IsClose(matmul(a, b)));
  CHECK_THAT(course::flipped(a), IsClose(transpose(a)));
}

TEST_CASE("product_size: is of the terms, not of their sum", "[course]") {
  CHECK(course::product_size({{3, -3}}, {{1}, {1}}) == 6);
  CHECK(course::product_size({{1, 2}, {-5, 0}}, {{1}, {1}}) == 5);
}

TEST_CASE("reference: softmax agrees with softmax_rows, hidden keys and hidden rows too",
          "[course]") {
  Random random(4);
  Matrix scores = course::fresh_matrix(random, 5, 5, 20);
  CHECK_THAT(course::softmax(course::future_hidden(scores)),
             IsClose(softmax_rows(course::future_hidden(scores))));
  for (std::size_t j = 0; j < 5; ++j) scores(2, j) = -std::numeric_limits<double>::infinity();
  CHECK_THAT(course::softmax(scores), IsClose(softmax_rows(scores)));
}

TEST_CASE("reference: heads side by side times W_O are the library's concatenation and output",
          "[course]") {
  Random random(6);
  const std::size_t n = 3, d_model = 5, n_heads = 2, d_head = 4;
  const Matrix X = course::fresh_matrix(random, n, d_model);
  MultiHeadWeights weights;
  weights.n_heads = n_heads;
  for (Matrix* W : {&weights.W_Q, &weights.W_K, &weights.W_V})
    *W = course::fresh_matrix(random, d_model, n_heads * d_head);
  weights.W_O = course::fresh_matrix(random, n_heads * d_head, d_model);
  const MultiHeadTrace trace = multi_head_attention(X, weights);
  CHECK_THAT(course::beside(trace.output), IsClose(trace.concatenated));
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix value = course::product(X, course::columns_of(weights.W_V, h * d_head, d_head));
    const Matrix z = course::product(course::head_of(trace.pattern, h), value);
    CHECK_THAT(z, IsClose(course::head_of(trace.output, h)));
    CHECK_THAT(course::product(z, course::rows_of(weights.W_O, h * d_head, d_head)),
               IsClose(course::head_of(trace.contribution, h)));
  }
}

TEST_CASE("reference: pairs turn as the library's interleaved rotation does", "[course]") {
  Random random(7);
  const Matrix x = course::fresh_matrix(random, 4, 6);
  const Rope rope = {.base = 300, .pairing = RopePairing::interleaved};
  const Vector speeds = course::turning_speeds(6, 300);
  CHECK_THAT(speeds, IsClose(rope_frequencies(6, rope)));
  CHECK_THAT(course::pairs_turned(x, {5, 6, 7, 8}, speeds), IsClose(rotate(x, rope, 5)));
}

TEST_CASE("reference: slopes of up to forty heads are the library's", "[course]") {
  for (std::size_t n_heads = 1; n_heads <= 40; ++n_heads)
    CHECK_THAT(course::distance_slopes(n_heads), IsClose(alibi_slopes<double>(n_heads)));
}

TEST_CASE("fresh_matrix: every number is held by float exactly", "[course]") {
  Random random(5);
  const Matrix a = course::fresh_matrix(random, 30, 30, 40);
  for (const double x : a) CHECK(static_cast<double>(static_cast<float>(x)) == x);
}
