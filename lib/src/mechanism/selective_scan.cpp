#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/selective_scan.hpp>
#include <string>

namespace headlight {
namespace {

template <class T>
void check(const SelectiveSystemOf<T>& s, const char* function) {
  const std::size_t n = s.delta.shape(0);
  require_shape(n > 0, function, "wanted at least one token, got none");
  require_shape(s.A.shape(1) > 0, function, "wanted at least one number of state, got none");
  require_shape(
      s.delta.shape(1) == s.A.shape(0), function,
      "channels of A and delta differ: " + shape_string(s.A) + ", " + shape_string(s.delta));
  require_shape(
      s.B.shape() == s.C.shape() && s.B.shape(0) == n && s.B.shape(1) == s.A.shape(1), function,
      "wanted B and C of shape [" + std::to_string(n) + ", " + std::to_string(s.A.shape(1)) +
          "], got " + shape_string(s.B) + ", " + shape_string(s.C));
  require_shape(
      s.skip.size() == 0 || s.skip.size() == s.A.shape(0), function,
      "channels of A and skip differ: " + shape_string(s.A) + ", " + shape_string(s.skip));
  const auto refuse = [&](const char* wanted, const MatrixOf<T>& m, std::size_t at) {
    throw std::domain_error(
        std::string(function) + ": " + wanted + ", got " + std::to_string(m.data()[at]) + " at [" +
        std::to_string(at / m.shape(1)) + ", " + std::to_string(at % m.shape(1)) + "]");
  };
  for (std::size_t i = 0; i < s.A.size(); ++i)
    if (!(s.A.data()[i] <= 0)) refuse("wanted A not above zero, else the state grows", s.A, i);
  for (std::size_t i = 0; i < s.delta.size(); ++i)
    if (!(s.delta.data()[i] >= 0)) refuse("wanted steps not below zero", s.delta, i);
}

// What B x is multiplied by when it enters.
template <class T>
T entrance(T a, T delta, InputHold hold, Work* work) {
  if (hold == InputHold::euler || a == 0) return delta;
  if (work) ++work->exponentials, ++work->multiply_adds;
  return std::expm1(a * delta) / a;
}

// Work of making decay and gain: step times A and its exponential, entrance times B times x.
template <class T>
ScanStep<T> step_of(const SelectiveSystemOf<T>& s, const MatrixOf<T>& x, std::size_t t,
                    std::size_t c, std::size_t k, InputHold hold, Work& work) {
  const T decay = std::exp(s.delta(t, c) * s.A(c, k));
  ++work.exponentials;
  work.multiply_adds += 3;
  return {decay, entrance(s.A(c, k), s.delta(t, c), hold, &work) * s.B(t, k) * x(t, c)};
}

}  // namespace

template <class T>
MatrixOf<T> s4d_real(std::size_t d_model, std::size_t d_state) {
  MatrixOf<T> a = MatrixOf<T>::from_shape({d_model, d_state});
  for (std::size_t c = 0; c < d_model; ++c)
    for (std::size_t k = 0; k < d_state; ++k) a(c, k) = -static_cast<T>(k + 1);
  return a;
}

template <class T>
SelectiveSystemOf<T> select(const MatrixOf<T>& x, const SelectiveWeightsOf<T>& weights) {
  require_shape(weights.delta_bias.size() == weights.W_delta_up.shape(1), "select",
                "widths of W_delta_up and delta_bias differ: " + shape_string(weights.W_delta_up) +
                    ", " + shape_string(weights.delta_bias));
  SelectiveSystemOf<T> s;
  s.A = weights.A, s.skip = weights.skip;
  s.delta = matmul(matmul(x, weights.W_delta_down), weights.W_delta_up);
  for (std::size_t i = 0; i < s.delta.shape(0); ++i)
    for (std::size_t c = 0; c < s.delta.shape(1); ++c) {
      const T raw = s.delta(i, c) + weights.delta_bias(c);
      s.delta(i, c) = std::max(raw, T(0)) + std::log1p(std::exp(-std::abs(raw)));  // softplus
    }
  s.B = matmul(x, weights.W_B), s.C = matmul(x, weights.W_C);
  check(s, "select");
  return s;
}

template <class T>
std::size_t associative_scan(std::vector<ScanStep<T>>& steps) {
  const std::size_t n = steps.size();
  std::size_t combinations = 0, stride = 1;
  for (; stride < n; stride *= 2)  // up: every 2 stride-th holds the last 2 stride steps
    for (std::size_t i = 2 * stride - 1; i < n; i += 2 * stride, ++combinations)
      steps[i] = combine(steps[i - stride], steps[i]);
  for (stride /= 2; stride >= 1; stride /= 2)  // down: the ones between take what came before them
    for (std::size_t i = 3 * stride - 1; i < n; i += 2 * stride, ++combinations)
      steps[i] = combine(steps[i - stride], steps[i]);
  return combinations;
}

template <class T>
SelectiveTraceOf<T> selective_scan(const MatrixOf<T>& x, const SelectiveSystemOf<T>& s,
                                   const SelectiveOptions& options) {
  check(s, "selective_scan");
  require_shape(
      x.shape() == s.delta.shape(), "selective_scan",
      "shapes of input and delta differ: " + shape_string(x) + ", " + shape_string(s.delta));
  const std::size_t n = x.shape(0), d_model = x.shape(1), d_state = s.A.shape(1);
  SelectiveTraceOf<T> t;
  t.output = MatrixOf<T>::from_shape({n, d_model});
  t.state = MatrixOf<T>::from_shape({d_model, d_state});
  std::fill(t.output.begin(), t.output.end(), T(0));
  std::fill(t.state.begin(), t.state.end(), T(0));
  t.work.hold(t.state.size());
  if (options.record_states) {
    t.decays = Tensor3Of<T>::from_shape({n, d_model, d_state});
    t.states = Tensor3Of<T>::from_shape({n, d_model, d_state});
  }
  const auto read = [&](std::size_t i, std::size_t c, std::size_t k, T decay, T state) {
    t.output(i, c) += s.C(i, k) * state;
    ++t.work.multiply_adds;
    if (options.record_states) t.states(i, c, k) = state, t.decays(i, c, k) = decay;
  };
  if (options.order == ScanOrder::sequential) {
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_model; ++c)
        for (std::size_t k = 0; k < d_state; ++k) {
          const ScanStep<T> step = step_of(s, x, i, c, k, options.hold, t.work);
          t.state(c, k) = step.decay * t.state(c, k) + step.gain;
          ++t.work.multiply_adds;
          read(i, c, k, step.decay, t.state(c, k));
        }
  } else {
    std::vector<ScanStep<T>> steps(n);
    t.work.hold(2 * n);
    for (std::size_t c = 0; c < d_model; ++c)
      for (std::size_t k = 0; k < d_state; ++k) {
        for (std::size_t i = 0; i < n; ++i) {
          steps[i] = step_of(s, x, i, c, k, options.hold, t.work);
          if (options.record_states) t.decays(i, c, k) = steps[i].decay;
        }
        t.work.multiply_adds += 2 * associative_scan(steps);
        for (std::size_t i = 0; i < n; ++i)
          read(i, c, k, options.record_states ? t.decays(i, c, k) : T(0), steps[i].gain);
        t.state(c, k) = steps[n - 1].gain;
      }
  }
  if (s.skip.size())
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_model; ++c, ++t.work.multiply_adds)
        t.output(i, c) += s.skip(c) * x(i, c);
  return t;
}

