// 18.3  Path length: predict how far apart tokens are                   20 minutes
//
//   Six ways in which tokens hear of each other (see Paths in exercises.hpp). In one step a token
//   takes over what the tokens that it hears know already. Predict, before you run anything, how
//   many steps it takes until every token has heard of every other that it ever can, for n = 64
//   and n = 128, and who hears whom in the first step at n = 64:
//   ways.full.steps = ...;  or  ways.full = {steps, steps_twice, links};
//
// Example: 4 tokens in a causal window of 2 (token i hears i - 1) take 3 steps; the links are
//   (1, 0), (2, 1), (3, 2), so 3
// Section 18 of the report: steps are layers, in a recurrent net tokens.
#include "exercises.hpp"

namespace headlight::exercise {

Paths path_length() {
  // >>> your code
  return headlight::todo("18.3");
  // <<< your code
}

}  // namespace headlight::exercise
