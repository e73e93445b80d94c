// grade: whole submissions, each in a process of its own, the course's files hashed before and
// after.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <map>

#include "commands.hpp"
#include "sandbox.hpp"

namespace headlight::course {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// A submission looks like exercises/, or holds a folder exercises/.
fs::path folder_of(const std::string& name) {
  const fs::path folder = fs::absolute(name);
  if (!fs::is_directory(folder)) throw Usage("there is no folder '" + name + "'");
  return fs::is_directory(folder / "exercises") ? folder / "exercises" : folder;
}

Report missing(const Entry& entry, const std::string& why) {
  Report report;
  report.id = entry.id;
  report.title = entry.title;
  report.status = "todo";
  report.text = why;
  for (const CaseEntry& one : entry.cases) {
    CaseReport none;
    none.id = entry.id + "." + one.name;
    none.status = "not-run";
    none.max = one.points;
    report.cases.push_back(none);
  }
  return report;
}

json graded(const Setup& setup, const std::string& name, std::uint64_t seed) {
  const fs::path folder = folder_of(name);
  std::vector<Report> reports;
  for (const Entry& entry : setup.manifest.entries) {
    Wish wish;
    wish.file = folder / entry.path();
    wish.seed = seed;
    try {
      if (!fs::exists(wish.file))
        reports.push_back(missing(entry, "the submission has no file " + entry.path()));
      else
        reports.push_back(check(setup, entry, wish));
    } catch (const std::exception& error) {
      reports.push_back(missing(entry, error.what()));
    }
    if (was_interrupted()) break;
  }
  json out = as_json(setup, reports, seed);
  out["submission"] = name;
  out["exit"] = exit_status(reports);
  return out;
}

json for_gradescope(const json& submission) {
  json tests = json::array();
  for (const json& exercise : submission["exercises"]) {
    std::string output;
    for (const json& one : exercise["cases"])
      if (one["status"] != "pass")
        output += one["id"].get<std::string>() + ": " + one["status"].get<std::string>() + " " +
                  one.value("text", "") + "\n";
    if (exercise.contains("cause_text"))
      output += "probable cause: " + exercise["cause_text"].get<std::string>() + "\n";
    tests.push_back(
        {{"name", exercise["id"].get<std::string>() + " " + exercise["title"].get<std::string>()},
         {"score", exercise["points"]},
         {"max_score", exercise["max"]},
         {"output", output}});
  }
  return {{"score", submission["total"]["points"]}, {"tests", tests}};
}

}  // namespace

int grade(Call& call, const cxxopts::ParseResult& options) {
  if (call.ids.empty()) throw Usage("wanted one or more folders of submissions");
  const int jobs = options["jobs"].as<int>();
  if (jobs < 1 || jobs > 256) throw Usage("--jobs: wanted 1 to 256, got " + std::to_string(jobs));
  for (const std::string& name : call.ids) folder_of(name);
  if (options.count("gradescope") != 0 && call.ids.size() != 1)
    throw Usage("--gradescope: wanted one folder");
  prepare_graders(call.setup, call.setup.manifest.entries);
  call.setup.cage = can_cage();
  const std::uint64_t seed = seed_of(options);
  const std::string before = course_hash(call.setup);

  const ThrowAway results;
  std::map<pid_t, std::size_t> running;
  std::vector<json> done(call.ids.size());
  std::size_t started = 0;
  while (started < call.ids.size() || !running.empty()) {
    if (was_interrupted()) {
      for (const auto& [worker, index] : running) kill(worker, SIGTERM);
      for (const auto& [worker, index] : running) waitpid(worker, nullptr, 0);
      return 130;
    }
    if (started < call.ids.size() && running.size() < static_cast<std::size_t>(jobs)) {
      const std::size_t index = started++;
      const pid_t worker = fork();
      if (worker < 0) throw std::runtime_error("no process can be started for grading");
      if (worker == 0) {
        int status = 0;
        try {
          write_file(results.path() / std::to_string(index),
                     graded(call.setup, call.ids[index], seed)
                         .dump(-1, ' ', false, json::error_handler_t::replace));
        } catch (const std::exception& error) {
          std::cerr << "headlight grade: " << call.ids[index] << ": " << error.what() << "\n";
          status = 1;
        }
        _exit(status);
      }
      running[worker] = index;
      continue;
    }
    const pid_t ended = wait(nullptr);
    const auto which = running.find(ended);
    if (which == running.end()) continue;
    const std::size_t index = which->second;
    running.erase(which);
    const fs::path file = results.path() / std::to_string(index);
    if (fs::exists(file)) done[index] = json::parse(read_file(file), nullptr, false);
    if (!done[index].is_object())
      done[index] = {{"submission", call.ids[index]},
                     {"exit", 5},
                     {"exercises", json::array()},
                     {"total", {{"points", 0}, {"max", 0}}}};
    if (options.count("json") == 0 && options.count("gradescope") == 0) {
      const json& total = done[index]["total"];
      std::cout << call.ids[index] << ": " << points_text(total["points"].get<double>()) << " of "
                << points_text(total["max"].get<double>()) << " points\n";
      for (const json& exercise : done[index]["exercises"])
        if (exercise["status"] != "pass")
          std::cout << "  " << exercise["id"].get<std::string>() << " "
                    << exercise["status"].get<std::string>() << ", "
                    << points_text(exercise["points"].get<double>())
                    << (exercise.contains("cause_text")
                            ? ": " + exercise["cause_text"].get<std::string>()
                            : "")
                    << "\n";
      std::cout << std::flush;
    }
  }
  if (course_hash(call.setup) != before) {
    std::cerr << "headlight grade: files of the course were changed while grading; git status "
                 "shows which\n";
    return 5;
  }
  int status = 0;
  for (const json& one : done) status = std::max(status, one.value("exit", 5));
  if (options.count("gradescope") != 0) std::cout << for_gradescope(done[0]).dump(2) << "\n";
  if (options.count("json") != 0) {
    json all = json::array();
    for (json one : done) {
      one.erase("exit");
      all.push_back(one);
    }
    std::cout << json{{"schema", 1},
                      {"course", call.setup.manifest.version},
                      {"caged", call.setup.cage},
                      {"submissions", all}}
                     .dump(2)
              << "\n";
  }
  return status;
}

}  // namespace headlight::course
