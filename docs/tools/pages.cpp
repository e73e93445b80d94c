#include <algorithm>
#include <cmath>
#include <cstdio>
#include <headlight/render/svg.hpp>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

#include "commands.hpp"
#include "exercises.hpp"
#include "ledger.hpp"

namespace site {

namespace {

struct Section {
  std::string number, slug, title;
  bool has_page = false;    ///< docs/book/NN_slug.md is there
  bool has_lesson = false;  ///< its lesson exists and its output was captured
};

const std::vector<std::string> verdicts = {"true", "imprecise", "false", "not checkable"};

std::string verdict_word(const std::string& verdict) {
  if (verdict == "true") return "holds";
  if (verdict == "imprecise") return "holds with a condition";
  if (verdict == "false") return "does not hold";
  return "cannot be checked";
}

// A figure that was measured before the project existed is not published: it is measured by a
// lesson or dropped.
std::string without_figures(const std::string& note) {
  std::string out;
  std::size_t begin = 0;
  while (begin < note.size()) {
    std::size_t end = begin;
    while (end < note.size() && !((note[end] == ';' || note[end] == '.') &&
                                  (end + 1 == note.size() || note[end + 1] == ' ')))
      ++end;
    const std::string part = note.substr(begin, std::min(end + 1, note.size()) - begin);
    static const std::regex figure(R"((^|[^.0-9])[0-9]+\.[0-9]+([^.0-9]|$)|[0-9]%|[0-9]e-)");
    static const std::regex cited(R"(et al|sec\.|Table|[12][0-9]{3})");
    if (!std::regex_search(part, figure) || std::regex_search(part, cited)) out += part;
    begin = end + 1;
  }
  return trimmed(out);
}

// A note is a sentence, or several: a capital at the beginning, a stop at the end.
std::string as_sentence(std::string note) {
  while (!note.empty() && (note.back() == ';' || note.back() == ',' || note.back() == ' '))
    note.pop_back();
  if (note.empty()) return note;
  const bool word = note.size() > 2 && note[1] >= 'a' && note[1] <= 'z' && note.find('_') > 8;
  if (note[0] >= 'a' && note[0] <= 'z' && word) note[0] = static_cast<char>(note[0] - 'a' + 'A');
  if (note.back() != '.' && note.back() != '!' && note.back() != '?' &&
      !(note.size() > 1 && note.ends_with(".\"")))
    note += '.';
  return note;
}

class Book {
 public:
  explicit Book(const PageFolders& folders) : folders_(folders) {
    for (const std::string& line : lines_of(read_file(folders.source / "lessons/lessons.toml"))) {
      if (line.rfind("[[lesson]]", 0) == 0) sections_.emplace_back();
      const std::size_t open = line.find(" = \""), close = line.rfind('"');
      if (sections_.empty() || open == std::string::npos || close < open + 4) continue;
      const std::string value = line.substr(open + 4, close - open - 4);
      if (line.rfind("title", 0) == 0) sections_.back().title = value;
      if (line.rfind("slug", 0) == 0) {
        sections_.back().number = value.substr(0, 2);
        sections_.back().slug = value.substr(3);
      }
    }
    for (Section& section : sections_) {
      const fs::path capture = folders.captures / section.number;
      if (fs::exists(capture / "lesson.json")) {
        runs_[section.number] = read_lesson_json(capture / "lesson.json");
        section.has_lesson = true;
      }
      section.has_page = fs::exists(page_file(section));
    }
    claims_ = read_claims(folders.source / "docs/claims");
    course_ = headlight::course::read_manifest(folders.source / "exercises/course.toml").entries;
  }

  void make() {
    fs::remove_all(folders_.work / "pages");
    fs::remove_all(folders_.work / "include");
    fs::create_directories(folders_.work / "include");
    for (const char* folder : {"docs", "docs/decisions"}) {
      if (!fs::exists(folders_.source / folder)) continue;
      for (const fs::directory_entry& entry : fs::directory_iterator(folders_.source / folder))
        if (entry.path().extension() == ".md") {
          const std::string name = entry.path().filename().string();
          write_file(folders_.work / "pages" / name,
                     expanded(read_file(entry.path()), nullptr, name));
        }
    }
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      now_ = i;
      const Section& section = sections_[i];
      const std::string text =
          section.has_page ? read_file(page_file(section)) : claims_only(section);
      if (section.has_lesson) annotate_lesson(section);
      write_file(folders_.work / "pages" / ("lesson_" + section.number + ".md"),
                 expanded(text, &section, section.number + "_" + section.slug + ".md"));
    }
    write_claim_pages();
  }

