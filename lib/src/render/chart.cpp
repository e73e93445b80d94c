#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <headlight/core/shape.hpp>
#include <headlight/render/chart.hpp>
#include <limits>

namespace headlight::render {
namespace {

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void include(double v) { low = std::min(low, v), high = std::max(high, v); }
  bool empty() const { return !(low <= high); }
};

double place(double v, bool logarithmic) {
  return logarithmic ? std::log10(v) : v;
}
bool drawable(double v, bool logarithmic) {
  return std::isfinite(v) && (!logarithmic || v > 0);
}

}  // namespace

std::vector<double> ticks(double low, double high, bool logarithmic) {
  std::vector<double> marks;
  if (!(high > low)) return {low};
  if (logarithmic) {
    const double decades = std::log10(high / low);
    const auto step = static_cast<int>(std::max(1.0, std::ceil(decades / 6)));
    for (int e = static_cast<int>(std::floor(std::log10(low))); std::pow(10.0, e) <= high;
         e += step)
      for (const double multiple : {1.0, 2.0, 5.0}) {
        const double mark = multiple * std::pow(10.0, e);
        if (mark >= low * (1 - 1e-9) && mark <= high * (1 + 1e-9) && (multiple == 1 || decades < 3))
          marks.push_back(mark);
      }
    return marks.empty() ? std::vector{low} : marks;
  }
  const double rough = (high - low) / 5;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i)
    marks.push_back(i == 0 ? 0.0 : i * step);
  return marks;
}

std::vector<double> x_ticks(const std::vector<Series>& series, const ChartStyle& style) {
  std::vector<double> places;
  for (const Series& s : series)
    for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i)
      if (drawable(s.x[i], style.log_x) && drawable(s.y[i], style.log_y)) places.push_back(s.x[i]);
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  if (places.size() <= 8) return places;
  return ticks(places.front(), places.back(), style.log_x);
}

std::string tick_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

