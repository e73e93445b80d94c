/// @file
/// A matrix as a picture of characters: shades in UTF-8 or ASCII, or colours.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/render/text.hpp>
#include <optional>
#include <string>
#include <vector>

namespace headlight::render {

/// How a heat map is drawn.
struct HeatmapStyle {
  Look look = {};                               ///< width, characters, colour
  std::size_t max_rows = 32;                    ///< more rows are drawn in bands of their mean
  std::size_t indent = 2;                       ///< blanks before every line
  std::vector<std::string> row_labels = {};     ///< one a row, or empty
  std::vector<std::string> column_labels = {};  ///< one a column, or empty
  std::optional<double> low = {};   ///< value of the lightest shade; absent: 0, or the smallest
  std::optional<double> high = {};  ///< value of the darkest shade; absent: the largest
};

/// Draws a matrix: one cell a number, a legend of both ends of the scale below. A hidden cell (-inf
/// or false in the mask) is drawn by a mark of its own, never like zero; NaN is "?".
/// @param values @shape{rows, columns}
/// @param mask @shape{rows, columns} true where visible, or null
/// @param style  labels, scale, characters
/// @return lines, each ended by a newline
/// @throws ShapeError when mask or labels do not fit
std::string heatmap(const Matrix& values, const Mask* mask, const HeatmapStyle& style = {});

/// Draws a matrix without a mask.
/// @param values @shape{rows, columns}; -inf is hidden
/// @param style  labels, scale, characters
/// @return lines, each ended by a newline
inline std::string heatmap(const Matrix& values, const HeatmapStyle& style = {}) {
  return heatmap(values, nullptr, style);
}

}  // namespace headlight::render
