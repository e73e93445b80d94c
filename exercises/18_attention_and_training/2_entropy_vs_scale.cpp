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
  return headlight::todo("18.2");
  // <<< your code
}

}  // namespace headlight::exercise
