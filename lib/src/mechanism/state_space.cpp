#include <cmath>
#include <headlight/core/fourier.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/state_space.hpp>
#include <limits>
#include <numbers>
#include <string>

namespace headlight {
namespace {

template <class T>
using Complex = std::complex<T>;

// Written out: std::complex's own product looks for NaN after every multiplication.
template <class T>
inline Complex<T> times(Complex<T> a, Complex<T> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// What has died away becomes zero: some processors take a hundred times as long for such numbers.
template <class T>
inline T without_subnormals(T a) {
  return std::abs(a) < std::numeric_limits<T>::min() ? T(0) : a;
}
template <class T>
inline Complex<T> without_subnormals(Complex<T> a) {
  return {without_subnormals(a.real()), without_subnormals(a.imag())};
}

template <class T>
void require_square(const MatrixOf<T>& a, const char* function) {
  require_shape(a.shape(0) == a.shape(1), function,
                "wanted a square matrix, got " + shape_string(a));
}

// Rounding may carry an eigenvalue of size one a little past it.
template <class T>
double largest_factor() {
  return 1 + 1e4 * static_cast<double>(std::numeric_limits<T>::epsilon());
}

template <class T>
void require_stable(const MatrixOf<T>& a, const char* function) {
  const double radius = spectral_radius(a);
  if (!(radius <= largest_factor<T>()))
    throw std::domain_error(std::string(function) +
                            ": wanted a state that does not grow, got a state matrix in steps of "
                            "spectral radius " +
                            std::to_string(radius));
}

template <class T>
void require_stable(const ComplexMatrixOf<T>& a, const char* function) {
  for (std::size_t c = 0; c < a.shape(0); ++c)
    for (std::size_t s = 0; s < a.shape(1); ++s)
      if (!(std::abs(a(c, s)) <= largest_factor<T>()))
        throw std::domain_error(std::string(function) +
                                ": wanted a state that does not grow, got factor " +
                                std::to_string(std::abs(a(c, s))) + " at channel " +
                                std::to_string(c) + ", pole " + std::to_string(s));
}

void require_step(double step) {
  if (!(step > 0) || std::isinf(step))
    throw std::domain_error("discretise: wanted a step above zero, got " + std::to_string(step));
}

template <class T>
void check(const StateSpaceOf<T>& s, const char* function) {
  const std::size_t d_state = s.A.shape(0);
  require_shape(d_state > 0, function, "wanted at least one number of state, got none");
  require_square(s.A, function);
  require_shape(s.B.size() == d_state && s.C.shape(1) == d_state, function,
                "widths of the state differ: A " + shape_string(s.A) + ", B " + shape_string(s.B) +
                    ", C " + shape_string(s.C));
  require_shape(
      s.skip.size() == 0 || s.skip.size() == s.C.shape(0), function,
      "channels of C and skip differ: " + shape_string(s.C) + ", " + shape_string(s.skip));
}

template <class T>
void check(const DiagonalStateSpaceOf<T>& s, const char* function) {
  require_shape(s.A.shape(1) > 0, function, "wanted at least one number of state, got none");
  require_shape(s.A.shape() == s.B.shape() && s.A.shape() == s.C.shape(), function,
                "shapes of A, B and C differ: " + shape_string(s.A) + ", " + shape_string(s.B) +
                    ", " + shape_string(s.C));
  require_shape(
      s.skip.size() == 0 || s.skip.size() == s.C.shape(0), function,
      "channels of C and skip differ: " + shape_string(s.C) + ", " + shape_string(s.skip));
}

// X with A X = B, by elimination with row pivots. Only for the few small systems of discretise.
template <class T>
MatrixOf<T> solve(MatrixOf<T> a, MatrixOf<T> b) {
  const std::size_t n = a.shape(0);
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < n; ++r)
      if (std::abs(a(r, c)) > std::abs(a(pivot, c))) pivot = r;
    if (a(pivot, c) == 0)
      throw std::domain_error(
          "discretise: I - step A / 2 has no inverse, 2 / step is an eigenvalue of A");
    for (std::size_t k = 0; k < n; ++k) std::swap(a(c, k), a(pivot, k));
    for (std::size_t k = 0; k < b.shape(1); ++k) std::swap(b(c, k), b(pivot, k));
    for (std::size_t r = 0; r < n; ++r) {
      if (r == c) continue;
      const T factor = a(r, c) / a(c, c);
      for (std::size_t k = c; k < n; ++k) a(r, k) -= factor * a(c, k);
      for (std::size_t k = 0; k < b.shape(1); ++k) b(r, k) -= factor * b(c, k);
    }
  }
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t k = 0; k < b.shape(1); ++k) b(r, k) /= a(r, r);
  return b;
}

