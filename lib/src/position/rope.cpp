#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/position/rope.hpp>

namespace headlight {

template <class T>
void rotate(ViewOf<const T> x, std::size_t first_position, const Rope& rope, ViewOf<T> rotated) {
  const std::size_t turning = rope.dimensions == 0 ? x.columns : rope.dimensions;
  require_shape(turning % 2 == 0 && turning <= x.columns, "rotate",
                "wanted an even number of turning coordinates, at most " +
                    std::to_string(x.columns) + ", got " + std::to_string(turning));
  require_shape(rotated.rows == x.rows && rotated.columns == x.columns, "rotate",
                "the result has " + std::to_string(rotated.rows) + " rows of " +
                    std::to_string(rotated.columns) + ", the input " + std::to_string(x.rows) +
                    " rows of " + std::to_string(x.columns));
  const std::size_t pairs = turning / 2;
  for (std::size_t i = 0; i < x.rows; ++i) {
    const T* from = x.data + i * x.stride;
    T* to = rotated.data + i * rotated.stride;
    const double position = static_cast<double>(first_position + i) * rope.position_scale;
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const double exponent = -2.0 * static_cast<double>(pair) / static_cast<double>(turning);
      const double angle = position * std::pow(rope.base, exponent);  // radians
      const T c = static_cast<T>(std::cos(angle)), s = static_cast<T>(std::sin(angle));
      const bool halves = rope.pairing == RopePairing::halves;
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
