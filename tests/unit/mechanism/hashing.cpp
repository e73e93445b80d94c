#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/hashing.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

Matrix unit_rows(Matrix m) {
  for (std::size_t i = 0; i < m.shape(0); ++i) {
    double square = 0;
    for (std::size_t c = 0; c < m.shape(1); ++c) square += m(i, c) * m(i, c);
    for (std::size_t c = 0; c < m.shape(1); ++c) m(i, c) /= std::sqrt(square);
  }
  return m;
}

// The slow way: a mask over all pairs, one softmax. Self only where nobody else is seen.
Matrix dense_hashed(const Matrix& q, const Matrix& v, Mask mask) {
  const std::size_t n = q.shape(0);
  for (std::size_t i = 0; i < n; ++i) {
    bool alone = true;
    mask(i, i) = false;
    for (std::size_t j = 0; j < n; ++j) alone = alone && !mask(i, j);
    mask(i, i) = alone;
  }
  Matrix s = matmul(q, headlight::transpose(unit_rows(q)));
  for (double& x : s) x /= std::sqrt(static_cast<double>(q.shape(1)));
  return matmul(softmax_rows(hide(s, mask)), v);
}

// Everyone met in any round, from the buckets alone: a token's place is how many sort before it.
Mask met(const HashingTrace& t, std::size_t chunk, bool causal) {
  const std::size_t n = t.bucket.shape(1);
  Mask mask = full_mask(n, n);
  std::fill(mask.begin(), mask.end(), false);
  for (std::size_t r = 0; r < t.bucket.shape(0); ++r) {
    std::vector<std::size_t> chunk_of(n);
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t place = 0;
      for (std::size_t j = 0; j < n; ++j)
        place += t.bucket(r, j) < t.bucket(r, i) || (t.bucket(r, j) == t.bucket(r, i) && j < i);
      chunk_of[i] = place / chunk;
    }
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (t.bucket(r, i) == t.bucket(r, j) && (!causal || j <= i) &&
            (chunk_of[j] == chunk_of[i] || chunk_of[j] + 1 == chunk_of[i]))
          mask(i, j) = true;
  }
  return mask;
}

struct HashingSample {
  Random random{3};
  Matrix q = random_matrix(random, 24, 4), v = random_matrix(random, 24, 3);
};

}  // namespace

TEST_CASE("hashing_attention: with one bucket it is full attention with shared queries and keys",
          "[hashing][two-ways]") {
  const HashingSample s;
  for (const bool causal : {true, false})
    for (const std::size_t rounds : {1u, 3u})
      CHECK_THAT(hashing_attention(s.q, s.v, {.n_buckets = 1, .n_rounds = rounds, .causal = causal})
                     .output,
                 IsClose(dense_hashed(s.q, s.v, causal ? causal_mask(24, 24) : full_mask(24, 24))));
}

TEST_CASE("hashing_attention: rounds merged are one softmax over everyone met",
          "[hashing][two-ways]") {
  const HashingSample s;
  for (const bool causal : {true, false})
    for (const std::size_t buckets : {2u, 4u, 8u})
      for (const std::size_t rounds : {1u, 2u, 5u})
        for (const std::size_t chunk : {1u, 5u, 6u, 24u}) {
          INFO(buckets << " buckets, " << rounds << " rounds, chunks of " << chunk);
          const HashingTrace t = hashing_attention(
              s.q, s.v,
              {.n_buckets = buckets, .n_rounds = rounds, .chunk = chunk, .causal = causal});
          CHECK_THAT(t.output, IsClose(dense_hashed(s.q, s.v, met(t, chunk, causal))));
        }
}

TEST_CASE("hashing_attention: more buckets see less, more rounds see more", "[hashing][control]") {
  const HashingSample s;
  const Matrix full = dense_hashed(s.q, s.v, full_mask(24, 24));
  const auto error = [&](std::size_t buckets, std::size_t rounds) {
    const HashingOptions o{.n_buckets = buckets, .n_rounds = rounds, .chunk = 24, .causal = false};
    return compare(hashing_attention(s.q, s.v, o).output, full).relative;
  };
  CHECK(error(8, 1) > 0.3);  // one round of eight buckets is not full attention
  CHECK(error(8, 16) < 0.5 * error(8, 1));
}

