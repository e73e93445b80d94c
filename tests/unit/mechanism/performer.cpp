#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/performer.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

double dot(const Matrix& a, std::size_t i, const Matrix& b, std::size_t j) {
  double sum = 0;
  for (std::size_t c = 0; c < a.shape(1); ++c) sum += a(i, c) * b(j, c);
  return sum;
}

Matrix softmax_attention(const Matrix& q, const Matrix& k, const Matrix& v, bool causal) {
  Matrix s = matmul(q, headlight::transpose(k));
  for (double& x : s) x /= std::sqrt(static_cast<double>(q.shape(1)));
  if (causal) s = hide(s, causal_mask(q.shape(0), k.shape(0)));
  return matmul(softmax_rows(s), v);
}

// Q of a square matrix's QR decomposition by Householder's reflections, as LAPACK does it, and the
// signs of R's diagonal.
Matrix householder(Matrix a, std::vector<double>& signs) {
  const std::size_t d = a.shape(0);
  Matrix q = Matrix::from_shape({d, d});
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j) q(i, j) = i == j;
  for (std::size_t k = 0; k < d; ++k) {
    std::vector<double> u(d, 0.0);
    double size = 0, square = 0;
    for (std::size_t i = k; i < d; ++i) u[i] = a(i, k), size += a(i, k) * a(i, k);
    u[k] += std::copysign(std::sqrt(size), a(k, k));
    for (const double x : u) square += x * x;
    for (std::size_t j = 0; j < d; ++j) {  // a = H a; q = q H
      double left = 0, right = 0;
      for (std::size_t i = k; i < d; ++i) left += u[i] * a(i, j), right += q(j, i) * u[i];
      for (std::size_t i = k; i < d; ++i)
        a(i, j) -= 2 * left / square * u[i], q(j, i) -= 2 * right / square * u[i];
    }
  }
  signs.clear();
  for (std::size_t k = 0; k < d; ++k) signs.push_back(a(k, k) < 0 ? -1 : 1);
  return q;
}

enum class Draw { orthogonal, independent, without_sign };

Matrix directions(Draw draw, std::size_t m, std::size_t d, std::uint64_t seed) {
  if (draw == Draw::orthogonal) return orthogonal_directions(m, d, seed);
  Random random(seed);
  if (draw == Draw::independent) return random_matrix(random, m, d);
  Matrix w = Matrix::from_shape({m, d});
  std::vector<double> signs;
  for (std::size_t first = 0; first < m; first += d) {
    const Matrix q = householder(random_matrix(random, d, d), signs);
    const Matrix sizes = random_matrix(random, d, d);
    for (std::size_t r = 0; r < d && first + r < m; ++r)
      for (std::size_t c = 0; c < d; ++c)
        w(first + r, c) = std::sqrt(dot(sizes, r, sizes, r)) * q(c, r);
  }
  return w;
}

// Mean squared error of phi(q) . phi(k) against exp(q . k / sqrt(d)), over pairs and seeds.
double kernel_error(Draw draw, std::size_t m, double scale, std::size_t seeds) {
  const std::size_t n = 12, d = 16;
  double sum = 0;
  for (std::size_t seed = 0; seed < seeds; ++seed) {
    Random random(1000 + seed);
    const Matrix q = random_matrix(random, n, d, scale), k = random_matrix(random, n, d, scale);
    const Matrix w = directions(draw, m, d, 77 * seed + 5);
    const Matrix phi_q = favor_features(q, w), phi_k = favor_features(k, w);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        const double off = dot(phi_q, i, phi_k, j) - std::exp(dot(q, i, k, j) / 4);
        sum += off * off;
      }
  }
  return sum / static_cast<double>(n * n * seeds);
}

struct PerformerSample {
  explicit PerformerSample(double scale = 1, std::size_t n = 11) : q_scale(scale) {
    Random random(3);
    q = random_matrix(random, n, 4, scale), k = random_matrix(random, n, 4, scale);
    v = random_matrix(random, n, 3);
    w = orthogonal_directions(6, 4, 9);
  }
  double q_scale;
  Matrix q, k, v, w;
};

Matrix first_rows(const Matrix& m, std::size_t n) {
  Matrix some = Matrix::from_shape({n, m.shape(1)});
  std::copy_n(m.data(), some.size(), some.data());
  return some;
}

}  // namespace

TEST_CASE("orthogonal_directions: the Q of Householder's decomposition, with its signs put right",
          "[performer][two-ways]") {
  const std::size_t d = 5;
  const Matrix w = orthogonal_directions(d, d, 4);
  Random random(4);
  const Matrix drawn = random_matrix(random, d, d), sizes = random_matrix(random, d, d);
  std::vector<double> signs;
  const Matrix q = householder(headlight::transpose(drawn), signs);
  Matrix want = w;
  for (std::size_t r = 0; r < d; ++r)
    for (std::size_t c = 0; c < d; ++c)
      want(r, c) = signs[r] * q(c, r) * std::sqrt(dot(sizes, r, sizes, r));
  CHECK_THAT(w, IsClose(want));
}

