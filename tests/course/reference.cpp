// The graders' plain loops agree with the library, which agrees with PyTorch.
#include "kit/reference.hpp"

#include <headlight/core/linalg.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <limits>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

TEST_CASE("reference: product and flipped agree with matmul and transpose", "[course]") {
  Random random(3);
  const Matrix a = course::fresh_matrix(random, 4, 5), b = course::fresh_matrix(random, 5, 3);
  CHECK_THAT(course::product(a, b), IsClose(matmul(a, b)));
  CHECK_THAT(course::flipped(a), IsClose(transpose(a)));
}

TEST_CASE("reference: softmax agrees with softmax_rows, hidden keys and hidden rows too",
          "[course]") {
  Random random(4);
  Matrix scores = course::fresh_matrix(random, 5, 5, 20);
  CHECK_THAT(course::softmax(course::future_hidden(scores)),
             IsClose(softmax_rows(course::future_hidden(scores))));
  for (std::size_t j = 0; j < 5; ++j) scores(2, j) = -std::numeric_limits<double>::infinity();
  CHECK_THAT(course::softmax(scores), IsClose(softmax_rows(scores)));
}

TEST_CASE("fresh_matrix: every number is held by float exactly", "[course]") {
  Random random(5);
  const Matrix a = course::fresh_matrix(random, 30, 30, 40);
  for (const double x : a) CHECK(static_cast<double>(static_cast<float>(x)) == x);
}