template <class T>
Tensor3Of<T> selective_matrix(const SelectiveSystemOf<T>& s, InputHold hold) {
  check(s, "selective_matrix");
  const std::size_t n = s.delta.shape(0), d_model = s.A.shape(0), d_state = s.A.shape(1);
  Tensor3Of<T> m = Tensor3Of<T>::from_shape({d_model, n, n});
  std::fill(m.begin(), m.end(), T(0));
  for (std::size_t c = 0; c < d_model; ++c)
    for (std::size_t i = 0; i < n; ++i) {
      T span = 0;  // time from after token j to token i
      for (std::size_t j = i + 1; j-- > 0; span += s.delta(j, c))
        for (std::size_t k = 0; k < d_state; ++k)
          m(c, i, j) += s.C(i, k) * std::exp(s.A(c, k) * span) *
                        entrance<T>(s.A(c, k), s.delta(j, c), hold, nullptr) * s.B(j, k);
    }
  return m;
}

#define HEADLIGHT_SELECTIVE(T)                                                                 \
  template MatrixOf<T> s4d_real(std::size_t, std::size_t);                                     \
  template SelectiveSystemOf<T> select(const MatrixOf<T>&, const SelectiveWeightsOf<T>&);      \
  template std::size_t associative_scan(std::vector<ScanStep<T>>&);                            \
  template SelectiveTraceOf<T> selective_scan(const MatrixOf<T>&, const SelectiveSystemOf<T>&, \
                                              const SelectiveOptions&);                        \
  template Tensor3Of<T> selective_matrix(const SelectiveSystemOf<T>&, InputHold)
HEADLIGHT_SELECTIVE(double);
HEADLIGHT_SELECTIVE(float);
#undef HEADLIGHT_SELECTIVE

}  // namespace headlight