std::string line_chart(const std::vector<Series>& series, const ChartStyle& style) {
  static constexpr std::array<const char*, 6> round_marks = {"●", "○", "▲", "△", "■", "□"};
  static constexpr std::array<const char*, 6> ascii_marks = {"*", "o", "+", "x", "#", "@"};
  const auto& marks = style.look.ascii ? ascii_marks : round_marks;
  const std::string margin(style.indent, ' ');
  Range x, y;
  for (const Series& s : series) {
    require_shape(s.x.size() == s.y.size(), "render::line_chart",
                  "series " + s.name + " has " + std::to_string(s.x.size()) + " x and " +
                      std::to_string(s.y.size()) + " y");
    for (std::size_t i = 0; i < s.x.size(); ++i)
      if (drawable(s.x[i], style.log_x) && drawable(s.y[i], style.log_y))
        x.include(s.x[i]), y.include(s.y[i]);
  }
  if (x.empty()) return margin + "(no points)\n";

  const std::size_t height = std::max<std::size_t>(style.height, 2);
  const auto share = [](double v, const Range& range, bool logarithmic) {
    const double low = place(range.low, logarithmic), high = place(range.high, logarithmic);
    return high > low ? (place(v, logarithmic) - low) / (high - low) : 0.5;
  };
  const auto cell = [](double t, std::size_t cells) {
    return static_cast<std::size_t>(std::lround(t * static_cast<double>(cells - 1)));
  };
  std::vector<std::string> scale(height);  // text left of every line
  std::size_t scale_width = 0;
  std::vector<double> miss(height, 1);  // of two marks in one line the nearer one is written
  for (const double mark : ticks(y.low, y.high, style.log_y)) {
    const double exact = share(mark, y, style.log_y) * static_cast<double>(height - 1);
    const std::size_t row = height - 1 - static_cast<std::size_t>(std::lround(exact));
    const double off = std::abs(exact - std::round(exact));
    if (off < miss[row]) scale[row] = tick_text(mark), miss[row] = off;
  }
  for (const std::string& text : scale) scale_width = std::max(scale_width, text.size());

  const std::size_t taken = style.indent + scale_width + 3;
  const std::size_t width = std::max<std::size_t>(style.look.width, taken + 10) - taken;
  std::vector<std::vector<std::string>> field(height, std::vector<std::string>(width, " "));
  for (std::size_t s = 0; s < series.size(); ++s)
    for (std::size_t i = 0; i < series[s].x.size(); ++i) {
      const double px = series[s].x[i], py = series[s].y[i];
      if (!drawable(px, style.log_x) || !drawable(py, style.log_y)) continue;
      std::string& at = field[height - 1 - cell(share(py, y, style.log_y), height)]
                             [cell(share(px, x, style.log_x), width)];
      const std::string mark = marks[s % marks.size()];
      at = at == " " || at == mark ? mark : style.look.ascii ? "%" : "◆";
    }

  std::string result;
  if (!style.y_label.empty())
    result += margin + shorten(style.y_label, style.look.width - style.indent, style.look.ascii) +
              (style.log_y ? " (logarithmic)\n" : "\n");
  const std::string wall = style.look.ascii ? " |" : " │";
  for (std::size_t row = 0; row < height; ++row) {
    std::string line = margin + align_right(scale[row], scale_width) + wall + " ";
    for (const std::string& mark : field[row]) line += mark;
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + '\n';
  }
  std::string floor = margin + std::string(scale_width, ' ') + (style.look.ascii ? " +" : " └");
  for (std::size_t i = 0; i <= width; ++i) floor += style.look.ascii ? "-" : "─";
  result += floor + '\n';
  std::string below(width + 1, ' ');
  std::size_t free_from = 0;
  for (const double mark : x_ticks(series, style)) {
    const std::string text = tick_text(mark);
    const std::size_t middle = cell(share(mark, x, style.log_x), width);
    std::size_t start = middle > text.size() / 2 ? middle - text.size() / 2 : 0;
    start = std::min(start, width - std::min(width, text.size()));
    if (start < free_from) continue;
    below.replace(start, text.size(), text);
    free_from = start + text.size() + 1;
  }
  below.erase(below.find_last_not_of(' ') + 1);
  result += margin + std::string(scale_width + 3, ' ') + below + '\n';
  if (!style.x_label.empty())
    result += margin + std::string(scale_width + 3, ' ') +
              shorten(style.x_label, width, style.look.ascii) +
              (style.log_x ? " (logarithmic)\n" : "\n");
  std::string legend = margin;
  std::size_t used = style.indent;
  bool any_meeting = false;
  for (const auto& row : field)
    for (const std::string& mark : row) any_meeting = any_meeting || mark == "◆" || mark == "%";
  const auto add = [&](const std::string& mark, const std::string& name) {
    const std::string text =
        mark + " " +
        shorten(name, std::max<std::size_t>(style.look.width, 16) - style.indent - 4,
                style.look.ascii);
    const std::size_t wide = display_width(text);
    if (used > style.indent && used + 3 + wide > style.look.width)
      legend += "\n" + margin, used = style.indent;
    if (used > style.indent) legend += "   ", used += 3;
    legend += text, used += wide;
  };
  for (std::size_t s = 0; s < series.size(); ++s) add(marks[s % marks.size()], series[s].name);
  if (any_meeting) add(style.look.ascii ? "%" : "◆", "several");
  return result + legend + '\n';
}

std::string bar_chart(const std::vector<std::string>& labels, const std::vector<double>& values,
                      const Look& look, std::size_t indent) {
  require_shape(
      labels.size() == values.size(), "render::bar_chart",
      std::to_string(labels.size()) + " labels for " + std::to_string(values.size()) + " values");
  std::size_t label_width = 0, number_width = 0;
  double most = 0, least = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    label_width = std::max(label_width, std::min<std::size_t>(display_width(labels[i]), 24));
    number_width = std::max(number_width, fixed(values[i]).size());
    if (std::isfinite(values[i]))
      most = std::max(most, values[i]), least = std::min(least, values[i]);
  }
  const std::size_t taken = indent + label_width + number_width + 4;
  const std::size_t room = std::max<std::size_t>(look.width, taken + 10) - taken;
  const double span = most - least;
  const auto cells = [&](double v) {
    return span > 0 ? static_cast<std::size_t>(std::lround(v / span * static_cast<double>(room)))
                    : std::size_t{0};
  };
  const std::size_t left = cells(-least);
  std::string result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = values[i];
    const std::size_t length = std::isfinite(v) ? cells(std::abs(v)) : 0;
    std::string bar;
    const std::size_t before = v < 0 ? left - std::min(left, length) : left;
    bar += std::string(before, ' ');
    for (std::size_t c = 0; c < length; ++c) bar += look.ascii ? "#" : "█";
    if (length == 0) bar += look.ascii ? "|" : "▏";
    std::string line = std::string(indent, ' ') +
                       align_left(shorten(labels[i], 24, look.ascii), label_width) + "  " +
                       align_right(fixed(v), number_width) + "  " + bar;
    result += line + '\n';
  }
  return result;
}

}  // namespace headlight::render
