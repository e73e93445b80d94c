/// @file
/// One head cut out of the matrices that all heads share.
#pragma once

#include <headlight/attention/head.hpp>
#include <headlight/attention/multi_head.hpp>

namespace headlight {

/// The projections of one head: its columns of W_Q, W_K, W_V and its part of their biases.
/// @param weights  of all heads  @param head  which, from 0
/// @return to be given to attend()
/// @throws ShapeError for a head that is not there
/// @booksection{06}
template <class T>
HeadWeightsOf<T> head_weights(const MultiHeadWeightsOf<T>& weights, std::size_t head);

/// What one head writes with: its rows of W_O.
/// @param weights  of all heads  @param head  which, from 0
/// @return @shape{d_value, d_model}
/// @throws ShapeError for a head that is not there
/// @booksection{06}
template <class T>
MatrixOf<T> output_rows(const MultiHeadWeightsOf<T>& weights, std::size_t head);

}  // namespace headlight
