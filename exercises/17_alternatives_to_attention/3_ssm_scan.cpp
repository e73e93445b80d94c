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
  return headlight::todo("17.3");
  // <<< your code
}

}  // namespace headlight::exercise
