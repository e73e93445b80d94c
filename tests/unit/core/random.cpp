#include <cmath>
#include <headlight/core/random.hpp>
#include <stdexcept>

#include "support/catch.hpp"

using headlight::Random;

TEST_CASE("Random::bits: the published sequence of SplitMix64 for the seed 1234567", "[random]") {
  Random random(1234567);
  CHECK(random.bits() == 6457827717110365317u);
  CHECK(random.bits() == 3203168211198807973u);
  CHECK(random.bits() == 9817491932198370423u);
  CHECK(random.bits() == 4593380528125082431u);
  CHECK(random.bits() == 16408922859458223821u);
}

TEST_CASE("Random::below: every number comes up equally often", "[random][law]") {
  Random random(5);
  int counts[6] = {};
  for (int draw = 0; draw < 60000; ++draw) ++counts[random.below(6)];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 500);  // five deviations of 91
}

TEST_CASE("Random::below: refuses zero", "[random][error]") {
  CHECK_THROWS_AS(Random(1).below(0), std::domain_error);
}

TEST_CASE("normal_quantile: percentiles of the normal distribution", "[random]") {
  // from tables: z(0.975), z(0.999), z(1e-9)
  CHECK(std::abs(headlight::normal_quantile(0.5)) == 0);
  CHECK(std::abs(headlight::normal_quantile(0.975) - 1.959963984540054) < 1e-14);
  CHECK(std::abs(headlight::normal_quantile(0.001) + 3.090232306167813) < 1e-14);
  CHECK(std::abs(headlight::normal_quantile(1e-9) + 5.997807015007687) < 1e-13);
}

TEST_CASE("normal_quantile: the error function leads back", "[random][two-ways]") {
  for (double p = 1e-6; p < 1; p += 0.0173) {
    const double x = headlight::normal_quantile(p);
    CHECK(std::abs(0.5 * std::erfc(-x / std::sqrt(2.0)) - p) < 1e-15 + 1e-14 * p);
  }
}

TEST_CASE("Random::normal: mean 0, variance 1, kurtosis 3", "[random][law]") {
  Random random(11);
  const int n = 100000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    sum += x, squares += x * x, fourth += x * x * x * x;
  }
  CHECK(std::abs(sum / n) < 5 * std::sqrt(1.0 / n));
  CHECK(std::abs(squares / n - 1) < 5 * std::sqrt(2.0 / n));
  CHECK(std::abs(fourth / n - 3) < 5 * std::sqrt(96.0 / n));
}

TEST_CASE("Random: the state continues the sequence", "[random]") {
  Random first(3);
  first.bits();
  Random second(first.state());
  CHECK(first.bits() == second.bits());
}
