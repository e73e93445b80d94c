#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/sparse.hpp>
#include <queue>
#include <set>

#include "plain.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

// The definition, cell by cell: what must be seen, and nothing of how blocks are stored.
bool must_see(std::size_t i, std::size_t j, const BigBirdOptions& o) {
  const std::size_t row = i / o.block, column = j / o.block;
  if (o.causal && j > i) return false;
  return row < o.global || column < o.global ||
         (row >= column ? row - column : column - row) < o.window;
}

struct SparseSample {
  explicit SparseSample(std::size_t n, std::uint64_t seed = 3) : random(seed) {
    q = random_matrix(random, n, 4), k = random_matrix(random, n, 4);
    v = random_matrix(random, n, 3);
  }
  Random random;
  Matrix q, k, v;
};

std::size_t rows_beyond(const BlockPattern& p, const BigBirdOptions& o, std::size_t row) {
  std::size_t count = 0;
  for (std::size_t c = p.first[row]; c < p.first[row + 1]; ++c)
    count += !must_see(row * o.block + o.block - 1, p.key_block[c] * o.block, o);
  return count;
}

// Steps until a fact of token 0 has reached every token that it can reach.
std::size_t layers_to_reach(const Mask& mask, std::size_t from, std::size_t to) {
  std::vector<std::size_t> distance(mask.shape(0), mask.shape(0));
  std::queue<std::size_t> open;
  distance[from] = 0, open.push(from);
  while (!open.empty()) {
    const std::size_t j = open.front();
    open.pop();
    for (std::size_t i = 0; i < mask.shape(0); ++i)
      if (mask(i, j) && distance[i] == mask.shape(0)) distance[i] = distance[j] + 1, open.push(i);
  }
  return distance[to];
}

}  // namespace

TEST_CASE("sparse_attention: equals full attention with the rest hidden, window and globals",
          "[sparse][two-ways]") {
  const SparseSample s(22);
  for (const bool causal : {false, true})
    for (const std::size_t block : {1u, 4u, 5u, 22u, 30u})
      for (const std::size_t window : {0u, 1u, 2u, 9u})
        for (const std::size_t global : {0u, 1u, 2u}) {
          const BigBirdOptions o{
              .block = block, .window = window, .global = global, .causal = causal};
          Mask mask = full_mask(22, 22);
          for (std::size_t i = 0; i < 22; ++i)
            for (std::size_t j = 0; j < 22; ++j) mask(i, j) = must_see(i, j, o);
          const BlockPattern pattern = bigbird_pattern(22, o);
          INFO("block " << block << " window " << window << " global " << global << " " << causal);
          CHECK((visible_cells(pattern) == mask));
          CHECK_THAT(sparse_attention(s.q, s.k, s.v, pattern).output,
                     IsClose(plain_attention(s.q, s.k, s.v, mask)));
        }
}

TEST_CASE("sparse_attention: with random links it equals full attention hidden by them",
          "[sparse][two-ways]") {
  const SparseSample s(23);
  for (const bool causal : {false, true}) {
    const BlockPattern p =
        bigbird_pattern(23, {.block = 3, .global = 1, .random = 2, .seed = 5, .causal = causal});
    CHECK_THAT(sparse_attention(s.q, s.k, s.v, p).output,
               IsClose(plain_attention(s.q, s.k, s.v, visible_cells(p))));
  }
}

TEST_CASE("bigbird_pattern: as many random links as asked, none twice, none into the future",
          "[sparse]") {
  for (const bool causal : {false, true}) {
    const BigBirdOptions o{
        .block = 2, .window = 2, .global = 1, .random = 3, .seed = 8, .causal = causal};
    const BlockPattern p = bigbird_pattern(40, o);
    REQUIRE(p.first.size() == 21);
    for (std::size_t row = 0; row < 20; ++row) {
      const std::set<std::size_t> once(p.key_block.begin() + static_cast<long>(p.first[row]),
                                       p.key_block.begin() + static_cast<long>(p.first[row + 1]));
      CHECK(once.size() == p.first[row + 1] - p.first[row]);
      if (causal) CHECK(*once.rbegin() <= row);
      const std::size_t left = causal ? (row < 3 ? 0 : row - 2) : 17;
      const bool whole = row == 0 || (row == 1 && !causal);
      if (!whole && row != 19) CHECK(rows_beyond(p, o, row) == std::min<std::size_t>(3, left));
    }
  }
}

TEST_CASE("bigbird_pattern: the seed decides, and a causal pattern begins like a longer one",
          "[sparse]") {
  const auto links = [](std::size_t n, std::uint64_t seed) {
    return bigbird_pattern(n, {.block = 2, .window = 1, .random = 2, .seed = seed, .causal = true})
        .key_block;
  };
  CHECK(links(64, 1) == links(64, 1));
  CHECK(links(64, 1) != links(64, 2));
  const std::vector<std::size_t> few = links(20, 1), many = links(64, 1);
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
}

TEST_CASE("longformer_pattern: a global token is a row and a column, wherever it stands",
          "[sparse][two-ways]") {
  const SparseSample s(13);
  for (const bool causal : {false, true}) {
    const BlockPattern p = longformer_pattern(13, 2, {7, 3, 7}, causal);
    Mask mask = full_mask(13, 13);
    for (std::size_t i = 0; i < 13; ++i)
      for (std::size_t j = 0; j < 13; ++j)
        mask(i, j) = (i == 7 || i == 3 || j == 7 || j == 3 || i == j || i + 1 == j || j + 1 == i) &&
                     (!causal || j <= i);
    CHECK((visible_cells(p) == mask));
    CHECK_THAT(sparse_attention(s.q, s.k, s.v, p).output,
               IsClose(plain_attention(s.q, s.k, s.v, mask)));
  }
}

