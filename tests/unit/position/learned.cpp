#include <headlight/core/shape.hpp>
#include <headlight/position/learned.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

TEST_CASE("learned_positions: rows of the table from the first position on", "[learned]") {
  const Matrix table = {{1, 2}, {3, 4}, {5, 6}};
  CHECK((learned_positions(table, 2, 1) == Matrix{{3, 4}, {5, 6}}));
  CHECK((learned_positions(table, 3) == table));
}

TEST_CASE("learned_positions: has no row beyond the table", "[learned][error]") {
  const Matrix table = {{1, 2}, {3, 4}, {5, 6}};
  CHECK_THROWS_WITH(learned_positions(table, 2, 2),
                    "learned_positions: wanted positions below 3 (rows of the table), got 2 to 3");
  CHECK_THROWS_AS(learned_positions(table, 4), ShapeError);
  CHECK_THROWS_AS(learned_positions(table, 1, static_cast<std::size_t>(-1)), ShapeError);
}