 private:
  fs::path page_file(const Section& section) const {
    return folders_.source / "docs/book" / (section.number + "_" + section.slug + ".md");
  }

  const LessonRun* run_of(const std::string& number) const {
    const auto it = runs_.find(number);
    return it == runs_.end() ? nullptr : &it->second;
  }

  static std::string lesson_of(const std::string& claim_section) {
    if (claim_section == "closing") return "20";
    if (claim_section == "figure") return "09";
    if (claim_section == "table") return "21";
    return claim_section;
  }

  const Section& section_of(const std::string& number) const {
    for (const Section& section : sections_)
      if (section.number == number) return section;
    throw std::runtime_error("lessons/lessons.toml has no lesson " + number);
  }

  // ---- pages without a lesson
  std::string claims_only(const Section& section) const {
    const std::string number = std::to_string(std::stoi(section.number));
    return "# Section " + number + ": " + section.title + " {#lesson_" + section.number +
           "}\n\n{{nav}}\n\n{{contents}}\n\n" +
           (section.has_lesson
                ? "The text of this page is not written yet; the lesson itself, its output and its "
                  "claims are here.\n\n## The lesson\n\n{{walkthrough}}\n\n"
                : "This section of the report has no lesson yet. Below stands what the ledger says "
                  "about each of its claims.\n\n") +
           "## Claims\n\n{{claims}}\n\n## Exercises\n\n{{exercises}}\n";
  }

  // ---- directives
  std::string expanded(const std::string& text, const Section* section, const std::string& file) {
    std::string out;
    std::size_t number = 0;
    bool fenced = false;
    for (const std::string& raw : lines_of(text)) {
      ++number;
      if (raw.rfind("```", 0) == 0) fenced = !fenced;
      const std::string line = fenced || raw.rfind('#', 0) == 0 ? raw : with_open_quotes(raw);
      std::string done;
      std::size_t at = 0;
      for (;;) {
        const std::size_t open = line.find("{{", at);
        const std::size_t close = open == std::string::npos ? open : line.find("}}", open);
        if (close == std::string::npos) break;
        if (std::islower(static_cast<unsigned char>(line[open + 2])) == 0) {  // braces of C++
          done += line.substr(at, open + 2 - at);
          at = open + 2;
          continue;
        }
        done += line.substr(at, open - at);
        try {
          done += directive(trimmed(line.substr(open + 2, close - open - 2)), section);
        } catch (const std::exception& error) {
          throw std::runtime_error(file + ":" + std::to_string(number) + ": " + error.what());
        }
        at = close + 2;
      }
      out += done + line.substr(at) + "\n";
    }
    return out;
  }

  // Doxygen shows what stands between two straight quotes as it is, formulas too. As an entity a
  // quote is a quote: outside code, tags, directives, and the titles of links.
  static std::string with_open_quotes(const std::string& line) {
    if (line.find('"') == std::string::npos) return line;
    std::string out;
    bool code = false;
    int inside = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      static const std::regex link("@(sub)?(page|ref) [A-Za-z0-9_]+ \"[^\"]*\"");
      std::smatch title;
      if (line[i] == '@' &&
          std::regex_search(line.begin() + static_cast<std::ptrdiff_t>(i), line.end(), title, link,
                            std::regex_constants::match_continuous)) {
        out += title.str();
        i += title.str().size() - 1;
        continue;
      }
      if (line.compare(i, 3, "\\f$") == 0 || line.compare(i, 3, "\\f[") == 0) {
        const std::size_t end = line.find(line[i + 2] == '$' ? "\\f$" : "\\f]", i + 3);
        const std::size_t size = end == std::string::npos ? line.size() - i : end + 3 - i;
        out += line.substr(i, size);
        i += size - 1;
        continue;
      }
      if (line[i] == '`') code = !code;
      if (line[i] == '<' || line.compare(i, 2, "{{") == 0) ++inside;
      if (line[i] == '>' || line.compare(i, 2, "}}") == 0) inside = std::max(0, inside - 1);
      out +=
          line[i] == '"' && !code && inside == 0 ? std::string("&quot;") : std::string(1, line[i]);
    }
    return out;
  }

