// list, next, check, hint, explain, compare, reset, solution, progress, init: the learner's loop.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <headlight/render/heatmap.hpp>
#include <iostream>
#include <random>

#include "commands.hpp"
#include "sandbox.hpp"
#include "sha256.hpp"
#include "stub.hpp"

namespace headlight::course {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

void say(const Call& call, const std::string& text) {
  std::cout << wrapped(plain(text, call.voice), call.voice) << std::flush;
}

void require_known(const Call& call) {
  for (const std::string& id : call.ids) call.setup.manifest.find(id);
}

fs::path file_of(const Setup& setup, const Entry& entry) {
  return setup.exercises / entry.path();
}

std::string colour_of(const std::string& standing) {
  if (standing == "done") return "32";
  if (standing == "stale" || standing == "partial") return "33";
  return "0";
}

// Runs the case that tells most in another mode and returns the runner's words; null when all cases
// pass.
json ask_again(const Call& call, const Entry& entry, const std::string& mode,
               const std::string& stage, const std::string& cell, Report& report) {
  prepare_graders(call.setup, {entry});
  State state = read_state(state_file(call.setup));
  Wish wish;
  wish.file = file_of(call.setup, entry);
  wish.reuse = true;
  wish.seed =
      state.of.count(entry.id) != 0 ? std::max<std::uint64_t>(state.of[entry.id].seed, 1) : 1;
  report = check(call.setup, entry, wish);
  report.seed = wish.seed;
  if (report.status == "compile" || report.status == "todo" || report.status == "course")
    return nullptr;
  const CaseReport* telling = telling_case(report);
  wish.mode = mode;
  wish.stage = stage;
  wish.cell = cell;
  wish.only = telling != nullptr ? telling->id.substr(5) : entry.cases.front().name;
  const Report again = check(call.setup, entry, wish);
  return again.cases.empty() ? json(nullptr) : again.cases.front().verdict;
}

std::string text_of_number(const json& number) {
  if (number.is_string()) return number.get<std::string>();
  char text[64];
  std::snprintf(text, sizeof text, "%.4f", number.get<double>());
  return text;
}

// The tables of a diagnose exercise: there is nothing of the learner's to compare yet.
int show_exhibits(const Call& call, const Entry& entry) {
  prepare_graders(call.setup, {entry});
  Wish wish;
  wish.file = file_of(call.setup, entry);
  wish.reuse = true;
  wish.mode = "exhibits";
  wish.only = entry.cases.front().name;
  const Report report = check(call.setup, entry, wish);
  if (report.cases.empty() || !report.cases.front().verdict.contains("exhibits")) {
    std::cout << in_words(report, entry, call.voice, -1);
    return exit_status({report});
  }
  say(call, entry.id + " " + entry.title + " — what there is to look at\n");
  for (const json& one : report.cases.front().verdict["exhibits"]) {
    say(call, "  " + one["title"].get<std::string>() + "\n");
    for (const json& stage : one["stages"]) {
      const json& shape = stage["numbers"]["shape"];
      const std::size_t columns = shape.empty() ? 1 : shape.back().get<std::size_t>();
      std::string table = "    " + stage["name"].get<std::string>() + " " + shape.dump();
      for (std::size_t i = 0; i < stage["numbers"]["data"].size(); ++i) {
        char number[32];
        std::snprintf(number, sizeof number, "%9s",
                      text_of_number(stage["numbers"]["data"][i]).c_str());
        table += (i % columns == 0 ? "\n      " : "") + std::string(number);
      }
      std::cout << table << "\n";
    }
  }
  return 0;
}

void show_solution(const Call& call, const Entry& entry) {
  std::cout << read_file(call.setup.source / "solutions" / entry.path());
}

}  // namespace

fs::path state_file(const Setup& setup) {
  return setup.state / "state.json";
}

std::uint64_t seed_of(const cxxopts::ParseResult& options) {
  if (options.count("seed") != 0) return options["seed"].as<std::uint64_t>();
  return std::random_device{}() % 1000000 + 1;
}

const Entry& one_entry(const Call& call) {
  if (call.ids.size() > 1)
    throw Usage("wanted one exercise, got " + std::to_string(call.ids.size()));
  if (!call.ids.empty()) return call.setup.manifest.find(call.ids[0]);
  const State state = read_state(state_file(call.setup));
  for (const Entry& entry : call.setup.manifest.entries)
    if (standing(state, call.setup, entry) != "done") return entry;
  return call.setup.manifest.entries.back();
}

