#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <cxxopts.hpp>
#include <functional>
#include <headlight/core/random.hpp>
#include <headlight/mechanism/catalogue.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench.hpp"
#include "counted_memory.hpp"

namespace headlight::cli {
namespace {

constexpr std::size_t d_head = 16, d_value = 16;

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Point {
  std::size_t tokens = 0;
  double seconds = 0, bytes = 0;
};

// The fastest of as many runs as fit into a twentieth of a second, at least one.
Point measure(const MechanismOf<float>& mechanism, std::size_t tokens) {
  Random random(tokens);
  const MatrixF query = random_matrix<float>(random, tokens, d_head);
  const MatrixF key = random_matrix<float>(random, tokens, d_head);
  const MechanismInputOf<float> input = {query, key, random_matrix<float>(random, tokens, d_value)};
  MechanismSettings settings;
  settings.tile = 128, settings.record_tiles = false;
  Point point{tokens, std::numeric_limits<double>::infinity(), 0};
  for (double spent = 0; spent < 0.05;) {
    double took = 0;
    const HeldMemory held = memory_of([&] {
      const double start = processor_seconds();
      mechanism.run(input, settings);
      took = processor_seconds() - start;
    });
    point.bytes = static_cast<double>(held.together);
    point.seconds = std::min(point.seconds, took);
    spent += took;
  }
  return point;
}

// Slope of log(value) against log(tokens).
double exponent(const std::vector<Point>& points, double Point::*value) {
  double x = 0, y = 0, xx = 0, xy = 0;
  const auto count = static_cast<double>(points.size());
  for (const Point& point : points) {
    const double a = std::log(static_cast<double>(point.tokens)), b = std::log(point.*value);
    x += a / count, y += b / count, xx += a * a / count, xy += a * b / count;
  }
  return (xy - x * y) / (xx - x * x);
}

// Whether the next size would take too long or more memory than is free, judged by the last.
std::string too_much(const MechanismOf<float>& mechanism, const std::vector<Point>& points,
                     std::size_t tokens, double patience) {
  if (points.empty()) return "";
  const double times = static_cast<double>(tokens) / static_cast<double>(points.back().tokens);
  const double seconds = points.back().seconds * std::pow(times, mechanism.time_growth);
  const double bytes = points.back().bytes * std::pow(times, mechanism.memory_growth);
  const double is_free = 0.8 * static_cast<double>(sysconf(_SC_AVPHYS_PAGES)) *
                         static_cast<double>(sysconf(_SC_PAGESIZE));
  if (seconds > patience) return "time";
  return bytes > is_free ? "memory" : "";
}

struct Row {
  const MechanismOf<float>* mechanism = nullptr;
  std::vector<Point> points;
  std::string stopped;  // why it did not reach the largest size
};

void print(const std::vector<Row>& rows, const std::vector<std::size_t>& tokens,
           double Point::*value, double factor, double MechanismOf<float>::*expected,
           const char* title) {
  std::printf("\n%s\n  %-10s", title, "tokens");
  for (const std::size_t n : tokens) std::printf(" %8zu", n);
  std::printf(" growth wanted\n");
  for (const Row& row : rows) {
    std::printf("  %-10s", std::string(row.mechanism->id).c_str());
    for (std::size_t i = 0; i < tokens.size(); ++i)
      if (i < row.points.size())
        std::printf(" %8.2f", factor * row.points[i].*value);
      else
        std::printf(" %8s", row.stopped.c_str());
    if (row.points.size() < 2)
      std::printf("  n^?    n^%.3g\n", row.mechanism->*expected);
    else
      std::printf("  n^%-4.2f n^%.3g\n", exponent(row.points, value), row.mechanism->*expected);
  }
}

}  // namespace

int bench_mechanisms(int argc, char** argv) {
  cxxopts::Options options("headlight bench mechanisms",
                           "Time and memory of every mechanism of the catalogue, and the power of "
                           "the number of tokens by which they grow.");
  options.add_options()(
      "tokens", "tokens, ascending, at least two sizes, with commas",
      cxxopts::value<std::vector<std::size_t>>()->default_value("512,1024,2048,4096,8192,16384"))(
      "only", "ids, with commas; all when left out",
      cxxopts::value<std::string>()->default_value(""))(
      "patience", "seconds that one run may take; larger sizes are left out",
      cxxopts::value<double>()->default_value("20"))("json", "one JSON object")("help",
                                                                                "this text");
  const auto given = options.parse(argc, argv);
  if (given.count("help")) {
    std::puts(options.help().c_str());
    return 0;
  }
  const auto tokens = given["tokens"].as<std::vector<std::size_t>>();
  std::istringstream words(given["only"].as<std::string>());
  std::vector<std::string> only;
  for (std::string id; std::getline(words, id, ',');) only.push_back(id);
  if (tokens.size() < 2 || tokens[0] < 1 ||
      std::adjacent_find(tokens.begin(), tokens.end(), std::greater_equal<>()) != tokens.end()) {
    std::fprintf(stderr,
                 "headlight bench mechanisms: --tokens: wanted at least two sizes, ascending\n");
    return 2;
  }
  std::vector<Row> rows;
  for (const MechanismOf<float>& mechanism : mechanisms<float>())
    if (only.empty() || std::find(only.begin(), only.end(), mechanism.id) != only.end())
      rows.push_back({&mechanism, {}, {}});
  for (const std::string& id : only)
    if (std::none_of(rows.begin(), rows.end(),
                     [&](const Row& r) { return r.mechanism->id == id; })) {
      std::string known;
      for (const MechanismOf<float>& m : mechanisms<float>()) known += " " + std::string(m.id);
      std::fprintf(stderr,
                   "headlight bench mechanisms: no mechanism is called '%s'; there are:%s\n",
                   id.c_str(), known.c_str());
      return 2;
    }
  for (Row& row : rows)
    for (const std::size_t n : tokens) {
      row.stopped = too_much(*row.mechanism, row.points, n, given["patience"].as<double>());
      if (!row.stopped.empty()) break;
      if (isatty(2)) std::fprintf(stderr, "\r%-12s %8zu tokens ", row.mechanism->id.data(), n);
      row.points.push_back(measure(*row.mechanism, n));
    }
  if (isatty(2)) std::fprintf(stderr, "\r%40s\r", "");
  if (given.count("json")) {
    nlohmann::ordered_json json{{"scalar", "float"},
                                {"d_head", d_head},
                                {"d_value", d_value},
                                {"causal", true},
                                {"time", "processor time of the thread, fastest run"},
                                {"memory",
                                 "most bytes held at once, from operator new, record and "
                                 "output included, input not"}};
    for (const Row& row : rows) {
      nlohmann::ordered_json points = nlohmann::ordered_json::array();
      for (const Point& point : row.points)
        points.push_back(
            {{"tokens", point.tokens}, {"seconds", point.seconds}, {"bytes", point.bytes}});
      json["mechanisms"].push_back({{"id", row.mechanism->id},
                                    {"name", row.mechanism->name},
                                    {"row", row.mechanism->row},
                                    {"sizes", points},
                                    {"stopped_by", row.stopped},
                                    {"time_growth", exponent(row.points, &Point::seconds)},
                                    {"time_growth_wanted", row.mechanism->time_growth},
                                    {"memory_growth", exponent(row.points, &Point::bytes)},
                                    {"memory_growth_wanted", row.mechanism->memory_growth}});
    }
    std::puts(json.dump(2).c_str());
    return 0;
  }
  std::printf(
      "Every mechanism of the catalogue: one head, float, causal, d_head %zu,\n"
      "d_value %zu, one thread, flash in tiles of 128. Growth is the power of tokens\n"
      "fitted to all sizes; wanted is that of the counted work, logarithms aside.\n",
      d_head, d_value);
  print(rows, tokens, &Point::seconds, 1e3, &MechanismOf<float>::time_growth,
        "Milliseconds of processor time, the fastest run");
  print(rows, tokens, &Point::bytes, 1e-6, &MechanismOf<float>::memory_growth,
        "Megabytes held at once, record and output included, input not");
  for (const Row& row : rows)
    if (!row.stopped.empty()) {
      std::puts("\ntime, memory: would take longer than --patience, or more than is free");
      break;
    }
  return 0;
}

}  // namespace headlight::cli
