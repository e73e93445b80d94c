#include <cstdio>
#include <exception>
#include <string_view>

#include "command.hpp"

namespace {

struct Command {
  const char* name;
  int (*run)(int argc, char** argv);
  const char* sentence;
};

constexpr Command commands[] = {
    {"trace", headlight::cli::trace, "runs a model and records every intermediate number"},
    {"diff", headlight::cli::diff, "compares two trace files stage by stage"},
    {"bench", headlight::cli::bench, "measures speed side by side with peers"},
    {"heads", headlight::cli::heads, "the score card of every head of a model"},
    {"train", headlight::cli::train, "trains a model of the lessons from nothing"},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "--help";
  if (wanted == "--version") {
    std::puts("headlight " HEADLIGHT_VERSION);
    return 0;
  }
  if (wanted == "--help" || wanted == "-h") {
    std::puts("usage: headlight COMMAND [options]\n");
    for (const Command& c : commands) std::printf("  %-10s %s\n", c.name, c.sentence);
    return 0;
  }
  for (const Command& c : commands) {
    if (wanted != c.name) continue;
    try {
      return c.run(argc - 1, argv + 1);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "headlight %s: %s\n", c.name, error.what());
      return 2;
    }
  }
  std::fprintf(stderr, "headlight: wanted a command, got '%s'; try headlight --help\n", argv[1]);
  return 2;
}
