// doctor and bench: whether the course works on this machine, and how long a verdict takes.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "commands.hpp"
#include "sandbox.hpp"

namespace headlight::course {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// The first line of a misbehaving program says what has to come: "// expect: timeout".
std::string expectation(const std::string& source) {
  const std::string key = "// expect: ";
  if (source.compare(0, key.size(), key) != 0)
    throw std::runtime_error("a program of tests/faults does not say what to expect");
  return source.substr(key.size(), source.find_first_of(" \n", key.size()) - key.size());
}

std::string came_to(const Report& report) {
  if (report.status != "crash") return report.status;
  for (const CaseReport& one : report.cases)
    if (one.status != "pass" && one.status != "fail") return one.status;
  return report.status;
}

int faults(const Call& call) {
  const Entry& entry = call.setup.manifest.find("05.1");
  prepare_graders(call.setup, {entry});
  const std::string before = course_hash(call.setup);
  std::vector<fs::path> programs;
  for (const auto& file : fs::directory_iterator(call.setup.source / "tests/faults"))
    if (file.path().extension() == ".cpp") programs.push_back(file.path());
  std::sort(programs.begin(), programs.end());
  std::size_t wrong = 0;
  for (const fs::path& program : programs) {
    Wish wish;
    wish.file = program;
    const Report report = check(call.setup, entry, wish);
    const std::string want = expectation(read_file(program)), got = came_to(report);
    wrong += want != got;
    std::printf("%-16s %-8s %s\n", program.stem().c_str(), got.c_str(),
                want == got ? "as expected" : ("WANTED " + want).c_str());
    std::fflush(stdout);
    if (was_interrupted()) return 130;
  }
  const bool untouched = course_hash(call.setup) == before;
  std::printf("%zu of %zu programs got the right verdict; the course's files %s\n",
              programs.size() - wrong, programs.size(),
              untouched ? "are as they were" : "WERE CHANGED");
  return wrong == 0 && untouched ? 0 : 5;
}

double middle(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int doctor(Call& call, const cxxopts::ParseResult& options) {
  if (options.count("faults") != 0) return faults(call);
  std::printf("compiler   %s (%s)\nCatch2     %s\nbubblewrap %s\nexercises  %zu\n",
              call.setup.compiler_name.c_str(), call.setup.compiler.c_str(),
              call.setup.catch2.c_str(),
              can_cage() ? "works: grade uses it" : "not there or not allowed: grade works without",
              call.setup.manifest.entries.size());
  write_file(call.setup.state / "write", "");
  fs::remove(call.setup.state / "write");
  std::printf("write access yes\n");
  return 0;
}

int bench(Call& call, const cxxopts::ParseResult& options) {
  const int runs = options["runs"].as<int>();
  if (runs < 1 || runs > 100) throw Usage("--runs: wanted 1 to 100, got " + std::to_string(runs));
  prepare_graders(call.setup, call.setup.manifest.entries);
  std::vector<double> all;
  json items = json::array();
  for (const Entry& entry : call.setup.manifest.entries) {
    std::vector<double> times;
    for (int i = 0; i <= runs; ++i) {  // the first one warms up
      Wish wish;
      wish.file = call.setup.source / "solutions" / entry.path();
      const auto start = std::chrono::steady_clock::now();
      const Report report = check(call.setup, entry, wish);
      const double seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (was_interrupted()) return 130;
      if (report.status != "pass")
        throw std::runtime_error("the solution of " + entry.id +
                                 " does not pass: the graders or it are stale");
      if (i > 0) times.push_back(seconds);
    }
    all.insert(all.end(), times.begin(), times.end());
    items.push_back({{"id", entry.id},
                     {"median_s", middle(times)},
                     {"worst_s", *std::max_element(times.begin(), times.end())}});
    if (options.count("json") == 0)
      std::printf("%s %-24s %.2f s\n", entry.id.c_str(), entry.title.c_str(), middle(times)),
          std::fflush(stdout);
  }
  const double median = middle(all), worst = *std::max_element(all.begin(), all.end());
  if (options.count("json") != 0)
    std::cout << json{{"bench", "course"},
                      {"median_s", median},
                      {"worst_s", worst},
                      {"runs", runs},
                      {"exercises", items}}
                     .dump(2)
              << "\n";
  else
    std::printf(
        "save to verdict over %zu solutions, %d runs each: median %.2f s (aim 1.2), worst %.2f s "
        "(aim 2.5)\n",
        items.size(), runs, median, worst);
  return 0;
}

}  // namespace headlight::course
