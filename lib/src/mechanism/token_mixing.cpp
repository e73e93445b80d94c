#include <headlight/core/fourier.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/token_mixing.hpp>

#include "mechanism/rows.hpp"

namespace headlight {

template <class T>
TokenMixingTraceOf<T> token_mixing(const MatrixOf<T>& x, const TokenMixingWeightsOf<T>& weights) {
  const FeedForwardWeightsOf<T>& m = weights.mixer;
  const std::size_t n = x.shape(0), d_hidden = m.W_in.shape(1);
  require_shape(m.W_in.shape(0) == n && m.W_out.shape(1) == n, "token_mixing",
                "weights are for another number of tokens: " + shape_string(x) + ", W_in " +
                    shape_string(m.W_in) + ", W_out " + shape_string(m.W_out));
  require_shape(
      m.W_out.shape(0) == d_hidden, "token_mixing",
      "hidden widths differ: W_in " + shape_string(m.W_in) + ", W_out " + shape_string(m.W_out));
  require_shape(
      (m.b_in.size() == 0 || m.b_in.size() == d_hidden) &&
          (m.b_out.size() == 0 || m.b_out.size() == n),
      "token_mixing",
      "biases do not fit: b_in " + shape_string(m.b_in) + ", b_out " + shape_string(m.b_out));
  TokenMixingTraceOf<T> t;
  t.norm = normalise(x, weights.norm);
  t.pre = detail::mapped(transpose(t.norm.output), m.W_in, m.b_in, t.work);
  t.post = MatrixOf<T>::from_shape({t.pre.shape(0), d_hidden});
  activate<T>(m.activation, {t.pre.data(), t.pre.size()}, {t.post.data(), t.post.size()});
  t.mixed = transpose(detail::mapped(t.post, m.W_out, m.b_out, t.work));
  t.work.hold(t.pre.size());
  t.output = x;
  for (std::size_t i = 0; i < x.size(); ++i) t.output.data()[i] += t.mixed.data()[i];
  return t;
}

template <class T>
FourierMixingTraceOf<T> fourier_mixing(const MatrixOf<T>& x) {
  const std::size_t n = x.shape(0), d = x.shape(1);
  require_shape(x.size() > 0, "fourier_mixing",
                "wanted at least one token and channel, got " + shape_string(x));
  FourierMixingTraceOf<T> t;
  t.hidden_real = t.hidden_imaginary = t.output = MatrixOf<T>::from_shape({n, d});
  std::size_t products = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const T* row = x.data() + i * d;
    const SpectrumOf<T> spectrum =
        fourier(SpectrumOf<T>(row, row + d), FourierDirection::forward, &products);
    for (std::size_t c = 0; c < d; ++c)
      t.hidden_real(i, c) = spectrum[c].real(), t.hidden_imaginary(i, c) = spectrum[c].imag();
  }
  SpectrumOf<T> column(n);
  for (std::size_t c = 0; c < d; ++c) {
    for (std::size_t i = 0; i < n; ++i) column[i] = {t.hidden_real(i, c), t.hidden_imaginary(i, c)};
    const SpectrumOf<T> spectrum = fourier(column, FourierDirection::forward, &products);
    for (std::size_t i = 0; i < n; ++i) t.output(i, c) = spectrum[i].real();
  }
  t.work.multiply_adds = 4 * products;
  t.work.hold(2 * x.size());
  return t;
}

#define HEADLIGHT_TOKEN_MIXING(T)                                                                  \
  template TokenMixingTraceOf<T> token_mixing(const MatrixOf<T>&, const TokenMixingWeightsOf<T>&); \
  template FourierMixingTraceOf<T> fourier_mixing(const MatrixOf<T>&)
HEADLIGHT_TOKEN_MIXING(double);
HEADLIGHT_TOKEN_MIXING(float);
#undef HEADLIGHT_TOKEN_MIXING

}  // namespace headlight
