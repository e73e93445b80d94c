/// @file
/// What a caller may ask of attention: masks, positions, how much to record, interventions,
/// threads.
#pragma once

#include <headlight/core/stage.hpp>
#include <headlight/core/tensor.hpp>
#include <headlight/position/rope.hpp>
#include <optional>
#include <vector>

namespace headlight {

/// How much of the trace is filled in.
enum class Record {
  everything,  ///< every stage
  essential,   ///< norm, Q, K, V, scaled scores, masked scores, pattern, z, concatenation, W_O,
               ///< residual
};

/// Options of one attention layer.
template <class T>
struct AttentionOptionsOf {
  bool causal = false;              ///< hide the future
  std::vector<bool> is_token = {};  ///< one entry a key; false hides padding; empty: all are tokens
  std::optional<Rope> rope = {};    ///< turn queries and keys
  const Tensor3Of<T>* bias =
      nullptr;       ///< @shape{n_heads, n_query, n_key} added to the scaled scores
  double scale = 0;  ///< factor of the raw scores; 0 means 1/sqrt(d_head)
  Record record = Record::everything;  ///< how much to keep
  std::size_t threads = 1;  ///< heads and blocks of rows are spread over this many threads
  InterventionOf<T> intervention = {};  ///< may change a stage before the next one reads it
};
using AttentionOptions = AttentionOptionsOf<double>;  ///< in double

}  // namespace headlight
