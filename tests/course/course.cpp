// The course's files against each other, and its commands as a learner and a teacher use them.
#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <set>

#include "files/scratch.hpp"
#include "manifest.hpp"
#include "setup.hpp"
#include "stub.hpp"
#include "support/catch.hpp"
#include "support/schema.hpp"

using namespace headlight::course;
using headlight_test::contains;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path root = HEADLIGHT_SOURCE;

std::string solution_of(const std::string& id) {
  const Manifest manifest = read_manifest(root / "exercises/course.toml");
  return read_file(root / "solutions" / manifest.find(id).path());
}

// A learner's own folder with all stubs and something written into the region of one.
struct Learner {
  scratch::Folder folder;
  std::string id;
  fs::path file;

  explicit Learner(const std::string& code = "", const std::string& exercise = "05.1")
      : id(exercise) {
    file = folder / read_manifest(root / "exercises/course.toml").find(id).path();
    CHECK(course("init " + folder.path().string(), false).status == 0);
    if (!code.empty()) write(code);
  }
  void write(const std::string& code) const {
    std::string stub = pristine_stub(solution_of(id), id);
    const std::string todo = "return headlight::todo(\"" + id + "\");";
    stub.replace(stub.find(todo), todo.size(), code);
    scratch::write(file, stub);
  }
  scratch::Run course(const std::string& arguments, bool here = true) const {
    return scratch::headlight(arguments + (here ? " --dir " + folder.path().string() : ""),
                              "LC_ALL=C.UTF-8 HEADLIGHT_NO_TIME=1 ");
  }
};

const char* const no_scale =
    "Matrix q = matmul(X, W_Q), k = matmul(X, W_K); return {q, k, matmul(q, transpose(k))};";
const char* const right =
    "Matrix q = matmul(X, W_Q), k = matmul(X, W_K); return {q, k, matmul(q, transpose(k)) / "
    "std::sqrt(double(W_K.shape(1)))};";
const char* const odd =
    "Matrix q = matmul(X, W_Q), k = matmul(X, W_K); return {q, k, matmul(q, transpose(k)) / "
    "std::cbrt(double(W_K.shape(1)))};";

void check_transcript(const std::string& name, const std::string& text) {
  const fs::path file = root / "tests/transcripts" / name;
  if (const char* update = std::getenv("HEADLIGHT_UPDATE_EXPECTED");
      update != nullptr && *update == '1')
    scratch::write(file, text);
  CHECK(text == scratch::read(file));
}

}  // namespace

TEST_CASE(
    "course.toml: ids run on, three exercises a lesson, ten points each, hints that do not tell",
    "[course]") {
  const Manifest manifest = read_manifest(root / "exercises/course.toml");
  std::map<std::string, int> of_lesson;
  std::string last;
  for (const Entry& entry : manifest.entries) {
    CAPTURE(entry.id);
    CHECK(last < entry.id);
    last = entry.id;
    CHECK(std::to_string(++of_lesson[entry.lesson]) == entry.id.substr(3));
    CHECK(entry.file.substr(0, 2) == entry.id.substr(3) + "_");
    double points = 0;
    std::set<std::string> names;
    for (const CaseEntry& one : entry.cases) {
      points += one.points;
      names.insert(one.name);
    }
    CHECK(points == 10);
    CHECK(names.size() == entry.cases.size());
    CHECK(entry.cases.size() >= 4);
    CHECK(entry.cases.size() <= 7);
    CHECK(entry.hints.size() >= 3);
    CHECK(entry.difficulty <= 3);
    CHECK(std::set<std::string>{"write", "fix", "diagnose", "predict"}.count(entry.kind) == 1);
    CHECK(fs::exists(root / "lessons" / entry.lesson / "lesson.cpp"));
    for (const char* folder : {"solutions", "tests/graders", "tests/mutants", "tests/accept"})
      CHECK(fs::exists(root / folder / entry.path()));
    std::istringstream solution(inside_regions(read_file(root / "solutions" / entry.path())));
    for (std::string line; std::getline(solution, line);) {
      const std::size_t start = line.find_first_not_of(' ');
      if (start == std::string::npos || line.size() - start < 8) continue;
      for (const std::string& hint : entry.hints)
        CHECK(hint.find(line.substr(start)) == std::string::npos);
    }
  }
  for (const auto& [lesson, count] : of_lesson) {
    CAPTURE(lesson);
    CHECK(count == 3);
  }
}

