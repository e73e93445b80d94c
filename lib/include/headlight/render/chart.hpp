/// @file
/// Lines and bars in text.
#pragma once

#include <headlight/render/text.hpp>
#include <string>
#include <vector>

namespace headlight::render {

/// One line of a chart; points that are not finite are left out.
struct Series {
  std::string name;       ///< for the legend
  std::vector<double> x;  ///< one a point
  std::vector<double> y;  ///< one a point
};

/// What a chart says and how its axes run. Used for text and for SVG.
struct ChartStyle {
  std::string x_label = {};  ///< what runs to the right
  std::string y_label = {};  ///< what runs upwards
  bool log_x = false;        ///< points that are not positive are left out
  bool log_y = false;        ///< points that are not positive are left out
  Look look = {};            ///< of a chart in text
  std::size_t height = 12;   ///< lines of the field, of a chart in text
  std::size_t indent = 2;    ///< blanks before every line, of a chart in text
};

/// Where a scale is marked: at round numbers, or at powers and their round multiples.
/// @param low  smallest value, positive for a logarithmic scale
/// @param high  largest value
/// @param logarithmic  the scale
/// @return ascending values within low ... high, at least one
std::vector<double> ticks(double low, double high, bool logarithmic);

/// Where the horizontal scale of a chart is marked: at the points themselves when they stand at no
/// more than eight places, else at round numbers.
/// @param series  what is drawn
/// @param style  logarithms
/// @return ascending values
std::vector<double> x_ticks(const std::vector<Series>& series, const ChartStyle& style);

/// A number for a scale: as few digits as it needs.
/// @param x  any number
/// @return "0.5", "10000", "1e-06"
std::string tick_text(double x);

/// Draws lines as marks in a field of text, one mark a series.
/// @param series  at least one
/// @param style  labels, logarithms, size
/// @return lines, each ended by a newline, none wider than the look's width
/// @throws ShapeError when a series has not as many x as y
std::string line_chart(const std::vector<Series>& series, const ChartStyle& style = {});

/// Draws one bar a value, the number behind it. Bars start at zero; a negative one points left.
/// @param labels  one a value
/// @param values  any numbers
/// @param look  width and characters
/// @param indent  blanks before every line
/// @return lines, each ended by a newline
/// @throws ShapeError when there are not as many labels as values
std::string bar_chart(const std::vector<std::string>& labels, const std::vector<double>& values,
                      const Look& look = {}, std::size_t indent = 2);

}  // namespace headlight::render
