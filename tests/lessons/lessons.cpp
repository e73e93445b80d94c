#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <headlight/file/trace_file.hpp>
#include <headlight/render/text.hpp>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <vector>

#include "support/catch.hpp"
#include "support/schema.hpp"

using headlight_test::unfit;
using nlohmann::json;

namespace {

struct Run {
  int status = 0;
  std::string out;
};

// Runs a lesson through the shell, in a pipe.
Run fresh_run(const std::string& slug, const std::string& arguments,
              const std::string& before = "") {
  const std::string command =
      before + " " HEADLIGHT_BIN "/lesson_" + slug + " " + arguments + " 2>&1 </dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Run result;
  char part[4096];
  for (std::size_t n; (n = fread(part, 1, sizeof part, pipe)) > 0;) result.out.append(part, n);
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return result;
}

// The same, remembered: equal arguments give equal pages (the first test sees to it).
const Run& run(const std::string& slug, const std::string& arguments,
               const std::string& before = "") {
  static std::map<std::string, Run> known;
  const std::string key = before + '\n' + slug + '\n' + arguments;
  const auto found = known.find(key);
  return found != known.end()
             ? found->second
             : known.emplace(key, fresh_run(slug, arguments, before)).first->second;
}

std::vector<std::string> lessons() {
  std::istringstream words(HEADLIGHT_LESSONS);
  std::vector<std::string> slugs;
  for (std::string slug; words >> slug;) slugs.push_back(slug);
  return slugs;
}

// The numbers of nested lists, one after the other.
std::vector<double> flat(const json& values) {
  if (values.is_number()) return {values.get<double>()};
  if (values.is_string()) {
    const double infinity = std::numeric_limits<double>::infinity();
    return {values == "-inf" ? -infinity : infinity};
  }
  std::vector<double> numbers;
  for (const json& each : values)
    for (const double x : flat(each)) numbers.push_back(x);
  return numbers;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("lesson: exits 0 and prints the same bytes twice", "[lessons]") {
  for (const std::string& slug : lessons()) {
    CAPTURE(slug);
    const Run first = fresh_run(slug, ""), second = run(slug, "");
    CHECK(first.status == 0);
    CHECK(first.out == second.out);
  }
}

TEST_CASE("lesson: fits 80 columns, without escape sequences in a pipe", "[lessons]") {
  for (const std::string& slug : lessons())
    for (const char* locale : {"LC_ALL=C.UTF-8", "LC_ALL=C"}) {
      CAPTURE(slug, locale);
      const Run& page = run(slug, "", locale);
      std::istringstream lines(page.out);
      for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK(headlight::render::display_width(line) <= 80);
      }
      CHECK(page.out.find('\x1b') == std::string::npos);
      const bool is_ascii = std::all_of(page.out.begin(), page.out.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x80;
      });
      CHECK((is_ascii || locale == std::string("LC_ALL=C.UTF-8")));
    }
}

