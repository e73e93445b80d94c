// Wrong solutions of 07.2: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch; two of them together are what the stub holds.
#include "07_how_heads_specialise/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SymmetryTrace;

struct Mistakes {
  bool sums_run_on = false, uphill = false, first_only = false, last_only = false,
       one_sum_for_all = false, averaged = false, one_after_another = false, own_error = false;
  bool no_average = false, no_root = false, turned_QK = false, plain_pattern = false,
       no_pattern = false;
  bool no_rate = false, rate_twice = false, only_OV = false, pushed_apart = false;
  bool error_turned = false, distance_before = false, distance_summed = false;
};

SymmetryTrace made(const Matrix& X, const Matrix& target, const std::vector<Matrix>& W_QK,
                   const std::vector<Matrix>& W_OV, double rate, const Mistakes& m) {
  const std::size_t n_heads = W_QK.size();
  const double root = std::sqrt(static_cast<double>(X.shape(1)));
  const Matrix X_T = transpose(X);
  SymmetryTrace t;
  t.error = -target;
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix &QK = W_QK[h], &OV = W_OV[h];
    const Matrix scores = matmul(matmul(X, QK), X_T) / root;
    const Matrix weight = xt::exp(scores - row_max(scores));
    t.pattern.push_back(weight / row_sum(weight));
    t.contribution.push_back(matmul(t.pattern[h], matmul(X, OV)));
    t.error += t.contribution[h];
  }
  if (m.error_turned) t.error = -t.error;
  Matrix sum_QK(W_QK[0].shape(), 0.0);
  Matrix sum_OV(W_OV[0].shape(), 0.0);
  Matrix error = t.error;
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix& OV = W_OV[h];
    if (m.own_error) error = t.contribution[h] - target;
    const Matrix of_pattern = matmul(error, transpose(matmul(X, OV)));
    const Matrix products = t.pattern[h] * of_pattern;
    t.score_gradient.push_back(products);
    if (!m.no_average) t.score_gradient[h] -= t.pattern[h] * row_sum(products);
    const Matrix inner = m.turned_QK ? Matrix(transpose(t.score_gradient[h])) : t.score_gradient[h];
    Matrix of_QK = matmul(matmul(X_T, inner), X) / (m.no_root ? 1.0 : root);
    const Matrix mixing = m.plain_pattern ? t.pattern[h] : Matrix(transpose(t.pattern[h]));
    Matrix of_OV = m.no_pattern ? matmul(X_T, error) : matmul(X_T, matmul(mixing, error));
    sum_QK += of_QK;
    sum_OV += of_OV;
    if (m.sums_run_on) of_QK = sum_QK, of_OV = sum_OV;
    if (m.averaged) of_QK /= static_cast<double>(n_heads), of_OV /= static_cast<double>(n_heads);
    t.gradient_QK.push_back(of_QK);
    t.gradient_OV.push_back(of_OV);
    if (m.one_after_another) {  // the next head already sees what this one learnt
      const Matrix learnt = OV - rate * of_OV;
      error += matmul(t.pattern[h], matmul(X, learnt)) - t.contribution[h];
    }
  }
  if (m.one_sum_for_all)
    for (std::size_t h = 0; h < n_heads; ++h) t.gradient_QK[h] = sum_QK, t.gradient_OV[h] = sum_OV;
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix &QK = W_QK[h], &OV = W_OV[h];
    const bool stays = (m.first_only && h > 0) || (m.last_only && h + 1 < n_heads);
    const double step = stays          ? 0
                        : m.uphill     ? -rate
                        : m.no_rate    ? 1
                        : m.rate_twice ? rate * rate
                                       : rate;
    t.new_QK.push_back(QK - (m.only_OV ? 0 : step) * t.gradient_QK[h]);
    t.new_OV.push_back(OV - step * t.gradient_OV[h]);
    if (m.pushed_apart) t.new_QK[h] += 1e-3 * static_cast<double>(h + 1);
  }
  t.distance = Matrix(Matrix::shape_type{n_heads, n_heads}, 0.0);
  for (std::size_t a = 0; a < n_heads; ++a)
    for (std::size_t b = 0; b < n_heads; ++b) {
      Matrix QK = xt::abs(t.new_QK[a] - t.new_QK[b]), OV = xt::abs(t.new_OV[a] - t.new_OV[b]);
      if (m.distance_before) {
        QK = xt::abs(W_QK[a] - W_QK[b]);
        OV = xt::abs(W_OV[a] - W_OV[b]);
      }
      t.distance(a, b) = m.distance_summed ? xt::sum(QK)() + xt::sum(OV)()
                                           : std::max(xt::amax(QK)(), xt::amax(OV)());
    }
  return t;
}

