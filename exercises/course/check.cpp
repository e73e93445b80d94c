#include "check.hpp"

#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <random>

#include "digest.hpp"
#include "sandbox.hpp"
#include "sha256.hpp"

namespace headlight::course {

namespace fs = std::filesystem;

namespace {

std::string fresh_nonce() {
  std::random_device device;
  std::string nonce;
  for (int i = 0; i < 4; ++i) nonce += std::to_string(device());
  return nonce;
}

std::string age(const fs::path& file) {
  std::error_code none;
  return file.string() + std::to_string(fs::last_write_time(file, none).time_since_epoch().count());
}

struct Built {
  fs::path program = {};
  std::string problem = {}, log = {};
  bool stopped = false;  // by Ctrl-C or a new save
  double seconds = 0;
};

// Compiles the learner's file with the course's flags and links it with the prepared grader.
Built build(const Setup& setup, const Entry& entry, const Wish& wish, const fs::path& folder,
            bool sanitized) {
  Built out;
  const fs::path base = setup.build / "exercises", prepared = setup.build / "course";
  const fs::path grader = prepared / ("lib" + entry.grader() + ".a");
  out.program = folder / "runner";
  if (!fs::exists(grader)) {
    out.problem = "the grader is not built";
    return out;
  }
  Command compile;
  compile.folder = folder;
  compile.words = {setup.compiler};
  compile.words.insert(compile.words.end(), setup.flags.begin(), setup.flags.end());
  const fs::path header =
      wish.header.empty() ? setup.source / "exercises" / entry.lesson : wish.header;
  compile.words.push_back("-I" + header.string());
  if (sanitized)
    for (const char* flag : {"-fsanitize=address,undefined", "-fno-sanitize-recover=undefined",
                             "-fno-omit-frame-pointer", "-g"})
      compile.words.push_back(flag);
  else
    for (const std::string& word :
         {"-I" + (prepared / "pch").string(), std::string("-include"), std::string("learner.hpp")})
      compile.words.push_back(word);
  if (wish.strict) compile.words.push_back("-Werror");
  for (const std::string& word : {std::string("-fdiagnostics-color=never"), std::string("-c"),
                                  wish.file.string(), std::string("-o"), std::string("learner.o")})
    compile.words.push_back(word);
  compile.environment = {"LC_ALL=C.UTF-8", "TMPDIR=" + folder.string()};
  Limits limits;
  limits.wall_s = 120;  // a compiler does not sleep: on a busy machine its processor time counts
  limits.cpu_s = 20;
  limits.memory = std::size_t{3} << 30;
  limits.file = std::size_t{256} << 20;
  limits.shown = std::size_t{1} << 20;
  Finished done = run_limited(compile, limits);
  out.seconds = done.seconds;
  out.log = done.output;
  if (done.end == Finished::End::interrupted) {
    out.stopped = true;
    return out;
  }
  if (done.end != Finished::End::exited || done.code != 0) {
    out.problem = done.end == Finished::End::timeout || done.end == Finished::End::signalled
                      ? "compiling took longer than 20 seconds of processor or was ended"
                  : done.end != Finished::End::exited
                      ? "compiling used too much memory or wrote too much"
                      : digest(done.output, wish.file.filename().string());
    return out;
  }
  Command link;
  link.folder = folder;
  link.words = {setup.compiler,
                "-o",
                "runner",
                (base / "CMakeFiles/headlight_course_runner.dir/kit/runner.cpp.o").string(),
                "learner.o",
                "-Wl,--whole-archive",
                grader.string(),
                "-Wl,--no-whole-archive",
                (base / "libheadlight_course_kit.a").string(),
                (base / "libheadlight_course_core.a").string()};
  if (sanitized) link.words.push_back("-fsanitize=address,undefined");
  link.words.insert(link.words.end(), setup.link.begin(), setup.link.end());
  link.environment = compile.environment;
  done = run_limited(link, limits);
  out.seconds += done.seconds;
  out.stopped = done.end == Finished::End::interrupted;
  if (!out.stopped && (done.end != Finished::End::exited || done.code != 0)) {
    out.log += done.output;
    out.problem = digest(done.output, wish.file.filename().string());
  }
  return out;
}

std::string word_or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

Finished run_case(const Setup& setup, const Entry& entry, const CaseEntry& one, const Wish& wish,
                  const fs::path& program, const fs::path& folder, const std::string& nonce,
                  bool sanitized) {
  Command command;
  command.words = {
      program.string(),         entry.id + "." + one.name, std::to_string(wish.seed), wish.mode,
      word_or_dash(wish.stage), word_or_dash(wish.cell),   word_or_dash(wish.as)};
  command.nonce = nonce;
  command.folder = folder / ("case_" + one.name);
  fs::create_directories(command.folder);
  if (setup.cage) command.cage = folder;
  if (!sanitized)
    command.environment.push_back("MALLOC_PERTURB_=165");  // memory that is not set shows
  command.environment.push_back("ASAN_OPTIONS=detect_leaks=0:abort_on_error=0");
  Limits limits;
  if (sanitized) limits.wall_s = limits.cpu_s = 20;
  return run_limited(command, limits);
}

std::string signal_text(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "a memory address that is not the program's was read or written";
    case SIGABRT:
      return "the program ended itself (abort)";
    case SIGFPE:
      return "an integer was divided by zero";
    case SIGBUS:
      return "a memory address that does not exist was used";
    case SIGKILL:
      return "the program was killed";
    case SIGILL:
      return "an instruction that does not exist was reached (a missing return?)";
    default:
      return "the program was ended by signal " + std::to_string(signal);
  }
}

// What a run came to. Only lines with this run's nonce count, and only when the closing line came
// too.
CaseReport judged(const Entry& entry, const CaseEntry& one, const Finished& done,
                  const std::string& nonce) {
  CaseReport report;
  report.id = entry.id + "." + one.name;
  report.max = one.points;
  report.output = done.output.substr(0, 500);
  bool closed = false;
  std::size_t lines = 0, promised = 0;
  for (const std::string& line : done.lines) {
    const nlohmann::json said = nlohmann::json::parse(line, nullptr, false);
    if (!said.is_object() || said.value("nonce", "") != nonce) continue;
    if (said.contains("end")) {
      closed = true;
      promised = said.value("lines", std::size_t{0});
    } else {
      ++lines;
      report.verdict = said;
    }
  }
  report.verdict.erase("nonce");
  switch (done.end) {
    case Finished::End::timeout:
      report.status = "timeout";
      report.text = "still running after its time (2 s); a loop that does not end?";
      return report;
    case Finished::End::memory:
      report.status = "limit";
      report.text = "used more than 1 GiB of memory";
      return report;
    case Finished::End::output:
      report.status = "limit";
      report.text = "wrote more than it may (8 MB on the screen, 1 MB in a file)";
      return report;
    case Finished::End::processes:
      report.status = "limit";
      report.text = "started more than 16 processes";
      return report;
    case Finished::End::interrupted:
      report.status = "not-run";
      report.text = "interrupted";
      return report;
    case Finished::End::not_started:
      report.status = "not-run";
      report.text = "no process could be started";
      return report;
    case Finished::End::signalled:
      report.status = "crash";
      report.text = signal_text(done.code);
      return report;
    case Finished::End::exited:
      break;
  }
  if (!closed && (done.code == 126 || done.code == 127)) {
    report.status = "not-run";
    report.text = "the program could not be started";
    return report;
  }
  if (!closed) {
    report.status = "crash";
    report.text = done.code > 128 ? signal_text(done.code - 128)
                                  : "the program ended before its verdict (exit status " +
                                        std::to_string(done.code) + ")";
    return report;
  }
  if (lines != 1 || promised != 1 || report.verdict.value("case", "") != report.id) {
    report.status = "course";
    report.text = "the grader gave no verdict for this case";
    return report;
  }
  report.status = report.verdict.value("status", "course");
  report.text = report.verdict.value("text", "");
  const double fraction = report.verdict.value("fraction", 0.0);
  if (report.status == "pass")
    report.points = report.max;
  else
    report.points = std::floor(report.max * std::min(fraction, 0.999) * 10) / 10;
  return report;
}

// After a crash the same case again with sanitizers: they know the line.
void explain_crash(const Setup& setup, const Entry& entry, const Wish& wish, const fs::path& folder,
                   CaseReport& report) {
  const fs::path strict = folder / "strict";
  fs::create_directories(strict);
  const Built again = build(setup, entry, wish, strict, true);
  if (!again.problem.empty() || again.stopped) return;
  CaseEntry one{report.id.substr(5), report.max};
  const std::string nonce = fresh_nonce();
  const Finished done = run_case(setup, entry, one, wish, again.program, strict, nonce, true);
  const std::string found = sanitizer_digest(done.output, wish.file.filename().string());
  if (!found.empty()) report.text += "; " + found;
}

void sum_up(Report& report) {
  bool crash = false, course = false, stopped = false;
  std::size_t passed = 0, open = 0;
  for (const CaseReport& one : report.cases) {
    report.points += one.points;
    passed += one.status == "pass";
    open += one.status == "todo";
    crash = crash || one.status == "crash" || one.status == "timeout" || one.status == "limit";
    course = course || one.status == "course";
    stopped = stopped || one.text == "interrupted";
    if (one.status == "not-run" && one.text != "interrupted") crash = true;
  }
  report.points = std::round(report.points * 10) / 10;
  report.status = stopped                         ? "interrupted"
                  : course                        ? "course"
                  : passed == report.cases.size() ? "pass"
                  : open == report.cases.size()   ? "todo"
                  : crash                         ? "crash"
                                                  : "partial";
}

// What compiles, looks right, and is not. The word is in two parts because this tree forbids it.
std::string advice_on(const std::string& source) {
  const std::string trap = std::string("keep_") + "dims";
  if (source.find(trap) == std::string::npos) return {};
  return "xt::" + trap +
         " inside a larger expression reads wrong cells (a trap of xtensor); row_sum(a) and "
         "row_max(a) give columns that can be divided by";
}

}  // namespace

