/// @file
/// What a mechanism cost, counted where it works.
#pragma once

#include <algorithm>
#include <cstddef>

namespace headlight {

/// Counts of one call, added up in the inner loops.
struct Work {
  std::size_t multiply_adds = 0;  ///< products that are summed: scores, mixing, features, states
  std::size_t exponentials = 0;   ///< calls of exp
  std::size_t largest_buffer =
      0;  ///< numbers of the largest buffer of scores or state that was held at once

  /// Remembers the largest buffer. @param numbers  of a buffer that is held
  void hold(std::size_t numbers) { largest_buffer = std::max(largest_buffer, numbers); }
};

}  // namespace headlight