std::string course_hash(const Setup& setup) {
  std::string all;
  std::vector<fs::path> files;
  for (const char* folder :
       {"exercises/kit", "tests/graders", "tests/mutants", "tests/accept", "solutions"})
    if (fs::exists(setup.source / folder))
      for (const auto& file : fs::recursive_directory_iterator(setup.source / folder))
        if (file.is_regular_file()) files.push_back(file.path());
  files.push_back(setup.source / "exercises/course.toml");
  for (const Entry& entry : setup.manifest.entries)
    for (const char* name : {"exercises.hpp", "traces.hpp"})
      if (const fs::path file = setup.source / "exercises" / entry.lesson / name; fs::exists(file))
        files.push_back(file);
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) all += file.string() + sha256(read_file(file));
  for (const Entry& entry : setup.manifest.entries) {  // what was built, by size and time
    const fs::path built = setup.build / "course" / ("lib" + entry.grader() + ".a");
    std::error_code none;
    if (fs::exists(built, none))
      all += std::to_string(fs::file_size(built, none)) +
             std::to_string(fs::last_write_time(built, none).time_since_epoch().count());
  }
  return sha256(all);
}

int list(Call& call, const cxxopts::ParseResult& options) {
  const State state = read_state(state_file(call.setup));
  const int lesson = options["lesson"].as<int>();
  if (lesson < 0 || lesson > 20)
    throw Usage("--lesson: wanted 1 to 20, got " + std::to_string(lesson));
  json all = json::array();
  std::size_t shown = 0;
  for (const Entry& entry : call.setup.manifest.entries) {
    if (lesson != 0 && std::stoi(entry.id.substr(0, 2)) != lesson) continue;
    ++shown;
    const std::string where = standing(state, call.setup, entry);
    const auto mine = state.of.find(entry.id);
    const double points = mine == state.of.end() ? 0 : mine->second.last_points;
    all.push_back({{"id", entry.id},
                   {"title", entry.title},
                   {"kind", entry.kind},
                   {"minutes", entry.minutes},
                   {"difficulty", entry.difficulty},
                   {"points", points},
                   {"max", 10},
                   {"state", where},
                   {"file", "exercises/" + entry.path()}});
    if (options.count("json") != 0) continue;
    char line[200];
    std::snprintf(line, sizeof line, "%s  %-24s %-9s %3d min  %-3s %5s of 10  ", entry.id.c_str(),
                  entry.title.c_str(), entry.kind.c_str(), entry.minutes,
                  std::string(static_cast<std::size_t>(std::min(entry.difficulty, 3)), '*').c_str(),
                  points_text(points).c_str());
    say(call, line + tinted(call.voice, colour_of(where).c_str(), where) + "\n");
  }
  if (options.count("json") != 0)
    std::cout
        << json{{"schema", 1}, {"course", call.setup.manifest.version}, {"exercises", all}}.dump(2)
        << "\n";
  else if (shown == 0)
    say(call, "lesson " + std::to_string(lesson) + " has no exercises yet\n");
  return 0;
}

int next(Call& call, const cxxopts::ParseResult&) {
  const State state = read_state(state_file(call.setup));
  for (const Entry& entry : call.setup.manifest.entries) {
    const std::string where = standing(state, call.setup, entry);
    if (where == "done") continue;
    say(call, entry.id + " " + entry.title + " — " + entry.about + " (" + entry.kind + ", " +
                  std::to_string(entry.minutes) + " minutes, " + where + ")\n");
    say(call, "  edit: " +
                  file_of(call.setup, entry).lexically_relative(call.setup.source).string() + "\n");
    say(call, "  then: headlight check " + entry.id + " · headlight watch " + entry.id +
                  " · headlight hint " + entry.id + " · " + entry.see + "\n");
    return 0;
  }
  say(call, "all " + std::to_string(call.setup.manifest.entries.size()) + " exercises are done\n");
  return 0;
}

Report check_and_remember(const Call& call, const Entry& entry, Wish wish, bool quiet) {
  const fs::path where = state_file(call.setup);
  State state = read_state(where);
  const auto mine = state.of.find(entry.id);
  const double before =
      mine != state.of.end() && mine->second.tries > 0 ? mine->second.last_points : -1;
  Report report = check(call.setup, entry, wish);
  remember(state, call.setup, entry, report);
  if (state.of.count(entry.id) != 0) {
    state.of[entry.id].seed = wish.seed;
    report.hint_level = state.of[entry.id].hint;
    report.revealed = state.of[entry.id].revealed;
  }
  write_state(where, state, call.setup.manifest.version);
  if (!report.log.empty()) write_file(call.setup.state / "last.log", report.log);
  if (!quiet) std::cout << in_words(report, entry, call.voice, before) << std::flush;
  return report;
}