template <auto... Members>
SymmetryTrace with(const Matrix& X, const Matrix& target, const std::vector<Matrix>& W_QK,
                   const std::vector<Matrix>& W_OV, double rate) {
  Mistakes mistakes;
  ((mistakes.*Members = true), ...);
  return made(X, target, W_QK, W_OV, rate, mistakes);
}

SymmetryTrace in_place(const Matrix& X, const Matrix& target, const std::vector<Matrix>& W_QK,
                       const std::vector<Matrix>& W_OV, double rate) {
  const SymmetryTrace t = made(X, target, W_QK, W_OV, rate, {});
  const_cast<std::vector<Matrix>&>(W_OV) = t.new_OV;
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::symmetric_init)>> mutants_07_2;
const std::vector<Mutant<decltype(exercise::symmetric_init)>> mutants_07_2 = {
    {"as-found", "gradient_QK", "this is the exercise as it was found: neither fault is repaired",
     with<&Mistakes::sums_run_on, &Mistakes::uphill>},
    {"sums-run-on", "gradient_QK",
     "the sums of gradients run on from head to head: each head has a gradient of its own",
     with<&Mistakes::sums_run_on>},
    {"uphill", "new_QK", "the step goes up the slope: the gradient is taken off, not added",
     with<&Mistakes::uphill>},
    {"one-sum-for-all", "gradient_QK", "every head gets the sum of all heads' gradients",
     with<&Mistakes::one_sum_for_all>},
    {"averaged", "gradient_QK",
     "gradients are divided by the number of heads: the heads' outputs are added, not averaged",
     with<&Mistakes::averaged>},
    {"first-head-only", "new_QK",
     "only head 0 is updated: that parts equal heads, a gradient never does",
     with<&Mistakes::first_only>},
    {"last-head-only", "new_QK",
     "only the last head is updated: that parts equal heads, a gradient never does",
     with<&Mistakes::last_only>},
    {"one-after-another", "score_gradient",
     "each head already sees what the one before has learnt: the error is the same for all",
     with<&Mistakes::one_after_another>},
    {"own-error", "score_gradient",
     "each head is compared with the target alone: the error is that of their sum",
     with<&Mistakes::own_error>},
    {"no-average", "score_gradient",
     "pattern times its gradient alone: the average over the row is not taken off",
     with<&Mistakes::no_average>},
    {"no-root", "gradient_QK", "the scores were divided by sqrt(d_model): so is their gradient",
     with<&Mistakes::no_root>},
    {"turned", "gradient_QK", "the gradient of the scores is transposed",
     with<&Mistakes::turned_QK>},
    {"pattern-not-turned", "gradient_OV",
     "on the way back the pattern is transposed: a value hears from every query that read it",
     with<&Mistakes::plain_pattern>},
    {"no-pattern", "gradient_OV", "the pattern is left out: each token only hears its own error",
     with<&Mistakes::no_pattern>},
    {"no-rate", "new_QK", "the gradient is taken off whole: the rate is not used",
     with<&Mistakes::no_rate>},
    {"rate-twice", "new_QK", "the rate is used twice", with<&Mistakes::rate_twice>},
    {"only-ov", "new_QK", "W_QK stays as it was: its gradient is made and not used",
     with<&Mistakes::only_OV>},
    {"pushed-apart", "new_QK",
     "the heads are pushed apart by hand; equal heads staying equal is not the fault to repair",
     with<&Mistakes::pushed_apart>},
    {"error-turned", "error", "error is target minus output: the gradient needs the other sign",
     with<&Mistakes::error_turned>},
    {"distance-before", "distance", "the distance is that of the old weights",
     with<&Mistakes::distance_before>},
    {"distance-summed", "distance", "the differences are summed: the largest one is asked for",
     with<&Mistakes::distance_summed>},
    {"in-place", "", "the weights that were handed in are changed", in_place},
    {"no-average-and-uphill", "score_gradient", "", with<&Mistakes::no_average, &Mistakes::uphill>},
};

}  // namespace headlight::course
