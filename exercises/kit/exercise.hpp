/// @file
/// What an exercise may use: matrices, products, and todo() for the part that is not written yet.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <headlight/core/linalg.hpp>
#include <headlight/core/reduce.hpp>
#include <headlight/core/tensor.hpp>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#if __has_include(<xtensor/views/xview.hpp>)  // xtensor 0.26 and later
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>
#endif

#pragma GCC diagnostic ignored "-Wunused-parameter"  // a stub does not use its parameters yet

namespace headlight {

/// Thrown where an exercise is not written yet: its cases are reported as open, not as wrong.
struct Todo {
  std::string id;  ///< of the exercise, "05.1"
};

/// Stands for a value of any type; none is ever made.
struct NothingYet {
  /// @return never
  template <class T>
  operator T() const {
    throw Todo{};
  }
};

/// Marks the part of an exercise that is not written yet.
/// @param id  of the exercise, "05.1"
/// @return never
/// @throws Todo always
[[noreturn]] inline NothingYet todo(const char* id) {
  throw Todo{id};
}

/// What a prediction holds until it is filled in: not a number, so never the right one.
inline constexpr double not_filled = std::numeric_limits<double>::quiet_NaN();

}  // namespace headlight
