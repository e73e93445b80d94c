// 06.1 concat: which column belongs to which head, there and back.
#include "06_multi_head_attention/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::concat);
extern const std::vector<Mutant<Function>> mutants_06_1, accepted_06_1;

namespace {

Matrix identity(std::size_t n) {
  Matrix out(Matrix::shape_type{n, n}, 0.0);
  for (std::size_t i = 0; i < n; ++i) out(i, i) = 1;
  return out;
}

void set_head(Tensor3& all, std::size_t h, const Matrix& head) {
  for (std::size_t i = 0; i < head.shape(0); ++i)
    for (std::size_t c = 0; c < head.shape(1); ++c) all(h, i, c) = head(i, c);
}

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  const std::size_t n = sizes.at("n"), n_heads = sizes.at("n_heads");
  const std::size_t width = n_heads * sizes.at("d_head");
  Tensor3 pattern(Tensor3::shape_type{n_heads, n, n}, 0.0);
  if (flavour == "worked") {
    input.matrices = {{"X", {{1, 2}, {3, 4}}}, {"W_V", {{1, 0}, {0, 2}}}};
    set_head(pattern, 0, identity(2));
    set_head(pattern, 1, {{0.5, 0.5}, {0, 1}});
  } else if (flavour == "coded") {  // every number says where it comes from: 100 token + column
    input.matrices["W_V"] = identity(width);
    input.matrices["X"] = Matrix(Matrix::shape_type{n, width}, 0.0);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < width; ++c)
        input.matrices["X"](i, c) = static_cast<double>(100 * (i + 1) + c);
    for (std::size_t h = 0; h < n_heads; ++h) set_head(pattern, h, identity(n));
  } else {
    const double spread = flavour == "extreme" ? 1000 : 1;
    input.matrices["X"] = fresh_matrix(random, n, sizes.at("d_model"), spread);
    input.matrices["W_V"] = fresh_matrix(random, sizes.at("d_model"), width, spread);
    for (std::size_t h = 0; h < n_heads; ++h)
      set_head(pattern, h, softmax(fresh_matrix(random, n, n, flavour == "extreme" ? 50 : 2)));
  }
  input.tensors["pattern"] = pattern;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::ConcatTrace trace =
      function(input.matrix("X"), input.matrix("W_V"), input.tensor("pattern"));
  return {{"value", values(trace.value)},
          {"z", values(trace.z)},
          {"concatenated", values(trace.concatenated)}};
}

std::size_t head_width(const Input& input) {
  return input.matrix("W_V").shape(1) / input.tensor("pattern").shape(0);
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  if (stage == "concatenated") return values(beside(tensor(stage_of(before, "z"))));
  const std::size_t n_heads = input.tensor("pattern").shape(0), d_head = head_width(input);
  std::vector<Matrix> heads;
  for (std::size_t h = 0; h < n_heads; ++h)
    if (stage == "value")
      heads.push_back(
          product(input.matrix("X"), columns_of(input.matrix("W_V"), h * d_head, d_head)));
    else
      heads.push_back(product(head_of(input.tensor("pattern"), h),
                              head_of(tensor(stage_of(before, "value")), h)));
  return values(heads);
}

// Mixtures are sums whose terms may cancel.
double terms_size(const Input& input, const Stages& before, const std::string& stage) {
  double largest = 0;
  if (stage == "z")
    for (std::size_t h = 0; h < input.tensor("pattern").shape(0); ++h)
      largest = std::max(largest, product_size(head_of(input.tensor("pattern"), h),
                                               head_of(tensor(stage_of(before, "value")), h)));
  return largest;
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const std::size_t d_head = head_width(input);
  if (stage == "concatenated") {
    const std::size_t h = cell[1] / d_head, c = cell[1] % d_head;
    return what + ": column " + std::to_string(cell[1]) + " is feature " + std::to_string(c) +
           " of head " + std::to_string(h) + ", so " + cell_text("z", {h, cell[0], c}) + " = " +
           text(tensor(stage_of(before, "z"))(h, cell[0], c));
  }
  if (stage == "value") {
    const std::size_t column = cell[0] * d_head + cell[2];
    return dot_terms(what + " = X[" + std::to_string(cell[1]) + "] . column " +
                         std::to_string(column) + " of W_V",
                     row_of(input.matrix("X"), cell[1]), column_of(input.matrix("W_V"), column));
  }
  return dot_terms(what + " = pattern row " + std::to_string(cell[1]) + " of head " +
                       std::to_string(cell[0]) + " . feature " + std::to_string(cell[2]) +
                       " of its values",
                   row_of(head_of(input.tensor("pattern"), cell[0]), cell[1]),
                   column_of(head_of(tensor(stage_of(before, "value")), cell[0]), cell[2]));
}

