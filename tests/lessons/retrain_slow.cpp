#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <headlight/file/whole_file.hpp>

#include "support/catch.hpp"

// Slow: a lesson program trains its models anew.

namespace {

int run(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

TEST_CASE(
    "lesson 18 --retrain: holds on models trained anew, and prints the same page where their "
    "bits are those shipped",
    "[retrain][slow]") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("headlight-retrain-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::string lesson = HEADLIGHT_BIN "/lesson_18_attention_and_training ";
  const auto file = [&](const char* name) { return (folder / name).string(); };
  REQUIRE(run(lesson + "> " + file("shipped")) == 0);
  REQUIRE(run(lesson + "--retrain > " + file("anew") + " 2> " + file("talk")) == 0);
  const std::string talk = headlight::read_whole_file(file("talk"));
  CHECK_THAT(talk, headlight_test::contains("lesson 18: trains anew: induction, "
                                            "induction-one-layer; this takes about "));
  CHECK(talk.find('\r') == std::string::npos);  // no progress into a pipe
  const std::size_t first = talk.find("bit for bit");
  if (first != std::string::npos && talk.find("bit for bit", first + 1) != std::string::npos)
    CHECK(headlight::read_whole_file(file("anew")) == headlight::read_whole_file(file("shipped")));
  // another seed, another run: the lesson's thresholds hold there too
  CHECK(run(lesson + "--retrain --seed 31 --quiet > " + file("other") + " 2>&1") == 0);
  std::filesystem::remove_all(folder);
}
