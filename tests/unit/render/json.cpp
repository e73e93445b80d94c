#include <cmath>
#include <cstdlib>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/core/tensor.hpp>
#include <headlight/render/json.hpp>
#include <limits>

#include "support/catch.hpp"

using namespace headlight;
using namespace headlight::render;

TEST_CASE("json_number: fewest digits, infinities and NaN spelled out", "[json]") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(json_number(0.1) == "0.1");
  CHECK(json_number(0.1f) == "0.1");
  CHECK(json_number(static_cast<double>(0.1f)) == "0.10000000149011612");
  CHECK(json_number(3.0) == "3");
  CHECK(json_number(inf) == "\"inf\"");
  CHECK(json_number(-inf) == "\"-inf\"");
  CHECK(json_number(std::numeric_limits<double>::quiet_NaN()) == "\"nan\"");
}

TEST_CASE("json_number: reading it gives the number back exactly", "[json][law]") {
  Random random(41);
  for (int i = 0; i < 2000; ++i) {
    const double x = random.normal() * std::exp2(static_cast<double>(random.below(200)) - 100);
    CHECK(std::strtod(json_number(x).c_str(), nullptr) == x);
    const float y = static_cast<float>(x);
    CHECK(std::strtof(json_number(y).c_str(), nullptr) == y);
  }
}

TEST_CASE("json_string: quotes, control characters and bytes that are not UTF-8", "[json]") {
  CHECK(json_string("a\"b\\c\n\t\x01") == "\"a\\\"b\\\\c\\n\\t\\u0001\"");
  CHECK(json_string("голова") == "\"голова\"");
  CHECK(json_string("\xFFz") == "\"\xEF\xBF\xBDz\"");
}

TEST_CASE("json_values: nested as the shape says", "[json]") {
  const std::vector<double> values = {1, 2, 3, 4, 5, -std::numeric_limits<double>::infinity()};
  const std::vector<std::size_t> matrix = {2, 3}, cube = {1, 3, 2}, none = {0, 3}, wrong = {2, 2};
  CHECK(json_values<double>(values, matrix) == "[[1,2,3],[4,5,\"-inf\"]]");
  CHECK(json_values<double>(values, cube) == "[[[1,2],[3,4],[5,\"-inf\"]]]");
  CHECK(json_values<double>({}, none) == "[]");
  const Mask mask = {{true, false}};
  CHECK(json_values<bool>({mask.data(), 2}, mask.shape()) == "[[true,false]]");
  CHECK_THROWS_WITH(json_values<double>(values, wrong),
                    "render::json_values: a shape of [2, 2] for 6 values");
}
