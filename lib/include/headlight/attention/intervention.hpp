/// @file
/// Ready-made interventions: ablating heads, patching stages, freezing patterns.
#pragma once

#include <headlight/core/stage.hpp>
#include <map>
#include <string>
#include <vector>

namespace headlight {

/// What an ablated head gives instead of its output.
enum class HeadReplacement {
  zero,  ///< nothing
  mean,  ///< its mean over the positions of this sequence
};

/// Takes a head's output z away. @param layer  block  @param head  in it  @param kind  what stands
/// there instead
/// @return to be called at every stage
/// @throws std::out_of_range when called with a trace that has no such head
/// @source Michel et al. 2019; Wang et al. 2022 (mean)    @booksection{09}
template <class T>
InterventionOf<T> ablate_head(std::size_t layer, std::size_t head, HeadReplacement kind);

/// Puts other values in place of stages: patching, frozen patterns.
/// @param values  for each full stage name the numbers in memory order (heads first)
/// @return to be called at every stage
/// @throws std::invalid_argument when called with a stage of another size
/// @source Meng et al. 2022; Olsson et al. 2022 (frozen patterns)    @booksection{09}
template <class T>
InterventionOf<T> replace_stages(std::map<std::string, std::vector<T>> values);

/// Several interventions, one after the other. @param all  in order  @return one
template <class T>
InterventionOf<T> in_order(std::vector<InterventionOf<T>> all);

}  // namespace headlight
