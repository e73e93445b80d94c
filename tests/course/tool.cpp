// The parts of the learner's tool, one by one.
#include <nlohmann/json.hpp>

#include "check.hpp"
#include "digest.hpp"
#include "files/scratch.hpp"
#include "sandbox.hpp"
#include "sha256.hpp"
#include "state.hpp"
#include "stub.hpp"
#include "support/catch.hpp"

using namespace headlight::course;

TEST_CASE("sha256: gives the standard's own examples", "[course]") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("stub: a pristine stub is the solution with todo in its regions", "[course]") {
  const std::string solution = "head\n  // >>> your code\n  return 4;\n  // <<< your code\ntail\n";
  CHECK(
      pristine_stub(solution, "05.1") ==
      "head\n  // >>> your code\n  return headlight::todo(\"05.1\");\n  // <<< your code\ntail\n");
  CHECK(inside_regions(solution) == "  return 4;\n");
  CHECK(outside_regions(solution) == outside_regions(pristine_stub(solution, "05.1")));
}

TEST_CASE("stub: wrong code that the solution keeps beside the right one is what the stub holds",
          "[course]") {
  const std::string solution =
      "head\n  // >>> your code\n  return 4;\n  // why\n  // | if (x)\n  // |   return 5;\n  // "
      "|\n "
      " // | return 6;\n  // <<< your code\ntail\n";
  const std::string stub =
      "head\n  // >>> your code\n  if (x)\n    return 5;\n\n  return 6;\n  // <<< your "
      "code\ntail\n";
  CHECK(pristine_stub(solution, "07.2") == stub);
  CHECK(outside_regions(solution) == outside_regions(stub));
}

TEST_CASE("stub: markers that do not pair are refused", "[course][error]") {
  CHECK_THROWS_WITH(outside_regions("nothing\n"), "there is no region to fill");
  CHECK_THROWS_WITH(outside_regions("// >>> your code\n"), "a region is not closed");
  CHECK_THROWS_WITH(outside_regions("// <<< your code\n"), "the region markers do not pair");
  CHECK_THROWS_WITH(outside_regions("// >>> your code\n// >>> your code\n"),
                    "the region markers do not pair");
}

