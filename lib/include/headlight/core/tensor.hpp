/// @file
/// The tensor types of the library, and the only place that includes xtensor's container.
#pragma once

#include <cstddef>

#if __has_include(<xtensor/containers/xtensor.hpp>)  // xtensor 0.26 and later
#include <xtensor/containers/xtensor.hpp>
#else
#include <xtensor/xtensor.hpp>
#endif

/// Everything of the library.
namespace headlight {

/// A list of numbers, @shape{n}.
template <class T>
using VectorOf = xt::xtensor<T, 1>;
/// Rows are tokens: @shape{rows, columns}.
template <class T>
using MatrixOf = xt::xtensor<T, 2>;
/// Heads first: @shape{n_heads, n, d_head}.
template <class T>
using Tensor3Of = xt::xtensor<T, 3>;

using Vector = VectorOf<double>;    ///< double: lessons, proofs, gradient checks
using Matrix = MatrixOf<double>;    ///< double: lessons, proofs, gradient checks
using Tensor3 = Tensor3Of<double>;  ///< double: lessons, proofs, gradient checks
using VectorF = VectorOf<float>;    ///< float: models, training, speed
using MatrixF = MatrixOf<float>;    ///< float: models, training, speed
using Tensor3F = Tensor3Of<float>;  ///< float: models, training, speed

/// Who sees whom: @shape{n_query, n_key}, true where the query may look at the key.
using Mask = xt::xtensor<bool, 2>;

}  // namespace headlight
