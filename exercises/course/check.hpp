/// @file
/// Builds one exercise and runs its cases, each in a process of its own.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "setup.hpp"

namespace headlight::course {

/// Verdict of one case.
struct CaseReport {
  std::string id;      ///< "05.1.rect"
  std::string status;  ///< pass, fail, todo, crash, timeout, limit, not-run, course
  double points = 0;   ///< earned
  double max = 0;      ///< of the manifest
  std::string text;    ///< one sentence, where no stage says it
  std::string output;  ///< what the learner's code printed, at most 500 characters
  nlohmann::json verdict = nlohmann::json::object();  ///< the runner's own words
};

/// Verdict of one exercise.
struct Report {
  std::string id;                 ///< "05.1"
  std::string title;              ///< in words
  std::string status;             ///< pass, partial, todo, compile, crash, course, interrupted
  double points = 0;              ///< earned
  double max = 10;                ///< in all
  double build_s = 0;             ///< seconds to compile and link
  double run_s = 0;               ///< seconds of all cases
  std::uint64_t seed = 0;         ///< of the fresh inputs
  std::string source;             ///< SHA-256 of the learner's file
  std::string text;               ///< why, when it did not come to cases
  std::string advice = {};        ///< about something in the file that often goes wrong
  std::string log;                ///< all that the compiler said
  std::vector<CaseReport> cases;  ///< in the manifest's order
  int hint_level = 0;             ///< of the learner, for the JSON report
  bool revealed = false;          ///< of the learner, for the JSON report
};

/// What to check and how.
struct Wish {
  std::filesystem::path file;         ///< the learner's
  std::filesystem::path header;       ///< folder of exercises.hpp; empty: the course's own
  std::uint64_t seed = 1;             ///< of the fresh inputs
  bool strict = false;                ///< with sanitizers and warnings as errors
  std::string as = {};                ///< a mutant's id instead (for the course's own tests)
  std::string mode = "judge";         ///< judge, explain, stages
  std::string stage = {}, cell = {};  ///< explain: which
  std::string only = {};              ///< name of the only case to run; empty: all
  bool reuse = false;                 ///< keep the program and use it again while nothing changed
};

/// @param setup  of this checkout  @param entry  which  @param wish  how
/// @return the verdict; a file that cannot be read throws
Report check(const Setup& setup, const Entry& entry, const Wish& wish);

/// @param reports  of one command  @return the exit status of course.md: 5, 4, 3, 1 or 0
int exit_status(const std::vector<Report>& reports);

/// The case that tells most: the earliest wrong stage among the failed ones.
/// @param report  of an exercise  @return nullptr when no case failed
const CaseReport* telling_case(const Report& report);

}  // namespace headlight::course
