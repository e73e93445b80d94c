#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/render/heatmap.hpp>
#include <headlight/render/palette.hpp>
#include <limits>
#include <sstream>

#include "support/catch.hpp"

using namespace headlight;
using namespace headlight::render;

TEST_CASE("heatmap: darker is more, hidden is not zero", "[heatmap]") {
  const Matrix pattern = {{1, 0}, {0, 1}};
  const Mask mask = {{true, false}, {true, true}};
  CHECK(heatmap(pattern, &mask, {.row_labels = {"a", "b"}, .column_labels = {"a", "b"}}) ==
        "    a b\n"
        "  a ██××▏\n"
        "  b   ██▏\n"
        "  blank 0.0000, █ 1.0000, × hidden\n");
}

TEST_CASE("heatmap: minus infinity is hidden without a mask, NaN is a question mark", "[heatmap]") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(heatmap(Matrix{{2, -inf}, {0, std::nan("")}}, {.look = {.ascii = true}}) ==
        "  @@xx|\n"
        "    ??|\n"
        "  blank 0.0000, @ 2.0000, x hidden, ? not a number\n");
}

TEST_CASE("heatmap: ten ASCII shades in order", "[heatmap]") {
  Matrix row = Matrix::from_shape({1, 10});
  for (std::size_t j = 0; j < 10; ++j) row(0, j) = static_cast<double>(j);
  CHECK(heatmap(row, {.look = {.width = 12, .ascii = true}}) ==
        "   .:-=+*#%@\n  blank 0.0000, @ 9.0000\n");
}

TEST_CASE("heatmap: negative scores start the scale at the smallest", "[heatmap]") {
  CHECK(heatmap(Matrix{{-4, 0, 4}}, {.look = {.ascii = true}}) ==
        "    ++@@|\n  blank -4.0000, @ 4.0000\n");
}

TEST_CASE("heatmap: colour is reset after every cell", "[heatmap]") {
  const std::string drawn = heatmap(Matrix{{0, 1}}, {.look = {.colour = true}});
  CHECK_THAT(drawn, headlight_test::contains("\x1b[48;2;254;232;56m  \x1b[0m\n"));
}

TEST_CASE("heatmap: a large matrix is drawn in bands of their mean", "[heatmap]") {
  Matrix a = Matrix::from_shape({4, 4});
  for (std::size_t i = 0; i < 16; ++i) a.data()[i] = i < 8 ? 0 : i % 4 < 2 ? 1 : 3;
  CHECK(heatmap(a, {.look = {.ascii = true}, .max_rows = 2}) ==
        "      |\n  --@@|\n  blank 0.0000, @ 3.0000; a cell is the mean of 2 by 2\n");
}

TEST_CASE("heatmap: fits the terminal at any size", "[heatmap][law]") {
  for (const std::size_t n : {1, 38, 39, 40, 77, 78, 79, 300}) {
    Matrix a = Matrix::from_shape({2, n});
    for (double& v : a) v = 1;
    std::istringstream lines(heatmap(a));
    for (std::string line; std::getline(lines, line);) CHECK(display_width(line) <= 80);
  }
}

TEST_CASE("heatmap: refuses a mask or labels that do not fit", "[heatmap][error]") {
  const Mask mask = {{true}};
  CHECK_THROWS_AS(heatmap(Matrix{{1, 2}}, &mask), ShapeError);
  CHECK_THROWS_WITH(heatmap(Matrix{{1, 2}}, {.column_labels = {"a"}}),
                    "render::heatmap: 1 column labels for 2 columns");
}

TEST_CASE("colour_of: lightness grows from end to end of the sequential palette",
          "[palette][law]") {
  double last = -1;
  for (int i = 0; i <= 100; ++i) {
    const double now = luminance(colour_of(Palette::cividis, i / 100.0));
    CHECK(now > last);
    last = now;
  }
  CHECK(hex(colour_of(Palette::cividis, -3)) == "#00224e");
  CHECK(hex(colour_of(Palette::cividis, 7)) == "#fee838");
}

TEST_CASE("colour_of: the diverging palette is lightest in the middle", "[palette][law]") {
  for (int i = 1; i <= 50; ++i)
    for (const int side : {-1, 1}) {
      const auto at = [&](int step) {
        return luminance(colour_of(Palette::diverging, 0.5 + side * step / 100.0));
      };
      CHECK(at(i) < at(i - 1));
    }
}
