/// @file
/// A folder that exists while a test runs, and commands run in it.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/catch.hpp"

namespace scratch {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "headlight.XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  std::size_t files() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::recursive_directory_iterator(path_))
      ++count;
    return count;
  }

 private:
  std::filesystem::path path_;
};

inline void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Run {
  int status = 0;
  std::string out, err;
};

// Runs the command line tool; arguments are for the shell.
inline Run headlight(const std::string& arguments, const std::string& before = "") {
  const Folder folder;
  const std::string out = (folder / "out").string(), err = (folder / "err").string();
  const int status = std::system(
      (before + HEADLIGHT_CLI " " + arguments + " >" + out + " 2>" + err + " </dev/null").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read(out), read(err)};
}

}  // namespace scratch
