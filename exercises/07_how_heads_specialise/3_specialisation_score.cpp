// 07.3  Specialisation: how much more than chance                       20 minutes
//
//   share(h, i) = sum of pattern[h](i, j) over related j < i / the same sum over all j < i;
//                 0 where query i gives nothing to earlier tokens
//   mass(h)     = mean of share(h, i) over the queries i with a related token j < i; 0 without any
//   chance      = mean over the same queries of (number of related j < i) / i; 0 without any
//   score(h)    = (mass(h) - chance) / (1 - chance); 0 where chance is 1: nothing to choose
//
// Example: n = 3, one head, row 2 of its pattern is [0.6, 0.2, 0.2], only token 0 is related to
//   token 2: share = [[0, 0, 0.75]], mass = [0.75], chance = 0.5, score = [0.5]
// Section 7 of the report. What a token gives to itself says nothing: leave the diagonal out.
#include "exercises.hpp"

namespace headlight::exercise {

SpecialisationTrace specialisation_score(const std::vector<Matrix>& pattern,
                                         const Matrix& related) {
  // >>> your code
  return headlight::todo("07.3");
  // <<< your code
}

}  // namespace headlight::exercise
