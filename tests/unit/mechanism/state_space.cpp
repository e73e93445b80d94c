#include <cmath>
#include <headlight/core/fourier.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/state_space.hpp>
#include <limits>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

using Order = StateSpaceOrder;
constexpr auto methods = {Discretisation::bilinear, Discretisation::zero_order_hold};

StateSpace hippo_system(std::size_t d_model, std::size_t d_state) {
  Random random(5);
  return {hippo_legs(d_state), hippo_legs_input(d_state), random_matrix(random, d_model, d_state),
          random_vector(random, d_model)};
}

DiagonalStateSpace diagonal_system(std::size_t d_model, std::size_t d_state) {
  Random random(6);
  DiagonalStateSpace s{s4d_lin(d_model, d_state), s4d_lin(d_model, d_state),
                       s4d_lin(d_model, d_state), random_vector(random, d_model)};
  for (auto& b : s.B) b = {random.normal(), random.normal()};
  for (auto& c : s.C) c = {random.normal(), random.normal()};
  return s;
}

Matrix space_signal(std::size_t n, std::size_t d_model, std::uint64_t seed = 7) {
  Random random(seed);
  return random_matrix(random, n, d_model);
}

Matrix rows_of(const Matrix& m, std::size_t first, std::size_t count) {
  Matrix part = Matrix::from_shape({count, m.shape(1)});
  std::copy_n(m.data() + first * m.shape(1), part.size(), part.data());
  return part;
}

// The diagonal system as a full one: each pole a 2 x 2 block of real numbers.
StateSpace as_full(const DiagonalStateSpace& s) {
  const std::size_t d = s.A.shape(1);
  StateSpace full{Matrix::from_shape({2 * d, 2 * d}), Vector::from_shape({2 * d}),
                  Matrix::from_shape({1, 2 * d}), Vector{s.skip(0)}};
  std::fill(full.A.begin(), full.A.end(), 0.0);
  for (std::size_t k = 0; k < d; ++k) {
    const std::size_t r = 2 * k, i = 2 * k + 1;
    full.A(r, r) = full.A(i, i) = s.A(0, k).real();
    full.A(r, i) = -s.A(0, k).imag(), full.A(i, r) = s.A(0, k).imag();
    full.B(r) = s.B(0, k).real(), full.B(i) = s.B(0, k).imag();
    full.C(0, r) = 2 * s.C(0, k).real(), full.C(0, i) = -2 * s.C(0, k).imag();
  }
  return full;
}

}  // namespace

TEST_CASE("hippo_legs: four by four by hand", "[state_space]") {
  const double a = std::sqrt(3), b = std::sqrt(5), c = std::sqrt(7);
  CHECK_THAT(hippo_legs(4),
             IsClose(Matrix{
                 {-1, 0, 0, 0}, {-a, -2, 0, 0}, {-b, -a * b, -3, 0}, {-c, -a * c, -b * c, -4}}));
  CHECK_THAT(hippo_legs_input(4), IsClose(Vector{1, a, b, c}));
}

TEST_CASE("hippo_legs: normal plus rank one: A + p p^T + I/2 is skew, p_n = sqrt(n + 1/2)",
          "[state_space][law]") {
  Matrix a = hippo_legs(8);
  for (std::size_t n = 0; n < 8; ++n)
    for (std::size_t k = 0; k < 8; ++k)
      a(n, k) += std::sqrt((static_cast<double>(n) + 0.5) * (static_cast<double>(k) + 0.5)) +
                 (n == k ? 0.5 : 0.0);
  Matrix negative = headlight::transpose(a);
  for (double& x : negative) x = -x;
  CHECK_THAT(a, IsClose(negative));
}

