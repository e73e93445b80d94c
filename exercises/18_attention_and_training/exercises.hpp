/// @file
/// Lesson 18, attention and training: what the three exercises compute.
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise {

/// Stages of 18.1. The norm of a row is the Frobenius norm of its softmax Jacobian diag(p) - p p^T:
/// the root of the sum of the squares of all its cells.
struct SaturationTrace {
  Matrix raw_scores;   ///< @shape{n_query, n_key}   query . key
  Matrix scores;       ///< @shape{n_query, n_key}   raw_scores / sqrt(d_head)
  Matrix raw_pattern;  ///< @shape{n_query, n_key}   softmax of every row of raw_scores
  Matrix pattern;      ///< @shape{n_query, n_key}   softmax of every row of scores
  Vector raw_norm;     ///< @shape{n_query}   of the Jacobian of every row of raw_pattern
  Vector norm;         ///< @shape{n_query}   of the Jacobian of every row of pattern
  double left;         ///< mean of raw_norm / mean of norm: what is left of the gradient
};

/// 18.1: what large scores leave of the gradient, without and with the division by sqrt(d_head).
/// @param query @shape{n_query, d_head}
/// @param key @shape{n_key, d_head}   two keys at least
/// @return the seven stages    @booksection{18}
SaturationTrace saturation(const Matrix& query, const Matrix& key);

/// Entropy of the softmax of a row of scores that was multiplied by a factor: minus the sum of p ln
/// p over its keys, in nats. A hidden key (-infinity) stays hidden whatever the factor. What is not
/// filled in is not a number.
struct Entropy {
  double at_zero = not_filled;      ///< factor 0
  double at_quarter = not_filled;   ///< factor 1/4: divided by sqrt(d_head) in a head of 16
  double at_one = not_filled;       ///< factor 1: not divided
  double at_thousand = not_filled;  ///< factor 1000
};

/// What 18.2 asks for: six rows of scores; ln is the natural logarithm, 4 ln 3 = 4.3944.
struct Entropies {
  Entropy two_keys;   ///< [0, 4 ln 3]
  Entropy one_ahead;  ///< [0, 0, 0, 4 ln 3]
  Entropy tie;        ///< [4 ln 3, 0, 4 ln 3]
  Entropy hidden;     ///< [0, -infinity, 4 ln 3]
  Entropy shifted;    ///< [100, 100, 100, 100 + 4 ln 3]
  Entropy level;      ///< [7, 7, 7, 7, 7]
};

/// 18.2: how sharp a pattern is when its scores are scaled, predicted.
/// @return four numbers for each of six rows    @booksection{18}
Entropies entropy_vs_scale();

/// Ways of a message between tokens. In one step every token hears what some others know already,
/// and keeps what it knows itself. What is not filled in is not a number.
struct Path {
  double steps = not_filled;        ///< n = 64: until each has heard of all that it ever can
  double steps_twice = not_filled;  ///< the same for n = 128
  double links = not_filled;        ///< n = 64: who hears whom directly in the first step; pairs
                                    ///< of different tokens, (a, b) and (b, a) are two
};

/// What 18.3 asks for: six ways of mixing.
struct Paths {
  Path full;       ///< causal attention: token i hears tokens 0 ... i
  Path window;     ///< causal window of 5: token i hears i - 4 ... i
  Path recurrent;  ///< recurrent net: token i hears token i - 1
  Path leading;    ///< the causal window of 5, and everybody hears token 0 too
  Path doubling;   ///< causal, step s = 0, 1, 2 ...: token i hears token i - 2^s
  Path summary;  ///< not causal: token i hears i - 2 ... i + 2; all hear token 0, and it hears all
};

/// 18.3: how far apart two tokens are, counted in steps, predicted.
/// @return three numbers for each of six ways    @booksection{18}
Paths path_length();

}  // namespace headlight::exercise