int check_command(Call& call, const cxxopts::ParseResult& options) {
  require_known(call);
  const bool as_data = options.count("json") != 0;
  std::vector<Entry> chosen;
  const State state = read_state(state_file(call.setup));
  for (const Entry& entry : call.setup.manifest.entries) {
    bool wanted = options.count("all") != 0;
    for (const std::string& id : call.ids)
      wanted = wanted || call.setup.manifest.find(id).id == entry.id;
    if (options.count("changed") != 0) {
      const std::string where = standing(state, call.setup, entry);
      const auto mine = state.of.find(entry.id);
      wanted = where == "stale" || where == "building" ||
               (mine != state.of.end() &&
                mine->second.source != sha256(read_file(file_of(call.setup, entry))));
    }
    if (wanted) chosen.push_back(entry);
  }
  if (chosen.empty() && options.count("changed") != 0) {
    say(call, "nothing has changed since the last check\n");
    return 0;
  }
  if (chosen.empty()) chosen.push_back(one_entry(call));
  prepare_graders(call.setup, chosen);
  const std::uint64_t seed = seed_of(options);
  const std::string before = course_hash(call.setup);
  std::vector<Report> reports;
  for (const Entry& entry : chosen) {
    Wish wish;
    wish.file = file_of(call.setup, entry);
    wish.seed = seed;
    wish.strict = options.count("strict") != 0;
    reports.push_back(check_and_remember(call, entry, wish, as_data));
    if (was_interrupted()) return 130;
  }
  if (as_data) std::cout << as_json(call.setup, reports, seed).dump(2) << "\n";
  if (course_hash(call.setup) != before) {
    std::cerr << "headlight check: files of the course were changed during the check; git status "
                 "shows which\n";
    return 5;
  }
  if (!as_data && reports.size() > 1) {
    double points = 0;
    for (const Report& report : reports) points += report.points;
    say(call, "together " + points_text(points) + " of " + std::to_string(10 * reports.size()) +
                  " points\n");
  }
  return exit_status(reports);
}

int hint(Call& call, const cxxopts::ParseResult& options) {
  const Entry& entry = one_entry(call);
  const fs::path where = state_file(call.setup);
  State state = read_state(where);
  Progress& mine = state.of[entry.id];
  const int most = static_cast<int>(entry.hints.size()) + 1;
  int level =
      options.count("level") != 0 ? options["level"].as<int>() : std::min(mine.hint + 1, most);
  if (level < 1 || level > most)
    throw Usage("--level: wanted 1 to " + std::to_string(most) + ", got " + std::to_string(level));
  mine.hint = std::max(mine.hint, level);
  write_state(where, state, call.setup.manifest.version);
  say(call, entry.id + " " + entry.title + " — hint " + std::to_string(level) + " of " +
                std::to_string(most) + "\n");
  if (level < most) {
    say(call, "  " + entry.hints[static_cast<std::size_t>(level - 1)] + "\n");
    return 0;
  }
  Report report;
  const json words = ask_again(call, entry, "explain", "", "", report);
  if (words.is_object() && words.contains("explain")) {
    const json& cell = words["explain"];
    if (cell.contains("words")) {
      say(call, "  " + cell["words"].get<std::string>() + "\n");
      return 0;
    }
    say(call, "  the " + std::string(report.status == "pass" ? "last stage" : "first wrong cell") +
                  ": yours " + text_of_number(cell["got"]) + ", expected " +
                  text_of_number(cell["want"]) + "\n  " + cell["terms"].get<std::string>() + "\n");
  } else if (report.status == "todo" || report.status == "compile") {
    say(call,
        "  the worked numbers need code that runs: write something first, the last hint was\n  " +
            entry.hints.back() + "\n");
  } else {
    say(call, "  there is no single cell to show (" +
                  (report.text.empty() ? report.status : report.text) + ")\n");
  }
  return 0;
}

