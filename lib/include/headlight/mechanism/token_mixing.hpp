/// @file
/// Mixing tokens without attention: MLP-Mixer's maps over positions and FNet's Fourier transform.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/layer/feed_forward.hpp>
#include <headlight/layer/norm.hpp>
#include <headlight/mechanism/work.hpp>

namespace headlight {

/// MLP-Mixer's token mixing: a feed-forward layer whose rows are channels and whose columns are
/// positions, so the length is part of the weights.
template <class T>
struct TokenMixingWeightsOf {
  NormWeightsOf<T> norm;          ///< over the channels of each token, before mixing
  FeedForwardWeightsOf<T> mixer;  ///< W_in @shape{n, d_hidden}, W_out @shape{d_hidden, n}
};
using TokenMixingWeights = TokenMixingWeightsOf<double>;  ///< in double

/// Every number of MLP-Mixer's token mixing.
template <class T>
struct TokenMixingTraceOf {
  NormTraceOf<T> norm;  ///< of each token
  MatrixOf<T> pre;      ///< @shape{d_model, d_hidden}   every channel times W_in, plus bias
  MatrixOf<T> post;     ///< @shape{d_model, d_hidden}   activation of it
  MatrixOf<T> mixed;    ///< @shape{n, d_model}   (post W_out + bias)^T
  MatrixOf<T> output;   ///< @shape{n, d_model}   x + mixed
  Work work;            ///< what it cost; activations are no calls of exp
};
using TokenMixingTrace = TokenMixingTraceOf<double>;  ///< in double

/// Mixes tokens by one small network that all channels share.
/// \f[ Y = X + (W_2^T\,\mathrm{gelu}(W_1^T\,\mathrm{LN}(X))) \f]
/// @param x @shape{n, d_model}
/// @param weights  norm and maps
/// @return every intermediate
/// @throws ShapeError when sizes differ, also when n is not the length of the weights
/// @source Tolstikhin et al. 2021, MLP-Mixer, equation 1    @booksection{17}
template <class T>
TokenMixingTraceOf<T> token_mixing(const MatrixOf<T>& x, const TokenMixingWeightsOf<T>& weights);

/// Every number of FNet's mixing.
template <class T>
struct FourierMixingTraceOf {
  MatrixOf<T> hidden_real;       ///< @shape{n, d_model}   transform of every row, real part
  MatrixOf<T> hidden_imaginary;  ///< @shape{n, d_model}   and imaginary part
  MatrixOf<T> output;            ///< @shape{n, d_model}   real part of the columns' transform
  Work work;                     ///< what it cost; a complex product counts 4
};
using FourierMixingTrace = FourierMixingTraceOf<double>;  ///< in double

/// FNet's mixing: no weights at all, the real part of the transform over channels and positions.
/// \f[ Y = \Re\,\mathcal F_{pos}(\mathcal F_{channel}(X)) \f]
/// @param x @shape{n, d_model}, any sizes above zero; powers of two are fastest
/// @return every intermediate
/// @throws ShapeError when x is empty
/// @source Lee-Thorp, Ainslie, Eckstein, Ontanon 2021, FNet, equation 3    @booksection{17}
template <class T>
FourierMixingTraceOf<T> fourier_mixing(const MatrixOf<T>& x);

}  // namespace headlight
