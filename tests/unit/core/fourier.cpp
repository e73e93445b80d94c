#include <cmath>
#include <headlight/core/fourier.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/core/tensor.hpp>
#include <numbers>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

// Two columns, real and imaginary part, so that one rule of closeness serves here too.
template <class T>
MatrixOf<T> columns(const SpectrumOf<T>& x) {
  MatrixOf<T> m = MatrixOf<T>::from_shape({x.size(), 2});
  for (std::size_t i = 0; i < x.size(); ++i) m(i, 0) = x[i].real(), m(i, 1) = x[i].imag();
  return m;
}

Vector vector_of(const std::vector<double>& x) {
  Vector v = Vector::from_shape({x.size()});
  std::copy(x.begin(), x.end(), v.begin());
  return v;
}

Spectrum random_spectrum(std::size_t n) {
  Random random(n);
  Spectrum x(n);
  for (auto& value : x) value = {random.normal(), random.normal()};
  return x;
}

std::vector<double> random_signal(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> x(n);
  for (double& value : x) value = random.normal();
  return x;
}

}  // namespace

TEST_CASE("fourier: four numbers by hand", "[fourier]") {
  const Spectrum x{{1, 0}, {2, 0}, {3, 0}, {4, 0}};
  CHECK_THAT(columns(fourier(x)), IsClose(Matrix{{10, 0}, {-2, 2}, {-2, 0}, {-2, -2}}));
}

TEST_CASE("fourier: equals its defining sum, for powers of two and any other length",
          "[fourier][two-ways]") {
  for (const std::size_t n : {1u, 2u, 4u, 8u, 64u, 512u, 3u, 5u, 7u, 12u, 97u, 360u})
    for (const auto direction : {FourierDirection::forward, FourierDirection::inverse}) {
      INFO(n);
      const Spectrum x = random_spectrum(n);
      CHECK_THAT(columns(fourier(x, direction)), IsClose(columns(fourier_plain(x, direction))));
    }
}

TEST_CASE("fourier: in float equals the sum in double to 1e-6", "[fourier][two-ways]") {
  const Spectrum x = random_spectrum(256);
  const SpectrumOf<float> y(x.begin(), x.end());
  CHECK_THAT(columns(fourier(y)), IsCloseInFloat(columns(fourier_plain(x)), 1e-6));
}

TEST_CASE("fourier: inverse undoes forward, energy is kept, forward twice mirrors",
          "[fourier][law]") {
  const Spectrum x = random_spectrum(64), s = fourier(x);
  CHECK_THAT(columns(fourier(s, FourierDirection::inverse)), IsClose(columns(x)));
  double energy = 0, spectral = 0;
  for (std::size_t k = 0; k < 64; ++k) energy += std::norm(x[k]), spectral += std::norm(s[k]) / 64;
  CHECK(std::abs(energy - spectral) < 1e-12 * energy);
  const Spectrum twice = fourier(s);
  for (std::size_t k = 0; k < 64; ++k) CHECK(std::abs(twice[k] - 64.0 * x[(64 - k) % 64]) < 1e-10);
}

TEST_CASE("fourier: a pure wave has one line in its spectrum", "[fourier][law]") {
  Spectrum x(32);
  for (std::size_t j = 0; j < 32; ++j)
    x[j] = std::polar(1.0, 2 * std::numbers::pi * 5 * static_cast<double>(j) / 32);
  Spectrum line(32);
  line[5] = 32;
  CHECK_THAT(columns(fourier(x)), IsClose(columns(line)));
}

TEST_CASE("fourier_in_place: n/2 log2 n complex products, at three lengths", "[fourier][work]") {
  for (const std::size_t log : {3u, 6u, 9u}) {
    Spectrum x = random_spectrum(std::size_t{1} << log);
    CHECK(fourier_in_place(x, FourierDirection::forward) == x.size() / 2 * log);
    // Bluestein, one number short of n: three transforms of 2n, and the chirps.
    const std::size_t n = x.size(), odd = n - 1;
    std::size_t products = 0;
    fourier(random_spectrum(odd), FourierDirection::forward, &products);
    CHECK(products == 3 * n * (log + 1) + 2 * odd + 2 * n);
  }
}

TEST_CASE("fourier_real: the first half of the complex spectrum, and back", "[fourier][two-ways]") {
  for (const std::size_t n : {2u, 4u, 16u, 256u}) {
    const std::vector<double> x = random_signal(n, n);
    Spectrum full = fourier_plain(Spectrum(x.begin(), x.end()));
    full.resize(n / 2 + 1);
    const Spectrum half = fourier_real(x);
    CHECK_THAT(columns(half), IsClose(columns(full)));
    CHECK_THAT(vector_of(fourier_real_inverse(half)), IsClose(vector_of(x)));
  }
}

TEST_CASE("convolve: equals the plain sum, for any length and shorter kernels",
          "[fourier][two-ways]") {
  for (const std::size_t n : {1u, 2u, 7u, 64u, 200u})
    for (const std::size_t length : {n, (n + 1) / 2}) {
      const std::vector<double> kernel = random_signal(length, 1), x = random_signal(n, 2);
      CHECK_THAT(vector_of(convolve(kernel, x)), IsClose(vector_of(convolve_plain(kernel, x))));
    }
}

TEST_CASE("convolve_circular: wraps the end onto the start, so it is not the causal one",
          "[fourier][control]") {
  const std::vector<double> kernel{1, 2, 3}, x{1, 1, 1};
  CHECK_THAT(vector_of(convolve(kernel, x)), IsClose(Vector{1, 3, 6}));
  CHECK_THAT(vector_of(convolve_circular(kernel, x)), IsClose(Vector{6, 6, 6}));
  const std::vector<double> a = random_signal(64, 1), b = random_signal(64, 2);
  CHECK_FALSE(compare(vector_of(convolve_circular(a, b)), vector_of(convolve_plain(a, b)),
                      {.tolerance = 0.1})
                  .close);
}

TEST_CASE("fourier: refuses lengths that do not fit", "[fourier][error]") {
  Spectrum six(6), none;
  CHECK_THROWS_WITH(fourier_in_place(six, FourierDirection::forward),
                    "fourier_in_place: wanted a power of two of numbers, got 6");
  CHECK_THROWS_WITH(fourier(none), "fourier: wanted at least one number, got none");
  CHECK_THROWS_AS(fourier_plain(none), ShapeError);
  CHECK_THROWS_AS(fourier_real(std::vector<double>(6)), ShapeError);
  CHECK_THROWS_AS(fourier_real_inverse(six), ShapeError);
  CHECK_THROWS_WITH(convolve(std::vector<double>(3), std::vector<double>(2)),
                    "convolve: wanted a kernel that is not longer than the signal, got 3 and 2");
  CHECK_THROWS_AS(convolve_circular(std::vector<double>(2), std::vector<double>(3)), ShapeError);
  CHECK(next_power_of_two(0) == 1);
  CHECK(next_power_of_two(5) == 8);
  CHECK_FALSE(is_power_of_two(0));
}
