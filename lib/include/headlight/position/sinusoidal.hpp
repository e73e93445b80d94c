/// @file
/// Sinusoidal positions: an absolute code without parameters, added to the embeddings.
#pragma once

#include <headlight/core/tensor.hpp>

namespace headlight {

/// Sines and cosines of geometrically growing wavelengths, from 2 pi to nearly 2 pi * base tokens.
/// \f[ P_{p,2i} = \sin(p\,\theta_i),\quad P_{p,2i+1} = \cos(p\,\theta_i),\quad
///     \theta_i = base^{-2i/d_{model}} \f]
/// @param n  positions
/// @param d_model  width; an odd one ends with a lone sine
/// @param first  position of row 0
/// @param base  10000 in the paper
/// @return @shape{n, d_model}
/// @source Vaswani et al. 2017, 3.5    @booksection{13}
template <class T>
MatrixOf<T> sinusoidal_positions(std::size_t n, std::size_t d_model, std::size_t first = 0,
                                 double base = 10000);

/// The matrix that moves every sinusoidal position by the same offset: blocks of 2 by 2 rotations.
/// \f[ P_{p+k} = P_p\, M_k \f] for every p: an offset is a linear map of the code.
/// @param d_model  width, even
/// @param offset  k, of either sign
/// @param base  10000 in the paper
/// @return @shape{d_model, d_model}, orthogonal
/// @throws ShapeError for an odd width
/// @source Vaswani et al. 2017, 3.5    @booksection{13}
template <class T>
MatrixOf<T> sinusoidal_shift(std::size_t d_model, double offset, double base = 10000);

}  // namespace headlight
