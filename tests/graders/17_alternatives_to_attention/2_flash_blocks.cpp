// 17.2 flash_blocks: the running numbers after every block, by their definition over all keys so
// far; so any way of getting there is right.
#include "17_alternatives_to_attention/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::flash_blocks);
extern const std::vector<Mutant<Function>> mutants_17_2, accepted_17_2;

namespace {

constexpr double hidden = -std::numeric_limits<double>::infinity();

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  input.numbers["block"] = static_cast<double>(sizes.at("block"));
  if (flavour == "worked") {
    input.matrices = {
        {"query", {{1}}}, {"key", {{0}, {0}, {std::log(2)}}}, {"value", {{1}, {2}, {6}}}};
    input.vectors = {{"is_token", {1, 1, 1}}};
    return input;
  }
  const std::size_t n_query = sizes.at("n_query"), n_key = sizes.at("n_key"),
                    d_head = sizes.at("d_head");
  Matrix query = fresh_matrix(random, n_query, d_head), key = fresh_matrix(random, n_key, d_head);
  Vector is_token(Vector::shape_type{n_key}, 1.0);
  if (flavour == "padding") {  // the first block whole (it may be the only one), one key more
    for (std::size_t j = 0; j < std::min(sizes.at("block"), n_key); ++j) is_token(j) = 0;
    if (n_key > sizes.at("block") + 2) is_token(n_key - 2) = 0;
  }
  if (flavour == "extreme") {  // scores far up and far down, exact in float: eighths, d_head = 4
    for (Matrix* rows : {&query, &key})
      for (double& x : *rows) x = std::round(x * 8) / 8;
    for (std::size_t j = 0; j < n_key; ++j) key(j, d_head - 1) = 1;
    for (std::size_t i = 0; i < n_query; ++i) query(i, d_head - 1) = i % 2 == 0 ? 2000 : -2000;
    for (std::size_t j = 0; j < n_key; ++j) key(j, 0) = static_cast<double>(j);
    for (std::size_t i = 2; i < n_query; ++i)  // from key to key far up, or far down
      query(i, 0) = i % 2 == 0 ? 400 : -400;
  }
  input.matrices["query"] = query;
  input.matrices["key"] = key;
  input.matrices["value"] = fresh_matrix(random, n_key, sizes.at("d_value"));
  input.vectors["is_token"] = is_token;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::FlashTrace trace =
      function(input.matrix("query"), input.matrix("key"), input.matrix("value"),
               input.vector("is_token"), static_cast<std::size_t>(input.number("block")));
  return {{"maximum", values(trace.maximum)},
          {"sum", values(trace.sum)},
          {"accumulated", values(trace.accumulated)},
          {"output", values(trace.output)}};
}

Matrix scores_of(const Input& input) {
  const double root = std::sqrt(static_cast<double>(input.matrix("query").shape(1)));
  Matrix scores = scaled(product(input.matrix("query"), flipped(input.matrix("key"))), 1 / root);
  for (std::size_t i = 0; i < scores.shape(0); ++i)
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      if (input.vector("is_token")(j) == 0) scores(i, j) = hidden;
  return scores;
}

// Keys that have come in after block b.
std::size_t end_of(const Input& input, std::size_t b) {
  return std::min((b + 1) * static_cast<std::size_t>(input.number("block")),
                  input.matrix("key").shape(0));
}

double weight_of(double score, double maximum) {
  return score == hidden ? 0 : std::exp(score - maximum);
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Matrix scores = scores_of(input);
  const Matrix& value = input.matrix("value");
  const std::size_t n_query = scores.shape(0), n_key = scores.shape(1), d_value = value.shape(1);
  const std::size_t block = static_cast<std::size_t>(input.number("block"));
  const std::size_t n_blocks = n_key / block + (n_key % block != 0);
  if (stage == "output") {
    const Matrix sum = matrix(stage_of(before, "sum"));
    const Tensor3 accumulated = tensor(stage_of(before, "accumulated"));
    Matrix out(Matrix::shape_type{n_query, d_value}, 0.0);
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t c = 0; c < d_value; ++c)
        if (sum(n_blocks - 1, i) != 0)
          out(i, c) = accumulated(n_blocks - 1, i, c) / sum(n_blocks - 1, i);
    return values(out);
  }
  Matrix maximum(Matrix::shape_type{n_blocks, n_query}, hidden), sum = maximum;
  Tensor3 accumulated(Tensor3::shape_type{n_blocks, n_query, d_value}, 0.0);
  if (stage != "maximum") maximum = matrix(stage_of(before, "maximum"));
  for (std::size_t b = 0; b < n_blocks; ++b)
    for (std::size_t i = 0; i < n_query; ++i) {
      sum(b, i) = 0;
      for (std::size_t j = 0; j < end_of(input, b); ++j) {
        if (stage == "maximum") maximum(b, i) = std::max(maximum(b, i), scores(i, j));
        const double weight = weight_of(scores(i, j), maximum(b, i));
        sum(b, i) += weight;
        for (std::size_t c = 0; c < d_value; ++c) accumulated(b, i, c) += weight * value(j, c);
      }
    }
  return stage == "maximum" ? values(maximum) : stage == "sum" ? values(sum) : values(accumulated);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const Matrix scores = scores_of(input);
  if (stage == "output") {
    const std::size_t last = stage_of(before, "sum").shape.at(0) - 1;
    return what + " = accumulated / sum = " +
           text(tensor(stage_of(before, "accumulated"))(last, cell[0], cell[1])) + " / " +
           text(matrix(stage_of(before, "sum"))(last, cell[0]));
  }
  const std::size_t b = cell[0], i = cell[1], end = end_of(input, b);
  const std::string keys = ", keys 0 to " + std::to_string(end - 1);
  std::vector<double> weight, with(end, 1.0);
  if (stage == "maximum") {
    std::string all;
    for (std::size_t j = 0; j < end; ++j) all += (j == 0 ? "" : ", ") + text(scores(i, j));
    return what + keys + ": the largest of " + all;
  }
  const double maximum = matrix(stage_of(before, "maximum"))(b, i);
  for (std::size_t j = 0; j < end; ++j) weight.push_back(weight_of(scores(i, j), maximum));
  if (stage == "accumulated")
    for (std::size_t j = 0; j < end; ++j) with[j] = input.matrix("value")(j, cell[2]);
  return dot_terms(
      what + keys + ", e^(score - " + text(maximum) + ")" + (stage == "sum" ? "" : " times value"),
      weight, with);
}

