// 18.3 path_length: predictions held against messages that are passed from token to token.
#include <bitset>

#include "18_attention_and_training/exercises.hpp"
#include "kit/grade.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::path_length);
extern const std::vector<Mutant<Function>> mutants_18_3, accepted_18_3;

namespace {

struct Way {
  exercise::Path exercise::Paths::*predicted;
  bool (*hears)(std::size_t step, std::size_t i, std::size_t j);  // of two different tokens
  bool causal;
};

const std::map<std::string, Way>& ways() {
  using exercise::Paths;
  static const std::map<std::string, Way> all = {
      {"full",
       {&Paths::full, [](std::size_t, std::size_t i, std::size_t j) { return j < i; }, true}},
      {"window",
       {&Paths::window,
        [](std::size_t, std::size_t i, std::size_t j) { return j < i && i - j <= 4; }, true}},
      {"recurrent",
       {&Paths::recurrent, [](std::size_t, std::size_t i, std::size_t j) { return j + 1 == i; },
        true}},
      {"leading",
       {&Paths::leading,
        [](std::size_t, std::size_t i, std::size_t j) { return j < i && (i - j <= 4 || j == 0); },
        true}},
      {"doubling",
       {&Paths::doubling,
        [](std::size_t step, std::size_t i, std::size_t j) {
          return step < 32 && j + (std::size_t{1} << step) == i;
        },
        true}},
      {"summary",
       {&Paths::summary,
        [](std::size_t, std::size_t i, std::size_t j) {
          return (i < j ? j - i : i - j) <= 2 || i == 0 || j == 0;
        },
        false}}};
  return all;
}

const Way& way_of_input(const Input& input) {
  for (const auto& [name, way] : ways())
    if (input.number(name) != 0) return way;
  throw std::logic_error("an input without a way");
}

Input make(Random&, const Sizes&, const std::string& flavour) {
  Input input;
  for (const auto& [name, way] : ways()) input.numbers[name] = name == flavour;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::Paths all = function();
  const exercise::Path& one = all.*way_of_input(input).predicted;
  return {{"steps", values(one.steps)},
          {"steps_twice", values(one.steps_twice)},
          {"links", values(one.links)}};
}

using Known = std::vector<std::bitset<128>>;  // of every token: of whom it has heard

bool all_heard(const Known& known, bool causal) {
  for (std::size_t i = 0; i < known.size(); ++i)
    for (std::size_t j = 0; j < (causal ? i : known.size()); ++j)
      if (!known[i][j]) return false;
  return true;
}

// Messages are passed until nobody has anything to wait for.
double steps(const Way& way, std::size_t n) {
  Known known(n);
  for (std::size_t i = 0; i < n; ++i) known[i][i] = true;
  std::size_t step = 0;
  for (; !all_heard(known, way.causal); ++step) {
    if (step > n) throw std::logic_error("a way on which somebody waits for ever");
    const Known before = known;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (i != j && way.hears(step, i, j)) known[i] |= before[j];
  }
  return static_cast<double>(step);
}

double links(const Way& way, std::size_t n) {
  double count = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) count += i != j && way.hears(0, i, j);
  return count;
}

Values expected(const Input& input, const Stages&, const std::string& stage) {
  const Way& way = way_of_input(input);
  static std::map<std::pair<const Way*, std::string>, double> known;  // counted once a run
  const auto [found, is_new] = known.try_emplace({&way, stage});
  if (is_new)
    found->second = stage == "links" ? links(way, 64) : steps(way, stage == "steps" ? 64 : 128);
  return values(found->second);
}

std::string terms(const Input& input, const Stages&, const std::string& stage,
                  const std::vector<std::size_t>&) {
  const Way& way = way_of_input(input);
  if (stage == "links") {
    std::string rows;
    for (const std::size_t i : {0, 1, 2, 3, 4, 5, 63}) {
      std::size_t heard = 0;
      for (std::size_t j = 0; j < 64; ++j) heard += i != j && way.hears(0, i, j);
      rows += (rows.empty() ? "" : ", ") + std::to_string(i) + " hears " + std::to_string(heard);
    }
    return "links: others that a token hears directly: token " + rows;
  }
  const std::size_t n = stage == "steps" ? 64 : 128;
  Known known(n);
  std::string heard;
  for (std::size_t i = 0; i < n; ++i) known[i][i] = true;
  for (std::size_t step = 0; step < 4; ++step) {
    const Known before = known;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (i != j && way.hears(step, i, j)) known[i] |= before[j];
    heard += (step == 0 ? "" : ", ") + std::to_string(known[n - 1].count() - 1);
  }
  return stage + ": after 1, 2, 3, 4 steps the last of " + std::to_string(n) +
         " tokens has heard of " + heard + " others";
}

const Exercise& exercise_18_3() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "18.3";
    out.stages = {"steps", "steps_twice", "links"};
    out.fixed = true;
    out.tolerance = 1e-7;  // of numbers below 10,000: a count that is off by one is wrong
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    const auto way = [](const char* name, const char* about) {
      return Case{name, about, {{{"way", 1}}}, name};
    };
    out.cases = {way("full", "causal attention"),
                 way("window", "a causal window of 5"),
                 way("recurrent", "a recurrent net"),
                 way("leading", "a causal window of 5, and token 0 is heard by all"),
                 way("doubling", "one token back, then two, then four"),
                 way("summary", "neighbours both ways, and token 0 for all")};
    out.learner = [](const Input& input) { return answer(exercise::path_length, input); };
    out.mutants = mutations(mutants_18_3, answer);
    out.accepted = mutations(accepted_18_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("18.3.full") {
  judge(exercise_18_3(), "full");
}
TEST_CASE("18.3.window") {
  judge(exercise_18_3(), "window");
}
TEST_CASE("18.3.recurrent") {
  judge(exercise_18_3(), "recurrent");
}
TEST_CASE("18.3.leading") {
  judge(exercise_18_3(), "leading");
}
TEST_CASE("18.3.doubling") {
  judge(exercise_18_3(), "doubling");
}
TEST_CASE("18.3.summary") {
  judge(exercise_18_3(), "summary");
}

}  // namespace headlight::course
