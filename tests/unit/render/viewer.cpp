#include <headlight/attention/head.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/render/html.hpp>
#include <headlight/render/viewer.hpp>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"

using namespace headlight;
using namespace headlight::render;
using headlight_test::contains;

namespace {

// Two queries, two keys, d_head 3, d_value 1; the second query has a token that looks like markup.
ViewedHead example_head() {
  const Matrix x = {{1, 0}, {0, 1}};
  const HeadWeights weights = {Matrix{{0.1, 0, 0}, {1, 2, 3}}, Matrix{{1, 0, 0}, {0, 1, 0}},
                               Matrix{{8}, {-0.25}}};
  const HeadTrace t = attend(x, weights, {.causal = true});
  return {"head <0>",
          {"The", "</script>"},
          {"The", "</script>"},
          t.query,
          t.key,
          t.value,
          t.scores,
          t.masked_scores,
          t.pattern,
          t.output};
}

nlohmann::json numbers_of(const std::string& element) {
  const std::size_t begin = element.find("json\">") + 6;
  return nlohmann::json::parse(element.substr(begin, element.find("</script>") - begin));
}

}  // namespace

TEST_CASE("viewer_element: holds every number exactly, hidden scores as -inf", "[viewer]") {
  const ViewedHead head = example_head();
  const nlohmann::json read = numbers_of(viewer_element({head, head})).at("heads");
  REQUIRE(read.size() == 2);
  const auto same = [&](const char* part, const Matrix& want) {
    const nlohmann::json& got = read[1].at(part);
    REQUIRE(got.size() == want.shape(0));
    for (std::size_t i = 0; i < want.shape(0); ++i)
      for (std::size_t j = 0; j < want.shape(1); ++j) CHECK(got[i][j].get<double>() == want(i, j));
  };
  same("query", head.query);
  same("key", head.key);
  same("value", head.value);
  same("scores", head.scores);
  same("pattern", head.pattern);
  same("output", head.output);
  CHECK(read[0].at("masked")[0][1] == "-inf");
  CHECK(read[0].at("masked")[1][1].get<double>() == head.masked_scores(1, 1));
  CHECK(read[0].at("queries")[1] == "</script>");
}

TEST_CASE("viewer_element: a token that looks like markup stays a token", "[viewer]") {
  const std::string element = viewer_element({example_head()});
  const std::size_t first = element.find("</script>");
  CHECK(element.find("</script>", first + 1) == std::string::npos);
  CHECK(element.find("</script></div>") == first);
}

TEST_CASE("viewer_element: refuses parts that do not fit together", "[viewer][error]") {
  CHECK_THROWS_WITH(viewer_element({}), contains("there is no head"));
  ViewedHead head = example_head();
  head.key_labels.pop_back();
  CHECK_THROWS_WITH(viewer_element({head}), contains("key is [2, 3], wanted [1, 3]"));
  head = example_head();
  head.output = Matrix{{1}};
  CHECK_THROWS_WITH(viewer_element({head}), contains("output is [1, 1], wanted [2, 1]"));
  head = example_head();
  head.value = Matrix::from_shape({2, 0});
  CHECK_THROWS_AS(viewer_element({head}), ShapeError);
}

TEST_CASE("html_page: carries script and style of the viewer only when it holds a head",
          "[html][viewer]") {
  const HtmlPage with = {.title = "t", .sections = {{"One", {HtmlHeads{{example_head()}}}}}};
  const HtmlPage without = {.title = "t", .sections = {{"One", {HtmlText{"words"}}}}};
  CHECK_THAT(html_page(with), contains("class=\"head-viewer\""));
  CHECK_THAT(html_page(with), contains("aria-live"));
  CHECK_THAT(html_page(with), contains(".hv-hidden"));
  CHECK(html_page(without).find("<script") == std::string::npos);
  CHECK(html_page(without).find("hv-") == std::string::npos);
  for (const char* word : {"http:", "https:", "src=", "@import", "url("})
    CHECK(html_page(with).find(word) == std::string::npos);
}
