/// @file
/// Cutting one edge of a circuit: what heads contribute is kept from one input of a later layer.
#pragma once

#include <headlight/analysis/ablation.hpp>

namespace headlight {

/// Which input of the later layer no longer sees the heads.
enum class PathEdge {
  query,   ///< the queries of the later layer
  key,     ///< its keys
  value,   ///< its values
  direct,  ///< everything after the later layer: the heads' own road to the logits
};

/// An intervention that cuts one edge: Q, K or V of the later layer are computed from the residual
/// stream without the heads' contributions; everything else still has it.
/// @param weights  the model, pre-norm; must outlive the intervention
/// @param from  earlier heads  @param edge  which input  @param to_layer  the later layer
/// @return to be given to run_model with Record::everything; good for one run after the other, not
/// for several at once
/// @throws std::invalid_argument unless every head's layer < to_layer < n_layers; for post-norm
/// blocks, where a head's share cannot be taken out of the stream again
/// @source Wang et al. 2022; Goldowsky-Dill et al. 2023, path patching    @booksection{07}
template <class T>
InterventionOf<T> cut_edge(const ModelWeightsOf<T>& weights, const std::vector<HeadId>& from,
                           PathEdge edge, std::size_t to_layer);

}  // namespace headlight
