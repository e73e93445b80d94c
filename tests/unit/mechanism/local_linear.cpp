#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/linear.hpp>
#include <headlight/mechanism/local.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

// Full attention with everything outside the window hidden.
Matrix windowed(const Matrix& q, const Matrix& k, const Matrix& v, const LocalOptions& options) {
  const std::size_t n = q.shape(0);
  Matrix s = matmul(q, headlight::transpose(k));
  for (double& x : s) x /= std::sqrt(static_cast<double>(q.shape(1)));
  Mask mask = full_mask(n, n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      mask(i, j) = j + options.window > i && (options.causal ? j <= i : j < i + options.window);
  return matmul(softmax_rows(hide(s, mask)), v);
}

struct LocalSample {
  Random random{3};
  Matrix q = random_matrix(random, 11, 4), k = random_matrix(random, 11, 4),
         v = random_matrix(random, 11, 3);
};

}  // namespace

TEST_CASE("local_attention: equals full attention with the rest hidden, for any window",
          "[local][two-ways]") {
  const LocalSample s;
  for (const bool causal : {true, false})
    for (const std::size_t window : {1u, 2u, 5u, 11u, 40u}) {
      const LocalOptions options{.window = window, .causal = causal};
      INFO(window);
      CHECK_THAT(local_attention(s.q, s.k, s.v, options).output,
                 IsClose(windowed(s.q, s.k, s.v, options)));
    }
}

TEST_CASE("local_attention: a token outside the window does not matter, one inside does",
          "[local][control]") {
  const LocalSample s;
  Matrix v = s.v;
  v(2, 0) += 100;
  const Matrix before = local_attention(s.q, s.k, s.v, {.window = 3}).output;
  const Matrix after = local_attention(s.q, s.k, v, {.window = 3}).output;
  CHECK(after(5, 0) == before(5, 0));
  CHECK(after(4, 0) != before(4, 0));
}

TEST_CASE("local_attention: counts n w - w (w - 1) / 2 scores, at three lengths", "[local][work]") {
  for (const std::size_t n : {8u, 16u, 32u}) {
    Random random(n);
    const Matrix q = random_matrix(random, n, 4), k = random_matrix(random, n, 4),
                 v = random_matrix(random, n, 3);
    const Work work = local_attention(q, k, v, {.window = 5}).work;
    const std::size_t pairs = n * 5 - 5 * 4 / 2;
    CHECK(work.exponentials == pairs);
    CHECK(work.multiply_adds == pairs * (4 + 3));
    CHECK(work.largest_buffer == n * 5);
  }
}

TEST_CASE("RollingCache: step by step the same as causal local attention, in constant memory",
          "[local][two-ways]") {
  const LocalSample s;
  const Matrix want = local_attention(s.q, s.k, s.v, {.window = 4}).output;
  RollingCache cache(4, 4, 3);
  const std::size_t size = cache.size();
  const auto row = [](const Matrix& m, std::size_t i) {
    Vector r = Vector::from_shape({m.shape(1)});
    std::copy_n(m.data() + i * m.shape(1), m.shape(1), r.data());
    return r;
  };
  for (std::size_t i = 0; i < 11; ++i) {
    CHECK_THAT(cache.step(row(s.q, i), row(s.k, i), row(s.v, i)), IsClose(row(want, i)));
    CHECK(cache.size() == size);
  }
}

TEST_CASE("local_attention: refuses window 0 and sizes that differ", "[local][error]") {
  const LocalSample s;
  CHECK_THROWS_WITH(
      local_attention(s.q, s.k, s.v, {.window = 0}),
      "local_attention: wanted a window of at least one key (the query's own), got 0");
  CHECK_THROWS_AS(local_attention(s.q, s.v, s.v, {.window = 1}), ShapeError);
  CHECK_THROWS_AS(RollingCache(0, 1, 1), ShapeError);
}

TEST_CASE("elu_plus_one: x + 1 above zero, exp(x) below, never negative", "[linear]") {
  CHECK_THAT(elu_plus_one(Matrix{{2, 0, -std::log(4)}}), IsClose(Matrix{{3, 1, 0.25}}));
}

TEST_CASE("linear_attention: the recurrence equals the quadratic form", "[linear][two-ways]") {
  const LocalSample s;
  const Matrix q = elu_plus_one(s.q), k = elu_plus_one(s.k);
  for (const bool causal : {true, false})
    CHECK_THAT(linear_attention(q, k, s.v, causal).output,
               IsClose(linear_attention_quadratic(q, k, s.v, causal)));
}

TEST_CASE("linear_attention: without the normaliser it is another function", "[linear][control]") {
  const LocalSample s;
  const LinearTrace trace = linear_attention(elu_plus_one(s.q), elu_plus_one(s.k), s.v, true);
  Matrix bare = trace.output;
  for (std::size_t i = 0; i < 11; ++i)
    for (std::size_t c = 0; c < 3; ++c) bare(i, c) *= trace.normaliser(i);
  CHECK_FALSE(compare(bare, trace.output, {.tolerance = 0.1}).close);
  Matrix pattern;
  linear_attention_quadratic(elu_plus_one(s.q), elu_plus_one(s.k), s.v, true, &pattern);
  for (std::size_t i = 0; i < 11; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 11; ++j) sum += pattern(i, j);
    CHECK(std::abs(sum - 1) < 1e-14);
  }
}

TEST_CASE("linear_attention: counts n r (2 d_value + 1), and holds a state that does not grow",
          "[linear][work]") {
  for (const std::size_t n : {8u, 16u, 32u}) {
    Random random(n);
    const Matrix q = elu_plus_one(random_matrix(random, n, 4)),
                 k = elu_plus_one(random_matrix(random, n, 4));
    const Work work = linear_attention(q, k, random_matrix(random, n, 3), true).work;
    CHECK(work.multiply_adds == n * 4 * (2 * 3 + 1));
    CHECK(work.exponentials == 0);
    CHECK(work.largest_buffer == 4 * 3);
  }
}

TEST_CASE("linear_attention: features that are all zero give zeros, none at all is refused",
          "[linear][error]") {
  const LocalSample s;
  Matrix none = s.q;
  for (double& x : none) x = 0;
  CHECK(linear_attention(none, elu_plus_one(s.k), s.v, true).output(3, 1) == 0);
  const Matrix empty = Matrix::from_shape({11, 0});
  CHECK_THROWS_WITH(linear_attention(empty, empty, s.v, true),
                    "linear_attention: wanted at least one feature, got [11, 0]");
}
