#include "bench.hpp"

#include <cstdio>
#include <cxxopts.hpp>
#include <string_view>

#include "command.hpp"

namespace headlight::cli {
namespace {

struct Subcommand {
  const char* name;
  int (*run)(int argc, char** argv);
  const char* sentence;
};

constexpr Subcommand subcommands[] = {
    {"layer", bench_layer, "the traced attention layer, against PyTorch and two C++ peers"},
    {"model", bench_model, "GPT-2 small, everything recorded, against PyTorch with hooks"},
    {"flash", bench_flash, "attention without a record, by tiles and the plain way"},
    {"mechanisms", bench_mechanisms, "how time and memory of every mechanism grow with the text"},
    {"train", bench_train, "a training step, against PyTorch"},
    {"lessons", bench_lessons, "start to end and size of every lesson that is built"},
    {"limits", bench_limits, "what this machine can do: products, stores, exponentials"},
};

}  // namespace

int bench(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "--help";
  if (wanted == "--help" || wanted == "-h") {
    std::puts("usage: headlight bench SUBCOMMAND [options]\n");
    for (const Subcommand& s : subcommands) std::printf("  %-12s %s\n", s.name, s.sentence);
    std::puts("\nEach takes --help.");
    return 0;
  }
  for (const Subcommand& s : subcommands) {
    if (wanted != s.name) continue;
    restart_with_fair_blas(argc, argv);
    try {
      return s.run(argc - 1, argv + 1);
    } catch (const cxxopts::exceptions::exception& error) {
      std::fprintf(stderr, "headlight bench %s: %s; try --help\n", s.name, error.what());
      return 2;
    }
  }
  std::fprintf(stderr, "headlight bench: wanted one of");
  for (const Subcommand& s : subcommands) std::fprintf(stderr, " %s", s.name);
  std::fprintf(stderr, ", got '%s'; try headlight bench --help\n", argv[1]);
  return 2;
}

}  // namespace headlight::cli
