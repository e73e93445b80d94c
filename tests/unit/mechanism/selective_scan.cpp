#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/linear.hpp>
#include <headlight/mechanism/selective_scan.hpp>
#include <headlight/mechanism/state_space.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

constexpr std::size_t channels = 3, d_state = 4;

SelectiveWeights weights() {
  Random random(11);
  return {s4d_real(channels, d_state),
          random_matrix(random, channels, 2),
          random_matrix(random, 2, channels),
          random_vector(random, channels),
          random_matrix(random, channels, d_state),
          random_matrix(random, channels, d_state),
          random_vector(random, channels)};
}

Matrix scan_signal(std::size_t n, std::uint64_t seed = 12) {
  Random random(seed);
  return random_matrix(random, n, channels);
}

// The matrix of every channel times that channel, plus skip.
Matrix mix(const Tensor3& m, const Matrix& x, const Vector& skip) {
  Matrix y = Matrix::from_shape({x.shape(0), x.shape(1)});
  for (std::size_t c = 0; c < x.shape(1); ++c)
    for (std::size_t i = 0; i < x.shape(0); ++i) {
      y(i, c) = skip.size() ? skip(c) * x(i, c) : 0;
      for (std::size_t j = 0; j < x.shape(0); ++j) y(i, c) += m(c, i, j) * x(j, c);
    }
  return y;
}

// Rank by elimination with full pivots.
std::size_t rank(Matrix a) {
  std::size_t r = 0;
  for (; r < std::min(a.shape(0), a.shape(1)); ++r) {
    std::size_t row = r, column = r;
    for (std::size_t i = r; i < a.shape(0); ++i)
      for (std::size_t j = r; j < a.shape(1); ++j)
        if (std::abs(a(i, j)) > std::abs(a(row, column))) row = i, column = j;
    if (std::abs(a(row, column)) < 1e-13) break;
    for (std::size_t j = 0; j < a.shape(1); ++j) std::swap(a(r, j), a(row, j));
    for (std::size_t i = 0; i < a.shape(0); ++i) std::swap(a(i, r), a(i, column));
    for (std::size_t i = r + 1; i < a.shape(0); ++i) {
      const double factor = a(i, r) / a(r, r);
      for (std::size_t j = r; j < a.shape(1); ++j) a(i, j) -= factor * a(r, j);
    }
  }
  return r;
}

}  // namespace

TEST_CASE("combine: associative, but not commutative", "[selective_scan][law]") {
  const ScanStep<double> a{0.5, 1}, b{0.25, 2}, c{2, -3};
  const ScanStep<double> left = combine(combine(a, b), c), right = combine(a, combine(b, c));
  CHECK(left.decay == right.decay);
  CHECK(left.gain == right.gain);
  CHECK(combine(a, b).gain == 2.25);
  CHECK(combine(b, a).gain == 2.0);
}

TEST_CASE("associative_scan: equals the loop for every length, with 2n - 2 - log2 n combinations",
          "[selective_scan][two-ways]") {
  for (std::size_t n = 0; n <= 40; ++n) {
    INFO(n);
    Random random(n);
    std::vector<ScanStep<double>> steps(n);
    for (auto& s : steps) s = {random.normal(), random.normal()};
    Vector want = Vector::from_shape({n}), got = want;
    double x = 0;
    for (std::size_t i = 0; i < n; ++i) want(i) = x = steps[i].decay * x + steps[i].gain;
    associative_scan(steps);
    for (std::size_t i = 0; i < n; ++i) got(i) = steps[i].gain;
    CHECK_THAT(got, IsClose(want));
  }
  for (const std::size_t log : {3u, 5u, 9u}) {
    std::vector<ScanStep<double>> steps(std::size_t{1} << log);
    CHECK(associative_scan(steps) == 2 * steps.size() - 2 - log);
  }
}

