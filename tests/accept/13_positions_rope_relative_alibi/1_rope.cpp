// Right but unusual solutions of 13.1: each has to get all points.
#include <complex>

#include "13_positions_rope_relative_alibi/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::RopeInput;
using exercise::RopeTrace;

// Complex numbers: a pair is one of them, and turning is a product; scores are the real part of
// query times conjugate key.
RopeTrace by_complex(const RopeInput& in) {
  const std::size_t n_heads = in.n_heads, d_head = in.query.shape(1) / n_heads;
  RopeTrace t;
  t.theta = Vector(Vector::shape_type{d_head / 2});
  for (std::size_t p = 0; p < d_head / 2; ++p)
    t.theta(p) =
        std::exp(-std::log(in.base) * 2 * static_cast<double>(p) / static_cast<double>(d_head));
  const auto turned = [&](const Matrix& x, const Vector& places, bool turn) {
    Tensor3 out(Tensor3::shape_type{n_heads, x.shape(0), d_head});
    for (std::size_t i = 0; i < x.shape(0); ++i)
      for (std::size_t k = 0; k < x.shape(1); k += 2) {
        const double w = turn ? places(i) * t.theta(k % d_head / 2) : 0;
        const std::complex<double> z = std::complex(x(i, k), x(i, k + 1)) * std::polar(1.0, w);
        out(k / d_head, i, k % d_head) = z.real();
        out(k / d_head, i, k % d_head + 1) = z.imag();
      }
    return out;
  };
  t.query = turned(in.query, in.query_positions, true);
  t.key = turned(in.key, in.key_positions, true);
  t.value = turned(in.value, in.key_positions, false);
  t.scores = Tensor3(Tensor3::shape_type{n_heads, in.query.shape(0), in.key.shape(0)});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < in.query.shape(0); ++i)
      for (std::size_t j = 0; j < in.key.shape(0); ++j) {
        std::complex<double> sum = 0;
        for (std::size_t p = 0; p < d_head / 2; ++p) {  // from the numbers before turning
          const std::size_t k = h * d_head + 2 * p;
          const std::complex<double> q(in.query(i, k), in.query(i, k + 1)),
              c(in.key(j, k), -in.key(j, k + 1));
          sum +=
              q * c * std::polar(1.0, t.theta(p) * (in.query_positions(i) - in.key_positions(j)));
        }
        t.scores(h, i, j) = sum.real() / std::sqrt(static_cast<double>(d_head));
      }
  return t;
}

// Everything in float, cosines and sines in tables.
RopeTrace in_float(const RopeInput& in) {
  const std::size_t n_heads = in.n_heads, d_head = in.query.shape(1) / n_heads;
  RopeTrace t;
  t.theta = Vector(Vector::shape_type{d_head / 2});
  for (std::size_t p = 0; p < d_head / 2; ++p)
    t.theta(p) =
        static_cast<double>(1 / std::pow(static_cast<float>(in.base),
                                         2 * static_cast<float>(p) / static_cast<float>(d_head)));
  const auto turned = [&](const Matrix& x, const Vector& places) {
    MatrixF cosine(MatrixF::shape_type{x.shape(0), d_head / 2}), sine = cosine;
    for (std::size_t i = 0; i < x.shape(0); ++i)
      for (std::size_t p = 0; p < d_head / 2; ++p) {
        const float w = static_cast<float>(places(i)) * static_cast<float>(t.theta(p));
        cosine(i, p) = std::cos(w);
        sine(i, p) = std::sin(w);
      }
    Tensor3 out(Tensor3::shape_type{n_heads, x.shape(0), d_head});
    for (std::size_t h = 0; h < n_heads; ++h)
      for (std::size_t i = 0; i < x.shape(0); ++i)
        for (std::size_t c = 0; c < d_head; ++c) {
          const float own = static_cast<float>(x(i, h * d_head + c));
          const float other = static_cast<float>(x(i, h * d_head + (c ^ 1U)));
          out(h, i, c) = static_cast<double>(own * cosine(i, c / 2) +
                                             (c % 2 == 0 ? -other : other) * sine(i, c / 2));
        }
    return out;
  };
  t.query = turned(in.query, in.query_positions);
  t.key = turned(in.key, in.key_positions);
  t.value = turned(in.value, Vector(Vector::shape_type{in.value.shape(0)}, 0.0));
  t.scores = Tensor3(Tensor3::shape_type{n_heads, in.query.shape(0), in.key.shape(0)});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < in.query.shape(0); ++i)
      for (std::size_t j = 0; j < in.key.shape(0); ++j) {
        float sum = 0;
        for (std::size_t c = d_head; c-- > 0;)
          sum += static_cast<float>(t.query(h, i, c)) * static_cast<float>(t.key(h, j, c));
        t.scores(h, i, j) = static_cast<double>(sum / std::sqrt(static_cast<float>(d_head)));
      }
  return t;
}

// A matrix of 2 x 2 rotations for every token, the speeds by repeated multiplication, the whole
// width at once.
RopeTrace by_matrices(const RopeInput& in) {
  const std::size_t n_heads = in.n_heads, width = in.query.shape(1), d_head = width / n_heads;
  RopeTrace t;
  t.theta = Vector(Vector::shape_type{d_head / 2}, 1.0);
  const double step = std::pow(in.base, -2.0 / static_cast<double>(d_head));
  for (std::size_t p = 1; p < d_head / 2; ++p) t.theta(p) = t.theta(p - 1) * step;
  const auto split = [&](const Matrix& x) {
    Matrix copy = x;
    const Tensor3 by_token =
        xt::reshape_view(copy, std::array<std::size_t, 3>{x.shape(0), n_heads, d_head});
    return Tensor3(xt::transpose(by_token, {1, 0, 2}));
  };
  const auto turned = [&](const Matrix& x, const Vector& places) {
    Matrix out = x;
    for (std::size_t i = 0; i < x.shape(0); ++i) {
      Matrix rotation = xt::zeros<double>({width, width});
      for (std::size_t k = 0; k < width; k += 2) {
        const double w = places(i) * t.theta(k % d_head / 2);
        rotation(k, k) = rotation(k + 1, k + 1) = std::cos(w);
        rotation(k + 1, k) = std::sin(w);
        rotation(k, k + 1) = -std::sin(w);
      }
      const Matrix row = xt::view(x, xt::range(i, i + 1));
      xt::view(out, xt::range(i, i + 1)) = matmul(row, transpose(rotation));
    }
    return split(out);
  };
  t.query = turned(in.query, in.query_positions);
  t.key = turned(in.key, in.key_positions);
  t.value = split(in.value);
  t.scores = Tensor3(Tensor3::shape_type{n_heads, in.query.shape(0), in.key.shape(0)});
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix q = xt::view(t.query, h) / std::sqrt(static_cast<double>(d_head)),
                 k = xt::view(t.key, h);
    xt::view(t.scores, h) = matmul(q, transpose(k));
  }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::rope)>> accepted_13_1;
const std::vector<Mutant<decltype(exercise::rope)>> accepted_13_1 = {
    {"complex", "", "complex numbers, scores from the difference of positions", by_complex},
    {"float", "", "everything in float, cosines and sines in tables", in_float},
    {"matrices", "", "a rotation matrix for every token, speeds by multiplication", by_matrices},
};

}  // namespace headlight::course
