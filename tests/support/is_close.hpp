/// @file
/// CHECK_THAT(got, IsClose(want)): the library's rule of closeness as a matcher for Catch2 2 and 3.
#pragma once

#include <headlight/core/close.hpp>
#include <utility>

#include "support/catch.hpp"

namespace headlight_test {

/// Prints a tensor's shape in a failing check; the reason has the cells.
template <class Tensor>
std::string in_words(const Tensor& tensor) {
  return "a tensor of shape " + headlight::shape_string(tensor);
}

}  // namespace headlight_test

// A tensor is not printed as a range of numbers but by its shape.
template <class T, std::size_t N>
struct Catch::is_range<xt::xtensor<T, N>> : std::false_type {};
template <class T, std::size_t N>
struct Catch::StringMaker<xt::xtensor<T, N>> {
  static std::string convert(const xt::xtensor<T, N>& tensor) {
    return headlight_test::in_words(tensor);
  }
};

/// Holds what was wanted; matches a tensor of scalar T and rank N that is close to it.
template <class T, std::size_t N, class Want>
class IsCloseMatcher : public headlight_test::MatcherBase<xt::xtensor<T, N>> {
 public:
  IsCloseMatcher(Want want, double tolerance) : want_(std::move(want)), tolerance_(tolerance) {}
  bool match(const xt::xtensor<T, N>& got) const override {
    result_ = headlight::compare(got, want_, {.tolerance = tolerance_});
    return result_.close;
  }
  std::string describe() const override {
    return result_.close ? "is close" : "should be close: " + result_.reason;
  }

 private:
  Want want_;
  double tolerance_;
  mutable headlight::Closeness result_;
};

/// The rule of closeness for a tensor of the same scalar type.
/// @param want  the value  @param tolerance  relative; above 1e-12 the test gives the reason
template <class T, std::size_t N>
auto IsClose(const xt::xtensor<T, N>& want, double tolerance = 1e-12) {
  return IsCloseMatcher<T, N, xt::xtensor<T, N>>(want, tolerance);
}

/// The rule of closeness for float against double.
/// @param want  the value in double  @param tolerance  relative, with its reason
template <std::size_t N>
auto IsCloseInFloat(const xt::xtensor<double, N>& want, double tolerance = 1e-5) {
  return IsCloseMatcher<float, N, xt::xtensor<double, N>>(want, tolerance);
}
