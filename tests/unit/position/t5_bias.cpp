#include <cstdint>
#include <headlight/core/shape.hpp>
#include <headlight/position/t5_bias.hpp>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

// The smallest distance of every bucket, in the order of the buckets.
std::vector<std::size_t> starts(const T5Buckets& buckets, int direction, std::size_t until) {
  std::vector<std::size_t> first;
  std::size_t last = static_cast<std::size_t>(-1);
  for (std::size_t r = 0; r < until; ++r) {
    const std::size_t bucket = t5_bucket(direction * static_cast<std::ptrdiff_t>(r), buckets);
    if (bucket != last) first.push_back(r);
    last = bucket;
  }
  return first;
}

}  // namespace

TEST_CASE("t5_bucket: a decoder's 32 buckets up to distance 128", "[t5]") {
  CHECK(starts({.bidirectional = false}, -1, 500) ==
        std::vector<std::size_t>{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                 16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113});
  CHECK(t5_bucket(-113, {.bidirectional = false}) == 31);
  CHECK(t5_bucket(-100000, {.bidirectional = false}) == 31);
}

TEST_CASE("t5_bucket: an encoder's 16 buckets a side, boundaries on powers of two", "[t5]") {
  const std::vector<std::size_t> want = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91};
  CHECK(starts({}, -1, 500) == want);
  CHECK(t5_bucket(-16) == 10);
  CHECK(t5_bucket(-15) == 9);
  CHECK(t5_bucket(-32) == 12);
  CHECK(t5_bucket(-64) == 14);
}

TEST_CASE("t5_bucket: later keys have buckets of their own, or none", "[t5]") {
  for (const std::ptrdiff_t r : {1, 7, 8, 31, 127, 128, 4000}) {
    CHECK(t5_bucket(r) == 16 + t5_bucket(-r));
    CHECK(t5_bucket(r, {.bidirectional = false}) == 0);
  }
  CHECK(t5_bucket(0) == 0);
}

TEST_CASE("t5_bucket: the logarithm agrees with powers of whole numbers", "[t5][two-ways]") {
  // Bucket e + t starts at the first r with (r/e)^(b-e) >= (max/e)^t: 128-bit numbers, no rounding.
  // 8 buckets, 4 exact, up to 64: r^4 >= 4^4 * 16^t.
  const T5Buckets buckets{.n_buckets = 8, .max_distance = 64, .bidirectional = false};
  for (std::size_t r = 4; r <= 300; ++r) {
    std::size_t want = 4;
    const std::uint64_t fourth = r * r * r * r;
    for (std::size_t t = 1; t <= 3; ++t)
      if (fourth >= (std::uint64_t{256} << (4 * t))) want = 4 + t;
    CHECK(t5_bucket(-static_cast<std::ptrdiff_t>(r), buckets) == want);
  }
}

TEST_CASE("t5_bucket: never decreases with distance, in buckets of every size", "[t5][law]") {
  for (std::size_t n = 2; n <= 40; ++n) {
    const T5Buckets buckets{.n_buckets = n, .max_distance = 100, .bidirectional = false};
    std::size_t last = 0;
    for (std::ptrdiff_t r = 0; r < 300; ++r) {
      const std::size_t bucket = t5_bucket(-r, buckets);
      CHECK((bucket >= last && bucket < n));
      last = bucket;
    }
    CHECK(last == n - 1);
  }
}

TEST_CASE("t5_bucket: refuses buckets that cannot be", "[t5][error]") {
  CHECK_THROWS_WITH(t5_bucket(0, {.n_buckets = 2}),
                    "t5_bucket: wanted at least two buckets a direction and a largest distance "
                    "above the exact ones, got 2 buckets and 128");
  CHECK_THROWS_AS(t5_bucket(0, {.n_buckets = 33}), std::domain_error);
  CHECK_THROWS_AS(t5_bucket(0, {.max_distance = 8}), std::domain_error);
}

TEST_CASE("t5_bias: a row of the table for every bucket, a column for every head", "[t5]") {
  const Matrix table = {{1, 10}, {2, 20}, {3, 30}, {4, 40}};  // [n_buckets, n_heads]
  const T5Buckets causal{.n_buckets = 4, .max_distance = 8, .bidirectional = false};
  CHECK((t5_bias(table, 3, 3, causal) ==
         Tensor3{{{1, 1, 1}, {2, 1, 1}, {3, 2, 1}}, {{10, 10, 10}, {20, 10, 10}, {30, 20, 10}}}));
  const T5Buckets both{.n_buckets = 4, .max_distance = 8};  // buckets: self, before, -, after
  CHECK((t5_bias(table, 2, 3, both) ==
         Tensor3{{{2, 1, 4}, {2, 2, 1}}, {{20, 10, 40}, {20, 20, 10}}}));
}

TEST_CASE("t5_bias: depends on the difference of positions alone", "[t5][law]") {
  const Matrix table = {{.3}, {-1}, {2}, {.5}, {4}, {7}, {-3}, {1.5}};
  const Tensor3 bias = t5_bias(table, 20, 20, {.n_buckets = 8, .max_distance = 16});
  for (std::size_t i = 1; i < 20; ++i)
    for (std::size_t j = 1; j < 20; ++j) CHECK(bias(0, i, j) == bias(0, i - 1, j - 1));
  CHECK(bias(0, 5, 4) != bias(0, 4, 5));
}

TEST_CASE("t5_bias: refuses a table of another size", "[t5][error]") {
  CHECK_THROWS_WITH(t5_bias(Matrix{{1}, {2}}, 2, 2),
                    "t5_bias: wanted a row for each of 32 buckets, got a table [2, 1]");
  CHECK_THROWS_AS(t5_bias(Matrix{{1}, {2}, {3}, {4}}, 3, 2, {.n_buckets = 4}), ShapeError);
}