template <class T>
double frobenius(const MatrixOf<T>& a) {
  double sum = 0;
  for (const T value : a) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

template <class T, class S>
StateSpaceTraceOf<T, S> begin(const MatrixOf<T>& input, std::size_t d_model, std::size_t d_state,
                              StateSpaceOrder order, const MatrixOf<S>* start) {
  const std::size_t n = input.shape(0);
  require_shape(n > 0, "state_space", "wanted at least one token, got none");
  require_shape(
      input.shape(1) == d_model, "state_space",
      "wanted " + std::to_string(d_model) + " channels of input, got " + shape_string(input));
  require_shape(!start || order == StateSpaceOrder::recurrence, "state_space",
                "only the recurrence can go on from a state");
  StateSpaceTraceOf<T, S> t;
  t.output = MatrixOf<T>::from_shape({n, d_model});
  if (order == StateSpaceOrder::recurrence) {
    t.state = MatrixOf<S>::from_shape({d_model, d_state});
    if (start)
      require_shape(
          start->shape() == t.state.shape(), "state_space",
          "wanted a state of shape " + shape_string(t.state) + ", got " + shape_string(*start)),
          t.state = *start;
    else
      std::fill(t.state.begin(), t.state.end(), S(0));
    t.work.hold(t.state.size());
  } else {
    t.kernel = MatrixOf<T>::from_shape({d_model, n});
    t.work.hold(t.kernel.size());
  }
  return t;
}

// Every channel with its kernel, by the sum or by the fast transform.
template <class T, class S>
void convolve_channels(const MatrixOf<T>& input, StateSpaceOrder order,
                       StateSpaceTraceOf<T, S>& t) {
  const std::size_t n = input.shape(0);
  std::vector<T> kernel(n), signal(n);
  for (std::size_t c = 0; c < input.shape(1); ++c) {
    for (std::size_t i = 0; i < n; ++i) kernel[i] = t.kernel(c, i), signal[i] = input(i, c);
    std::size_t products = 0;
    const bool fast = order == StateSpaceOrder::fourier;
    const std::vector<T> mixed =
        fast ? convolve(kernel, signal, &products) : convolve_plain(kernel, signal, &products);
    t.work.multiply_adds += fast ? 4 * products : products;
    for (std::size_t i = 0; i < n; ++i) t.output(i, c) = mixed[i];
  }
}

template <class T, class S>
void add_skip(const MatrixOf<T>& input, const VectorOf<T>& skip, StateSpaceTraceOf<T, S>& t) {
  if (skip.size() == 0) return;
  for (std::size_t i = 0; i < input.shape(0); ++i)
    for (std::size_t c = 0; c < input.shape(1); ++c, ++t.work.multiply_adds)
      t.output(i, c) += skip(c) * input(i, c);
}

}  // namespace

