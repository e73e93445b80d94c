// 04.2  Soft lookup: a dictionary that answers with a mixture              15 minutes
//
//   scores_j  = key_j . query / temperature                     [n]
//   weights   = softmax of scores                               [n]
//   found     = weights_0 value_0 + weights_1 value_1 + ...     [d_value]
//   nearest   = the value of the key with the largest score     [d_value], the first of several
//
// Example: query = [1, 0], keys = [[1, 0], [0, 1]], values = [[10], [20]], temperature 0.5, gives
//   scores = [2, 0], weights = [0.8808, 0.1192], found = [11.1920], nearest = [10]
//
// Section 4 of the report. Cold lookups have scores of thousands, above and below zero.
#include "exercises.hpp"

namespace headlight::exercise {

LookupTrace soft_lookup(const Vector& query, const Matrix& keys, const Matrix& values,
                        double temperature) {
  // >>> your code
  return headlight::todo("04.2");
  // <<< your code
}

}  // namespace headlight::exercise
