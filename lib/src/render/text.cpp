#include <cmath>
#include <cstdint>
#include <cstdio>
#include <headlight/render/text.hpp>

namespace headlight::render {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return {first, 1, false};
  std::uint32_t value = first & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {first, 1, false};
    value = (value << 6) | (byte(i) & 0x3F);
  }
  const bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return {first, 1, false};
  return {value, bytes, true};
}

bool is_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200E && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

std::size_t columns_of(std::uint32_t c) {
  const auto in = [c](std::uint32_t from, std::uint32_t to) { return c >= from && c <= to; };
  if (in(0x300, 0x36F) || in(0x483, 0x489) || in(0x591, 0x5BD) || in(0x610, 0x61A) ||
      in(0x64B, 0x65F) || in(0x200B, 0x200D) || in(0x20D0, 0x20FF) || in(0xFE00, 0xFE0F) ||
      in(0xFE20, 0xFE2F) || in(0xE0100, 0xE01EF))
    return 0;
  if (in(0x1100, 0x115F) || in(0x2E80, 0x303E) || in(0x3041, 0xA4CF) || in(0xA960, 0xA97F) ||
      in(0xAC00, 0xD7A3) || in(0xF900, 0xFAFF) || in(0xFE30, 0xFE6F) || in(0xFF00, 0xFF60) ||
      in(0xFFE0, 0xFFE6) || in(0x1F300, 0x1F64F) || in(0x1F680, 0x1F6FF) || in(0x1F900, 0x1F9FF) ||
      in(0x1FA70, 0x1FAFF) || in(0x20000, 0x3FFFD))
    return 2;
  return 1;
}

}  // namespace

std::string fixed(double x, std::size_t decimals) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x < 0 ? "-inf" : "inf";
  char text[64];
  const int digits = static_cast<int>(decimals);
  if (std::abs(x) >= 1e7) {
    std::snprintf(text, sizeof text, "%.*e", digits, x);
    return text;
  }
  std::snprintf(text, sizeof text, "%.*f", digits, x);
  const std::string_view written = text;
  const bool is_zero = written.find_first_not_of("-0.") == std::string_view::npos;
  return std::string(is_zero && written.front() == '-' ? written.substr(1) : written);
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint c = decode(text);
    width += c.valid ? columns_of(c.value) : 1;
    text.remove_prefix(c.bytes);
  }
  return width;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint c = decode(text);
    if (!c.valid) return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

std::string shorten(std::string_view text, std::size_t width, bool ascii) {
  std::string result, one_shorter;  // one_shorter: what still leaves a column for the ellipsis
  std::size_t used = 0;
  while (!text.empty()) {
    const CodePoint c = decode(text);
    std::string piece(text.substr(0, c.bytes));
    std::size_t columns = c.valid ? columns_of(c.value) : 1;
    if (c.value == '\n' && c.valid) {
      piece = ascii ? "~" : "↵", columns = 1;
    } else if (!c.valid || is_control(c.value) || (ascii && c.value >= 0x80)) {
      piece = ascii ? "?" : "�", columns = 1;
    }
    if (used + columns > width) return one_shorter + (ascii ? "." : "…");
    result += piece;
    used += columns;
    if (used + 1 <= width) one_shorter = result;
    text.remove_prefix(c.bytes);
  }
  return result;
}

std::string align_right(std::string_view text, std::size_t width) {
  const std::size_t taken = display_width(text);
  return std::string(taken < width ? width - taken : 0, ' ').append(text);
}

std::string align_left(std::string_view text, std::size_t width) {
  const std::size_t taken = display_width(text);
  return std::string(text) + std::string(taken < width ? width - taken : 0, ' ');
}

}  // namespace headlight::render