  std::string directive(const std::string& text, const Section* section) {
    const std::size_t blank = text.find(' ');
    const std::string word = text.substr(0, blank);
    const std::string rest = blank == std::string::npos ? "" : trimmed(text.substr(blank));
    if (word == "lesson") {
      const std::string number = rest.size() == 1 ? "0" + rest : rest;
      return "[lesson " + std::to_string(std::stoi(rest)) + "](@ref lesson_" +
             section_of(number).number + ")";
    }
    if (word == "claim") return claim_link(rest);
    if (word == "lessons") return lesson_list();
    if (word == "decisions") return decision_list();
    if (word == "course") return all_exercises(course_);
    if (word == "tally") return include("tally.html", tally());
    if (word == "bench") return bench(rest);
    if (word == "file") return "@verbinclude " + rest;
    if (word == "program") return "@include " + rest;
    if (section == nullptr) throw std::runtime_error("no directive {{" + text + "}} here");
    const std::string key = section->number;
    if (word == "nav") return include("nav_" + key + ".html", navigation());
    if (word == "contents") return "@tableofcontents{HTML:2}";
    if (word == "claims") return include("claims_" + key + ".html", claims_of_section(key));
    if (word == "exercises") return exercises_of(course_, section->number);
    const LessonRun* run = run_of(key);
    if (word == "walkthrough" && run == nullptr)
      return "The program of this lesson is not written yet. What it has to show stands in the "
             "claims below.";
    if (word == "walkthrough") return walkthrough(*section, *run);
    if (run == nullptr)
      throw std::runtime_error("{{" + text + "}} needs the lesson's captured output");
    if (word == "output") return output(*section, rest);
    if (word == "code")
      return "@snippet " + section->number + "_" + section->slug + "/lesson.cpp " + rest;
    if (word == "picture") return picture(*section, *run, rest);
    if (word == "trace") return trace(*section);
    throw std::runtime_error("unknown directive {{" + text + "}}");
  }

  std::string include(const std::string& name, const std::string& html) {
    write_file(folders_.work / "include" / name, html);
    return "@htmlinclude[block] " + name;
  }

  std::string navigation() const {
    const auto link = [](const Section& other, const char* cls, const std::string& before,
                         const std::string& after) {
      return "<a class=\"" + std::string(cls) + "\" href=\"lesson_" + other.number + ".html\">" +
             before + std::to_string(std::stoi(other.number)) + ". " + escape_html(other.title) +
             after + "</a>";
    };
    std::string html = "<div class=\"book-nav\">";
    html += now_ > 0 ? link(sections_[now_ - 1], "previous", "← ", "") : "<span></span>";
    html += "<a class=\"up\" href=\"book.html\">All lessons</a>";
    html +=
        now_ + 1 < sections_.size() ? link(sections_[now_ + 1], "next", "", " →") : "<span></span>";
    return html + "</div>\n";
  }

  std::string claim_link(const std::string& id) const {
    for (const Claim& claim : claims_)
      if (claim.id == id)
        return "<a class=\"claim-link\" href=\"claims.html#" + id + "\">" + id + "</a>";
    throw std::runtime_error("no claim " + id);
  }

  std::string lesson_list() const {
    std::string out = "| lesson | title | page |\n|---|---|---|\n";
    for (const Section& section : sections_)
      out += "| " + std::to_string(std::stoi(section.number)) + " | @subpage lesson_" +
             section.number + " \"" + section.title + "\" | " +
             (section.has_page && section.has_lesson ? "text, lesson, output, claims"
              : section.has_page                     ? "text and claims, no lesson yet"
              : section.has_lesson                   ? "lesson, output, claims"
                                                     : "claims only, no lesson yet") +
             " |\n";
    return out;
  }

  std::string decision_list() const {
    std::string out;
    const fs::path folder = folders_.source / "docs/decisions";
    if (!fs::exists(folder)) return out;
    for (const fs::path& file : files_below(folder, ".md")) {
      const std::vector<std::string> lines = lines_of(read_file(file));
      const std::string title = lines.empty() ? "" : lines[0];
      const std::size_t open = title.find("{#");
      if (title.rfind("# ", 0) != 0 || open == std::string::npos)
        throw std::runtime_error(file.string() + ": the first line must be '# Title {#label}'");
      const std::size_t close = title.find('}', open);
      out += "- @subpage " + title.substr(open + 2, close - open - 2) + "\n";
    }
    return out;
  }

