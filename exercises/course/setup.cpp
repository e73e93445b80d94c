#include "setup.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "sandbox.hpp"

namespace headlight::course {

namespace fs = std::filesystem;

std::string read_file(const fs::path& file) {
  std::error_code problem;
  const auto size = fs::is_regular_file(file, problem) ? fs::file_size(file, problem) : 0;
  std::ifstream in(file, std::ios::binary);
  if (!in || !fs::is_regular_file(file, problem))
    throw std::runtime_error(file.string() + ": cannot be read (" +
                             std::strerror(errno ? errno : ENOENT) + ")");
  if (size > (std::uintmax_t{16} << 20))
    throw std::runtime_error(file.string() + ": larger than 16 MB");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_file(const fs::path& file, const std::string& text) {
  std::error_code problem;
  fs::create_directories(file.parent_path(), problem);
  const fs::path draft = file.string() + "." + std::to_string(getpid()) + ".draft";
  {
    std::ofstream out(draft, std::ios::binary);
    out << text;
    out.flush();
    if (!out) {
      fs::remove(draft, problem);
      throw std::runtime_error(file.string() +
                               ": cannot be written; is the disk full or the folder read-only?");
    }
  }
  fs::rename(draft, file, problem);
  if (problem) {
    const std::string why = problem.message();
    fs::remove(draft, problem);
    throw std::runtime_error(file.string() + ": cannot be written (" + why + ")");
  }
}

Setup find_setup() {
  Setup setup;
  setup.source = HEADLIGHT_SOURCE;
  setup.build = HEADLIGHT_BUILD;
  setup.exercises = setup.source / "exercises";
  setup.state = setup.source / ".headlight";
  setup.manifest = read_manifest(setup.exercises / "course.toml");
  const nlohmann::json toolchain =
      nlohmann::json::parse(read_file(setup.build / "course/toolchain.json"));
  setup.compiler = toolchain.at("compiler").get<std::string>();
  setup.compiler_name = toolchain.at("compiler_name").get<std::string>();
  setup.catch2 = toolchain.at("catch2").get<std::string>();
  for (const char* key : {"flags", "link"}) {
    std::istringstream words(toolchain.at(key).get<std::string>());
    for (std::string word; std::getline(words, word, '|');)
      if (!word.empty())
        (std::strcmp(key, "flags") == 0 ? setup.flags : setup.link).push_back(word);
  }
  return setup;
}

void prepare_graders(const Setup& setup, const std::vector<Entry>& entries) {
  Command command;
  command.words = {"cmake", "--build", setup.build.string(), "--target"};
  for (const Entry& entry : entries) command.words.push_back(entry.grader());
  command.folder = setup.build;
  Limits limits;
  limits.wall_s = 1800;
  limits.cpu_s = 3600;
  limits.memory = std::size_t{16} << 30;
  limits.file = std::size_t{4} << 30;
  limits.processes = 1000;
  if (const char* path = std::getenv("CCACHE_BASEDIR"))
    command.environment.push_back(std::string("CCACHE_BASEDIR=") + path);
  command.environment.push_back("CCACHE_NOHASHDIR=1");
  const Finished done = run_limited(command, limits);
  if (done.end == Finished::End::interrupted) throw std::runtime_error("interrupted");
  if (done.end == Finished::End::exited && done.code == 0) return;
  const fs::path log = setup.state / "graders.log";
  write_file(log, done.output);
  throw std::runtime_error("the graders cannot be built, see " + log.string());
}

}  // namespace headlight::course
