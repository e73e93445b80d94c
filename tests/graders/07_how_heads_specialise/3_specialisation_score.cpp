// 07.3 specialisation_score: the share of a relation in every head's attention, beside chance.
#include "07_how_heads_specialise/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::specialisation_score);
extern const std::vector<Mutant<Function>> mutants_07_3, accepted_07_3;

namespace {

Matrix blank(std::size_t rows, std::size_t columns) {
  return Matrix(Matrix::shape_type{rows, columns}, 0.0);
}

Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  if (flavour == "worked") {
    input.matrices["related"] = {{1, 0, 0}, {0, 1, 0}, {1, 0, 1}};
    input.lists["pattern"] = {Matrix{{1, 0, 0}, {0.5, 0.5, 0}, {0.6, 0.2, 0.2}}};
    return input;
  }
  const std::size_t n = sizes.at("n"), n_heads = sizes.at("n_heads");
  Matrix related = blank(n, n);  // not symmetric, with a diagonal and with a future
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) related(i, j) = i == j || random.uniform() < 0.45 ? 1 : 0;
  if (n > 2) related(n - 1, 0) = 1, related(n - 1, 1) = 0;
  if (flavour == "rare")  // most queries have nothing to find
    for (std::size_t i = 0; i + 1 < n; ++i)
      for (std::size_t j = 0; j < i; ++j) related(i, j) = i == 2 && j == 0 ? 1 : 0;
  if (flavour == "none" || flavour == "all")
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < i; ++j) related(i, j) = flavour == "all" ? 1 : 0;
  input.matrices["related"] = related;
  for (std::size_t h = 0; h < n_heads; ++h) {  // the first head seeks the relation, the last one
    const double taste = h == 0 ? 2 : h + 1 == n_heads ? -2 : 0;  // avoids it
    Matrix scores = fresh_matrix(random, n, n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < i; ++j) scores(i, j) += taste * related(i, j);
    input.lists["pattern"].push_back(softmax(future_hidden(scores)));
  }
  if (flavour == "self")  // rows of a head that looks at nothing but the token itself
    for (std::size_t i = 0; i < n; i += 2)
      for (std::size_t j = 0; j < n; ++j) input.lists["pattern"][0](i, j) = i == j ? 1 : 0;
  return input;
}

Stages answer(Function* function, const Input& input) {
  const exercise::SpecialisationTrace trace =
      function(input.list("pattern"), input.matrix("related"));
  return {{"share", values(trace.share)},
          {"mass", values(trace.mass)},
          {"chance", values(trace.chance)},
          {"score", values(trace.score)}};
}

// How many earlier tokens are related to token i.
double found(const Matrix& related, std::size_t i) {
  double count = 0;
  for (std::size_t j = 0; j < i; ++j) count += related(i, j);
  return count;
}

double counted(const Matrix& related) {
  double queries = 0;
  for (std::size_t i = 0; i < related.shape(0); ++i) queries += found(related, i) > 0;
  return queries;
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const Matrix& related = input.matrix("related");
  const std::vector<Matrix>& pattern = input.list("pattern");
  const std::size_t n = related.shape(0), n_heads = pattern.size();
  if (stage == "chance") {
    double chance = 0;
    for (std::size_t i = 1; i < n; ++i) chance += found(related, i) / static_cast<double>(i);
    return values(counted(related) == 0 ? 0 : chance / counted(related));
  }
  if (stage == "share") {
    Matrix share = blank(n_heads, n);
    for (std::size_t h = 0; h < n_heads; ++h)
      for (std::size_t i = 0; i < n; ++i) {
        double on_related = 0, on_earlier = 0;
        for (std::size_t j = 0; j < i; ++j) {
          on_earlier += pattern[h](i, j);
          if (related(i, j) != 0) on_related += pattern[h](i, j);
        }
        if (on_earlier != 0) share(h, i) = on_related / on_earlier;
      }
    return values(share);
  }
  Vector out(Vector::shape_type{n_heads}, 0.0);
  for (std::size_t h = 0; h < n_heads; ++h)
    if (stage == "mass") {
      const Matrix share = matrix(stage_of(before, "share"));
      for (std::size_t i = 0; i < n; ++i)
        if (found(related, i) > 0) out(h) += share(h, i) / counted(related);
    } else {
      const double chance = stage_of(before, "chance").data.at(0);
      const double mass = stage_of(before, "mass").data.at(h);
      out(h) = std::abs(chance - 1) < 1e-9 ? 0 : (mass - chance) / (1 - chance);
    }
  return values(out);
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>& cell) {
  const Matrix& related = input.matrix("related");
  const std::string what = cell_text(stage, cell);
  std::string above, below;
  const auto add = [](std::string& sum, const std::string& term) {
    sum += (sum.empty() ? "" : " + ") + term;
  };
  if (stage == "share") {
    for (std::size_t j = 0; j < cell[1]; ++j) {
      const std::string weight = text(input.list("pattern")[cell[0]](cell[1], j));
      add(below, weight);
      if (related(cell[1], j) != 0) add(above, weight);
    }
    if (below.empty()) return what + " = 0: there is no earlier token";
    return what + " = (" + (above.empty() ? "0" : above) + ") / (" + below +
           "), related over all earlier tokens" + (cell[1] > 0 ? ", without the token itself" : "");
  }
  if (stage == "score")
    return what + " = (mass - chance) / (1 - chance) = (" +
           text(stage_of(before, "mass").data.at(cell[0])) + " - " +
           text(stage_of(before, "chance").data.at(0)) + ") / (1 - " +
           text(stage_of(before, "chance").data.at(0)) + ")";
  for (std::size_t i = 0; i < related.shape(0); ++i) {
    if (found(related, i) == 0) continue;
    add(below, "query " + std::to_string(i));
    add(above, stage == "mass" ? text(matrix(stage_of(before, "share"))(cell[0], i))
                               : text(found(related, i)) + "/" + std::to_string(i));
  }
  if (above.empty()) return what + " = 0: no query has a related earlier token";
  return what + " = (" + above + ") / " + text(counted(related)) + ", over " + below;
}