TEST_CASE("exercises: nothing stray in the learner's folders", "[course]") {
  const Manifest manifest = read_manifest(root / "exercises/course.toml");
  std::set<std::string> allowed;
  for (const Entry& entry : manifest.entries) {
    allowed.insert(entry.path());
    allowed.insert(entry.lesson + "/exercises.hpp");
    allowed.insert(entry.lesson + "/traces.hpp");
  }
  for (const auto& folder : fs::directory_iterator(root / "solutions"))
    for (const auto& file : fs::directory_iterator(folder)) {
      const std::string name = fs::relative(file.path(), root / "solutions").string();
      CAPTURE(name);
      CHECK(allowed.count(name) == 1);
    }
  for (const Entry& entry : manifest.entries) CHECK(fs::exists(root / "exercises" / entry.path()));
}

TEST_CASE("exercises: a stub that was not touched is the pristine one", "[course]") {
  const Manifest manifest = read_manifest(root / "exercises/course.toml");
  std::size_t compared = 0;
  for (const Entry& entry : manifest.entries) {
    CAPTURE(entry.id);
    const std::string mine = read_file(root / "exercises" / entry.path());
    // what is to be repaired has no todo: there, a learner's commit touches no solution
    const auto last_commit = [&](const std::string& folder) {
      return "$(git -C " + root.string() + " log -1 --format=%H -- " + folder + "/" + entry.path() +
             " 2>/dev/null)";
    };
    const std::string ours =
        "test \"" + last_commit("exercises") + "\" = \"" + last_commit("solutions") + "\"";
    const bool open = entry.kind == "fix"
                          ? std::system(ours.c_str()) == 0
                          : mine.find("headlight::todo(\"" + entry.id + "\")") != std::string::npos;
    const std::string git = "git -C " + root.string() + " diff --quiet HEAD -- exercises/" +
                            entry.path() + " 2>/dev/null";
    if (!open || std::system(git.c_str()) != 0)
      continue;  // the learner's work is never judged here
    ++compared;
    CHECK(mine == pristine_stub(read_file(root / "solutions" / entry.path()), entry.id));
  }
  INFO("a checkout without any stub has nothing to compare");
  CHECK((compared > 0 || !manifest.entries.empty()));
}

TEST_CASE("check: says not written, wrong, right, broken, crashed by its exit status", "[course]") {
  const Learner learner;
  CHECK(learner.course("check 05.1").status == 1);
  learner.write(no_scale);
  CHECK(learner.course("check 05.1").status == 1);
  learner.write(right);
  CHECK(learner.course("check 05.1").status == 0);
  learner.write("return Scores();");
  CHECK(learner.course("check 05.1").status == 3);
  learner.write("std::abort();");
  CHECK(learner.course("check 05.1").status == 4);
  CHECK(learner.course("check 99.9").status == 2);
  CHECK(learner.course("check 05.1 --colour").status == 2);
  CHECK(learner.course("check 05.1 --seed x").status == 2);
}

TEST_CASE("check: transcripts", "[course]") {
  const Learner learner(no_scale);
  check_transcript("no_scale.txt", learner.course("check 05.1 --seed 41").out);
  learner.write(odd);
  check_transcript("no_known_mistake.txt", learner.course("check 05.1 --seed 41").out);
  learner.write(right);
  check_transcript("passed.txt", learner.course("check 05.1 --seed 41").out);
  learner.write("return headlight::todo(\"05.1\");");
  check_transcript("todo.txt", learner.course("check 05.1 --seed 41").out);
  learner.write("for (;;) { volatile int x = 0; (void)x; }");
  check_transcript("timeout.txt", learner.course("check 05.1 --seed 41").out);
  learner.write(
      "Matrix q = matmul(X, W_Q), k = matmul(X, W_K); return {q, k, Matrix(Matrix::shape_type{1, "
      "2})};");
  check_transcript("shape.txt", learner.course("check 05.1 --seed 41").out);
}

