// 04.1  Cross-attention: the target asks, the source answers              20 minutes
//
//   query  = target W_Q               [n_query, d_head]
//   key    = source W_K               [n_key, d_head]      value = source W_V  [n_key, d_value]
//   scores = query key^T / sqrt(d_head)                    [n_query, n_key], no square
//   masked = scores, and -infinity in the columns of padding; pattern = softmax of every row
//   output = pattern value            [n_query, d_value]
//
// Example: target = [[2]], source = [[1], [3], [5]], the last is padding, all weights [[1]], gives
//   scores = [[2, 6, 10]], masked = [[2, 6, -inf]], pattern = [[0.0180, 0.9820, 0]],
//   output = [[2.9640]]
// Section 4 of the report. Scores may be as large as 10000: exp must not overflow.
#include "exercises.hpp"

namespace headlight::exercise {

CrossTrace cross_attend(const Matrix& target, const Matrix& source, const CrossWeights& weights,
                        const std::vector<bool>& is_padding) {
  // >>> your code
  return headlight::todo("04.1");
  // <<< your code
}

}  // namespace headlight::exercise
