// Wrong solutions of 17.3: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "17_alternatives_to_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::ScanTrace;

struct Mistakes {
  bool no_step = false, euler_factor = false, bilinear = false, growing = false;
  bool plain_B = false, euler_entry = false, entry_turned = false, no_B = false,
       not_divided = false;
  bool starts_late = false, kernel_reversed = false, no_C = false, kernel_of_B = false,
       factor_once = false, mean_factor = false, first_zero = false, kernel_summed = false;
  bool reads_before = false, uses_previous = false, leaks = false, one_state = false,
       backwards = false, reversed_use = false, circular = false, no_memory = false,
       no_decay = false, last_lost = false, first_channel = false, decays_input = false;
};

ScanTrace made(const Matrix& input, const Vector& pole, const Vector& B, const Vector& C,
               double step, const Mistakes& m) {
  const std::size_t n = input.shape(0), d_model = input.shape(1), d_state = pole.size();
  ScanTrace t{pole, pole, Vector(Vector::shape_type{n}, 0.0), Matrix(input.shape(), 0.0)};
  for (std::size_t s = 0; s < d_state; ++s) {
    const double x = step * pole(s);
    t.factor(s) = m.no_step        ? std::exp(pole(s))
                  : m.euler_factor ? 1 + x
                  : m.bilinear     ? (1 + x / 2) / (1 - x / 2)
                  : m.growing      ? std::exp(-x)
                                   : std::exp(x);
    t.entry(s) = m.plain_B       ? B(s)
                 : m.euler_entry ? step * B(s)
                                 : (t.factor(s) - 1) / (m.not_divided ? 1 : pole(s)) *
                                       (m.no_B ? 1 : B(s)) * (m.entry_turned ? -1 : 1);
  }
  double mean = 0;
  for (const double f : t.factor) mean += f / static_cast<double>(d_state);
  Vector right_kernel = t.kernel;
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t s = 0; s < d_state; ++s) {
      const double power = static_cast<double>(k) + (m.starts_late ? 1 : 0);
      const double left = m.factor_once   ? (k == 0 ? 1 : t.factor(s))
                          : m.mean_factor ? std::pow(mean, power)
                                          : std::pow(t.factor(s), power);
      right_kernel(k) += C(s) * std::pow(t.factor(s), static_cast<double>(k)) * t.entry(s);
      t.kernel(m.kernel_reversed ? n - 1 - k : k) +=
          (m.no_C ? 1 : C(s)) * left * (m.kernel_of_B ? B(s) : t.entry(s));
    }
  if (m.first_zero) t.kernel(0) = 0;
  if (m.kernel_summed)
    for (std::size_t k = 1; k < n; ++k) t.kernel(k) += t.kernel(k - 1);
  const Vector& kernel =
      m.starts_late || m.kernel_reversed || m.first_zero ? t.kernel : right_kernel;
  for (std::size_t c = 0; c < d_model; ++c)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < n; ++k) {
        const double weight = m.reversed_use ? kernel(n - 1 - k)
                              : m.no_decay   ? kernel(0)
                              : m.no_memory  ? (k == 0 ? kernel(0) : 0)
                                             : kernel(k);
        if (m.backwards) {
          if (i + k < n) t.output(i, c) += weight * input(i + k, c);
        } else if (k <= i || m.circular) {
          t.output(i, c) += weight * input((i + n - k) % n, m.first_channel ? 0 : c);
        }
      }
  if (m.reads_before || m.uses_previous || m.leaks || m.one_state || m.decays_input) {
    t.output.fill(0);
    for (std::size_t s = 0; s < d_state; ++s) {
      double state = 0;
      for (std::size_t c = 0; c < d_model; ++c) {
        if (!m.leaks) state = 0;
        for (std::size_t i = 0; i < n; ++i) {
          double u = input(i, c);
          if (m.one_state) {
            u = 0;
            for (std::size_t other = 0; other < d_model; ++other) u += input(i, other);
          }
          if (m.reads_before) t.output(i, c) += C(s) * state;
          if (m.uses_previous)
            state = t.factor(s) * state + (i == 0 ? 0 : t.entry(s) * input(i - 1, c));
          else if (m.decays_input)
            state = t.factor(s) * (state + t.entry(s) * u);
          else
            state = t.factor(s) * state + t.entry(s) * u;
          if (!m.reads_before) t.output(i, c) += C(s) * state;
        }
      }
    }
  }
  if (m.last_lost)
    for (std::size_t c = 0; c < d_model; ++c) t.output(n - 1, c) = 0;
  return t;
}

template <auto... Members>
ScanTrace with(const Matrix& input, const Vector& pole, const Vector& B, const Vector& C,
               double step) {
  Mistakes mistakes;
  ((mistakes.*Members = true), ...);
  return made(input, pole, B, C, step, mistakes);
}