TEST_CASE("check: transcripts of predictions and diagnoses", "[course]") {
  const Learner flops(
      "Flops all; all.base = {17280, 2400, 400, 2400, 5760, 55680}; all.twice_heads = {17280, "
      "1200, "
      "800, 2400, 5760, 53280}; return all;",
      "03.3");
  check_transcript("predict.txt", flops.course("check 03.3 --seed 41").out);
  const Learner which("return {Program::split_first, Program::one_wide_head, Program::swapped};",
                      "02.3");
  check_transcript("diagnose.txt", which.course("check 02.3 --seed 41").out);
}

TEST_CASE("compare: a diagnose exercise shows its input and traces before anything is written",
          "[course]") {
  const Learner learner("", "02.3");
  const scratch::Run run = learner.course("compare 02.3");
  CHECK(run.status == 0);
  CHECK_THAT(run.out, contains("  trace c\n    left [4,4]\n         0.7974   0.0956"));
  CHECK_THAT(run.out, contains("  given to every program\n"));
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}

TEST_CASE("check: xtensor's trap in a wrong answer is warned of", "[course]") {
  const std::string trap = std::string("keep_") + "dims";  // a word that this tree forbids
  const Learner learner(
      "Matrix s = scores - row_max(scores), w = xt::exp(s); Matrix p = w / xt::sum(w, {1}, xt::" +
          trap + "); return {s, w, p};",
      "01.2");
  CHECK_THAT(learner.course("check 01.2").out, contains("note: xt::" + trap));
  learner.write(
      "Matrix s = scores - row_max(scores), w = xt::exp(s); return {s, w, w / row_sum(w)};");
  CHECK(learner.course("check 01.2").out.find(trap) == std::string::npos);
}

TEST_CASE("check: twenty seeds never refuse a right answer nor pass a wrong one", "[course]") {
  const Learner learner;
  for (const bool good : {true, false}) {
    learner.write(good ? right : odd);
    for (int seed = 1; seed <= 20; ++seed) {
      CAPTURE(good, seed);
      CHECK(learner.course("check 05.1 --seed " + std::to_string(seed)).status == (good ? 0 : 1));
    }
  }
}

TEST_CASE("check --json: fits its schema, and another object does not", "[course]") {
  const json schema = json::parse(read_file(root / "docs/schemas/check.schema.json"));
  const Learner learner(no_scale);
  const scratch::Run run = learner.course("check 05.1 --seed 41 --json");
  json report = json::parse(run.out, nullptr, false);
  REQUIRE(report.is_object());
  CHECK(headlight_test::unfit(report, schema, "") == "");
  CHECK(report["exercises"][0]["cause"] == "no-scale");
  CHECK(report["exercises"][0]["first_wrong_stage"] == "scores");
  CHECK(report["seed"] == 41);
  report["exercises"][0]["cases"][0]["status"] = "fine";
  CHECK(headlight_test::unfit(report, schema, "") != "");
}

TEST_CASE("check --json: predictions and diagnoses fit the schema and do not give names away",
          "[course]") {
  const json schema = json::parse(read_file(root / "docs/schemas/check.schema.json"));
  const Learner flops("return {};", "03.3"), which("return {};", "02.3");
  for (const Learner* learner : {&flops, &which}) {
    CAPTURE(learner->id);
    const scratch::Run run = learner->course("check " + learner->id + " --json");
    CHECK(run.status == 1);
    const json report = json::parse(run.out, nullptr, false);
    REQUIRE(report.is_object());
    CHECK(headlight_test::unfit(report, schema, "") == "");
    CHECK(report["exercises"][0]["points"] == 0.0);
  }
  CHECK(which.course("check 02.3 --json").out.find("\"want\"") == std::string::npos);
}

TEST_CASE("check --strict: warnings count, sanitizers watch", "[course]") {
  const Learner learner(right);
  CHECK(learner.course("check 05.1 --strict").status == 0);
  learner.write("int unused = 3; " + std::string(right));
  CHECK(learner.course("check 05.1 --strict").status == 3);
  CHECK(learner.course("check 05.1").status == 0);
}

TEST_CASE("check: an exercise links nothing above the library's core", "[course]") {
  const Learner learner;
  learner.write("extern void fused_attention(); fused_attention(); " + std::string(right));
  const scratch::Run run = learner.course("check 05.1");
  CHECK(run.status == 3);
  CHECK_THAT(run.out, contains("a function is missing"));
}

