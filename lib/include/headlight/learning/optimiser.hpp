/// @file
/// AdamW, the schedule of its rate, clipping of gradients.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace headlight {

/// AdamW's constants.
struct AdamW {
  double beta1 = 0.9;     ///< memory of the mean of gradients
  double beta2 = 0.98;    ///< memory of the mean of their squares
  double epsilon = 1e-8;  ///< keeps the division finite
  double decay = 0;       ///< weight decay, apart from the gradient; matrices only
};

/// Linear warm-up, then half a cosine down to a share of the peak.
struct Schedule {
  double peak = 1e-2;        ///< largest rate
  std::size_t warm_up = 50;  ///< steps of warm-up
  std::size_t steps = 600;   ///< steps of the whole run
  double last = 0.1;         ///< share of the peak that is left at the end
};

/// The rate of a step.
/// \f[ peak\,(t+1)/w \text{ for } t < w,\quad
///     peak\,(last + (1-last)\tfrac12(1+\cos\pi\tfrac{t-w}{T-w})) \text{ after} \f]
/// @param schedule  its constants
/// @param step  counted from 0
/// @return the rate
double rate_at(const Schedule& schedule, std::size_t step);

/// The factor that brings a gradient down to a length.
/// @param squared_length  sum of the squares of all gradients
/// @param longest  allowed length; 0: no limit
/// @return at most 1
double clip_factor(double squared_length, double longest);

/// What AdamW remembers.
template <class T>
struct AdamStateOf {
  std::vector<T> first;   ///< mean of gradients, one a parameter
  std::vector<T> second;  ///< mean of their squares
  std::size_t steps = 0;  ///< updates made
};

/// One update of AdamW.
/// \f[ m = \beta_1 m + (1-\beta_1) g,\; v = \beta_2 v + (1-\beta_2) g^2,\;
///     w = (1 - \eta\lambda) w - \eta\,\hat m / (\sqrt{\hat v} + \epsilon) \f]
/// @param constants  of AdamW
/// @param rate  of this step
/// @param clip  factor of the gradient
/// @param decays  one flag a parameter: false for gains and biases; empty: all decay
/// @param gradient  one number a parameter
/// @param weights  changed
/// @param state  changed; sized at the first use
/// @throws ShapeError when sizes differ
/// @source Loshchilov, Hutter 2019, algorithm 2    @booksection{18}
template <class T>
void adam_update(const AdamW& constants, double rate, double clip, const std::vector<bool>& decays,
                 std::span<const T> gradient, std::span<T> weights, AdamStateOf<T>& state);

}  // namespace headlight