TEST_CASE("manifest: a file that is not as it must be is refused in one line", "[course][error]") {
  const scratch::Folder folder;
  const auto refused = [&](const std::string& text) {
    scratch::write(folder / "course.toml", text);
    try {
      read_manifest(folder / "course.toml");
    } catch (const std::runtime_error& error) {
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK_THAT(refused("course = \"1\"\n[[exercise]\n"), headlight_test::contains("line 2"));
  CHECK_THAT(refused("course = \"1\"\n"), headlight_test::contains("no [[exercise]]"));
  CHECK_THAT(refused("[[exercise]]\n"), headlight_test::contains("no text 'course'"));
  CHECK_THAT(refused("course = \"1\"\n[[exercise]]\nid = \"05.1\"\n"),
             headlight_test::contains("05.1 has no text 'lesson'"));
  CHECK_THAT(refused("course = \"1\"\n[[exercise]]\nid = 3\n"),
             headlight_test::contains("no text 'id'"));
}

TEST_CASE("digest: the first error is placed in the learner's own line", "[course]") {
  CHECK(digest("/x/1_scores.cpp: In function 'f':\n/x/1_scores.cpp:17:12: error: 'foo' was not "
               "declared in this scope\n",
               "1_scores.cpp") ==
        "line 17: 'foo' was not declared in this scope; 1 more lines in .headlight/last.log");
  const std::string inside =
      "In file included from /x/kit/exercise.hpp:3,\n/usr/include/xtensor/xmath.hpp:90:3: error: "
      "no "
      "match for 'operator+' [-Wfoo]\n/x/1_scores.cpp:21:9:   required from here\n";
  CHECK_THAT(digest(inside, "1_scores.cpp"),
             headlight_test::contains("line 21: no match for 'operator+'"));
  CHECK_THAT(
      digest("learner.o: undefined reference to `headlight::exercise::scores(int)'\n", "a.cpp"),
      headlight_test::contains("a function is missing"));
}

TEST_CASE("sanitizer digest: says what and in which line", "[course]") {
  CHECK(
      sanitizer_digest("==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1\n    #0 "
                       "0x1 in f /x/a.cpp:8:3\n",
                       "a.cpp") == "sanitizers say: heap-buffer-overflow (line 8)");
  CHECK(sanitizer_digest("all is well\n", "a.cpp").empty());
}

TEST_CASE("state: what was written is read again, one line an exercise", "[course]") {
  const scratch::Folder folder;
  State state;
  state.of["05.2"].best = 7.5;
  state.of["05.1"].hint = 2;
  write_state(folder / "state.json", state, "1");
  const std::string text = scratch::read(folder / "state.json");
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
  CHECK(text.find("05.1") < text.find("05.2"));
  const State again = read_state(folder / "state.json");
  CHECK(again.of.at("05.2").best == 7.5);
  CHECK(again.of.at("05.1").hint == 2);
  CHECK(folder.files() == 1);
}

TEST_CASE("state: of a newer version it is shown but never overwritten", "[course]") {
  const scratch::Folder folder;
  const std::string newer = R"({"schema":2,"course":"9","ex":{"05.1":{"best":10}}})";
  scratch::write(folder / "state.json", newer);
  const State state = read_state(folder / "state.json");
  CHECK(state.read_only);
  write_state(folder / "state.json", state, "1");
  CHECK(scratch::read(folder / "state.json") == newer);
}

TEST_CASE("state: a file of another kind is refused with what to do", "[course][error]") {
  const scratch::Folder folder;
  for (const char* text : {"", "[1]", "{\"a\":", "{\"schema\":\"x\"}",
                           R"({"schema":1,"ex":{"05.1":{"best":"ten"}}})"}) {
    CAPTURE(text);
    scratch::write(folder / "state.json", text);
    CHECK_THROWS_WITH(read_state(folder / "state.json"), headlight_test::contains("move"));
  }
}

TEST_CASE("exit status: the gravest of several counts", "[course]") {
  const auto of = [](std::initializer_list<const char*> statuses) {
    std::vector<Report> reports;
    for (const char* status : statuses) {
      reports.emplace_back();
      reports.back().status = status;
    }
    return exit_status(reports);
  };
  CHECK(of({"pass", "pass"}) == 0);
  CHECK(of({"pass", "todo"}) == 1);
  CHECK(of({"partial", "compile"}) == 3);
  CHECK(of({"crash", "compile"}) == 4);
  CHECK(of({"crash", "course", "pass"}) == 5);
}

TEST_CASE("run_limited: reports how a program ended", "[course]") {
  const scratch::Folder folder;
  const auto ran = [&](const std::string& script, const Limits& limits) {
    Command command;
    command.words = {"sh", "-c", script};
    command.folder = folder.path();
    return run_limited(command, limits);
  };
  CHECK(ran("exit 3", {}).code == 3);
  CHECK(ran("echo hello", {}).output == "hello\n");
  CHECK(ran("kill -SEGV $$", {}).end == Finished::End::signalled);
  Limits brief;
  brief.wall_s = 0.2;
  CHECK(ran("sleep 100", brief).end == Finished::End::timeout);
  CHECK(ran("sleep 100 & sleep 100 & wait", brief).end == Finished::End::timeout);
  Limits quiet;
  quiet.output = 1000;
  CHECK(ran("while true; do echo 0123456789; done", quiet).end == Finished::End::output);
  CHECK(ran("cat", {}).output.empty());  // nothing to read on its input
}

TEST_CASE("run_limited: nothing that a program started is left", "[course]") {
  const scratch::Folder folder;
  Command command;
  command.words = {"sh", "-c", "setsid sh -c 'echo $$ > child; sleep 100' & sleep 0.3"};
  command.folder = folder.path();
  run_limited(command, {});
  const std::string process = scratch::read(folder / "child");
  CHECK_FALSE(
      std::filesystem::exists("/proc/" + process.substr(0, process.find('\n')) + "/status"));
}

TEST_CASE("run_limited: under bubblewrap only the working directory can be written", "[course]") {
  if (!can_cage()) {
    WARN("bubblewrap is not there or not allowed: grade works without it, and this is not tried");
    return;
  }
  const scratch::Folder inside, outside;
  Command command;
  command.words = {"sh", "-c", "echo a > here; echo b > " + (outside / "there").string()};
  command.folder = command.cage = inside.path();
  run_limited(command, {});
  CHECK(std::filesystem::exists(inside / "here"));
  CHECK_FALSE(std::filesystem::exists(outside / "there"));
}
