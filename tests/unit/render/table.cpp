#include <algorithm>
#include <headlight/core/shape.hpp>
#include <headlight/render/table.hpp>
#include <limits>
#include <sstream>

#include "support/catch.hpp"

using namespace headlight;
using namespace headlight::render;

namespace {

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, display_width(line));
  return widest;
}

Matrix counted(std::size_t rows, std::size_t columns) {
  Matrix a = Matrix::from_shape({rows, columns});
  for (std::size_t i = 0; i < a.size(); ++i) a.data()[i] = static_cast<double>(i);
  return a;
}

}  // namespace

TEST_CASE("table: columns are aligned, labels stand before and above", "[table]") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(table(Matrix{{1, -inf}, {0.5, 12.25}},
              {.row_labels = {"the", "cat"}, .column_labels = {"the", "cat"}}) ==
        "           the      cat\n"
        "  the   1.0000     -inf\n"
        "  cat   0.5000  12.2500\n");
}

TEST_CASE("table: a vector is one row, a mask is ones and zeros", "[table]") {
  CHECK(table(Vector{1, 2}) == "    1.0000  2.0000\n");
  CHECK(table(Mask{{true, false}, {true, true}}) == "    1  0\n    1  1\n");
}

TEST_CASE("table: heads come one after the other", "[table]") {
  CHECK(table(Tensor3{{{1}}, {{2}}}, {.decimals = 1}) ==
        "  head 0:\n    1.0\n  head 1:\n    2.0\n");
}

TEST_CASE("table: never wider than the terminal, whatever its size", "[table][law]") {
  for (const std::size_t columns : {1, 7, 8, 9, 10, 11, 40, 1000})
    for (const std::size_t width : {30, 80, 121}) {
      const Matrix a = counted(3, columns);
      CHECK(widest_line(table(a, {.look = {.width = width}})) <= width);
      CHECK(widest_line(table(a, {.look = {.width = width, .ascii = true},
                                  .row_labels = {"a", "much longer label", "кот"}})) <= width);
    }
}

TEST_CASE("table: first and last rows stay when the middle is elided", "[table]") {
  CHECK(table(counted(9, 1), {.look = {.ascii = true}, .decimals = 0, .max_rows = 3}) ==
        "    0\n    1\n    ...\n    8\n");
}

TEST_CASE("table: what has no numbers says so", "[table]") {
  CHECK(table(Matrix::from_shape({0, 4})) == "  (no numbers: [0, 4])\n");
}

TEST_CASE("table: refuses labels and shapes that do not fit", "[table][error]") {
  CHECK_THROWS_WITH(table(Matrix{{1, 2}}, {.row_labels = {"a", "b"}}),
                    "render::table: 2 row labels for 1 rows");
  CHECK_THROWS_AS(table(Matrix{{1, 2}}, {.column_labels = {"a"}}), ShapeError);
  const std::vector<double> three = {1, 2, 3};
  const std::vector<std::size_t> two_by_two = {2, 2};
  CHECK_THROWS_WITH(table(three, two_by_two), "render::table: a shape of [2, 2] for 3 values");
}

TEST_CASE("text_table: numbers to the right, words to the left", "[table]") {
  CHECK(text_table({"scheme", "slope"}, {{"ALiBi", "0.5"}, {"RoPE", "12.25"}}, {.ascii = true}) ==
        "  scheme  slope\n"
        "  ------  -----\n"
        "  ALiBi     0.5\n"
        "  RoPE    12.25\n");
  CHECK(widest_line(text_table({"a", "b"}, {{"x", std::string(200, 'w')}})) == 80);
  CHECK_THROWS_AS(text_table({"a", "b"}, {{"x"}}), ShapeError);
}
