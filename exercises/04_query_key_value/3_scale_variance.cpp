// 04.3  Variance: why scores are divided by sqrt(d_head)                   15 minutes
//
//   products_i = query_i . key_i, row by row           [m]
//   variance   = mean of (products_i - their mean)^2   divided by m, not by m - 1
//   sharpest   = the largest weight in softmax(products)
//   scaled     = products / sqrt(d_head)               [m]
//   scaled_variance, softened: the same two numbers of scaled
//
// Example: query = [[1, 1, 1, 1], [1, 1, 0, 0]], key = [[1, 1, 1, 1], [1, 1, 1, 1]] gives
//   products = [4, 2], variance = 1, sharpest = 0.8808, scaled = [2, 1], scaled_variance = 0.25,
//   softened = 0.7311
// Section 4 of the report. Products may be as large as 10000: exp must not overflow.
#include "exercises.hpp"

namespace headlight::exercise {

VarianceTrace scale_variance(const Matrix& query, const Matrix& key) {
  // >>> your code
  return headlight::todo("04.3");
  // <<< your code
}

}  // namespace headlight::exercise
