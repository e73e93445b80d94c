#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/layer/embedding.hpp>
#include <headlight/layer/feed_forward.hpp>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

Vector activated(Activation kind, const Vector& x) {
  Vector y = x;
  activate<double>(kind, {x.data(), x.size()}, {y.data(), y.size()});
  return y;
}

}  // namespace

TEST_CASE("activate: published values of both GELUs at 1 and -1", "[feed_forward]") {
  // gelu(1) = Phi(1) = 0.8413447460685429; the tanh form gives 0.8411919906082768
  CHECK_THAT(activated(Activation::gelu, {1, -1, 0}),
             IsClose(Vector{0.8413447460685429, -0.15865525393145707, 0}));
  CHECK_THAT(activated(Activation::gelu_new, {1, -1, 0}),
             IsClose(Vector{0.8411919906082768, -0.15880800939172324, 0}));
}

TEST_CASE("activate: the two GELUs are not the same function", "[feed_forward]") {
  CHECK_FALSE(compare(activated(Activation::gelu, {2.0}), activated(Activation::gelu_new, {2.0}),
                      {.tolerance = 1e-5})
                  .close);
}

TEST_CASE("activate: ReLU cuts below zero and keeps NaN", "[feed_forward]") {
  CHECK_THAT(activated(Activation::relu, {-2, 0, 3}), IsClose(Vector{0, 0, 3}));
  CHECK(std::isnan(activated(Activation::relu, {std::nan("")})(0)));
}

TEST_CASE("embed: looks up rows, repeated ids too", "[embedding]") {
  const std::vector<std::size_t> ids = {2, 0, 2};
  CHECK_THAT(embed<double>(Matrix{{1, 2}, {3, 4}, {5, 6}}, ids),
             IsClose(Matrix{{5, 6}, {1, 2}, {5, 6}}));
}

TEST_CASE("embed: refuses an id that is not in the vocabulary", "[embedding][error]") {
  const std::vector<std::size_t> ids = {3};
  CHECK_THROWS_WITH(embed<double>(Matrix{{1}, {2}, {3}}, ids),
                    "embed: token id 3 is not below 3, the size of the vocabulary");
}
