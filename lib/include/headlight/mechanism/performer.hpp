/// @file
/// Performer's FAVOR+: positive orthogonal random features whose products estimate the softmax's
/// exponential, so that linear attention approaches softmax attention.
#pragma once

#include <cstdint>
#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/linear.hpp>

namespace headlight {

/// Random directions: blocks of d_head orthogonal rows, each row as long as a normal vector would
/// be. Every row alone is distributed like a normal vector; together they repeat each other less.
/// @param d_features  rows
/// @param d_head  columns
/// @param seed  of the draw: the same seed, the same directions
/// @return @shape{d_features, d_head}; the QR decomposition's diagonal is positive, without which
/// the rows would lean to one side
/// @throws ShapeError without features or columns
/// @source Choromanski et al. 2021, Performer, 2.4; Mezzadri 2007 (the sign)    @booksection{17}
template <class T = double>
MatrixOf<T> orthogonal_directions(std::size_t d_features, std::size_t d_head, std::uint64_t seed);

/// Positive random features: the mean of phi(q) . phi(k) over directions is exp(q . k /
/// sqrt(d_head)).
/// \f[ \phi(x) = \frac{1}{\sqrt m}\exp\left(W x' - |x'|^2/2\right),\quad x' = x / d^{1/4} \f]
/// @param x @shape{n, d_head}
/// @param directions @shape{d_features, d_head}
/// @return @shape{n, d_features}, above zero (a very long x underflows to zero)
/// @throws ShapeError when widths differ or there is no feature
/// @source Choromanski et al. 2021, Performer, lemma 1    @booksection{17}
template <class T>
MatrixOf<T> favor_features(const MatrixOf<T>& x, const MatrixOf<T>& directions);

/// Every number of Performer's attention: linear attention's, over features that are each divided
/// by a factor which the normaliser cancels.
template <class T>
struct PerformerTraceOf : LinearTraceOf<T> {
  MatrixOf<T> query_exponents;  ///< @shape{n_query, d_features}   W q' - |q'|^2 / 2
  MatrixOf<T> key_exponents;    ///< @shape{n_key, d_features}   W k' - |k'|^2 / 2
};
using PerformerTrace = PerformerTraceOf<double>;  ///< in double

/// Attention by random features. Each query's largest exponent is subtracted from its own, and,
/// unless causal, the largest of all keys' from theirs: both cancel in the normaliser and keep long
/// vectors from vanishing.
/// @param query @shape{n_query, d_head}
/// @param key @shape{n_key, d_head}
/// @param value @shape{n_key, d_value}
/// @param directions @shape{d_features, d_head}, see orthogonal_directions
/// @param causal  hide the future (then n_query = n_key)
/// @return every intermediate
/// @throws ShapeError when sizes differ or there is no feature
/// @source Choromanski et al. 2021, Rethinking attention with Performers    @booksection{17}
template <class T>
PerformerTraceOf<T> performer_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                        const MatrixOf<T>& value, const MatrixOf<T>& directions,
                                        bool causal);

}  // namespace headlight
