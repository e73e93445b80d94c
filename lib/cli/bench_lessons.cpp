#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cxxopts.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench.hpp"

namespace headlight::cli {
namespace {

namespace fs = std::filesystem;

// Runs a program to its end without its output. @return its exit status, 127 when it cannot start
int run_quietly(const std::vector<std::string>& words) {
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, 0), dup2(nowhere, 1), dup2(nowhere, 2);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

struct Lesson {
  std::string name;
  double seconds = 0;        // wall time from start to end, the fastest run
  std::uintmax_t bytes = 0;  // without symbols
  int status = 0;            // of the last run
};

}  // namespace

int bench_lessons(int argc, char** argv) {
  cxxopts::Options options("headlight bench lessons",
                           "From start to end of every lesson that is built, and its size without "
                           "symbols.");
  options.add_options()("runs", "of each; the fastest counts",
                        cxxopts::value<std::size_t>()->default_value("3"))(
      "json", "one JSON object")("help", "this text");
  const auto given = options.parse(argc, argv);
  if (given.count("help")) {
    std::puts(options.help().c_str());
    return 0;
  }
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path stripped =
      fs::temp_directory_path() / ("headlight_" + std::to_string(getpid()) + "_stripped");
  std::vector<Lesson> lessons;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    Lesson lesson{entry.path().filename().string()};
    if (lesson.name.rfind("lesson_", 0) != 0) continue;
    if (run_quietly({"strip", "-o", stripped.string(), entry.path().string()}) == 0)
      lesson.bytes = fs::file_size(stripped);
    for (std::size_t run = 0; run < std::max<std::size_t>(1, given["runs"].as<std::size_t>());
         ++run) {
      const double time =
          seconds(Clock::wall, [&] { lesson.status = run_quietly({entry.path().string()}); });
      lesson.seconds = run == 0 ? time : std::min(lesson.seconds, time);
    }
    lessons.push_back(lesson);
  }
  fs::remove(stripped);
  if (lessons.empty()) {
    std::fprintf(stderr, "headlight bench lessons: no lesson is built in %s; try headlight build\n",
                 folder.c_str());
    return 2;
  }
  std::sort(lessons.begin(), lessons.end(),
            [](const Lesson& a, const Lesson& b) { return a.name < b.name; });
  if (given.count("json")) {
    nlohmann::ordered_json json;
    for (const Lesson& lesson : lessons)
      json["lessons"].push_back({{"name", lesson.name},
                                 {"seconds", lesson.seconds},
                                 {"stripped_bytes", lesson.bytes},
                                 {"exit", lesson.status}});
    std::puts(json.dump(2).c_str());
  } else {
    std::printf("%-48s %9s %12s\n", "", "seconds", "stripped MB");
    for (const Lesson& lesson : lessons)
      std::printf("%-48s %9.3f %12.2f%s\n", lesson.name.c_str(), lesson.seconds,
                  static_cast<double>(lesson.bytes) / 1e6, lesson.status ? " failed" : "");
    std::puts("\nseconds of wall time from start to end, all that the lesson trains included");
  }
  return std::any_of(lessons.begin(), lessons.end(),
                     [](const Lesson& lesson) { return lesson.status != 0; })
             ? 1
             : 0;
}

}  // namespace headlight::cli
