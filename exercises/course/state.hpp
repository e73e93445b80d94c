/// @file
/// What the learner has done so far: .headlight/state.json.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "check.hpp"

namespace headlight::course {

/// Of one exercise.
struct Progress {
  double best = 0;         ///< points
  std::string last;        ///< status of the last check
  double last_points = 0;  ///< of the last check
  int tries = 0;           ///< checks so far
  int hint = 0;            ///< highest level shown
  std::uint64_t seed = 0;  ///< of the last check
  bool revealed = false;   ///< whether the solution was shown before it passed
  std::string source;      ///< SHA-256 of the file that was checked last
  std::string grader;      ///< SHA-256 of the grader that checked it
  std::string first_pass;  ///< when; empty with HEADLIGHT_NO_TIME=1
};

/// Of the course.
struct State {
  bool read_only = false;                   ///< made by a newer version: shown, never written
  std::map<std::string, Progress> of = {};  ///< by id
};

/// @param file  state.json; absent means nothing done yet
/// @return the state
/// @throws std::runtime_error when it is not JSON of this kind
State read_state(const std::filesystem::path& file);

/// Writes it with sorted keys, one line an exercise; does nothing when it is read-only.
/// @param file  where  @param state  what  @param course  version
void write_state(const std::filesystem::path& file, const State& state, const std::string& course);

/// Puts a verdict into the state. @param state  changed  @param setup  for the grader's hash
/// @param entry  which  @param report  the verdict
void remember(State& state, const Setup& setup, const Entry& entry, const Report& report);

/// @param setup  of this checkout  @param entry  whose grader
/// @return SHA-256 of the grader's source and the manifest's cases
std::string grader_hash(const Setup& setup, const Entry& entry);

/// @param state  so far  @param setup  of this checkout  @param entry  which
/// @return todo, building, partial, done or stale
std::string standing(const State& state, const Setup& setup, const Entry& entry);

}  // namespace headlight::course
