#include <stdexcept>

#include "commands.hpp"
#include "process.hpp"

namespace site {

void capture_lesson(const fs::path& program, const fs::path& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  const auto must = [&](const std::vector<std::string>& args, const char* name) {
    const int code = run(program, args, folder / name);
    if (code != 0 || fs::file_size(folder / name) == 0) {
      fs::remove_all(folder);
      throw std::runtime_error(program.string() + " ended with " + std::to_string(code) +
                               "; its page needs its output");
    }
  };
  must({"--color", "never", "--html", (folder / "trace.html").string()}, "output.txt");
  must({"--json"}, "lesson.json");
}

}  // namespace site
