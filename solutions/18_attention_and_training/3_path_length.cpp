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
  Paths ways;
  // One step, whatever n: what attention is for. Token i hears i others.
  ways.full = {1, 1, 64.0 * 63 / 2};
  // A window of w reaches w - 1 back in a step, since one of the w is the token itself: 63 tokens
  // in steps of 4, rounded up. The first four tokens have fewer others to hear.
  ways.window = {16, 32, 4 * 64 - (4 + 3 + 2 + 1)};
  ways.recurrent = {63, 127, 63};
  // Token 0 is heard by all, but it hears nobody: what token 1 knows still has to walk. Only the
  // way from token 0 itself became short.
  ways.leading = {16, 32, ways.window.links + (64 - 5)};
  // A distance is a sum of different powers of two: six of them make up 63, seven 127.
  ways.doubling = {6, 7, 63};
  // Up to token 0 and down again. 62 tokens have a neighbour two to one side, 63 one beside them;
  // token 0 hears and is heard by the 61 that are not its neighbours.
  ways.summary = {2, 2, 2 * (63 + 62) + 2 * 61};
  return ways;
  // Another way: a table of who knows of whom, filled step by step until it does not change.
  // <<< your code
}

}  // namespace headlight::exercise
