// Wrong solutions of 01.2: each has to be refused, at its stage, by its name.
#include "01_what_is_a_head/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SoftmaxTrace;

constexpr double lowest = -std::numeric_limits<double>::infinity();

double largest_from(const Matrix& a, std::size_t i, double start = lowest) {
  for (std::size_t j = 0; j < a.shape(1); ++j) start = std::max(start, a(i, j));
  return start;
}

// The right trace, but for the number that is taken off each cell.
template <class Off>
SoftmaxTrace taking_off(const Matrix& scores, Off off) {
  SoftmaxTrace trace{scores, scores, scores};
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double total = 0;
    for (std::size_t j = 0; j < scores.shape(1); ++j) {
      trace.shifted(i, j) = scores(i, j) - off(i, j);
      total += trace.weight(i, j) = std::exp(trace.shifted(i, j));
    }
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      trace.pattern(i, j) = trace.weight(i, j) / total;
  }
  return trace;
}

SoftmaxTrace right(const Matrix& scores) {
  return taking_off(scores, [&](std::size_t i, std::size_t) { return largest_from(scores, i); });
}

// The right shift, but for what makes a weight of it.
template <class Weight>
SoftmaxTrace weighing(const Matrix& scores, Weight weight) {
  SoftmaxTrace trace = right(scores);
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double total = 0;
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      total += trace.weight(i, j) = weight(trace.shifted(i, j));
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      trace.pattern(i, j) = trace.weight(i, j) / total;
  }
  return trace;
}

// The right weights, but for what they are divided by.
template <class By>
SoftmaxTrace divided(const Matrix& scores, By by) {
  SoftmaxTrace trace = right(scores);
  for (std::size_t i = 0; i < scores.shape(0); ++i)
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      trace.pattern(i, j) = trace.weight(i, j) / by(trace.weight, i, j);
  return trace;
}

SoftmaxTrace no_maximum(const Matrix& scores) {
  return taking_off(scores, [](std::size_t, std::size_t) { return 0; });
}
SoftmaxTrace one_maximum(const Matrix& scores) {
  double all = lowest;
  for (const double s : scores) all = std::max(all, s);
  return taking_off(scores, [&](std::size_t, std::size_t) { return all; });
}
SoftmaxTrace first_maximum(const Matrix& scores) {
  return taking_off(scores, [&](std::size_t, std::size_t) { return largest_from(scores, 0); });
}
SoftmaxTrace column_maximum(const Matrix& scores) {
  return taking_off(scores, [&](std::size_t, std::size_t j) {
    double largest = lowest;
    for (std::size_t i = 0; i < scores.shape(0); ++i) largest = std::max(largest, scores(i, j));
    return largest;
  });
}
SoftmaxTrace maximum_from_zero(const Matrix& scores) {
  return taking_off(scores, [&](std::size_t i, std::size_t) { return largest_from(scores, i, 0); });
}
SoftmaxTrace last_not_compared(const Matrix& scores) {
  return taking_off(scores, [&](std::size_t i, std::size_t) {
    double largest = scores(i, 0);
    for (std::size_t j = 0; j + 1 < scores.shape(1); ++j) largest = std::max(largest, scores(i, j));
    return largest;
  });
}
SoftmaxTrace mean_off(const Matrix& scores) {
  return taking_off(scores, [&](std::size_t i, std::size_t) {
    double total = 0;
    for (std::size_t j = 0; j < scores.shape(1); ++j) total += scores(i, j);
    return total / static_cast<double>(scores.shape(1));
  });
}
SoftmaxTrace smallest_off(const Matrix& scores) {
  return taking_off(scores, [&](std::size_t i, std::size_t) {
    double smallest = scores(i, 0);
    for (std::size_t j = 0; j < scores.shape(1); ++j) smallest = std::min(smallest, scores(i, j));
    return smallest;
  });
}
SoftmaxTrace absolute_off(const Matrix& scores) {
  return taking_off(scores, [&](std::size_t i, std::size_t) {
    double largest = 0;
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      largest = std::max(largest, std::abs(scores(i, j)));
    return largest;
  });
}
SoftmaxTrace wrong_sign(const Matrix& scores) {
  SoftmaxTrace trace = right(scores);
  for (double& one : trace.shifted) one = -one;
  return trace;
}
SoftmaxTrace base_two(const Matrix& scores) {
  return weighing(scores, [](double x) { return std::exp2(x); });
}
SoftmaxTrace minus_exponent(const Matrix& scores) {
  return weighing(scores, [](double x) { return std::exp(-x); });
}
SoftmaxTrace no_exponential(const Matrix& scores) {
  return weighing(scores, [](double x) { return x; });
}
SoftmaxTrace one_plus(const Matrix& scores) {
  return weighing(scores, [](double x) { return 1 + x; });
}
SoftmaxTrace weight_of_scores(const Matrix& scores) {
  SoftmaxTrace trace = right(scores);
  for (std::size_t i = 0; i < scores.size(); ++i)
    trace.weight.data()[i] = std::exp(scores.data()[i]);
  return trace;
}
SoftmaxTrace not_divided(const Matrix& scores) {
  return divided(scores, [](const Matrix&, std::size_t, std::size_t) { return 1; });
}
SoftmaxTrace by_n(const Matrix& scores) {
  return divided(scores, [](const Matrix& w, std::size_t, std::size_t) {
    return static_cast<double>(w.shape(1));
  });
}
SoftmaxTrace over_columns(const Matrix& scores) {
  return divided(scores, [](const Matrix& w, std::size_t, std::size_t j) {
    double total = 0;
    for (std::size_t i = 0; i < w.shape(0); ++i) total += w(i, j);
    return total;
  });
}
SoftmaxTrace whole_matrix(const Matrix& scores) {
  return divided(scores, [](const Matrix& w, std::size_t, std::size_t) {
    double total = 0;
    for (const double x : w) total += x;
    return total;
  });
}
SoftmaxTrace short_sum(const Matrix& scores) {
  return divided(scores, [](const Matrix& w, std::size_t i, std::size_t) {
    double total = w(i, 0);
    for (std::size_t j = 1; j + 1 < w.shape(1); ++j) total += w(i, j);
    return total;
  });
}
SoftmaxTrace carried_over(const Matrix& scores) {
  return divided(scores, [](const Matrix& w, std::size_t i, std::size_t) {
    double total = 0;
    for (std::size_t r = 0; r <= i; ++r)
      for (std::size_t j = 0; j < w.shape(1); ++j) total += w(r, j);
    return total;
  });
}
SoftmaxTrace by_the_norm(const Matrix& scores) {
  return divided(scores, [](const Matrix& w, std::size_t i, std::size_t) {
    double total = 0;
    for (std::size_t j = 0; j < w.shape(1); ++j) total += w(i, j) * w(i, j);
    return std::sqrt(total);
  });
}
SoftmaxTrace running_sum(const Matrix& scores) {
  return divided(scores, [](const Matrix& w, std::size_t i, std::size_t key) {
    double total = 0;
    for (std::size_t j = 0; j <= key; ++j) total += w(i, j);
    return total;
  });
}
SoftmaxTrace in_place(const Matrix& scores) {
  const SoftmaxTrace trace = right(scores);
  const_cast<Matrix&>(scores) = trace.shifted;
  return trace;
}
SoftmaxTrace of_the_example(const Matrix&) {
  return {{{-std::log(5.0), std::log(0.4), 0}}, {{0.2, 0.4, 1}}, {{0.125, 0.25, 0.625}}};
}
SoftmaxTrace one_maximum_over_columns(const Matrix& scores) {
  SoftmaxTrace trace = one_maximum(scores);
  for (std::size_t j = 0; j < scores.shape(1); ++j) {
    double total = 0;
    for (std::size_t i = 0; i < scores.shape(0); ++i) total += trace.weight(i, j);
    for (std::size_t i = 0; i < scores.shape(0); ++i)
      trace.pattern(i, j) = trace.weight(i, j) / total;
  }
  return trace;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::softmax_row)>> mutants_01_2;
