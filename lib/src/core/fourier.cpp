#include <bit>
#include <cmath>
#include <headlight/core/fourier.hpp>
#include <headlight/core/shape.hpp>
#include <numbers>

namespace headlight {
namespace {

// Written out: std::complex's own product looks for NaN after every multiplication.
template <class T>
std::complex<T> times(std::complex<T> a, std::complex<T> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

/// exp(sign 2 pi i turns / n), every one from its own angle: no error is carried along.
template <class T>
std::complex<T> root(std::size_t turns, std::size_t n, double sign) {
  const double angle =
      sign * 2 * std::numbers::pi * static_cast<double>(turns) / static_cast<double>(n);
  return {static_cast<T>(std::cos(angle)), static_cast<T>(std::sin(angle))};
}

double sign_of(FourierDirection direction) {
  return direction == FourierDirection::forward ? -1 : 1;
}

template <class T>
void divide(SpectrumOf<T>& x) {
  const T factor = T(1) / static_cast<T>(x.size());
  for (std::complex<T>& value : x) value *= factor;
}

void require_some(std::size_t n, const char* function) {
  require_shape(n > 0, function, "wanted at least one number, got none");
}

// x_j chirp_j convolved with the conjugate chirp: jk = (j^2 + k^2 - (k - j)^2) / 2.
template <class T>
SpectrumOf<T> bluestein(const SpectrumOf<T>& x, FourierDirection direction, std::size_t& products) {
  const std::size_t n = x.size(), size = next_power_of_two(2 * n - 1);
  const double sign = sign_of(direction);
  SpectrumOf<T> chirp(n), signal(size), kernel(size);
  for (std::size_t j = 0; j < n; ++j) {
    chirp[j] = root<T>(j * j % (2 * n), 2 * n, sign);
    signal[j] = times(x[j], chirp[j]);
    kernel[j] = kernel[(size - j) % size] = std::conj(chirp[j]);
  }
  products += fourier_in_place(signal, FourierDirection::forward);
  products += fourier_in_place(kernel, FourierDirection::forward);
  for (std::size_t j = 0; j < size; ++j) signal[j] = times(signal[j], kernel[j]);
  products += fourier_in_place(signal, FourierDirection::inverse);
  products += n + size + n;  // by the chirp, of the spectra, by the chirp
  signal.resize(n);
  for (std::size_t k = 0; k < n; ++k) signal[k] = times(signal[k], chirp[k]);
  if (direction == FourierDirection::inverse) divide(signal);
  return signal;
}

template <class T>
void require_kernel(const std::vector<T>& kernel, const std::vector<T>& x, const char* function) {
  require_some(x.size(), function);
  require_shape(kernel.size() <= x.size(), function,
                "wanted a kernel that is not longer than the signal, got " +
                    std::to_string(kernel.size()) + " and " + std::to_string(x.size()));
}

}  // namespace

bool is_power_of_two(std::size_t n) {
  return std::has_single_bit(n);
}

std::size_t next_power_of_two(std::size_t n) {
  return std::bit_ceil(n);
}

template <class T>
std::size_t fourier_in_place(SpectrumOf<T>& x, FourierDirection direction) {
  const std::size_t n = x.size();
  require_shape(is_power_of_two(n), "fourier_in_place",
                "wanted a power of two of numbers, got " + std::to_string(n));
  for (std::size_t i = 1, j = 0; i < n; ++i) {  // order of reversed bits
    std::size_t bit = n / 2;
    for (; j & bit; bit /= 2) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  SpectrumOf<T> roots(n / 2);
  for (std::size_t k = 0; k < n / 2; ++k) roots[k] = root<T>(k, n, sign_of(direction));
  std::size_t products = 0;
  for (std::size_t half = 1; half < n; half *= 2)
    for (std::size_t start = 0; start < n; start += 2 * half)
      for (std::size_t k = 0; k < half; ++k, ++products) {
        const std::complex<T> even = x[start + k];
        const std::complex<T> odd = times(x[start + k + half], roots[k * (n / (2 * half))]);
        x[start + k] = even + odd;
        x[start + k + half] = even - odd;
      }
  if (direction == FourierDirection::inverse) divide(x);
  return products;
}

template <class T>
SpectrumOf<T> fourier(SpectrumOf<T> x, FourierDirection direction, std::size_t* products) {
  require_some(x.size(), "fourier");
  std::size_t count = 0;
  if (is_power_of_two(x.size()))
    count = fourier_in_place(x, direction);
  else
    x = bluestein(x, direction, count);
  if (products) *products += count;
  return x;
}

template <class T>
SpectrumOf<T> fourier_plain(const SpectrumOf<T>& x, FourierDirection direction) {
  const std::size_t n = x.size();
  require_some(n, "fourier_plain");
  SpectrumOf<T> spectrum(n);
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t j = 0; j < n; ++j)
      spectrum[k] += times(x[j], root<T>(j * k % n, n, sign_of(direction)));
  if (direction == FourierDirection::inverse) divide(spectrum);
  return spectrum;
}

template <class T>
SpectrumOf<T> fourier_real(const std::vector<T>& x, std::size_t* products) {
  const std::size_t n = x.size(), half = n / 2;
  require_shape(n >= 2 && is_power_of_two(n), "fourier_real",
                "wanted a power of two of numbers, at least 2, got " + std::to_string(n));
  SpectrumOf<T> pairs(half);
  for (std::size_t j = 0; j < half; ++j) pairs[j] = {x[2 * j], x[2 * j + 1]};
  std::size_t count = fourier_in_place(pairs, FourierDirection::forward);
  SpectrumOf<T> spectrum(half + 1);
  for (std::size_t k = 0; k <= half; ++k, ++count) {
    const std::complex<T> a = pairs[k % half], b = std::conj(pairs[(half - k) % half]);
    const std::complex<T> even = (a + b) * T(0.5), twice_odd = (a - b) * T(0.5);
    const std::complex<T> odd{twice_odd.imag(), -twice_odd.real()};  // divided by i
    spectrum[k] = even + times(odd, root<T>(k, n, -1));
  }
  if (products) *products += count;
  return spectrum;
}

template <class T>
std::vector<T> fourier_real_inverse(const SpectrumOf<T>& spectrum, std::size_t* products) {
  require_shape(spectrum.size() >= 2 && is_power_of_two(spectrum.size() - 1),
                "fourier_real_inverse",
                "wanted n/2 + 1 numbers, n a power of two, got " + std::to_string(spectrum.size()));
  const std::size_t half = spectrum.size() - 1, n = 2 * half;
  SpectrumOf<T> pairs(half);
  std::size_t count = 0;
  for (std::size_t k = 0; k < half; ++k, ++count) {
    const std::complex<T> a = spectrum[k], b = std::conj(spectrum[half - k]);
    const std::complex<T> even = (a + b) * T(0.5);
    const std::complex<T> odd = times((a - b) * T(0.5), root<T>(k, n, 1));
    pairs[k] = {even.real() - odd.imag(), even.imag() + odd.real()};  // even + i odd
  }
  count += fourier_in_place(pairs, FourierDirection::inverse);
  if (products) *products += count;
  std::vector<T> x(n);
  for (std::size_t j = 0; j < half; ++j) x[2 * j] = pairs[j].real(), x[2 * j + 1] = pairs[j].imag();
  return x;
}

template <class T>
std::vector<T> convolve_plain(const std::vector<T>& kernel, const std::vector<T>& x,
                              std::size_t* products) {
  require_kernel(kernel, x, "convolve_plain");
  std::vector<T> y(x.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j <= i && j < kernel.size(); ++j, ++count) y[i] += kernel[j] * x[i - j];
  if (products) *products += count;
  return y;
}

template <class T>
std::vector<T> convolve(const std::vector<T>& kernel, const std::vector<T>& x,
                        std::size_t* products) {
  require_kernel(kernel, x, "convolve");
  const std::size_t n = x.size(), size = next_power_of_two(2 * n);
  std::vector<T> padded_kernel(kernel), padded(x);
  padded_kernel.resize(size), padded.resize(size);
  std::size_t count = 0;
  SpectrumOf<T> a = fourier_real(padded_kernel, &count);
  const SpectrumOf<T> b = fourier_real(padded, &count);
  for (std::size_t k = 0; k < a.size(); ++k, ++count) a[k] = times(a[k], b[k]);
  std::vector<T> y = fourier_real_inverse(a, &count);
  y.resize(n);
  if (products) *products += count;
  return y;
}

template <class T>
std::vector<T> convolve_circular(const std::vector<T>& kernel, const std::vector<T>& x) {
  require_some(x.size(), "convolve_circular");
  require_shape(
      kernel.size() == x.size(), "convolve_circular",
      "sizes differ: " + std::to_string(kernel.size()) + " and " + std::to_string(x.size()));
  SpectrumOf<T> a = fourier(SpectrumOf<T>(kernel.begin(), kernel.end()));
  const SpectrumOf<T> b = fourier(SpectrumOf<T>(x.begin(), x.end()));
  for (std::size_t k = 0; k < a.size(); ++k) a[k] = times(a[k], b[k]);
  a = fourier(std::move(a), FourierDirection::inverse);
  std::vector<T> y;
  for (const std::complex<T>& value : a) y.push_back(value.real());
  return y;
}

#define HEADLIGHT_FOURIER(T)                                                                    \
  template std::size_t fourier_in_place(SpectrumOf<T>&, FourierDirection);                      \
  template SpectrumOf<T> fourier(SpectrumOf<T>, FourierDirection, std::size_t*);                \
  template SpectrumOf<T> fourier_plain(const SpectrumOf<T>&, FourierDirection);                 \
  template SpectrumOf<T> fourier_real(const std::vector<T>&, std::size_t*);                     \
  template std::vector<T> fourier_real_inverse(const SpectrumOf<T>&, std::size_t*);             \
  template std::vector<T> convolve_plain(const std::vector<T>&, const std::vector<T>&,          \
                                         std::size_t*);                                         \
  template std::vector<T> convolve(const std::vector<T>&, const std::vector<T>&, std::size_t*); \
  template std::vector<T> convolve_circular(const std::vector<T>&, const std::vector<T>&)
HEADLIGHT_FOURIER(double);
HEADLIGHT_FOURIER(float);
#undef HEADLIGHT_FOURIER

}  // namespace headlight