TEST_CASE("selective_scan: token by token, as a tree and as a matrix: the same output",
          "[selective_scan][two-ways]") {
  for (const std::size_t n : {1u, 2u, 29u, 64u})
    for (const InputHold hold : {InputHold::euler, InputHold::zero_order_hold}) {
      INFO(n);
      const Matrix x = scan_signal(n);
      const SelectiveSystem s = select(x, weights());
      const SelectiveTrace loop = selective_scan(x, s, {.hold = hold, .record_states = true});
      const SelectiveTrace tree = selective_scan(
          x, s, {.order = ScanOrder::associative, .hold = hold, .record_states = true});
      CHECK_THAT(tree.output, IsClose(loop.output));
      CHECK_THAT(tree.states, IsClose(loop.states));
      CHECK_THAT(tree.decays, IsClose(loop.decays));
      CHECK_THAT(tree.state, IsClose(loop.state));
      CHECK_THAT(mix(selective_matrix(s, hold), x, s.skip), IsClose(loop.output));
    }
}

TEST_CASE("selective_matrix: causal, a block below the diagonal has rank d_state at most",
          "[selective_scan][law]") {
  const SelectiveSystem s = select(scan_signal(24), weights());
  const Tensor3 m = selective_matrix(s);
  Matrix block = Matrix::from_shape({12, 12});
  for (std::size_t i = 0; i < 12; ++i)
    for (std::size_t j = 0; j < 12; ++j) {
      block(i, j) = m(1, 12 + i, j);
      CHECK(m(1, j, 12 + i) == 0);
    }
  CHECK(rank(block) <= d_state);
  Random random(1);
  CHECK(rank(random_matrix(random, 12, 12)) == 12);  // the measure itself can fail
}

TEST_CASE("selective_scan: with the same step, B and C for every token it is S4D's convolution",
          "[selective_scan][two-ways]") {
  const Matrix x = scan_signal(33);
  SelectiveSystem s = select(x, weights());
  DiagonalStateSpace d{s4d_lin(channels, d_state), s4d_lin(channels, d_state),
                       s4d_lin(channels, d_state), s.skip};
  Vector step = Vector::from_shape({channels});
  for (std::size_t c = 0; c < channels; ++c) {
    step(c) = s.delta(0, c);
    for (std::size_t i = 0; i < 33; ++i) s.delta(i, c) = step(c);
    for (std::size_t k = 0; k < d_state; ++k)
      d.A(c, k) = s.A(c, k), d.B(c, k) = s.B(0, k), d.C(c, k) = s.C(0, k) / 2;  // 2 Re is one real
  }
  for (std::size_t i = 0; i < 33; ++i)
    for (std::size_t k = 0; k < d_state; ++k) s.B(i, k) = s.B(0, k), s.C(i, k) = s.C(0, k);
  CHECK_THAT(selective_scan(x, s, {.hold = InputHold::zero_order_hold}).output,
             IsClose(state_space(x, discretise(d, step, Discretisation::zero_order_hold),
                                 StateSpaceOrder::fourier)
                         .output));
}

TEST_CASE("selective_scan: a state that does not decay is causal linear attention without its sum",
          "[selective_scan][two-ways]") {
  const Matrix x = scan_signal(21);
  SelectiveSystem s = select(x, weights());
  s.skip = {};
  for (double& a : s.A) a = 0;
  for (double& d : s.delta) d = 1;
  for (double& b : s.B) b = std::abs(b);
  for (double& c : s.C) c = std::abs(c);
  const LinearTrace linear = linear_attention(s.C, s.B, x, true);  // queries C, keys B, values x
  Matrix bare = linear.output;
  for (std::size_t i = 0; i < 21; ++i)
    for (std::size_t c = 0; c < channels; ++c) bare(i, c) *= linear.normaliser(i);
  CHECK_THAT(selective_scan(x, s).output, IsClose(bare));
}

TEST_CASE("selective_scan: a token whose step is zero is passed over", "[selective_scan][law]") {
  const Matrix x = scan_signal(10);
  SelectiveSystem s = select(x, weights());
  s.skip = {};
  for (std::size_t c = 0; c < channels; ++c) s.delta(4, c) = 0;
  const SelectiveTrace t = selective_scan(x, s, {.record_states = true});
  Matrix other = x;
  other(4, 1) += 100;
  CHECK_THAT(selective_scan(other, s).output, IsClose(t.output));
  for (std::size_t k = 0; k < d_state; ++k) CHECK(t.states(4, 1, k) == t.states(3, 1, k));
}

