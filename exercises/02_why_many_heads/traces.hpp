/// @file
/// Lesson 2: what exercise 02.3 shows. Five programs were given the same four tokens and the same
/// weights; four of them left a trace. `./headlight compare 02.3` prints the same numbers.
///
///   multi_head      head 0 projects with columns 0 and 1 of W_Q, W_K, W_V, head 1 with columns 2
///                   and 3; both read all of X; outputs side by side, head 0 on the left
///   one_wide_head   one head of width 4 with all columns: scores / sqrt(4), one pattern
///   shared_pattern  as multi_head, but head 1 mixes its values by the pattern of head 0
///   split_first     head 0 gets columns 0 and 1 of X and rows 0 and 1 of its weights, head 1 the
///                   rest: the embedding is split before it is projected
///   swapped         as multi_head, but head 1 on the left and head 0 on the right
#pragma once

#include "kit/exercise.hpp"

namespace headlight::exercise::trace {

inline const Matrix X = {{1, 0, 1, 0}, {1, 0, 0, 1}, {0, 1, 0, 1}, {0, 1, 1, 1}};  ///< four tokens
inline const Matrix W_Q = {{1, 0, 0, 2}, {0, 1, 1, 0}, {2, 0, 0, 1}, {0, 1, 2, 0}};  ///< of queries
inline const Matrix W_K = {{1, 0, 1, 0}, {0, 2, 0, 1}, {1, 0, 0, 2}, {0, 1, 1, 0}};  ///< of keys
inline const Matrix W_V = {{1, 0, 2, 0}, {0, 1, 0, 2}, {3, 0, 1, 0}, {0, 3, 0, 1}};  ///< of values

/// What a program left, rounded to four decimals.
struct Trace {
  Matrix left;    ///< @shape{n, n}   the pattern that mixed columns 0 and 1 of the output
  Matrix right;   ///< @shape{n, n}   the pattern that mixed columns 2 and 3 of the output
  Matrix output;  ///< @shape{n, 4}
};

/// Trace a.
inline const Trace a = {{{0.3349, 0.3349, 0.1651, 0.1651},
                         {0.3349, 0.3349, 0.1651, 0.1651},
                         {0.0978, 0.0978, 0.4022, 0.4022},
                         {0.0978, 0.0978, 0.4022, 0.4022}},
                        {{0.4022, 0.0978, 0.0978, 0.4022},
                         {0.0750, 0.3083, 0.3083, 0.3083},
                         {0.0750, 0.3083, 0.3083, 0.3083},
                         {0.1406, 0.1406, 0.1406, 0.5783}},
                        {{0.6698, 0.3302, 0.8044, 0.5978},
                         {0.6698, 0.3302, 0.3833, 0.9250},
                         {0.1956, 0.8044, 0.3833, 0.9250},
                         {0.1956, 0.8044, 0.7188, 0.8594}}};

/// Trace b.
inline const Trace b = {{{0.7974, 0.0956, 0.0115, 0.0956},
                         {0.1228, 0.1228, 0.2491, 0.5052},
                         {0.0069, 0.0285, 0.4823, 0.4823},
                         {0.0434, 0.0434, 0.1786, 0.7346}},
                        {{0.7974, 0.0956, 0.0115, 0.0956},
                         {0.1228, 0.1228, 0.2491, 0.5052},
                         {0.0069, 0.0285, 0.4823, 0.4823},
                         {0.0434, 0.0434, 0.1786, 0.7346}},
                        {{3.5718, 0.7149, 2.6789, 0.4167},
                         {2.1298, 3.3859, 1.1194, 2.3859},
                         {1.5031, 3.9438, 0.5601, 2.9222},
                         {2.4208, 3.7829, 0.9517, 2.7829}}};

/// Trace c.
inline const Trace c = {{{0.7974, 0.0956, 0.0115, 0.0956},
                         {0.1228, 0.1228, 0.2491, 0.5052},
                         {0.0069, 0.0285, 0.4823, 0.4823},
                         {0.0434, 0.0434, 0.1786, 0.7346}},
                        {{0.1055, 0.0015, 0.0126, 0.8803},
                         {0.1786, 0.0434, 0.0434, 0.7346},
                         {0.0882, 0.7355, 0.0882, 0.0882},
                         {0.1802, 0.3655, 0.0889, 0.3655}},
                        {{3.5718, 0.7149, 1.1999, 2.6804},
                         {2.1298, 3.3859, 1.3572, 2.3774},
                         {1.5031, 3.9438, 1.8237, 1.2645},
                         {2.4208, 3.7829, 1.6370, 1.7284}}};

/// Trace d.
inline const Trace d = {{{0.4945, 0.0055, 0.0055, 0.4945},
                         {0.1068, 0.0393, 0.0648, 0.7891},
                         {0.0187, 0.2283, 0.3765, 0.3765},
                         {0.0607, 0.1000, 0.1000, 0.7392}},
                        {{0.4945, 0.0055, 0.0055, 0.4945},
                         {0.1068, 0.0393, 0.0648, 0.7891},
                         {0.0187, 0.2283, 0.3765, 0.3765},
                         {0.0607, 0.1000, 0.1000, 0.7392}},
                        {{3.4670, 2.0165, 1.9890, 1.5055},
                         {2.8339, 3.5335, 1.1881, 2.6010},
                         {1.4327, 3.6967, 0.8894, 2.4871},
                         {2.5605, 3.6572, 1.1214, 2.6179}}};

}  // namespace headlight::exercise::trace