int explain(Call& call, const cxxopts::ParseResult& options) {
  const Entry& entry = one_entry(call);
  const std::string cell = options["cell"].as<std::string>();
  for (const char letter : cell)
    if ((letter < '0' || letter > '9') && letter != ',')
      throw Usage("--cell: wanted numbers like 2,0, got '" + cell + "'");
  Report report;
  const json words =
      ask_again(call, entry, "explain", options["stage"].as<std::string>(), cell, report);
  if (words.is_object() && words.contains("no_cell"))
    throw Usage("--cell " + cell + ": " + words["no_cell"].get<std::string>());
  if (!words.is_object() || !words.contains("explain")) {
    std::cout << in_words(report, entry, call.voice, -1);
    return exit_status({report});
  }
  const json& one = words["explain"];
  if (one.contains("words")) {
    say(call, entry.id + " " + entry.title + " — " + one["words"].get<std::string>() + "\n");
    return exit_status({report});
  }
  std::string at;
  for (const json& index : one["cell"])
    at += (at.empty() ? "" : ", ") + std::to_string(index.get<std::size_t>());
  if (!at.empty()) at = "[" + at + "]";
  if (words.contains("sizes")) at += " at " + words["sizes"].get<std::string>();
  say(call, entry.id + " " + entry.title + " — " + one["stage"].get<std::string>() + at + "\n");
  say(call, "  yours    " + text_of_number(one["got"]) + "\n  expected " +
                text_of_number(one["want"]) + "\n  " + one["terms"].get<std::string>() + "\n");
  return exit_status({report});
}

int compare_command(Call& call, const cxxopts::ParseResult&) {
  const Entry& entry = one_entry(call);
  if (entry.kind == "diagnose") return show_exhibits(call, entry);
  Report report;
  const json words = ask_again(call, entry, "stages", "", "", report);
  if (!words.is_object() || !words.contains("stages")) {
    std::cout << in_words(report, entry, call.voice, -1);
    return exit_status({report});
  }
  say(call, entry.id + " " + entry.title + " — stage by stage, case " +
                words["case"].get<std::string>().substr(5) + ", " + words.value("sizes", "") +
                "\n");
  for (const json& stage : words["stages"]) {
    const json& got = stage["got"];
    const json& want = stage["want"];
    if (got["shape"] != want["shape"]) {
      say(call, "  " + stage["name"].get<std::string>() + ": shape " + got["shape"].dump() +
                    " instead of " + want["shape"].dump() + "\n");
      continue;
    }
    const auto& shape = want["shape"];
    const std::size_t columns = shape.empty() ? 1 : shape.back().get<std::size_t>();
    const std::size_t count = want["data"].size(), rows = columns == 0 ? 0 : count / columns;
    Matrix error(Matrix::shape_type{rows, columns});
    double worst = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const json &x = got["data"][i], &y = want["data"][i];
      const double difference = x == y ? 0
                                : x.is_number() && y.is_number()
                                    ? std::abs(x.get<double>() - y.get<double>())
                                    : 1e9;
      error.data()[i] = difference;
      worst = std::max(worst, difference);
    }
    char line[120];
    std::snprintf(line, sizeof line, "  %s %s: largest |yours - expected| %.3g\n",
                  stage["name"].get<std::string>().c_str(), shape.dump().c_str(), worst);
    say(call, line);
    if (count == 0 || worst == 0) continue;
    render::HeatmapStyle style;
    style.look = call.voice.look;
    style.indent = 4;
    std::cout << render::heatmap(error, style);
  }
  return exit_status({report});
}

int reset(Call& call, const cxxopts::ParseResult& options) {
  if (call.ids.empty())
    throw Usage("wanted an exercise to reset, for example headlight reset 05.1");
  const Entry& entry = one_entry(call);
  const fs::path file = file_of(call.setup, entry);
  const fs::path trash = call.setup.state / "trash" / entry.id;
  if (options.count("undo") != 0) {
    std::vector<fs::path> kept;
    std::error_code none;
    for (const auto& one : fs::directory_iterator(trash, none)) kept.push_back(one.path());
    if (kept.empty()) throw Usage("there is nothing to bring back for " + entry.id);
    std::sort(kept.begin(), kept.end());
    const std::string current = fs::exists(file, none) ? read_file(file) : "";
    write_file(file, read_file(kept.back()));
    fs::remove(kept.back(), none);
    say(call, entry.id + " — your file is back" +
                  (current.empty() ? "" : "; reset again for the empty stub") + "\n");
    return 0;
  }
  const std::string stub =
      pristine_stub(read_file(call.setup.source / "solutions" / entry.path()), entry.id);
  std::error_code none;
  if (fs::exists(file, none)) {
    const std::string current = read_file(file);
    if (current == stub) {
      say(call, entry.id + " — already the empty stub\n");
      return 0;
    }
    char number[16];
    std::size_t count = 0;
    for (const auto& one : fs::directory_iterator(trash, none))
      count = std::max<std::size_t>(
          count, static_cast<std::size_t>(std::atoi(one.path().filename().c_str())));
    std::snprintf(number, sizeof number, "%04zu.cpp", count + 1);
    write_file(trash / number, current);
  }
  write_file(file, stub);
  say(call,
      entry.id + " — empty again; headlight reset " + entry.id + " --undo brings your file back\n");
  return 0;
}

