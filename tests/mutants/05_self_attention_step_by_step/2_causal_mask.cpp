// Wrong solutions of 05.2: each has to be refused, at its stage, by its name.
#include "05_self_attention_step_by_step/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::MaskTrace;
constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

// Scores hidden where `hide` says so, then a softmax of the rows that takes its largest score off.
template <class Hide>
MaskTrace masked_by(const Matrix& scores, Hide hide, double with = minus_infinity) {
  MaskTrace trace{scores, scores};
  const std::size_t n = scores.shape(0);
  for (std::size_t i = 0; i < n; ++i) {
    double largest = minus_infinity, total = 0;
    for (std::size_t j = 0; j < n; ++j) {
      if (hide(i, j)) trace.masked(i, j) = with;
      largest = std::max(largest, trace.masked(i, j));
    }
    for (std::size_t j = 0; j < n; ++j)
      total += trace.pattern(i, j) = std::exp(trace.masked(i, j) - largest);
    for (std::size_t j = 0; j < n; ++j) trace.pattern(i, j) /= total;
  }
  return trace;
}

// The right mask, for mistakes that come after it.
MaskTrace right(const Matrix& scores, bool causal) {
  return masked_by(scores, [&](std::size_t i, std::size_t j) { return causal && j > i; });
}

MaskTrace diagonal_hidden(const Matrix& scores, bool causal) {
  return masked_by(scores, [&](std::size_t i, std::size_t j) { return causal && j >= i; });
}
MaskTrace past_hidden(const Matrix& scores, bool causal) {
  return masked_by(scores, [&](std::size_t i, std::size_t j) { return causal && j < i; });
}
MaskTrace one_ahead(const Matrix& scores, bool causal) {
  return masked_by(scores, [&](std::size_t i, std::size_t j) { return causal && j > i + 1; });
}
MaskTrace always_on(const Matrix& scores, bool) {
  return masked_by(scores, [](std::size_t i, std::size_t j) { return j > i; });
}
MaskTrace never_on(const Matrix& scores, bool) {
  return masked_by(scores, [](std::size_t, std::size_t) { return false; });
}
MaskTrace other_way(const Matrix& scores, bool causal) {
  return masked_by(scores, [&](std::size_t i, std::size_t j) { return !causal && j > i; });
}
MaskTrace last_row_open(const Matrix& scores, bool causal) {
  return masked_by(scores, [&](std::size_t i, std::size_t j) {
    return causal && j > i && j + 1 < scores.shape(0);
  });
}
MaskTrace zero_hides(const Matrix& scores, bool causal) {
  return masked_by(
      scores, [&](std::size_t i, std::size_t j) { return causal && j > i; }, 0);
}
MaskTrace small_number_hides(const Matrix& scores, bool causal) {
  return masked_by(
      scores, [&](std::size_t i, std::size_t j) { return causal && j > i; }, -10);
}
MaskTrace zero_times_infinity(const Matrix& scores, bool causal) {
  MaskTrace trace = right(scores, causal);
  for (std::size_t i = 0; i < scores.shape(0); ++i)
    for (std::size_t j = 0; j < scores.shape(0); ++j)
      if (causal) trace.masked(i, j) = scores(i, j) + (j > i ? 1.0 : 0.0) * minus_infinity;
  return trace;
}
MaskTrace after_softmax(const Matrix& scores, bool causal) {
  MaskTrace trace = right(scores, causal);
  const MaskTrace open = right(scores, false);
  for (std::size_t i = 0; i < scores.shape(0); ++i)
    for (std::size_t j = 0; j < scores.shape(0); ++j)
      trace.pattern(i, j) = causal && j > i ? 0 : open.pattern(i, j);
  return trace;
}
MaskTrace overflowing(const Matrix& scores, bool causal) {
  MaskTrace trace = right(scores, causal);
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double total = 0;
    for (std::size_t j = 0; j < scores.shape(0); ++j)
      total += trace.pattern(i, j) = std::exp(trace.masked(i, j));
    for (std::size_t j = 0; j < scores.shape(0); ++j) trace.pattern(i, j) /= total;
  }
  return trace;
}
MaskTrace one_maximum(const Matrix& scores, bool causal) {
  MaskTrace trace = right(scores, causal);
  double largest = minus_infinity;
  for (const double s : trace.masked) largest = std::max(largest, s);
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double total = 0;
    for (std::size_t j = 0; j < scores.shape(0); ++j)
      total += trace.pattern(i, j) = std::exp(trace.masked(i, j) - largest);
    for (std::size_t j = 0; j < scores.shape(0); ++j) trace.pattern(i, j) /= total;
  }
  return trace;
}
MaskTrace over_columns(const Matrix& scores, bool causal) {
  MaskTrace trace = right(scores, causal);
  for (std::size_t j = 0; j < scores.shape(0); ++j) {
    double largest = minus_infinity, total = 0;
    for (std::size_t i = 0; i < scores.shape(0); ++i)
      largest = std::max(largest, trace.masked(i, j));
    for (std::size_t i = 0; i < scores.shape(0); ++i)
      total += trace.pattern(i, j) = std::exp(trace.masked(i, j) - largest);
    for (std::size_t i = 0; i < scores.shape(0); ++i) trace.pattern(i, j) /= total;
  }
  return trace;
}
MaskTrace not_divided(const Matrix& scores, bool causal) {
  MaskTrace trace = right(scores, causal);
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double largest = minus_infinity;
    for (std::size_t j = 0; j < scores.shape(0); ++j)
      largest = std::max(largest, trace.masked(i, j));
    for (std::size_t j = 0; j < scores.shape(0); ++j)
      trace.pattern(i, j) = std::exp(trace.masked(i, j) - largest);
  }
  return trace;
}
MaskTrace in_place(const Matrix& scores, bool causal) {
  const MaskTrace trace = right(scores, causal);
  const_cast<Matrix&>(scores) = trace.masked;
  return trace;
}
MaskTrace diagonal_and_columns(const Matrix& scores, bool causal) {
  MaskTrace trace = diagonal_hidden(scores, causal);
  trace.pattern = Matrix(transpose(trace.pattern));
  return trace;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::causal_mask)>> mutants_05_2;
