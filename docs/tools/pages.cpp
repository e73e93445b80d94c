#include <cctype>
#include <cmath>
#include <cstdio>
#include <headlight/render/svg.hpp>
#include <regex>
#include <set>
#include <stdexcept>

#include "claim_pages.hpp"
#include "commands.hpp"
#include "exercises.hpp"
#include "lesson_pages.hpp"

namespace site {

namespace {

class Book {
 public:
  explicit Book(const PageFolders& folders)
      : folders_(folders),
        sections_(read_sections(folders)),
        runs_(read_runs(folders, sections_)),
        course_(headlight::course::read_manifest(folders.source / "exercises/course.toml").entries),
        claims_(folders_, sections_, runs_) {
    for (const Section& section : sections_)
      if (section.has_lesson)
        lessons_.emplace(section.number, LessonPage(folders_, section, runs_.at(section.number)));
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
          section.has_page ? read_file(folders_.book_page(section)) : claims_only(section);
      if (section.has_lesson) lessons_.at(section.number).annotate();
      write_file(folders_.work / "pages" / ("lesson_" + section.number + ".md"),
                 expanded(text, &section, section.number + "_" + section.slug + ".md"));
    }
    claims_.write();
  }

 private:
  const Section& section_of(const std::string& number) const {
    for (const Section& section : sections_)
      if (section.number == number) return section;
    throw std::runtime_error("lessons/lessons.toml has no lesson " + number);
  }

  // ---- pages without a lesson
  std::string claims_only(const Section& section) const {
    const std::string number = spoken(section.number);
    return "# Section " + number + ": " + section.title + " {#lesson_" + section.number +
           "}\n\n{{nav}}\n\n" +
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
    if (word == "claim") return claims_.link(rest);
    if (word == "lessons") return lesson_list();
    if (word == "decisions") return decision_list();
    if (word == "course") return all_exercises(course_);
    if (word == "tally") return include(folders_, "tally.html", claims_.tally());
    if (word == "bench") return bench(rest);
    if (word == "file") return "@verbinclude " + rest;
    if (word == "program") return "@include " + rest;
    if (section == nullptr) throw std::runtime_error("no directive {{" + text + "}} here");
    const std::string key = section->number;
    if (word == "nav") {  // the first one brings the contents of the page with it
      const bool first = with_contents_.insert(key).second;
      return include(folders_, "nav_" + key + ".html", navigation()) +
             (first ? "\n\n@tableofcontents{HTML:2}" : "");
    }
    if (word == "claims")
      return include(folders_, "claims_" + key + ".html", claims_.of_section(key));
    if (word == "exercises") return exercises_of(course_, section->number);
    const auto lesson = lessons_.find(key);
    if (word == "walkthrough" && lesson == lessons_.end())
      return "The program of this lesson is not written yet. What it has to show stands in the "
             "claims below.";
    if (lesson == lessons_.end())
      throw std::runtime_error("{{" + text + "}} needs the lesson's captured output");
    if (word == "walkthrough") return lesson->second.walkthrough();
    if (word == "output") return lesson->second.output(rest);
    if (word == "code") return "@snippet " + lesson->second.program() + " " + rest;
    if (word == "picture") return lesson->second.picture(rest);
    if (word == "trace") return lesson->second.trace();
    throw std::runtime_error("unknown directive {{" + text + "}}");
  }

  std::string navigation() const {
    const auto link = [](const Section& other, const char* cls, const std::string& before,
                         const std::string& after) {
      return "<a class=\"" + std::string(cls) + "\" href=\"lesson_" + other.number + ".html\">" +
             before + spoken(other.number) + ". " + escape_html(other.title) + after + "</a>";
    };
    std::string html = "<div class=\"book-nav\">";
    html += now_ > 0 ? link(sections_[now_ - 1], "previous", "← ", "") : "<span></span>";
    html += "<a class=\"up\" href=\"book.html\">All lessons</a>";
    html +=
        now_ + 1 < sections_.size() ? link(sections_[now_ + 1], "next", "", " →") : "<span></span>";
    return html + "</div>\n";
  }

  std::string lesson_list() const {
    std::string out = "| lesson | title | page |\n|---|---|---|\n";
    for (const Section& section : sections_)
      out += "| " + spoken(section.number) + " | @subpage lesson_" + section.number + " \"" +
             section.title + "\" | " +
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
    return include(folders_, "bench_" + name + ".html",
                   "<div class=\"picture\">" + svg + "</div>\n") +
           "\n\n" + table + line;
  }

  PageFolders folders_;
  std::vector<Section> sections_;
  std::map<std::string, LessonRun> runs_;
  std::vector<headlight::course::Entry> course_;
  ClaimPages claims_;
  std::map<std::string, LessonPage> lessons_;
  std::set<std::string> with_contents_;
  std::size_t now_ = 0;
};

}  // namespace

void expand_pages(const PageFolders& folders) {
  Book(folders).make();
}

}  // namespace site