TEST_CASE("matrix_exponential: a turn, a shift, and exp(A) exp(-A) = I", "[state_space][law]") {
  CHECK_THAT(matrix_exponential(Matrix{{0, -2}, {2, 0}}),
             IsClose(Matrix{{std::cos(2), -std::sin(2)}, {std::sin(2), std::cos(2)}}));
  CHECK_THAT(matrix_exponential(Matrix{{0, 3}, {0, 0}}), IsClose(Matrix{{1, 3}, {0, 1}}));
  Matrix a = space_signal(5, 5), minus = a;
  for (double& x : minus) x = -x;
  Matrix one = Matrix::from_shape({5, 5});
  for (std::size_t i = 0; i < 25; ++i) one.data()[i] = i % 6 == 0;
  CHECK_THAT(matmul(matrix_exponential(a), matrix_exponential(minus)), IsClose(one));
}

TEST_CASE("spectral_radius: of a triangle, a turn, a shift and nothing", "[state_space]") {
  CHECK(std::abs(spectral_radius(Matrix{{0.5, 100}, {0, -0.9}}) - 0.9) < 1e-11);
  CHECK(std::abs(spectral_radius(Matrix{{0, -1.5}, {1.5, 0}}) - 1.5) < 1e-11);
  CHECK(spectral_radius(Matrix{{0, 1}, {0, 0}}) == 0);
}

TEST_CASE("discretise: one number by hand, both ways", "[state_space]") {
  const StateSpace s{{{-2}}, {3}, {{1}}, {}};
  const StateSpace bilinear = discretise(s, 0.5, Discretisation::bilinear);
  CHECK_THAT(bilinear.A, IsClose(Matrix{{1.0 / 3}}));
  CHECK_THAT(bilinear.B, IsClose(Vector{1}));
  const StateSpace held = discretise(s, 0.5, Discretisation::zero_order_hold);
  CHECK_THAT(held.A, IsClose(Matrix{{std::exp(-1)}}));
  CHECK_THAT(held.B, IsClose(Vector{1.5 * (1 - std::exp(-1))}));
}

TEST_CASE("discretise: the diagonal way equals the full one", "[state_space][two-ways]") {
  const DiagonalStateSpace s = diagonal_system(1, 4);
  for (const auto method : methods)
    for (const double step : {0.3, 1e-4}) {
      const StateSpace full = discretise(as_full(s), step, method);
      const StateSpace want = as_full(discretise(s, Vector{step}, method));
      CHECK_THAT(full.A, IsClose(want.A));
      CHECK_THAT(full.B, IsClose(want.B));
    }
}

TEST_CASE("discretise: zero-order hold is exact for steps of input: two halves are one whole",
          "[state_space][law]") {
  const StateSpace s = hippo_system(1, 6);
  const StateSpace half = discretise(s, 0.05, Discretisation::zero_order_hold),
                   whole = discretise(s, 0.1, Discretisation::zero_order_hold);
  const Matrix u = space_signal(9, 1);
  Matrix doubled = Matrix::from_shape({18, 1});
  for (std::size_t i = 0; i < 18; ++i) doubled(i, 0) = u(i / 2, 0);
  const Matrix fine = state_space(doubled, half, Order::recurrence).output,
               coarse = state_space(u, whole, Order::recurrence).output;
  for (std::size_t i = 0; i < 9; ++i) CHECK(std::abs(fine(2 * i + 1, 0) - coarse(i, 0)) < 1e-12);
  // The bilinear rule only approximates: with it the same two differ.
  const StateSpace b_half = discretise(s, 0.05, Discretisation::bilinear),
                   b_whole = discretise(s, 0.1, Discretisation::bilinear);
  CHECK(std::abs(state_space(doubled, b_half, Order::recurrence).output(17, 0) -
                 state_space(u, b_whole, Order::recurrence).output(8, 0)) > 1e-4);
}

TEST_CASE("state_space: S4 with the HiPPO matrix: recurrence, sum and fast transform agree",
          "[state_space][two-ways]") {
  for (const auto method : methods) {
    const StateSpace s = discretise(hippo_system(3, 16), 0.02, method);
    for (const std::size_t n : {1u, 2u, 37u, 256u}) {
      INFO(n);
      const Matrix u = space_signal(n, 3);
      const Matrix want = state_space(u, s, Order::recurrence).output;
      CHECK_THAT(state_space(u, s, Order::convolution).output, IsClose(want));
      CHECK_THAT(state_space(u, s, Order::fourier).output, IsClose(want));
    }
  }
}