TEST_CASE("lesson: colour only where it is asked for", "[lessons]") {
  for (const std::string& slug : lessons()) {
    CAPTURE(slug);
    CHECK(run(slug, "--color always").out.find('\x1b') != std::string::npos);
    CHECK(run(slug, "--color never").out.find('\x1b') == std::string::npos);
    CHECK(run(slug, "", "NO_COLOR=1").out.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("lesson: --json is one object that fits the schema", "[lessons]") {
  const json schema = json::parse(text_of(HEADLIGHT_ROOT "/docs/schemas/lesson.schema.json"));
  for (const std::string& slug : lessons()) {
    CAPTURE(slug);
    const Run& page = run(slug, "--json");
    CHECK(page.status == 0);
    const json object = json::parse(page.out, nullptr, false);
    REQUIRE_FALSE(object.is_discarded());
    CHECK(unfit(object, schema, "") == "");
    CHECK(object["lesson"] == std::stoi(slug.substr(0, 2)));
    std::set<std::string> ids;
    for (const json& check : object["checks"]) CHECK(ids.insert(check["id"]).second);
    CHECK(ids.size() >= 12);
  }
}

TEST_CASE("lesson: a check's text stands alone", "[lessons]") {
  const std::set<std::string> leaning = {
      "and",   "or", "nor",  "so",      "but",   "though", "then",
      "which", "it", "they", "neither", "these", "those",  "that"};  // on the line before
  for (const std::string& slug : lessons()) {
    const json object = json::parse(run(slug, "--json").out);
    for (const json& check : object["checks"]) {
      const std::string text = check["text"];
      CAPTURE(slug, check["id"], text);
      const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
      const std::string first(text.begin(), std::find_if_not(text.begin(), text.end(), is_letter));
      CHECK(leaning.count(first) == 0);
    }
  }
}

TEST_CASE("lesson: every executable claim of its section is tied to a check", "[lessons]") {
  for (const std::string& slug : lessons()) {
    const json ledger =
        json::parse(text_of(HEADLIGHT_ROOT "/docs/claims/" + slug.substr(0, 2) + ".json"));
    const json object = json::parse(run(slug, "--json").out);
    std::set<std::string> tied;
    for (const json& claim : object["claims"]) tied.insert(claim["id"]);
    for (const json& claim : ledger) {
      CAPTURE(claim["id"]);
      const std::string id = claim["id"];
      if (!claim["executable"].get<bool>()) continue;
      CHECK(tied.count(id) == 1);
      CHECK_FALSE(claim.value("fails_when", "").empty());
    }
  }
}

namespace {

// What docs/planted_faults.md says of every fault: the checks that notice it.
std::map<std::string, std::set<std::string>> checks_that_notice() {
  std::map<std::string, std::set<std::string>> noticed;
  std::istringstream lines(text_of(HEADLIGHT_ROOT "/docs/planted_faults.md"));
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells(1);
    for (const char c : line) c == '|' ? (void)cells.emplace_back() : cells.back().push_back(c);
    if (cells.size() < 5) continue;
    std::string name = cells[1].substr(1, cells[1].size() - 2);
    std::replace(name.begin(), name.end(), ' ', '_');
    std::istringstream ids(cells[3]);
    for (std::string id; ids >> id;) {
      if (id.back() == ',') id.pop_back();
      noticed[name].insert(id);
    }
  }
  return noticed;
}

}  // namespace

TEST_CASE("lesson: an executable claim has a control or a planted fault that its checks notice",
          "[lessons]") {
  const json faults = json::parse(text_of(HEADLIGHT_ROOT "/tests/planted_faults/faults.json"));
  std::set<std::string> planted;
  for (const json& fault : faults) planted.insert(fault["name"]);
  const std::map<std::string, std::set<std::string>> noticed = checks_that_notice();
  for (const std::string& slug : lessons()) {
    const int number = std::stoi(slug.substr(0, 2));
    if (number > 6 && number != 13) continue;  // the mechanics of attention and of position
    std::map<std::string, json> ledger;
    for (const json& claim :
         json::parse(text_of(HEADLIGHT_ROOT "/docs/claims/" + slug.substr(0, 2) + ".json")))
      ledger[claim["id"]] = claim;
    const json object = json::parse(run(slug, "--json").out);
    for (const json& claim : object["claims"]) {
      const std::string id = claim["id"];
      CAPTURE(id);
      if (ledger.count(id) == 0) continue;  // of another section
      if (!ledger[id]["executable"].get<bool>()) continue;
      const json names = ledger[id].value("planted_faults", json::array());
      CHECK((!claim["controls"].empty() || !names.empty()));
      for (const std::string fault : names) {
        CAPTURE(fault);
        REQUIRE(planted.count(fault) == 1);
        REQUIRE(noticed.count(fault) == 1);
        bool by_this_claim = false;
        for (const std::string check : claim["checks"])
          by_this_claim = by_this_claim || noticed.at(fault).count(check) > 0;
        CHECK(by_this_claim);
      }
    }
  }
}

TEST_CASE("lesson: its checks hold for other seeds too", "[lessons]") {
  for (const std::string& slug : lessons())
    for (const char* seed : {"7", "11"}) {
      CAPTURE(slug, seed);
      CHECK(run(slug, std::string("--quiet --seed ") + seed).status == 0);
    }
}

TEST_CASE("lesson: a text of the reader's own, in English and Russian", "[lessons]") {
  for (const std::string& slug : lessons())
    for (const char* text :
         {"'the cat sat on the mat'", "'кошка сидит, и кошка спит'", "'🙂 🙃'", "'a a a b'"}) {
      CAPTURE(slug, text);
      CHECK(run(slug, std::string("--quiet --text ") + text).status == 0);
    }
}

TEST_CASE("lesson: --quiet is short, --step does not wait in a pipe", "[lessons]") {
  for (const std::string& slug : lessons()) {
    CAPTURE(slug);
    CHECK(run(slug, "--quiet").out.size() < 400);
    CHECK(run(slug, "--step").out == run(slug, "").out);
  }
}

TEST_CASE(
    "lesson: at a terminal --step waits after every step, and a closed input ends the waiting",
    "[lessons]") {
  int master = -1;
  const std::string slug = "05_self_attention_step_by_step";
  const pid_t child = forkpty(&master, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("NO_COLOR");
    execl((HEADLIGHT_BIN "/lesson_" + slug).c_str(), "lesson", "--step", nullptr);
    _exit(127);
  }
  std::string seen;
  std::size_t pressed = 0;
  const auto prompts = [&] {
    std::size_t count = 0;
    const std::string prompt = "Enter shows the next step";
    for (std::size_t at = seen.find(prompt); at != std::string::npos;
         at = seen.find(prompt, at + 1))
      ++count;
    return count;
  };
  char part[4096];
  for (ssize_t n; (n = read(master, part, sizeof part)) > 0;) {
    seen.append(part, static_cast<std::size_t>(n));
    if (prompts() == pressed) continue;
    CHECK(seen.find("Checks:") == std::string::npos);  // it has not run on
    ++pressed;
    REQUIRE(write(master, pressed < 3 ? "\n" : "\x04", 1) == 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  close(master);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  CHECK(pressed == 3);  // end of input: no more questions
  CHECK_THAT(seen, headlight_test::contains("\x1b[32m"));
}

TEST_CASE("lesson: wrong usage is refused with one line and exit 2", "[lessons]") {
  for (const std::string& slug : lessons())
    for (const char* wrong : {"--bogus", "word", "--color blue", "--text ''", "--export x.txt",
                              "--seed no", "--html /nowhere/at/all.html"}) {
      CAPTURE(slug, wrong);
      const Run& page = run(slug, std::string("--quiet ") + wrong);
      CHECK(page.status == 2);
      CHECK(page.out.find("lesson ") != std::string::npos);
    }
}

TEST_CASE("lesson: --export writes the numbers of --json in three formats", "[lessons]") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("headlight lessons " + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  for (const std::string& slug : lessons()) {
    const json told = json::parse(run(slug, "--json").out);
    for (const char* ending : {".npz", ".safetensors", ".json"}) {
      CAPTURE(slug, ending);
      const std::filesystem::path file = folder / (slug + ending);
      CHECK(run(slug, "--quiet --export '" + file.string() + "'").status == 0);
      const headlight::TraceFile trace = headlight::read_trace(file);
      CHECK(json::parse(trace.meta)["lesson"] == told["lesson"]);
      REQUIRE(trace.stages.size() == told["stages"].size());
      std::set<std::string> names;
      for (std::size_t i = 0; i < trace.stages.size(); ++i) {
        const json& stage = told["stages"][i];
        const headlight::StoredTensor& stored = trace.stages[i];
        CAPTURE(stored.name);
        CHECK(names.insert(stored.name).second);
        CHECK(stored.shape == stage["shape"].get<std::vector<std::size_t>>());
        if (!stage.contains("values") || stored.dtype == "BOOL") continue;
        CHECK(headlight::numbers_of<double>(stored) == flat(stage["values"]));
      }
    }
  }
  CHECK(run("05_self_attention_step_by_step",
            "--quiet --export '" + (folder / "a.txt").string() + "'")
            .out ==
        "lesson 5: --export: wanted a name that ends in .npz, .safetensors or .json, got \"" +
            (folder / "a.txt").string() + "\". Try --help.\n");
  std::filesystem::remove_all(folder);
}

TEST_CASE("lesson: NumPy opens what --export writes", "[lessons]") {
  if (std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) {
    WARN("python3-numpy is not installed: NumPy was not asked");
    return;
  }
  const std::string file = std::filesystem::temp_directory_path() /
                           ("headlight-lesson-" + std::to_string(getpid()) + ".npz");
  CHECK(run("05_self_attention_step_by_step", "--quiet --export " + file).status == 0);
  const std::string script =
      "import numpy as np; t = np.load('" + file +
      "'); S = t['S masked']; E = np.exp(S - S.max(1, keepdims=True)); "
      "A = E / E.sum(1, keepdims=True); "
      "assert np.allclose(A, t['A'], 0, 1e-12) and np.allclose(A @ t['V'], t['Y'], 0, 1e-12)";
  CHECK(std::system(("/usr/bin/python3 -c \"" + script + "\"").c_str()) == 0);
  std::filesystem::remove(file);
}

TEST_CASE("lesson: --html writes a page that needs nothing else", "[lessons]") {
  const std::string folder =
      std::filesystem::temp_directory_path() / ("headlight-lessons-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  for (const std::string& slug : lessons()) {
    CAPTURE(slug);
    const std::string file = folder + "/" + slug + ".html";
    CHECK(run(slug, "--quiet --html " + file).status == 0);
    const std::string page = text_of(file);
    CHECK_THAT(page, headlight_test::contains("</html>"));
    for (const char* word : {"src=", "https://", "@import", "fetch(", "import(", "XMLHttp"})
      CHECK(page.find(word) == std::string::npos);
    for (std::size_t at = page.find("url("); at != std::string::npos;
         at = page.find("url(", at + 1))
      CHECK(page[at + 4] == '#');  // a pattern of the same picture
    if (page.find("head-viewer\">") == std::string::npos)
      CHECK(page.find("<script") == std::string::npos);  // only the viewer of heads needs one
    CHECK_FALSE(std::filesystem::exists(file + ".part"));
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("README: the page that it shows is what lesson 5 prints", "[lessons]") {
  std::istringstream readme(text_of(HEADLIGHT_ROOT "/README.md"));
  const std::string command = "$ ./headlight lesson 5 ";
  std::string line, shown;
  while (std::getline(readme, line) && line.rfind(command, 0) != 0) {
  }
  const std::string page =
      run("05_self_attention_step_by_step", line.substr(command.size()), "LC_ALL=C.UTF-8").out;
  std::size_t lines = 0;
  while (std::getline(readme, line) && line != "```") {
    if (line == "..." || line.empty()) continue;
    CAPTURE(line);
    CHECK(page.find(line + "\n") != std::string::npos);
    ++lines;
  }
  CHECK(lines > 5);
}

TEST_CASE("README: its table says of every lesson what the tree has", "[lessons]") {
  std::istringstream readme(text_of(HEADLIGHT_ROOT "/README.md"));
  const std::filesystem::path root = HEADLIGHT_ROOT;
  std::map<int, std::string> slugs;
  for (const auto& folder : std::filesystem::directory_iterator(root / "lessons"))
    if (std::isdigit(static_cast<unsigned char>(folder.path().filename().string()[0])))
      slugs[std::stoi(folder.path().filename().string())] = folder.path().filename().string();
  int rows = 0;
  for (std::string line; std::getline(readme, line);) {
    if (line.rfind("| ", 0) != 0 || !std::isdigit(static_cast<unsigned char>(line[2]))) continue;
    CAPTURE(line);
    const int number = std::stoi(line.substr(2));
    CHECK(number == ++rows);
    const bool has_program =
        slugs.count(number) == 1 &&
        std::filesystem::exists(root / "lessons" / slugs[number] / "lesson.cpp");
    const bool has_exercises =
        slugs.count(number) == 1 && std::filesystem::exists(root / "exercises" / slugs[number]);
    CHECK((line.find("| runs |") != std::string::npos) == has_program);
    CHECK((line.find("| yes |") != std::string::npos) == has_exercises);
  }
  CHECK(rows == 21);
}

TEST_CASE("lessons.toml: says of every lesson what the tree has", "[lessons]") {
  std::istringstream toml(text_of(HEADLIGHT_ROOT "/lessons/lessons.toml"));
  const std::filesystem::path root = HEADLIGHT_ROOT;
  std::string slug, line;
  std::set<std::string> listed;
  const auto value_of = [&] { return line.substr(line.find('=') + 2); };
  while (std::getline(toml, line)) {
    CAPTURE(slug, line);
    if (line.rfind("slug", 0) == 0) {
      slug = value_of().substr(1, value_of().size() - 2);
      CHECK(listed.insert(slug).second);
    }
    if (line.rfind("exercises", 0) == 0)
      CHECK((value_of() == "true") == std::filesystem::exists(root / "exercises" / slug));
    if (line.rfind("page", 0) == 0)
      CHECK((value_of() == "true") == std::filesystem::exists(root / "docs/book" / (slug + ".md")));
  }
  for (const std::string& built : lessons()) {
    CAPTURE(built);
    CHECK(listed.count(built) == 1);
  }
  for (const auto& folder : std::filesystem::directory_iterator(root / "lessons"))
    if (std::filesystem::exists(folder.path() / "lesson.cpp"))
      CHECK(listed.count(folder.path().filename().string()) == 1);
}

namespace {

// A page as expected.txt keeps it: every figure is "#", pictures and runs of blanks are left out,
// so that it is the same on every machine. It shows the layout; it proves no number.
std::string layout_of(const std::string& page) {
  std::string out;
  for (std::size_t i = 0; i < page.size();) {
    const auto byte = static_cast<unsigned char>(page[i]);
    const bool starts_block =
        byte == 0xE2 && i + 1 < page.size() &&
        (static_cast<unsigned char>(page[i + 1]) == 0x96 ||
         static_cast<unsigned char>(page[i + 1]) == 0x97);  // U+2580 ... U+25FF
    if (starts_block) {
      i += 3;
    } else if (std::isdigit(byte)) {
      while (i < page.size() && (std::isalnum(static_cast<unsigned char>(page[i])) ||
                                 page[i] == '.' || page[i] == '-' || page[i] == '+'))
        ++i;
      if (!out.empty() && out.back() == '-') out.pop_back();
      if (out.empty() || out.back() != '#') out += '#';
    } else if (page[i] == ' ' || page[i] == '\n') {
      bool new_line = false;  // lines may break elsewhere where a figure is wider
      for (; i < page.size() && (page[i] == ' ' || page[i] == '\n'); ++i) {
        if (page[i] == '\n' && i + 1 < page.size() && page[i + 1] == '\n') new_line = true;
      }
      out += new_line ? "\n" : " ";
    } else {
      out += page[i++];
    }
  }
  return out;
}

}  // namespace

TEST_CASE("lesson: the page has the layout of expected.txt", "[lessons]") {
  for (const std::string& slug : lessons()) {
    CAPTURE(slug);
    const std::string file = HEADLIGHT_ROOT "/lessons/" + slug + "/expected.txt";
    const std::string layout = layout_of(run(slug, "", "LC_ALL=C.UTF-8").out) + "\n";
    if (std::getenv("HEADLIGHT_UPDATE_EXPECTED")) std::ofstream(file) << layout;
    if (!std::filesystem::exists(file)) continue;
    CHECK(text_of(file) == layout);
  }
}
