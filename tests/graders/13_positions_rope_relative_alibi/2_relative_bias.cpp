// 13.2 relative_bias: clipped offsets, a table a head, scores, pattern.
#include "13_positions_rope_relative_alibi/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::relative_bias);
extern const std::vector<Mutant<Function>> mutants_13_2, accepted_13_2;

namespace {

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  const std::size_t n_heads = sizes.at("n_heads"), n_query = sizes.at("n_query");
  const std::size_t n_key = sizes.at("n_key"), d_head = sizes.at("d_head");
  if (flavour == "worked") {
    Tensor3 query(Tensor3::shape_type{1, 1, 1}, 2.0), key(Tensor3::shape_type{1, 3, 1}, 0.0);
    key(0, 0, 0) = 1;
    key(0, 2, 0) = 3;
    input.tensors = {{"query", query}, {"key", key}};
    input.matrices = {{"table", {{5, 6, 7}}}};
    return input;
  }
  const double spread = flavour == "extreme" ? 20 : 1;
  input.tensors["query"] = fresh_tensor(random, n_heads, n_query, d_head, spread);
  input.tensors["key"] = fresh_tensor(random, n_heads, n_key, d_head, spread);
  if (flavour == "coded")  // no content: scores are the table's own numbers
    for (double& x : input.tensors["query"]) x = 0;
  input.matrices["table"] =
      fresh_matrix(random, n_heads, 2 * sizes.at("reach") + 1, flavour == "extreme" ? 300 : 2);
  if (flavour == "extreme")  // all scores of head 0 far below zero
    for (std::size_t r = 0; r < input.matrix("table").shape(1); ++r)
      input.matrices["table"](0, r) -= 6000;
  if (flavour == "coded")  // 10 (head + 1) and the offset
    for (std::size_t h = 0; h < n_heads; ++h)
      for (std::size_t r = 0; r <= 2 * sizes.at("reach"); ++r)
        input.matrices["table"](h, r) = 10 * static_cast<double>(h + 1) + static_cast<double>(r) -
                                        static_cast<double>(sizes.at("reach"));
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::RelativeTrace trace =
      function(input.tensor("query"), input.tensor("key"), input.matrix("table"));
  return {{"offset", values(trace.offset)},
          {"bias", values(trace.bias)},
          {"scores", values(trace.scores)},
          {"pattern", values(trace.pattern)}};
}

struct Shape {
  std::size_t n_heads, n_query, n_key, reach;
  double d_head;
};

Shape shape_of(const Input& input) {
  const Tensor3& query = input.tensor("query");
  return {query.shape(0), query.shape(1), input.tensor("key").shape(1),
          input.matrix("table").shape(1) / 2, static_cast<double>(query.shape(2))};
}

double place_of(const Shape& of, std::size_t i) {
  return static_cast<double>(of.n_key - of.n_query + i);
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Shape of = shape_of(input);
  const double reach = static_cast<double>(of.reach);
  if (stage == "offset") {
    Matrix out(Matrix::shape_type{of.n_query, of.n_key});
    for (std::size_t i = 0; i < of.n_query; ++i)
      for (std::size_t j = 0; j < of.n_key; ++j) {
        out(i, j) = static_cast<double>(j) - place_of(of, i);
        if (out(i, j) > reach) out(i, j) = reach;
        if (out(i, j) < -reach) out(i, j) = -reach;
      }
    return values(out);
  }
  std::vector<Matrix> heads;
  for (std::size_t h = 0; h < of.n_heads; ++h) {
    if (stage == "bias") {
      Matrix out = matrix(stage_of(before, "offset"));
      for (double& x : out) {
        const double column = x + reach;
        if (!(column >= 0) || column > 2 * reach || column != std::floor(column))
          throw std::invalid_argument("the table has no such offset");
        x = input.matrix("table")(h, static_cast<std::size_t>(column));
      }
      heads.push_back(out);
    } else if (stage == "scores") {
      const Matrix content =
          product(head_of(input.tensor("query"), h), flipped(head_of(input.tensor("key"), h)));
      heads.push_back(added(scaled(content, 1 / std::sqrt(of.d_head)),
                            head_of(tensor(stage_of(before, "bias")), h)));
    } else {
      heads.push_back(softmax(head_of(tensor(stage_of(before, "scores")), h)));
    }
  }
  return values(heads);
}

// Content and bias may cancel.
double terms_size(const Input&, const Stages& before, const std::string& stage) {
  double largest = 0;
  if (stage == "scores")
    for (const double x : stage_of(before, "bias").data) largest = std::max(largest, std::abs(x));
  return std::isfinite(largest) ? largest : 0;
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const std::string what = cell_text(stage, cell);
  const Shape of = shape_of(input);
  if (stage == "offset")
    return what + ": query " + std::to_string(cell[0]) + " stands at " + std::to_string(cell[0]) +
           " + n_key - n_query = " + std::to_string(cell[0] + of.n_key - of.n_query) + "; " +
           std::to_string(cell[1]) + " - " + std::to_string(cell[0] + of.n_key - of.n_query) +
           ", clipped to -" + std::to_string(of.reach) + " ... " + std::to_string(of.reach) +
           ", is " + text(matrix(expected(input, before, stage))(cell[0], cell[1]));
  const std::size_t h = cell[0], i = cell[1], j = cell[2];
  if (stage == "bias") {
    const double offset = matrix(stage_of(before, "offset"))(i, j);
    const std::size_t column = static_cast<std::size_t>(offset + static_cast<double>(of.reach));
    return what + ": offset " + text(offset) + " + reach " + std::to_string(of.reach) +
           " is column " + std::to_string(column) + ", and table[" + std::to_string(h) + ", " +
           std::to_string(column) + "] = " + text(input.matrix("table")(h, column));
  }
  if (stage == "scores")
    return dot_terms("query . key", row_of(head_of(input.tensor("query"), h), i),
                     row_of(head_of(input.tensor("key"), h), j)) +
           "; divided by sqrt(d_head) = " + text(std::sqrt(of.d_head)) + ", plus the bias " +
           text(tensor(stage_of(before, "bias"))(h, i, j)) + ", it is " + what;
  return softmax_terms(what, row_of(head_of(tensor(stage_of(before, "scores")), h), i), j);
}