TEST_CASE("state_space: S4D: recurrence, sum and fast transform agree", "[state_space][two-ways]") {
  for (const auto method : methods) {
    const DiagonalStateSpace s = discretise(diagonal_system(3, 8), Vector{0.01, 0.1, 0.5}, method);
    for (const std::size_t n : {1u, 2u, 37u, 256u}) {
      INFO(n);
      const Matrix u = space_signal(n, 3);
      const Matrix want = state_space(u, s, Order::recurrence).output;
      CHECK_THAT(state_space(u, s, Order::convolution).output, IsClose(want));
      CHECK_THAT(state_space(u, s, Order::fourier).output, IsClose(want));
    }
  }
}

TEST_CASE("state_space: S4D equals S4 with the same poles in 2 x 2 blocks",
          "[state_space][two-ways]") {
  const DiagonalStateSpace s =
      discretise(diagonal_system(1, 5), Vector{0.2}, Discretisation::bilinear);
  const Matrix u = space_signal(40, 1);
  CHECK_THAT(state_space(u, s, Order::recurrence).output,
             IsClose(state_space(u, as_full(s), Order::recurrence).output));
}

TEST_CASE(
    "state_space: the impulse response is the kernel, the sum of inputs gives the sum of outputs",
    "[state_space][law]") {
  const StateSpace s = discretise(hippo_system(1, 8), 0.1, Discretisation::bilinear);
  Matrix impulse = space_signal(20, 1);
  for (double& x : impulse) x = 0;
  impulse(0, 0) = 1;
  const StateSpaceTrace t = state_space(impulse, s, Order::convolution);
  Matrix response = state_space(impulse, s, Order::recurrence).output;
  response(0, 0) -= s.skip(0);
  CHECK_THAT(response, IsClose(headlight::transpose(t.kernel)));
  const Matrix a = space_signal(20, 1, 1), b = space_signal(20, 1, 2);
  Matrix both = a, sum = state_space(a, s, Order::fourier).output;
  const Matrix other = state_space(b, s, Order::fourier).output;
  for (std::size_t i = 0; i < 20; ++i) both(i, 0) += b(i, 0), sum(i, 0) += other(i, 0);
  CHECK_THAT(state_space(both, s, Order::fourier).output, IsClose(sum));
}

TEST_CASE("state_space: HiPPO-LegS keeps the past: a slow state still tells the first token",
          "[state_space][law]") {
  // Through the state of a constant input HiPPO settles at -A^-1 B = (1, 0, 0, ...): the constant's
  // own Legendre coefficients.
  StateSpace s = hippo_system(1, 6);
  s = discretise(s, 0.5, Discretisation::zero_order_hold);
  Matrix ones = space_signal(200, 1);
  for (double& x : ones) x = 1;
  CHECK_THAT(state_space(ones, s, Order::recurrence).state, IsClose(Matrix{{1, 0, 0, 0, 0, 0}}));
}

TEST_CASE("state_space: the recurrence goes on from a state", "[state_space][two-ways]") {
  const StateSpace s = discretise(hippo_system(2, 4), 0.1, Discretisation::bilinear);
  const DiagonalStateSpace d =
      discretise(diagonal_system(2, 4), Vector{0.1, 0.2}, Discretisation::bilinear);
  const Matrix u = space_signal(12, 2), head = rows_of(u, 0, 5), tail = rows_of(u, 5, 7);
  const StateSpaceTrace first = state_space(head, s, Order::recurrence);
  CHECK_THAT(state_space(tail, s, Order::recurrence, &first.state).output,
             IsClose(rows_of(state_space(u, s, Order::recurrence).output, 5, 7)));
  const DiagonalStateSpaceTrace half = state_space(head, d, Order::recurrence);
  CHECK_THAT(state_space(tail, d, Order::recurrence, &half.state).output,
             IsClose(rows_of(state_space(u, d, Order::recurrence).output, 5, 7)));
}