TEST_CASE("orthogonal_directions: rows of a block are orthogonal and of many lengths, seeded",
          "[performer]") {
  const Matrix w = orthogonal_directions(11, 4, 2);
  for (std::size_t a = 0; a < 11; ++a)
    for (std::size_t b = 0; b < a; ++b)
      if (a / 4 == b / 4) CHECK(std::abs(dot(w, a, w, b)) < 1e-13);
  CHECK(std::abs(dot(w, 0, w, 4)) > 1e-3);  // other blocks are drawn anew
  CHECK(std::abs(dot(w, 0, w, 0) - dot(w, 1, w, 1)) > 1e-3);
  CHECK((orthogonal_directions(11, 4, 2) == w));
  CHECK_FALSE((orthogonal_directions(11, 4, 3) == w));
}

TEST_CASE("favor_features: by hand", "[performer]") {
  const Matrix x = {{2, 0}}, w = {{1, 5}, {0, 1}};  // x' = x / 2^(1/4), |x'|^2 / 2 = sqrt 2
  const double half = std::sqrt(2.0);
  CHECK_THAT(favor_features(x, w),
             IsClose(Matrix{{std::exp(2 / std::pow(2, 0.25) - half) / std::sqrt(2),
                             std::exp(-half) / std::sqrt(2)}}));
}

TEST_CASE("performer_attention: linear order and recurrence equal the quadratic order",
          "[performer][two-ways]") {
  for (const double scale : {0.5, 1.0, 3.0}) {
    const PerformerSample s(scale);
    for (const bool causal : {true, false}) {
      Matrix pattern;
      const Matrix want = linear_attention_quadratic(
          favor_features(s.q, s.w), favor_features(s.k, s.w), s.v, causal, &pattern);
      const PerformerTrace trace = performer_attention(s.q, s.k, s.v, s.w, causal);
      CHECK_THAT(trace.output, IsClose(want));
      for (std::size_t i = 0; i < 11; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < 11; ++j) {
          CHECK((pattern(i, j) > 0) == (!causal || j <= i));
          sum += pattern(i, j);
        }
        CHECK(std::abs(sum - 1) < 1e-12);
      }
    }
  }
}

TEST_CASE("performer_attention: the causal form of a beginning is the beginning of the form",
          "[performer][control]") {
  const PerformerSample s;
  const Matrix whole = performer_attention(s.q, s.k, s.v, s.w, true).output;
  const Matrix seven =
      performer_attention(first_rows(s.q, 7), first_rows(s.k, 7), first_rows(s.v, 7), s.w, true)
          .output;
  CHECK((first_rows(whole, 7) == seven));
  const Matrix both = performer_attention(s.q, s.k, s.v, s.w, false).output;
  CHECK_FALSE(compare(first_rows(both, 7), seven, {.tolerance = 1e-3}).close);
}

TEST_CASE("favor_features: the mean over seeds is the exponential, at small norms",
          "[performer][experiment]") {
  const std::size_t d = 16, seeds = 400;
  Random random(8);
  const Matrix q = random_matrix(random, 1, d, 0.25), k = random_matrix(random, 1, d, 0.25);
  const double want = std::exp(dot(q, 0, k, 0) / 4);
  double sum = 0, squares = 0, of_wrong_sign = 0;
  std::vector<double> off_by_sign;
  for (std::size_t seed = 0; seed < seeds; ++seed) {
    const auto estimate = [&](Draw draw) {
      const Matrix w = directions(draw, 32, d, seed);
      return dot(favor_features(q, w), 0, favor_features(k, w), 0);
    };
    const double got = estimate(Draw::orthogonal);
    sum += got, squares += got * got;
    of_wrong_sign += estimate(Draw::without_sign);
  }
  const double count = static_cast<double>(seeds), mean = sum / count;
  const double standard_error = std::sqrt((squares / count - mean * mean) / count);
  CHECK(standard_error < 0.01 * want);
  CHECK(std::abs(mean - want) < 4 * standard_error);
  CHECK(std::abs(of_wrong_sign / count - want) > 4 * standard_error);  // the control
}

TEST_CASE("favor_features: the error shrinks as features grow, without the sign it stops",
          "[performer][experiment]") {
  std::vector<double> right, wrong;
  for (const std::size_t m : {16u, 64u, 256u, 1024u, 4096u}) {
    right.push_back(std::sqrt(kernel_error(Draw::orthogonal, m, 0.25, 24)));
    wrong.push_back(std::sqrt(kernel_error(Draw::without_sign, m, 0.25, 24)));
  }
  INFO(right[0] << " " << right[1] << " " << right[2] << " " << right[3] << " " << right[4]
                << "; wrong " << wrong[3] << " " << wrong[4]);
  const double slope = std::log(right[4] / right[0]) / std::log(256.0);
  CHECK(slope > -0.65);
  CHECK(slope < -0.4);
  CHECK(wrong[4] > 2 * right[4]);
  CHECK(wrong[4] > 0.7 * wrong[3]);  // four times the features hardly help
}