const std::vector<Mutant<decltype(exercise::softmax_row)>> mutants_01_2 = {
    {"no-maximum", "shifted", "nothing is taken off: exp overflows from 710 on", no_maximum},
    {"one-maximum", "shifted", "the largest of the whole matrix is taken off, not of each row",
     one_maximum},
    {"first-maximum", "shifted", "the largest of row 0 is taken off every row", first_maximum},
    {"column-maximum", "shifted", "the largest of the column is taken off, not of the row",
     column_maximum},
    {"maximum-from-zero", "shifted",
     "the search for the largest starts at 0, which is too high for a row below zero",
     maximum_from_zero},
    {"last-not-compared", "shifted", "the last key is left out of the search for the largest",
     last_not_compared},
    {"mean-off", "shifted", "the mean of the row is taken off, not its largest", mean_off},
    {"smallest-off", "shifted", "the smallest of the row is taken off, not its largest",
     smallest_off},
    {"absolute-off", "shifted", "the largest without its sign is taken off", absolute_off},
    {"wrong-sign", "shifted", "largest minus score: the sign is turned", wrong_sign},
    {"base-two", "weight", "2 to the power of shifted instead of e", base_two},
    {"minus-exponent", "weight", "e to the power of minus shifted: large scores get small weights",
     minus_exponent},
    {"no-exponential", "weight", "there is no exponential: the weight is shifted itself",
     no_exponential},
    {"one-plus", "weight", "1 + x instead of e^x: right only near zero", one_plus},
    {"weight-of-scores", "weight", "the exponential is taken of scores, not of shifted",
     weight_of_scores},
    {"not-divided", "pattern", "the division by the row's sum is missing", not_divided},
    {"by-n", "pattern", "divided by the number of keys instead of the row's sum", by_n},
    {"over-columns", "pattern", "the sum goes over the column, not over the row", over_columns},
    {"whole-matrix", "pattern", "the sum goes over the whole matrix, not over the row",
     whole_matrix},
    {"short-sum", "pattern", "the sum leaves out the last key", short_sum},
    {"carried-over", "pattern", "the sum is not set back to zero for the next row", carried_over},
    {"by-the-norm", "pattern", "divided by the root of the sum of squares instead of the sum",
     by_the_norm},
    {"running-sum", "pattern", "divided while the sum is still growing: first sum, then divide",
     running_sum},
    {"in-place", "", "the scores that were handed in are changed", in_place},
    {"of-the-example", "shifted", "the numbers of the example are returned, whatever comes in",
     of_the_example},
    {"one-maximum-over-columns", "shifted", "", one_maximum_over_columns},
};

}  // namespace headlight::course
