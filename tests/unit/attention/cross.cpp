#include <cmath>
#include <headlight/attention/cross.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

// Sizes all distinct: 5 queries of width 6, 7 keys of width 4, 3 heads of 2, values of 5.
struct Sample {
  Sample() {
    Random random(12);
    x = random_matrix(random, 5, 6), source = random_matrix(random, 7, 4);
    w.n_heads = 3;
    w.W_Q = random_matrix(random, 6, 6), w.W_K = random_matrix(random, 4, 6);
    w.W_V = random_matrix(random, 4, 15), w.W_O = random_matrix(random, 15, 6);
    w.b_Q = random_vector(random, 6), w.b_K = random_vector(random, 6);
    w.b_V = random_vector(random, 15), w.b_O = random_vector(random, 6);
  }
  Matrix x, source;
  MultiHeadWeights w;
};

Matrix some_rows(const Matrix& m, const std::vector<std::size_t>& which) {
  Matrix some = Matrix::from_shape({which.size(), m.shape(1)});
  for (std::size_t i = 0; i < which.size(); ++i)
    for (std::size_t c = 0; c < m.shape(1); ++c) some(i, c) = m(which[i], c);
  return some;
}

}  // namespace

TEST_CASE("cross_attention: a kept source gives every number of the whole computation",
          "[cross][two-ways]") {
  const Sample s;
  for (const std::vector<bool>& is_token :
       {std::vector<bool>{}, {true, true, false, true, true, true, false}}) {
    const MultiHeadTrace whole = cross_attention(s.x, s.source, s.w, is_token);
    const CrossTrace kept = cross_attention(s.x, keep_source(s.source, s.w, is_token), s.w);
    CHECK_THAT(kept.query, IsClose(whole.query));
    CHECK_THAT(kept.masked_scores, IsClose(whole.masked_scores));
    CHECK_THAT(kept.pattern, IsClose(whole.pattern));
    CHECK_THAT(kept.output, IsClose(whole.output));
    CHECK_THAT(kept.attention_output, IsClose(whole.attention_output));
    CHECK(kept.pattern.shape() == std::array<std::size_t, 3>{3, 5, 7});
  }
}

TEST_CASE("cross_attention: a decoder that comes token by token reads the same source",
          "[cross][two-ways]") {
  const Sample s;
  const Source source = keep_source(s.source, s.w);
  const Matrix want = cross_attention(s.x, s.source, s.w).attention_output;
  for (std::size_t i = 0; i < 5; ++i)
    CHECK_THAT(cross_attention(some_rows(s.x, {i}), source, s.w).attention_output,
               IsClose(some_rows(want, {i})));
}

TEST_CASE("cross_attention: the source as target is self-attention", "[cross][two-ways]") {
  Sample s;
  Random random(4);
  s.w.W_Q = random_matrix(random, 4, 6);
  CHECK_THAT(cross_attention(s.source, keep_source(s.source, s.w), s.w).attention_output,
             IsClose(multi_head_attention(s.source, s.w).attention_output));
}

TEST_CASE("cross_attention: permuting the source changes nothing, permuting the target permutes",
          "[cross][law]") {
  const Sample s;
  const Matrix want = cross_attention(s.x, s.source, s.w).attention_output;
  const std::vector<std::size_t> of_source = {3, 6, 0, 2, 1, 5, 4}, of_target = {4, 0, 3, 1, 2};
  CHECK_THAT(cross_attention(s.x, some_rows(s.source, of_source), s.w).attention_output,
             IsClose(want));
  CHECK_THAT(cross_attention(some_rows(s.x, of_target), s.source, s.w).attention_output,
             IsClose(some_rows(want, of_target)));
}

TEST_CASE("cross_attention: padding weighs nothing, whatever it holds, a token weighs something",
          "[cross][control]") {
  const Sample s;
  const std::vector<bool> is_token = {true, true, true, true, true, false, false};
  Matrix garbage = s.source;
  garbage(5, 0) = NAN, garbage(6, 3) = 1e300;
  const CrossTrace kept = cross_attention(s.x, keep_source(garbage, s.w, is_token), s.w);
  const MultiHeadTrace whole = cross_attention(s.x, garbage, s.w, is_token);
  const Matrix want =
      cross_attention(s.x, some_rows(s.source, {0, 1, 2, 3, 4}), s.w).attention_output;
  CHECK_THAT(kept.attention_output, IsClose(want));
  CHECK_THAT(whole.attention_output, IsClose(want));
  for (std::size_t h = 0; h < 3; ++h)
    for (std::size_t i = 0; i < 5; ++i)
      CHECK((kept.pattern(h, i, 5) == 0 && kept.pattern(h, i, 6) == 0));
  const Matrix unmasked = cross_attention(s.x, s.source, s.w).attention_output;
  CHECK_FALSE(compare(unmasked, want, {.tolerance = 1e-3}).close);
}

TEST_CASE("cross_attention: all padding gives the output's bias alone", "[cross][edge]") {
  const Sample s;
  const std::vector<bool> none(7, false);
  const CrossTrace kept = cross_attention(s.x, keep_source(s.source, s.w, none), s.w);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t c = 0; c < 6; ++c) CHECK(kept.attention_output(i, c) == s.w.b_O(c));
  CHECK_THAT(cross_attention(s.x, s.source, s.w, none).attention_output,
             IsClose(kept.attention_output));
}

TEST_CASE("cross_attention: the target reads the source, the source never reads the target",
          "[cross][control]") {
  const Sample s;
  const Source before = keep_source(s.source, s.w);
  Source read = before;
  Matrix other = s.x, changed = s.source;
  other(0, 0) += 1, changed(0, 0) += 1;
  cross_attention(other, read, s.w);
  CHECK((read.key == before.key && read.value == before.value));
  CHECK_FALSE(compare(cross_attention(s.x, changed, s.w).attention_output,
                      cross_attention(s.x, s.source, s.w).attention_output, {.tolerance = 1e-6})
                  .close);
}

TEST_CASE("cross_attention: says which shapes do not fit", "[cross][error]") {
  const Sample s;
  CHECK_THROWS_WITH(keep_source(s.x, s.w), "keep_source: W_K has shape [4, 6] for inputs [5, 6]");
  CHECK_THROWS_WITH(keep_source(s.source, s.w, {true}),
                    "keep_source: is_token has 1 entries for 7 keys");
  Source other = keep_source(s.source, s.w);
  other.key = Tensor3::from_shape({3, 7, 4});
  CHECK_THROWS_WITH(cross_attention(s.x, other, s.w),
                    "cross_attention: the source was kept for other heads: queries [3, 5, 2], keys "
                    "[3, 7, 4], values [3, 7, 5]");
  MultiHeadWeights two = s.w;
  two.n_heads = 0;
  CHECK_THROWS_AS(keep_source(s.source, two), ShapeError);
}
