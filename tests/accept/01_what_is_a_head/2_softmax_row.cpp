// Right but unusual solutions of 01.2: each has to get all points.
#include "01_what_is_a_head/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SoftmaxTrace;

// Everything in float, the sum from the last key to the first.
SoftmaxTrace in_float(const Matrix& scores) {
  SoftmaxTrace trace{scores, scores, scores};
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    float largest = static_cast<float>(scores(i, 0)), total = 0;
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      largest = std::max(largest, static_cast<float>(scores(i, j)));
    for (std::size_t j = scores.shape(1); j-- > 0;) {
      const float shifted = static_cast<float>(scores(i, j)) - largest;
      trace.shifted(i, j) = static_cast<double>(shifted);
      trace.weight(i, j) = static_cast<double>(std::exp(shifted));
      total += std::exp(shifted);
    }
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      trace.pattern(i, j) = static_cast<double>(static_cast<float>(trace.weight(i, j)) / total);
  }
  return trace;
}

// Whole matrices, columns of row_max and row_sum.
SoftmaxTrace expressions(const Matrix& scores) {
  SoftmaxTrace trace;
  trace.shifted = scores - row_max(scores);
  trace.weight = xt::exp(trace.shifted);
  trace.pattern = trace.weight / row_sum(trace.weight);
  return trace;
}

// xtensor's own reductions, row by row.
SoftmaxTrace views(const Matrix& scores) {
  SoftmaxTrace trace{scores, scores, scores};
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    const Vector row = xt::view(scores, i);
    const Vector shifted = row - xt::amax(row)();
    const Vector weight = xt::exp(shifted);
    xt::view(trace.shifted, i) = shifted;
    xt::view(trace.weight, i) = weight;
    xt::view(trace.pattern, i) = weight / xt::sum(weight)();
  }
  return trace;
}

// In one pass: the sum is rescaled whenever a larger score comes; the pattern through logarithms.
SoftmaxTrace one_pass(const Matrix& scores) {
  SoftmaxTrace trace{scores, scores, scores};
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double largest = std::numeric_limits<double>::lowest(), total = 0;
    for (std::size_t j = 0; j < scores.shape(1); ++j) {
      const double higher = std::max(largest, scores(i, j));
      total = total * std::exp(largest - higher) + std::exp(scores(i, j) - higher);
      largest = higher;
    }
    for (std::size_t j = 0; j < scores.shape(1); ++j) {
      trace.shifted(i, j) = scores(i, j) - largest;
      trace.weight(i, j) = std::pow(std::exp(1.0), trace.shifted(i, j));
      trace.pattern(i, j) = std::exp(trace.shifted(i, j) - std::log(total));
    }
  }
  return trace;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::softmax_row)>> accepted_01_2;
const std::vector<Mutant<decltype(exercise::softmax_row)>> accepted_01_2 = {
    {"float", "", "everything in float, last key first", in_float},
    {"expressions", "", "whole matrices, row_max and row_sum", expressions},
    {"views", "", "views of rows, xtensor's reductions", views},
    {"one-pass", "", "a running sum that is rescaled; the pattern through a logarithm", one_pass},
};

}  // namespace headlight::course
