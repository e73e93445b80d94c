/// @file
/// Pictures as SVG: heat maps, lines, bars. Each has a role, a title and a description; text and
/// axes take the colour of the page around them, so that they are read in light and dark.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/render/chart.hpp>
#include <headlight/render/palette.hpp>
#include <optional>
#include <string>
#include <vector>

namespace headlight::render {

/// What a picture says to those who do not see it, and to those who do.
struct Caption {
  std::string title = {};        ///< what it is
  std::string description = {};  ///< what it shows, in a sentence
  std::string id = {};           ///< unique in a page; absent: made from what is drawn
};

/// How a heat map is drawn.
struct SvgHeatmapStyle {
  std::string row_axis = "query";               ///< what a row is
  std::string column_axis = "key";              ///< what a column is
  std::vector<std::string> row_labels = {};     ///< one a row, or empty
  std::vector<std::string> column_labels = {};  ///< one a column, or empty
  std::optional<double> low = {};               ///< value of one end; absent: 0, or the smallest
  std::optional<double> high = {};              ///< value of the other end; absent: the largest
  bool diverging = false;      ///< two colours on both sides of zero, ends equally far from it
  std::size_t max_cells = 64;  ///< a side; more are drawn in bands of their mean
};

/// Text that may stand in HTML and XML, between tags or in quotes.
/// @param text  any bytes
/// @return with &, <, >, quotes escaped; what is not UTF-8 or a control character replaced
std::string markup(std::string_view text);

/// A matrix as coloured cells with their values written in when there is room, a scale below.
/// Hidden cells (-inf, or false in the mask) are hatched, never coloured; NaN is a question mark.
/// @param values @shape{rows, columns}
/// @param mask @shape{rows, columns} true where visible, or null
/// @param caption  title and description
/// @param style  labels, scale
/// @return one svg element
/// @throws ShapeError when mask or labels do not fit
std::string svg_heatmap(const Matrix& values, const Mask* mask, const Caption& caption,
                        const SvgHeatmapStyle& style = {});

/// Lines with marks of different shapes and dashes, so that they differ without colour.
/// @param series  at least one
/// @param caption  title and description
/// @param style  labels and logarithms (`look`, `height` and `indent` are not read)
/// @return one svg element
/// @throws ShapeError when a series has not as many x as y
std::string svg_line_chart(const std::vector<Series>& series, const Caption& caption,
                           const ChartStyle& style = {});

/// One bar a value, its number behind it.
/// @param labels  one a value
/// @param values  any numbers; a negative bar points left
/// @param caption  title and description
/// @return one svg element
/// @throws ShapeError when there are not as many labels as values
std::string svg_bar_chart(const std::vector<std::string>& labels, const std::vector<double>& values,
                          const Caption& caption);

}  // namespace headlight::render
