// Proves one exercise: the stub is open and worth nothing, the solution and its unusual relatives
// get everything, every known mistake is refused at its stage and by its name. usage: prove ID |
// prove --control ID | prove --matrix FILE
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>

#include "check.hpp"
#include "sandbox.hpp"
#include "stub.hpp"

namespace {

using namespace headlight::course;
using nlohmann::json;

std::size_t problems = 0;

void require(bool holds, const std::string& what) {
  if (holds) return;
  ++problems;
  std::cout << "NOT SO: " << what << "\n";
}

struct Verdict {
  Report report;
  std::string stage = {};  // the first wrong one of the telling case
  std::vector<std::string> causes = {};
};

Verdict judged(const Report& report) {
  Verdict out;
  out.report = report;
  if (const CaseReport* telling = telling_case(out.report)) {
    out.stage = telling->verdict.value("stage", "");
    if (telling->verdict.contains("cause") && telling->verdict["cause"].is_object()) {
      out.causes.push_back(telling->verdict["cause"]["id"]);
      for (const json& same : telling->verdict["cause"]["same"]) out.causes.push_back(same);
    }
  }
  return out;
}

Wish solution_wish(const Setup& setup, const Entry& entry, std::uint64_t seed) {
  Wish wish;
  wish.file = setup.source / "solutions" / entry.path();
  wish.seed = seed;
  wish.reuse = true;
  return wish;
}

json contents_of(const Setup& setup, const Entry& entry) {
  Wish wish = solution_wish(setup, entry, 1);
  wish.mode = "list";
  wish.only = entry.cases.front().name;
  const Report report = check(setup, entry, wish);
  if (report.cases.empty() || !report.cases.front().verdict.contains("mutants"))
    throw std::runtime_error(entry.id + ": the grader does not list its mutants: " + report.text);
  return report.cases.front().verdict;
}

bool full(const Report& report) {
  return report.status == "pass" && report.points == report.max;
}

std::string first_text(const Report& report) {
  for (const CaseReport& one : report.cases)
    if (one.status != "pass")
      return one.id + " " + one.status + " " + one.text + " " + one.verdict.dump();
  return report.text;
}

Verdict verdict_of(const Setup& setup, const Entry& entry, const Wish& wish) {
  return judged(check(setup, entry, wish));
}

// Whether a known mistake is refused as its table says; why not, otherwise.
std::string refusal_problem(const Setup& setup, const Entry& entry, const json& mutant,
                            std::uint64_t seed) {
  Wish wish = solution_wish(setup, entry, seed);
  wish.as = mutant["id"];
  const Verdict verdict = verdict_of(setup, entry, wish);
  const std::string name = entry.id + " " + wish.as + " (seed " + std::to_string(seed) + ")";
  if (full(verdict.report)) return name + " gets all points";
  if (verdict.report.status != "partial")
    return name + " is " + verdict.report.status + ", not wrong: " + first_text(verdict.report);
  if (verdict.stage != mutant["stage"].get<std::string>())
    return name + ": first wrong stage '" + verdict.stage + "', expected '" +
           mutant["stage"].get<std::string>() + "'";
  if (mutant["cause"].get<std::string>().empty()) return {};
  for (const std::string& cause : verdict.causes)
    if (cause == wish.as) return {};
  return name + " is not named: " + (verdict.causes.empty() ? "no cause" : verdict.causes.front());
}

// Pristine stub: compiles with warnings as errors, every case is open, no point. A stub that holds
// something to repair runs: every case refuses it, by the name of the mistake that it holds.
void prove_stub(const Setup& setup, const Entry& entry, const std::filesystem::path& folder) {
  const std::string solution = read_file(setup.source / "solutions" / entry.path());
  const std::string stub = pristine_stub(solution, entry.id);
  require(outside_regions(stub) == outside_regions(solution),
          "stub and solution agree outside the region");
  require(!inside_regions(solution).empty() && inside_regions(solution) != inside_regions(stub),
          "the solution fills the region");
  Wish wish;
  wish.file = folder / (entry.file + ".cpp");
  write_file(wish.file, stub);
  const Report report = check(setup, entry, wish);
  const bool to_repair = entry.kind == "fix";
  const std::string wanted = to_repair ? "partial" : "todo";
  require(report.status == wanted && report.points == 0,
          "the stub is open and worth nothing: " + report.status + " " +
              std::to_string(report.points) + " " + report.text);
  if (to_repair) {
    const std::string given = contents_of(setup, entry)["given"];
    require(!given.empty(), "the grader says which mistake the stub holds");
    for (const CaseReport& one : report.cases)
      require(one.status == "fail", "case " + one.id + " refuses the stub: " + one.status);
    const Verdict verdict = judged(report);
    require(std::count(verdict.causes.begin(), verdict.causes.end(), given) == 1,
            "the stub is recognised as '" + given + "'");
  }
  require(report.cases.size() == entry.cases.size(), "every case of the manifest ran on the stub");
  wish.strict = true;
  const Report strict = check(setup, entry, wish);
  require(strict.status == wanted, "the stub compiles with -Wall -Wextra -Werror: " + strict.text);
}

// An empty answer is worth nothing, in whatever type the exercise has.
void prove_empty(const Setup& setup, const Entry& entry, const std::filesystem::path& folder) {
  std::string source = read_file(setup.source / "solutions" / entry.path());
  const std::size_t start = source.find('\n', source.find(region_begins)) + 1;
  source.replace(start, source.find(region_ends) - start, "  return {};\n  ");
  Wish wish;
  wish.file = folder / (entry.file + ".cpp");
  write_file(wish.file, source);
  const Report report = check(setup, entry, wish);
  require(report.status == "partial" && report.points == 0,
          "an empty answer is worth nothing: " + report.status + " " +
              std::to_string(report.points) + " " + first_text(report));
}

// xtensor's asserts are on in what the grader links: reading beyond a row is noticed.
void prove_asserts(const Setup& setup, const Entry& entry, const std::filesystem::path& folder) {
  std::string source = read_file(setup.source / "solutions" / entry.path());
  const std::string mark = std::string(region_begins) + "\n";
  source.insert(source.find(mark) + mark.size(),
                "  const Matrix two_rows(Matrix::shape_type{2, 3}, 1.0);\n  if (two_rows(0, 3) > "
                "5) throw 1;\n");
  Wish wish;
  wish.file = folder / (entry.file + ".cpp");
  write_file(wish.file, source);
  const Report report = check(setup, entry, wish);
  require(report.status == "partial" && report.points == 0 &&
              report.cases.front().text.find("index") != std::string::npos,
          "reading beyond a row is noticed: " + report.status + " " + first_text(report));
}

int prove(const Setup& setup, const Entry& entry) {
  const ThrowAway scratch;
  prove_stub(setup, entry, scratch.path());
  prove_empty(setup, entry, scratch.path());
  prove_asserts(setup, entry, scratch.path());
  const json contents = contents_of(setup, entry);
  json manifest_cases = json::array();
  for (const CaseEntry& one : entry.cases) manifest_cases.push_back(one.name);
  require(contents["cases"] == manifest_cases,
          "the grader has the manifest's cases: " + contents["cases"].dump());
  require(contents["mutants"].size() >= 5, "at least five known mistakes");
  require(contents["accepted"].size() >= 1, "at least one right but unusual answer");
  for (const std::uint64_t seed : {1, 2024, 77}) {
    const Report report = check(setup, entry, solution_wish(setup, entry, seed));
    require(full(report), "the solution gets all points with seed " + std::to_string(seed) + ": " +
                              first_text(report));
    require(report.run_s < 5, "the solution is quick");
    for (const json& right : contents["accepted"]) {
      Wish wish = solution_wish(setup, entry, seed);
      wish.as = right["id"];
      const Report other = check(setup, entry, wish);
      require(full(other),
              "right but unusual: " + wish.as + " gets all points: " + first_text(other));
    }
  }
  for (const json& mutant : contents["mutants"])
    for (const std::uint64_t seed : {5, 6}) {
      const std::string problem = refusal_problem(setup, entry, mutant, seed);
      require(problem.empty(), problem);
    }
  Wish wish = solution_wish(setup, entry, 3);
  wish.reuse = false;
  wish.strict = true;
  const Report strict = check(setup, entry, wish);
  require(full(strict),
          "the solution is clean with sanitizers: " + strict.text + " " + first_text(strict));
  std::cout << entry.id << ": " << contents["mutants"].size() << " mistakes refused, "
            << contents["accepted"].size() << " unusual answers accepted, " << problems
            << " problems\n";
  return problems == 0 ? 0 : 1;
}

// The proof itself has to be able to fail: right answers called mistakes, mistakes with another
// stage, wrong answers called right.
int control(const Setup& setup, const Entry& entry) {
  const json contents = contents_of(setup, entry);
  for (json right : contents["accepted"]) {
    right["stage"] = entry.title;
    require(!refusal_problem(setup, entry, right, 1).empty(),
            "a right answer in the table of mistakes is noticed");
  }
  for (json mutant : contents["mutants"]) {
    mutant["stage"] = mutant["stage"].get<std::string>() + "x";
    require(!refusal_problem(setup, entry, mutant, 1).empty(),
            "a wrong stage in the table of mistakes is noticed");
    Wish wish = solution_wish(setup, entry, 1);
    wish.as = mutant["id"];
    require(!full(check(setup, entry, wish)), "a mistake among the right answers is noticed");
  }
  return problems == 0 ? 0 : 1;
}

// Which case refuses which mistake: a page of the docs.
int matrix(const Setup& setup, const std::string& file) {
  std::string text =
      "# Which case refuses which mistake {#kill_matrix}\n\nEvery known mistake is played against "
      "every case of its "
      "exercise; x: the case refuses it. Written by `tests/course/prove --matrix`; what it says is "
      "proved by "
      "`./headlight test --course`.\n";
  std::size_t mistakes = 0;
  for (const Entry& entry : setup.manifest.entries) {
    text += "\n## " + entry.id + " " + entry.title + "\n\n| mistake | first wrong stage |";
    std::string rule = "|---|---|";
    for (const CaseEntry& one : entry.cases) {
      text += " " + one.name + " |";
      rule += "---|";
    }
    text += "\n" + rule + "\n";
    const json contents = contents_of(setup, entry);
    for (const json& mutant : contents["mutants"]) {
      Wish wish = solution_wish(setup, entry, 5);
      wish.as = mutant["id"];
      const Report report = check(setup, entry, wish);
      text += "| " + wish.as + " | " +
              (mutant["stage"] == "" ? "-" : mutant["stage"].get<std::string>()) + " |";
      for (const CaseReport& one : report.cases) text += one.status == "pass" ? "  |" : " x |";
      text += "\n";
      ++mistakes;
    }
  }
  text += "\nIn all " + std::to_string(mistakes) + " mistakes.\n";
  write_file(file, text);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Setup setup = find_setup();
    setup.state = setup.build / "course/proof";
    if (argc == 3 && std::string(argv[1]) == "--matrix")
      return prepare_graders(setup, setup.manifest.entries), matrix(setup, argv[2]);
    const bool is_control = argc == 3 && std::string(argv[1]) == "--control";
    if (argc != 2 && !is_control) {
      std::cerr << "prove: wanted an exercise's id, --control ID or --matrix FILE\n";
      return 2;
    }
    const Entry& entry = setup.manifest.find(argv[argc - 1]);
    return is_control ? control(setup, entry) : prove(setup, entry);
  } catch (const std::exception& error) {
    std::cerr << "prove: " << error.what() << "\n";
    return 2;
  }
}
