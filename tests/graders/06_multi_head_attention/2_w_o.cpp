// 06.2 w_o: the output projection, its bias, and its way into W_V.
#include "06_multi_head_attention/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::w_o);
extern const std::vector<Mutant<Function>> mutants_06_2, accepted_06_2;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    Tensor3 z(Tensor3::shape_type{2, 1, 1});
    z(0, 0, 0) = 1;
    z(1, 0, 0) = 2;
    input.tensors["z"] = z;
    input.matrices = {{"W_V", {{1, 2}, {0, 1}}}, {"W_O", {{3, 4}, {5, 6}}}};
    input.vectors = {{"b_O", {1, 0}}};
    return input;
  }
  const std::size_t n_heads = sizes.at("n_heads"), d_head = sizes.at("d_head");
  const double spread = flavour == "extreme" ? 1000 : 1;
  input.tensors["z"] = fresh_tensor(random, n_heads, sizes.at("n"), d_head, spread);
  input.matrices["W_V"] = fresh_matrix(random, sizes.at("d_model"), n_heads * d_head, spread);
  input.matrices["W_O"] = fresh_matrix(random, n_heads * d_head, sizes.at("d_out"));
  input.vectors["b_O"] = fresh_vector(random, sizes.at("d_out"), 4 * spread);
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::OutputTrace trace =
      function(input.tensor("z"), input.matrix("W_V"), input.matrix("W_O"), input.vector("b_O"));
  return {{"concatenated", values(trace.concatenated)},
          {"mixed", values(trace.mixed)},
          {"output", values(trace.output)},
          {"folded", values(trace.folded)}};
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Matrix& W_O = input.matrix("W_O");
  const Tensor3& z = input.tensor("z");
  if (stage == "concatenated") return values(beside(z));
  if (stage == "mixed") return values(product(matrix(stage_of(before, "concatenated")), W_O));
  if (stage == "output") {
    Matrix out = matrix(stage_of(before, "mixed"));
    for (std::size_t i = 0; i < out.shape(0); ++i)
      for (std::size_t o = 0; o < out.shape(1); ++o) out(i, o) += input.vector("b_O")(o);
    return values(out);
  }
  std::vector<Matrix> heads;
  for (std::size_t h = 0; h < z.shape(0); ++h)
    heads.push_back(product(columns_of(input.matrix("W_V"), h * z.shape(2), z.shape(2)),
                            rows_of(W_O, h * z.shape(2), z.shape(2))));
  return values(heads);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const Matrix& W_O = input.matrix("W_O");
  const std::size_t d_head = input.tensor("z").shape(2);
  if (stage == "concatenated") {
    const std::size_t h = cell[1] / d_head, c = cell[1] % d_head;
    return what + ": column " + std::to_string(cell[1]) + " is feature " + std::to_string(c) +
           " of head " + std::to_string(h) + ", so " + cell_text("z", {h, cell[0], c}) + " = " +
           text(input.tensor("z")(h, cell[0], c));
  }
  if (stage == "mixed")
    return dot_terms(what + " = concatenated[" + std::to_string(cell[0]) + "] . column " +
                         std::to_string(cell[1]) + " of W_O",
                     row_of(matrix(stage_of(before, "concatenated")), cell[0]),
                     column_of(W_O, cell[1]));
  if (stage == "output") {
    const double mixed = matrix(stage_of(before, "mixed"))(cell[0], cell[1]);
    const double bias = input.vector("b_O")(cell[1]);
    return what + " = " + cell_text("mixed", cell) + " + " + cell_text("b_O", {cell[1]}) + " = " +
           text(mixed) + " + " + text(bias) + " = " + text(mixed + bias);
  }
  const std::string h = std::to_string(cell[0]);
  return dot_terms(what + " = row " + std::to_string(cell[1]) + " of W_V(" + h + ") . column " +
                       std::to_string(cell[2]) + " of W_O(" + h + ")",
                   row_of(columns_of(input.matrix("W_V"), cell[0] * d_head, d_head), cell[1]),
                   column_of(rows_of(W_O, cell[0] * d_head, d_head), cell[2]));
}

