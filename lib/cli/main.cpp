#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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

// Takes out --color WHEN, which every command accepts: none of them prints in colour.
// Returns a complaint, or nothing.
std::string take_colour(std::vector<char*>& words) {
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::string_view word = words[i], before = words[i - 1];
    const bool with_value = word.substr(0, 8) == "--color=";
    if ((word != "--color" && !with_value) || before == "--text") continue;
    const std::size_t count = with_value ? 1 : 2;
    const std::string_view when = with_value             ? word.substr(8)
                                  : i + 1 < words.size() ? words[i + 1]
                                                         : std::string_view();
    if (when != "auto" && when != "always" && when != "never")
      return "--color: wanted auto, always or never, got '" + std::string(when) + "'";
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i),
                words.begin() + static_cast<std::ptrdiff_t>(i + count));
    --i;
  }
  return {};
}

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
    std::vector<char*> words(argv, argv + argc);
    if (argc > 2 && std::string_view(argv[2]) == "--version") {
      std::printf("headlight %s %s\n", c.name, HEADLIGHT_VERSION);
      return 0;
    }
    try {
      if (const std::string complaint = take_colour(words); !complaint.empty())
        throw std::invalid_argument(complaint);
      words.push_back(nullptr);
      return c.run(static_cast<int>(words.size()) - 2, words.data() + 1);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "headlight %s: %s\n", c.name, error.what());
      return 2;
    }
  }
  std::fprintf(stderr, "headlight: wanted a command, got '%s'; try headlight --help\n", argv[1]);
  return 2;
}
