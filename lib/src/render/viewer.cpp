#include <headlight/core/shape.hpp>
#include <headlight/render/json.hpp>
#include <headlight/render/viewer.hpp>

namespace headlight::render {
namespace {

void require_head(const ViewedHead& head) {
  const std::size_t n_query = head.query_labels.size(), n_key = head.key_labels.size();
  const auto fits = [&](const char* part, const Matrix& values, std::size_t rows,
                        std::size_t columns) {
    require_shape(values.shape(0) == rows && values.shape(1) == columns && columns > 0 && rows > 0,
                  "render::viewer_element",
                  head.name + ": " + part + " is " + shape_string(values) + ", wanted " +
                      shape_string(std::vector<std::size_t>{rows, columns}));
  };
  const std::size_t d_head = head.query.shape(1), d_value = head.value.shape(1);
  fits("query", head.query, n_query, d_head);
  fits("key", head.key, n_key, d_head);
  fits("value", head.value, n_key, d_value);
  fits("scores", head.scores, n_query, n_key);
  fits("masked_scores", head.masked_scores, n_query, n_key);
  fits("pattern", head.pattern, n_query, n_key);
  fits("output", head.output, n_query, d_value);
}

std::string list(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) out += (out.size() > 1 ? "," : "") + json_string(word);
  return out + "]";
}

std::string rows(const Matrix& m) {
  const std::vector<std::size_t> shape = {m.shape(0), m.shape(1)};
  return json_values<double>(std::vector<double>(m.begin(), m.end()), shape);
}

// Inside a script element "</" would end it.
std::string inside_script(const std::string& json) {
  std::string out;
  for (const char c : json) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string viewer_element(const std::vector<ViewedHead>& heads) {
  require_shape(!heads.empty(), "render::viewer_element", "there is no head");
  std::string json;
  for (const ViewedHead& head : heads) {
    require_head(head);
    json += std::string(json.empty() ? "" : ",\n") + "{\"name\":" + json_string(head.name) +
            ",\"queries\":" + list(head.query_labels) + ",\"keys\":" + list(head.key_labels) +
            ",\"query\":" + rows(head.query) + ",\"key\":" + rows(head.key) +
            ",\"value\":" + rows(head.value) + ",\"scores\":" + rows(head.scores) +
            ",\"masked\":" + rows(head.masked_scores) + ",\"pattern\":" + rows(head.pattern) +
            ",\"output\":" + rows(head.output) + "}";
  }
  return "<div class=\"head-viewer\"><script type=\"application/json\">{\"heads\":[" +
         inside_script(json) + "]}</script></div>\n";
}

}  // namespace headlight::render