// Heads in another order with their columns of W_V and rows of W_O: the output stays, the folded
// matrices move. And the output follows z: twice z without bias is twice the output.
std::optional<Broken> relabelling(const Answer& of, const Input& input) {
  Input turned = input, twice = input;
  const std::size_t n_heads = input.size("n_heads"), d_head = input.size("d_head");
  const auto moved = [&](std::size_t column) {
    return (column / d_head + 1) % n_heads * d_head + column % d_head;
  };
  for (std::size_t k = 0; k < n_heads * d_head; ++k) {
    for (std::size_t i = 0; i < input.size("n"); ++i)
      turned.tensors["z"](moved(k) / d_head, i, k % d_head) =
          input.tensor("z")(k / d_head, i, k % d_head);
    for (std::size_t m = 0; m < input.size("d_model"); ++m)
      turned.matrices["W_V"](m, moved(k)) = input.matrix("W_V")(m, k);
    for (std::size_t o = 0; o < input.size("d_out"); ++o)
      turned.matrices["W_O"](moved(k), o) = input.matrix("W_O")(k, o);
  }
  for (double& x : twice.tensors["z"]) x *= 2;
  for (double& x : twice.vectors["b_O"]) x *= 2;
  const Stages plain = of(input), other = of(turned), more = of(twice);
  const Matrix a = matrix(stage_of(plain, "output")), b = matrix(stage_of(other, "output")),
               c = matrix(stage_of(more, "output"));
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t o = 0; o < a.shape(1); ++o) {
      const double bound = 1e-5 * (10 + std::abs(a(i, o)));  // float keeps that much
      if (!(std::abs(b(i, o) - a(i, o)) <= bound))
        return Broken{"output", "heads in another order, with their rows of W_O: " +
                                    cell_text("output", {i, o}) + " was " + text(a(i, o)) +
                                    " and is " + text(b(i, o))};
      if (!(std::abs(c(i, o) - 2 * a(i, o)) <= 2 * bound))
        return Broken{"output", "z and b_O twice as large: wanted 2 * " + text(a(i, o)) + ", got " +
                                    text(c(i, o))};
    }
  return std::nullopt;
}

const Exercise& exercise_06_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "06.2";
    out.stages = {"concatenated", "mixed", "output", "folded"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    const auto sizes = [](std::size_t n, std::size_t d_model, std::size_t n_heads,
                          std::size_t d_head, std::size_t d_out) {
      return Sizes{{"n", n},
                   {"d_model", d_model},
                   {"n_heads", n_heads},
                   {"d_head", d_head},
                   {"d_out", d_out}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(1, 2, 2, 1, 2)}, "worked"},
        {"fresh",
         "fresh inputs, W_O square",
         {sizes(3, 6, 2, 3, 6), sizes(5, 4, 4, 1, 4), sizes(4, 4, 2, 2, 4)}},
        {"rect", "W_O not square", {sizes(4, 3, 3, 2, 5), sizes(2, 5, 2, 4, 3)}},
        {"edge",
         "one token, one head, one feature",
         {sizes(1, 3, 2, 3, 4), sizes(3, 4, 1, 3, 3), sizes(3, 2, 3, 1, 1), sizes(1, 1, 1, 1, 1)}},
        {"law", "heads in another order", {sizes(3, 4, 3, 2, 5)}, "", relabelling},
        {"extreme", "large numbers", {sizes(4, 5, 3, 4, 7)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::w_o, input); };
    out.mutants = mutations(mutants_06_2, answer);
    out.accepted = mutations(accepted_06_2, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("06.2.worked") {
  judge(exercise_06_2(), "worked");
}
TEST_CASE("06.2.fresh") {
  judge(exercise_06_2(), "fresh");
}
TEST_CASE("06.2.rect") {
  judge(exercise_06_2(), "rect");
}
TEST_CASE("06.2.edge") {
  judge(exercise_06_2(), "edge");
}
TEST_CASE("06.2.law") {
  judge(exercise_06_2(), "law");
}
TEST_CASE("06.2.extreme") {
  judge(exercise_06_2(), "extreme");
}

}  // namespace headlight::course
