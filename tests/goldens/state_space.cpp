#include <headlight/core/fourier.hpp>
#include <headlight/mechanism/selective_scan.hpp>
#include <headlight/mechanism/state_space.hpp>
#include <headlight/mechanism/token_mixing.hpp>

#include "read.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

// state_space.json was made by PyTorch in float64 (make_state_space.py beside it).

using namespace headlight;
using namespace headlight_test;

namespace {

const json& state_space_golden(const std::string& name) {
  static const json all = read("state_space.json");
  return all.at(name);
}

Spectrum spectrum(const json& pairs) {
  Spectrum s;
  for (const json& pair : pairs) s.emplace_back(number(pair[0]), number(pair[1]));
  return s;
}

Matrix columns(const Spectrum& x) {
  Matrix m = Matrix::from_shape({x.size(), 2});
  for (std::size_t i = 0; i < x.size(); ++i) m(i, 0) = x[i].real(), m(i, 1) = x[i].imag();
  return m;
}

ComplexMatrix complex_matrix(const json& rows) {
  ComplexMatrix m = ComplexMatrix::from_shape({rows.size(), rows[0].size()});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Spectrum row = spectrum(rows[i]);
    for (std::size_t j = 0; j < row.size(); ++j) m(i, j) = row[j];
  }
  return m;
}

std::vector<double> list(const json& values) {
  return values.get<std::vector<double>>();
}

}  // namespace

TEST_CASE("golden fourier: torch.fft, forward and back, lengths 8, 32, 12 and 7", "[golden]") {
  for (const char* name : {"fft_8", "fft_32", "fft_12", "fft_7"}) {
    INFO(name);
    const json& g = state_space_golden(name);
    const Spectrum x = spectrum(g["x"]);
    CHECK_THAT(columns(fourier(x)), IsClose(matrix(g["forward"])));
    CHECK_THAT(columns(fourier(x, FourierDirection::inverse)), IsClose(matrix(g["inverse"])));
  }
  CHECK_THAT(columns(fourier_real(list(state_space_golden("rfft")["x"]))),
             IsClose(matrix(state_space_golden("rfft")["spectrum"])));
}

TEST_CASE("golden convolve: torch's conv1d with the kernel reversed", "[golden]") {
  const json& g = state_space_golden("convolution");
  const std::vector<double> y = convolve(list(g["kernel"]), list(g["x"]));
  Vector got = Vector::from_shape({y.size()});
  std::copy(y.begin(), y.end(), got.begin());
  CHECK_THAT(got, IsClose(vector(g["y"])));
}

TEST_CASE("golden fourier_mixing: the real part of torch.fft.fft2", "[golden]") {
  const json& g = state_space_golden("fnet");
  CHECK_THAT(fourier_mixing(matrix(g["x8"])).output, IsClose(matrix(g["y8"])));
  CHECK_THAT(fourier_mixing(matrix(g["x6"])).output, IsClose(matrix(g["y6"])));
}

TEST_CASE("golden discretise: HiPPO by torch.linalg.inv and matrix_exp", "[golden]") {
  const json& g = state_space_golden("hippo");
  CHECK_THAT(hippo_legs(6), IsClose(matrix(g["A"])));
  CHECK_THAT(hippo_legs_input(6), IsClose(vector(g["B"])));
  const StateSpace s{hippo_legs(6), hippo_legs_input(6), Matrix{{1, 0, 0, 0, 0, 0}}, {}};
  const double step = number(g["step"]);
  const StateSpace bilinear = discretise(s, step, Discretisation::bilinear),
                   held = discretise(s, step, Discretisation::zero_order_hold);
  CHECK_THAT(bilinear.A, IsClose(matrix(g["bilinear_A"])));
  CHECK_THAT(bilinear.B, IsClose(vector(g["bilinear_B"])));
  CHECK_THAT(held.A, IsClose(matrix(g["held_A"])));
  CHECK_THAT(held.B, IsClose(vector(g["held_B"])));
  Matrix grown = hippo_legs(6);
  for (double& x : grown) x *= 3;
  CHECK_THAT(matrix_exponential(grown), IsClose(matrix(g["exponential"])));
}

TEST_CASE("golden state_space: S4D-Lin's kernel and its outputs by torch's conv1d", "[golden]") {
  const json& g = state_space_golden("s4d");
  DiagonalStateSpace s{s4d_lin(3, 5), complex_matrix(g["b"]), complex_matrix(g["c"]), {}};
  const ComplexMatrix poles = complex_matrix(g["poles"]);
  CHECK(std::equal(s.A.begin(), s.A.end(), poles.begin()));
  s = discretise(s, vector(g["steps"]), Discretisation::zero_order_hold);
  const DiagonalStateSpaceTrace t = state_space(matrix(g["u"]), s, StateSpaceOrder::fourier);
  CHECK_THAT(t.kernel, IsClose(matrix(g["kernel"])));
  CHECK_THAT(t.output, IsClose(matrix(g["y"])));
}

TEST_CASE("golden selective_scan: Mamba's steps and outputs by torch's einsums", "[golden]") {
  const json& g = state_space_golden("mamba");
  const SelectiveWeights w{matrix(g["A"]),   matrix(g["down"]), matrix(g["up"]),  vector(g["bias"]),
                           matrix(g["W_B"]), matrix(g["W_C"]),  vector(g["skip"])};
  const Matrix x = matrix(g["x"]);
  const SelectiveSystem s = select(x, w);
  CHECK_THAT(s.delta, IsClose(matrix(g["delta"])));
  CHECK_THAT(selective_scan(x, s).output, IsClose(matrix(g["y"])));
}
