#include <algorithm>
#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/position/sinusoidal.hpp>

namespace headlight {
namespace {

double frequency(std::size_t pair, std::size_t d_model, double base) {
  return std::pow(base, -2.0 * static_cast<double>(pair) / static_cast<double>(d_model));
}

}  // namespace

template <class T>
MatrixOf<T> sinusoidal_positions(std::size_t n, std::size_t d_model, std::size_t first,
                                 double base) {
  MatrixOf<T> positions = MatrixOf<T>::from_shape({n, d_model});
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t j = 0; j < d_model; ++j) {
      const double angle = static_cast<double>(first + p) * frequency(j / 2, d_model, base);
      positions(p, j) = static_cast<T>(j % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  return positions;
}

template <class T>
MatrixOf<T> sinusoidal_shift(std::size_t d_model, double offset, double base) {
  require_shape(d_model % 2 == 0, "sinusoidal_shift",
                "wanted an even width, got " + std::to_string(d_model));
  MatrixOf<T> shift = MatrixOf<T>::from_shape({d_model, d_model});
  std::fill(shift.begin(), shift.end(), T(0));
  for (std::size_t pair = 0; pair < d_model / 2; ++pair) {
    const double angle = offset * frequency(pair, d_model, base);
    const T c = static_cast<T>(std::cos(angle)), s = static_cast<T>(std::sin(angle));
    const std::size_t sine = 2 * pair, cosine = 2 * pair + 1;
    shift(sine, sine) = c, shift(cosine, sine) = s;       // sin(a+b) = sin a cos b + cos a sin b
    shift(sine, cosine) = -s, shift(cosine, cosine) = c;  // cos(a+b) = cos a cos b - sin a sin b
  }
  return shift;
}

template Matrix sinusoidal_positions(std::size_t, std::size_t, std::size_t, double);
template MatrixF sinusoidal_positions(std::size_t, std::size_t, std::size_t, double);
template Matrix sinusoidal_shift(std::size_t, double, double);
template MatrixF sinusoidal_shift(std::size_t, double, double);

}  // namespace headlight
