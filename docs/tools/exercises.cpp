#include "exercises.hpp"

#include <cmath>

namespace site {

namespace {

using headlight::course::Entry;

std::string points_of(const Entry& entry) {
  double points = 0;
  for (const headlight::course::CaseEntry& one : entry.cases) points += one.points;
  return std::to_string(std::lround(points));
}

std::string anchor(const Entry& entry) {
  return "exercise_" + replaced(entry.id, ".", "_");
}

std::string work(const std::string& kind) {
  if (kind == "fix") return "fix: the function is there and wrong";
  if (kind == "diagnose") return "diagnose: say which trace comes from which wrong program";
  if (kind == "predict") return "predict: give the number before you run it";
  return "write: the function is yours";
}

std::string difficulty(const Entry& entry) {
  static const char* words[] = {"easy", "middling", "hard"};
  const int level = entry.difficulty < 1 ? 1 : entry.difficulty > 3 ? 3 : entry.difficulty;
  return words[level - 1];
}

std::string sentence(std::string text) {
  text = replaced(replaced(trimmed(text), "@", "\\@"), "<", "&lt;");
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  if (!text.empty() && text.find_last_of(".?!") != text.size() - 1) text += '.';
  return text;
}

}  // namespace

std::string exercises_of(const std::vector<Entry>& course, const std::string& lesson) {
  std::string out;
  long count = 0, minutes = 0, points = 0;
  std::string folder;
  for (const Entry& entry : course) {
    if (entry.id.rfind(lesson + ".", 0) != 0) continue;
    ++count, minutes += entry.minutes, points += std::stol(points_of(entry));
    folder = entry.lesson;
    out += "\n### Exercise " + entry.id + ": " + entry.title + " {#" + anchor(entry) + "}\n\n" +
           sentence(entry.about) + "\n\n*" + work(entry.kind) + " · " +
           std::to_string(entry.minutes) + " minutes · " + points_of(entry) + " points in " +
           std::to_string(entry.cases.size()) + " cases · " + difficulty(entry) +
           " · where to look: " + entry.see + "*\n\n```sh\n" + "$EDITOR exercises/" + entry.path() +
           "\n./headlight check " + entry.id + "\n./headlight hint " + entry.id + "     # " +
           std::to_string(entry.hints.size() + 1) + " hints, one at a time\n```\n";
  }
  if (count == 0) return "This lesson has no exercises yet; @ref course says what the others are.";
  return std::to_string(count) + (count == 1 ? " exercise, " : " exercises, ") +
         std::to_string(minutes) + " minutes, " + std::to_string(points) +
         " points. The files lie in `exercises/" + folder +
         "/`, each with the formula, the shapes and a worked example in its header; a grader says "
         "which stage is the first wrong one. @ref course says how it works.\n" +
         out;
}

std::string all_exercises(const std::vector<Entry>& course) {
  std::string out = "| exercise | kind | minutes | points | difficulty |\n|---|---|---|---|---|\n";
  long minutes = 0, points = 0;
  for (const Entry& entry : course) {
    minutes += entry.minutes, points += std::stol(points_of(entry));
    out += "| [" + entry.id + " " + entry.title + "](@ref " + anchor(entry) + ") | " + entry.kind +
           " | " + std::to_string(entry.minutes) + " | " + points_of(entry) + " | " +
           difficulty(entry) + " |\n";
  }
  return std::to_string(course.size()) + " exercises, " + std::to_string(minutes) + " minutes, " +
         std::to_string(points) + " points.\n\n" + out;
}

}  // namespace site
