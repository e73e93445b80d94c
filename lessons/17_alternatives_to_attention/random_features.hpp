// Statistics of random features over many draws: what the lesson's page on Performer only quotes.
#pragma once

#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/reduce.hpp>
#include <headlight/mechanism/performer.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>

#include "support/mechanisms.hpp"

namespace random_features {

using headlight::favor_features;
using headlight::matmul;
using headlight::Matrix;
using headlight::orthogonal_directions;
using headlight::row_sum;
using headlight::transpose;

// phi(Q) phi(K)^T, which estimates exp(q . k / sqrt(d)).
inline Matrix estimate(const Matrix& Q, const Matrix& K, const Matrix& directions) {
  return matmul(favor_features(Q, directions), transpose(favor_features(K, directions)));
}

inline Matrix exact(const Matrix& Q, const Matrix& K) {
  return xt::exp(matmul(Q, transpose(K)) / std::sqrt(static_cast<double>(Q.shape(1))));
}

// The mean of the draws against the exact kernel, in standard errors, in the worst cell.
inline double bias(const Matrix& Q, const Matrix& K, std::size_t features, std::size_t draws) {
  Matrix mean = lesson::zeros(Q.shape(0), K.shape(0)), square = mean;  // [n_query, n_key]
  const auto count = static_cast<double>(draws);
  for (std::uint64_t seed = 1; seed <= draws; ++seed) {
    const Matrix P = estimate(Q, K, orthogonal_directions(features, Q.shape(1), seed));
    mean += P / count, square += P * P / count;
  }
  const Matrix error = xt::sqrt((square - mean * mean) / count);  // [n_query, n_key]
  return lesson::largest_size((mean - exact(Q, K)) / error);
}

// How far Performer's output is from `want`, relative, mean of the draws.
inline double output_error(const Matrix& Q, const Matrix& K, const Matrix& V, const Matrix& want,
                           std::size_t features, std::size_t draws) {
  double error = 0;
  for (std::uint64_t seed = 1; seed <= draws; ++seed) {
    const Matrix directions = orthogonal_directions(features, Q.shape(1), seed);
    error += lesson::difference(headlight::performer_attention(Q, K, V, directions, false).output,
                                want) /
             static_cast<double>(draws);
  }
  return error;
}

// Mean square error of the kernel with orthogonal and with independent directions, as many as d.
struct Errors {
  double orthogonal = 0, independent = 0;
};
inline Errors kernel_errors(const Matrix& Q, const Matrix& K, std::size_t draws) {
  Errors errors;
  const std::size_t d = Q.shape(1);
  const double cells = static_cast<double>(Q.shape(0) * K.shape(0) * draws);
  for (std::uint64_t seed = 1; seed <= draws; ++seed) {
    headlight::Random random(seed);
    const auto error = [&](const Matrix& directions) {
      const Matrix off = estimate(Q, K, directions) - exact(Q, K);
      return xt::sum(off * off)() / cells;
    };
    errors.orthogonal += error(orthogonal_directions(d, d, seed));
    errors.independent += error(headlight::random_matrix(random, d, d));
  }
  return errors;
}

// Rows whose denominator is zero or below: with positive features, and with the older sines and
// cosines, e^(|x'|^2 / 2) (cos(W x'), sin(W x')), whose mean is the same exponential.
struct BadRows {
  std::size_t positive = 0, trigonometric = 0;
};
inline BadRows bad_denominators(const Matrix& Q, const Matrix& K, std::size_t draws) {
  BadRows bad;
  const std::size_t d = Q.shape(1);
  for (std::uint64_t seed = 1; seed <= draws; ++seed) {
    const Matrix directions = orthogonal_directions(d, d, seed);  // [m, d]
    const auto waves = [&](const Matrix& a, bool sine) {          // [n, m]
      const Matrix x = a / std::pow(static_cast<double>(d), 0.25);
      const Matrix angle = matmul(x, transpose(directions));
      const Matrix size = xt::exp(row_sum(Matrix(x * x)) / 2.0) / std::sqrt(static_cast<double>(d));
      return sine ? Matrix(size * xt::sin(angle)) : Matrix(size * xt::cos(angle));
    };
    const Matrix old = matmul(waves(Q, false), transpose(waves(K, false))) +
                       matmul(waves(Q, true), transpose(waves(K, true)));  // [n_query, n_key]
    for (const double below : row_sum(old)) bad.trigonometric += below <= 0;
    for (const double below : row_sum(estimate(Q, K, directions))) bad.positive += below <= 0;
  }
  return bad;
}

}  // namespace random_features
