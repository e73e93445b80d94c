#include "state.hpp"

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "sha256.hpp"
#include "stub.hpp"

namespace headlight::course {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int schema = 1;

std::string now() {
  const char* off = std::getenv("HEADLIGHT_NO_TIME");
  if (off != nullptr && *off == '1') return {};
  const std::time_t time = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&time));
  return text;
}

}  // namespace

State read_state(const fs::path& file) {
  State state;
  std::error_code none;
  if (!fs::exists(file, none)) return state;
  const json root = json::parse(read_file(file), nullptr, false);
  if (!root.is_object() || !root.contains("schema") || !root["schema"].is_number_integer())
    throw std::runtime_error(
        file.string() +
        ": wanted the course's state, got something else; move it away to start anew");
  state.read_only = root["schema"] != schema;
  if (!root.contains("ex") || !root["ex"].is_object()) return state;
  try {
    for (const auto& [id, one] : root["ex"].items()) {
      Progress progress;
      progress.best = one.value("best", 0.0);
      progress.last = one.value("last", "");
      progress.last_points = one.value("points", 0.0);
      progress.tries = one.value("tries", 0);
      progress.hint = one.value("hint", 0);
      progress.revealed = one.value("revealed", false);
      progress.seed = one.value("seed", std::uint64_t{0});
      progress.source = one.value("src", "");
      progress.grader = one.value("grader", "");
      progress.first_pass = one.value("first_pass", "");
      state.of[id] = progress;
    }
  } catch (const json::exception&) {
    throw std::runtime_error(
        file.string() +
        ": an entry of the course's state has the wrong type; move the file away to start anew");
  }
  return state;
}

void write_state(const fs::path& file, const State& state, const std::string& course) {
  if (state.read_only) return;
  std::string text =
      "{\"schema\":" + std::to_string(schema) + ",\"course\":\"" + course + "\",\"ex\":{\n";
  std::size_t left = state.of.size();
  for (const auto& [id, one] : state.of) {
    json line = {{"best", one.best},   {"last", one.last},  {"points", one.last_points},
                 {"tries", one.tries}, {"hint", one.hint},  {"revealed", one.revealed},
                 {"seed", one.seed},   {"src", one.source}, {"grader", one.grader}};
    if (!one.first_pass.empty()) line["first_pass"] = one.first_pass;
    text += json(id).dump() + ":" + line.dump() + (--left > 0 ? ",\n" : "\n");
  }
  write_file(file, text + "}}\n");
}

std::string grader_hash(const Setup& setup, const Entry& entry) {
  std::string text = read_file(setup.source / "tests/graders" / entry.path());
  for (const CaseEntry& one : entry.cases) text += one.name + std::to_string(one.points);
  return sha256(text);
}

void remember(State& state, const Setup& setup, const Entry& entry, const Report& report) {
  if (report.status == "interrupted" || report.status == "course") return;
  Progress& mine = state.of[entry.id];
  ++mine.tries;
  mine.last = report.status;
  mine.last_points = report.points;
  mine.best = std::max(mine.best, report.points);
  mine.source = report.source;
  mine.grader = grader_hash(setup, entry);
  if (report.status == "pass" && mine.first_pass.empty()) mine.first_pass = now();
}

std::string standing(const State& state, const Setup& setup, const Entry& entry) {
  const auto found = state.of.find(entry.id);
  std::string source, stub;
  try {
    source = read_file(setup.exercises / entry.path());
    stub = pristine_stub(read_file(setup.source / "solutions" / entry.path()), entry.id);
  } catch (const std::exception&) {
    return "missing";
  }
  if (found == state.of.end() || found->second.tries == 0)
    return source == stub || source.find("headlight::todo(\"" + entry.id) != std::string::npos
               ? "todo"
               : "building";
  const Progress& mine = found->second;
  const bool current = mine.source == sha256(source) && mine.grader == grader_hash(setup, entry);
  if (mine.last == "pass") return current ? "done" : "stale";
  if (mine.last == "todo") return "todo";
  return mine.last == "compile" ? "building" : "partial";
}

}  // namespace headlight::course
