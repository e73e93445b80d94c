// 18.2  Entropy and scale: predict how sharp a pattern is               20 minutes
//
//   Six rows of scores (see Entropies in exercises.hpp) are multiplied by 0, 1/4, 1 and 1000, and
//   go through a softmax. Predict the entropy, minus the sum of p ln p, before you run anything:
//   rows.level.at_zero = ...;  or  rows.level = {at_zero, at_quarter, at_one, at_thousand};
//   Four decimals are enough, and so are formulas with std::log.
//
// Example: [0, ln 3] times 1 has the pattern [1/4, 3/4] and the entropy
//   ln(4) / 4 + 3 ln(4/3) / 4 = 0.5623
//
// Section 18 of the report. 4 ln 3 is what a head of 16 makes of ln 3 without its division.
#include "exercises.hpp"

namespace headlight::exercise {

Entropies entropy_vs_scale() {
  // >>> your code
  // Keys whose weights stand to each other as whole numbers: with weights a / sum the entropy is
  // ln(sum) minus the mean of ln(a).
  const auto entropy = [](const std::vector<double>& weights) {
    double sum = 0, logs = 0;
    for (const double a : weights) sum += a, logs += a * std::log(a);
    return std::log(sum) - logs / sum;
  };
  Entropies rows;
  // Factor 0 forgets the scores: all keys that are seen get the same. Factor 1/4 leaves e^(ln 3) =
  // 3, factor 1 has 3^4 = 81. Factor 1000 leaves the largest, or all that share first place.
  rows.two_keys = {std::log(2), entropy({1, 3}), entropy({1, 81}), 0};
  rows.one_ahead = {std::log(4), entropy({1, 1, 1, 3}), entropy({1, 1, 1, 81}), 0};
  rows.tie = {std::log(3), entropy({3, 1, 3}), entropy({81, 1, 81}), std::log(2)};
  rows.hidden = rows.two_keys;      // a key that nobody sees is not there
  rows.shifted = rows.one_ahead;    // the softmax does not see what all scores share
  const double five = std::log(5);  // nor how large they are, only how they differ
  rows.level = {five, five, five, five};
  return rows;
  // Another way: let the machine do it, and see which of the numbers you would not have guessed.
  // <<< your code
}

}  // namespace headlight::exercise
