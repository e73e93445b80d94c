/// @file
/// Own random numbers, specified bit for bit: the same on every machine and compiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <headlight/core/tensor.hpp>

namespace headlight {

/// SplitMix64 and the transforms built on it.
/// @source Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators
class Random {
 public:
  /// @param seed  any number; equal seeds give equal sequences
  explicit Random(std::uint64_t seed) : state_(seed) {}

  /// The next 64 random bits. @return uniform over all 64-bit numbers
  std::uint64_t bits();
  /// @return uniform in [0, 1), a multiple of 2^-53
  double uniform();
  /// @param count  at least 1  @return uniform in 0 ... count-1, without bias
  /// @throws std::domain_error for count 0
  std::size_t below(std::size_t count);
  /// Standard normal: the inverse distribution function of a uniform number.
  /// @return mean 0, variance 1
  /// @source Wichura 1988, Algorithm AS 241
  double normal();
  /// An independent generator. @return seeded from this one
  Random split() { return Random(bits()); }
  /// All that there is to remember. @return the state; Random(state()) continues the sequence
  std::uint64_t state() const { return state_; }

 private:
  std::uint64_t state_;
};

/// A matrix of independent normal numbers, drawn row by row.
/// @param random  the source, advanced
/// @param rows  count
/// @param columns  count
/// @param deviation  standard deviation
/// @return @shape{rows, columns}
template <class T = double>
MatrixOf<T> random_matrix(Random& random, std::size_t rows, std::size_t columns,
                          double deviation = 1.0);

/// A list of independent normal numbers.
/// @param random  the source, advanced
/// @param size  count
/// @param deviation  standard deviation
/// @return @shape{size}
template <class T = double>
VectorOf<T> random_vector(Random& random, std::size_t size, double deviation = 1.0);

/// Inverse of the standard normal distribution function, without the C library's log.
/// @param p  in (0, 1)
/// @return the number below which a share p of a standard normal lies
/// @source Wichura 1988, Algorithm AS 241, PPND16 (relative accuracy about 1e-16)
double normal_quantile(double p);

}  // namespace headlight
