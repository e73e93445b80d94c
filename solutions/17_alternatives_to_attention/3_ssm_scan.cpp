// 17.3  State-space scan: a recurrence that is a convolution             20 minutes
//
//   factor    = e^(step pole), entry = (factor - 1) / pole B            [d_state], state by state
//   state(t)  = factor state(t-1) + entry input(t), zero before t = 0   for every channel by itself
//   output(t) = sum over states of C state(t)                           [n, d_model]
//   kernel(k) = sum over states of C factor^k entry                     [n]
//             = output k tokens after a single input of 1, so also
//   output(t) = sum over k = 0 ... t of kernel(k) input(t - k)
//
// Example: pole [-0.6931], B [1.3863], C [3], step 1 give factor [0.5], entry [1]; with input
//   [[1], [0], [2]] kernel = [3, 1.5, 0.75] and output = [[3], [1.5], [6.75]]
// Section 17 of the report. The token's own input counts: output(t) reads state(t).
#include "exercises.hpp"

namespace headlight::exercise {

ScanTrace ssm_scan(const Matrix& input, const Vector& pole, const Vector& B, const Vector& C,
                   double step) {
  // >>> your code
  const std::size_t n = input.shape(0), d_model = input.shape(1), d_state = pole.shape(0);
  ScanTrace trace;
  trace.factor = trace.entry = pole;
  trace.kernel = xt::zeros<double>({n});
  trace.output = xt::zeros<double>({n, d_model});
  for (std::size_t s = 0; s < d_state; ++s) {
    // Both are exact while the input stands still; step B and 1 + step pole are their first terms.
    trace.factor(s) = std::exp(step * pole(s));
    trace.entry(s) = std::expm1(step * pole(s)) / pole(s) * B(s);
    double left = trace.entry(s);
    for (std::size_t k = 0; k < n; ++k, left *= trace.factor(s)) trace.kernel(k) += C(s) * left;
    for (std::size_t c = 0; c < d_model; ++c) {
      double state = 0;  // anew for every channel: nothing of the one before
      for (std::size_t t = 0; t < n; ++t) {
        state = trace.factor(s) * state + trace.entry(s) * input(t, c);
        trace.output(t, c) += C(s) * state;
      }
    }
  }
  return trace;
  // Another way: the sum with the kernel. It costs n^2 (n log n by a Fourier transform, padded so
  // that the end does not come in at the beginning), but all tokens can be done at once. It only
  // works because factor and entry do not depend on the token; in Mamba they do.
  // <<< your code
}

}  // namespace headlight::exercise
