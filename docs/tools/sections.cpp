#include "sections.hpp"

namespace site {

std::vector<Section> read_sections(const PageFolders& folders) {
  std::vector<Section> sections;
  for (const std::string& line : lines_of(read_file(folders.source / "lessons/lessons.toml"))) {
    if (line.rfind("[[lesson]]", 0) == 0) sections.emplace_back();
    const std::size_t open = line.find(" = \""), close = line.rfind('"');
    if (sections.empty() || open == std::string::npos || close < open + 4) continue;
    const std::string value = line.substr(open + 4, close - open - 4);
    if (line.rfind("title", 0) == 0) sections.back().title = value;
    if (line.rfind("slug", 0) == 0) {
      sections.back().number = value.substr(0, 2);
      sections.back().slug = value.substr(3);
    }
  }
  for (Section& section : sections) {
    section.has_lesson = fs::exists(folders.capture(section) / "lesson.json");
    section.has_page = fs::exists(folders.book_page(section));
  }
  return sections;
}

std::map<std::string, LessonRun> read_runs(const PageFolders& folders,
                                           const std::vector<Section>& sections) {
  std::map<std::string, LessonRun> runs;
  for (const Section& section : sections)
    if (section.has_lesson)
      runs[section.number] = read_lesson_json(folders.capture(section) / "lesson.json");
  return runs;
}

std::string lesson_of(const std::string& claim_section) {
  if (claim_section == "closing") return "20";
  if (claim_section == "figure") return "09";
  if (claim_section == "table") return "21";
  return claim_section;
}

std::string spoken(const std::string& number) {
  return std::to_string(std::stoi(number));
}

std::string include(const PageFolders& folders, const std::string& name, const std::string& html) {
  write_file(folders.work / "include" / name, html);
  return "@htmlinclude[block] " + name;
}

}  // namespace site
