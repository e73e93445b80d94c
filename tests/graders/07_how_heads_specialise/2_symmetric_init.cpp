// 07.2 symmetric_init: a step of gradient descent, stage by stage; copies of a head stay copies.
#include "07_how_heads_specialise/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::symmetric_init);
extern const std::vector<Mutant<Function>> mutants_07_2, accepted_07_2;

namespace {

Matrix head_of(const Tensor3& all, std::size_t h) {
  Matrix out(Matrix::shape_type{all.shape(1), all.shape(2)});
  for (std::size_t i = 0; i < all.shape(1); ++i)
    for (std::size_t j = 0; j < all.shape(2); ++j) out(i, j) = all(h, i, j);
  return out;
}

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices = {{"X", {{1}}}, {"target", {{3}}}};
    const Matrix zero = {{0}}, one = {{1}};
    input.lists = {{"W_QK", {zero, zero}}, {"W_OV", {one, one}}};
    input.numbers = {{"rate", 0.5}};
    return input;
  }
  const std::size_t n = sizes.at("n"), d_model = sizes.at("d_model"), d_out = sizes.at("d_out"),
                    n_heads = sizes.at("n_heads");
  input.numbers["rate"] = static_cast<double>(1 + random.below(3)) / 8;
  input.matrices["X"] = fresh_matrix(random, n, d_model);
  input.matrices["target"] = fresh_matrix(random, n, d_out, flavour == "far" ? 1000 : 1);
  for (std::size_t h = 0; h < n_heads; ++h) {
    input.lists["W_QK"].push_back(fresh_matrix(random, d_model, d_model, 0.75));
    input.lists["W_OV"].push_back(fresh_matrix(random, d_model, d_out));
    if (flavour == "equal")
      for (auto& [name, heads] : input.lists) heads[h] = heads[0];
  }
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::SymmetryTrace trace =
      function(input.matrix("X"), input.matrix("target"), input.list("W_QK"), input.list("W_OV"),
               input.number("rate"));
  return {{"pattern", values(trace.pattern)},
          {"contribution", values(trace.contribution)},
          {"error", values(trace.error)},
          {"score_gradient", values(trace.score_gradient)},
          {"gradient_QK", values(trace.gradient_QK)},
          {"gradient_OV", values(trace.gradient_OV)},
          {"new_QK", values(trace.new_QK)},
          {"new_OV", values(trace.new_OV)},
          {"distance", values(trace.distance)}};
}

double root_of_width(const Input& input) {
  return std::sqrt(static_cast<double>(input.matrix("X").shape(1)));
}

Matrix scores_of(const Input& input, std::size_t h) {
  const Matrix& X = input.matrix("X");
  return scaled(product(product(X, input.list("W_QK")[h]), flipped(X)), 1 / root_of_width(input));
}

// d loss / d pattern of one head.
Matrix pattern_gradient(const Input& input, const Matrix& error, std::size_t h) {
  return product(error, flipped(product(input.matrix("X"), input.list("W_OV")[h])));
}

double average_under(const Matrix& pattern, const Matrix& gradient, std::size_t i) {
  double average = 0;
  for (std::size_t j = 0; j < pattern.shape(1); ++j) average += pattern(i, j) * gradient(i, j);
  return average;
}

Matrix error_of(const Input& input, const Tensor3& contribution) {
  Matrix error = scaled(input.matrix("target"), -1);
  for (std::size_t h = 0; h < contribution.shape(0); ++h)
    error = added(error, head_of(contribution, h));
  return error;
}