const std::vector<Mutant<decltype(exercise::causal_mask)>> mutants_05_2 = {
    {"diagonal-hidden", "masked", "the diagonal is hidden too: a token sees itself",
     diagonal_hidden},
    {"past-hidden", "masked", "transposed: the past is hidden instead of the future", past_hidden},
    {"one-ahead", "masked", "off by one: the next token is still seen", one_ahead},
    {"always-on", "masked", "the mask is applied although causal is false", always_on},
    {"never-on", "masked", "nothing is hidden: causal is not used", never_on},
    {"other-way", "masked", "causal is read the wrong way round", other_way},
    {"last-column-open", "masked", "the last key is never hidden: a loop ends one too early",
     last_row_open},
    {"zero-hides", "masked", "hidden scores are 0 instead of -infinity: exp(0) is 1", zero_hides},
    {"small-number", "masked", "-10 does not hide: a large score elsewhere still lets it through",
     small_number_hides},
    {"zero-times-infinity", "masked", "0 times -infinity is not a number: choose, do not multiply",
     zero_times_infinity},
    {"after-softmax", "pattern",
     "the mask was applied after the softmax: the rows no longer sum to one", after_softmax},
    {"overflow", "pattern", "exp overflows: take the row's largest score off first", overflowing},
    {"one-maximum", "pattern", "one maximum for the whole matrix: a row far below it becomes 0 / 0",
     one_maximum},
    {"over-columns", "pattern", "softmax over columns instead of rows", over_columns},
    {"not-divided", "pattern", "the division by the row's sum is missing", not_divided},
    {"in-place", "", "the scores that were handed in are changed", in_place},
    {"diagonal-and-columns", "masked", "", diagonal_and_columns},
};

}  // namespace headlight::course
