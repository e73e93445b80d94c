// 02.1 split_heads: where every column goes, and what cannot be shared out.
#include "02_why_many_heads/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::split_heads);
extern const std::vector<Mutant<Function>> mutants_02_1, accepted_02_1;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked")
    input.matrices = {{"projected", {{1, 2, 3, 4}, {5, 6, 7, 8}}}};
  else
    input.matrices["projected"] = fresh_matrix(random, sizes.at("n"), sizes.at("columns"));
  return input;
}

Stages answer(Function* function, const Input& input) {
  return {{"heads", values(function(input.matrix("projected"), input.size("n_heads")))}};
}

Values expected(const Input& input, const Stages&, const std::string&) {
  std::vector<Matrix> heads;
  const std::size_t n_heads = input.size("n_heads"), d_head = input.size("columns") / n_heads;
  for (std::size_t h = 0; h < n_heads; ++h)
    heads.push_back(columns_of(input.matrix("projected"), h * d_head, d_head));
  return values(heads);
}

std::string refuses(const Input& input) {
  const std::size_t columns = input.size("columns"), n_heads = input.size("n_heads");
  if (n_heads > 0 && columns % n_heads == 0) return "";
  return std::to_string(columns) + " columns cannot be shared out among " +
         std::to_string(n_heads) + " heads";
}

std::string terms(const Input& input, const Stages&, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::size_t d_head = input.size("columns") / input.size("n_heads");
  const std::size_t column = cell[0] * d_head + cell[2];
  return cell_text(stage, cell) + " = projected[" + std::to_string(cell[1]) + ", " +
         std::to_string(cell[0]) + "*" + std::to_string(d_head) + " + " + std::to_string(cell[2]) +
         "] = " + text(input.matrix("projected")(cell[1], column));
}

// One number is changed: one number of one head changes, to the same value.
std::optional<Broken> number_by_number(const Answer& of, const Input& input) {
  const Values plain = stage_of(of(input), "heads");
  for (std::size_t i = 0; i < input.size("n"); ++i)
    for (std::size_t c = 0; c < input.size("columns"); ++c) {
      Input other = input;
      other.matrices["projected"](i, c) = 100;
      const Values changed = stage_of(of(other), "heads");
      std::size_t different = 0;
      for (std::size_t k = 0; k < plain.data.size(); ++k)
        if (k < changed.data.size() && changed.data[k] != plain.data[k]) ++different;
      if (different != 1 || !compare(changed, expected(other, {}, ""), 1e-6).same)
        return Broken{"heads", "projected[" + std::to_string(i) + ", " + std::to_string(c) +
                                   "] has to appear once and only once"};
    }
  return std::nullopt;
}

const Exercise& exercise_02_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "02.1";
    out.stages = {"heads"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.refuses = refuses;
    out.possible = [](const Sizes& sizes) { return sizes.at("n_heads") > 0; };
    out.cases = {
        {"worked",
         "the example of the header",
         {{{"n", 2}, {"columns", 4}, {"n_heads", 2}}},
         "worked"},
        {"fresh",
         "fresh inputs",
         {{{"n", 5}, {"columns", 6}, {"n_heads", 3}},
          {{"n", 4}, {"columns", 12}, {"n_heads", 4}},
          {{"n", 3}, {"columns", 9}, {"n_heads", 3}}}},
        {"edge",
         "one token, one head, heads of width one",
         {{{"n", 1}, {"columns", 6}, {"n_heads", 2}},
          {{"n", 4}, {"columns", 5}, {"n_heads", 1}},
          {{"n", 3}, {"columns", 4}, {"n_heads", 4}}}},
        {"refuse",
         "columns that cannot be shared out",
         {{{"n", 2}, {"columns", 7}, {"n_heads", 2}},
          {{"n", 1}, {"columns", 5}, {"n_heads", 2}},
          {{"n", 3}, {"columns", 4}, {"n_heads", 8}},
          {{"n", 2}, {"columns", 4}, {"n_heads", 0}}}},
        {"law",
         "numbers changed one by one",
         {{{"n", 3}, {"columns", 8}, {"n_heads", 2}}},
         "",
         number_by_number},
    };
    out.learner = [](const Input& input) { return answer(exercise::split_heads, input); };
    out.mutants = mutations(mutants_02_1, answer);
    out.accepted = mutations(accepted_02_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("02.1.worked") {
  judge(exercise_02_1(), "worked");
}
TEST_CASE("02.1.fresh") {
  judge(exercise_02_1(), "fresh");
}
TEST_CASE("02.1.edge") {
  judge(exercise_02_1(), "edge");
}
TEST_CASE("02.1.refuse") {
  judge(exercise_02_1(), "refuse");
}
TEST_CASE("02.1.law") {
  judge(exercise_02_1(), "law");
}

}  // namespace headlight::course
