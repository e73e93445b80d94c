#include <algorithm>
#include <array>
#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/render/heatmap.hpp>
#include <headlight/render/palette.hpp>
#include <limits>

#include "render/band.hpp"

namespace headlight::render {
namespace {

constexpr double hidden = -std::numeric_limits<double>::infinity();
constexpr std::array<const char*, 5> shades = {" ", "░", "▒", "▓", "█"};
constexpr std::string_view ascii_shades = " .:-=+*#%@";

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  while (times-- > 0) text += piece;
  return text;
}

}  // namespace

namespace detail {

std::size_t band_that_fits(const Matrix& cells, std::size_t max_rows, std::size_t max_columns) {
  const auto bands = [](std::size_t size, std::size_t band) { return (size + band - 1) / band; };
  std::size_t band = 1;
  while (bands(cells.shape(0), band) > std::max<std::size_t>(max_rows, 1) ||
         bands(cells.shape(1), band) > std::max<std::size_t>(max_columns, 1))
    ++band;
  return band;
}

Matrix banded(const Matrix& cells, std::size_t band) {
  const std::size_t rows = (cells.shape(0) + band - 1) / band;
  const std::size_t columns = (cells.shape(1) + band - 1) / band;
  Matrix result = Matrix::from_shape({rows, columns});
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      double sum = 0;
      std::size_t count = 0;
      for (std::size_t a = i * band; a < std::min((i + 1) * band, cells.shape(0)); ++a)
        for (std::size_t b = j * band; b < std::min((j + 1) * band, cells.shape(1)); ++b)
          if (cells(a, b) != hidden) sum += cells(a, b), ++count;
      result(i, j) = count == 0 ? hidden : sum / static_cast<double>(count);
    }
  return result;
}

}  // namespace detail

std::string heatmap(const Matrix& values, const Mask* mask, const HeatmapStyle& style) {
  const std::string margin(style.indent, ' ');
  const bool ascii = style.look.ascii;
  require_shape(!mask || mask->shape() == values.shape(), "render::heatmap",
                "a mask for other cells than the values " + shape_string(values));
  require_shape(style.row_labels.empty() || style.row_labels.size() == values.shape(0),
                "render::heatmap",
                std::to_string(style.row_labels.size()) + " row labels for " +
                    std::to_string(values.shape(0)) + " rows");
  require_shape(style.column_labels.empty() || style.column_labels.size() == values.shape(1),
                "render::heatmap",
                std::to_string(style.column_labels.size()) + " column labels for " +
                    std::to_string(values.shape(1)) + " columns");
  if (values.size() == 0) return margin + "(no numbers: " + shape_string(values) + ")\n";

  Matrix cells = values;
  if (mask)
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (!mask->data()[i]) cells.data()[i] = hidden;

  std::size_t label_width = 0;
  for (const std::string& label : style.row_labels)
    label_width = std::max(label_width, std::min<std::size_t>(display_width(label), 12) + 1);
  const std::size_t taken = style.indent + label_width;
  const std::size_t room = std::max<std::size_t>(style.look.width, taken + 8) - taken;
  const std::size_t band = detail::band_that_fits(cells, style.max_rows, room);
  if (band > 1) cells = detail::banded(cells, band);
  const std::size_t rows = cells.shape(0), columns = cells.shape(1);
  const std::size_t cell_width = std::clamp<std::size_t>(room / columns, 1, 2);

  double least = std::numeric_limits<double>::infinity(), most = hidden;
  bool any_hidden = false, any_nan = false;
  for (const double x : cells) {
    any_hidden = any_hidden || x == hidden;
    any_nan = any_nan || std::isnan(x);
    if (std::isfinite(x)) least = std::min(least, x), most = std::max(most, x);
  }
  const bool any_finite = most >= least;
  const double low = style.low.value_or(any_finite ? std::min(least, 0.0) : 0.0);
  const double high = style.high.value_or(any_finite ? std::max(most, low) : 0.0);
  const auto share = [&](double x) { return high > low ? (x - low) / (high - low) : 0.0; };
  const std::string hidden_mark = ascii ? "x" : "×";

  const auto draw = [&](double x) -> std::string {
    if (x == hidden) return repeated(hidden_mark, cell_width);
    if (std::isnan(x)) return repeated("?", cell_width);
    const double t = std::clamp(share(x), 0.0, 1.0);
    if (style.look.colour) {
      const Colour c = colour_of(Palette::cividis, t);
      return "\x1b[48;2;" + std::to_string(c.red) + ';' + std::to_string(c.green) + ';' +
             std::to_string(c.blue) + 'm' + std::string(cell_width, ' ') + "\x1b[0m";
    }
    const std::size_t levels = ascii ? ascii_shades.size() : shades.size();
    const auto level = static_cast<std::size_t>(std::lround(t * static_cast<double>(levels - 1)));
    return ascii ? std::string(cell_width, ascii_shades[level])
                 : repeated(shades[level], cell_width);
  };

  std::string result;
  const bool one_to_one = band == 1;
  if (one_to_one && !style.column_labels.empty()) {  // column labels read downwards
    std::size_t height = 0;
    for (const std::string& label : style.column_labels)
      height = std::max(height, std::min<std::size_t>(display_width(label), 6));
    std::vector<std::vector<std::string>> letters(columns);
    for (std::size_t j = 0; j < columns; ++j) {
      std::string text = shorten(style.column_labels[j], 6, ascii);
      for (std::size_t at = 0; at < text.size();) {
        std::size_t next = at + 1;
        while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80)
          ++next;
        letters[j].push_back(text.substr(at, next - at));
        at = next;
      }
    }
    for (std::size_t k = 0; k < height; ++k) {
      std::string line = margin + std::string(label_width, ' ');
      for (std::size_t j = 0; j < columns; ++j)
        line += align_left(k < letters[j].size() ? letters[j][k] : " ", cell_width);
      line.erase(line.find_last_not_of(' ') + 1);
      result += line + '\n';
    }
  }
  const std::string edge = ascii ? "|" : "▏";
  const bool framed = !style.look.colour && taken + columns * cell_width + 2 <= style.look.width;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::string label =
        one_to_one && label_width > 0 ? shorten(style.row_labels[i], 12, ascii) : "";
    std::string line = margin + align_left(label, label_width);
    for (std::size_t j = 0; j < columns; ++j) line += draw(cells(i, j));
    if (framed) line += edge;  // blank cells at the end of a row would not be seen
    result += line + '\n';
  }
  const std::string dark = style.look.colour ? draw(high) : ascii ? "@" : "█";
  const std::string light = style.look.colour ? draw(low) : "blank";
  result += margin + (any_finite ? light + " " + fixed(low) + ", " + dark + " " + fixed(high) : "");
  if (any_hidden) result += (any_finite ? ", " : "") + hidden_mark + " hidden";
  if (any_nan) result += ", ? not a number";
  if (band > 1)
    result += "; a cell is the mean of " + std::to_string(band) + " by " + std::to_string(band);
  return result + '\n';
}

}  // namespace headlight::render