TEST_CASE("list, next, progress: follow what was done", "[course]") {
  const Learner learner;
  const json list = json::parse(learner.course("list --json").out);
  REQUIRE(list["exercises"].size() >= 1);
  CHECK(list["exercises"][0]["state"] == "todo");
  learner.write(right);
  CHECK(learner.course("check 05.1").status == 0);
  CHECK_THAT(learner.course("list --lesson 5").out, contains("done"));
  CHECK_THAT(learner.course("progress").out, contains("1 of "));
  learner.write(std::string(right) + " ");
  CHECK_THAT(learner.course("list --lesson 5").out, contains("stale"));
  CHECK(learner.course("list --lesson 99").status == 2);
  CHECK_THAT(learner.course("next").out, contains("then: headlight check"));
}

TEST_CASE("hint: goes one level up each time, the last works out the wrong cell", "[course]") {
  const Learner learner(odd);
  for (int level = 1; level <= 4; ++level)
    CHECK_THAT(learner.course("hint 05.1").out,
               contains("hint " + std::to_string(level) + " of 4"));
  const std::string last = learner.course("hint 05.1").out;
  CHECK_THAT(last, contains("hint 4 of 4"));
  CHECK_THAT(last, contains("query[0] . key[0] ="));
  CHECK_THAT(learner.course("hint 05.1 --level 1").out, contains("hint 1 of 4"));
  CHECK(learner.course("hint 05.1 --level 9").status == 2);
}

TEST_CASE("explain and compare: show one cell and all stages", "[course]") {
  const Learner learner(no_scale);
  const std::string cell = learner.course("explain 05.1 --stage scores --cell 1,0").out;
  CHECK_THAT(cell, contains("scores[1, 0]"));
  CHECK_THAT(cell, contains("expected"));
  CHECK(learner.course("explain 05.1 --stage scores --cell 7,7").status == 2);
  CHECK(learner.course("explain 05.1 --cell a").status == 2);
  const std::string all = learner.course("compare 05.1").out;
  CHECK_THAT(all, contains("query [2,2]: largest |yours - expected| 0\n"));
  CHECK_THAT(all, contains("scores [2,2]: largest |yours - expected| 0.586"));
}

TEST_CASE("explain: where earlier stages leave nothing to work out from, it says so", "[course]") {
  const Learner learner;
  std::string stub = pristine_stub(solution_of("13.2"), "13.2");
  const std::string todo = "return headlight::todo(\"13.2\");";
  stub.replace(stub.find(todo), todo.size(),
               "Matrix far(Matrix::shape_type{query.shape(1), key.shape(1)}, -50.0); return {far, "
               "query, query, query};");
  scratch::write(learner.folder / "13_positions_rope_relative_alibi/2_relative_bias.cpp", stub);
  const scratch::Run run = learner.course("explain 13.2 --stage bias --cell 0,0,0");
  CHECK(run.status == 1);
  CHECK_THAT(run.out, contains("expected 5.0000"));
  CHECK_THAT(run.out, contains("put them right first"));
}

TEST_CASE("reset: keeps the file and brings it back", "[course]") {
  const Learner learner(no_scale);
  const std::string mine = scratch::read(learner.file);
  CHECK(learner.course("reset 05.1").status == 0);
  CHECK(scratch::read(learner.file) == pristine_stub(solution_of("05.1"), "05.1"));
  CHECK(learner.course("reset 05.1 --undo").status == 0);
  CHECK(scratch::read(learner.file) == mine);
  CHECK(learner.course("reset 05.1 --undo").status == 2);
  CHECK(learner.course("reset").status == 2);
}

TEST_CASE("solution: after a pass, or after hint 3 when asked to reveal it", "[course]") {
  const Learner learner(no_scale);
  CHECK(learner.course("solution 05.1").status == 1);
  CHECK(learner.course("solution 05.1 --reveal").status == 1);
  learner.course("hint 05.1 --level 3");
  CHECK(learner.course("solution 05.1").status == 1);
  CHECK(learner.course("solution 05.1 --reveal").out == solution_of("05.1"));
  CHECK_THAT(scratch::read(learner.folder / ".headlight/state.json"),
             contains("\"revealed\":true"));
  const Learner other(right);
  CHECK(other.course("check 05.1").status == 0);
  CHECK(other.course("solution 05.1").out == solution_of("05.1"));
}