TEST_CASE("sparse patterns: a two-sided global joins all in two layers, a leading causal one none",
          "[sparse][control]") {
  const std::size_t n = 64;
  const auto reach = [&](const BlockPattern& p, std::size_t from, std::size_t to) {
    return layers_to_reach(visible_cells(p), from, to);
  };
  CHECK(reach(bigbird_pattern(n, {.window = 4}), 1, n - 1) == 21);
  CHECK(reach(bigbird_pattern(n, {.window = 4, .global = 1}), 1, n - 1) == 2);
  CHECK(reach(bigbird_pattern(n, {.window = 4, .global = 1, .causal = true}), 1, n - 1) == 21);
  const std::size_t by_chance =
      reach(bigbird_pattern(n, {.window = 4, .random = 2, .seed = 1, .causal = true}), 1, n - 1);
  CHECK(by_chance < 12);
}

TEST_CASE("sparse_attention: counts what the closed formula says, at three lengths",
          "[sparse][work]") {
  const std::size_t b = 4, w = 2, g = 1, r = 2;
  for (const std::size_t n : {32u, 64u, 128u}) {
    const SparseSample s(n);
    const std::size_t B = n / b, rest = B - g;
    for (const bool causal : {false, true}) {
      const BlockPattern p = bigbird_pattern(
          n, {.block = b, .window = w, .global = g, .random = r, .seed = n, .causal = causal});
      // two-sided: global rows; then globals, window and links of the other rows
      std::size_t pairs = (g * B + rest * (g + 2 * w - 1 + r) - w * (w - 1)) * b * b;
      if (causal) {  // row t after the globals sees min(t, w + r) beside them
        const std::size_t blocks = g * (g + 1) / 2 + rest * (g + w + r) - (w + r) * (w + r - 1) / 2;
        pairs = (blocks - B) * b * b + B * b * (b + 1) / 2;
      }
      const Work work = sparse_attention(s.q, s.k, s.v, p).work;
      CHECK(work.exponentials == pairs);
      CHECK(work.multiply_adds == pairs * (4 + 3));
      CHECK(work.largest_buffer == pairs);
      CHECK(pairs < n * n);
    }
  }
}

TEST_CASE("sparse_attention: a hidden token does not matter, even when it is not a number",
          "[sparse][control]") {
  SparseSample s(12);
  const BlockPattern p = bigbird_pattern(12, {.block = 2, .window = 1});
  const Matrix before = sparse_attention(s.q, s.k, s.v, p).output;
  s.v(5, 0) = NAN;
  const Matrix after = sparse_attention(s.q, s.k, s.v, p).output;
  CHECK(after(6, 0) == before(6, 0));
  CHECK(std::isnan(after(4, 0)));
}

TEST_CASE(
    "sparse_attention: more than there is means all, and a query that sees nothing gets zeros",
    "[sparse][edge]") {
  const SparseSample s(9);
  const Matrix full = plain_attention(s.q, s.k, s.v, full_mask(9, 9));
  for (const BigBirdOptions& o :
       {BigBirdOptions{.block = 2, .random = 50}, BigBirdOptions{.block = 2, .window = 50},
        BigBirdOptions{.block = 2, .window = 0, .global = 50}, BigBirdOptions{.block = 50}})
    CHECK_THAT(sparse_attention(s.q, s.k, s.v, bigbird_pattern(9, o)).output, IsClose(full));
  const SparseTrace empty = sparse_attention(s.q, s.k, s.v, bigbird_pattern(9, {.window = 0}));
  for (const double x : empty.output) CHECK(x == 0);
  CHECK(empty.work.exponentials == 0);
  BlockPattern one = longformer_pattern(9, 1, {}, false);  // row 4 loses its only key
  one.key_block.erase(one.key_block.begin() + 4);
  for (std::size_t r = 5; r < one.first.size(); ++r) --one.first[r];
  const Matrix output = sparse_attention(s.q, s.k, s.v, one).output;
  CHECK(output(4, 0) == 0);
  CHECK(output(5, 0) == s.v(5, 0));
}

TEST_CASE("sparse_attention: refuses shapes and patterns that do not fit", "[sparse][error]") {
  const SparseSample s(6);
  CHECK_THROWS_WITH(bigbird_pattern(6, {.block = 0}),
                    "bigbird_pattern: wanted blocks of at least one token, got 0");
  CHECK_THROWS_WITH(longformer_pattern(6, 1, {6}, false),
                    "longformer_pattern: global token 6 of 6");
  CHECK_THROWS_WITH(sparse_attention(s.q, s.k, s.v, bigbird_pattern(7, {})),
                    "sparse_attention: the pattern is for 7 tokens, got 6");
  CHECK_THROWS_AS(sparse_attention(s.q, s.v, s.v, bigbird_pattern(6, {})), ShapeError);
  BlockPattern twice = bigbird_pattern(6, {.window = 2});
  twice.key_block[1] = twice.key_block[0];
  CHECK_THROWS_WITH(
      sparse_attention(s.q, s.k, s.v, twice),
      "sparse_attention: block row 0 names blocks out of order, twice or not below 6");
  BlockPattern beyond = bigbird_pattern(6, {});
  beyond.key_block[5] = 6;
  CHECK_THROWS_AS(sparse_attention(s.q, s.k, s.v, beyond), ShapeError);
  BlockPattern torn = bigbird_pattern(6, {});
  torn.first.pop_back();
  CHECK_THROWS_AS(sparse_attention(s.q, s.k, s.v, torn), ShapeError);
}
