#include <cmath>
#include <headlight/core/fourier.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/s4_kernel.hpp>
#include <numbers>

namespace headlight {
namespace {

using Number = std::complex<double>;

// Written out: std::complex's own product looks for NaN after every multiplication.
Number times(Number a, Number b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// Jacobi's rotations until the Hermitian matrix h is diagonal; v gathers them.
void diagonalise(ComplexMatrix& h, ComplexMatrix& v) {
  const std::size_t n = h.shape(0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) v(i, j) = i == j ? 1 : 0;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0, all = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        all += std::norm(h(i, j));
        if (i != j) off += std::norm(h(i, j));
      }
    if (off <= 1e-32 * all) return;
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        const double size = std::abs(h(p, q));
        if (size == 0) continue;
        const Number phase = h(p, q) / size;
        const double angle = 0.5 * std::atan2(2 * size, h(p, p).real() - h(q, q).real());
        const double c = std::cos(angle), s = std::sin(angle);
        // Columns: p becomes c p + s conj(phase) q, q becomes c q - s phase p; rows by conjugates.
        for (std::size_t i = 0; i < n; ++i) {
          const Number a = h(i, p), b = h(i, q), x = v(i, p), y = v(i, q);
          h(i, p) = c * a + s * times(std::conj(phase), b);
          h(i, q) = c * b - s * times(phase, a);
          v(i, p) = c * x + s * times(std::conj(phase), y);
          v(i, q) = c * y - s * times(phase, x);
        }
        for (std::size_t i = 0; i < n; ++i) {
          const Number a = h(p, i), b = h(q, i);
          h(p, i) = c * a + s * times(phase, b);
          h(q, i) = c * b - s * times(std::conj(phase), a);
        }
      }
  }
}

DiagonalPlusLowRank take_apart(std::size_t d_state) {
  require_shape(d_state > 0, "hippo_low_rank", "wanted at least one number of state, got none");
  const Matrix A = hippo_legs(d_state);
  const Vector B = hippo_legs_input(d_state);
  const auto low = [](std::size_t i) { return std::sqrt(static_cast<double>(i) + 0.5); };
  ComplexMatrix h = ComplexMatrix::from_shape({d_state, d_state});  // -i times the skew part
  for (std::size_t i = 0; i < d_state; ++i)
    for (std::size_t j = 0; j < d_state; ++j)
      h(i, j) = Number(0, -(A(i, j) + low(i) * low(j) + (i == j ? 0.5 : 0)));
  DiagonalPlusLowRank parts{
      ComplexMatrix::from_shape({1, d_state}), ComplexMatrix::from_shape({1, d_state}),
      ComplexMatrix::from_shape({1, d_state}), ComplexMatrix::from_shape({d_state, d_state})};
  diagonalise(h, parts.basis);
  for (std::size_t k = 0; k < d_state; ++k) {
    parts.poles(0, k) = Number(-0.5, h(k, k).real());
    parts.p(0, k) = parts.B(0, k) = 0;
    for (std::size_t i = 0; i < d_state; ++i) {
      parts.p(0, k) += std::conj(parts.basis(i, k)) * low(i);
      parts.B(0, k) += std::conj(parts.basis(i, k)) * B(i);
    }
  }
  return parts;
}

}  // namespace

template <class T>
DiagonalPlusLowRankOf<T> hippo_low_rank(std::size_t d_state) {
  const DiagonalPlusLowRank parts = take_apart(d_state);
  const auto narrow = [](const ComplexMatrix& m) {
    ComplexMatrixOf<T> to = ComplexMatrixOf<T>::from_shape({m.shape(0), m.shape(1)});
    std::copy(m.begin(), m.end(), to.begin());
    return to;
  };
  return {narrow(parts.poles), narrow(parts.p), narrow(parts.B), narrow(parts.basis)};
}

template <class T>
MatrixOf<T> s4_kernel(const MatrixOf<T>& C, std::size_t n, double step, Work* work) {
  const std::size_t d_model = C.shape(0), d = C.shape(1);
  require_shape(n > 0, "s4_kernel", "wanted at least one token, got none");
  require_shape(d > 0, "s4_kernel", "wanted at least one number of state, got none");
  if (!(step > 0) || std::isinf(step))
    throw std::domain_error("s4_kernel: wanted a step above zero, got " + std::to_string(step));
  const DiagonalPlusLowRank parts = take_apart(d);

  // C (1 - A^n), by squaring: cuts the endless kernel off after n numbers.
  StateSpace system{hippo_legs(d), hippo_legs_input(d), Matrix::from_shape({d_model, d}), {}};
  std::copy(C.begin(), C.end(), system.C.begin());
  Matrix power = discretise(system, step, Discretisation::bilinear).A, cut = system.C;
  for (std::size_t rest = n;; rest /= 2) {
    if (rest % 2 == 1) cut = matmul(cut, power);
    if (rest == 1) break;
    power = matmul(power, power);
  }
  ComplexMatrix reading = ComplexMatrix::from_shape({d_model, d});  // in the basis of the poles
  for (std::size_t c = 0; c < d_model; ++c)
    for (std::size_t k = 0; k < d; ++k) {
      reading(c, k) = 0;
      for (std::size_t i = 0; i < d; ++i)
        reading(c, k) += (system.C(c, i) - cut(c, i)) * parts.basis(i, k);
    }

  std::vector<Spectrum> spectrum(d_model, Spectrum(n));
  Spectrum inverse(d), through_p(d), through_b(d);
  for (std::size_t at = 0; at < n; ++at) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(at) / static_cast<double>(n);
    const Number z(std::cos(angle), std::sin(angle));
    Number pp = 0, pb = 0;  // p* D^-1 p and p* D^-1 B
    for (std::size_t k = 0; k < d; ++k) {
      inverse[k] =
          Number(1) / (2 / step * (Number(1) - z) - times(Number(1) + z, parts.poles(0, k)));
      through_p[k] = times(inverse[k], parts.p(0, k));
      through_b[k] = times(inverse[k], parts.B(0, k));
      pp += times(std::conj(parts.p(0, k)), through_p[k]);
      pb += times(std::conj(parts.p(0, k)), through_b[k]);
    }
    const Number correction = (Number(1) + z) * pb / (Number(1) + (Number(1) + z) * pp);
    for (std::size_t c = 0; c < d_model; ++c) {
      Number sum = 0;
      for (std::size_t k = 0; k < d; ++k)
        sum += times(reading(c, k), through_b[k] - times(correction, through_p[k]));
      spectrum[c][at] = 2.0 * sum;
      if (work) work->multiply_adds += 4 * 2 * d;
    }
    if (work) work->multiply_adds += 4 * 5 * d;
  }
  MatrixOf<T> kernel = MatrixOf<T>::from_shape({d_model, n});
  for (std::size_t c = 0; c < d_model; ++c) {
    const Spectrum row = fourier(spectrum[c], FourierDirection::inverse);
    for (std::size_t k = 0; k < n; ++k) kernel(c, k) = static_cast<T>(row[k].real());
  }
  return kernel;
}

#define HEADLIGHT_S4_KERNEL(T)                                   \
  template DiagonalPlusLowRankOf<T> hippo_low_rank(std::size_t); \
  template MatrixOf<T> s4_kernel(const MatrixOf<T>&, std::size_t, double, Work*)
HEADLIGHT_S4_KERNEL(double);
HEADLIGHT_S4_KERNEL(float);
#undef HEADLIGHT_S4_KERNEL

}  // namespace headlight