TEST_CASE("state_space: in float equals double to 1e-4", "[state_space][float]") {
  const DiagonalStateSpace d =
      discretise(diagonal_system(2, 4), Vector{0.1, 0.2}, Discretisation::zero_order_hold);
  DiagonalStateSpaceOf<float> f;
  const auto narrow = [](const ComplexMatrix& m) {
    ComplexMatrixOf<float> to = ComplexMatrixOf<float>::from_shape({m.shape(0), m.shape(1)});
    std::copy(m.begin(), m.end(), to.begin());
    return to;
  };
  f.A = narrow(d.A), f.B = narrow(d.B), f.C = narrow(d.C), f.skip = d.skip;
  const Matrix u = space_signal(100, 2);
  const MatrixF uf = u;
  // 1e-4: hundred steps of rounding in float.
  CHECK_THAT(state_space(uf, f, Order::fourier).output,
             IsCloseInFloat(state_space(u, d, Order::recurrence).output, 1e-4));
}

TEST_CASE("state_space: a kernel dies away to zero, past the numbers that processors are slow with",
          "[state_space][float]") {
  const ComplexMatrixOf<float> pole = {{{0.9f, 0.0f}}}, one = {{{1.0f, 0.0f}}};
  const DiagonalStateSpaceOf<float> diagonal{pole, one, one, {}};
  const StateSpaceOf<float> full{{{0.9f}}, {1.0f}, {{2.0f}}, {}};
  MatrixOf<float> input = MatrixOf<float>::from_shape({1200, 1});
  std::fill(input.begin(), input.end(), 0.0f);
  REQUIRE(0.9f * std::numeric_limits<float>::min() > 0);  // subnormal numbers exist here
  for (const MatrixOf<float>& kernel : {state_space(input, diagonal, Order::fourier).kernel,
                                        state_space(input, full, Order::fourier).kernel}) {
    std::size_t zeros = 0;
    for (std::size_t k = 0; k < 1200; ++k) {
      const float value = kernel(0, k);
      zeros += value == 0;
      CHECK((value == 0 || std::isnormal(value)));
      if (k < 800) CHECK(std::abs(value / (2 * std::pow(0.9, k)) - 1) < 1e-4);
    }
    CHECK(zeros > 300);  // 0.9^829 is the last that is not subnormal
  }
}

TEST_CASE("state_space: without padding the convolution is another one", "[state_space][control]") {
  const StateSpace s = discretise(hippo_system(1, 8), 0.05, Discretisation::bilinear);
  const Matrix u = space_signal(64, 1);
  const StateSpaceTrace t = state_space(u, s, Order::convolution);
  Matrix wrapped = u;
  const std::vector<double> circular =
      convolve_circular(std::vector<double>(t.kernel.begin(), t.kernel.end()),
                        std::vector<double>(u.begin(), u.end()));
  for (std::size_t i = 0; i < 64; ++i) wrapped(i, 0) = circular[i] + s.skip(0) * u(i, 0);
  CHECK_FALSE(compare(wrapped, t.output, {.tolerance = 0.1}).close);
}

