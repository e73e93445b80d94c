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

// Distances by relaxation: a table of fewest steps, for ways that do not change from step to step;
// the doubling way by its sums.
Paths tables() {
  const auto of = [](auto hears, bool causal) {
    Path out;
    for (const int n : {64, 128}) {
      std::vector<std::vector<int>> far(static_cast<std::size_t>(n),
                                        std::vector<int>(static_cast<std::size_t>(n), 1000));
      const auto at = [&](int i, int j) -> int& {
        return far[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
      };
      double direct = 0;
      for (int i = 0; i < n; ++i)
        for (int j = 0; j < n; ++j) {
          if (i == j) at(i, j) = 0;
          if (i != j && hears(i, j)) at(i, j) = 1, ++direct;
        }
      for (int k = 0; k < n; ++k)
        for (int i = 0; i < n; ++i) {
          const int first = at(i, k);
          if (first == 1000) continue;
          for (int j = 0; j < n; ++j) at(i, j) = std::min(at(i, j), first + at(k, j));
        }
      int longest = 0;
      for (int i = 0; i < n; ++i)
        for (int j = 0; j < (causal ? i : n); ++j) longest = std::max(longest, at(i, j));
      (n == 64 ? out.steps : out.steps_twice) = longest;
      if (n == 64) out.links = direct;
    }
    return out;
  };
  Paths all;
  all.full = of([](int i, int j) { return j < i; }, true);
  all.window = of([](int i, int j) { return j < i && j > i - 5; }, true);
  all.recurrent = of([](int i, int j) { return j == i - 1; }, true);
  all.leading = of([](int i, int j) { return j < i && (j > i - 5 || j == 0); }, true);
  all.summary = of([](int i, int j) { return std::abs(i - j) < 3 || i * j == 0; }, false);
  all.doubling = {0, 0, all.recurrent.links};
  for (int reach = 0; reach < 63; ++all.doubling.steps) reach = 2 * reach + 1;
  all.doubling.steps_twice = all.doubling.steps + 1;
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
