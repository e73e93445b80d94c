// 06.3 sum_over_heads: what every head writes by itself, the sum, the one bias.
#include "06_multi_head_attention/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::sum_over_heads);
extern const std::vector<Mutant<Function>> mutants_06_3, accepted_06_3;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    Tensor3 z(Tensor3::shape_type{2, 1, 1});
    z(0, 0, 0) = 1;
    z(1, 0, 0) = 2;
    input.tensors["z"] = z;
    input.matrices = {{"W_O", {{3, 4}, {6, 8}}}};
    input.vectors = {{"b_O", {1, 0}}};
    return input;
  }
  const std::size_t n_heads = sizes.at("n_heads"), d_head = sizes.at("d_head");
  const double spread = flavour == "extreme" ? 1000 : 1;
  input.tensors["z"] = fresh_tensor(random, n_heads, sizes.at("n"), d_head, spread);
  input.matrices["W_O"] = fresh_matrix(random, n_heads * d_head, sizes.at("d_out"), spread);
  input.vectors["b_O"] = fresh_vector(random, sizes.at("d_out"), 4 * spread);
  if (flavour == "silent")  // a head that writes nothing
    for (std::size_t i = 0; i < sizes.at("n"); ++i)
      for (std::size_t c = 0; c < d_head; ++c) input.tensors["z"](n_heads - 1, i, c) = 0;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::SumTrace trace =
      function(input.tensor("z"), input.matrix("W_O"), input.vector("b_O"));
  return {{"contributions", values(trace.contributions)},
          {"output", values(trace.output)},
          {"lengths", values(trace.lengths)}};
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Tensor3& z = input.tensor("z");
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  if (stage == "contributions") {
    std::vector<Matrix> heads;
    for (std::size_t h = 0; h < n_heads; ++h)
      heads.push_back(product(head_of(z, h), rows_of(input.matrix("W_O"), h * d_head, d_head)));
    return values(heads);
  }
  const Tensor3 each = tensor(stage_of(before, "contributions"));
  if (stage == "output") {
    Matrix out(Matrix::shape_type{n, input.vector("b_O").shape(0)});
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t o = 0; o < out.shape(1); ++o) {
        out(i, o) = input.vector("b_O")(o);
        for (std::size_t h = 0; h < n_heads; ++h) out(i, o) += each(h, i, o);
      }
    return values(out);
  }
  Matrix out(Matrix::shape_type{n_heads, n}, 0.0);
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i) {
      for (const double x : row_of(head_of(each, h), i)) out(h, i) += x * x;
      out(h, i) = std::sqrt(out(h, i));
    }
  return values(out);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const Tensor3& z = input.tensor("z");
  const std::size_t d_head = z.shape(2);
  if (stage == "contributions")
    return dot_terms(what + " = z[" + std::to_string(cell[0]) + ", " + std::to_string(cell[1]) +
                         "] . rows " + std::to_string(cell[0] * d_head) + " ... " +
                         std::to_string((cell[0] + 1) * d_head - 1) + " of column " +
                         std::to_string(cell[2]) + " of W_O",
                     row_of(head_of(z, cell[0]), cell[1]),
                     column_of(rows_of(input.matrix("W_O"), cell[0] * d_head, d_head), cell[2]));
  const Tensor3 each = tensor(stage_of(before, "contributions"));
  std::string line = what + " = ";
  double total = 0;
  if (stage == "output") {
    for (std::size_t h = 0; h < z.shape(0); ++h) {
      line += text(each(h, cell[0], cell[1])) + " + ";
      total += each(h, cell[0], cell[1]);
    }
    const double bias = input.vector("b_O")(cell[1]);
    return line + "b_O " + text(bias) + " = " + text(total + bias);
  }
  line += "sqrt(";
  for (std::size_t o = 0; o < each.shape(2); ++o) {
    const double x = each(cell[0], cell[1], o);
    line += (o == 0 ? "" : " + ") + text(x) + "^2";
    total += x * x;
  }
  return line + ") = " + text(std::sqrt(total));
}

// A head that is silenced takes its own contribution away and nothing else.
std::optional<Broken> silenced(const Answer& of, const Input& input) {
  const Stages plain = of(input);
  const Tensor3 each = tensor(stage_of(plain, "contributions"));
  const Matrix all = matrix(stage_of(plain, "output"));
  for (std::size_t h = 0; h < input.size("n_heads"); ++h) {
    Input other = input;
    for (std::size_t i = 0; i < input.size("n"); ++i)
      for (std::size_t c = 0; c < input.size("d_head"); ++c) other.tensors["z"](h, i, c) = 0;
    const Stages without = of(other);
    const Matrix rest = matrix(stage_of(without, "output"));
    for (std::size_t i = 0; i < all.shape(0); ++i)
      for (std::size_t o = 0; o < all.shape(1); ++o) {
        const double difference = all(i, o) - rest(i, o);
        if (!(std::abs(difference - each(h, i, o)) <= 1e-5 * (10 + std::abs(all(i, o)))))
          return Broken{"output", "without head " + std::to_string(h) + " " +
                                      cell_text("output", {i, o}) + " changes by " +
                                      text(difference) + ", but the head wrote " +
                                      text(each(h, i, o))};  // float keeps that much
      }
  }
  return std::nullopt;
}

const Exercise& exercise_06_3() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "06.3";
    out.stages = {"contributions", "output", "lengths"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    const auto sizes = [](std::size_t n, std::size_t n_heads, std::size_t d_head,
                          std::size_t d_out) {
      return Sizes{{"n", n}, {"n_heads", n_heads}, {"d_head", d_head}, {"d_out", d_out}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(1, 2, 1, 2)}, "worked"},
        {"fresh",
         "fresh inputs, W_O square",
         {sizes(3, 2, 3, 6), sizes(5, 4, 2, 8), sizes(2, 2, 2, 4)}},
        {"rect", "W_O not square", {sizes(4, 3, 2, 5), sizes(2, 2, 4, 3)}},
        {"edge",
         "one token, one head, one feature, a head that writes nothing",
         {sizes(1, 3, 2, 4), sizes(3, 2, 1, 1), sizes(4, 3, 2, 6)},
         "silent"},
        {"single", "one head: the sum has one term", {sizes(3, 1, 4, 4), sizes(1, 1, 1, 1)}},
        {"law", "heads silenced one by one", {sizes(3, 3, 2, 4)}, "", silenced},
        {"extreme", "large numbers", {sizes(4, 3, 4, 7)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::sum_over_heads, input); };
    out.mutants = mutations(mutants_06_3, answer);
    out.accepted = mutations(accepted_06_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("06.3.worked") {
  judge(exercise_06_3(), "worked");
}
TEST_CASE("06.3.fresh") {
  judge(exercise_06_3(), "fresh");
}
TEST_CASE("06.3.rect") {
  judge(exercise_06_3(), "rect");
}
TEST_CASE("06.3.edge") {
  judge(exercise_06_3(), "edge");
}
TEST_CASE("06.3.single") {
  judge(exercise_06_3(), "single");
}
TEST_CASE("06.3.law") {
  judge(exercise_06_3(), "law");
}
TEST_CASE("06.3.extreme") {
  judge(exercise_06_3(), "extreme");
}

}  // namespace headlight::course
