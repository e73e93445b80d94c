/// @file
/// Small linear algebra that lessons need beside the library.
#pragma once

#include <headlight/attention/multi_head.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/tensor.hpp>
#include <utility>

namespace lesson {

/// Rank by Gauss with the largest pivot. @param a  any matrix  @param tolerance  of a pivot,
/// relative to the largest entry  @return independent rows
std::size_t rank(headlight::Matrix a, double tolerance = 1e-9);

/// A random invertible matrix and its inverse: elementary steps one way, undone in the other order.
/// @param n  rows and columns  @param random  the source, advanced  @return both
std::pair<headlight::Matrix, headlight::Matrix> with_inverse(std::size_t n,
                                                             headlight::Random& random);

/// Heads that share d_model columns evenly, without biases, every number drawn.
/// @param random  the source, advanced  @param n_heads  divides d_model  @param d_model  width
/// @param deviation  of the numbers  @return W_Q, W_K, W_V and W_O, each [d_model, d_model]
headlight::MultiHeadWeights draw_heads(headlight::Random& random, std::size_t n_heads,
                                       std::size_t d_model, double deviation = 0.4);

/// Rows in another order. @param a @shape{n, columns}  @param order  row i of the result is row
/// order[i] of a  @return @shape{n, columns}
headlight::Matrix reordered(const headlight::Matrix& a, const std::vector<std::size_t>& order);

/// @param a  a matrix  @param row  of it  @return the column of the largest number in that row
std::size_t largest_in_row(const headlight::Matrix& a, std::size_t row);

}  // namespace lesson
