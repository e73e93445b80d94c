#include "claim_pages.hpp"

#include <algorithm>
#include <regex>
#include <set>
#include <stdexcept>

namespace site {

namespace {

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

std::string table(const std::string& rows, const std::string& label) {
  return "<div class=\"table-scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" + label +
         "\"><table class=\"claims\">\n<thead><tr><th scope=\"col\">id</th><th "
         "scope=\"col\">claim</th>"
         "<th scope=\"col\">kind</th><th scope=\"col\">verdict</th><th scope=\"col\">the right "
         "statement, "
         "source</th><th scope=\"col\">evidence</th></tr></thead>\n<tbody>\n" +
         rows + "</tbody></table></div>\n";
}

}  // namespace

ClaimPages::ClaimPages(const PageFolders& folders, const std::vector<Section>& sections,
                       const std::map<std::string, LessonRun>& runs)
    : folders_(folders),
      sections_(sections),
      runs_(runs),
      claims_(read_claims(folders.source / "docs/claims")) {}

const LessonRun* ClaimPages::run_of(const std::string& number) const {
  const auto it = runs_.find(number);
  return it == runs_.end() ? nullptr : &it->second;
}

std::string ClaimPages::link(const std::string& id) const {
  for (const Claim& claim : claims_)
    if (claim.id == id)
      return "<a class=\"claim-link\" href=\"claims.html#" + id + "\">" + id + "</a>";
  throw std::runtime_error("no claim " + id);
}

std::string ClaimPages::evidence(const Claim& claim) const {
  std::string html;
  const LessonRun* run = run_of(lesson_of(claim.section));
  const auto it = run == nullptr ? std::map<std::string, std::vector<std::string>>::const_iterator()
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
      html += "<br/><span class=\"fails\">fails when: " + escape_html(claim.fails_when) + "</span>";
    for (const std::string& fault : claim.planted_faults)
      html += "<br/><span class=\"fails\">planted: " + escape_html(replaced(fault, "_", " ")) +
              "</span>";
    return html;
  }
  if (!claim.evidence.empty()) return escape_html(claim.evidence);
  if (claim.measured_before && claim.executable)
    return "to be measured by lesson " + spoken(lesson_of(claim.section));
  if (claim.kind == "analogy") return "an analogy: nothing to measure";
  if (claim.kind == "identity" || claim.kind == "shape" || claim.kind == "complexity" ||
      claim.kind == "parameter count")
    return claim.executable
               ? "by calculation; lesson " + spoken(lesson_of(claim.section)) + " is to check it"
               : "by calculation";
  return "no source found";
}

std::string ClaimPages::note_of(const Claim& claim) const {
  const LessonRun* run = run_of(lesson_of(claim.section));
  const bool measured = run != nullptr && run->claim_checks.count(claim.id) != 0;
  return as_sentence(claim.measured_before && !measured ? without_figures(claim.note) : claim.note);
}

std::string ClaimPages::row(const Claim& claim, bool with_section) const {
  std::string cls = claim.verdict;
  std::replace(cls.begin(), cls.end(), ' ', '-');
  std::string html = "<tr class=\"claim\" id=\"" + claim.id + "\" data-section=\"" +
                     lesson_of(claim.section) + "\" data-kind=\"" + escape_html(claim.kind) +
                     "\" data-verdict=\"" + escape_html(claim.verdict) + "\"><td>" + claim.id;
  if (with_section)
    html += "<br/><a href=\"lesson_" + lesson_of(claim.section) + ".html\">" +
            spoken(lesson_of(claim.section)) + "</a>";
  html += "</td><td>" + escape_html(claim.text) + "</td><td>" + escape_html(claim.kind) +
          "</td><td><span class=\"verdict " + cls + "\">" +
          escape_html(verdict_word(claim.verdict)) + "</span></td><td>" +
          escape_html(note_of(claim)) + "</td><td>" + evidence(claim) + "</td></tr>\n";
  return html;
}

std::string ClaimPages::of_section(const std::string& number) const {
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

std::string ClaimPages::tally() const {
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
                             spoken(section.number) + ". " + escape_html(section.title) + "</a>");
  line("all", "all");
  return html + "</tbody></table></div>\n";
}

std::string ClaimPages::filters() const {
  std::set<std::string> kinds;
  for (const Claim& claim : claims_) kinds.insert(claim.kind);
  std::string html =
      "<form class=\"claim-filter\" id=\"claim-filter\">"
      "<label>lesson <select name=\"section\"><option value=\"\">all</option>";
  for (const Section& section : sections_)
    html += "<option value=\"" + section.number + "\">" + spoken(section.number) + ". " +
            escape_html(section.title) + "</option>";
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

void ClaimPages::write() const {
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
                 include(folders_, "tally.html", tally()) + "\n");
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

std::size_t ClaimPages::count_of(const std::string& verdict) const {
  return static_cast<std::size_t>(
      std::count_if(claims_.begin(), claims_.end(),
                    [&](const Claim& claim) { return claim.verdict == verdict; }));
}

// The claims of one verdict as lists, one a lesson.
std::string ClaimPages::by_lesson(const std::string& verdict, const std::string& name) const {
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
    const std::string number = spoken(section.number);
    out += "\n## Lesson " + number + ": " + section.title + " {#" + name + "_" + section.number +
           "}\n\n" +
           include(folders_, name + "_" + section.number + ".html",
                   "<ul class=\"claim-list\">\n" + list + "</ul>\n") +
           "\n";
  }
  return out;
}

}  // namespace site
