#include <headlight/core/close.hpp>
#include <limits>

#include "support/catch.hpp"

using namespace headlight;

namespace {
const double inf = std::numeric_limits<double>::infinity();
const double not_a_number = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("compare: a difference is relative to the Euclidean norm of what was wanted", "[close]") {
  const Closeness c = compare(Matrix{{3, 4.005}}, Matrix{{3, 4}}, {.tolerance = 1e-2});
  CHECK(c.close);
  CHECK(c.relative > 0.99e-3);
  CHECK(c.relative < 1.01e-3);
}

TEST_CASE("compare: names the worst cell", "[close]") {
  const Closeness c = compare(Matrix{{1, 2}, {3, 9}}, Matrix{{1, 2}, {3, 4}});
  CHECK_FALSE(c.close);
  CHECK(c.where == std::vector<std::size_t>{1, 1});
  CHECK(c.got == 9);
  CHECK(c.want == 4);
}

TEST_CASE("compare: shapes are never broadcast", "[close]") {
  const Closeness c = compare(Matrix{{1, 1}}, Matrix{{1}});
  CHECK_FALSE(c.close);
  CHECK(c.reason == "shapes differ: got [1, 2], wanted [1, 1]");
}

TEST_CASE("compare: NaN is close to nothing unless asked", "[close]") {
  CHECK_FALSE(compare(Matrix{{not_a_number}}, Matrix{{0}}).close);
  CHECK_FALSE(compare(Matrix{{0}}, Matrix{{not_a_number}}).close);
  CHECK_FALSE(compare(Matrix{{not_a_number}}, Matrix{{not_a_number}}).close);
  CHECK(compare(Matrix{{not_a_number}}, Matrix{{not_a_number}}, {.nan_equals_nan = true}).close);
  CHECK_FALSE(compare(Matrix{{0}}, Matrix{{not_a_number}}, {.nan_equals_nan = true}).close);
}

TEST_CASE("compare: infinities must stand at the same places with the same sign", "[close]") {
  CHECK(compare(Matrix{{-inf, 1}}, Matrix{{-inf, 1}}).close);
  CHECK_FALSE(compare(Matrix{{inf, 1}}, Matrix{{-inf, 1}}).close);
  CHECK_FALSE(compare(Matrix{{-1e300, 1}}, Matrix{{-inf, 1}}).close);
}

TEST_CASE("compare: float against double", "[close]") {
  CHECK(compare(MatrixF{{0.1f}}, Matrix{{0.1}}, {.tolerance = 1e-7}).close);
  CHECK_FALSE(compare(MatrixF{{0.1f}}, Matrix{{0.1}}, {.tolerance = 1e-9}).close);
}
