#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <headlight/render/palette.hpp>

namespace headlight::render {

Colour colour_of(Palette palette, double share) {
  static constexpr std::array<Colour, 9> cividis = {{{0, 34, 78},
                                                     {18, 53, 112},
                                                     {59, 73, 108},
                                                     {87, 93, 109},
                                                     {112, 113, 115},
                                                     {138, 134, 120},
                                                     {165, 156, 116},
                                                     {208, 190, 92},
                                                     {254, 232, 56}}};
  static constexpr std::array<Colour, 9> diverging = {{{5, 48, 97},
                                                       {33, 102, 172},
                                                       {90, 155, 200},
                                                       {170, 208, 228},
                                                       {245, 245, 242},
                                                       {250, 205, 160},
                                                       {235, 145, 70},
                                                       {190, 90, 20},
                                                       {120, 50, 5}}};
  const auto& anchors = palette == Palette::cividis ? cividis : diverging;
  const double place = std::clamp(std::isnan(share) ? 0.0 : share, 0.0, 1.0) * 8;
  const std::size_t low = std::min<std::size_t>(static_cast<std::size_t>(place), 7);
  const double part = place - static_cast<double>(low);
  const auto mix = [part](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround((1 - part) * a + part * b));
  };
  const Colour a = anchors[low], b = anchors[low + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

double luminance(Colour colour) {
  const auto linear = [](std::uint8_t byte) {
    const double c = byte / 255.0;
    return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

std::string hex(Colour colour) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", colour.red, colour.green, colour.blue);
  return text;
}

}  // namespace headlight::render
