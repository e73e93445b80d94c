#include <cstdint>
#include <headlight/file/base64.hpp>
#include <headlight/file/whole_file.hpp>

namespace headlight {

std::string base64(std::string_view bytes) {
  constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t j = 0; j < 3; ++j)
      word = word << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j > bytes.size() ? '=' : letters[word >> (18 - 6 * j) & 63];
  }
  return text;
}

std::string from_base64(std::string_view text, const std::string& where) {
  std::string bytes;
  std::uint32_t word = 0;
  int bits = 0;
  for (const char letter : text) {
    if (letter == '=') break;
    const int value = letter >= 'A' && letter <= 'Z'   ? letter - 'A'
                      : letter >= 'a' && letter <= 'z' ? letter - 'a' + 26
                      : letter >= '0' && letter <= '9' ? letter - '0' + 52
                      : letter == '+'                  ? 62
                      : letter == '/'                  ? 63
                                                       : -1;
    if (value < 0) throw FileError(where + ": the data are not base64");
    word = word << 6 | static_cast<std::uint32_t>(value), bits += 6;
    if (bits >= 8) bits -= 8, bytes += static_cast<char>(word >> bits & 0xFF);
  }
  return bytes;
}

}  // namespace headlight