template <class T>
MatrixOf<T> hippo_legs(std::size_t d_state) {
  MatrixOf<T> a = MatrixOf<T>::from_shape({d_state, d_state});
  for (std::size_t n = 0; n < d_state; ++n)
    for (std::size_t k = 0; k < d_state; ++k) {
      const double root = std::sqrt(static_cast<double>((2 * n + 1) * (2 * k + 1)));
      a(n, k) = static_cast<T>(n > k ? -root : (n == k ? -static_cast<double>(n + 1) : 0.0));
    }
  return a;
}

template <class T>
VectorOf<T> hippo_legs_input(std::size_t d_state) {
  VectorOf<T> b = VectorOf<T>::from_shape({d_state});
  for (std::size_t n = 0; n < d_state; ++n)
    b(n) = static_cast<T>(std::sqrt(static_cast<double>(2 * n + 1)));
  return b;
}

template <class T>
ComplexMatrixOf<T> s4d_lin(std::size_t d_model, std::size_t d_state) {
  ComplexMatrixOf<T> poles = ComplexMatrixOf<T>::from_shape({d_model, d_state});
  for (std::size_t c = 0; c < d_model; ++c)
    for (std::size_t s = 0; s < d_state; ++s)
      poles(c, s) = {T(-0.5), static_cast<T>(std::numbers::pi * static_cast<double>(s))};
  return poles;
}

template <class T>
MatrixOf<T> matrix_exponential(const MatrixOf<T>& a) {
  require_square(a, "matrix_exponential");
  const std::size_t n = a.shape(0);
  int squarings = 0;
  for (double norm = frobenius(a); norm > 0.5 && squarings < 1000; norm /= 2) ++squarings;
  MatrixOf<T> scaled = a;
  for (T& value : scaled) value = std::ldexp(value, -squarings);
  MatrixOf<T> sum = MatrixOf<T>::from_shape({n, n});
  std::fill(sum.begin(), sum.end(), T(0));
  for (std::size_t i = 0; i < n; ++i) sum(i, i) = 1;
  MatrixOf<T> term = sum;
  for (int k = 1; k <= 18; ++k) {  // 0.5^19 / 19! is below 1e-22
    term = matmul(term, scaled);
    for (T& value : term) value /= static_cast<T>(k);
    for (std::size_t i = 0; i < sum.size(); ++i) sum.data()[i] += term.data()[i];
  }
  for (int k = 0; k < squarings; ++k) sum = matmul(sum, sum);
  return sum;
}

template <class T>
double spectral_radius(const MatrixOf<T>& a) {
  require_square(a, "spectral_radius");
  Matrix power = Matrix::from_shape({a.shape(0), a.shape(1)});
  std::copy(a.begin(), a.end(), power.begin());
  double log = 0, exponent = 1;  // |A^m| = |power| exp(m log)
  for (int k = 0; k <= 50; ++k) {
    const double norm = frobenius(power);
    if (norm == 0) return 0;
    if (!std::isfinite(norm)) return norm;
    log += std::log(norm) / exponent;
    for (double& value : power) value /= norm;
    power = matmul(power, power);
    exponent *= 2;
  }
  return std::exp(log);
}

