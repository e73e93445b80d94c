/// @file
/// Lesson 7, how heads specialise: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Stages of 07.1.
struct JacobianTrace {
  Matrix pattern;    ///< @shape{n_query, n_key}   softmax of every row of scores
  Tensor3 jacobian;  ///< @shape{n_query, n_key, n_key}   (i, j, k): d pattern(i, j) / d scores(i,
                     ///< k)
  Matrix score_gradient;  ///< @shape{n_query, n_key}   d loss / d scores
};

/// 07.1: how a pattern answers to its scores, and what the loss tells the scores.
/// @param scores @shape{n_query, n_key}, -infinity hides a key; a fully hidden row has a zero
/// pattern
/// @param pattern_gradient @shape{n_query, n_key}   d loss / d pattern
/// @return the three stages    @booksection{07}
JacobianTrace softmax_jacobian(const Matrix& scores, const Matrix& pattern_gradient);

/// Stages of 07.2, one step of gradient descent. Lists have one matrix a head.
struct SymmetryTrace {
  std::vector<Matrix> pattern;         ///< @shape{n, n}   softmax of X W_QK X^T / sqrt(d_model)
  std::vector<Matrix> contribution;    ///< @shape{n, d_out}   pattern X W_OV
  Matrix error;                        ///< @shape{n, d_out}   sum of contributions - target
  std::vector<Matrix> score_gradient;  ///< @shape{n, n}   d loss / d scores
  std::vector<Matrix> gradient_QK;     ///< @shape{d_model, d_model}   d loss / d W_QK
  std::vector<Matrix> gradient_OV;     ///< @shape{d_model, d_out}   d loss / d W_OV
  std::vector<Matrix> new_QK;          ///< @shape{d_model, d_model}   W_QK - rate gradient_QK
  std::vector<Matrix> new_OV;          ///< @shape{d_model, d_out}   W_OV - rate gradient_OV
  Matrix distance;  ///< @shape{n_heads, n_heads}   largest difference of two heads' new weights
};

/// 07.2: one step of gradient descent on the heads of a layer: do heads that begin equal part?
/// The loss is half the sum of the squares of error.
/// @param X @shape{n, d_model}
/// @param target @shape{n, d_out}
/// @param W_QK  one a head, @shape{d_model, d_model}   its W_Q W_K^T
/// @param W_OV  one a head, @shape{d_model, d_out}   its W_V W_O
/// @param rate  length of the step
/// @return the nine stages    @booksection{07}
SymmetryTrace symmetric_init(const Matrix& X, const Matrix& target, const std::vector<Matrix>& W_QK,
                             const std::vector<Matrix>& W_OV, double rate);

/// Stages of 07.3.
struct SpecialisationTrace {
  Matrix share;  ///< @shape{n_heads, n}   of what query i gives to earlier tokens, the related part
  Vector mass;   ///< @shape{n_heads}   mean share of the queries that have a related earlier token
  double chance;  ///< the mass of a head that looks at all earlier tokens alike
  Vector score;   ///< @shape{n_heads}   (mass - chance) / (1 - chance): 1 specialist, 0 no better
                  ///< than chance
};

/// 07.3: how much more every head gives to one relation than it would by chance.
/// @param pattern  one a head, @shape{n, n}, causal: zero above the diagonal
/// @param related @shape{n, n}   1 where token j stands in the relation to token i, else 0
/// @return the four stages    @booksection{07}
SpecialisationTrace specialisation_score(const std::vector<Matrix>& pattern, const Matrix& related);

}  // namespace headlight::exercise
