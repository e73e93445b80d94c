// Right but unusual solutions of 05.2: each has to get all points.
#include "05_self_attention_step_by_step/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::MaskTrace;

// A large negative number hides as well as infinity does.
MaskTrace large_number(const Matrix& scores, bool causal) {
  MaskTrace trace{scores, scores};
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double largest = -1e300, total = 0;
    for (std::size_t j = 0; j < scores.shape(0); ++j) {
      if (causal && j > i) trace.masked(i, j) += -1e9;
      largest = std::max(largest, trace.masked(i, j));
    }
    for (std::size_t j = 0; j < scores.shape(0); ++j)
      total += trace.pattern(i, j) = std::exp(trace.masked(i, j) - largest);
    for (std::size_t j = 0; j < scores.shape(0); ++j) trace.pattern(i, j) /= total;
  }
  return trace;
}

// The lowest number there is, softmax in float over the visible keys only.
MaskTrace visible_only(const Matrix& scores, bool causal) {
  MaskTrace trace{scores, xt::zeros<double>(scores.shape())};
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    const std::size_t seen = causal ? i + 1 : scores.shape(0);
    float total = 0, largest = static_cast<float>(scores(i, 0));
    for (std::size_t j = 0; j < seen; ++j)
      largest = std::max(largest, static_cast<float>(scores(i, j)));
    for (std::size_t j = 0; j < seen; ++j)
      total += std::exp(static_cast<float>(scores(i, j)) - largest);
    for (std::size_t j = 0; j < scores.shape(0); ++j)
      if (j < seen)
        trace.pattern(i, j) =
            static_cast<double>(std::exp(static_cast<float>(scores(i, j)) - largest) / total);
      else
        trace.masked(i, j) = std::numeric_limits<double>::lowest();
  }
  return trace;
}

// Through logarithms: log-sum-exp, then exp of the difference; expressions of xtensor.
MaskTrace log_sum_exp(const Matrix& scores, bool causal) {
  MaskTrace trace;
  const Matrix hidden = Matrix(scores.shape(), -std::numeric_limits<double>::infinity());
  const Matrix row = xt::arange<double>(0, static_cast<double>(scores.shape(0)))
                         .reshape({scores.shape(0), std::size_t{1}});
  const Matrix column = transpose(row);
  trace.masked = xt::where(column > row && causal, hidden, scores);
  trace.pattern = trace.masked;
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    const double largest = xt::amax(xt::view(trace.masked, i))();
    const double log_sum =
        largest + std::log(xt::sum(xt::exp(xt::view(trace.masked, i) - largest))());
    for (std::size_t j = 0; j < scores.shape(0); ++j)
      trace.pattern(i, j) = std::exp(trace.masked(i, j) - log_sum);
  }
  return trace;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::causal_mask)>> accepted_05_2;
const std::vector<Mutant<decltype(exercise::causal_mask)>> accepted_05_2 = {
    {"large-number", "", "-1e9 instead of -infinity", large_number},
    {"visible-only", "", "the lowest number, softmax in float over visible keys", visible_only},
    {"log-sum-exp", "", "expressions and log-sum-exp", log_sum_exp},
};

}  // namespace headlight::course
