#include <cmath>
#include <cstdio>
#include <cxxopts.hpp>
#include <headlight/core/close.hpp>
#include <headlight/file/trace_file.hpp>

#include "command.hpp"

namespace headlight::cli {
namespace {

std::vector<double> numbers(const StoredTensor& stage) {
  if (stage.dtype != "BOOL") return numbers_of<double>(stage);
  return {stage.bytes.begin(), stage.bytes.end()};
}

int run_diff(const std::string& first, const std::string& second, double tolerance) {
  const TraceFile a = read_trace(first), b = read_trace(second);
  std::size_t same = 0, different = 0, alone = 0;
  double worst = 0;
  for (const StoredTensor& stage : a.stages) {
    const StoredTensor* other = b.find(stage.name);
    if (!other) {
      ++alone;
      continue;
    }
    const std::vector<double> x = numbers(stage), y = numbers(*other);
    const Closeness c = compare<double, double>(x, stage.shape, y, other->shape,
                                                {.tolerance = tolerance, .nan_equals_nan = true});
    if (c.close) {
      ++same;
      worst = std::max(worst, c.relative);
      continue;
    }
    if (different++ == 0)
      std::printf("first difference: %s: %s\n", stage.name.c_str(), c.reason.c_str());
  }
  for (const StoredTensor& stage : b.stages) alone += a.find(stage.name) == nullptr;
  if (same + different == 0) {
    std::fprintf(stderr, "headlight diff: the files have no stage in common\n");
    return 2;
  }
  std::printf(
      "%zu stages agree within %.3g (largest relative difference %.2g), %zu differ, %zu are in one "
      "file only\n",
      same, tolerance, worst, different, alone);
  return different || alone ? 1 : 0;
}

}  // namespace

int diff(int argc, char** argv) {
  cxxopts::Options options("headlight diff", "Compares two trace files stage by stage.");
  options.positional_help("FILE FILE");
  options.add_options()("tolerance", "largest relative difference of a stage",
                        cxxopts::value<double>()->default_value("1e-5"))(
      "files", "", cxxopts::value<std::vector<std::string>>())("help", "this text");
  options.parse_positional("files");
  try {
    const auto given = options.parse(argc, argv);
    if (given.count("help")) {
      std::puts(options.help().c_str());
      return 0;
    }
    const auto files = given.count("files") ? given["files"].as<std::vector<std::string>>()
                                            : std::vector<std::string>{};
    const double tolerance = given["tolerance"].as<double>();
    if (files.size() != 2 || !(tolerance >= 0)) {
      std::fprintf(stderr,
                   "headlight diff: wanted two trace files and a tolerance of at least 0, got %zu "
                   "files; try "
                   "headlight diff --help\n",
                   files.size());
      return 2;
    }
    return run_diff(files[0], files[1], tolerance);
  } catch (const cxxopts::exceptions::exception& error) {
    std::fprintf(stderr, "headlight diff: %s; try headlight diff --help\n", error.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "headlight diff: %s\n", error.what());
  }
  return 2;
}

}  // namespace headlight::cli