template <class T>
StateSpaceOf<T> discretise(const StateSpaceOf<T>& system, double step, Discretisation method) {
  check(system, "discretise");
  require_step(step);
  const std::size_t d = system.A.shape(0);
  const T size = static_cast<T>(step);
  StateSpaceOf<T> s = system;
  if (method == Discretisation::bilinear) {
    MatrixOf<T> left = system.A, right = MatrixOf<T>::from_shape({d, d + 1});
    for (std::size_t r = 0; r < d; ++r) {
      for (std::size_t c = 0; c < d; ++c) {
        right(r, c) = (r == c ? T(1) : T(0)) + size / 2 * system.A(r, c);
        left(r, c) = (r == c ? T(1) : T(0)) - size / 2 * system.A(r, c);
      }
      right(r, d) = size * system.B(r);
    }
    const MatrixOf<T> solved = solve(left, right);
    for (std::size_t r = 0; r < d; ++r) {
      for (std::size_t c = 0; c < d; ++c) s.A(r, c) = solved(r, c);
      s.B(r) = solved(r, d);
    }
  } else {
    // exp of [[step A, step B], [0, 0]] holds both exp(step A) and the integral of exp(A t) B, also
    // where A has no inverse.
    MatrixOf<T> both = MatrixOf<T>::from_shape({d + 1, d + 1});
    std::fill(both.begin(), both.end(), T(0));
    for (std::size_t r = 0; r < d; ++r) {
      for (std::size_t c = 0; c < d; ++c) both(r, c) = size * system.A(r, c);
      both(r, d) = size * system.B(r);
    }
    const MatrixOf<T> grown = matrix_exponential(both);
    for (std::size_t r = 0; r < d; ++r) {
      for (std::size_t c = 0; c < d; ++c) s.A(r, c) = grown(r, c);
      s.B(r) = grown(r, d);
    }
  }
  require_stable(s.A, "discretise");
  return s;
}

template <class T>
DiagonalStateSpaceOf<T> discretise(const DiagonalStateSpaceOf<T>& system, const VectorOf<T>& step,
                                   Discretisation method) {
  check(system, "discretise");
  require_shape(step.size() == system.A.shape(0), "discretise",
                "wanted one step for each of " + std::to_string(system.A.shape(0)) +
                    " channels, got " + std::to_string(step.size()));
  DiagonalStateSpaceOf<T> s = system;
  for (std::size_t c = 0; c < system.A.shape(0); ++c) {
    require_step(static_cast<double>(step(c)));
    for (std::size_t k = 0; k < system.A.shape(1); ++k) {
      const Complex<T> pole = system.A(c, k), moved = step(c) * pole;
      if (method == Discretisation::bilinear) {
        const Complex<T> below = T(1) - moved / T(2);
        s.A(c, k) = (T(1) + moved / T(2)) / below;
        s.B(c, k) = step(c) * system.B(c, k) / below;
      } else {
        s.A(c, k) = std::exp(moved);
        // (exp(x) - 1) / x; by its series where the difference would cancel.
        const Complex<T> held =
            std::abs(moved) < T(1e-3)
                ? T(1) + moved / T(2) *
                             (T(1) + moved / T(3) * (T(1) + moved / T(4) * (T(1) + moved / T(5))))
                : (s.A(c, k) - T(1)) / moved;
        s.B(c, k) = step(c) * held * system.B(c, k);
      }
    }
  }
  require_stable(s.A, "discretise");
  return s;
}

template <class T>
StateSpaceTraceOf<T, T> state_space(const MatrixOf<T>& input, const StateSpaceOf<T>& system,
                                    StateSpaceOrder order, const MatrixOf<T>* start) {
  check(system, "state_space");
  const std::size_t d_model = system.C.shape(0), d = system.A.shape(0), n = input.shape(0);
  StateSpaceTraceOf<T, T> t = begin<T, T>(input, d_model, d, order, start);
  require_stable(system.A, "state_space");
  std::vector<T> next(d);
  const auto advance = [&](T* state) {  // next = A state
    for (std::size_t r = 0; r < d; ++r) {
      T sum = 0;
      for (std::size_t k = 0; k < d; ++k) sum += system.A(r, k) * state[k];
      next[r] = sum;
    }
    t.work.multiply_adds += d * d;
  };
  const auto read = [&](std::size_t c, const T* state) {  // C state
    T sum = 0;
    for (std::size_t k = 0; k < d; ++k) sum += system.C(c, k) * state[k];
    t.work.multiply_adds += d;
    return sum;
  };
  if (order == StateSpaceOrder::recurrence) {
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_model; ++c) {
        T* state = t.state.data() + c * d;
        advance(state);
        for (std::size_t k = 0; k < d; ++k) state[k] = next[k] + system.B(k) * input(i, c);
        t.work.multiply_adds += d;
        t.output(i, c) = read(c, state);
      }
  } else {
    std::vector<T> impulse(system.B.begin(), system.B.end());  // A^k B
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t c = 0; c < d_model; ++c) t.kernel(c, k) = read(c, impulse.data());
      advance(impulse.data());
      std::swap(impulse, next);
      for (T& value : impulse) value = without_subnormals(value);
    }
    convolve_channels(input, order, t);
  }
  add_skip(input, system.skip, t);
  return t;
}