// Heads in another order: their blocks of columns move with them.
std::optional<Broken> relabelling(const Answer& of, const Input& input) {
  Input turned = input;
  const std::size_t n_heads = input.size("n_heads"), d_head = input.size("d_head"),
                    n = input.size("n");
  const auto moved = [&](std::size_t column) {
    return (column / d_head + 1) % n_heads * d_head + column % d_head;
  };
  for (std::size_t h = 0; h < n_heads; ++h)
    set_head(turned.tensors["pattern"], (h + 1) % n_heads, head_of(input.tensor("pattern"), h));
  for (std::size_t m = 0; m < input.size("d_model"); ++m)
    for (std::size_t column = 0; column < n_heads * d_head; ++column)
      turned.matrices["W_V"](m, moved(column)) = input.matrix("W_V")(m, column);
  const Matrix plain = matrix(stage_of(of(input), "concatenated")),
               other = matrix(stage_of(of(turned), "concatenated"));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t column = 0; column < n_heads * d_head; ++column)
      if (!(std::abs(other(i, moved(column)) - plain(i, column)) <=
            1e-5 * (1 + std::abs(plain(i, column)))))  // float keeps that much
        return Broken{"concatenated", "heads in another order must move as whole blocks: column " +
                                          std::to_string(column) + " went to " +
                                          std::to_string(moved(column))};
  return std::nullopt;
}

const Exercise& exercise_06_1() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "06.1";
    out.stages = {"value", "z", "concatenated"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.terms_size = terms_size;
    const auto sizes = [](std::size_t n, std::size_t d_model, std::size_t n_heads,
                          std::size_t d_head) {
      return Sizes{{"n", n}, {"d_model", d_model}, {"n_heads", n_heads}, {"d_head", d_head}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(2, 2, 2, 1)}, "worked"},
        {"coded",
         "X = 100 (token + 1) + column, W_V and patterns leave it as it is",
         {{{"n", 4}, {"n_heads", 3}, {"d_head", 2}}, {{"n", 3}, {"n_heads", 2}, {"d_head", 3}}},
         "coded"},
        {"fresh",
         "fresh inputs, d_model = n_heads d_head",
         {sizes(3, 6, 2, 3), sizes(5, 8, 4, 2), sizes(2, 4, 2, 2)}},
        {"rect",
         "n, d_model, n_heads and d_head all different",
         {sizes(5, 4, 3, 2), sizes(2, 7, 3, 4)}},
        {"edge",
         "one token, one head, one feature",
         {sizes(1, 4, 3, 2), sizes(4, 3, 1, 3), sizes(3, 6, 3, 1), sizes(1, 1, 1, 1)}},
        {"law", "heads in another order", {sizes(4, 5, 3, 2)}, "", relabelling},
        {"extreme", "large numbers, hard patterns", {sizes(6, 8, 4, 3)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::concat, input); };
    out.mutants = mutations(mutants_06_1, answer);
    out.accepted = mutations(accepted_06_1, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("06.1.worked") {
  judge(exercise_06_1(), "worked");
}
TEST_CASE("06.1.coded") {
  judge(exercise_06_1(), "coded");
}
TEST_CASE("06.1.fresh") {
  judge(exercise_06_1(), "fresh");
}
TEST_CASE("06.1.rect") {
  judge(exercise_06_1(), "rect");
}
TEST_CASE("06.1.edge") {
  judge(exercise_06_1(), "edge");
}
TEST_CASE("06.1.law") {
  judge(exercise_06_1(), "law");
}
TEST_CASE("06.1.extreme") {
  judge(exercise_06_1(), "extreme");
}

}  // namespace headlight::course
