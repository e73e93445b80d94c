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
Run run(const std::string& slug, const std::string& arguments, const std::string& before = "") {
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
    const Run first = run(slug, ""), second = run(slug, "");
    CHECK(first.status == 0);
    CHECK(first.out == second.out);
  }
}

TEST_CASE("lesson: fits 80 columns, without escape sequences in a pipe", "[lessons]") {
  for (const std::string& slug : lessons())
    for (const char* locale : {"LC_ALL=C.UTF-8", "LC_ALL=C"}) {
      CAPTURE(slug, locale);
      const Run page = run(slug, "", locale);
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
    const Run page = run(slug, "--json");
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

TEST_CASE("lesson: a text of the reader's own, in English and Russian", "[lessons]") {
  for (const std::string& slug : lessons())
    for (const char* text : {"'the cat sat on the mat'", "'кошка сидит, и кошка спит'"}) {
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

TEST_CASE("lesson: wrong usage is refused with one line and exit 2", "[lessons]") {
  for (const std::string& slug : lessons())
    for (const char* wrong : {"--bogus", "word", "--color blue", "--text ''", "--export x.txt",
                              "--seed no", "--html /nowhere/at/all.html"}) {
      CAPTURE(slug, wrong);
      const Run page = run(slug, std::string("--quiet ") + wrong);
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
  const std::string folder = std::filesystem::temp_directory_path() / "headlight-lessons";
  std::filesystem::create_directories(folder);
  for (const std::string& slug : lessons()) {
    CAPTURE(slug);
    const std::string file = folder + "/" + slug + ".html";
    CHECK(run(slug, "--quiet --html " + file).status == 0);
    const std::string page = text_of(file);
    CHECK_THAT(page, headlight_test::contains("</html>"));
    for (const char* word : {"<script", "src=", "https://", "@import"})
      CHECK(page.find(word) == std::string::npos);
    CHECK_FALSE(std::filesystem::exists(file + ".part"));
  }
  std::filesystem::remove_all(folder);
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