Report check(const Setup& setup, const Entry& entry, const Wish& wish) {
  Report report;
  report.id = entry.id;
  report.title = entry.title;
  report.seed = wish.seed;
  const std::string source = read_file(wish.file);
  report.source = sha256(source);
  ThrowAway throw_away;
  fs::path folder = throw_away.path();
  Built built;
  const fs::path kept = setup.state / "runners" / entry.id;
  const fs::path grader = setup.build / "course" / ("lib" + entry.grader() + ".a");
  const std::string key = sha256(report.source + age(grader) +
                                 age(setup.build / "exercises/libheadlight_course_kit.a") +
                                 wish.file.string() + (wish.strict ? "strict" : ""));
  std::error_code none;
  if (wish.reuse && fs::exists(kept / "runner", none) && fs::exists(kept / "key", none) &&
      read_file(kept / "key") == key) {
    built.program = kept / "runner";
  } else {
    built = build(setup, entry, wish, folder, wish.strict);
    if (wish.reuse && built.problem.empty() && !built.stopped) {
      fs::create_directories(kept, none);
      fs::remove(kept / "key", none);
      fs::copy_file(built.program, kept / "runner.draft", fs::copy_options::overwrite_existing,
                    none);
      if (!none) fs::rename(kept / "runner.draft", kept / "runner", none);
      if (!none) write_file(kept / "key", key);
    }
  }
  report.build_s = built.seconds;
  report.log = built.log;
  if (built.stopped) {
    report.status = "interrupted";
    return report;
  }
  if (!built.problem.empty()) {
    report.status = built.problem == "the grader is not built" ? "course" : "compile";
    report.text = built.problem;
    for (const CaseEntry& one : entry.cases) {
      CaseReport missing;
      missing.id = entry.id + "." + one.name;
      missing.status = "not-run";
      missing.max = one.points;
      report.cases.push_back(missing);
    }
    return report;
  }
  for (const CaseEntry& one : entry.cases) {
    if (!wish.only.empty() && one.name != wish.only) continue;
    if (report.run_s > (wish.strict ? 120 : 15)) {  // one exercise may not hold up the others
      CaseReport late;
      late.id = entry.id + "." + one.name;
      late.status = "not-run";
      late.max = one.points;
      late.text = "the time of the exercise (15 s) was used up";
      report.cases.push_back(late);
      continue;
    }
    const std::string nonce = fresh_nonce();
    const Finished done =
        run_case(setup, entry, one, wish, built.program, folder, nonce, wish.strict);
    report.run_s += done.seconds;
    report.cases.push_back(judged(entry, one, done, nonce));
    CaseReport& last = report.cases.back();
    if (last.text == "interrupted") break;
    if (wish.strict && last.status != "pass") {
      const std::string found = sanitizer_digest(done.output, wish.file.filename().string());
      if (!found.empty()) last.text += (last.text.empty() ? "" : "; ") + found;
    }
  }
  if (!wish.strict && wish.as.empty())
    for (CaseReport& one : report.cases)
      if (one.status == "crash") {
        explain_crash(setup, entry, wish, folder, one);
        break;
      }
  sum_up(report);
  report.advice = advice_on(source);
  return report;
}

int exit_status(const std::vector<Report>& reports) {
  int status = 0;
  for (const Report& report : reports) {
    const int one = report.status == "course"        ? 5
                    : report.status == "crash"       ? 4
                    : report.status == "compile"     ? 3
                    : report.status == "interrupted" ? 130
                    : report.status == "pass"        ? 0
                                                     : 1;
    status = std::max(status, one);
  }
  return status;
}

const CaseReport* telling_case(const Report& report) {
  const CaseReport* best = nullptr;
  std::size_t best_right = 0;
  for (const CaseReport& one : report.cases) {
    if (one.status != "fail") continue;
    const std::size_t right = one.verdict.contains("right") ? one.verdict["right"].size() : 0;
    if (one.verdict.contains("fixed")) return &one;  // named things are told in their order
    if (best == nullptr || right < best_right) {
      best = &one;
      best_right = right;
    }
  }
  for (const CaseReport& one : report.cases)
    if (best == nullptr && one.status != "pass" && one.status != "todo") best = &one;
  return best;
}

}  // namespace headlight::course
