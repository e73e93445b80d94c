#include <cmath>
#include <headlight/layer/softmax.hpp>
#include <limits>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {
const double inf = std::numeric_limits<double>::infinity();
const double not_a_number = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("softmax_rows: ln 1, ln 2, ln 5 give one, two and five eighths", "[softmax]") {
  CHECK_THAT(softmax_rows(Matrix{{std::log(1), std::log(2), std::log(5)}}),
             IsClose(Matrix{{0.125, 0.25, 0.625}}));
}

TEST_CASE("softmax_rows: rows, not columns, sum to one", "[softmax]") {
  const Matrix a = softmax_rows(Matrix{{0, std::log(3)}, {std::log(4), 0}, {0, 0}});
  CHECK_THAT(a, IsClose(Matrix{{0.25, 0.75}, {0.8, 0.2}, {0.5, 0.5}}));
}

TEST_CASE("softmax_rows: adding a constant to a row changes nothing", "[softmax][law]") {
  CHECK_THAT(softmax_rows(Matrix{{1001, 1002, 1003}}), IsClose(softmax_rows(Matrix{{1, 2, 3}})));
}

TEST_CASE("softmax_rows: scores near -1000 are as good as scores near 0", "[softmax]") {
  CHECK_THAT(softmax_rows(Matrix{{-1001, -1002, -1003}}), IsClose(softmax_rows(Matrix{{3, 2, 1}})));
}

TEST_CASE("softmax_rows: a masked score gets exactly zero", "[softmax]") {
  const Matrix a = softmax_rows(Matrix{{0, -inf, 0}});
  CHECK(a(0, 1) == 0);
  CHECK(a(0, 0) == 0.5);
}

TEST_CASE("softmax_rows: a fully hidden row is zero, not NaN", "[softmax]") {
  CHECK_THAT(softmax_rows(Matrix{{-inf, -inf}, {0, 0}}), IsClose(Matrix{{0, 0}, {0.5, 0.5}}));
}

TEST_CASE("softmax_rows: NaN scores are not hidden", "[softmax]") {
  CHECK(std::isnan(softmax_rows(Matrix{{not_a_number, 1}})(0, 1)));
  CHECK(std::isnan(softmax_rows(Matrix{{not_a_number, -inf}})(0, 0)));
}

TEST_CASE("softmax_trace: maximum, exponentials and sum by hand", "[softmax]") {
  const SoftmaxTrace trace = softmax_trace(Matrix{{std::log(2), std::log(6)}});
  CHECK_THAT(trace.max, IsClose(Matrix{{std::log(6)}}));
  CHECK_THAT(trace.exp, IsClose(Matrix{{1.0 / 3, 1}}));
  CHECK_THAT(trace.sum, IsClose(Matrix{{4.0 / 3}}));
  CHECK_THAT(trace.pattern, IsClose(Matrix{{0.25, 0.75}}));
}
