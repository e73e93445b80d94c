#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <limits>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

TEST_CASE("causal_mask: a token sees itself and the past", "[mask]") {
  CHECK((causal_mask(3, 3) == Mask{{true, false, false}, {true, true, false}, {true, true, true}}));
}

TEST_CASE("causal_mask: fewer queries than keys are the last positions", "[mask]") {
  CHECK((causal_mask(2, 4) == Mask{{true, true, true, false}, {true, true, true, true}}));
}

TEST_CASE("causal_mask: refuses more queries than keys", "[mask][error]") {
  CHECK_THROWS_WITH(causal_mask(3, 2),
                    "causal_mask: wanted no more queries than keys, got 3 queries and 2 keys");
}

TEST_CASE("padding_mask: hides columns", "[mask]") {
  CHECK((padding_mask(2, {true, false, true}) == Mask{{true, false, true}, {true, false, true}}));
}

TEST_CASE("both: visible where both masks say so", "[mask]") {
  CHECK((both(causal_mask(2, 2), padding_mask(2, {false, true})) ==
         Mask{{false, false}, {false, true}}));
  CHECK_THROWS_AS(both(causal_mask(2, 2), causal_mask(2, 3)), ShapeError);
}

TEST_CASE("hide: minus infinity where hidden, the score untouched elsewhere", "[mask]") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_THAT(hide(Matrix{{1, 2}, {3, 4}}, causal_mask(2, 2)), IsClose(Matrix{{1, -inf}, {3, 4}}));
}

TEST_CASE("fully_hidden_rows: names the queries that see nothing", "[mask]") {
  CHECK(fully_hidden_rows(both(causal_mask(3, 3), padding_mask(3, {false, true, true}))) ==
        std::vector<std::size_t>{0});
}
