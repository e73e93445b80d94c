/// @file
/// Where things are: the course's files, the learner's files, what was built, the compiler.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "manifest.hpp"

namespace headlight::course {

/// Folders, manifest and compiler of this checkout.
struct Setup {
  std::filesystem::path source;     ///< the project
  std::filesystem::path build;      ///< its build folder
  std::filesystem::path exercises;  ///< the learner's files: source/exercises, or a submission
  std::filesystem::path state;      ///< source/.headlight
  Manifest manifest;                ///< course.toml
  std::string compiler;             ///< the program
  std::string compiler_name;        ///< "g++ 12.2.0"
  std::string catch2;               ///< its version
  std::vector<std::string> flags;   ///< of every file of the course
  std::vector<std::string> link;    ///< linker flag and libraries
  bool cage = false;                ///< run under bubblewrap
};

/// Reads what CMake wrote when it configured. @return the setup of this checkout
/// @throws std::runtime_error when the manifest or the toolchain file is unusable
Setup find_setup();

/// Builds graders that are not up to date.
/// @param setup  of this checkout  @param entries  whose
/// @throws std::runtime_error with the log's place when that fails: the course is at fault
void prepare_graders(const Setup& setup, const std::vector<Entry>& entries);

/// @param file  to read  @return its bytes
/// @throws std::runtime_error "FILE: reason"
std::string read_file(const std::filesystem::path& file);

/// Writes a file that appears complete or not at all.
/// @param file  where  @param text  its bytes
/// @throws std::runtime_error "FILE: reason"
void write_file(const std::filesystem::path& file, const std::string& text);

}  // namespace headlight::course
