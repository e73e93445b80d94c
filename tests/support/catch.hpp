/// @file
/// One include for Catch2 2.13 (Debian 12) and 3.x (Debian 13).
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#define HEADLIGHT_CATCH2_MAJOR 3
#else
#include <catch2/catch.hpp>
#define HEADLIGHT_CATCH2_MAJOR 2
#endif

namespace headlight_test {

#if HEADLIGHT_CATCH2_MAJOR == 3
template <class T>
using MatcherBase = Catch::Matchers::MatcherBase<T>;
inline auto contains(const std::string& part) {
  return Catch::Matchers::ContainsSubstring(part);
}
#else
template <class T>
using MatcherBase = Catch::MatcherBase<T>;
inline auto contains(const std::string& part) {
  return Catch::Matchers::Contains(part);
}
#endif

}  // namespace headlight_test
