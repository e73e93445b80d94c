#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/norm.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

TEST_CASE("normalise: LayerNorm of 1, 2, 3, 6 by hand", "[norm]") {
  // mean 3, squares 4 + 1 + 0 + 9 = 14, biased variance 3.5; epsilon 0.5 makes the root exactly 2
  const NormWeights weights{.gain = {1, 1, 2, 1}, .bias = {0, 0, 0, 5}, .epsilon = 0.5};
  const NormTrace trace = normalise(Matrix{{1, 2, 3, 6}}, weights);
  CHECK_THAT(trace.mean, IsClose(Matrix{{3}}));
  CHECK_THAT(trace.scale, IsClose(Matrix{{2}}));
  CHECK_THAT(trace.normalised, IsClose(Matrix{{-1, -0.5, 0, 1.5}}));
  CHECK_THAT(trace.output, IsClose(Matrix{{-1, -0.5, 0, 6.5}}));
}

TEST_CASE("normalise: RMSNorm keeps the mean and records none", "[norm]") {
  // mean of squares (9 + 16) / 2 = 12.5, epsilon 12.5, root 5
  const NormWeights weights{.gain = {1, 2}, .bias = {}, .epsilon = 12.5, .kind = Norm::rms};
  const NormTrace trace = normalise(Matrix{{3, 4}}, weights);
  CHECK(trace.mean.size() == 0);
  CHECK_THAT(trace.output, IsClose(Matrix{{0.6, 1.6}}));
}

TEST_CASE("normalise: shifting a row changes nothing, scaling it hardly", "[norm][law]") {
  const NormWeights weights{.gain = {1, 1, 1}, .bias = {}, .epsilon = 1e-5};
  const Matrix base = normalise(Matrix{{1, 2, 4}}, weights).output;
  CHECK_THAT(normalise(Matrix{{11, 12, 14}}, weights).output, IsClose(base));
  CHECK_THAT(normalise(Matrix{{100, 200, 400}}, weights).output,
             IsClose(base, 1e-5));  // epsilon is felt at the first scale
}

TEST_CASE("normalise: the same bits with two threads", "[norm][law]") {
  Random random(4);
  const Matrix x = random_matrix(random, 150, 7);
  const NormWeights weights{.gain = random_vector(random, 7), .bias = random_vector(random, 7)};
  NormTrace one, two;
  normalise(x, weights, one, 1);
  normalise(x, weights, two, 2);
  CHECK((one.output == two.output));
}

TEST_CASE("normalise: refuses a gain of another width", "[norm][error]") {
  CHECK_THROWS_WITH(normalise(Matrix{{1, 2}}, NormWeights{.gain = {1, 1, 1}, .bias = {}}),
                    "normalise: a gain of [3] for rows of [1, 2]");
}
