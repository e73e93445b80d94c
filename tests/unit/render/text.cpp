#include <cmath>
#include <headlight/render/text.hpp>
#include <limits>

#include "support/catch.hpp"

using namespace headlight::render;

TEST_CASE("fixed: four decimals, no negative zero, infinity in words", "[text]") {
  CHECK(fixed(0.5) == "0.5000");
  CHECK(fixed(-0.00004) == "0.0000");
  CHECK(fixed(-0.00006) == "-0.0001");
  CHECK(fixed(-0.0, 0) == "0");
  CHECK(fixed(12345678.0, 2) == "1.23e+07");
  CHECK(fixed(-std::numeric_limits<double>::infinity()) == "-inf");
  CHECK(fixed(std::nan("")) == "nan");
}

TEST_CASE("display_width: counts columns, not bytes", "[text]") {
  CHECK(display_width("кот") == 3);
  CHECK(display_width("e\xCC\x81") == 1);     // e with a combining accent
  CHECK(display_width("\xE6\xB3\xA8") == 2);  // a wide character
  CHECK(display_width("\xFF\xC3") == 2);      // two bytes that are not UTF-8
}

TEST_CASE("is_utf8: overlong forms, surrogates and cut sequences are not", "[text]") {
  CHECK(is_utf8("голова \xF0\x9F\x99\x82"));
  CHECK_FALSE(is_utf8("\xC0\xAF"));
  CHECK_FALSE(is_utf8("\xED\xA0\x80"));
  CHECK_FALSE(is_utf8("\xF5\x80\x80\x80"));
  CHECK_FALSE(is_utf8("\xD0"));
}

TEST_CASE("shorten: an ellipsis takes the last column", "[text]") {
  CHECK(shorten("attention", 9) == "attention");
  CHECK(shorten("attention", 5) == "atte…");
  CHECK(shorten("внимание", 4) == "вни…");
  CHECK(shorten("attention", 5, true) == "atte.");
  CHECK(shorten("\xE6\xB3\xA8\xE6\xB3\xA8", 3) == "\xE6\xB3\xA8…");
}

TEST_CASE("shorten: no text can steer the terminal", "[text]") {
  CHECK(shorten("a\x1b[31mb", 20) == "a�[31mb");
  CHECK(shorten("a\nb\x07", 20, true) == "a~b?");
  CHECK(shorten("\xFF", 20) == "�");
  CHECK(shorten("\xE2\x80\xAE"
                "abc",
                20) == "�abc");  // right-to-left override
}

TEST_CASE("align: blanks fill up to the width", "[text]") {
  CHECK(align_right("кот", 5) == "  кот");
  CHECK(align_left("кот", 5) == "кот  ");
  CHECK(align_left("long", 2) == "long");
}
