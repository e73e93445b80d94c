/// @file
/// The discrete Fourier transform, fast for powers of two, and the convolutions built on it.
#pragma once

#include <complex>
#include <cstddef>
#include <vector>

namespace headlight {

/// A sequence of complex numbers: a signal or its spectrum.
template <class T>
using SpectrumOf = std::vector<std::complex<T>>;
using Spectrum = SpectrumOf<double>;  ///< in double

/// Which way a transform goes.
enum class FourierDirection {
  forward,  ///< exp(-2 pi i j k / n), no factor
  inverse   ///< exp(+2 pi i j k / n), divided by n: undoes forward
};

/// Whether a number is 1, 2, 4, 8, ... @param n  any  @return false for 0
bool is_power_of_two(std::size_t n);
/// @param n  any
/// @return the least power of two that is not below n; 1 for 0
std::size_t next_power_of_two(std::size_t n);

/// Transforms in place by Cooley and Tukey's butterflies.
/// \f[ X_k = \sum_j x_j e^{-2\pi i jk/n} \f]
/// @param x  signal in, spectrum out; a power of two of numbers
/// @param direction  forward or back
/// @return complex products done, n/2 log2 n, counted in the inner loop
/// @throws ShapeError when the length is no power of two
/// @source Cooley, Tukey 1965    @booksection{17}
template <class T>
std::size_t fourier_in_place(SpectrumOf<T>& x, FourierDirection direction);

/// Transforms a sequence of any length: the butterflies for powers of two, else Bluestein's
/// detour through a convolution of such a length.
/// @param x  signal
/// @param direction  forward or back
/// @param products  when given, is increased by the complex products done
/// @return spectrum, as long as x
/// @throws ShapeError when x is empty
/// @source Bluestein 1970
template <class T>
SpectrumOf<T> fourier(SpectrumOf<T> x, FourierDirection direction = FourierDirection::forward,
                      std::size_t* products = nullptr);

/// The same by its defining sum, n^2 products: what proves the fast one.
/// @param x  signal of any length
/// @param direction  forward or back
/// @return spectrum, as long as x
/// @throws ShapeError when x is empty
template <class T>
SpectrumOf<T> fourier_plain(const SpectrumOf<T>& x,
                            FourierDirection direction = FourierDirection::forward);

/// Spectrum of a real signal through a complex transform of half the length. The other half of the
/// spectrum is the mirrored conjugate of this one.
/// @param x  signal; a power of two of numbers, at least 2
/// @param products  when given, is increased by the complex products done
/// @return n/2 + 1 numbers, frequencies 0 to n/2
/// @throws ShapeError when the length does not fit
template <class T>
SpectrumOf<T> fourier_real(const std::vector<T>& x, std::size_t* products = nullptr);

/// Undoes fourier_real.
/// @param spectrum  n/2 + 1 numbers, n a power of two
/// @param products  when given, is increased by the complex products done
/// @return the real signal of n numbers
/// @throws ShapeError when the length does not fit
template <class T>
std::vector<T> fourier_real_inverse(const SpectrumOf<T>& spectrum, std::size_t* products = nullptr);

/// Causal convolution by its sum.
/// \f[ y_i = \sum_{j\le i} kernel_j\, x_{i-j} \f]
/// @param kernel  as long as x or shorter
/// @param x  signal
/// @param products  when given, is increased by the products done
/// @return as long as x
/// @throws ShapeError when the kernel is longer than the signal
template <class T>
std::vector<T> convolve_plain(const std::vector<T>& kernel, const std::vector<T>& x,
                              std::size_t* products = nullptr);

/// The same through spectra, both padded with zeros to at least twice the length, so that the end
/// does not wrap round onto the start.
/// @param kernel  as long as x or shorter
/// @param x  signal
/// @param products  when given, is increased by the complex products done
/// @return as long as x
/// @throws ShapeError when the kernel is longer than the signal
template <class T>
std::vector<T> convolve(const std::vector<T>& kernel, const std::vector<T>& x,
                        std::size_t* products = nullptr);

/// What comes out when the padding is forgotten: the convolution of a ring, the last outputs of
/// the kernel wrapped round onto the first.
/// @param kernel  as long as x
/// @param x  signal of any length
/// @return as long as x
/// @throws ShapeError when sizes differ
template <class T>
std::vector<T> convolve_circular(const std::vector<T>& kernel, const std::vector<T>& x);

}  // namespace headlight
