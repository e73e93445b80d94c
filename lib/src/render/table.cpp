#include <algorithm>
#include <headlight/core/shape.hpp>
#include <headlight/render/table.hpp>
#include <string>

namespace headlight::render {
namespace {

constexpr std::size_t elided = static_cast<std::size_t>(-1);

// 0 ... count-1, or the first and last ones with `elided` between them.
std::vector<std::size_t> chosen(std::size_t count, std::size_t most) {
  std::vector<std::size_t> indices;
  const bool fits = count <= most;
  const std::size_t head = fits ? count : most - most / 2, tail = fits ? 0 : most / 2;
  for (std::size_t i = 0; i < head; ++i) indices.push_back(i);
  if (!fits) indices.push_back(elided);
  for (std::size_t i = count - tail; i < count; ++i) indices.push_back(i);
  return indices;
}

std::string plane(std::span<const double> values, std::size_t rows, std::size_t columns,
                  const TableStyle& style) {
  const std::string margin(style.indent, ' ');
  const std::string dots = style.look.ascii ? "..." : "…";
  const std::size_t label_most = std::clamp<std::size_t>(style.look.width / 5, 3, 14);
  std::size_t label_width = 0;
  for (const std::string& label : style.row_labels)
    label_width = std::max(label_width, std::min(display_width(label), label_most));

  const std::vector<std::size_t> shown_rows =
      chosen(rows, std::max<std::size_t>(style.max_rows, 2));
  std::size_t cell_width = style.decimals == 0 ? 1 : 0;
  for (const std::size_t i : shown_rows)
    for (std::size_t j = 0; i != elided && j < columns; ++j)
      cell_width = std::max(cell_width, fixed(values[i * columns + j], style.decimals).size());
  for (const std::string& label : style.column_labels)
    cell_width = std::max(cell_width, std::min<std::size_t>(display_width(label), 9));

  const std::size_t gap = 2;
  const std::size_t taken = style.indent + label_width;
  const std::size_t room = style.look.width > taken ? style.look.width - taken : 0;
  std::size_t fit = std::max<std::size_t>(room / (cell_width + gap), 1);
  if (columns > fit) {  // the dots take room too
    const std::size_t left = room > gap + dots.size() ? room - gap - display_width(dots) : 0;
    fit = std::max<std::size_t>(left / (cell_width + gap), 1);
  }
  const std::vector<std::size_t> shown_columns = chosen(columns, fit);

  const auto line = [&](std::string_view label, const auto& cell) {
    std::string text =
        margin + align_left(shorten(label, label_most, style.look.ascii), label_width);
    for (const std::size_t j : shown_columns)
      text += std::string(gap, ' ') + (j == elided ? dots : align_right(cell(j), cell_width));
    text.erase(text.find_last_not_of(' ') + 1);
    return text + '\n';
  };
  std::string result;
  if (!style.column_labels.empty())
    result += line("", [&](std::size_t j) {
      return shorten(style.column_labels[j], std::max<std::size_t>(cell_width, 1),
                     style.look.ascii);
    });
  for (const std::size_t i : shown_rows) {
    if (i == elided) {
      result += margin + std::string(label_width + gap, ' ') + dots + '\n';
      continue;
    }
    result += line(style.row_labels.empty() ? std::string_view() : style.row_labels[i],
                   [&](std::size_t j) { return fixed(values[i * columns + j], style.decimals); });
  }
  return result;
}

bool reads_as_number(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.,+-eE%x ") == std::string::npos;
}

}  // namespace

std::string table(std::span<const double> values, std::span<const std::size_t> shape,
                  const TableStyle& style) {
  std::size_t size = 1;
  for (const std::size_t axis : shape) size *= axis;
  require_shape(
      size == values.size(), "render::table",
      "a shape of " + shape_string(shape) + " for " + std::to_string(values.size()) + " values");
  if (size == 0)
    return std::string(style.indent, ' ') + "(no numbers: " + shape_string(shape) + ")\n";
  const std::size_t columns = shape.empty() ? 1 : shape.back();
  const std::size_t rows = shape.size() < 2 ? 1 : shape[shape.size() - 2];
  require_shape(style.row_labels.empty() || style.row_labels.size() == rows, "render::table",
                std::to_string(style.row_labels.size()) + " row labels for " +
                    std::to_string(rows) + " rows");
  require_shape(style.column_labels.empty() || style.column_labels.size() == columns,
                "render::table",
                std::to_string(style.column_labels.size()) + " column labels for " +
                    std::to_string(columns) + " columns");
  const std::size_t slices = size / (rows * columns);
  if (shape.size() < 3) return plane(values, rows, columns, style);
  std::string result;
  for (const std::size_t s : chosen(slices, std::max<std::size_t>(style.max_slices, 2))) {
    const std::string margin(style.indent, ' ');
    if (s == elided) {
      result += margin + (style.look.ascii ? "..." : "…") + '\n';
      continue;
    }
    result += margin + style.slice_name + ' ' + std::to_string(s) + ":\n";
    result += plane(values.subspan(s * rows * columns, rows * columns), rows, columns, style);
  }
  return result;
}

std::string text_table(const std::vector<std::string>& heading,
                       const std::vector<std::vector<std::string>>& rows, const Look& look,
                       std::size_t indent) {
  const std::size_t columns = heading.size();
  std::vector<std::size_t> width(columns);
  std::vector<bool> numeric(columns, !rows.empty());
  for (std::size_t c = 0; c < columns; ++c) width[c] = display_width(heading[c]);
  for (const std::vector<std::string>& row : rows) {
    require_shape(row.size() == columns, "render::text_table",
                  "a row of " + std::to_string(row.size()) + " cells under a heading of " +
                      std::to_string(columns));
    for (std::size_t c = 0; c < columns; ++c) {
      width[c] = std::max(width[c], display_width(row[c]));
      numeric[c] = numeric[c] && reads_as_number(row[c]);
    }
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text(indent, ' ');
    std::size_t used = indent;
    for (std::size_t c = 0; c < columns; ++c) {
      if (c > 0) text += "  ", used += 2;
      const std::size_t room = look.width > used ? look.width - used : 1;
      const std::string cell = shorten(cells[c], std::min(width[c], room), look.ascii);
      text += numeric[c] ? align_right(cell, width[c]) : align_left(cell, width[c]);
      used += width[c];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text + '\n';
  };
  std::string result = line(heading);
  std::vector<std::string> rule(columns);
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t i = 0; i < width[c]; ++i) rule[c] += look.ascii ? "-" : "─";
  result += line(rule);
  for (const std::vector<std::string>& row : rows) result += line(row);
  return result;
}

}  // namespace headlight::render
