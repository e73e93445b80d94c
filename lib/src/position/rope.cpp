#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/position/rope.hpp>
#include <stdexcept>

namespace headlight {
namespace {

std::size_t turning_coordinates(std::size_t d_head, const Rope& rope, const char* function) {
  const std::size_t turning = rope.dimensions == 0 ? d_head : rope.dimensions;
  require_shape(turning % 2 == 0 && turning <= d_head, function,
                "wanted an even number of turning coordinates, at most " + std::to_string(d_head) +
                    ", got " + std::to_string(turning));
  return turning;
}

void require_factor(double factor, const char* function) {
  if (!(factor >= 1))
    throw std::domain_error(std::string(function) + ": wanted a factor of at least 1, got " +
                            std::to_string(factor));
}

}  // namespace

Vector rope_frequencies(std::size_t d_head, const Rope& rope) {
  const std::size_t turning = turning_coordinates(d_head, rope, "rope_frequencies");
  Vector frequencies = Vector::from_shape({turning / 2});
  for (std::size_t pair = 0; pair < turning / 2; ++pair) {
    const double exponent = -2.0 * static_cast<double>(pair) / static_cast<double>(turning);
    frequencies(pair) = rope.position_scale * std::pow(rope.base, exponent);
  }
  return frequencies;
}

Rope interpolated(Rope rope, double factor) {
  require_factor(factor, "interpolated");
  rope.position_scale /= factor;
  return rope;
}

Rope ntk_scaled(Rope rope, std::size_t d_head, double factor) {
  require_factor(factor, "ntk_scaled");
  const std::size_t turning = turning_coordinates(d_head, rope, "ntk_scaled");
  require_shape(turning >= 4, "ntk_scaled",
                "wanted at least 4 turning coordinates (a fast and a slow pair), got " +
                    std::to_string(turning));
  const double d = static_cast<double>(turning);
  rope.base *= std::pow(factor, d / (d - 2));
  return rope;
}

std::vector<std::size_t> pairing_order(std::size_t d_head, const Rope& rope) {
  const std::size_t turning = turning_coordinates(d_head, rope, "pairing_order");
  std::vector<std::size_t> order(d_head);
  for (std::size_t j = 0; j < d_head; ++j)
    order[j] = j >= turning ? j : j < turning / 2 ? 2 * j : 2 * j + 1 - turning;
  return order;
}

template <class T>
void rotate(ViewOf<const T> x, std::size_t first_position, const Rope& rope, ViewOf<T> rotated) {
  const std::size_t turning = turning_coordinates(x.columns, rope, "rotate");
  require_shape(rotated.rows == x.rows && rotated.columns == x.columns, "rotate",
                "the result has " + std::to_string(rotated.rows) + " rows of " +
                    std::to_string(rotated.columns) + ", the input " + std::to_string(x.rows) +
                    " rows of " + std::to_string(x.columns));
  const Vector frequencies = rope_frequencies(x.columns, rope);  // [pairs]
  const std::size_t pairs = turning / 2;
  const bool halves = rope.pairing == RopePairing::halves;
  for (std::size_t i = 0; i < x.rows; ++i) {
    const T* from = x.data + i * x.stride;
    T* to = rotated.data + i * rotated.stride;
    const double position = static_cast<double>(first_position + i);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const double angle = position * frequencies(pair);  // radians
      const T c = static_cast<T>(std::cos(angle)), s = static_cast<T>(std::sin(angle));
      const std::size_t a = halves ? pair : 2 * pair;
      const std::size_t b = halves ? pair + pairs : 2 * pair + 1;
      const T xa = from[a], xb = from[b];
      to[a] = xa * c - xb * s;
      to[b] = xa * s + xb * c;
    }
    for (std::size_t j = turning; j < x.columns; ++j) to[j] = from[j];
  }
}

template void rotate(ViewOf<const double>, std::size_t, const Rope&, ViewOf<double>);
template void rotate(ViewOf<const float>, std::size_t, const Rope&, ViewOf<float>);

}  // namespace headlight
