/// @file
/// LayerNorm and RMSNorm with their mean, scale and normalised values.
#pragma once

#include <headlight/core/tensor.hpp>

namespace headlight {

/// Which normalisation.
enum class Norm { layer, rms };

/// Gain, bias and the small number inside the root.
template <class T>
struct NormWeightsOf {
  VectorOf<T> gain;         ///< @shape{d_model}
  VectorOf<T> bias;         ///< @shape{d_model}, or empty for none (always for RMSNorm)
  T epsilon = T(1e-5);      ///< added to the variance, inside the root
  Norm kind = Norm::layer;  ///< LayerNorm or RMSNorm
};
using NormWeights = NormWeightsOf<double>;  ///< in double

/// Every number of a normalisation, in the order computed.
template <class T>
struct NormTraceOf {
  MatrixOf<T> mean;        ///< @shape{n, 1}   mean of the row; empty for RMSNorm
  MatrixOf<T> scale;       ///< @shape{n, 1}   sqrt(variance + epsilon), what is divided by
  MatrixOf<T> normalised;  ///< @shape{n, d_model}   (x - mean) / scale
  MatrixOf<T> output;      ///< @shape{n, d_model}   normalised * gain + bias
};
using NormTrace = NormTraceOf<double>;  ///< in double

/// The steps of a normalisation, in order.
enum class NormStep { mean, scale, normalised, output };

/// Normalises every row.
/// LayerNorm \f$ (x-\mu)/\sqrt{\sigma^2+\epsilon}\odot g + b \f$ with the biased variance;
/// RMSNorm \f$ x/\sqrt{\overline{x^2}+\epsilon}\odot g \f$.
/// @param x @shape{n, d_model}
/// @param weights  gain @shape{d_model}, bias, epsilon, kind
/// @param trace  overwritten; its memory is reused
/// @param threads  rows are spread over this many threads
/// @param first  steps before it are kept as the trace holds them (after an intervention)
/// @throws ShapeError when sizes differ
/// @source Ba, Kiros, Hinton 2016; Zhang, Sennrich 2019    @booksection{05}
template <class T>
void normalise(const MatrixOf<T>& x, const NormWeightsOf<T>& weights, NormTraceOf<T>& trace,
               std::size_t threads = 1, NormStep first = NormStep::mean);

/// Normalises every row and returns all its numbers.
/// @param x @shape{n, d_model}
/// @param weights  gain @shape{d_model}, bias, epsilon, kind
/// @return mean, scale, normalised, output
/// @throws ShapeError when sizes differ
template <class T>
NormTraceOf<T> normalise(const MatrixOf<T>& x, const NormWeightsOf<T>& weights) {
  NormTraceOf<T> trace;
  normalise(x, weights, trace);
  return trace;
}

}  // namespace headlight
