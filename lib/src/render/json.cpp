#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <headlight/core/shape.hpp>
#include <headlight/render/json.hpp>
#include <headlight/render/text.hpp>
#include <type_traits>

namespace headlight::render {
namespace {

template <class T>
std::string number(T x) {
  if (std::isnan(x)) return "\"nan\"";
  if (std::isinf(x)) return x < 0 ? "\"-inf\"" : "\"inf\"";
  std::array<char, 64> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), x).ptr;
  return {text.data(), end};
}

template <class T>
void nest(std::string& out, const T*& next, std::span<const std::size_t> shape) {
  if (shape.empty()) {
    if constexpr (std::is_same_v<T, bool>)
      out += *next++ ? "true" : "false";
    else
      out += number(*next++);
    return;
  }
  out += '[';
  for (std::size_t i = 0; i < shape.front(); ++i) {
    if (i > 0) out += ',';
    nest(out, next, shape.subspan(1));
  }
  out += ']';
}

// Bytes of a valid UTF-8 sequence at the start of the text, 0 when there is none.
std::size_t valid_bytes(std::string_view text) {
  for (std::size_t n = 1; n <= 4 && n <= text.size(); ++n)
    if (is_utf8(text.substr(0, n))) return n;
  return 0;
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t n = valid_bytes(text);
    const char c = text.front();
    if (n == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      out += '\\', out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (n == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      out += code;
    } else {
      out += text.substr(0, n);
    }
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out + '"';
}

std::string json_number(double x) {
  return number(x);
}
std::string json_number(float x) {
  return number(x);
}

template <class T>
std::string json_values(std::span<const T> values, std::span<const std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t axis : shape) size *= axis;
  require_shape(
      size == values.size(), "render::json_values",
      "a shape of " + shape_string(shape) + " for " + std::to_string(values.size()) + " values");
  std::string out;
  const T* next = values.data();
  nest(out, next, shape);
  return out;
}

template std::string json_values(std::span<const double>, std::span<const std::size_t>);
template std::string json_values(std::span<const float>, std::span<const std::size_t>);
template std::string json_values(std::span<const bool>, std::span<const std::size_t>);

}  // namespace headlight::render
