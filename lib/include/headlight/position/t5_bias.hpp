/// @file
/// T5's relative positions: one learned number a head for every bucket of distances, added to the
/// scores.
#pragma once

#include <cstddef>
#include <headlight/core/tensor.hpp>

namespace headlight {

/// How distances are sorted into buckets.
struct T5Buckets {
  std::size_t n_buckets = 32;      ///< in all; half of them for either direction if bidirectional
  std::size_t max_distance = 128;  ///< from here on all distances share the last bucket
  bool bidirectional = true;       ///< encoder; a decoder puts every future key into bucket 0
};

/// The bucket of a relative position: near distances have one each, farther ones share buckets that
/// grow geometrically, the last one takes the rest.
/// With b buckets a direction, the first e = b/2 of them exact, a distance r goes to
/// \f[ r \text{ if } r < e, \text{ else } \min(e + \lfloor (b-e) \ln(r/e) / \ln(max/e) \rfloor,
/// b-1); \f]
/// bidirectional buckets of later keys follow those of earlier ones.
/// @param offset  key position minus query position
/// @param buckets  how many, up to which distance, one direction or both
/// @return 0 ... n_buckets - 1
/// @throws std::domain_error when there are too few buckets, or max_distance lies in the exact ones
/// @note a boundary that falls on a whole number belongs to the farther bucket
/// @source Raffel et al. 2020, 2.1, and the authors' code    @booksection{13}
std::size_t t5_bucket(std::ptrdiff_t offset, const T5Buckets& buckets = {});

/// The learned bias of every head, query and key.
/// \f[ B_{hij} = table_{bucket(j - i'),\,h},\quad i' = i + n_{key} - n_{query} \f]
/// T5 adds it to unscaled scores (AttentionOptions: scale 1), and shares one table among all
/// layers.
/// @param table @shape{n_buckets, n_heads}
/// @param n_query  queries, the last n_query of the n_key positions
/// @param n_key  keys
/// @param buckets  how many, up to which distance, one direction or both
/// @return @shape{n_heads, n_query, n_key}
/// @throws ShapeError when the table has another number of rows, or n_query > n_key
/// @source Raffel et al. 2020, 2.1    @booksection{13}
template <class T>
Tensor3Of<T> t5_bias(const MatrixOf<T>& table, std::size_t n_query, std::size_t n_key,
                     const T5Buckets& buckets = {});

}  // namespace headlight
