// 03.3 flops: a layer is run by loops that count what they do; the predictions are held against it.
#include "03_how_many_heads/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::flops);
extern const std::vector<Mutant<Function>> mutants_03_3, accepted_03_3;

namespace {

// Counts where it happens.
struct Counter {
  double products = 0, exponentials = 0;
  double times(double a, double b) {
    ++products;
    return a * b;
  }
  double exp(double x) {
    ++exponentials;
    return std::exp(x);
  }
};

Matrix counted_product(Counter& counter, const Matrix& a, const Matrix& b) {
  Matrix out(Matrix::shape_type{a.shape(0), b.shape(1)}, 0.0);
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t j = 0; j < b.shape(1); ++j)
      for (std::size_t k = 0; k < b.shape(0); ++k) out(i, j) += counter.times(a(i, k), b(k, j));
  return out;
}

// Runs the layer, head by head, and writes down what every part did.
std::map<std::string, double> counted(std::size_t n, std::size_t d_model, std::size_t n_heads,
                                      std::size_t d_head) {
  Random random(7);
  const Matrix X = fresh_matrix(random, n, d_model);
  std::map<std::string, double> done;
  Matrix joined(Matrix::shape_type{n, n_heads * d_head}, 0.0);
  for (std::size_t h = 0; h < n_heads; ++h) {
    Counter projections, scores, softmaxes, mixture;
    Matrix made[3];
    for (Matrix& one : made)
      one = counted_product(projections, X, fresh_matrix(random, d_model, d_head, 0.2));
    Matrix pattern = counted_product(scores, made[0], flipped(made[1]));
    for (std::size_t i = 0; i < n; ++i) {
      double total = 0;
      for (std::size_t j = 0; j < n; ++j) total += pattern(i, j) = softmaxes.exp(pattern(i, j));
      for (std::size_t j = 0; j < n; ++j) pattern(i, j) /= total;
    }
    const Matrix output = counted_product(mixture, pattern, made[2]);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_head; ++c) joined(i, h * d_head + c) = output(i, c);
    done["projections"] += projections.products;
    done["scores"] += scores.products;
    done["exponentials"] += softmaxes.exponentials;
    done["mixture"] += mixture.products;
  }
  Counter output;
  counted_product(output, joined, fresh_matrix(random, n_heads * d_head, d_model, 0.2));
  done["output"] = output.products;
  return done;
}

Input make(Random&, const Sizes& sizes, const std::string& flavour) {
  Input input;
  input.numbers = {{"n", static_cast<double>(sizes.at("n"))},
                   {"twice_heads", flavour == "twice_heads"},
                   {"twice_tokens", flavour == "twice_tokens"},
                   {"wide_heads", flavour == "wide_heads"}};
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::Flops all = function();
  const exercise::Work& work = input.number("twice_heads") != 0    ? all.twice_heads
                               : input.number("twice_tokens") != 0 ? all.twice_tokens
                               : input.number("wide_heads") != 0   ? all.wide_heads
                                                                   : all.base;
  return {{"projections", values(work.projections)},
          {"scores", values(work.scores)},
          {"exponentials", values(work.exponentials)},
          {"mixture", values(work.mixture)},
          {"output", values(work.output)},
          {"flops", values(work.flops)}};
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  if (stage == "flops") {
    double products = 0;
    for (const char* part : {"projections", "scores", "mixture", "output"})
      products += stage_of(before, part).data.at(0);
    return values(2 * products);
  }
  static std::map<Sizes, std::map<std::string, double>> known;
  std::map<std::string, double>& done = known[input.sizes];
  if (done.empty())
    done = counted(input.size("n"), input.size("d_model"), input.size("n_heads"),
                   input.size("d_head"));
  return values(done.at(stage));
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>&) {
  const auto size = [&](const char* name) { return std::to_string(input.size(name)); };
  const std::string n = size("n"), d = size("d_model"), h = size("n_heads"), k = size("d_head");
  std::string sum;
  if (stage == "projections")
    sum = "3 matrices * " + n + "*" + d + " numbers * (" + h + "*" + k + ") columns";
  if (stage == "scores") sum = h + " heads * " + n + "*" + n + " cells * " + k + " terms";
  if (stage == "exponentials") sum = h + " heads * " + n + "*" + n + " cells";
  if (stage == "mixture") sum = h + " heads * " + n + "*" + k + " cells * " + n + " keys";
  if (stage == "output") sum = n + "*" + d + " cells * (" + h + "*" + k + ") terms";
  if (stage == "flops") {
    for (const char* part : {"projections", "scores", "mixture", "output"})
      sum += (sum.empty() ? "2 * (" : " + ") +
             std::to_string(static_cast<long>(stage_of(before, part).data.at(0)));
    sum += ")";
  }
  return stage + " = " + sum + " = " +
         std::to_string(static_cast<long>(expected(input, before, stage).data[0]));
}

Case layer(const char* name, const char* about, std::size_t n, std::size_t n_heads,
           std::size_t d_head) {
  return {
      name, about, {{{"n", n}, {"d_model", 24}, {"n_heads", n_heads}, {"d_head", d_head}}}, name};
}

const Exercise& exercise_03_3() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "03.3";
    out.stages = {"projections", "scores", "exponentials", "mixture", "output", "flops"};
    out.fixed = true;
    out.tolerance = 1e-7;  // of numbers below 200,000: a count that is off by one is wrong
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {layer("base", "n = 10, 4 heads of 6", 10, 4, 6),
                 layer("twice_heads", "n = 10, 8 heads of 3", 10, 8, 3),
                 layer("twice_tokens", "n = 20, 4 heads of 6", 20, 4, 6),
                 layer("wide_heads", "n = 10, 4 heads of 16", 10, 4, 16)};
    out.learner = [](const Input& input) { return answer(exercise::flops, input); };
    out.mutants = mutations(mutants_03_3, answer);
    out.accepted = mutations(accepted_03_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("03.3.base") {
  judge(exercise_03_3(), "base");
}
TEST_CASE("03.3.twice_heads") {
  judge(exercise_03_3(), "twice_heads");
}
TEST_CASE("03.3.twice_tokens") {
  judge(exercise_03_3(), "twice_tokens");
}
TEST_CASE("03.3.wide_heads") {
  judge(exercise_03_3(), "wide_heads");
}

}  // namespace headlight::course
