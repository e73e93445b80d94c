#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/s4_kernel.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

Matrix reading(std::size_t d_model, std::size_t d_state) {
  Random random(4);
  return random_matrix(random, d_model, d_state);
}

Matrix kernel_by_powers(const Matrix& C, std::size_t n, double step) {
  const StateSpace s =
      discretise(StateSpace{hippo_legs(C.shape(1)), hippo_legs_input(C.shape(1)), C, {}}, step,
                 Discretisation::bilinear);
  Random random(5);
  return state_space(random_matrix(random, n, C.shape(0)), s, StateSpaceOrder::convolution).kernel;
}

}  // namespace

TEST_CASE("hippo_low_rank: its parts put together are the HiPPO matrix", "[s4_kernel][two-ways]") {
  for (const std::size_t d : {1u, 2u, 5u, 16u}) {
    INFO(d);
    const DiagonalPlusLowRank parts = hippo_low_rank(d);
    Matrix again = Matrix::from_shape({d, d}), imaginary = again, unit = again;
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j) {
        std::complex<double> sum = 0, product = 0;
        for (std::size_t k = 0; k < d; ++k) {
          product += parts.basis(i, k) * std::conj(parts.basis(j, k));
          for (std::size_t l = 0; l < d; ++l)
            sum += parts.basis(i, k) *
                   ((k == l ? parts.poles(0, k) : 0.0) - parts.p(0, k) * std::conj(parts.p(0, l))) *
                   std::conj(parts.basis(j, l));
        }
        again(i, j) = sum.real(), imaginary(i, j) = sum.imag();
        unit(i, j) = std::abs(product - (i == j ? 1.0 : 0.0));
      }
    CHECK_THAT(again, IsClose(hippo_legs(d)));
    for (const double x : imaginary) CHECK(std::abs(x) < 1e-11);
    for (const double x : unit) CHECK(x < 1e-13);
  }
}

TEST_CASE("s4_kernel: the generating function gives the kernel of the powers",
          "[s4_kernel][two-ways]") {
  for (const std::size_t d : {1u, 4u, 16u, 32u})
    for (const std::size_t n : {1u, 2u, 31u, 256u})
      for (const double step : {0.5, 0.01}) {
        INFO(d << " numbers of state, " << n << " tokens, step " << step);
        const Matrix C = reading(2, d);
        CHECK_THAT(s4_kernel(C, n, step), IsClose(kernel_by_powers(C, n, step)));
      }
}

TEST_CASE("s4_kernel: without the rank-one part it is another kernel", "[s4_kernel][control]") {
  // The diagonal part alone, S4D with the same poles: near, but not the same.
  const DiagonalPlusLowRank parts = hippo_low_rank(8);
  Random random(6);
  const Matrix C = reading(1, 8);
  DiagonalStateSpace diagonal{parts.poles, parts.B, parts.B, {}};
  for (std::size_t k = 0; k < 8; ++k) {
    diagonal.C(0, k) = 0;
    for (std::size_t i = 0; i < 8; ++i) diagonal.C(0, k) += C(0, i) * parts.basis(i, k) / 2.0;
  }
  const Matrix without = state_space(random_matrix(random, 64, 1),
                                     discretise(diagonal, Vector{0.05}, Discretisation::bilinear),
                                     StateSpaceOrder::convolution)
                             .kernel;
  CHECK_FALSE(compare(s4_kernel(C, 64, 0.05), without, {.tolerance = 0.1}).close);
}

TEST_CASE("s4_kernel: n d_state products, at three lengths, not n d_state^2", "[s4_kernel][work]") {
  for (const std::size_t n : {32u, 64u, 128u}) {
    Work work;
    s4_kernel(reading(3, 16), n, 0.1, &work);
    CHECK(work.multiply_adds == 4 * n * 16 * (5 + 2 * 3));
  }
}

TEST_CASE("s4_kernel: refuses no token, no state and no step", "[s4_kernel][error]") {
  CHECK_THROWS_WITH(s4_kernel(reading(1, 4), 0, 0.1),
                    "s4_kernel: wanted at least one token, got none");
  CHECK_THROWS_WITH(s4_kernel(Matrix::from_shape({1, 0}), 4, 0.1),
                    "s4_kernel: wanted at least one number of state, got none");
  CHECK_THROWS_WITH(s4_kernel(reading(1, 4), 4, -1),
                    "s4_kernel: wanted a step above zero, got -1.000000");
  CHECK_THROWS_AS(hippo_low_rank(0), ShapeError);
}