  // ---- a recorded measurement of docs/performance: a picture and a table
  std::string bench(const std::string& name) {
    const BenchRun run = read_bench(folders_.source / "docs/performance" / (name + ".json"));
    std::vector<std::string> labels;
    std::vector<double> values;
    std::string table = "| variant | median, ms | spread | headlight takes |\n|---|---|---|---|\n";
    char line[200];
    for (const BenchRun::Contender& one : run.contenders) {
      labels.push_back(one.name);
      values.push_back(std::round(one.median * 1e5) / 100);
      std::snprintf(line, sizeof line, " | %.2f | %.0f %% | %.2f of it |\n", 1e3 * one.median,
                    100 * one.spread, one.ratio);
      table += "| " + one.name + line;
    }
    std::snprintf(
        line, sizeof line,
        "n = %.0f, d = %.0f, %.0f heads, %.0f thread(s): milliseconds, median of %.0f runs", run.n,
        run.d, run.heads, run.threads, run.runs);
    const std::string svg = headlight::render::svg_bar_chart(
        labels, values, {line, "Shorter is faster. One bar a variant.", "bench_" + name});
    std::snprintf(line, sizeof line,
                  "\nOf the time that the machine's own limits allow, measured beside it, "
                  "headlight's layer is at %.0f %%.\n",
                  100 * run.roofline_share);
    return include("bench_" + name + ".html", "<div class=\"picture\">" + svg + "</div>\n") +
           "\n\n" + table + line;
  }

