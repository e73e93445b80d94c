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
TurnsOf<T> turns(std::size_t first_position, std::size_t n, std::size_t d_head, const Rope& rope) {
  const Vector frequencies = rope_frequencies(d_head, rope);  // [pairs]
  const std::size_t pairs = frequencies.size();
  TurnsOf<T> t{MatrixOf<T>::from_shape({n, pairs}), MatrixOf<T>::from_shape({n, pairs})};
  for (std::size_t i = 0; i < n; ++i) {
    const double position = static_cast<double>(first_position + i);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const double angle = position * frequencies(pair);  // radians
      t.cosine.data()[i * pairs + pair] = static_cast<T>(std::cos(angle));
      t.sine.data()[i * pairs + pair] = static_cast<T>(std::sin(angle));
    }
  }
  return t;
}

template <class T>
void rotate(ViewOf<const T> x, const TurnsOf<T>& turns, std::size_t first, RopePairing pairing,
            ViewOf<T> rotated) {
  const std::size_t pairs = turns.cosine.shape(1), turning = 2 * pairs;
  require_shape(turning <= x.columns && first + x.rows <= turns.cosine.shape(0), "rotate",
                "turns " + shape_string(turns.cosine) + " from row " + std::to_string(first) +
                    " on do not fit " + std::to_string(x.rows) + " rows of " +
                    std::to_string(x.columns));
  require_shape(rotated.rows == x.rows && rotated.columns == x.columns, "rotate",
                "the result has " + std::to_string(rotated.rows) + " rows of " +
                    std::to_string(rotated.columns) + ", the input " + std::to_string(x.rows) +
                    " rows of " + std::to_string(x.columns));
  const bool halves = pairing == RopePairing::halves;
  for (std::size_t i = 0; i < x.rows; ++i) {
    const T* from = x.data + i * x.stride;
    T* to = rotated.data + i * rotated.stride;
    const T* cosine = turns.cosine.data() + (first + i) * pairs;
    const T* sine = turns.sine.data() + (first + i) * pairs;
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const T c = cosine[pair], s = sine[pair];
      const std::size_t a = halves ? pair : 2 * pair;
      const std::size_t b = halves ? pair + pairs : 2 * pair + 1;
      const T xa = from[a], xb = from[b];
      to[a] = xa * c - xb * s;
      to[b] = xa * s + xb * c;
    }
    for (std::size_t j = turning; j < x.columns; ++j) to[j] = from[j];
  }
}

template <class T>
void rotate(ViewOf<const T> x, std::size_t first_position, const Rope& rope, ViewOf<T> rotated) {
  turning_coordinates(x.columns, rope, "rotate");
  rotate(x, turns<T>(first_position, x.rows, x.columns, rope), 0, rope.pairing, rotated);
}

#define HEADLIGHT_ROPE(T)                                                                        \
  template TurnsOf<T> turns(std::size_t, std::size_t, std::size_t, const Rope&);                 \
  template void rotate(ViewOf<const T>, const TurnsOf<T>&, std::size_t, RopePairing, ViewOf<T>); \
  template void rotate(ViewOf<const T>, std::size_t, const Rope&, ViewOf<T>)
HEADLIGHT_ROPE(double);
HEADLIGHT_ROPE(float);
#undef HEADLIGHT_ROPE

}  // namespace headlight
