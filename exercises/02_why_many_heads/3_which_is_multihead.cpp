// 02.3  Which is multi-head? A diagnosis                                15 minutes
//
//   Five programs got the same tokens X and the same weights; four of them left a trace, a to d:
//   the pattern that mixed the left half of the output, the one that mixed the right half, and
//   the output. Programs and numbers: traces.hpp, or headlight compare 02.3
//
// Fill in who made each trace, for example  who.a = Program::swapped;  no program made two.
//
// Look before you compute: which patterns are equal, and which tokens cannot be told apart? Tokens
//   0 and 1 begin with the same two numbers, tokens 1 and 2 end with the same two.
// Section 2 of the report.
#include "exercises.hpp"
#include "traces.hpp"

namespace headlight::exercise {

Traces which_is_multihead() {
  // >>> your code
  return headlight::todo("02.3");
  // <<< your code
}

}  // namespace headlight::exercise
