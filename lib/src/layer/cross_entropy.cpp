#include <algorithm>
#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/layer/cross_entropy.hpp>
#include <headlight/layer/softmax.hpp>
#include <stdexcept>

namespace headlight {

template <class T>
CrossEntropyOf<T> cross_entropy(const MatrixOf<T>& logits, std::span<const std::size_t> targets,
                                const std::vector<bool>& counts) {
  const std::size_t n = logits.shape(0), vocabulary = logits.shape(1);
  require_shape(targets.size() == n && (counts.empty() || counts.size() == n), "cross_entropy",
                std::to_string(targets.size()) + " targets and " + std::to_string(counts.size()) +
                    " flags for logits " + shape_string(logits));
  CrossEntropyOf<T> result;
  for (std::size_t i = 0; i < n; ++i) {
    if (!counts.empty() && !counts[i]) continue;
    ++result.counted;
    if (targets[i] >= vocabulary)
      throw std::out_of_range("cross_entropy: target " + std::to_string(targets[i]) +
                              " is not below " + std::to_string(vocabulary) +
                              ", the size of the vocabulary");
  }
  if (result.counted == 0) throw std::domain_error("cross_entropy: no token counts");
  const T share = T(1) / static_cast<T>(result.counted);
  result.of_token = VectorOf<T>::from_shape({n});
  result.of_logits = MatrixOf<T>::from_shape({n, vocabulary});
  for (std::size_t i = 0; i < n; ++i) {
    T* row = result.of_logits.data() + i * vocabulary;
    result.of_token(i) = 0;
    if (!counts.empty() && !counts[i]) {
      std::fill_n(row, vocabulary, T(0));
      continue;
    }
    T max = 0, sum = 0;
    softmax_row<T>({logits.data() + i * vocabulary, vocabulary}, {row, vocabulary},
                   {row, vocabulary}, max, sum);
    result.of_token(i) = std::log(sum) + max - logits(i, targets[i]);
    result.loss += static_cast<double>(result.of_token(i));
    row[targets[i]] -= 1;
    for (std::size_t j = 0; j < vocabulary; ++j) row[j] *= share;
  }
  result.loss /= static_cast<double>(result.counted);
  return result;
}

template CrossEntropyOf<double> cross_entropy(const Matrix&, std::span<const std::size_t>,
                                              const std::vector<bool>&);
template CrossEntropyOf<float> cross_entropy(const MatrixF&, std::span<const std::size_t>,
                                             const std::vector<bool>&);

}  // namespace headlight
