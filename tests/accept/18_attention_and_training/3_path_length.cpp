// Right but unusual predictions of 18.3: each has to get all points.
#include "18_attention_and_training/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::Path;
using exercise::Paths;

Paths numbers() {
  return {{1, 1, 2016}, {16, 32, 246}, {63, 127, 63}, {16, 32, 305}, {6, 7, 63}, {2, 2, 372}};
}

// Closed formulas in n, some of them in float.
Paths formulas() {
  const auto of = [](auto steps, double links) { return Path{steps(64.0), steps(128.0), links}; };
  Paths all;
  all.full = of([](double) { return 1.0; }, 64.0 * 63.0 / 2);
  all.window = of([](double n) { return std::ceil((n - 1) / 4); }, 4 * 63 - 6);
  all.recurrent = of([](double n) { return n - 1; }, 63);
  all.leading = of([](double n) { return std::floor((n - 2 + 3) / 4); }, 4 * 63 - 6 + 59);
  all.doubling =
      of([](double n) { return static_cast<double>(std::log2(static_cast<float>(n))); }, 63);
  all.summary = of([](double) { return 2.0; }, 64 * 4 - 6 + 2 * 61);
  return all;
}

// Fewest steps to every token, from the first two of them, one after the other; the ways that are
// no causal chain by thought.
Paths tables() {
  const auto of = [](auto hears) {
    Path out{0, 0, 0};
    for (const int n : {64, 128}) {
      double& longest = n == 64 ? out.steps : out.steps_twice;
      for (const int from : {0, 1}) {
        std::vector<double> steps(static_cast<std::size_t>(n), 1000.0);
        steps[static_cast<std::size_t>(from)] = 0;
        for (int i = from + 1; i < n; ++i) {
          double& mine = steps[static_cast<std::size_t>(i)];
          for (int j = from; j < i; ++j)
            if (hears(i, j)) mine = std::min(mine, steps[static_cast<std::size_t>(j)] + 1);
          longest = std::max(longest, mine);
        }
      }
    }
    for (int i = 0; i < 64; ++i)
      for (int j = 0; j < i; ++j) out.links += hears(i, j) ? 1 : 0;
    return out;
  };
  Paths all;
  all.full = of([](int, int) { return true; });
  all.window = of([](int i, int j) { return j > i - 5; });
  all.recurrent = of([](int i, int j) { return j == i - 1; });
  all.leading = of([](int i, int j) { return j > i - 5 || j == 0; });
  all.doubling = {0, 0, all.recurrent.links};
  for (int reach = 0; reach < 63; ++all.doubling.steps) reach = 2 * reach + 1;
  all.doubling.steps_twice = all.doubling.steps + 1;
  all.summary = {2, 2, 2 * of([](int i, int j) { return j > i - 3 || j == 0; }).links};
  return all;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::path_length)>> accepted_18_3;
const std::vector<Mutant<decltype(exercise::path_length)>> accepted_18_3 = {
    {"numbers", "", "eighteen numbers", numbers},
    {"formulas", "", "closed formulas in n", formulas},
    {"tables", "", "tables of fewest steps", tables},
};

}  // namespace headlight::course
