/// @file
/// Linear attention: a feature map instead of the softmax, so that keys and values fold into a
/// state of fixed size.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>

namespace headlight {

/// elu(x) + 1: x + 1 above zero, exp(x) below; positive everywhere.
/// @param x @shape{n, d_head}
/// @return @shape{n, d_head}
/// @source Katharopoulos et al. 2020, equation 7    @booksection{17}
template <class T>
MatrixOf<T> elu_plus_one(const MatrixOf<T>& x);

/// Every number of linear attention.
template <class T>
struct LinearTraceOf {
  MatrixOf<T> query_features;  ///< @shape{n_query, d_features}   phi(Q)
  MatrixOf<T> key_features;    ///< @shape{n_key, d_features}   phi(K)
  MatrixOf<T> state;       ///< @shape{d_features, d_value}   sum of phi(k)^T v after the last key
  VectorOf<T> key_sum;     ///< @shape{d_features}   sum of phi(k) after the last key
  VectorOf<T> normaliser;  ///< @shape{n_query}   phi(q) . key_sum: what the row is divided by
  MatrixOf<T> output;  ///< @shape{n_query, d_value}   normalised; zero where the normaliser is zero
  Work work;           ///< what it cost
};
using LinearTrace = LinearTraceOf<double>;  ///< in double

/// Linear attention in time and memory linear in the number of tokens.
/// \f[ y_i = \frac{\phi(q_i)\sum_j \phi(k_j)^T v_j}{\phi(q_i)\cdot\sum_j \phi(k_j)} \f]
/// @param query_features @shape{n_query, d_features}, not negative
/// @param key_features @shape{n_key, d_features}, not negative
/// @param value @shape{n_key, d_value}
/// @param causal  sums run over j <= i (then n_query = n_key), a recurrence over tokens; otherwise
/// over all keys
/// @return every intermediate
/// @throws ShapeError when sizes differ or there is no feature
/// @source Katharopoulos et al. 2020, Transformers are RNNs, 3.2 to 3.4    @booksection{17}
template <class T>
LinearTraceOf<T> linear_attention(const MatrixOf<T>& query_features,
                                  const MatrixOf<T>& key_features, const MatrixOf<T>& value,
                                  bool causal);

/// The same numbers the quadratic way: the n x n matrix of phi(q) . phi(k), masked, rows divided by
/// their sums.
/// @param query_features @shape{n_query, d_features}
/// @param key_features @shape{n_key, d_features}
/// @param value @shape{n_key, d_value}
/// @param causal  hide the future
/// @param pattern  when given, receives the n x n matrix, @shape{n_query, n_key}
/// @return @shape{n_query, d_value}
/// @throws ShapeError when sizes differ or there is no feature
template <class T>
MatrixOf<T> linear_attention_quadratic(const MatrixOf<T>& query_features,
                                       const MatrixOf<T>& key_features, const MatrixOf<T>& value,
                                       bool causal, MatrixOf<T>* pattern = nullptr);

/// What each order of the same product costs, two-sided, in multiply-adds.
struct LinearCost {
  std::size_t quadratic = 0;  ///< (phi(Q) phi(K)^T) V, rows divided by their sums
  std::size_t linear = 0;     ///< phi(Q) (phi(K)^T V), and phi(Q) times the sum of phi(k)

  /// @return true where folding keys and values into a state is cheaper: only when tokens outnumber
  /// features by enough
  bool linear_is_cheaper() const { return linear < quadratic; }
};

/// Counts both orders. @param n  tokens  @param d_features  of phi  @param d_value  of the values
/// @return n^2 (d_features + d_value) and n d_features (2 d_value + 1)
inline LinearCost linear_attention_cost(std::size_t n, std::size_t d_features,
                                        std::size_t d_value) {
  return {n * n * (d_features + d_value), n * d_features * (2 * d_value + 1)};
}

}  // namespace headlight
