#include <algorithm>
#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/render/html.hpp>
#include <limits>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace headlight;
using namespace headlight::render;
using headlight_test::contains;

namespace {

const double inf = std::numeric_limits<double>::infinity();

HtmlPage example_page() {
  const HtmlStage pattern{"A",           "the pattern",       {"query", "key"},
                          {2, 2},        {1, -inf, 0.5, 0.5}, {"<b>", "cat"},
                          {"<b>", "cat"}};
  const HtmlStage query{
      "Q", "queries", {"head", "pos", "d_head"}, {2, 2, 3}, std::vector<double>(12, -1)};
  return {
      .title = "Lesson 5",
      .lead = "All & everything",
      .sections = {{"One",
                    {HtmlText{"words"}, pattern, pattern,
                     HtmlCheck{"L05.1", "rows sum to one", true, "1e-16", "1e-12", {"C05-07"}}}},
                   {"Two", {query, HtmlCheck{"L05.2", "fails", false, "1", "0"}}}},
      .claims = {{"C05-07", "true", "the claim", "with a note", {"L05.1"}}}};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

// Every tag that is opened is closed, in order. Good enough for what we write ourselves.
bool is_balanced(const std::string& page) {
  const std::set<std::string> empty = {"meta", "br", "!DOCTYPE"};
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = page.find('<', at)) != std::string::npos;) {
    const std::size_t end = page.find('>', at);
    if (end == std::string::npos) return false;
    const bool closes = page[at + 1] == '/', alone = page[end - 1] == '/';
    const std::size_t start = at + (closes ? 2 : 1);
    const std::string name = page.substr(start, page.find_first_of(" />\n", start) - start);
    at = end + 1;
    if (empty.count(name) || alone) continue;
    if (!closes) {
      open.push_back(name);
    } else {
      if (open.empty() || open.back() != name) return false;
      open.pop_back();
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("html_page: every tag is closed, and every id stands once", "[html][law]") {
  const std::string page = html_page(example_page());
  CHECK(is_balanced(page));
  std::set<std::string> ids;
  for (std::size_t at = 0; (at = page.find(" id=\"", at)) != std::string::npos; ++at)
    CHECK(ids.insert(page.substr(at + 5, page.find('"', at + 5) - at - 5)).second);
  for (std::size_t at = 0; (at = page.find("href=\"#", at)) != std::string::npos; ++at)
    CHECK(ids.count(page.substr(at + 7, page.find('"', at + 7) - at - 7)) == 1);
}

TEST_CASE("html_page: takes nothing from elsewhere, and runs nothing without a head to look at",
          "[html][law]") {
  const std::string page = html_page(example_page());
  for (const char* word : {"http:", "https:", "src=", "<script", "@import"})
    CHECK(count(page, word) ==
          (std::string(word) == "http:" ? count(page, "http://www.w3.org/2000/svg") : 0));
}

TEST_CASE("html_page: texts are escaped, numbers are there, hidden is named", "[html]") {
  const std::string page = html_page(example_page());
  CHECK_THAT(page, contains("All &amp; everything"));
  CHECK(count(page, "<b>cat") == 0);
  CHECK_THAT(page, contains("&lt;b&gt;"));
  CHECK_THAT(page, contains("<td>0.5000</td>"));
  CHECK_THAT(page, contains("\xE2\x88\x92\xE2\x88\x9E"));
  CHECK_THAT(page, contains("class=\"check fails\" id=\"L05.2\""));
  CHECK_THAT(page, contains("<a href=\"#L05.1\">L05.1</a>"));
}

TEST_CASE("html_page: says when it leaves numbers out", "[html]") {
  HtmlPage page = example_page();
  std::get<HtmlStage>(page.sections[1].parts[0]).most = 7;
  CHECK_THAT(html_page(page), contains("6 of 12 numbers."));
}

TEST_CASE("html_page: refuses a stage whose shape does not fit", "[html][error]") {
  HtmlPage page = example_page();
  std::get<HtmlStage>(page.sections[1].parts[0]).shape = {2, 2, 2};
  CHECK_THROWS_WITH(html_page(page), contains("12 values and 3 axes for a shape of [2, 2, 2]"));
}

TEST_CASE("svg_heatmap: role, title, description, and hidden cells are hatched, never coloured",
          "[svg]") {
  const std::string svg =
      svg_heatmap(Matrix{{1, -inf}, {0, std::nan("")}}, nullptr, {"A<1>", "what it is"});
  CHECK(is_balanced(svg));
  CHECK_THAT(svg, contains("role=\"img\""));
  CHECK_THAT(svg, contains("A&lt;1&gt;</title>"));
  CHECK_THAT(svg, contains("what it is</desc>"));
  CHECK(count(svg, "fill=\"#fee838\" d") == 1);  // the largest value
  CHECK(count(svg, "fill=\"#00224e\" d") == 1);  // zero
  CHECK(count(svg, "-h)\"") == 2);               // the hidden cell and the legend
  CHECK_THAT(svg, contains(">?</text>"));
}

TEST_CASE("svg_heatmap: fourteen columns are cells without numbers, one path a colour", "[svg]") {
  Matrix wide = Matrix::from_shape({2, 14});
  for (std::size_t c = 0; c < 28; ++c) wide.data()[c] = c < 14 ? 0 : 1;
  wide(1, 3) = -inf, wide(1, 5) = std::nan("");
  const std::string svg = svg_heatmap(wide, nullptr, {"A", "what it is"});
  CHECK(is_balanced(svg));
  CHECK(count(svg, "<path") == 4 + 1);  // lowest, highest, hidden, unknown; the hatch itself
  CHECK(count(svg, "h22v22") == 28);
  CHECK(count(svg, ">?</text>") == 1);
}

TEST_CASE("svg_heatmap: numbers in cells can be read on their colour", "[svg][law]") {
  for (int i = 0; i <= 100; ++i)
    for (const Palette palette : {Palette::cividis, Palette::diverging}) {
      const double back = luminance(colour_of(palette, i / 100.0));
      const double front = back > 0.2 ? 0.0 : 1.0;
      const double contrast = (std::max(back, front) + 0.05) / (std::min(back, front) + 0.05);
      CHECK(contrast > 4);
    }
}

TEST_CASE("svg_line_chart: a mark for every point that can be drawn", "[svg]") {
  const std::string svg =
      svg_line_chart({{"a", {1, 10, 100}, {1, 2, 3}}, {"b", {1, 10}, {1, inf}}},
                     {"Loss", "by length"}, {.x_label = "tokens", .log_x = true});
  CHECK(is_balanced(svg));
  CHECK(count(svg, "<circle") == 3 + 1);  // and one in the legend
  CHECK_THAT(svg, contains("tokens (logarithmic)"));
  CHECK(count(svg, "inf") == 0);
  CHECK(count(svg, "nan") == 0);
  CHECK_THROWS_AS(svg_line_chart({{"a", {1}, {}}}, {}), ShapeError);
}

TEST_CASE("svg_bar_chart: one bar a value", "[svg]") {
  const std::string svg = svg_bar_chart({"a", "b"}, {1, -0.5}, {"t", "d"});
  CHECK(is_balanced(svg));
  CHECK(count(svg, "<rect") == 2);
  CHECK_THAT(svg, contains("-0.5000"));
  CHECK_THROWS_AS(svg_bar_chart({"a"}, {}, {}), ShapeError);
}