// A number added to the whole table changes no pattern. And tokens in the middle of a longer text
// see each other as before: the last queries of the last keys.
std::optional<Broken> only_differences(const Answer& of, const Input& input) {
  Input lifted = input, shorter = input;
  for (double& x : lifted.matrices["table"]) x += 3;
  const std::size_t n_heads = input.size("n_heads"), n_query = input.size("n_query"),
                    n_key = input.size("n_key"), d_head = input.size("d_head");
  Tensor3 last_keys(Tensor3::shape_type{n_heads, n_key - 1, d_head});  // the first key is gone
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t j = 1; j < n_key; ++j)
      for (std::size_t c = 0; c < d_head; ++c)
        last_keys(h, j - 1, c) = input.tensor("key")(h, j, c);
  shorter.tensors["key"] = last_keys;
  const Stages plain = of(input);
  const Tensor3 a = tensor(stage_of(plain, "pattern")), b = tensor(stage_of(of(lifted), "pattern"));
  const Tensor3 all = tensor(stage_of(plain, "scores")),
                few = tensor(stage_of(of(shorter), "scores"));
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        if (!(std::abs(a(h, i, j) - b(h, i, j)) <= 1e-5))  // float keeps that much
          return Broken{"pattern", "3 added to the whole table must change no pattern: " +
                                       cell_text("pattern", {h, i, j}) + " was " +
                                       text(a(h, i, j)) + " and is " + text(b(h, i, j))};
        if (j > 0 &&
            !(std::abs(all(h, i, j) - few(h, i, j - 1)) <= 1e-5 * (10 + std::abs(all(h, i, j)))))
          return Broken{"scores", "without the first key the others must keep their scores: " +
                                      cell_text("scores", {h, i, j}) + " was " +
                                      text(all(h, i, j)) + " and is " + text(few(h, i, j - 1))};
      }
  return std::nullopt;
}

const Exercise& exercise_13_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "13.2";
    out.stages = {"offset", "bias", "scores", "pattern"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.terms_size = terms_size;
    out.possible = [](const Sizes& sizes) { return sizes.at("n_query") <= sizes.at("n_key"); };
    const auto sizes = [](std::size_t n_query, std::size_t n_key, std::size_t n_heads,
                          std::size_t d_head, std::size_t reach) {
      return Sizes{{"n_query", n_query},
                   {"n_key", n_key},
                   {"n_heads", n_heads},
                   {"d_head", d_head},
                   {"reach", reach}};
    };
    out.cases = {
        {"worked", "the example of the header", {sizes(1, 3, 1, 1, 1)}, "worked"},
        {"coded",
         "no content, the table says head and offset",
         {sizes(4, 4, 2, 3, 2), sizes(2, 6, 3, 2, 3)},
         "coded"},
        {"fresh",
         "as many queries as keys",
         {sizes(4, 4, 2, 3, 2), sizes(7, 7, 1, 4, 3), sizes(3, 3, 3, 2, 5)}},
        {"rect",
         "fewer queries than keys: they are the last",
         {sizes(2, 6, 2, 3, 2), sizes(3, 5, 3, 5, 1)}},
        {"edge",
         "one token, one query, a reach of zero",
         {sizes(1, 1, 2, 2, 1), sizes(1, 5, 1, 1, 2), sizes(4, 4, 2, 3, 0)}},
        {"law",
         "the whole table lifted, the first key gone",
         {sizes(3, 6, 2, 3, 2)},
         "",
         only_differences},
        {"extreme", "scores of thousands", {sizes(5, 7, 3, 8, 2)}, "extreme"},
    };
    out.learner = [](const Input& input) { return answer(exercise::relative_bias, input); };
    out.mutants = mutations(mutants_13_2, answer);
    out.accepted = mutations(accepted_13_2, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("13.2.worked") {
  judge(exercise_13_2(), "worked");
}
TEST_CASE("13.2.coded") {
  judge(exercise_13_2(), "coded");
}
TEST_CASE("13.2.fresh") {
  judge(exercise_13_2(), "fresh");
}
TEST_CASE("13.2.rect") {
  judge(exercise_13_2(), "rect");
}
TEST_CASE("13.2.edge") {
  judge(exercise_13_2(), "edge");
}
TEST_CASE("13.2.law") {
  judge(exercise_13_2(), "law");
}
TEST_CASE("13.2.extreme") {
  judge(exercise_13_2(), "extreme");
}

}  // namespace headlight::course
