/// @file
/// course.toml as data.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace headlight::course {

/// A case of an exercise and its points.
struct CaseEntry {
  std::string name;   ///< "rect"
  double points = 0;  ///< of ten
};

/// An exercise as the manifest says it.
struct Entry {
  std::string id;                  ///< "05.1"
  std::string lesson;              ///< "05_self_attention_step_by_step"
  std::string file;                ///< "1_scores"
  std::string title;               ///< in words
  std::string kind;                ///< write, fix, diagnose, predict
  int minutes = 0;                 ///< expected
  int difficulty = 0;              ///< 1 to 3
  std::string see;                 ///< "lesson 5, step 3"
  std::string about;               ///< one sentence
  std::vector<CaseEntry> cases;    ///< in order
  std::vector<std::string> hints;  ///< from vague to exact

  /// @return "05_self_attention_step_by_step/1_scores.cpp"
  std::string path() const { return lesson + "/" + file + ".cpp"; }
  /// @return the name of the prepared grader, "course_grader_05_1"
  std::string grader() const { return "course_grader_" + id.substr(0, 2) + "_" + id.substr(3); }
};

/// The course.
struct Manifest {
  std::string version;         ///< of the course
  std::vector<Entry> entries;  ///< in order

  /// @param id  "05.1" or "5.1"  @return the exercise
  /// @throws std::invalid_argument with the ids that there are
  const Entry& find(const std::string& id) const;
};

/// Reads course.toml.
/// @param file  where it is
/// @return what it says
/// @throws std::runtime_error with the place when it is not as it must be
Manifest read_manifest(const std::filesystem::path& file);

}  // namespace headlight::course
