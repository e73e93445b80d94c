/// @file
/// The one rule of closeness, used by tests, lessons, `--verify` and `diff`.
#pragma once

#include <headlight/core/shape.hpp>
#include <headlight/core/tensor.hpp>
#include <string>
#include <vector>

namespace headlight {

/// What comparing two tensors found.
struct Closeness {
  bool close = false;   ///< within the tolerance everywhere
  double relative = 0;  ///< \f$ \|a-b\|_2 / \max(\|b\|_2, tiny) \f$ over the finite cells
  std::vector<std::size_t> where;  ///< index of the worst cell; empty when shapes differ
  double got = 0;                  ///< value there
  double want = 0;                 ///< value wanted there
  std::string reason;              ///< one line when not close, else empty
};

/// How close is close.
struct ClosenessRule {
  double tolerance = 1e-12;     ///< of the relative difference
  bool nan_equals_nan = false;  ///< a NaN equals a NaN at the same place
};

/// Compares numbers: equal shapes, infinities at the same places, NaN nowhere (unless asked), the
/// finite rest within a relative distance in the Euclidean norm.
/// @param got  values in row-major order
/// @param got_shape  their shape
/// @param want  values in row-major order
/// @param want_shape  their shape
/// @param rule  tolerance and what to do with NaN
/// @return the verdict with the worst cell
template <class T, class U>
Closeness compare(std::span<const T> got, std::span<const std::size_t> got_shape,
                  std::span<const U> want, std::span<const std::size_t> want_shape,
                  ClosenessRule rule = {});

/// Compares two tensors of any rank and scalar type by the one rule.
/// @param got  what was computed
/// @param want  what it should be
/// @param rule  tolerance and what to do with NaN
/// @return the verdict with the worst cell
template <class A, class B>
requires requires(const A& a) {
  a.shape().data();
}
Closeness compare(const A& got, const B& want, ClosenessRule rule = {}) {
  using T = typename A::value_type;
  using U = typename B::value_type;
  return compare<T, U>({got.data(), got.size()}, {got.shape().data(), got.shape().size()},
                       {want.data(), want.size()}, {want.shape().data(), want.shape().size()},
                       rule);
}

}  // namespace headlight
