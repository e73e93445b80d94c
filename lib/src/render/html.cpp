#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/render/html.hpp>
#include <limits>

namespace headlight::render {
namespace {

constexpr std::string_view style_sheet = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #57606a;
  --line: #c9d1d9; --panel: #f4f6f8; --good: #0b6e3f; --bad: #b3261e; --link: #0a58b5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #14171a; --faint: #a5adb6;
  --line: #3d444c; --panel: #1e2328; --good: #6fd09d; --bad: #ff9a92; --link: #86b7ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1.25rem 4rem; max-width: 62rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, sans-serif; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link);
  outline-offset: 2px; }
.skip { position: absolute; left: -999rem; } .skip:focus { position: static; }
nav ol { columns: 18rem; column-gap: 3rem; padding-left: 1.5rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
h2 { margin: 1rem 0 .5rem; font-size: 1.3rem; }
figure { margin: 1rem 0; } figcaption, .shape { color: var(--faint); }
.symbol { font-weight: 700; font-size: 1.1rem; }
.numbers { overflow-x: auto; max-height: 30rem; overflow-y: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem; border: 1px solid var(--line); text-align: right; }
th { background: var(--panel); font-weight: 600; }
.words th, .words td { text-align: left; vertical-align: top; }
.hidden { color: var(--faint); }
summary { cursor: pointer; }
.check { border-left: .35rem solid var(--good); background: var(--panel); padding: .4rem .8rem;
  margin: .6rem 0; }
.check.fails { border-left-color: var(--bad); border-left-style: double; }
.check b { color: var(--good); } .check.fails b { color: var(--bad); }
@media print { .numbers { max-height: none; } }
)";

std::string heading_id(std::size_t section) {
  return "step-" + std::to_string(section + 1);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + markup(word);
  return out;
}

std::string paragraph(const std::string& text) {
  return "<p>" + markup(text) + "</p>\n";
}

std::string number_cell(double v) {
  if (std::isinf(v) && v < 0) return "<td class=\"hidden\">\xE2\x88\x92\xE2\x88\x9E</td>";
  return "<td>" + fixed(v) + "</td>";
}

std::string number_table(const HtmlStage& s, std::size_t slice, std::size_t rows,
                         std::size_t columns, std::size_t shown_rows) {
  const std::string row_axis = s.axes.size() < 2 ? "" : s.axes[s.axes.size() - 2];
  std::string out = "<table><thead><tr><td></td>";
  for (std::size_t j = 0; j < columns; ++j)
    out += "<th scope=\"col\">" +
           (s.column_labels.empty() ? std::to_string(j) : markup(s.column_labels[j])) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < shown_rows; ++i) {
    out += "<tr><th scope=\"row\">" +
           (s.row_labels.empty() ? markup(row_axis + " " + std::to_string(i))
                                 : markup(s.row_labels[i])) +
           "</th>";
    for (std::size_t j = 0; j < columns; ++j)
      out += number_cell(s.values[(slice * rows + i) * columns + j]);
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string stage(const HtmlStage& s, const std::string& id) {
  std::size_t size = 1;
  for (const std::size_t axis : s.shape) size *= axis;
  require_shape(size == s.values.size() && s.axes.size() == s.shape.size(), "render::html_page",
                "stage " + s.symbol + " has " + std::to_string(s.values.size()) + " values and " +
                    std::to_string(s.axes.size()) + " axes for a shape of " +
                    shape_string(s.shape));
  std::string axes;
  for (std::size_t a = 0; a < s.shape.size(); ++a)
    axes += (a > 0 ? ", " : "") + s.axes[a] + " " + std::to_string(s.shape[a]);
  std::string out = "<figure>\n<figcaption><span class=\"symbol\">" + markup(s.symbol) +
                    "</span> " + markup(s.name) + " <span class=\"shape\">[" + markup(axes) +
                    "]</span></figcaption>\n";
  if (size == 0) return out + "<p>No numbers.</p>\n</figure>\n";
  const std::size_t columns = s.shape.empty() ? 1 : s.shape.back();
  const std::size_t rows = s.shape.size() < 2 ? 1 : s.shape[s.shape.size() - 2];
  const std::size_t slices = size / (rows * columns);
  require_shape((s.row_labels.empty() || s.row_labels.size() == rows) &&
                    (s.column_labels.empty() || s.column_labels.size() == columns),
                "render::html_page", "the labels of stage " + s.symbol + " do not fit its shape");
  const std::size_t drawn =
      rows > 1 && columns > 1 && s.max_cells > 0 ? std::min<std::size_t>(slices, 16) : 0;
  const auto caption_of = [&](std::size_t slice) {
    return slices == 1 ? "" : s.axes.front() + " " + std::to_string(slice);
  };
  for (std::size_t slice = 0; slice < drawn; ++slice) {
    Matrix cells = Matrix::from_shape({rows, columns});
    std::copy_n(s.values.begin() + static_cast<std::ptrdiff_t>(slice * rows * columns),
                rows * columns, cells.begin());
    for (std::size_t c = 0; c < s.visible.size() && c < rows * columns; ++c)
      if (!s.visible[c]) cells.data()[c] = -std::numeric_limits<double>::infinity();
    double least = 0;
    for (const double v : cells)
      if (std::isfinite(v)) least = std::min(least, v);
    const std::string which = caption_of(slice);
    if (!which.empty()) out += "<p>" + markup(which) + "</p>\n";
    out += svg_heatmap(
        cells, nullptr,
        {s.symbol + (which.empty() ? "" : ", " + which),
         s.name + "; the numbers are in the table below", id + "-" + std::to_string(slice)},
        {.row_axis = s.axes[s.axes.size() - 2],
         .column_axis = s.axes.back(),
         .row_labels = s.row_labels,
         .column_labels = s.column_labels,
         .diverging = least < 0,
         .max_cells = s.max_cells});
  }
  std::string tables;
  std::size_t left = s.most, shown = 0;
  for (std::size_t slice = 0; slice < slices && left >= columns; ++slice) {
    const std::size_t shown_rows = std::min(rows, left / columns);
    if (!caption_of(slice).empty()) tables += "<p>" + markup(caption_of(slice)) + "</p>\n";
    tables += number_table(s, slice, rows, columns, shown_rows);
    left -= shown_rows * columns, shown += shown_rows * columns;
  }
  const bool is_small = size <= 64;
  out += std::string("<details") + (is_small ? " open" : "") + "><summary>Numbers</summary>\n" +
         "<div class=\"numbers\" role=\"region\" tabindex=\"0\" aria-label=\"Numbers of " +
         markup(s.symbol) + "\">\n" + tables + "</div>\n";
  if (shown < size)
    out += "<p>" + std::to_string(shown) + " of " + std::to_string(size) + " numbers.</p>\n";
  if (drawn < slices && drawn > 0)
    out += "<p>Pictures of the first " + std::to_string(drawn) + " of " + std::to_string(slices) +
           ".</p>\n";
  return out + "</details>\n</figure>\n";
}

std::string check(const HtmlCheck& c) {
  std::string out = std::string("<div class=\"check") + (c.passed ? "" : " fails") + "\" id=\"" +
                    markup(c.id) + "\"><b>" +
                    (c.passed ? "\xE2\x9C\x93 holds" : "\xE2\x9C\x97 fails") + "</b> " +
                    markup(c.text) + " <span class=\"shape\">(" + markup(c.id);
  if (!c.measured.empty()) out += ": measured " + markup(c.measured);
  if (!c.bound.empty()) out += ", bound " + markup(c.bound);
  if (!c.claims.empty()) out += "; claims " + joined(c.claims);
  return out + ")</span></div>\n";
}

std::string word_table(const HtmlTable& t) {
  std::string out = "<table class=\"words\"><thead><tr>";
  for (const std::string& cell : t.heading) out += "<th scope=\"col\">" + markup(cell) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (const std::vector<std::string>& row : t.rows) {
    out += "<tr>";
    for (const std::string& cell : row) out += "<td>" + markup(cell) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string part(const HtmlPart& p, const std::string& id) {
  if (const auto* t = std::get_if<HtmlText>(&p)) return paragraph(t->text);
  if (const auto* c = std::get_if<HtmlCheck>(&p)) return check(*c);
  if (const auto* s = std::get_if<HtmlStage>(&p)) return stage(*s, id);
  if (const auto* w = std::get_if<HtmlTable>(&p)) return word_table(*w);
  if (const auto* h = std::get_if<HtmlHeads>(&p)) return viewer_element(h->heads);
  const auto& picture = std::get<HtmlPicture>(p);
  return "<figure>\n" + picture.svg + "<figcaption>" + markup(picture.caption) +
         "</figcaption>\n</figure>\n";
}

std::string claim_table(const std::vector<HtmlClaim>& claims) {
  std::string out =
      "<section aria-labelledby=\"claims\"><h2 id=\"claims\">Claims</h2>\n"
      "<div class=\"numbers\" role=\"region\" tabindex=\"0\" aria-label=\"Claims\">"
      "<table class=\"words\"><thead><tr>";
  for (const char* heading : {"Claim", "Verdict", "What is said", "Checks"})
    out += std::string("<th scope=\"col\">") + heading + "</th>";
  out += "</tr></thead><tbody>\n";
  for (const HtmlClaim& c : claims) {
    out += "<tr><th scope=\"row\">" + markup(c.id) + "</th><td>" + markup(c.verdict) + "</td><td>" +
           markup(c.text);
    if (!c.note.empty()) out += "<br><span class=\"shape\">" + markup(c.note) + "</span>";
    out += "</td><td>";
    for (std::size_t i = 0; i < c.checks.size(); ++i)
      out += (i > 0 ? " " : "") + ("<a href=\"#" + markup(c.checks[i]) + "\">") +
             markup(c.checks[i]) + "</a>";
    out += "</td></tr>\n";
  }
  return out + "</tbody></table></div></section>\n";
}

}  // namespace

std::string html_page(const HtmlPage& page) {
  bool has_heads = false;
  for (const HtmlSection& section : page.sections)
    for (const HtmlPart& each : section.parts)
      has_heads = has_heads || std::holds_alternative<HtmlHeads>(each);
  std::string out = "<!DOCTYPE html>\n<html lang=\"" + markup(page.language) +
                    "\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<title>" +
                    markup(page.title) + "</title>\n<style>";
  out += style_sheet;
  if (has_heads) out += viewer_style();
  out += "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n";
  out += "<header><h1>" + markup(page.title) + "</h1>\n";
  if (!page.lead.empty()) out += paragraph(page.lead);
  out += "</header>\n<nav aria-label=\"Steps\"><ol>\n";
  for (std::size_t i = 0; i < page.sections.size(); ++i)
    out +=
        "<li><a href=\"#" + heading_id(i) + "\">" + markup(page.sections[i].title) + "</a></li>\n";
  if (!page.claims.empty()) out += "<li><a href=\"#claims\">Claims</a></li>\n";
  out += "</ol></nav>\n<main id=\"content\">\n";
  for (std::size_t i = 0; i < page.sections.size(); ++i) {
    const std::string id = heading_id(i);
    out += "<section aria-labelledby=\"" + id + "\"><h2 id=\"" + id + "\">" +
           markup(page.sections[i].title) + "</h2>\n";
    for (std::size_t p = 0; p < page.sections[i].parts.size(); ++p)
      out += part(page.sections[i].parts[p], id + "-" + std::to_string(p + 1));
    out += "</section>\n";
  }
  if (!page.claims.empty()) out += claim_table(page.claims);
  out += "</main>\n";
  if (has_heads) out += "<script>\n" + std::string(viewer_script()) + "</script>\n";
  return out + "</body>\n</html>\n";
}

}  // namespace headlight::render
