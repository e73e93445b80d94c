#include <headlight/core/shape.hpp>
#include <headlight/render/chart.hpp>
#include <limits>
#include <sstream>

#include "support/catch.hpp"

using namespace headlight;
using namespace headlight::render;

TEST_CASE("line_chart: points stand where their numbers say", "[chart]") {
  const std::string drawn = line_chart({{"rise", {0, 1, 2}, {0, 1, 2}}},
                                       {.look = {.width = 17, .ascii = true}, .height = 3});
  CHECK(drawn ==
        "  2 |           *\n"
        "  1 |      *\n"
        "  0 | *\n"
        "    +------------\n"
        "      0    1    2\n"
        "  * rise\n");
}

TEST_CASE("line_chart: with logarithms equal factors are equally far apart", "[chart]") {
  const std::string drawn =
      line_chart({{"loss", {1, 10, 100}, {1, 10, 100}}},
                 {.log_x = true, .log_y = true, .look = {.width = 19, .ascii = true}, .height = 3});
  CHECK(drawn ==
        "  100 |           *\n"
        "   10 |      *\n"
        "    1 | *\n"
        "      +------------\n"
        "        1   10  100\n"
        "  * loss\n");
}

TEST_CASE("line_chart: leaves out what cannot be drawn, and says when nothing is left", "[chart]") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(line_chart({{"a", {1, 2}, {inf, -inf}}}) == "  (no points)\n");
  CHECK(line_chart({{"a", {0, -1}, {1, 1}}}, {.log_x = true}) == "  (no points)\n");
  CHECK_THROWS_WITH(line_chart({{"a", {1, 2}, {1}}}),
                    "render::line_chart: series a has 2 x and 1 y");
}

TEST_CASE("line_chart: fits the terminal", "[chart][law]") {
  for (const std::size_t width : {30, 80, 100}) {
    std::istringstream lines(line_chart(
        {{"a rather long name of a series", {32, 64, 128, 256}, {.05, 3.05, 3, 3.03}},
         {"another long name", {32, 64, 128, 256}, {.1, .2, 1e-9, .4}}},
        {.x_label = "tokens", .y_label = "loss", .log_x = true, .look = {.width = width}}));
    for (std::string line; std::getline(lines, line);) CHECK(display_width(line) <= width);
  }
}

TEST_CASE("ticks: round numbers within the range", "[chart]") {
  CHECK(ticks(0, 10, false) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(ticks(-1, 1, false) == std::vector<double>{-1, -0.5, 0, 0.5, 1});
  CHECK(ticks(1, 10, true) == std::vector<double>{1, 2, 5, 10});
  CHECK(ticks(1, 1e6, true).size() == 7);
  CHECK(ticks(3, 3, false) == std::vector<double>{3});
}

TEST_CASE("bar_chart: bars start at zero, negative ones point left", "[chart]") {
  CHECK(bar_chart({"a", "b", "c"}, {2, -1, 0}, {.width = 26, .ascii = true}) ==
        "  a   2.0000      ########\n"
        "  b  -1.0000  ####\n"
        "  c   0.0000      |\n");
}
