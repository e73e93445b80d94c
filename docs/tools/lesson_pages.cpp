#include "lesson_pages.hpp"

#include <algorithm>
#include <cctype>
#include <headlight/render/svg.hpp>
#include <optional>
#include <stdexcept>

namespace site {

namespace {

constexpr const char* viewer_begin = "<div class=\"head-viewer\">";

std::optional<std::string> step_title(const std::string& line) {
  const std::size_t call = line.find("page.step(\"");
  if (call == std::string::npos) return {};
  std::string title;
  for (std::size_t i = call + 11; i < line.size() && line[i] != '"'; ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    title += line[i];
  }
  return title;
}

}  // namespace

std::string LessonPage::output(const std::string& step) const {
  const std::string all = read_file(folders_.capture(section_) / "output.txt");
  std::string part = all;
  std::string name = "output_" + section_.number;
  if (!step.empty()) {
    part.clear();
    const std::vector<std::string> titles = run_titles();
    const auto at =
        static_cast<std::size_t>(std::find(titles.begin(), titles.end(), step) - titles.begin());
    const auto heading = [&](const std::string& line, std::size_t index) {
      const std::string begin = std::to_string(index + 1) + ". ";
      if (index >= titles.size() || line.rfind(begin, 0) != 0) return false;
      const std::string rest = line.substr(begin.size());  // a long title goes on in the next line
      return rest == titles[index] || (rest.size() > 50 && titles[index].rfind(rest, 0) == 0);
    };
    bool inside = false;
    for (const std::string& line : lines_of(all)) {
      if (heading(line, at))
        inside = true;
      else if (inside && heading(line, at + 1))
        break;
      if (inside) part += line + "\n";
    }
    if (part.empty()) throw std::runtime_error("the lesson printed no step \"" + step + "\"");
    for (const char c : step) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  while (!part.empty() && part.back() == '\n') part.pop_back();
  return include(folders_, name + ".html",
                 "<pre class=\"output\">" + escape_html(part) + "</pre>\n");
}

// Step by step: the code, what it printed, and a picture of the first matrix worth one.
std::string LessonPage::walkthrough() {
  const std::string number = spoken(section_.number);
  std::string out = "Run it yourself: `./headlight lesson " + number + "`. " + trace();
  if (read_file(folders_.capture(section_) / "trace.html").find(viewer_begin) != std::string::npos)
    out += " <a href=\"lesson_" + section_.number +
           ".html#viewer\">One cell at a time, term by term</a>, with keys or the pointer.";
  out += "\n\n";
  bool has_viewer = false;
  if (!run_.passed) throw std::runtime_error("lesson " + number + " has a check that fails");
  const std::vector<std::string> titles = run_titles(), written = step_titles();
  if (titles.empty()) throw std::runtime_error("lesson " + number + " has no step");
  std::size_t number_of_step = 0;
  for (const std::string& title : titles) {
    out +=
        "### " + replaced(replaced(replaced(title, "@", "\\@"), "<", "&lt;"), "#", "\\#") + "\n\n";
    out += "@snippet " + program() + " step " +
           std::to_string(std::find(written.begin(), written.end(), title) - written.begin() + 1) +
           "\n\n";
    ++number_of_step;
    out += output(title) + "\n\n";
    for (const std::string& html : viewers_of(number_of_step)) {
      out +=
          include(folders_,
                  "viewer_" + section_.number + "_" + std::to_string(++pictures_) + ".html",
                  std::string(has_viewer ? "" : "<div id=\"viewer\"></div>") + html +
                      (has_viewer ? "" : "<script defer=\"defer\" src=\"head.js\"></script>\n")) +
          "\n\n";
      has_viewer = true;
    }
    const std::vector<std::string> own = pictures_of(number_of_step);
    for (const std::string& html : own)
      out += include(folders_,
                     "picture_" + section_.number + "_" + std::to_string(++pictures_) + ".html",
                     html) +
             "\n\n";
    if (!own.empty()) continue;
    for (const LessonRun::Stage& stage : run_.stages) {
      const std::size_t rank = stage.shape.size();
      if (stage.step != title || rank < 2 || rank > 3 || stage.values.empty()) continue;
      if (stage.shape[rank - 1] < 3 || stage.shape[rank - 2] < 3) continue;
      const std::string of_head = rank == 3 ? " of " + stage.axes[0] + " 0" : "";
      out += drawn(stage, 0,
                   stage.symbol + of_head + " as this run recorded it: rows are " +
                       stage.axes[rank - 2] + ", columns " + stage.axes[rank - 1] + ".") +
             "\n\n";
      break;
    }
  }
  return out;
}

// The steps in the order of the run, which may differ from their order in the source.
std::vector<std::string> LessonPage::run_titles() const {
  const std::vector<std::string> written = step_titles();
  std::vector<std::string> titles;
  for (const std::string& line : lines_of(read_file(folders_.capture(section_) / "output.txt"))) {
    const std::string begin = std::to_string(titles.size() + 1) + ". ";
    if (line.rfind(begin, 0) != 0) continue;
    const std::string rest = line.substr(begin.size());  // a long title goes on in the next line
    const auto it = std::find_if(written.begin(), written.end(), [&](const std::string& title) {
      return rest == title || (rest.size() > 50 && title.rfind(rest, 0) == 0);
    });
    if (it != written.end()) titles.push_back(*it);
  }
  if (titles.size() != written.size())
    throw std::runtime_error("lesson " + section_.number + " has " +
                             std::to_string(written.size()) + " steps and printed " +
                             std::to_string(titles.size()));
  return titles;
}

// What a step of the lesson's own page holds.
std::string LessonPage::step_of_page(std::size_t step) const {
  const fs::path file = folders_.capture(section_) / "trace.html";
  if (!fs::exists(file)) return "";
  const std::string page = read_file(file);
  const std::size_t begin = page.find("<h2 id=\"step-" + std::to_string(step) + "\"");
  if (begin == std::string::npos) return "";
  return page.substr(begin, page.find("</section>", begin) - begin);
}

// The heads that a step lets the reader look at.
std::vector<std::string> LessonPage::viewers_of(std::size_t step) const {
  std::vector<std::string> found;
  const std::string page = step_of_page(step), end = "</script></div>\n";
  for (std::size_t at = page.find(viewer_begin); at != std::string::npos;
       at = page.find(viewer_begin, at + 1))
    found.push_back(page.substr(at, page.find(end, at) + end.size() - at));
  return found;
}

// The pictures that the lesson itself drew in a step, with their captions, from the page it
// wrote.
std::vector<std::string> LessonPage::pictures_of(std::size_t step) const {
  std::vector<std::string> found;
  const std::string page = step_of_page(step);
  for (std::size_t at = page.find("<figure"); at != std::string::npos && found.size() < 4;
       at = page.find("<figure", at + 1)) {
    const std::size_t svg = page.find("<svg", at), close = page.find("</svg>", svg);
    const std::size_t words = page.find("<figcaption>", at),
                      stop = page.find("</figcaption>", words);
    if (close == std::string::npos) break;
    std::string html = "<div class=\"picture\">" + page.substr(svg, close + 6 - svg);
    if (stop != std::string::npos)
      html += "<p class=\"caption\">" + page.substr(words + 12, stop - words - 12) + "</p>";
    found.push_back(html + "</div>\n");
  }
  return found;
}

std::vector<std::string> LessonPage::step_titles() const {
  std::vector<std::string> titles;
  const fs::path file = folders_.source / "lessons" / program();
  for (const std::string& line : lines_of(read_file(file)))
    if (const std::optional<std::string> title = step_title(line)) titles.push_back(*title);
  return titles;
}

// A copy of the lesson in which each step lies between two snippet marks named like the step.
void LessonPage::annotate() const {
  std::string out, open;
  std::size_t steps = 0;
  const auto close = [&] {
    if (!open.empty()) out += "//! [" + open + "]\n";
    open.clear();
  };
  for (const std::string& line : lines_of(read_file(folders_.source / "lessons" / program()))) {
    if (const std::optional<std::string> title = step_title(line)) {
      close();
      open = "step " + std::to_string(++steps);
      out += "//! [" + open + "]\n";
    }
    if (!line.empty() && line[0] == '}') close();
    out += line + "\n";
  }
  close();
  write_file(folders_.work / "include" / program(), out);
}

std::string LessonPage::picture(const std::string& rest) {
  const std::size_t bar = rest.find('|');
  if (bar == std::string::npos) throw std::runtime_error("{{picture SYMBOL | sentence}}");
  std::string symbol = trimmed(rest.substr(0, bar));
  std::size_t layer = 0;
  if (const std::size_t at = symbol.find('@'); at != std::string::npos) {
    layer = std::stoul(symbol.substr(at + 1));
    symbol = symbol.substr(0, at);
  }
  for (const LessonRun::Stage& stage : run_.stages)
    if (stage.symbol == symbol && !stage.values.empty() && stage.shape.size() >= 2)
      return drawn(stage, layer, trimmed(rest.substr(bar + 1)));
  throw std::runtime_error("the lesson recorded no matrix \"" + symbol + "\"");
}

std::string LessonPage::drawn(const LessonRun::Stage& stage, std::size_t layer,
                              const std::string& sentence) {
  const std::size_t rank = stage.shape.size(), rows = stage.shape[rank - 2],
                    columns = stage.shape[rank - 1];
  if ((layer + 1) * rows * columns > stage.values.size())
    throw std::runtime_error("stage " + stage.symbol + " has no layer " + std::to_string(layer));
  headlight::Matrix values = headlight::Matrix::from_shape({rows, columns});
  const double* first = stage.values.data() + layer * rows * columns;
  std::copy(first, first + rows * columns, values.data());
  headlight::render::SvgHeatmapStyle style;
  style.diverging =
      std::any_of(values.begin(), values.end(), [](double x) { return x < 0 && x > -1e300; });
  if (stage.axes.size() == rank) {
    style.row_axis = stage.axes[rank - 2];
    style.column_axis = stage.axes[rank - 1];
  }
  const std::string id = "picture_" + section_.number + "_" + std::to_string(++pictures_);
  const std::string svg = headlight::render::svg_heatmap(
      values, nullptr, {stage.symbol + (stage.name.empty() ? "" : ", " + stage.name), sentence, id},
      style);
  return include(folders_, id + ".html",
                 "<div class=\"picture\">" + svg + "<p class=\"caption\">" + escape_html(sentence) +
                     "</p></div>\n");
}

std::string LessonPage::trace() const {
  const fs::path file = folders_.capture(section_) / "trace.html";
  if (!fs::exists(file)) return "";
  fs::create_directories(folders_.work / "extra");
  const std::string name = "run_" + section_.number + ".html";
  write_file(folders_.work / "extra" / name, read_file(file));
  return "<a href=\"" + name + "\">Every number of this run on a page of its own</a>.";
}

}  // namespace site