// A head that looks at all earlier tokens alike scores 0, one that looks at a related one alone 1,
// and what a token gives to itself changes nothing.
std::optional<Broken> ends_of_the_scale(const Answer& of, const Input& input) {
  const Matrix& related = input.matrix("related");
  const std::size_t n = related.shape(0);
  Matrix alike = blank(n, n), finds = blank(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    alike(i, i) = finds(i, i) = i == 0 ? 1 : 0.25;
    std::size_t last = 0;
    for (std::size_t j = 0; j < i; ++j) {
      alike(i, j) = 0.75 / static_cast<double>(i);
      if (related(i, j) != 0) last = j;
    }
    if (i > 0) finds(i, last) = 0.75;
  }
  Input made = input;
  made.lists["pattern"] = {finds, alike, input.list("pattern")[0]};
  const Vector score = vector(stage_of(of(made), "score"));
  if (!(std::abs(score(0) - 1) <= 1e-5))
    return Broken{"score", "a head that only looks at a related token scores " + text(score(0)) +
                               " instead of 1"};
  if (!(std::abs(score(1)) <= 1e-5))
    return Broken{"score", "a head that looks at all earlier tokens alike scores " +
                               text(score(1)) + " instead of 0"};
  Matrix& halved = made.lists["pattern"][2];
  for (std::size_t i = 1; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j) halved(i, j) /= 2, halved(i, i) += halved(i, j);
  const Vector again = vector(stage_of(of(made), "score"));
  if (!(std::abs(again(2) - score(2)) <= 1e-5))
    return Broken{"score",
                  "half of the attention was given to the tokens themselves, and the "
                  "score moved"};
  return std::nullopt;
}

const Exercise& exercise_07_3() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "07.3";
    out.stages = {"share", "mass", "chance", "score"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.cases = {
        {"worked", "the example of the header", {{{"n", 3}, {"n_heads", 1}}}, "worked"},
        {"fresh", "fresh heads", {{{"n", 6}, {"n_heads", 3}}, {{"n", 4}, {"n_heads", 5}}}},
        {"rare", "queries that have nothing to find", {{{"n", 7}, {"n_heads", 2}}}, "rare"},
        {"self", "rows on the token itself", {{{"n", 5}, {"n_heads", 2}}}, "self"},
        {"none",
         "nothing is related, or one token",
         {{{"n", 4}, {"n_heads", 2}}, {{"n", 1}, {"n_heads", 2}}},
         "none"},
        {"all",
         "everything is related",
         {{{"n", 5}, {"n_heads", 2}}, {{"n", 2}, {"n_heads", 1}}},
         "all"},
        {"law", "both ends of the scale", {{{"n", 6}, {"n_heads", 3}}}, "", ends_of_the_scale},
    };
    out.learner = [](const Input& input) { return answer(exercise::specialisation_score, input); };
    out.mutants = mutations(mutants_07_3, answer);
    out.accepted = mutations(accepted_07_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("07.3.worked") {
  judge(exercise_07_3(), "worked");
}
TEST_CASE("07.3.fresh") {
  judge(exercise_07_3(), "fresh");
}
TEST_CASE("07.3.rare") {
  judge(exercise_07_3(), "rare");
}
TEST_CASE("07.3.self") {
  judge(exercise_07_3(), "self");
}
TEST_CASE("07.3.none") {
  judge(exercise_07_3(), "none");
}
TEST_CASE("07.3.all") {
  judge(exercise_07_3(), "all");
}
TEST_CASE("07.3.law") {
  judge(exercise_07_3(), "law");
}

}  // namespace headlight::course