TEST_CASE("init: writes stubs, and never over a file that is there", "[course]") {
  const Learner learner(right);
  const std::string mine = scratch::read(learner.file);
  CHECK_THAT(learner.course("init " + learner.folder.path().string(), false).out,
             contains("files were there and stay"));
  CHECK(scratch::read(learner.file) == mine);
}

TEST_CASE("grade: several submissions at once, hostile ones cost only their own points",
          "[course]") {
  const Learner good(right), wrong(no_scale), hostile, empty;
  std::string fault = scratch::read(root / "tests/faults/forge.cpp");
  scratch::write(hostile.file, fault);
  fs::remove(empty.file);
  const scratch::Run run =
      scratch::headlight("grade --jobs 2 --seed 3 --json " + good.folder.path().string() + " " +
                         wrong.folder.path().string() + " " + hostile.folder.path().string() + " " +
                         empty.folder.path().string());
  CHECK(run.status == 4);
  const json all = json::parse(run.out, nullptr, false);
  REQUIRE(all.is_object());
  const json schema = json::parse(read_file(root / "docs/schemas/grade.schema.json"));
  CHECK(headlight_test::unfit(all, schema, "") == "");
  const auto points = [&](std::size_t which) {
    for (const json& exercise : all["submissions"][which]["exercises"])
      if (exercise["id"] == "05.1") return exercise["points"].get<double>();
    return -1.0;
  };
  CHECK(points(0) == 10);
  CHECK(points(1) < 10);
  CHECK(points(2) == 0);
  CHECK(points(3) == 0);
  CHECK(scratch::headlight("grade /no/such/folder").status == 2);
  CHECK(scratch::headlight("grade").status == 2);
  const json scope = json::parse(
      scratch::headlight("grade --gradescope " + good.folder.path().string()).out, nullptr, false);
  CHECK(scope["tests"][0].contains("max_score"));
}

TEST_CASE("watch: a save during an endless loop ends it and brings the new verdict", "[course]") {
  const Learner learner("for (;;) { volatile int x = 0; (void)x; }");
  const fs::path out = learner.folder / "out.txt";
  const auto verdict =
      [&](const std::string& wanted) {  // patience, not a time limit: a slow machine may take long
        for (int i = 0; i < 600; ++i) {
          std::error_code none;
          if (fs::exists(out, none) && scratch::read(out).find(wanted) != std::string::npos)
            return true;
          usleep(100000);
        }
        return false;
      };
  for (const char* way : {"", "--poll"}) {
    CAPTURE(way);
    learner.write("for (;;) { volatile int x = 0; (void)x; }");
    std::error_code none;
    fs::remove(out, none);
    const pid_t watching = fork();
    if (watching == 0) {
      const int file = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(file, 1);
      dup2(open("/dev/null", O_RDONLY), 0);
      execl(HEADLIGHT_CLI, HEADLIGHT_CLI, "watch", "05.1", "--dir", learner.folder.path().c_str(),
            *way ? way : nullptr, nullptr);
      _exit(127);
    }
    REQUIRE(verdict("watching"));
    usleep(700000);  // the loop is being compiled or is running now
    learner.write(right);
    CHECK(verdict("passed, 10 of 10"));
    CHECK(scratch::read(out).find("timeout") == std::string::npos);  // it was ended, not waited for
    kill(watching, SIGINT);
    int status = 0;
    waitpid(watching, &status, 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 130));
  }
}

TEST_CASE("kill_matrix.md: names every mistake of every exercise", "[course]") {
  const std::string page = scratch::read(root / "docs/kill_matrix.md");
  const Manifest manifest = read_manifest(root / "exercises/course.toml");
  for (const Entry& entry : manifest.entries) {
    CAPTURE(entry.id);
    CHECK_THAT(page, contains("## " + entry.id + " " + entry.title + "\n"));
    const std::string source = read_file(root / "tests/mutants" / entry.path());
    for (std::size_t at = source.find("\n    {\""); at != std::string::npos;
         at = source.find("\n    {\"", at + 1)) {
      const std::size_t start = at + 7;
      CHECK_THAT(page,
                 contains("| " + source.substr(start, source.find('"', start) - start) + " |"));
    }
  }
}
