#include <cmath>
#include <headlight/core/random.hpp>
#include <limits>
#include <span>
#include <stdexcept>

namespace headlight {
namespace {

// log of a positive finite number with a fixed order of operations: the same bits everywhere.
double portable_log(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);  // exact, mantissa in [1/2, 1)
  if (mantissa < 0.70710678118654752440) mantissa *= 2, --exponent;
  const double s = (mantissa - 1) / (mantissa + 1);  // |s| < 0.172
  const double s2 = s * s;
  double series = 0;
  for (int k = 25; k >= 1; k -= 2) series = series * s2 + 1.0 / k;
  return exponent * 0.69314718055994530942 + 2 * s * series;
}

double polynomial(double x, std::span<const double> coefficients) {
  double value = 0;
  for (std::size_t i = coefficients.size(); i-- > 0;) value = value * x + coefficients[i];
  return value;
}

}  // namespace

double normal_quantile(double p) {
  if (!(p > 0 && p < 1))
    throw std::domain_error("normal_quantile: wanted a probability in (0, 1), got " +
                            std::to_string(p));
  static constexpr double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                 1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                 3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static constexpr double b[] = {1.0,
                                 4.2313330701600911252e+1,
                                 6.8718700749205790830e+2,
                                 5.3941960214247511077e+3,
                                 2.1213794301586595867e+4,
                                 3.9307895800092710610e+4,
                                 2.8729085735721942674e+4,
                                 5.2264952788528545610e+3};
  static constexpr double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                 5.76949722146069140550e0,  3.64784832476320460504e0,
                                 1.27045825245236838258e0,  2.41780725177450611770e-1,
                                 2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double d[] = {1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
  static constexpr double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                 1.78482653991729133580e0,  2.96560571828504891230e-1,
                                 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                 2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double f[] = {1.0,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131145613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(r, a) / polynomial(r, b);
  }
  const double tail = q < 0 ? p : 1 - p;
  double r = std::sqrt(-portable_log(tail));
  double x = 0;
  if (r <= 5) {
    r -= 1.6;
    x = polynomial(r, c) / polynomial(r, d);
  } else {
    r -= 5;
    x = polynomial(r, e) / polynomial(r, f);
  }
  return q < 0 ? -x : x;
}

std::uint64_t Random::bits() {
  state_ += 0x9E3779B97F4A7C15u;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double Random::uniform() {
  return static_cast<double>(bits() >> 11) * 0x1p-53;
}

std::size_t Random::below(std::size_t count) {
  if (count == 0) throw std::domain_error("Random::below: wanted a count of at least 1, got 0");
  const std::uint64_t n = count;
  const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() -
                              (std::numeric_limits<std::uint64_t>::max() % n + 1) % n;
  std::uint64_t draw = bits();
  while (draw > limit) draw = bits();
  return static_cast<std::size_t>(draw % n);
}

double Random::normal() {
  return normal_quantile((static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53);
}

template <class T>
MatrixOf<T> random_matrix(Random& random, std::size_t rows, std::size_t columns, double deviation) {
  MatrixOf<T> a({rows, columns});
  for (T& x : a) x = static_cast<T>(deviation * random.normal());
  return a;
}

template <class T>
VectorOf<T> random_vector(Random& random, std::size_t size, double deviation) {
  VectorOf<T> a = VectorOf<T>::from_shape({size});
  for (T& x : a) x = static_cast<T>(deviation * random.normal());
  return a;
}

template Matrix random_matrix(Random&, std::size_t, std::size_t, double);
template MatrixF random_matrix(Random&, std::size_t, std::size_t, double);
template Vector random_vector(Random&, std::size_t, double);
template VectorF random_vector(Random&, std::size_t, double);

}  // namespace headlight
