/// @file
/// Hydra attention: as many heads as features, so that nothing but products of vectors is left.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>

namespace headlight {

/// Every number of Hydra attention.
template <class T>
struct HydraTraceOf {
  MatrixOf<T> query_features;  ///< @shape{n_query, d}   q / |q|
  MatrixOf<T> key_features;    ///< @shape{n_key, d}   k / |k|
  VectorOf<T> state;           ///< @shape{d}   sum of k / |k| times v after the last key
  MatrixOf<T> output;          ///< @shape{n_query, d}   q / |q| times the sum
  Work work;                   ///< what it cost
};
using HydraTrace = HydraTraceOf<double>;  ///< in double

/// Linear attention with h = d heads of one feature and the cosine as kernel: the keys and values
/// fold into one vector, which every query gates. There is no normaliser.
/// \f[ y_i = \frac{q_i}{|q_i|} \odot \sum_j \frac{k_j}{|k_j|} \odot v_j \f]
/// @param query @shape{n_query, d}
/// @param key @shape{n_key, d}
/// @param value @shape{n_key, d}
/// @param causal  sums run over j <= i (then n_query = n_key)
/// @return every intermediate; a zero query or key gives zeros
/// @throws ShapeError when sizes differ or there is no feature
/// @source Bolya, Fu, Dai, Zhang, Hoffman 2022, Hydra attention, equation 7    @booksection{17}
template <class T>
HydraTraceOf<T> hydra_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                const MatrixOf<T>& value, bool causal);

}  // namespace headlight