  // ---- output of a lesson: all of it, or the part between two headings
  std::string output(const Section& section, const std::string& step) {
    const std::string all = read_file(folders_.captures / section.number / "output.txt");
    std::string part = all;
    std::string name = "output_" + section.number;
    if (!step.empty()) {
      part.clear();
      const std::vector<std::string> titles = run_titles(section);
      const auto at =
          static_cast<std::size_t>(std::find(titles.begin(), titles.end(), step) - titles.begin());
      const auto heading = [&](const std::string& line, std::size_t index) {
        const std::string begin = std::to_string(index + 1) + ". ";
        if (index >= titles.size() || line.rfind(begin, 0) != 0) return false;
        const std::string rest =
            line.substr(begin.size());  // a long title goes on in the next line
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
    return include(name + ".html", "<pre class=\"output\">" + escape_html(part) + "</pre>\n");
  }

  // Step by step: the code, what it printed, and a picture of the first matrix worth one.
  std::string walkthrough(const Section& section, const LessonRun& run) {
    const std::string number = std::to_string(std::stoi(section.number));
    std::string out = "Run it yourself: `./headlight lesson " + number + "`. " + trace(section);
    if (read_file(folders_.captures / section.number / "trace.html").find(viewer_begin) !=
        std::string::npos)
      out += " <a href=\"lesson_" + section.number +
             ".html#viewer\">One cell at a time, term by term</a>, with keys or the pointer.";
    out += "\n\n";
    bool has_viewer = false;
    if (!run.passed) throw std::runtime_error("lesson " + number + " has a check that fails");
    const std::vector<std::string> titles = run_titles(section), written = step_titles(section);
    if (titles.empty()) throw std::runtime_error("lesson " + number + " has no step");
    std::size_t number_of_step = 0;
    for (const std::string& title : titles) {
      out += "### " + replaced(replaced(replaced(title, "@", "\\@"), "<", "&lt;"), "#", "\\#") +
             "\n\n";
      out +=
          "@snippet " + section.number + "_" + section.slug + "/lesson.cpp step " +
          std::to_string(std::find(written.begin(), written.end(), title) - written.begin() + 1) +
          "\n\n";
      ++number_of_step;
      out += output(section, title) + "\n\n";
      for (const std::string& html : viewers_of(section, number_of_step)) {
        out +=
            include("viewer_" + section.number + "_" + std::to_string(++pictures_) + ".html",
                    std::string(has_viewer ? "" : "<div id=\"viewer\"></div>") + html +
                        (has_viewer ? "" : "<script defer=\"defer\" src=\"head.js\"></script>\n")) +
            "\n\n";
        has_viewer = true;
      }
      const std::vector<std::string> own = pictures_of(section, number_of_step);
      for (const std::string& html : own)
        out += include("picture_" + section.number + "_" + std::to_string(++pictures_) + ".html",
                       html) +
               "\n\n";
      if (!own.empty()) continue;
      for (const LessonRun::Stage& stage : run.stages) {
        const std::size_t rank = stage.shape.size();
        if (stage.step != title || rank < 2 || rank > 3 || stage.values.empty()) continue;
        if (stage.shape[rank - 1] < 3 || stage.shape[rank - 2] < 3) continue;
        const std::string of_head = rank == 3 ? " of " + stage.axes[0] + " 0" : "";
        out += drawn(section, stage, 0,
                     stage.symbol + of_head + " as this run recorded it: rows are " +
                         stage.axes[rank - 2] + ", columns " + stage.axes[rank - 1] + ".") +
               "\n\n";
        break;
      }
    }
    return out;
  }

  // The steps in the order of the run, which may differ from their order in the source.
  std::vector<std::string> run_titles(const Section& section) const {
    const std::vector<std::string> written = step_titles(section);
    std::vector<std::string> titles;
    for (const std::string& line :
         lines_of(read_file(folders_.captures / section.number / "output.txt"))) {
      const std::string begin = std::to_string(titles.size() + 1) + ". ";
      if (line.rfind(begin, 0) != 0) continue;
      const std::string rest = line.substr(begin.size());  // a long title goes on in the next line
      const auto it = std::find_if(written.begin(), written.end(), [&](const std::string& title) {
        return rest == title || (rest.size() > 50 && title.rfind(rest, 0) == 0);
      });
      if (it != written.end()) titles.push_back(*it);
    }
    if (titles.size() != written.size())
      throw std::runtime_error("lesson " + section.number + " has " +
                               std::to_string(written.size()) + " steps and printed " +
                               std::to_string(titles.size()));
    return titles;
  }

  // What a step of the lesson's own page holds.
  std::string step_of_page(const Section& section, std::size_t step) const {
    const fs::path file = folders_.captures / section.number / "trace.html";
    if (!fs::exists(file)) return "";
    const std::string page = read_file(file);
    const std::size_t begin = page.find("<h2 id=\"step-" + std::to_string(step) + "\"");
    if (begin == std::string::npos) return "";
    return page.substr(begin, page.find("</section>", begin) - begin);
  }

  // The heads that a step lets the reader look at.
  static constexpr const char* viewer_begin = "<div class=\"head-viewer\">";
  std::vector<std::string> viewers_of(const Section& section, std::size_t step) const {
    std::vector<std::string> found;
    const std::string page = step_of_page(section, step), end = "</script></div>\n";
    for (std::size_t at = page.find(viewer_begin); at != std::string::npos;
         at = page.find(viewer_begin, at + 1))
      found.push_back(page.substr(at, page.find(end, at) + end.size() - at));
    return found;
  }

  // The pictures that the lesson itself drew in a step, with their captions, from the page it
  // wrote.
  std::vector<std::string> pictures_of(const Section& section, std::size_t step) const {
    std::vector<std::string> found;
    const std::string page = step_of_page(section, step);
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

  std::vector<std::string> step_titles(const Section& section) const {
    std::vector<std::string> titles;
    const fs::path file =
        folders_.source / "lessons" / (section.number + "_" + section.slug) / "lesson.cpp";
    for (const std::string& line : lines_of(read_file(file)))
      if (const std::optional<std::string> title = step_title(line)) titles.push_back(*title);
    return titles;
  }

  static std::optional<std::string> step_title(const std::string& line) {
    const std::size_t call = line.find("page.step(\"");
    if (call == std::string::npos) return {};
    std::string title;
    for (std::size_t i = call + 11; i < line.size() && line[i] != '"'; ++i) {
      if (line[i] == '\\' && i + 1 < line.size()) ++i;
      title += line[i];
    }
    return title;
  }

  // A copy of the lesson in which each step lies between two snippet marks named like the step.
  void annotate_lesson(const Section& section) {
    const fs::path name = fs::path(section.number + "_" + section.slug) / "lesson.cpp";
    std::string out, open;
    std::size_t steps = 0;
    const auto close = [&] {
      if (!open.empty()) out += "//! [" + open + "]\n";
      open.clear();
    };
    for (const std::string& line : lines_of(read_file(folders_.source / "lessons" / name))) {
      if (const std::optional<std::string> title = step_title(line)) {
        close();
        open = "step " + std::to_string(++steps);
        out += "//! [" + open + "]\n";
      }
      if (!line.empty() && line[0] == '}') close();
      out += line + "\n";
    }
    close();
    write_file(folders_.work / "include" / name, out);
  }

  // ---- pictures drawn from the numbers the lesson recorded: "A | what it shows", "A 2 |..." for
  // its second A
  std::string picture(const Section& section, const LessonRun& run, const std::string& rest) {
    const std::size_t bar = rest.find('|');
    if (bar == std::string::npos) throw std::runtime_error("{{picture SYMBOL | sentence}}");
    std::string symbol = trimmed(rest.substr(0, bar));
    std::size_t layer = 0;
    if (const std::size_t at = symbol.find('@'); at != std::string::npos) {
      layer = std::stoul(symbol.substr(at + 1));
      symbol = symbol.substr(0, at);
    }
    for (const LessonRun::Stage& stage : run.stages)
      if (stage.symbol == symbol && !stage.values.empty() && stage.shape.size() >= 2)
        return drawn(section, stage, layer, trimmed(rest.substr(bar + 1)));
    throw std::runtime_error("the lesson recorded no matrix \"" + symbol + "\"");
  }

  std::string drawn(const Section& section, const LessonRun::Stage& stage, std::size_t layer,
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
    const std::string id = "picture_" + section.number + "_" + std::to_string(++pictures_);
    const std::string svg = headlight::render::svg_heatmap(
        values, nullptr,
        {stage.symbol + (stage.name.empty() ? "" : ", " + stage.name), sentence, id}, style);
    return include(id + ".html", "<div class=\"picture\">" + svg + "<p class=\"caption\">" +
                                     escape_html(sentence) + "</p></div>\n");
  }

  std::string trace(const Section& section) {
    const fs::path file = folders_.captures / section.number / "trace.html";
    if (!fs::exists(file)) return "";
    fs::create_directories(folders_.work / "extra");
    const std::string name = "run_" + section.number + ".html";
    write_file(folders_.work / "extra" / name, read_file(file));
    return "<a href=\"" + name + "\">Every number of this run on a page of its own</a>.";
  }

  // ---- claims
  std::string evidence(const Claim& claim) const {
    std::string html;
    const LessonRun* run = run_of(lesson_of(claim.section));
    const auto it = run == nullptr
                        ? std::map<std::string, std::vector<std::string>>::const_iterator()
                        : run->claim_checks.find(claim.id);
    if (run != nullptr && it != run->claim_checks.end() && !it->second.empty()) {
      for (const std::string& id : it->second) {
        const auto check = run->checks.find(id);
        if (check == run->checks.end()) continue;
        if (!html.empty()) html += "<br/>";
        html += "<a class=\"check-id\" href=\"run_" + lesson_of(claim.section) + ".html#" + id +
                "\">" + id + "</a> " + escape_html(check->second.text);
        if (!check->second.measured.empty())
          html += ": <span class=\"figure\">" + escape_html(check->second.measured) + "</span>";
        if (!check->second.bound.empty())
          html += " (" + escape_html(check->second.relation) + " " +
                  escape_html(check->second.bound) + ")";
      }
      if (!claim.fails_when.empty())
        html +=
            "<br/><span class=\"fails\">fails when: " + escape_html(claim.fails_when) + "</span>";
      return html;
    }
    if (!claim.evidence.empty()) return escape_html(claim.evidence);
    if (claim.measured_before && claim.executable)
      return "to be measured by lesson " + std::to_string(std::stoi(lesson_of(claim.section)));
    if (claim.kind == "analogy") return "an analogy: nothing to measure";
    if (claim.kind == "identity" || claim.kind == "shape" || claim.kind == "complexity" ||
        claim.kind == "parameter count")
      return claim.executable
                 ? "by calculation; lesson " + std::to_string(std::stoi(lesson_of(claim.section))) +
                       " is to check it"
                 : "by calculation";
    return "no source found";
  }

  std::string note_of(const Claim& claim) const {
    const LessonRun* run = run_of(lesson_of(claim.section));
    const bool measured = run != nullptr && run->claim_checks.count(claim.id) != 0;
    return as_sentence(claim.measured_before && !measured ? without_figures(claim.note)
                                                          : claim.note);
  }

  std::string row(const Claim& claim, bool with_section) const {
    std::string cls = claim.verdict;
    std::replace(cls.begin(), cls.end(), ' ', '-');
    std::string html = "<tr class=\"claim\" id=\"" + claim.id + "\" data-section=\"" +
                       lesson_of(claim.section) + "\" data-kind=\"" + escape_html(claim.kind) +
                       "\" data-verdict=\"" + escape_html(claim.verdict) + "\"><td>" + claim.id;
    if (with_section)
      html += "<br/><a href=\"lesson_" + lesson_of(claim.section) + ".html\">" +
              std::to_string(std::stoi(lesson_of(claim.section))) + "</a>";
    html += "</td><td>" + escape_html(claim.text) + "</td><td>" + escape_html(claim.kind) +
            "</td><td><span class=\"verdict " + cls + "\">" +
            escape_html(verdict_word(claim.verdict)) + "</span></td><td>" +
            escape_html(note_of(claim)) + "</td><td>" + evidence(claim) + "</td></tr>\n";
    return html;
  }

  static std::string table(const std::string& rows, const std::string& label) {
    return "<div class=\"table-scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" + label +
           "\"><table class=\"claims\">\n<thead><tr><th scope=\"col\">id</th><th "
           "scope=\"col\">claim</th>"
           "<th scope=\"col\">kind</th><th scope=\"col\">verdict</th><th scope=\"col\">the right "
           "statement, "
           "source</th><th scope=\"col\">evidence</th></tr></thead>\n<tbody>\n" +
           rows + "</tbody></table></div>\n";
  }

  std::string claims_of_section(const std::string& number) const {
    std::string rows;
    std::map<std::string, std::size_t> count;
    for (const Claim& claim : claims_)
      if (lesson_of(claim.section) == number) {
        rows += row(claim, false);
        ++count[claim.verdict];
      }
    std::string line = "<p class=\"tally\">";
    for (const std::string& verdict : verdicts)
      line += std::to_string(count[verdict]) + " " +
              (verdict == "true"        ? "hold"
               : verdict == "imprecise" ? "hold with a condition"
               : verdict == "false"     ? "do not hold"
                                        : "cannot be checked") +
              (verdict == verdicts.back() ? "." : ", ");
    return line + "</p>\n" + table(rows, "Claims of this section");
  }

  std::string tally() const {
    std::map<std::string, std::map<std::string, std::size_t>> count;
    for (const Claim& claim : claims_) {
      ++count[lesson_of(claim.section)][claim.verdict];
      ++count["all"][claim.verdict];
    }
    std::string html =
        "<div class=\"table-scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Tally\"><table "
        "class=\"claims tally\"><thead><tr><th scope=\"col\">lesson</th>";
    for (const std::string& verdict : verdicts)
      html += "<th scope=\"col\">" + verdict_word(verdict) + "</th>";
    html += "<th scope=\"col\">together</th></tr></thead><tbody>\n";
    const auto line = [&](const std::string& key, const std::string& name) {
      std::size_t sum = 0;
      html += "<tr><td>" + name + "</td>";
      for (const std::string& verdict : verdicts) {
        html += "<td>" + std::to_string(count[key][verdict]) + "</td>";
        sum += count[key][verdict];
      }
      html += "<td>" + std::to_string(sum) + "</td></tr>\n";
    };
    for (const Section& section : sections_)
      line(section.number, "<a href=\"lesson_" + section.number + ".html\">" +
                               std::to_string(std::stoi(section.number)) + ". " +
                               escape_html(section.title) + "</a>");
    line("all", "all");
    return html + "</tbody></table></div>\n";
  }

  std::string filters() const {
    std::set<std::string> kinds;
    for (const Claim& claim : claims_) kinds.insert(claim.kind);
    std::string html =
        "<form class=\"claim-filter\" id=\"claim-filter\">"
        "<label>lesson <select name=\"section\"><option value=\"\">all</option>";
    for (const Section& section : sections_)
      html += "<option value=\"" + section.number + "\">" +
              std::to_string(std::stoi(section.number)) + ". " + escape_html(section.title) +
              "</option>";
    html += "</select></label> <label>kind <select name=\"kind\"><option value=\"\">all</option>";
    for (const std::string& kind : kinds) html += "<option>" + escape_html(kind) + "</option>";
    html +=
        "</select></label> <label>verdict <select name=\"verdict\"><option value=\"\">all</option>";
    for (const std::string& verdict : verdicts)
      html += "<option value=\"" + verdict + "\">" + verdict_word(verdict) + "</option>";
    html +=
        "</select></label> <label>words <input type=\"search\" name=\"words\"/></label> "
        "<output id=\"claim-count\" aria-live=\"polite\">" +
        std::to_string(claims_.size()) + " claims</output></form>\n";
    return html;
  }

  void write_claim_pages() {
    std::string all;
    for (const Claim& claim : claims_) all += row(claim, true);
    const std::string size = std::to_string(claims_.size());
    write_file(folders_.work / "include/claims_all.html",
               filters() + table(all, "All claims of the report") +
                   "<script src=\"claims_filter.js\"></script>\n");
    write_file(
        folders_.work / "pages/claims.md",
        "# Claims of the report {#claims}\n\n"
        "The report was read sentence by sentence: " +
            size +
            " claims, each with a verdict. A claim *holds*, holds *with a condition* that the "
            "report leaves out, "
            "*does not hold*, or *cannot be checked* (an analogy, a forecast, an unpublished "
            "figure). Where a lesson "
            "measures it, the check and its figure stand as evidence; else what is known of the "
            "source, or \"no "
            "source found\".\n\n"
            "See also @subpage claim_tally, @subpage report_errors and @subpage not_checkable.\n\n"
            "@htmlinclude[block] claims_all.html\n");
    write_file(folders_.work / "pages/claim_tally.md",
               "# The tally {#claim_tally}\n\nVerdicts by lesson. The figure's claims are counted "
               "with lesson 9, the "
               "closing texts' with lesson 20, the closing table's with lesson 21.\n\n" +
                   include("tally.html", tally()) + "\n");
    write_file(folders_.work / "pages/report_errors.md",
               "# Errors of the report, corrected {#report_errors}\n\n" +
                   std::to_string(count_of("false")) +
                   " claims do not hold. Each is given with what holds instead, and with what "
                   "shows it: a check of a lesson with its measured figure, or a source.\n\n"
                   "@tableofcontents{HTML:1}\n" +
                   by_lesson("false", "errors"));
    write_file(folders_.work / "pages/not_checkable.md",
               "# What could not be checked, and why {#not_checkable}\n\n" +
                   std::to_string(count_of("not checkable")) +
                   " claims are neither shown nor refuted here: analogies and images, forecasts, "
                   "figures of models that were never published, sentences too loose to be wrong, "
                   "findings for which no source was found. Behind each stands which of these it "
                   "is.\n\n@tableofcontents{HTML:1}\n" +
                   by_lesson("not checkable", "open"));
  }

  std::size_t count_of(const std::string& verdict) const {
    return static_cast<std::size_t>(
        std::count_if(claims_.begin(), claims_.end(),
                      [&](const Claim& claim) { return claim.verdict == verdict; }));
  }

  // The claims of one verdict as lists, one a lesson.
  std::string by_lesson(const std::string& verdict, const std::string& name) {
    std::string out;
    for (const Section& section : sections_) {
      std::string list;
      for (const Claim& claim : claims_) {
        if (claim.verdict != verdict || lesson_of(claim.section) != section.number) continue;
        const std::string note = note_of(claim);
        list += "<li><a href=\"claims.html#" + claim.id + "\">" + claim.id + "</a> <b>" +
                escape_html(claim.text) + "</b><br/>" + escape_html(note) +
                "<span class=\"evidence\">" + evidence(claim) + "</span></li>\n";
      }
      if (list.empty()) continue;
      const std::string number = std::to_string(std::stoi(section.number));
      out += "\n## Lesson " + number + ": " + section.title + " {#" + name + "_" + section.number +
             "}\n\n" +
             include(name + "_" + section.number + ".html",
                     "<ul class=\"claim-list\">\n" + list + "</ul>\n") +
             "\n";
    }
    return out;
  }

  PageFolders folders_;
  std::vector<Section> sections_;
  std::vector<Claim> claims_;
  std::vector<headlight::course::Entry> course_;
  std::map<std::string, LessonRun> runs_;
  std::size_t now_ = 0;
  std::size_t pictures_ = 0;
};

}  // namespace

void expand_pages(const PageFolders& folders) {
  Book(folders).make();
}

}  // namespace site
