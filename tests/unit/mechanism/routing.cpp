#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/routing.hpp>

#include "plain.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using namespace headlight_test;

namespace {

struct RoutingSample {
  Random random{3};
  Matrix q = random_matrix(random, 24, 4), k = random_matrix(random, 24, 4),
         v = random_matrix(random, 24, 3), centroids = spherical_k_means(k, 3, 10, 1);
};

// The slow way: for every cluster a mask over all pairs and a full softmax; then the mean. Members
// by rank: how many tokens are nearer to the centroid.
Matrix slow(const RoutingSample& s, std::size_t members, bool causal) {
  const Matrix near_q = matmul(s.centroids, headlight::transpose(unit_rows(s.q))),
               near_k = matmul(s.centroids, headlight::transpose(unit_rows(s.k)));
  const auto is_member = [&](const Matrix& near, std::size_t cluster, std::size_t i) {
    std::size_t nearer = 0;
    for (std::size_t j = 0; j < 24; ++j) nearer += near(cluster, j) > near(cluster, i);
    return nearer < members;
  };
  Matrix sum = Matrix::from_shape({24, 3});
  std::fill(sum.begin(), sum.end(), 0.0);
  std::vector<double> times(24);
  for (std::size_t c = 0; c < 3; ++c) {
    Mask mask = full_mask(24, 24);
    for (std::size_t i = 0; i < 24; ++i) {
      bool any = false;
      for (std::size_t j = 0; j < 24; ++j)
        any |= mask(i, j) =
            is_member(near_q, c, i) && is_member(near_k, c, j) && (!causal || j <= i);
      times[i] += any;
    }
    const Matrix part = plain_attention(s.q, s.k, s.v, mask);
    for (std::size_t i = 0; i < sum.size(); ++i) sum.data()[i] += part.data()[i];
  }
  for (std::size_t i = 0; i < sum.size(); ++i)
    if (times[i / 3] > 0) sum.data()[i] /= times[i / 3];
  return sum;
}

}  // namespace

TEST_CASE("routing_attention: equals a masked softmax for every cluster, averaged",
          "[routing][two-ways]") {
  const RoutingSample s;
  for (const bool causal : {true, false})
    for (const std::size_t members : {1u, 5u, 8u, 24u}) {
      INFO(members);
      CHECK_THAT(
          routing_attention(s.q, s.k, s.v, s.centroids, {.members = members, .causal = causal})
              .output,
          IsClose(slow(s, members, causal)));
    }
}

TEST_CASE("routing_attention: one cluster of everyone is full attention", "[routing][two-ways]") {
  const RoutingSample s;
  const Matrix one = spherical_k_means(s.k, 1, 3, 1);
  for (const bool causal : {true, false})
    CHECK_THAT(
        routing_attention(s.q, s.k, s.v, one, {.members = 24, .causal = causal}).output,
        IsClose(plain_attention(s.q, s.k, s.v, causal ? causal_mask(24, 24) : full_mask(24, 24))));
}

TEST_CASE("routing_attention: with three clusters it is not full attention", "[routing][control]") {
  const RoutingSample s;
  CHECK_FALSE(compare(routing_attention(s.q, s.k, s.v, s.centroids, {.causal = false}).output,
                      plain_attention(s.q, s.k, s.v, full_mask(24, 24)), {.tolerance = 0.1})
                  .close);
}

TEST_CASE("routing_attention: clusters are balanced, who is in none gets zeros", "[routing][law]") {
  const RoutingSample s;
  const RoutingTrace t = routing_attention(s.q, s.k, s.v, s.centroids, {.members = 4});
  std::size_t none = 0, places = 0;
  CHECK(t.queries.shape(1) == 4);
  for (std::size_t i = 0; i < 24; ++i)
    if (t.times_routed(i) == 0) {
      ++none;
      CHECK(t.output(i, 0) == 0);
    }
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t a = 1; a < 4; ++a) places += t.keys(c, a) > t.keys(c, a - 1);
  CHECK(places == 3 * 3);  // distinct, in order of position
  CHECK(none >= 24 - 3 * 4);
}

TEST_CASE("spherical_k_means: finds three planted directions, whatever the tokens' lengths",
          "[routing][law]") {
  Random random(8);
  Matrix x = random_matrix(random, 30, 3, 0.01);
  for (std::size_t i = 0; i < 30; ++i) {
    x(i, i % 3) += 1;
    for (std::size_t c = 0; c < 3; ++c) x(i, c) *= static_cast<double>(1 + i);
  }
  // Seeds that start with one token of each direction end there.
  const Matrix start = unit_rows(Matrix{{1, 0.3, 0}, {0.2, 1, 0}, {0, 0.1, 1}});
  const Matrix found = update_centroids(start, x, 0.0);
  for (std::size_t c = 0; c < 3; ++c) CHECK(found(c, c) > 0.999);
  CHECK_THAT(update_centroids(start, x, 1.0), IsClose(start));
  const Matrix half = update_centroids(start, x, 0.5);
  CHECK((half(0, 0) > start(0, 0) && half(0, 0) < found(0, 0)));
}

TEST_CASE("routing_attention: work equals its formulas, at three lengths", "[routing][work]") {
  for (const std::size_t n : {16u, 36u, 64u}) {
    const auto w = static_cast<std::size_t>(std::sqrt(static_cast<double>(n))), clusters = n / w;
    Random random(n);
    const Matrix q = random_matrix(random, n, 4), v = random_matrix(random, n, 3),
                 centroids = spherical_k_means(q, clusters, 5, 1);
    for (const bool causal : {true, false}) {
      const Work work = routing_attention(q, q, v, centroids, {.causal = causal}).work;
      const std::size_t pairs =
          clusters * (causal ? w * (w + 1) / 2 : w * w);  // n^1.5 when w = sqrt(n)
      CHECK(work.multiply_adds == 2 * n * 4 * (clusters + 1) + pairs * (4 + 3));
      CHECK(work.exponentials == pairs);
      CHECK(work.largest_buffer == w);
    }
  }
}

TEST_CASE("routing: refuses sizes that do not fit", "[routing][error]") {
  const RoutingSample s;
  CHECK_THROWS_WITH(routing_attention(s.q, s.k, s.v, s.centroids, {.members = 25}),
                    "routing_attention: wanted no more members than tokens, got 25 for 24");
  CHECK_THROWS_WITH(routing_attention(s.q, s.k, s.v, Matrix::from_shape({0, 4}), {}),
                    "routing_attention: wanted at least one cluster, got none");
  CHECK_THROWS_AS(routing_attention(s.q, s.v, s.v, s.centroids, {}), ShapeError);
  CHECK_THROWS_AS(routing_attention(s.q, s.k, Matrix{{1}}, s.centroids, {}), ShapeError);
  CHECK_THROWS_WITH(spherical_k_means(s.q, 25, 1, 1),
                    "spherical_k_means: wanted no more clusters than tokens, got 25 for 24");
  CHECK_THROWS_WITH(spherical_k_means(s.q, 0, 1, 1),
                    "spherical_k_means: wanted at least one cluster, got none");
  CHECK_THROWS_WITH(update_centroids(s.centroids, s.q, 1.5),
                    "update_centroids: wanted a decay in [0, 1], got 1.500000");
  CHECK_THROWS_AS(update_centroids(s.centroids, s.v, 0.5), ShapeError);
}