TEST_CASE(
    "hashing_attention: the same direction falls into the same bucket, the opposite elsewhere",
    "[hashing][law]") {
  HashingSample s;
  for (std::size_t c = 0; c < 4; ++c) s.q(7, c) = 3 * s.q(2, c), s.q(9, c) = -s.q(2, c);
  const HashingTrace t = hashing_attention(s.q, s.v, {.n_buckets = 8, .n_rounds = 20});
  for (std::size_t r = 0; r < 20; ++r) {
    CHECK(t.bucket(r, 7) == t.bucket(r, 2));
    CHECK(t.bucket(r, 9) != t.bucket(r, 2));
  }
}

TEST_CASE("hashing_attention: the seed alone decides the buckets", "[hashing][law]") {
  const HashingSample s;
  const HashingOptions o{.n_buckets = 8, .n_rounds = 2, .seed = 5};
  HashingOptions other = o;
  other.seed = 6;
  const HashingTrace a = hashing_attention(s.q, s.v, o), b = hashing_attention(s.q, s.v, o),
                     c = hashing_attention(s.q, s.v, other);
  CHECK(std::equal(a.bucket.begin(), a.bucket.end(), b.bucket.begin()));
  CHECK_FALSE(std::equal(a.bucket.begin(), a.bucket.end(), c.bucket.begin()));
}

TEST_CASE("hashing_attention: later tokens do not matter when causal", "[hashing][law]") {
  const HashingSample s;
  const HashingOptions o{.n_buckets = 4, .n_rounds = 3, .chunk = 24};
  const Matrix before = hashing_attention(s.q, s.v, o).output;
  Matrix v = s.v;
  v(20, 0) += 100;
  const Matrix after = hashing_attention(s.q, v, o).output;
  for (std::size_t i = 0; i < 20; ++i) CHECK(after(i, 0) == before(i, 0));
}

TEST_CASE("hashing_attention: work equals its formulas, at three lengths", "[hashing][work]") {
  for (const std::size_t n : {16u, 32u, 64u}) {
    Random random(n);
    const Matrix q = random_matrix(random, n, 4), v = random_matrix(random, n, 3);
    const std::size_t rounds = 3, buckets = 6, m = 8;
    const Work work =
        hashing_attention(q, v, {.n_buckets = buckets, .n_rounds = rounds, .chunk = m}).work;
    const std::size_t pairs = rounds * (n * m + (n - m) * m);  // own chunk and the one before
    CHECK(work.multiply_adds ==
          n * 4 + rounds * n * 4 * (buckets / 2) + pairs * (4 + 3) + rounds * n * 3);
    CHECK(work.exponentials == pairs + rounds * n);
    CHECK(work.largest_buffer == 2 * m);
  }
}

TEST_CASE("hashing_attention: a token alone takes its own value, a zero query is no NaN",
          "[hashing][error]") {
  HashingSample s;
  for (std::size_t c = 0; c < 4; ++c) s.q(5, c) = 0;
  const HashingTrace t = hashing_attention(s.q, s.v, {.n_buckets = 4, .n_rounds = 2});
  for (std::size_t c = 0; c < 3; ++c) CHECK(t.output(0, c) == s.v(0, c));
  for (const double x : t.output) CHECK(std::isfinite(x));
}

TEST_CASE("hashing_attention: refuses odd buckets, no rounds and sizes that differ",
          "[hashing][error]") {
  const HashingSample s;
  CHECK_THROWS_WITH(hashing_attention(s.q, s.v, {.n_buckets = 3}),
                    "hashing_attention: wanted 1 bucket or an even number, got 3");
  CHECK_THROWS_WITH(hashing_attention(s.q, s.v, {.n_buckets = 0}),
                    "hashing_attention: wanted 1 bucket or an even number, got 0");
  CHECK_THROWS_WITH(hashing_attention(s.q, s.v, {.n_rounds = 0}),
                    "hashing_attention: wanted at least one round, got 0");
  CHECK_THROWS_WITH(hashing_attention(s.q, Matrix{{1}}, {}),
                    "hashing_attention: numbers of queries and values differ: 24 and 1");
}