// The states are static: a second call begins where the first one ended.
ScanTrace state_kept(const Matrix& input, const Vector& pole, const Vector& B, const Vector& C,
                     double step) {
  static double kept = 0;
  ScanTrace t = made(input, pole, B, C, step, {});
  for (double& y : t.output) y += kept;
  kept = t.output(0, 0) + 1;
  return t;
}

ScanTrace in_place(const Matrix& input, const Vector& pole, const Vector& B, const Vector& C,
                   double step) {
  const ScanTrace t = made(input, pole, B, C, step, {});
  const_cast<Vector&>(B) = t.entry;
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::ssm_scan)>> mutants_17_3;
const std::vector<Mutant<decltype(exercise::ssm_scan)>> mutants_17_3 = {
    {"no-step", "factor", "the step is not used: e^pole", with<&Mistakes::no_step>},
    {"euler-factor", "factor", "1 + step pole is only the first term of e^(step pole)",
     with<&Mistakes::euler_factor>},
    {"bilinear", "factor", "that is the bilinear rule of S4; the zero-order hold is asked for",
     with<&Mistakes::bilinear>},
    {"growing", "factor", "the sign of the pole is lost: states grow instead of fading",
     with<&Mistakes::growing>},
    {"plain-b", "entry", "B is used as it is: it belongs to continuous time",
     with<&Mistakes::plain_B>},
    {"euler-entry", "entry", "step B is only the first term of (factor - 1) / pole B",
     with<&Mistakes::euler_entry>},
    {"entry-turned", "entry", "1 - factor instead of factor - 1: the sign is turned",
     with<&Mistakes::entry_turned>},
    {"no-b", "entry", "B is forgotten", with<&Mistakes::no_B>},
    {"not-divided", "entry", "the division by the pole is missing", with<&Mistakes::not_divided>},
    {"starts-late", "kernel", "the kernel begins with factor^1: the token's own input is not faded",
     with<&Mistakes::starts_late>},
    {"kernel-reversed", "kernel", "the kernel is reversed: kernel(0) is for the token itself",
     with<&Mistakes::kernel_reversed>},
    {"no-c", "kernel", "C is forgotten in the kernel", with<&Mistakes::no_C>},
    {"kernel-of-b", "kernel", "the kernel is made with B instead of entry",
     with<&Mistakes::kernel_of_B>},
    {"factor-once", "kernel", "factor instead of factor^k: a state fades at every step",
     with<&Mistakes::factor_once>},
    {"mean-factor", "kernel", "the states' factors are averaged: each state has its own",
     with<&Mistakes::mean_factor>},
    {"first-zero", "kernel", "kernel(0) is zero: the token's own input counts",
     with<&Mistakes::first_zero>},
    {"kernel-summed", "kernel",
     "the kernel is summed up: that is the answer to an input of 1 at every token",
     with<&Mistakes::kernel_summed>},
    {"reads-before", "output", "the state is read before the token's own input came in",
     with<&Mistakes::reads_before>},
    {"uses-previous", "output", "x(t-1) is used: the state takes the token before",
     with<&Mistakes::uses_previous>},
    {"state-leaks", "output", "the state leaks: a channel begins with what the one before has left",
     with<&Mistakes::leaks>},
    {"one-state", "output", "all channels run into one state: each has states of its own",
     with<&Mistakes::one_state>},
    {"first-channel", "output", "the first channel is used for all",
     with<&Mistakes::first_channel>},
    {"backwards", "output", "input(t + k) instead of input(t - k): that looks into the future",
     with<&Mistakes::backwards>},
    {"reversed-use", "output", "the kernel is used from its end", with<&Mistakes::reversed_use>},
    {"circular", "output",
     "the sum wraps around: late tokens come in at the beginning (a transform without padding)",
     with<&Mistakes::circular>},
    {"no-memory", "output", "only the token's own input is used", with<&Mistakes::no_memory>},
    {"no-decay", "output", "what came before does not fade", with<&Mistakes::no_decay>},
    {"decays-input", "output", "the new input is faded too: only what was there before is",
     with<&Mistakes::decays_input>},
    {"last-lost", "output", "the last token is left out: a loop ends one too early",
     with<&Mistakes::last_lost>},
    {"state-kept", "", "", state_kept},
    {"in-place", "", "B that was handed in is changed", in_place},
    {"plain-b-and-leaks", "entry", "", with<&Mistakes::plain_B, &Mistakes::leaks>},
    {"reversed-and-circular", "kernel", "", with<&Mistakes::kernel_reversed, &Mistakes::circular>},
};

}  // namespace headlight::course
