/// @file
/// Text for a terminal: what every table and picture needs. Strings in, strings out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace headlight::render {

/// What the reader's terminal can show.
struct Look {
  std::size_t width = 80;  ///< columns of the terminal
  bool ascii = false;      ///< only ASCII characters
  bool colour = false;     ///< 24-bit colours by escape sequences
};

/// A number with fixed decimals; one that rounds to zero has no minus sign, and one of ten million
/// or more is written with an exponent.
/// @param x  any number
/// @param decimals  digits after the point
/// @return "0.5000", "-inf", "inf", "nan"
std::string fixed(double x, std::size_t decimals = 4);

/// Columns that a text takes in a terminal: combining marks take none, East Asian wide characters
/// take two, a byte that is not UTF-8 takes one.
/// @param text  UTF-8
/// @return columns
std::size_t display_width(std::string_view text);

/// @param text  any bytes
/// @return true when they are UTF-8: no overlong forms, no surrogates, nothing cut off
bool is_utf8(std::string_view text);

/// Shortens a text that is too wide; the last column is then an ellipsis ("." in ASCII). Control
/// characters and bytes that are not UTF-8 are replaced, so that no text can steer the terminal.
/// @param text  UTF-8
/// @param width  columns at most, at least 1
/// @param ascii  replace what is not ASCII by "?"
/// @return a text of at most `width` columns
std::string shorten(std::string_view text, std::size_t width, bool ascii = false);

/// Blanks before the text until it is wide enough.
/// @param text  UTF-8
/// @param width  columns wanted
/// @return the text, right-aligned
std::string align_right(std::string_view text, std::size_t width);

/// Blanks after the text until it is wide enough.
/// @param text  UTF-8
/// @param width  columns wanted
/// @return the text, left-aligned
std::string align_left(std::string_view text, std::size_t width);

}  // namespace headlight::render