TEST_CASE("selective_scan: the whole layer is not linear in its input, unlike S4",
          "[selective_scan][control]") {
  const Matrix x = scan_signal(16);
  Matrix twice = x;
  for (double& v : twice) v *= 2;
  const auto layer = [](const Matrix& u) { return selective_scan(u, select(u, weights())).output; };
  Matrix want = layer(x);
  for (double& v : want) v *= 2;
  CHECK_FALSE(compare(layer(twice), want, {.tolerance = 0.1}).close);
}

TEST_CASE(
    "selective_scan: Mamba's simplified input and zero-order hold differ, less for small steps",
    "[selective_scan][control]") {
  const Matrix x = scan_signal(16);
  SelectiveSystem s = select(x, weights());
  const auto difference = [&] {
    return compare(selective_scan(x, s).output,
                   selective_scan(x, s, {.hold = InputHold::zero_order_hold}).output)
        .relative;
  };
  const double large = difference();
  for (double& d : s.delta) d /= 100;
  CHECK(large > 0.1);
  CHECK(difference() < 0.1 * large);
}

TEST_CASE("selective_scan: in float equals double to 1e-5", "[selective_scan][float]") {
  const Matrix x = scan_signal(50);
  const SelectiveSystem s = select(x, weights());
  const SelectiveSystemOf<float> f{s.A, s.delta, s.B, s.C, s.skip};
  const MatrixF xf = x;
  CHECK_THAT(selective_scan(xf, f, {.order = ScanOrder::associative}).output,
             IsCloseInFloat(selective_scan(x, s).output, 1e-5));
}

TEST_CASE("selective_scan: work equals its formulas, at three lengths", "[selective_scan][work]") {
  for (const std::size_t log : {3u, 5u, 7u}) {
    const std::size_t n = std::size_t{1} << log, cells = n * channels * d_state;
    const Matrix x = scan_signal(n);
    const SelectiveSystem s = select(x, weights());
    const Work loop = selective_scan(x, s).work;
    CHECK(loop.multiply_adds == 5 * cells + n * channels);
    CHECK(loop.exponentials == cells);
    CHECK(loop.largest_buffer == channels * d_state);
    const Work held = selective_scan(x, s, {.hold = InputHold::zero_order_hold}).work;
    CHECK(held.multiply_adds == 6 * cells + n * channels);
    CHECK(held.exponentials == 2 * cells);
    const Work tree = selective_scan(x, s, {.order = ScanOrder::associative}).work;
    CHECK(tree.multiply_adds ==
          4 * cells + 2 * channels * d_state * (2 * n - 2 - log) + n * channels);
    CHECK(tree.largest_buffer == std::max(2 * n, channels * d_state));
  }
}

TEST_CASE("selective_scan: states that grow and sizes that differ are refused",
          "[selective_scan][error]") {
  const Matrix x = scan_signal(5);
  const SelectiveSystem good = select(x, weights());
  SelectiveSystem s = good;
  s.A(1, 2) = 0.25;
  CHECK_THROWS_WITH(selective_scan(x, s),
                    "selective_scan: wanted A not above zero, else the state grows, got 0.250000 "
                    "at [1, 2]");
  CHECK_THROWS_AS(selective_matrix(s), std::domain_error);
  s = good, s.delta(3, 0) = -1;
  CHECK_THROWS_WITH(selective_scan(x, s),
                    "selective_scan: wanted steps not below zero, got -1.000000 at [3, 0]");
  s = good, s.A(0, 0) = std::nan("");
  CHECK_THROWS_AS(selective_scan(x, s), std::domain_error);
  s = good, s.B = scan_signal(5);
  CHECK_THROWS_WITH(selective_scan(x, s),
                    "selective_scan: wanted B and C of shape [5, 4], got [5, 3], [5, 4]");
  CHECK_THROWS_WITH(selective_scan(scan_signal(6), good),
                    "selective_scan: shapes of input and delta differ: [6, 3], [5, 3]");
  CHECK_THROWS_WITH(select(scan_signal(0), weights()),
                    "select: wanted at least one token, got none");
  SelectiveWeights w = weights();
  w.delta_bias = {1};
  CHECK_THROWS_AS(select(x, w), ShapeError);
}