template <class T>
StateSpaceTraceOf<T, Complex<T>> state_space(const MatrixOf<T>& input,
                                             const DiagonalStateSpaceOf<T>& system,
                                             StateSpaceOrder order,
                                             const ComplexMatrixOf<T>* start) {
  check(system, "state_space");
  const std::size_t d_model = system.A.shape(0), d = system.A.shape(1), n = input.shape(0);
  StateSpaceTraceOf<T, Complex<T>> t = begin<T, Complex<T>>(input, d_model, d, order, start);
  require_stable(system.A, "state_space");
  if (order == StateSpaceOrder::recurrence) {
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_model; ++c) {
        const Complex<T>*A = system.A.data() + c * d, *B = system.B.data() + c * d,
              *C = system.C.data() + c * d;
        Complex<T>* state = t.state.data() + c * d;
        const T u = input(i, c);
        T sum = 0;
        for (std::size_t k = 0; k < d; ++k) {
          const Complex<T> kept = times(A[k], state[k]);
          state[k] = {kept.real() + B[k].real() * u, kept.imag() + B[k].imag() * u};
          sum += C[k].real() * state[k].real() - C[k].imag() * state[k].imag();
        }
        t.work.multiply_adds += (4 + 2 + 2) * d;
        t.output(i, c) = 2 * sum;
      }
  } else {
    std::fill(t.kernel.begin(), t.kernel.end(), T(0));
    for (std::size_t c = 0; c < d_model; ++c)
      for (std::size_t s = 0; s < d; ++s) {
        const Complex<T> A = system.A(c, s);
        Complex<T> response = times(system.C(c, s), system.B(c, s));  // C A^k B
        T* kernel = t.kernel.data() + c * n;
        for (std::size_t k = 0; k < n; ++k) {
          kernel[k] += 2 * response.real();
          response = without_subnormals(times(response, A));
        }
        t.work.multiply_adds += 4 + 4 * n;
      }
    convolve_channels(input, order, t);
  }
  add_skip(input, system.skip, t);
  return t;
}

#define HEADLIGHT_STATE_SPACE(T)                                                                  \
  template MatrixOf<T> hippo_legs(std::size_t);                                                   \
  template VectorOf<T> hippo_legs_input(std::size_t);                                             \
  template ComplexMatrixOf<T> s4d_lin(std::size_t, std::size_t);                                  \
  template MatrixOf<T> matrix_exponential(const MatrixOf<T>&);                                    \
  template double spectral_radius(const MatrixOf<T>&);                                            \
  template StateSpaceOf<T> discretise(const StateSpaceOf<T>&, double, Discretisation);            \
  template DiagonalStateSpaceOf<T> discretise(const DiagonalStateSpaceOf<T>&, const VectorOf<T>&, \
                                              Discretisation);                                    \
  template StateSpaceTraceOf<T, T> state_space(const MatrixOf<T>&, const StateSpaceOf<T>&,        \
                                               StateSpaceOrder, const MatrixOf<T>*);              \
  template StateSpaceTraceOf<T, Complex<T>> state_space(                                          \
      const MatrixOf<T>&, const DiagonalStateSpaceOf<T>&, StateSpaceOrder,                        \
      const ComplexMatrixOf<T>*)
HEADLIGHT_STATE_SPACE(double);
HEADLIGHT_STATE_SPACE(float);
#undef HEADLIGHT_STATE_SPACE

}  // namespace headlight
