#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/learning/optimiser.hpp>

#include "learning/clones.hpp"

namespace headlight {
namespace {

struct Step {
  double rate, beta1, beta2, epsilon, decay, correction1, correction2, clip;
};

template <class T>
inline __attribute__((always_inline)) void step_of(T* weight, const T* gradient, T* first,
                                                   T* second, std::size_t n, const Step& s) {
  const T beta1 = static_cast<T>(s.beta1), beta2 = static_cast<T>(s.beta2);
  const T rest1 = static_cast<T>(1 - s.beta1), rest2 = static_cast<T>(1 - s.beta2);
  const T rate = static_cast<T>(s.rate / s.correction1), epsilon = static_cast<T>(s.epsilon);
  const T root = static_cast<T>(1 / std::sqrt(s.correction2)), clip = static_cast<T>(s.clip);
  const T keep = static_cast<T>(1 - s.rate * s.decay);
  for (std::size_t i = 0; i < n; ++i) {
    const T g = gradient[i] * clip;
    const T m = beta1 * first[i] + rest1 * g, v = beta2 * second[i] + rest2 * g * g;
    first[i] = m;
    second[i] = v;
    weight[i] = keep * weight[i] - rate * m / (std::sqrt(v) * root + epsilon);
  }
}
HEADLIGHT_CLONES void take(double* weight, const double* gradient, double* first, double* second,
                           std::size_t n, const Step& step) {
  step_of(weight, gradient, first, second, n, step);
}
HEADLIGHT_CLONES void take(float* weight, const float* gradient, float* first, float* second,
                           std::size_t n, const Step& step) {
  step_of(weight, gradient, first, second, n, step);
}

}  // namespace

double rate_at(const Schedule& s, std::size_t step) {
  const double t = static_cast<double>(step), w = static_cast<double>(s.warm_up);
  if (step < s.warm_up) return s.peak * (t + 1) / w;
  const double length = s.steps > s.warm_up ? static_cast<double>(s.steps - s.warm_up) : 1.0;
  const double way = std::min(1.0, (t - w) / length);
  return s.peak * (s.last + (1 - s.last) * 0.5 * (1 + std::cos(3.14159265358979323846 * way)));
}

double clip_factor(double squared_length, double longest) {
  const double length = std::sqrt(squared_length);
  return longest > 0 && length > longest ? longest / (length + 1e-6) : 1.0;
}

template <class T>
void adam_update(const AdamW& c, double rate, double clip, const std::vector<bool>& decays,
                 std::span<const T> gradient, std::span<T> weights, AdamStateOf<T>& state) {
  const std::size_t n = weights.size();
  if (state.first.empty()) state.first.assign(n, T(0)), state.second.assign(n, T(0));
  require_shape(gradient.size() == n && state.first.size() == n && state.second.size() == n &&
                    (decays.empty() || decays.size() == n),
                "adam_update",
                std::to_string(n) + " weights, " + std::to_string(gradient.size()) +
                    " gradients, a state of " + std::to_string(state.first.size()));
  ++state.steps;
  const double t = static_cast<double>(state.steps);
  Step step{rate,
            c.beta1,
            c.beta2,
            c.epsilon,
            c.decay,
            1 - std::pow(c.beta1, t),
            1 - std::pow(c.beta2, t),
            clip};
  for (std::size_t first = 0; first < n;) {  // stretches of parameters that decay alike
    std::size_t end = n;
    if (!decays.empty())
      for (end = first + 1; end < n && decays[end] == decays[first];) ++end;
    step.decay = decays.empty() || decays[first] ? c.decay : 0;
    take(weights.data() + first, gradient.data() + first, state.first.data() + first,
         state.second.data() + first, end - first, step);
    first = end;
  }
}

template void adam_update(const AdamW&, double, double, const std::vector<bool>&,
                          std::span<const double>, std::span<double>, AdamStateOf<double>&);
template void adam_update(const AdamW&, double, double, const std::vector<bool>&,
                          std::span<const float>, std::span<float>, AdamStateOf<float>&);

}  // namespace headlight
