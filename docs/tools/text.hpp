/// @file
/// Small helpers of the site's tools: files, text, HTML.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace site {

namespace fs = std::filesystem;

/// Reads a whole file or throws with its name.
std::string read_file(const fs::path& path);
/// Writes a file, making its folder.
void write_file(const fs::path& path, std::string_view text);
/// &, <, >, " as entities.
std::string escape_html(std::string_view text);
/// Replaces every occurrence.
std::string replaced(std::string text, std::string_view what, std::string_view by);
/// Without blanks at both ends.
std::string trimmed(std::string_view text);
/// At newlines; the last empty line is dropped.
std::vector<std::string> lines_of(std::string_view text);
/// Every regular file below a folder that ends in `ending`, sorted.
std::vector<fs::path> files_below(const fs::path& folder, std::string_view ending);

/// A piece of an HTML page.
struct Token {
  enum class Kind { open, close, text, other };
  Kind kind = Kind::text;
  std::string name;                         ///< of a tag, lower case
  std::map<std::string, std::string> attr;  ///< entities resolved
  std::string text;                         ///< of a text, entities resolved
  bool empty = false;                       ///< closes itself
  std::size_t line = 0;                     ///< where it begins
};

/// Cuts a page into tags and texts; scripts and styles come as one text.
std::vector<Token> parse_html(std::string_view page);

}  // namespace site
