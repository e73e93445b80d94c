// 02.2 two_targets: two patterns, two outputs, side by side.
#include "02_why_many_heads/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::two_targets);
extern const std::vector<Mutant<Function>> mutants_02_2, accepted_02_2;

namespace {

const char* const names[2][3] = {{"W_Q of head 0", "W_K of head 0", "W_V of head 0"},
                                 {"W_Q of head 1", "W_K of head 1", "W_V of head 1"}};

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {{"X", {{1, 0}, {0, 1}}},           {names[0][0], {{30, 0}, {0, 30}}},
                      {names[0][1], {{1, 0}, {0, 1}}},   {names[0][2], {{1}, {2}}},
                      {names[1][0], {{0, 30}, {30, 0}}}, {names[1][1], {{1, 0}, {0, 1}}},
                      {names[1][2], {{10}, {20}}}};
    return input;
  }
  const std::size_t d_model = sizes.at("d_model");
  input.matrices["X"] = fresh_matrix(random, sizes.at("n"), d_model, flavour == "extreme" ? 30 : 1);
  for (const auto& head : names)
    for (std::size_t w = 0; w < 3; ++w)
      input.matrices[head[w]] = fresh_matrix(random, d_model, sizes.at(w < 2 ? "d_k" : "d_v"));
  return input;
}

Stages answer(Function* function, const Input& input) {
  const auto head = [&](std::size_t h) {
    return exercise::HeadWeights{input.matrix(names[h][0]), input.matrix(names[h][1]),
                                 input.matrix(names[h][2])};
  };
  const exercise::HeadWeights first = head(0), second = head(1);
  const exercise::TwoTargets made = function(input.matrix("X"), first, second);
  return {{"pattern", values(made.pattern)},
          {"output", values(made.output)},
          {"joined", values(made.joined)}};
}

// Head h of a stage of rank three.
Matrix head_of(const Values& stage, std::size_t h) {
  if (stage.shape.size() != 3 || stage.shape[0] != 2)
    throw std::invalid_argument("a stage has no two heads");
  const std::size_t size = stage.shape[1] * stage.shape[2];
  const auto begin = stage.data.begin() + static_cast<std::ptrdiff_t>(h * size);
  return matrix(
      {{stage.shape[1], stage.shape[2]}, {begin, begin + static_cast<std::ptrdiff_t>(size)}});
}

double root_of_width(const Input& input) {
  return std::sqrt(static_cast<double>(input.matrix(names[0][0]).shape(1)));
}

Matrix projected(const Input& input, std::size_t h, std::size_t which) {
  return product(input.matrix("X"), input.matrix(names[h][which]));
}

Matrix scores_of(const Input& input, std::size_t h) {
  return scaled(product(projected(input, h, 0), flipped(projected(input, h, 1))),
                1 / root_of_width(input));
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  if (stage == "pattern")
    return values(std::vector<Matrix>{softmax(scores_of(input, 0)), softmax(scores_of(input, 1))});
  if (stage == "output") {
    std::vector<Matrix> heads;
    for (std::size_t h = 0; h < 2; ++h)
      heads.push_back(product(head_of(stage_of(before, "pattern"), h), projected(input, h, 2)));
    return values(heads);
  }
  const Matrix left = head_of(stage_of(before, "output"), 0),
               right = head_of(stage_of(before, "output"), 1);
  const std::size_t d_v = left.shape(1);
  Matrix joined(Matrix::shape_type{left.shape(0), 2 * d_v});
  for (std::size_t i = 0; i < left.shape(0); ++i)
    for (std::size_t c = 0; c < 2 * d_v; ++c)
      joined(i, c) = c < d_v ? left(i, c) : right(i, c - d_v);
  return values(joined);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const auto number = [](std::size_t k) { return std::to_string(k); };
  if (stage == "pattern") {
    const std::size_t h = cell[0], i = cell[1], j = cell[2];
    const Matrix query = projected(input, h, 0), key = projected(input, h, 1);
    return dot_terms("query[" + number(i) + "] . key[" + number(j) + "] of head " + number(h),
                     row_of(query, i), row_of(key, j)) +
           ", divided by sqrt(d_k) = " + text(root_of_width(input)) + "; " +
           softmax_terms(what, row_of(scores_of(input, h), i), j);
  }
  if (stage == "output")
    return dot_terms(what, row_of(head_of(stage_of(before, "pattern"), cell[0]), cell[1]),
                     column_of(projected(input, cell[0], 2), cell[2]));
  const std::size_t d_v = stage_of(before, "output").shape.at(2);
  return what + " = output[" + number(cell[1] / d_v) + ", " + number(cell[0]) + ", " +
         number(cell[1] % d_v) +
         "] = " + text(head_of(stage_of(before, "output"), cell[1] / d_v)(cell[0], cell[1] % d_v));
}