int solution(Call& call, const cxxopts::ParseResult& options) {
  if (call.ids.empty()) throw Usage("wanted an exercise, for example headlight solution 05.1");
  const Entry& entry = one_entry(call);
  const fs::path where = state_file(call.setup);
  State state = read_state(where);
  Progress& mine = state.of[entry.id];
  if (mine.first_pass.empty() && mine.best < 10 && !mine.revealed) {
    if (mine.hint < 3 || options.count("reveal") == 0) {
      std::cerr << "headlight solution: " << entry.id << " has not passed yet; after hint 3 (now "
                << mine.hint << ") headlight solution " << entry.id
                << " --reveal shows it, and the state remembers that\n";
      return 1;
    }
    mine.revealed = true;
    write_state(where, state, call.setup.manifest.version);
  }
  show_solution(call, entry);
  return 0;
}

int progress(Call& call, const cxxopts::ParseResult& options) {
  const State state = read_state(state_file(call.setup));
  std::map<std::string, std::pair<double, double>> lessons;
  double points = 0;
  std::size_t done = 0;
  for (const Entry& entry : call.setup.manifest.entries) {
    const std::string where = standing(state, call.setup, entry);
    const auto mine = state.of.find(entry.id);
    const double earned = mine == state.of.end() ? 0 : mine->second.last_points;
    lessons[entry.lesson].first += earned;
    lessons[entry.lesson].second += 10;
    points += earned;
    done += where == "done";
  }
  const double most = 10.0 * static_cast<double>(call.setup.manifest.entries.size());
  if (options.count("json") != 0) {
    json all = json::object();
    for (const auto& [lesson, sums] : lessons)
      all[lesson] = {{"points", sums.first}, {"max", sums.second}};
    std::cout << json{{"schema", 1},
                      {"lessons", all},
                      {"done", done},
                      {"total", {{"points", points}, {"max", most}}}}
                     .dump(2)
              << "\n";
    return 0;
  }
  for (const auto& [lesson, sums] : lessons) {
    char line[120];
    std::snprintf(line, sizeof line, "%-36s %5s of %.0f  ", lesson.c_str(),
                  points_text(sums.first).c_str(), sums.second);
    say(call, line + bar(sums.first / sums.second, call.voice) + "\n");
  }
  say(call, std::to_string(done) + " of " + std::to_string(call.setup.manifest.entries.size()) +
                " exercises done, " + points_text(points) + " of " + points_text(most) +
                " points\n");
  const std::pair<const char*, const char*> milestones[] = {
      {"05.3", "the whole of self-attention, by your own hand"},
      {"05.2", "nothing sees its future"},
      {"01.3", "your first right head"}};
  for (const auto& [id, sentence] : milestones)
    for (const Entry& entry : call.setup.manifest.entries)
      if (entry.id == id && standing(state, call.setup, entry) == "done")
        say(call, std::string("  ") + id + ": " + sentence + "\n");
  return 0;
}

int init(Call& call, const cxxopts::ParseResult&) {
  if (call.ids.size() != 1)
    throw Usage("wanted one folder for the stubs, for example headlight init my_answers");
  const fs::path folder = fs::absolute(call.ids[0]);
  std::size_t written = 0, kept = 0;
  for (const Entry& entry : call.setup.manifest.entries) {
    const fs::path file = folder / entry.path();
    std::error_code none;
    if (fs::exists(file, none)) {
      ++kept;
      continue;
    }
    write_file(file,
               pristine_stub(read_file(call.setup.source / "solutions" / entry.path()), entry.id));
    ++written;
  }
  say(call, std::to_string(written) + " stubs written to " + folder.string() +
                (kept > 0 ? ", " + std::to_string(kept) + " files were there and stay" : "") +
                "; add --dir " + folder.string() + " to the commands\n");
  return 0;
}

}  // namespace headlight::course
