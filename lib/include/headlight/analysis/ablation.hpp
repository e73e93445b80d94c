/// @file
/// Taking heads out of a model while it runs, in four ways.
#pragma once

#include <headlight/attention/model.hpp>
#include <span>
#include <vector>

namespace headlight {

/// Which head.
struct HeadId {
  std::size_t layer = 0;  ///< counted from the bottom
  std::size_t head = 0;   ///< within the layer
};

/// How a head is taken out.
enum class Ablation {
  zero,      ///< its output z becomes zero
  mean,      ///< z becomes its mean over other sequences, position by position
  resample,  ///< z becomes what it is on another sequence
  uniform,   ///< its pattern becomes uniform over the keys it may see
};

/// Outputs z of all heads, layer by layer: what takes their place.
template <class T>
using HeadOutputsOf = std::vector<Tensor3Of<T>>;  // each [n_heads, n, d_value]

/// Outputs of all heads on one sequence.
/// @param trace  of run_model  @return one @shape{n_heads, n, d_value} a layer
template <class T>
HeadOutputsOf<T> head_outputs(const ModelTraceOf<T>& trace);

/// Mean outputs of all heads over sequences of one length.
/// @param weights  the model  @param sequences  token ids, of equal length, at least one
/// @return one @shape{n_heads, n, d_value} a layer
/// @throws ShapeError when lengths differ; std::domain_error without sequences
template <class T>
HeadOutputsOf<T> mean_outputs(const ModelWeightsOf<T>& weights,
                              std::span<const std::vector<std::size_t>> sequences);

/// An intervention for run_model that takes heads out.
/// @param heads  which  @param kind  how
/// @param replacement  for mean and resample: what takes their place; as long as the sequence
/// @return to be given to run_model
/// @throws std::invalid_argument when a replacement is needed and none is given
/// @note when run: ShapeError for a replacement of another size
/// @source Olsson et al. 2022; Wang et al. 2022 (mean); Chan et al. 2022 (resample)
/// @booksection{07}
template <class T>
InterventionOf<T> ablate(const std::vector<HeadId>& heads, Ablation kind,
                         const HeadOutputsOf<T>& replacement = {});

}  // namespace headlight