// The second head is given other weights: nothing of the first may change.
std::optional<Broken> heads_are_apart(const Answer& of, const Input& input) {
  Input other = input;
  for (const char* name : names[1])
    for (double& w : other.matrices[name]) w += 1;
  const Stages plain = of(input), changed = of(other);
  for (const char* name : {"pattern", "output"}) {
    const Values &a = stage_of(plain, name), &b = stage_of(changed, name);
    if (!compare(values(head_of(b, 0)), values(head_of(a, 0)), 1e-9).same)
      return Broken{name, "head 0 changes when the weights of head 1 do"};
  }
  if (!compare(stage_of(changed, "pattern"), expected(other, changed, "pattern"), 1e-6).same)
    return Broken{"pattern", "with other weights head 1 has another pattern"};
  return std::nullopt;
}

const Exercise& exercise_02_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "02.2";
    out.stages = {"pattern", "output", "joined"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {
        {"worked",
         "the example of the header",
         {{{"n", 2}, {"d_model", 2}, {"d_k", 2}, {"d_v", 1}}},
         "worked"},
        {"fresh",
         "fresh inputs",
         {{{"n", 4}, {"d_model", 4}, {"d_k", 2}, {"d_v", 2}},
          {{"n", 3}, {"d_model", 6}, {"d_k", 3}, {"d_v", 3}}}},
        {"rect",
         "n, d_model, d_k and d_v all different",
         {{{"n", 5}, {"d_model", 4}, {"d_k", 3}, {"d_v", 2}},
          {{"n", 2}, {"d_model", 3}, {"d_k", 5}, {"d_v", 4}}}},
        {"edge",
         "one token, width one",
         {{{"n", 1}, {"d_model", 3}, {"d_k", 2}, {"d_v", 2}},
          {{"n", 3}, {"d_model", 1}, {"d_k", 1}, {"d_v", 1}}}},
        {"law",
         "other weights for the second head",
         {{{"n", 4}, {"d_model", 5}, {"d_k", 2}, {"d_v", 3}}},
         "",
         heads_are_apart},
        {"extreme",
         "scores of a thousand",
         {{{"n", 5}, {"d_model", 6}, {"d_k", 3}, {"d_v", 2}}},
         "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::two_targets, input); };
    out.mutants = mutations(mutants_02_2, answer);
    out.accepted = mutations(accepted_02_2, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("02.2.worked") {
  judge(exercise_02_2(), "worked");
}
TEST_CASE("02.2.fresh") {
  judge(exercise_02_2(), "fresh");
}
TEST_CASE("02.2.rect") {
  judge(exercise_02_2(), "rect");
}
TEST_CASE("02.2.edge") {
  judge(exercise_02_2(), "edge");
}
TEST_CASE("02.2.law") {
  judge(exercise_02_2(), "law");
}
TEST_CASE("02.2.extreme") {
  judge(exercise_02_2(), "extreme");
}

}  // namespace headlight::course
