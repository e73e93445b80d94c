/// @file
/// The claims of the report and what the lessons measured about them.
#pragma once

#include "text.hpp"

namespace site {

/// One claim of the report.
struct Claim {
  std::string id;       ///< "C05-27"
  std::string section;  ///< "05"
  std::string text;     ///< in our words
  std::string kind;     ///< identity, shape, ...
  std::string verdict;  ///< true, imprecise, false, not checkable
  std::string note;     ///< correction and source, without bracket tags
  std::string
      evidence;  ///< what stands behind the note: "source read", "source not consulted", ...
  std::string fails_when;  ///< the fault or control under which its check fails
  std::vector<std::string> planted_faults = {};  ///< those of tests/planted_faults that it notices
  bool measured_before = false;  ///< the note holds figures of a trial outside the project
  bool executable = false;
};

/// One check of a lesson.
struct Check {
  std::string id, text, measured, relation, bound;
  bool passed = false;
};

/// What a lesson said with --json.
struct LessonRun {
  int number = 0;
  std::string title;
  bool passed = false;
  std::map<std::string, Check> checks;
  std::map<std::string, std::vector<std::string>> claim_checks;  ///< claim id to check ids
  struct Stage {
    std::string step, symbol, name;
    std::vector<std::string> axes;
    std::vector<std::size_t> shape;
    std::vector<double> values;
  };
  std::vector<Stage> stages;
};

/// What `headlight bench layer --json` printed.
struct BenchRun {
  double n = 0, d = 0, heads = 0, threads = 0, runs = 0, roofline_share = 0;
  struct Contender {
    std::string name;
    double median = 0, spread = 0, ratio = 0;
  };
  std::vector<Contender> contenders;
};

/// What `headlight bench mechanisms --json` printed.
struct GrowthRun {
  struct Mechanism {
    std::string id, name;
    std::vector<double> tokens, seconds;
    double time_growth = 0, time_wanted = 0, memory_growth = 0, memory_wanted = 0;
  };
  double d_head = 0;
  std::vector<Mechanism> mechanisms;
};

/// Reads a recorded measurement of growth.
GrowthRun read_growth(const fs::path& file);
/// Reads a recorded measurement.
BenchRun read_bench(const fs::path& file);
/// Reads every docs/claims/*.json, sorted by id.
std::vector<Claim> read_claims(const fs::path& folder);
/// Reads the output of `lesson --json`.
LessonRun read_lesson_json(const fs::path& file);
/// A string as JSON, with < escaped.
std::string json_string(std::string_view text);

}  // namespace site
