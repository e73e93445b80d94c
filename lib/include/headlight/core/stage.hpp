/// @file
/// A recorded intermediate as seen from outside: name, symbol, formula, axes, values.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headlight {

/// One stage of a computation. T is `const float`, `const double` (reading) or without const
/// (intervening).
template <class T>
struct StageOf {
  std::string name;                ///< TransformerLens's name, "blocks.0.attn.hook_q"
  std::string_view symbol;         ///< the report's letter, "Q"
  std::string_view formula;        ///< "x W_Q + b_Q"
  std::string_view axes;           ///< of the values as they lie in memory, "head, pos, d_head"
  std::vector<std::size_t> shape;  ///< one size per axis
  std::span<T> values;             ///< row-major; empty for a mask
  std::span<const bool> flags;     ///< the values of a mask; empty otherwise
};

/// Called for every recorded stage, in the order in which they are computed.
template <class T>
using StageVisitorOf = std::function<void(const StageOf<const T>&)>;

/// Called after a stage is computed and before the next one reads it; may change the values.
template <class T>
using InterventionOf = std::function<void(const StageOf<T>&)>;

/// @param axes  "head, pos, d_head"
/// @return one word an axis: "head", "pos", "d_head"
std::vector<std::string> axis_names(std::string_view axes);

}  // namespace headlight
