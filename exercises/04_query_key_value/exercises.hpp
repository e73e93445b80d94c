/// @file
/// Lesson 4, query, key, value: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Weights of one head that reads another sequence.
struct CrossWeights {
  Matrix W_Q;  ///< @shape{d_model, d_head}   for the target
  Matrix W_K;  ///< @shape{d_model, d_head}   for the source
  Matrix W_V;  ///< @shape{d_model, d_value}   for the source
};

/// Stages of 04.1.
struct CrossTrace {
  Matrix query;    ///< @shape{n_query, d_head}   target W_Q
  Matrix key;      ///< @shape{n_key, d_head}   source W_K
  Matrix value;    ///< @shape{n_key, d_value}   source W_V
  Matrix scores;   ///< @shape{n_query, n_key}   query key^T / sqrt(d_head)
  Matrix masked;   ///< @shape{n_query, n_key}   -infinity where the key is padding
  Matrix pattern;  ///< @shape{n_query, n_key}   softmax of every row
  Matrix output;   ///< @shape{n_query, d_value}   pattern value
};

/// 04.1: the target asks, the source answers.
/// @param target @shape{n_query, d_model}
/// @param source @shape{n_key, d_model}
/// @param weights  of the head
/// @param is_padding  n_key of them: true where the source only fills up; one at least is false
/// @return the seven stages    @booksection{04}
CrossTrace cross_attend(const Matrix& target, const Matrix& source, const CrossWeights& weights,
                        const std::vector<bool>& is_padding);

/// Stages of 04.2.
struct LookupTrace {
  Vector scores;   ///< @shape{n}   key_j . query / temperature
  Vector weights;  ///< @shape{n}   softmax of scores
  Vector found;    ///< @shape{d_value}   sum of weight_j value_j
  Vector nearest;  ///< @shape{d_value}   value of the key with the largest score
};

/// 04.2: a dictionary asked softly, and asked for its best key.
/// @param query @shape{d_key}
/// @param keys @shape{n, d_key}
/// @param values @shape{n, d_value}
/// @param temperature  above zero; small is sharp
/// @return the four stages; of several equally good keys the first is the nearest @booksection{04}
LookupTrace soft_lookup(const Vector& query, const Matrix& keys, const Matrix& values,
                        double temperature);

/// Stages of 04.3.
struct VarianceTrace {
  Vector products;             ///< @shape{m}   query_i . key_i
  double variance = 0;         ///< of the products, with 1/m
  double sharpest = 0;         ///< the largest weight in the softmax of the products
  Vector scaled;               ///< @shape{m}   products / sqrt(d_head)
  double scaled_variance = 0;  ///< of the scaled products, with 1/m
  double softened = 0;         ///< the largest weight in the softmax of the scaled products
};

/// 04.3: what 1/sqrt(d_head) does to the spread of scores and to the softmax.
/// @param query @shape{m, d_head}
/// @param key @shape{m, d_head}
/// @return the six stages    @booksection{04}
VarianceTrace scale_variance(const Matrix& query, const Matrix& key);

}  // namespace headlight::exercise
