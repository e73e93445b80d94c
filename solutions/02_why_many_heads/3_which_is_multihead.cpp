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
  Traces who;
  // In trace a the left pattern treats tokens 0 and 1 alike, and they differ only in their second
  // half; the right one treats 1 and 2 alike, which differ in their first. Each half saw a half.
  who.a = Program::split_first;
  // b and d have one pattern for both halves. That of b comes again on the left of c, so it belongs
  // to head 0 of two heads; that of d is nobody else's, so it is made of all four columns.
  who.b = Program::shared_pattern;
  who.d = Program::one_wide_head;
  // c has two patterns, and head 0's, known from b, stands on the left, where it belongs.
  who.c = Program::multi_head;
  return who;
  // Another way: write the five programs, a dozen lines each, and compare.
  // <<< your code
}

}  // namespace headlight::exercise
