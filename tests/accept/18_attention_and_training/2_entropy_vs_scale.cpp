// Right but unusual predictions of 18.2: each has to get all points.
#include "18_attention_and_training/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::Entropies;
using exercise::Entropy;

// Twenty-four numbers with four decimals.
Entropies numbers() {
  return {{0.6931, 0.5623, 0.0658, 0},      {1.3863, 1.2425, 0.1934, 0.0000},
          {1.0986, 1.0042, 0.7263, 0.6931}, {0.6931, 0.5623, 0.0658, 0},
          {1.3863, 1.2425, 0.1934, 0},      {1.6094, 1.6094, 1.6094, 1.6094}};
}

// Run instead of predicted, in float, by ln of the sum minus the mean score.
Entropies run() {
  const float far = 4 * std::log(3.0F);
  const auto of = [](const std::vector<float>& scores) {
    const auto entropy = [&](float factor) {
      float sum = 0, mean = 0, largest = scores[0] * factor;
      for (const float s : scores) largest = std::max(largest, s * factor);
      for (const float s : scores) sum += std::exp(s * factor - largest);
      for (const float s : scores)
        mean += (s * factor - largest) * std::exp(s * factor - largest) / sum;
      return static_cast<double>(std::log(sum) - mean);
    };
    return Entropy{entropy(0), entropy(0.25F), entropy(1), entropy(1000)};
  };
  Entropies out;
  out.hidden = out.two_keys = of({0, far});
  out.one_ahead = of({0, 0, 0, far});
  out.shifted = of({100, 100, 100, 100 + far});
  out.tie = of({0, far, far});
  out.level = of({0, 0, 0, 0, 0});
  return out;
}

// Closed forms, field by field.
Entropies closed_forms() {
  const auto weights = [](double n_small, double n_large, double ratio) {
    const double sum = n_small + n_large * ratio;
    return std::log(sum) - n_large * ratio / sum * std::log(ratio);
  };
  Entropies out;
  for (Entropy* row : {&out.two_keys, &out.hidden}) {
    row->at_zero = std::log(2);
    row->at_quarter = 2 * std::log(2) - 0.75 * std::log(3);
    row->at_one = weights(1, 1, 81);
    row->at_thousand = -0.0;
  }
  for (Entropy* row : {&out.one_ahead, &out.shifted})
    *row = {2 * std::log(2), std::log(12) / 2, weights(3, 1, 81), 1e-9};
  out.tie = {std::log(3), weights(1, 2, 3), weights(1, 2, 81), std::log(2)};
  out.level.at_zero = out.level.at_quarter = out.level.at_one = out.level.at_thousand = std::log(5);
  return out;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::entropy_vs_scale)>> accepted_18_2;
const std::vector<Mutant<decltype(exercise::entropy_vs_scale)>> accepted_18_2 = {
    {"numbers", "", "twenty-four numbers with four decimals", numbers},
    {"run", "", "run instead of predicted, in float", run},
    {"closed-forms", "", "closed forms, field by field", closed_forms},
};

}  // namespace headlight::course
