#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <headlight/core/shape.hpp>
#include <headlight/render/svg.hpp>
#include <limits>
#include <map>
#include <optional>

#include "render/band.hpp"

namespace headlight::render {
namespace {

constexpr double hidden_cell = -std::numeric_limits<double>::infinity();

// Coordinates with at most two decimals, without trailing zeros.
std::string at(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", x);
  std::string s = text;
  while (s.back() == '0') s.pop_back();
  if (s.back() == '.') s.pop_back();
  return s == "-0" ? "0" : s;
}

std::string attribute(const char* name, const std::string& value) {
  return std::string(" ") + name + "=\"" + value + '"';
}
std::string attribute(const char* name, double value) {
  return attribute(name, at(value));
}

std::string text(double x, double y, std::string_view words, const std::string& more = "") {
  return "<text" + attribute("x", x) + attribute("y", y) + more + ">" + markup(words) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& more = "") {
  return "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
         attribute("y2", y2) + more + "/>\n";
}

std::string rect(double x, double y, double width, double height, const std::string& more) {
  return "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
         attribute("height", height) + more + "/>\n";
}

// Equal pictures have equal names, different ones different names: FNV-1a of what is drawn.
std::string name_of(const Caption& caption, const std::string& body) {
  if (!caption.id.empty()) return markup(caption.id);
  std::uint64_t hash = 14695981039346656037u;
  for (const std::string* part : {&caption.title, &caption.description, &body})
    for (const char c : *part) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char name[24];
  std::snprintf(name, sizeof name, "p%016llx", static_cast<unsigned long long>(hash));
  return name;
}

std::string picture(double width, double height, const Caption& caption, const std::string& body,
                    bool hatch, std::optional<Palette> legend = {}) {
  const std::string name = name_of(caption, body);
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"" +
                    attribute("viewBox", "0 0 " + at(width) + " " + at(height)) +
                    attribute("width", width) + attribute("height", height) +
                    attribute("aria-labelledby", name + "-t " + name + "-d") +
                    " style=\"max-width:100%;height:auto\" fill=\"currentColor\""
                    " font-family=\"system-ui, sans-serif\" font-size=\"12\">\n";
  out += "<title id=\"" + name + "-t\">" + markup(caption.title) + "</title>\n";
  out += "<desc id=\"" + name + "-d\">" + markup(caption.description) + "</desc>\n";
  if (hatch)
    out +=
        "<defs><pattern id=\"" + name +
        "-h\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
        "<path d=\"M0 6L6 0\" stroke=\"currentColor\" stroke-opacity=\"0.45\"/></pattern></defs>\n";
  if (legend) {
    out += "<defs><linearGradient id=\"" + name + "-g\">";
    for (int step = 0; step <= 12; ++step)
      out += "<stop" + attribute("offset", step / 12.0) +
             attribute("stop-color", hex(colour_of(*legend, step / 12.0))) + "/>";
    out += "</linearGradient></defs>\n";
  }
  std::string filled = body;
  for (const char part : {'h', 'g'}) {
    const std::string local = std::string("url(#") + part + ")";
    for (std::size_t place = 0; (place = filled.find(local, place)) != std::string::npos;)
      filled.replace(place, local.size(), "url(#" + name + "-" + part + ")");
  }
  return out + filled + "</svg>\n";
}

double text_width(std::string_view words) {
  return 7.0 * static_cast<double>(display_width(words));
}

// Six colours with a contrast of at least 3 against white and against near-black.
constexpr std::array<const char*, 6> line_colours = {"#0072b2", "#c65100", "#008a64",
                                                     "#b8629a", "#8f6d00", "#6b6bb0"};
constexpr std::array<const char*, 6> dashes = {"", "6 3", "2 3", "8 3 2 3", "10 4", "1 4"};

std::string mark(std::size_t kind, double x, double y, const std::string& colour) {
  const std::string fill = attribute("fill", colour);
  switch (kind % 6) {
    case 0:
      return "<circle" + attribute("cx", x) + attribute("cy", y) + " r=\"4\"" + fill + "/>\n";
    case 1:
      return rect(x - 3.5, y - 3.5, 7, 7, fill);
    case 2:
      return "<path d=\"M" + at(x) + " " + at(y - 5) + "l4.5 8h-9z\"" + fill + "/>\n";
    case 3:
      return "<path d=\"M" + at(x) + " " + at(y + 5) + "l4.5 -8h-9z\"" + fill + "/>\n";
    case 4:
      return "<path d=\"M" + at(x) + " " + at(y - 5) + "l5 5l-5 5l-5 -5z\"" + fill + "/>\n";
    default:
      return "<path d=\"M" + at(x - 4) + " " + at(y - 4) + "l8 8m0 -8l-8 8\"" +
             attribute("stroke", colour) + " stroke-width=\"2\" fill=\"none\"/>\n";
  }
}

// Cells without numbers: one path a colour (of 33). Merged, neighbours of one colour are one piece.
std::string plain_cells(const Matrix& cells, double left, double top, double side, bool merged,
                        const std::function<Colour(double)>& colour, bool& any_hidden) {
  std::map<std::string, std::string> paths;  // fill to outline
  std::string unknown;                       // NaN, where there is room to say so
  const auto fill_of = [&](double v) -> std::string {
    if (std::isnan(v)) return "none";
    return std::isfinite(v) ? hex(colour(v)) : "url(#h)";
  };
  for (std::size_t i = 0; i < cells.shape(0); ++i)
    for (std::size_t j = 0; j < cells.shape(1);) {
      const std::string fill = fill_of(cells(i, j));
      std::size_t end = j + 1;
      while (merged && end < cells.shape(1) && fill_of(cells(i, end)) == fill) ++end;
      const std::string width = at(side * static_cast<double>(end - j));
      paths[fill] += "M" + at(left + side * static_cast<double>(j)) + " " +
                     at(top + side * static_cast<double>(i)) + "h" + width + "v" + at(side) + "h-" +
                     width + "z";
      any_hidden = any_hidden || fill == "url(#h)";
      if (!merged && fill == "none")
        unknown +=
            text(left + side * (static_cast<double>(j) + 0.5),
                 top + side * (static_cast<double>(i) + 0.5) + 4, "?", " text-anchor=\"middle\"");
      j = end;
    }
  std::string out = merged ? "" : "<g stroke=\"currentColor\" stroke-opacity=\"0.25\">\n";
  for (const auto& [fill, outline] : paths)
    out += "<path" + attribute("fill", fill) + attribute("d", outline) + "/>\n";
  if (!merged) return out + "</g>\n" + unknown;
  return out + rect(left, top, side * static_cast<double>(cells.shape(1)),
                    side * static_cast<double>(cells.shape(0)),
                    " fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.4\"");
}

// Cells with their number, dark on light or light on dark.
std::string numbered_cells(const Matrix& cells, double left, double top, double side, double tall,
                           const std::function<Colour(double)>& colour, bool& any_hidden) {
  std::string fields, dark, light;
  for (std::size_t i = 0; i < cells.shape(0); ++i)
    for (std::size_t j = 0; j < cells.shape(1); ++j) {
      const double x = left + static_cast<double>(j) * side,
                   y = top + static_cast<double>(i) * tall;
      const double v = cells(i, j);
      const bool finite = std::isfinite(v);
      any_hidden = any_hidden || v == hidden_cell;
      fields += "<path" +
                attribute("fill", finite             ? hex(colour(v))
                                  : v == hidden_cell ? "url(#h)"
                                                     : "none") +
                attribute("d", "M" + at(x) + " " + at(y) + "h" + at(side) + "v" + at(tall) + "h-" +
                                   at(side) + "z") +
                "/>\n";
      if (finite)
        (luminance(colour(v)) > 0.2 ? dark : light) +=
            text(x + side / 2, y + 17, fixed(v, std::abs(v) >= 100 ? 0 : 2));
      else if (std::isnan(v))
        dark += text(x + side / 2, y + 17, "?", " fill=\"currentColor\"");
    }
  const std::string numbers = " text-anchor=\"middle\" font-size=\"11\">\n";
  std::string out = "<g stroke=\"currentColor\" stroke-opacity=\"0.25\">\n" + fields + "</g>\n";
  if (!dark.empty()) out += "<g fill=\"#000\"" + numbers + dark + "</g>\n";
  if (!light.empty()) out += "<g fill=\"#fff\"" + numbers + light + "</g>\n";
  return out;
}

}  // namespace

std::string markup(std::string_view words) {
  std::string out;
  for (const char c : shorten(words, std::numeric_limits<std::size_t>::max())) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

std::string svg_heatmap(const Matrix& values, const Mask* mask, const Caption& caption,
                        const SvgHeatmapStyle& style) {
  require_shape(!mask || mask->shape() == values.shape(), "render::svg_heatmap",
                "a mask for other cells than the values " + shape_string(values));
  require_shape(style.row_labels.empty() || style.row_labels.size() == values.shape(0),
                "render::svg_heatmap",
                std::to_string(style.row_labels.size()) + " row labels for " +
                    std::to_string(values.shape(0)) + " rows");
  require_shape(style.column_labels.empty() || style.column_labels.size() == values.shape(1),
                "render::svg_heatmap",
                std::to_string(style.column_labels.size()) + " column labels for " +
                    std::to_string(values.shape(1)) + " columns");
  Matrix cells = values;
  if (mask)
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (!mask->data()[i]) cells.data()[i] = hidden_cell;
  const std::size_t band = detail::band_that_fits(cells, style.max_cells, style.max_cells);
  if (band > 1) cells = detail::banded(cells, band);
  const std::size_t rows = cells.shape(0), columns = cells.shape(1);

  double least = std::numeric_limits<double>::infinity(), most = hidden_cell;
  for (const double x : cells)
    if (std::isfinite(x)) least = std::min(least, x), most = std::max(most, x);
  const bool any_finite = least <= most;
  double low = style.low.value_or(any_finite ? std::min(least, 0.0) : 0.0);
  double high = style.high.value_or(any_finite ? std::max(most, low) : 0.0);
  if (style.diverging) high = std::max(std::abs(low), std::abs(high)), low = -high;
  const Palette palette = style.diverging ? Palette::diverging : Palette::cividis;
  const bool many = rows > 24 || columns > 24;
  const bool numbered = !many && columns <= 12;
  const std::function<Colour(double)> colour = [&](double x) {  // in 33 steps without numbers
    const double share = high > low ? (x - low) / (high - low) : 0.0;
    return colour_of(palette, numbered ? share : std::round(share * 32) / 32);
  };

  const double side = many ? 10 : numbered ? 44 : 22;
  const double tall = side == 44 ? 26 : side;
  const bool labelled = band == 1 && side > 10;
  double left = 28, top = 28;
  if (labelled)
    for (const std::string& label : style.row_labels)
      left = std::max(left, 34 + std::min(text_width(shorten(label, 14)), 100.0));
  const bool slanted = labelled && side < 40 && !style.column_labels.empty();
  if (labelled && !style.column_labels.empty()) top = slanted ? 92 : 44;
  const double width = std::max(left + static_cast<double>(columns) * side + 16, 320.0);
  const double field_bottom = top + static_cast<double>(rows) * tall;

  std::string body;
  bool any_hidden = false;
  body += side == 44 ? numbered_cells(cells, left, top, side, tall, colour, any_hidden)
                     : plain_cells(cells, left, top, side, side == 10, colour, any_hidden);
  if (labelled) {
    for (std::size_t i = 0; i < style.row_labels.size(); ++i)
      body += text(left - 6, top + (static_cast<double>(i) + 0.5) * tall + 4,
                   shorten(style.row_labels[i], 14), " text-anchor=\"end\"");
    for (std::size_t j = 0; j < style.column_labels.size(); ++j) {
      const double x = left + (static_cast<double>(j) + 0.5) * side;
      const std::string words = shorten(style.column_labels[j], slanted ? 10 : 6);
      body += slanted ? text(x, top - 6, words,
                             " transform=\"rotate(-60 " + at(x) + " " + at(top - 6) + ")\"")
                      : text(x, top - 6, words, " text-anchor=\"middle\"");
    }
  }
  body += text(left, 14, style.column_axis + " \xE2\x86\x92", " font-style=\"italic\"");
  const double down = top + 4;
  body += text(14, down, style.row_axis + " \xE2\x86\x92",
               " font-style=\"italic\" transform=\"rotate(90 10 " + at(down) + ")\"");

  double x = left;
  const double y = field_bottom + 14;
  if (any_finite) {
    body += rect(x, y, 120, 12, " fill=\"url(#g)\"");
    body += text(x, y + 26, fixed(low, 2)) +
            text(x + 120, y + 26, fixed(high, 2), " text-anchor=\"end\"");
    x += 140;
  }
  if (any_hidden) {
    body += rect(x, y, 18, 12, " fill=\"url(#h)\" stroke=\"currentColor\" stroke-opacity=\"0.25\"");
    body += text(x + 24, y + 11, "hidden");
  }
  if (band > 1)
    body += text(left, y + 42,
                 "a cell is the mean of " + std::to_string(band) + " by " + std::to_string(band));
  return picture(width, y + (band > 1 ? 50 : 34), caption, body, any_hidden, palette);
}

std::string svg_line_chart(const std::vector<Series>& series, const Caption& caption,
                           const ChartStyle& style) {
  const auto drawable = [](double v, bool logarithmic) {
    return std::isfinite(v) && (!logarithmic || v > 0);
  };
  double x_low = std::numeric_limits<double>::infinity(), x_high = -x_low;
  double y_low = x_low, y_high = -x_low;
  for (const Series& s : series) {
    require_shape(s.x.size() == s.y.size(), "render::svg_line_chart",
                  "series " + s.name + " has " + std::to_string(s.x.size()) + " x and " +
                      std::to_string(s.y.size()) + " y");
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      if (!drawable(s.x[i], style.log_x) || !drawable(s.y[i], style.log_y)) continue;
      x_low = std::min(x_low, s.x[i]), x_high = std::max(x_high, s.x[i]);
      y_low = std::min(y_low, s.y[i]), y_high = std::max(y_high, s.y[i]);
    }
  }
  if (!(x_low <= x_high)) return picture(320, 40, caption, text(10, 24, "no points"), false);
  if (!style.log_y && y_low > 0 && y_low < 0.4 * y_high) y_low = 0;  // bars of air mislead
  const double left = 64, top = 30, wide = 440, tall = 240;
  const auto share = [](double v, double low, double high, bool logarithmic) {
    if (logarithmic) v = std::log10(v), low = std::log10(low), high = std::log10(high);
    return high > low ? (v - low) / (high - low) : 0.5;
  };
  const auto px = [&](double v) { return left + wide * share(v, x_low, x_high, style.log_x); };
  const auto py = [&](double v) { return top + tall * (1 - share(v, y_low, y_high, style.log_y)); };

  std::string body;
  const std::string faint = " stroke=\"currentColor\" stroke-opacity=\"0.2\"";
  for (const double mark_y : ticks(y_low, y_high, style.log_y)) {
    body += line(left, py(mark_y), left + wide, py(mark_y), faint);
    body += text(left - 8, py(mark_y) + 4, tick_text(mark_y), " text-anchor=\"end\"");
  }
  for (const double mark_x : x_ticks(series, style)) {
    body += line(px(mark_x), top + tall, px(mark_x), top + tall + 5, " stroke=\"currentColor\"");
    body += text(px(mark_x), top + tall + 19, tick_text(mark_x), " text-anchor=\"middle\"");
  }
  body += line(left, top + tall, left + wide, top + tall, " stroke=\"currentColor\"");
  const auto scale_name = [](const std::string& name, bool logarithmic) {
    return logarithmic ? name + " (logarithmic)" : name;
  };
  body += text(left - 50, 16, scale_name(style.y_label, style.log_y), " font-style=\"italic\"");
  body += text(left + wide, top + tall + 38, scale_name(style.x_label, style.log_x),
               " text-anchor=\"end\" font-style=\"italic\"");
  double widest = 0;
  for (std::size_t s = 0; s < series.size(); ++s) {
    const std::string colour = line_colours[s % line_colours.size()];
    std::string path, marks;
    bool drawing = false;
    for (std::size_t i = 0; i < series[s].x.size(); ++i) {
      const double x = series[s].x[i], y = series[s].y[i];
      if (!drawable(x, style.log_x) || !drawable(y, style.log_y)) {
        drawing = false;
        continue;
      }
      path += (drawing ? "L" : "M") + at(px(x)) + " " + at(py(y));
      if (series[s].x.size() <= 40) marks += mark(s, px(x), py(y), colour);
      drawing = true;
    }
    const std::string stroke = attribute("stroke", colour) + " stroke-width=\"2\" fill=\"none\"" +
                               attribute("stroke-dasharray", dashes[s % dashes.size()]);
    body += "<path" + attribute("d", path) + stroke + "/>\n" + marks;
    const double legend_x = left + wide + 20, legend_y = top + 10 + 22 * static_cast<double>(s);
    body += line(legend_x, legend_y, legend_x + 30, legend_y, stroke);
    body += mark(s, legend_x + 15, legend_y, colour);
    const std::string name = shorten(series[s].name, 30);
    body += text(legend_x + 38, legend_y + 4, name);
    widest = std::max(widest, text_width(name));
  }
  const double height =
      std::max(top + tall + 50, top + 22 * static_cast<double>(series.size()) + 10);
  return picture(left + wide + 62 + widest, height, caption, body, false);
}

std::string svg_bar_chart(const std::vector<std::string>& labels, const std::vector<double>& values,
                          const Caption& caption) {
  require_shape(
      labels.size() == values.size(), "render::svg_bar_chart",
      std::to_string(labels.size()) + " labels for " + std::to_string(values.size()) + " values");
  double label_width = 0, least = 0, most = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    label_width = std::max(label_width, text_width(shorten(labels[i], 24)));
    if (std::isfinite(values[i]))
      least = std::min(least, values[i]), most = std::max(most, values[i]);
  }
  const double left = label_width + 16, wide = 320;
  const double unit = most > least ? wide / (most - least) : 0;
  const double zero = left - least * unit;
  std::string body;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double y = 10 + 24 * static_cast<double>(i);
    const double length = std::isfinite(values[i]) ? std::abs(values[i]) * unit : 0;
    body += text(left - 8, y + 14, shorten(labels[i], 24), " text-anchor=\"end\"");
    body += rect(values[i] < 0 ? zero - length : zero, y + 2, length, 16,
                 attribute("fill", line_colours[0]));
    body += text(left + wide + 8, y + 14, fixed(values[i]));
  }
  const double height = 20 + 24 * static_cast<double>(values.size());
  body += line(zero, 6, zero, height - 6, " stroke=\"currentColor\"");
  return picture(left + wide + 90, height, caption, body, false);
}

}  // namespace headlight::render