TEST_CASE("state_space: work equals its formulas, at three lengths", "[state_space][work]") {
  const std::size_t c = 3, d = 4;
  const StateSpace s = discretise(hippo_system(c, d), 0.1, Discretisation::bilinear);
  const DiagonalStateSpace g =
      discretise(diagonal_system(c, d), Vector{0.1, 0.2, 0.3}, Discretisation::bilinear);
  for (const std::size_t log : {3u, 5u, 7u}) {
    const std::size_t n = std::size_t{1} << log;
    const Matrix u = space_signal(n, c);
    // Padded to 2n real numbers = n complex ones: three transforms of n/2 log2 n products, n + 1 or
    // n products each to take the halves apart or together, n + 1 products of spectra.
    const std::size_t fast = 3 * (n / 2 * log) + 2 * (n + 1) + n + (n + 1);
    const std::size_t direct = n * (n + 1) / 2;
    CHECK(state_space(u, s, Order::recurrence).work.multiply_adds == n * c * (d * d + 2 * d + 1));
    CHECK(state_space(u, s, Order::convolution).work.multiply_adds ==
          n * (d * d + c * d) + c * direct + n * c);
    CHECK(state_space(u, s, Order::fourier).work.multiply_adds ==
          n * (d * d + c * d) + 4 * c * fast + n * c);
    CHECK(state_space(u, g, Order::recurrence).work.multiply_adds == n * c * (8 * d + 1));
    CHECK(state_space(u, g, Order::convolution).work.multiply_adds ==
          4 * c * d * (n + 1) + c * direct + n * c);
    CHECK(state_space(u, g, Order::fourier).work.multiply_adds ==
          4 * c * d * (n + 1) + 4 * c * fast + n * c);
    CHECK(state_space(u, s, Order::recurrence).work.largest_buffer == c * d);
    CHECK(state_space(u, g, Order::fourier).work.largest_buffer == c * n);
    CHECK(state_space(u, g, Order::fourier).work.exponentials == 0);
  }
}

TEST_CASE("state_space: unstable systems are refused, marginal ones run", "[state_space][error]") {
  const Matrix u = space_signal(4, 1);
  StateSpace s{{{0.5, 0}, {0, 1.25}}, {1, 1}, {{1, 1}}, {}};
  CHECK_THROWS_WITH(state_space(u, s, Order::recurrence),
                    "state_space: wanted a state that does not grow, got a state matrix in steps "
                    "of spectral radius 1.250000");
  s.A = {{1, 0}, {0, -1}};
  CHECK(state_space(u, s, Order::fourier).output.size() == 4);
  s.A = {{0, 1}, {-1, 0.1}};  // a growing turn
  for (const auto method : methods) CHECK_THROWS_AS(discretise(s, 0.1, method), std::domain_error);
  DiagonalStateSpace d = diagonal_system(1, 2);
  d.A(0, 1) = {0.2, 3};
  CHECK_THROWS_WITH(discretise(d, Vector{1}, Discretisation::zero_order_hold),
                    "discretise: wanted a state that does not grow, got factor 1.221403 at channel "
                    "0, pole 1");
  CHECK_THROWS_WITH(discretise(diagonal_system(1, 2), Vector{0}, Discretisation::bilinear),
                    "discretise: wanted a step above zero, got 0.000000");
  s.A = {{4, 0}, {0, -1}};
  CHECK_THROWS_WITH(discretise(s, 0.5, Discretisation::bilinear),
                    "discretise: I - step A / 2 has no inverse, 2 / step is an eigenvalue of A");
}

TEST_CASE("state_space: sizes that do not fit are refused", "[state_space][error]") {
  const StateSpace s = discretise(hippo_system(2, 3), 0.1, Discretisation::bilinear);
  CHECK_THROWS_WITH(state_space(space_signal(5, 3), s, Order::recurrence),
                    "state_space: wanted 2 channels of input, got [5, 3]");
  CHECK_THROWS_WITH(state_space(Matrix::from_shape({0, 2}), s, Order::recurrence),
                    "state_space: wanted at least one token, got none");
  StateSpace bad = s;
  bad.B = {1, 2};
  CHECK_THROWS_WITH(state_space(space_signal(5, 2), bad, Order::recurrence),
                    "state_space: widths of the state differ: A [3, 3], B [2], C [2, 3]");
  const Matrix start = space_signal(2, 3), wrong = space_signal(3, 2);
  CHECK_THROWS_WITH(state_space(space_signal(5, 2), s, Order::fourier, &start),
                    "state_space: only the recurrence can go on from a state");
  CHECK_THROWS_AS(state_space(space_signal(5, 2), s, Order::recurrence, &wrong), ShapeError);
  CHECK_THROWS_AS(discretise(diagonal_system(2, 3), Vector{1}, Discretisation::bilinear),
                  ShapeError);
  CHECK_THROWS_AS(matrix_exponential(space_signal(2, 3)), ShapeError);
}
