/// @file
/// Colours that colour-blind readers can order: lightness grows from end to end.
#pragma once

#include <cstdint>
#include <string>

namespace headlight::render {

/// Red, green, blue.
struct Colour {
  std::uint8_t red = 0;    ///< 0 ... 255
  std::uint8_t green = 0;  ///< 0 ... 255
  std::uint8_t blue = 0;   ///< 0 ... 255
};

/// A sequence of colours.
enum class Palette {
  cividis,    ///< dark blue to yellow; the same order with every kind of colour vision
  diverging,  ///< blue through near-white to orange, for values on both sides of zero
};

/// The colour of a share of the way.
/// @param palette  which sequence
/// @param share  0 ... 1; values outside are clamped
/// @return interpolated between the nearest two of nine anchors
/// @source cividis: Nuñez, Anderton, Renslow 2018
Colour colour_of(Palette palette, double share);

/// The relative luminance of sRGB, as the accessibility guidelines define it.
/// @param colour  sRGB
/// @return 0 (black) ... 1 (white)
/// @source W3C, Web Content Accessibility Guidelines 2.1, "relative luminance"
double luminance(Colour colour);

/// For HTML and SVG.
/// @param colour  sRGB
/// @return "#0a7fc2"
std::string hex(Colour colour);

}  // namespace headlight::render
