// 03.1 head_dims: widths, borders, and what cannot be divided.
#include "03_how_many_heads/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::head_dims);
extern const std::vector<Mutant<Function>> mutants_03_1, accepted_03_1;

namespace {

// The width is drawn, so that d_model is a fresh number; where it must be refused, a remainder too.
Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  const std::size_t n_heads = sizes.at("n_heads");
  std::size_t d_head = sizes.count("d_head") != 0 ? sizes.at("d_head") : 2 + random.below(90);
  std::size_t d_model = n_heads * d_head;
  if (flavour == "refuse")
    d_model = n_heads < 2          ? 12
              : sizes.at("d_head") ? d_model + 1 + random.below(n_heads - 1)
                                   : 1 + random.below(n_heads - 1);
  input.numbers = {{"d_model", static_cast<double>(d_model)},
                   {"n_heads", static_cast<double>(n_heads)}};
  return input;
}

std::size_t whole(const Input& input, const char* name) {
  return static_cast<std::size_t>(input.number(name));
}

Stages answer(Function* function, const Input& input) {
  const exercise::HeadDims dims = function(whole(input, "d_model"), whole(input, "n_heads"));
  return {{"d_head", values(static_cast<double>(dims.d_head))},
          {"first", values(dims.first)},
          {"end", values(dims.end)}};
}

std::string refuses(const Input& input) {
  const std::size_t d_model = whole(input, "d_model"), n_heads = whole(input, "n_heads");
  if (n_heads > 0 && d_model % n_heads == 0) return "";
  return std::to_string(n_heads) + " heads do not divide d_model = " + std::to_string(d_model);
}

// Columns are dealt out one after another; nothing is divided.
Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const std::size_t d_model = whole(input, "d_model"), n_heads = whole(input, "n_heads");
  if (stage == "d_head") {
    std::size_t d_head = 0;
    for (std::size_t dealt = 0; dealt < d_model; dealt += n_heads) ++d_head;
    return values(static_cast<double>(d_head));
  }
  const double d_head = stage_of(before, "d_head").data.at(0);
  std::vector<double> out;
  for (double column = stage == "first" ? 0 : d_head; out.size() < n_heads; column += d_head)
    out.push_back(column);
  return values(out);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  if (stage == "d_head")
    return "d_head = " + std::to_string(whole(input, "d_model")) + " / " +
           std::to_string(whole(input, "n_heads"));
  const double d_head = stage_of(before, "d_head").data.at(0);
  const std::size_t times = cell[0] + (stage == "end" ? 1 : 0);
  return cell_text(stage, cell) + " = " + std::to_string(times) +
         " * d_head = " + std::to_string(static_cast<long>(static_cast<double>(times) * d_head));
}

// Every column belongs to one head; heads of the same width, in order.
std::optional<Broken> every_column_once(const Answer& of, const Input& input) {
  for (std::size_t factor = 1; factor <= 3; ++factor) {
    Input other = input;
    other.numbers["d_model"] *= static_cast<double>(factor);
    const Stages dims = of(other);
    const Values &first = stage_of(dims, "first"), &end = stage_of(dims, "end");
    std::vector<int> owners(whole(other, "d_model"), 0);
    for (std::size_t h = 0; h < first.data.size() && h < end.data.size(); ++h)
      for (double c = first.data[h]; c < end.data[h]; ++c)
        if (c < static_cast<double>(owners.size())) ++owners[static_cast<std::size_t>(c)];
    for (std::size_t c = 0; c < owners.size(); ++c)
      if (owners[c] != 1)
        return Broken{"end", "d_model = " + std::to_string(owners.size()) + ": column " +
                                 std::to_string(c) + " belongs to " + std::to_string(owners[c]) +
                                 " heads"};
  }
  return std::nullopt;
}

const Exercise& exercise_03_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "03.1";
    out.stages = {"d_head", "first", "end"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.refuses = refuses;
    out.tolerance = 0;
    out.cases = {
        {"worked", "the example of the header", {{{"n_heads", 3}, {"d_head", 4}}}, "worked"},
        {"fresh", "a fresh d_model", {{{"n_heads", 4}}, {{"n_heads", 7}}, {{"n_heads", 12}}}},
        {"edge",
         "one head, heads of width one",
         {{{"n_heads", 1}}, {{"n_heads", 5}, {"d_head", 1}}, {{"n_heads", 1}, {"d_head", 1}}}},
        {"refuse",
         "d_model that cannot be divided",
         {{{"n_heads", 3}, {"d_head", 5}},
          {{"n_heads", 8}, {"d_head", 0}},
          {{"n_heads", 0}, {"d_head", 4}}},
         "refuse"},
        {"law", "every column belongs to one head", {{{"n_heads", 6}}}, "", every_column_once},
    };
    out.learner = [](const Input& input) { return answer(exercise::head_dims, input); };
    out.mutants = mutations(mutants_03_1, answer);
    out.accepted = mutations(accepted_03_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("03.1.worked") {
  judge(exercise_03_1(), "worked");
}
TEST_CASE("03.1.fresh") {
  judge(exercise_03_1(), "fresh");
}
TEST_CASE("03.1.edge") {
  judge(exercise_03_1(), "edge");
}
TEST_CASE("03.1.refuse") {
  judge(exercise_03_1(), "refuse");
}
TEST_CASE("03.1.law") {
  judge(exercise_03_1(), "law");
}

}  // namespace headlight::course
