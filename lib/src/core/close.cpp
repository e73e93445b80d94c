#include <algorithm>
#include <cmath>
#include <cstdio>
#include <headlight/core/close.hpp>
#include <limits>

namespace headlight {
namespace {

std::vector<std::size_t> index_of(std::size_t flat, std::span<const std::size_t> shape) {
  std::vector<std::size_t> index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = flat % shape[axis];
    flat /= shape[axis];
  }
  return index;
}

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

}  // namespace

template <class T, class U>
Closeness compare(std::span<const T> got, std::span<const std::size_t> got_shape,
                  std::span<const U> want, std::span<const std::size_t> want_shape,
                  ClosenessRule rule) {
  Closeness result;
  if (!std::equal(got_shape.begin(), got_shape.end(), want_shape.begin(), want_shape.end())) {
    result.relative = std::numeric_limits<double>::infinity();
    result.reason =
        "shapes differ: got " + shape_string(got_shape) + ", wanted " + shape_string(want_shape);
    return result;
  }
  double difference_squares = 0, want_squares = 0, worst = -1;
  std::size_t worst_cell = 0;
  bool same_special = true;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = static_cast<double>(got[i]), b = static_cast<double>(want[i]);
    if (std::isfinite(a) && std::isfinite(b)) {
      const double difference = std::abs(a - b);
      difference_squares += difference * difference;
      want_squares += b * b;
      if (same_special && difference > worst) worst = difference, worst_cell = i;
      continue;
    }
    const bool same = std::isnan(b) ? std::isnan(a) && rule.nan_equals_nan : a == b;
    if (!same && same_special) same_special = false, worst_cell = i;
  }
  if (!got.empty()) {
    result.where = index_of(worst_cell, got_shape);
    result.got = static_cast<double>(got[worst_cell]);
    result.want = static_cast<double>(want[worst_cell]);
  }
  const double tiny = std::numeric_limits<double>::min();
  result.relative = std::sqrt(difference_squares) / std::max(std::sqrt(want_squares), tiny);
  const std::string cell = "worst cell " + shape_string(result.where) + ": got " +
                           number(result.got) + ", wanted " + number(result.want);
  if (!same_special) {
    result.relative = std::numeric_limits<double>::infinity();
    result.reason = "infinity or NaN at different places, " + cell;
  } else if (!(result.relative <= rule.tolerance)) {
    result.reason = "relative difference " + number(result.relative) + " exceeds " +
                    number(rule.tolerance) + ", " + cell;
  } else {
    result.close = true;
  }
  return result;
}

#define HEADLIGHT_COMPARE(T, U)                                                                    \
  template Closeness compare(std::span<const T>, std::span<const std::size_t>, std::span<const U>, \
                             std::span<const std::size_t>, ClosenessRule)
HEADLIGHT_COMPARE(double, double);
HEADLIGHT_COMPARE(float, double);
HEADLIGHT_COMPARE(double, float);
HEADLIGHT_COMPARE(float, float);
HEADLIGHT_COMPARE(bool, bool);
#undef HEADLIGHT_COMPARE

}  // namespace headlight