// How keys are cut into blocks, and what padding holds, does not matter.
std::optional<Broken> cuts_do_not_matter(const Answer& of, const Input& input) {
  const Matrix plain = matrix(stage_of(of(input), "output"));
  const auto same = [&](const Input& other) {
    const Matrix output = matrix(stage_of(of(other), "output"));
    for (std::size_t c = 0; c < plain.size(); ++c)
      if (!(std::abs(output.data()[c] - plain.data()[c]) <= 1e-5)) return false;
    return true;
  };
  for (const double block : {1.0, 4.0, 50.0}) {
    Input other = input;
    other.numbers["block"] = block;
    if (!same(other))
      return Broken{"output", "with blocks of " + std::to_string(static_cast<int>(block)) +
                                  " keys the output is another one"};
  }
  Input other = input;
  for (std::size_t j = 0; j < input.size("n_key"); ++j)
    if (input.vector("is_token")(j) == 0)
      for (const char* name : {"key", "value"})
        for (std::size_t c = 0; c < other.matrix(name).shape(1); ++c)
          other.matrices[name](j, c) = 50;
  if (!same(other)) return Broken{"output", "what stands in padding changes the output"};
  return std::nullopt;
}

const Exercise& exercise_17_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "17.2";
    out.stages = {"maximum", "sum", "accumulated", "output"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    const auto sizes = [](std::size_t n_query, std::size_t n_key, std::size_t d_head,
                          std::size_t d_value, std::size_t block) {
      return Sizes{{"n_query", n_query},
                   {"n_key", n_key},
                   {"d_head", d_head},
                   {"d_value", d_value},
                   {"block", block}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(1, 3, 1, 1, 2)}, "worked"},
        {"fresh",
         "fresh tokens, a last block that is shorter",
         {sizes(4, 7, 3, 2, 3), sizes(3, 8, 2, 4, 5)}},
        {"blocks",
         "blocks that fit, of one key, larger than all keys",
         {sizes(3, 6, 3, 2, 3), sizes(2, 5, 2, 3, 1), sizes(3, 4, 2, 2, 9)}},
        {"edge", "one query, one key", {sizes(1, 5, 2, 3, 2), sizes(3, 1, 4, 2, 1)}},
        {"padding",
         "a first block of padding, nothing but padding",
         {sizes(3, 7, 3, 2, 2), sizes(2, 3, 2, 4, 3)},
         "padding"},
        {"law",
         "other blocks, other padding",
         {sizes(3, 7, 2, 3, 2)},
         "padding",
         cuts_do_not_matter},
        {"extreme", "scores of a thousand", {sizes(4, 6, 4, 3, 2)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::flash_blocks, input); };
    out.mutants = mutations(mutants_17_2, answer);
    out.accepted = mutations(accepted_17_2, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("17.2.worked") {
  judge(exercise_17_2(), "worked");
}
TEST_CASE("17.2.fresh") {
  judge(exercise_17_2(), "fresh");
}
TEST_CASE("17.2.blocks") {
  judge(exercise_17_2(), "blocks");
}
TEST_CASE("17.2.edge") {
  judge(exercise_17_2(), "edge");
}
TEST_CASE("17.2.padding") {
  judge(exercise_17_2(), "padding");
}
TEST_CASE("17.2.law") {
  judge(exercise_17_2(), "law");
}
TEST_CASE("17.2.extreme") {
  judge(exercise_17_2(), "extreme");
}

}  // namespace headlight::course
