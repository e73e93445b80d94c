/// @file
/// Cross-entropy of next-token predictions, and what it asks of the logits.
#pragma once

#include <headlight/core/tensor.hpp>
#include <span>
#include <vector>

namespace headlight {

/// The loss of a sequence, token by token, and its gradient.
template <class T>
struct CrossEntropyOf {
  double loss = 0;          ///< mean over the counted tokens, in nats
  VectorOf<T> of_token;     ///< @shape{n}   -log p of the target; zero where it does not count
  MatrixOf<T> of_logits;    ///< @shape{n, vocabulary}   gradient of the mean loss
  std::size_t counted = 0;  ///< tokens that count
};
using CrossEntropy = CrossEntropyOf<double>;  ///< in double

/// Mean of -log softmax(logits)[target] over the tokens that count.
/// \f[ \ell = -\frac1c\sum_{i\ \mathrm{counted}} \log p_{i,t_i},\quad
///     \partial\ell/\partial x_{ij} = (p_{ij} - [j = t_i]) / c \f]
/// @param logits @shape{n, vocabulary}
/// @param targets  n token ids
/// @param counts  n flags, the label mask; empty: every token counts
/// @return loss, its share of every token, its gradient
/// @throws ShapeError when sizes differ; std::out_of_range for a target outside the vocabulary;
/// std::domain_error when no token counts
/// @booksection{18}
template <class T>
CrossEntropyOf<T> cross_entropy(const MatrixOf<T>& logits, std::span<const std::size_t> targets,
                                const std::vector<bool>& counts = {});

}  // namespace headlight