double apart(const Tensor3& weights, std::size_t a, std::size_t b) {
  double largest = 0;
  for (std::size_t i = 0; i < weights.shape(1); ++i)
    for (std::size_t j = 0; j < weights.shape(2); ++j)
      largest = std::max(largest, std::abs(weights(a, i, j) - weights(b, i, j)));
  return largest;
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Matrix& X = input.matrix("X");
  const std::size_t n_heads = input.list("W_QK").size();
  const auto list = [&](const char* name) { return tensor(stage_of(before, name)); };
  const auto error = [&] { return matrix(stage_of(before, "error")); };
  if (stage == "error") return values(error_of(input, list("contribution")));
  if (stage == "distance") {
    const Tensor3 QK = list("new_QK"), OV = list("new_OV");
    Matrix out(Matrix::shape_type{n_heads, n_heads});
    for (std::size_t a = 0; a < n_heads; ++a)
      for (std::size_t b = 0; b < n_heads; ++b)
        out(a, b) = std::max(apart(QK, a, b), apart(OV, a, b));
    return values(out);
  }
  std::vector<Matrix> out;
  for (std::size_t h = 0; h < n_heads; ++h) {
    if (stage == "pattern") {
      out.push_back(softmax(scores_of(input, h)));
    } else if (stage == "contribution") {
      out.push_back(product(head_of(list("pattern"), h), product(X, input.list("W_OV")[h])));
    } else if (stage == "score_gradient") {
      const Matrix pattern = head_of(list("pattern"), h);
      const Matrix gradient = pattern_gradient(input, error(), h);
      out.push_back(pattern);
      for (std::size_t i = 0; i < pattern.shape(0); ++i)
        for (std::size_t j = 0; j < pattern.shape(1); ++j)
          out.back()(i, j) = pattern(i, j) * (gradient(i, j) - average_under(pattern, gradient, i));
    } else if (stage == "gradient_QK") {
      out.push_back(scaled(product(product(flipped(X), head_of(list("score_gradient"), h)), X),
                           1 / root_of_width(input)));
    } else if (stage == "gradient_OV") {
      out.push_back(product(flipped(product(head_of(list("pattern"), h), X)), error()));
    } else {
      const char* which = stage == "new_QK" ? "W_QK" : "W_OV";
      const char* gradient = stage == "new_QK" ? "gradient_QK" : "gradient_OV";
      out.push_back(
          added(input.list(which)[h], scaled(head_of(list(gradient), h), -input.number("rate"))));
    }
  }
  return values(out);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const Matrix& X = input.matrix("X");
  const auto list = [&](const char* name) { return tensor(stage_of(before, name)); };
  if (stage == "error") {
    std::string sum;
    for (std::size_t h = 0; h < list("contribution").shape(0); ++h)
      sum += (h == 0 ? "" : " + ") + text(list("contribution")(h, cell[0], cell[1]));
    return what + " = " + sum + " - target " + text(input.matrix("target")(cell[0], cell[1]));
  }
  if (stage == "distance")
    return what + " = the larger of " + text(apart(list("new_QK"), cell[0], cell[1])) +
           " (new_QK) and " + text(apart(list("new_OV"), cell[0], cell[1])) + " (new_OV)";
  const std::size_t h = cell[0], i = cell[1], j = cell[2];
  if (stage == "pattern") return softmax_terms(what, row_of(scores_of(input, h), i), j);
  if (stage == "contribution")
    return dot_terms(what, row_of(head_of(list("pattern"), h), i),
                     column_of(product(X, input.list("W_OV")[h]), j));
  const Matrix error = matrix(stage_of(before, "error"));
  if (stage == "score_gradient") {
    const Matrix pattern = head_of(list("pattern"), h), of = pattern_gradient(input, error, h);
    return what + " = pattern * (pattern_gradient - its average) = " + text(pattern(i, j)) + "*(" +
           text(of(i, j)) + " - " + text(average_under(pattern, of, i)) + ")";
  }
  if (stage == "gradient_QK")
    return dot_terms(what + " * sqrt(d_model) = column " + std::to_string(i) + " of X . column " +
                         std::to_string(j) + " of score_gradient[" + std::to_string(h) + "] X",
                     column_of(X, i),
                     column_of(product(head_of(list("score_gradient"), h), X), j)) +
           "; divided by " + text(root_of_width(input));
  if (stage == "gradient_OV")
    return dot_terms(what + " = column " + std::to_string(i) + " of pattern X . column " +
                         std::to_string(j) + " of error",
                     column_of(product(head_of(list("pattern"), h), X), i), column_of(error, j)) +
           ", of head " + std::to_string(h) + " alone";
  const bool is_QK = stage == "new_QK";
  const double old = input.list(is_QK ? "W_QK" : "W_OV")[h](i, j),
               slope = list(is_QK ? "gradient_QK" : "gradient_OV")(h, i, j);
  return what + " = old - rate * gradient = " + text(old) + " - " + text(input.number("rate")) +
         "*" + text(slope) + " = " + text(old - input.number("rate") * slope);
}

// Copies stay copies, whatever the data.
std::optional<Broken> copies_stay(const Answer& of, const Input& input) {
  const Matrix distance = matrix(stage_of(of(input), "distance"));
  for (const double x : distance)
    if (!(x <= 1e-9))
      return Broken{"distance", "heads that began as copies are " + text(x) +
                                    " apart after one step: equal heads have equal gradients"};
  return std::nullopt;
}

const Exercise& exercise_07_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "07.2";
    out.stages = {"pattern",     "contribution", "error",  "score_gradient", "gradient_QK",
                  "gradient_OV", "new_QK",       "new_OV", "distance"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    const auto sizes = [](std::size_t n, std::size_t d_model, std::size_t d_out,
                          std::size_t n_heads) {
      return Sizes{{"n", n}, {"d_model", d_model}, {"d_out", d_out}, {"n_heads", n_heads}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(1, 1, 1, 2)}, "worked"},
        {"fresh", "fresh heads, all different", {sizes(4, 3, 3, 2), sizes(3, 4, 4, 3)}},
        {"rect", "n, d_model and d_out all different", {sizes(5, 3, 2, 3), sizes(2, 5, 4, 2)}},
        {"edge",
         "one head, one token, one feature",
         {sizes(4, 3, 2, 1), sizes(1, 3, 2, 2), sizes(3, 1, 4, 2)}},
        {"equal", "heads that begin as copies", {sizes(4, 3, 2, 3)}, "equal", copies_stay},
        {"far", "targets of a thousand", {sizes(4, 3, 5, 2)}, "far"},
    };
    out.learner = [](const Input& input) { return answer(exercise::symmetric_init, input); };
    out.mutants = mutations(mutants_07_2, answer);
    out.accepted = mutations(accepted_07_2, answer);
    out.given = "as-found";
    out.tolerance = 1e-5;  // gradients are sums of both signs: float loses a digit more
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("07.2.worked") {
  judge(exercise_07_2(), "worked");
}
TEST_CASE("07.2.fresh") {
  judge(exercise_07_2(), "fresh");
}
TEST_CASE("07.2.rect") {
  judge(exercise_07_2(), "rect");
}
TEST_CASE("07.2.edge") {
  judge(exercise_07_2(), "edge");
}
TEST_CASE("07.2.equal") {
  judge(exercise_07_2(), "equal");
}
TEST_CASE("07.2.far") {
  judge(exercise_07_2(), "far");
}

}  // namespace headlight::course