TEST_CASE("favor_features: orthogonal directions err less than independent ones",
          "[performer][experiment]") {
  CHECK(kernel_error(Draw::orthogonal, 64, 0.25, 60) <
        0.9 * kernel_error(Draw::independent, 64, 0.25, 60));
}

TEST_CASE("performer_attention: nears softmax attention as features grow, elu + 1 does not",
          "[performer][experiment]") {
  const std::size_t n = 24, d = 8;
  Random random(6);
  const Matrix q = random_matrix(random, n, d, 0.7), k = random_matrix(random, n, d, 0.7),
               v = random_matrix(random, n, 5);
  const Matrix want = softmax_attention(q, k, v, true);
  const auto error = [&](const Matrix& got) {
    double sum = 0;
    for (std::size_t c = 0; c < got.size(); ++c)
      sum += (got.data()[c] - want.data()[c]) * (got.data()[c] - want.data()[c]);
    return std::sqrt(sum / static_cast<double>(got.size()));
  };
  const auto with = [&](std::size_t m) {
    double sum = 0;
    for (std::uint64_t seed = 0; seed < 8; ++seed)
      sum += error(performer_attention(q, k, v, orthogonal_directions(m, d, seed), true).output);
    return sum / 8;
  };
  const double few = with(16), many = with(4096);
  CHECK(many < few / 4);
  CHECK(many < error(linear_attention(elu_plus_one(q), elu_plus_one(k), v, true).output) / 3);
}

TEST_CASE("performer_attention: long vectors do not vanish, scores near 1000 stay numbers",
          "[performer][edge]") {
  PerformerSample s;
  for (double& x : s.q) x *= 60;
  for (double& x : s.k) x *= 60;
  const Matrix bare =
      linear_attention(favor_features(s.q, s.w), favor_features(s.k, s.w), s.v, false).output;
  const PerformerTrace trace = performer_attention(s.q, s.k, s.v, s.w, false);
  bool lost = false, kept = true;
  for (const double x : bare) lost = lost || x == 0 || !std::isfinite(x);
  for (const double x : trace.output) kept = kept && std::isfinite(x);
  CHECK(lost);
  CHECK(kept);
  double largest = 0;
  for (const double x : trace.normaliser) largest = std::max(largest, x);
  CHECK(largest > 0);
}

TEST_CASE("performer_attention: counts 2 n d (m + 1) + n m (2 d_value + 1), at three lengths",
          "[performer][work]") {
  const std::size_t d = 4, m = 6, d_value = 3;
  for (const std::size_t n : {8u, 16u, 32u})
    for (const bool causal : {false, true}) {
      const PerformerSample s(1, n);
      const Work work = performer_attention(s.q, s.k, s.v, s.w, causal).work;
      CHECK(work.multiply_adds == 2 * n * d * (m + 1) + n * m * (2 * d_value + 1));
      CHECK(work.exponentials == 2 * n * m);
      CHECK(work.largest_buffer == n * m);
    }
}

TEST_CASE("linear_attention_cost: with more features than tokens the linear order costs more",
          "[linear][work]") {
  CHECK(linear_attention_cost(64, 256, 256).quadratic == 64 * 64 * 512);
  CHECK(linear_attention_cost(64, 256, 256).linear == 64 * 256 * 513);
  CHECK_FALSE(linear_attention_cost(64, 256, 256).linear_is_cheaper());
  CHECK(linear_attention_cost(4096, 64, 64).linear_is_cheaper());
  for (const std::size_t n : {8u, 16u, 32u}) {  // as counted by the recurrence
    Random random(n);
    const Matrix phi = elu_plus_one(random_matrix(random, n, 4));
    CHECK(linear_attention(phi, phi, random_matrix(random, n, 3), false).work.multiply_adds ==
          linear_attention_cost(n, 4, 3).linear);
  }
}

TEST_CASE("performer_attention: refuses zero features and widths that differ",
          "[performer][error]") {
  const PerformerSample s;
  CHECK_THROWS_WITH(orthogonal_directions(0, 4, 1),
                    "orthogonal_directions: wanted at least one feature and one column, got 0 x 4");
  const Matrix none = Matrix::from_shape({0, 4});
  CHECK_THROWS_WITH(performer_attention(s.q, s.k, s.v, none, true),
                    "performer_attention: wanted at least one feature, got directions [0, 4]");
  CHECK_THROWS_WITH(favor_features(s.v, s.w),
                    "favor_features: widths of vectors and directions differ: [11, 3], [6, 4]");
  CHECK_THROWS_AS(performer_attention(s.q, s.k, first_rows(s.v, 7), s.w, true), ShapeError);
}
