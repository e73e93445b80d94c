/// @file
/// The position-wise feed-forward layer and its activations.
#pragma once

#include <headlight/core/tensor.hpp>
#include <span>

namespace headlight {

/// The non-linearity between the two matrices.
enum class Activation {
  gelu,      ///< \f$ x\,\Phi(x) \f$ with the error function
  gelu_new,  ///< GPT-2's tanh form of GELU
  relu,      ///< max(x, 0)
};

/// One activation applied to numbers.
/// \f$ \mathrm{gelu}(x) = \tfrac{x}{2}(1+\mathrm{erf}(x/\sqrt2)) \f$,
/// \f$ \mathrm{gelu\_new}(x) = \tfrac{x}{2}(1+\tanh(\sqrt{2/\pi}(x+0.044715x^3))) \f$.
/// @param kind  which
/// @param x  input
/// @param y  output, same size; may be the same memory
/// @source Hendrycks, Gimpel 2016
template <class T>
void activate(Activation kind, std::span<const T> x, std::span<T> y);

/// Two affine maps with a non-linearity between.
template <class T>
struct FeedForwardWeightsOf {
  MatrixOf<T> W_in;                              ///< @shape{d_model, d_hidden}
  VectorOf<T> b_in;                              ///< @shape{d_hidden}, or empty
  MatrixOf<T> W_out;                             ///< @shape{d_hidden, d_model}
  VectorOf<T> b_out;                             ///< @shape{d_model}, or empty
  Activation activation = Activation::gelu_new;  ///< between the two
};
using FeedForwardWeights = FeedForwardWeightsOf<double>;  ///< in double

/// Every number of the layer, in the order computed.
template <class T>
struct FeedForwardTraceOf {
  MatrixOf<T> pre;     ///< @shape{n, d_hidden}   x W_in + b_in
  MatrixOf<T> post;    ///< @shape{n, d_hidden}   activation of it
  MatrixOf<T> output;  ///< @shape{n, d_model}   post W_out + b_out
};
using FeedForwardTrace = FeedForwardTraceOf<double>;  ///< in double

}  // namespace headlight
