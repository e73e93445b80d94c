/// @file
/// An induction circuit with weights written by hand: two layers, one head each.
#pragma once

#include <headlight/attention/model.hpp>

namespace headlight {

/// A model that continues what it has seen before: after ... A B ... A it says B.
/// The residual stream has four parts: this token, this position, the token before, the answer.
/// Layer 0 (previous-token head): the query of position i matches the key of position i - 1 and
/// copies that token into "the token before". Layer 1 (induction head, by K-composition): the query
/// "this token" matches keys whose "token before" it is, and copies their token into the answer. No
/// norms, no feed-forward layer; the unembedding reads the answer.
/// @param vocabulary  tokens
/// @param n_context  positions
/// @return the weights; d_model is 3 vocabulary + n_context
/// @source Elhage et al. 2021, A mathematical framework for transformer circuits; Olsson et al.
/// 2022    @booksection{08}
template <class T>
ModelWeightsOf<T> induction_by_hand(std::size_t vocabulary, std::size_t n_context);

}  // namespace headlight
