#include <cmath>
#include <headlight/analysis/ablation.hpp>
#include <headlight/analysis/entropy.hpp>
#include <headlight/analysis/head_scores.hpp>
#include <headlight/analysis/path_edge.hpp>
#include <headlight/core/random.hpp>

#include "../learning/models.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using Catch::Matchers::WithinAbs;

namespace {

const ScoreDefinition& definition(const std::string& id) {
  for (const ScoreDefinition& d : score_definitions())
    if (d.id == id) return d;
  throw std::invalid_argument(id);
}

// a b c a b c a: three earlier copies at the end, so that "all" and "latest" differ
const std::vector<std::size_t> abc{4, 7, 9, 4, 7, 9, 4};

double of(const std::string& id, const Matrix& pattern) {
  return head_score(definition(id), pattern, abc, 3);
}

}  // namespace

TEST_CASE("head_score: a perfect head of each role by hand", "[analysis][two-ways]") {
  const Matrix induction = perfect_pattern(HeadRole::induction, abc);
  // rows 3, 4, 5, 6 look at 1, 2, 3, 4; rows 0 to 2 rest on the first token
  CHECK(induction(3, 1) == 1);
  CHECK(induction(6, 4) == 1);
  CHECK(induction(2, 0) == 1);
  CHECK(of("induction.mass", induction) == 1);
  CHECK_THAT(of("induction.tl-mul", induction), WithinAbs(4.0 / 7, 1e-15));
  CHECK_THAT(of("induction.olsson", induction), WithinAbs(4.0 / 5, 1e-15));  // row 6 has two cells
  CHECK_THAT(of("induction.stripe", induction), WithinAbs(5.0 / 5, 1e-15));  // rows 2 ... 6
  CHECK_THAT(of("induction.tl-abs", induction), WithinAbs(1 - 0.571, 1e-12));  // 3 + 1 cells off
  const Matrix previous = perfect_pattern(HeadRole::previous, abc);
  CHECK(of("previous.stripe", previous) == 1);
  CHECK_THAT(of("previous.tl-mul", previous), WithinAbs(6.0 / 7, 1e-15));
  CHECK(of("induction.mass", previous) == 0);
  const Matrix duplicate = perfect_pattern(HeadRole::duplicate, abc);
  CHECK(of("duplicate.mass", duplicate) == 1);
  CHECK(of("duplicate.stripe", duplicate) == 1);
  CHECK(of("induction.mass", duplicate) == 0);
}

TEST_CASE("head_score: a uniform head by hand", "[analysis][two-ways]") {
  const Matrix uniform = uniform_pattern(7);
  // rows 3, 4, 5 have one follower, row 6 two
  CHECK_THAT(of("induction.mass", uniform),
             WithinAbs((1.0 / 4 + 1.0 / 5 + 1.0 / 6 + 2.0 / 7) / 4, 1e-15));
  CHECK_THAT(of("previous.stripe", uniform),
             WithinAbs((1.0 / 2 + 1.0 / 3 + 1.0 / 4 + 1.0 / 5 + 1.0 / 6 + 1.0 / 7) / 6, 1e-15));
}

TEST_CASE(
    "head_score: ceilings on 25 random tokens after a first one, repeated, are the published "
    "calibration",
    "[analysis][two-ways]") {
  // names of definitions and figures of the calibration table: TL mul .490, abs .490, stripe .963,
  // Olsson .490 with four copies and .987 as a sum per row
  double mul = 0, abs = 0, stripe = 0, olsson = 0, mass = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto twice = repeated_tokens({0}, 1, 5000, 25, 2, seed);
    const Matrix a = perfect_pattern(HeadRole::induction, twice);
    mul += head_score(definition("induction.tl-mul"), a, twice, 25) / 10;
    abs += head_score(definition("induction.tl-abs"), a, twice, 25) / 10;
    stripe += head_score(definition("induction.stripe"), a, twice, 25) / 10;
    const auto four = repeated_tokens({0}, 1, 5000, 25, 4, seed);
    const Matrix b = perfect_pattern(HeadRole::induction, four);
    olsson += head_score(definition("induction.olsson"), b, four, 25) / 10;
    mass += head_score(definition("induction.mass"), b, four, 25) / 10;
  }
  CHECK_THAT(mul, WithinAbs(0.490, 0.01));
  CHECK_THAT(abs, WithinAbs(0.490, 0.01));
  CHECK_THAT(stripe, WithinAbs(0.963, 0.01));
  CHECK(olsson < 0.52);
  CHECK_THAT(mass, WithinAbs(1.0, 0.02));
}

TEST_CASE("perfect_pattern: a stripe is preferred where it is of the role", "[analysis][law]") {
  const std::vector<std::size_t> ids{3, 5, 5, 3, 5, 5, 3};  // period 3, a token twice in it
  CHECK(perfect_pattern(HeadRole::duplicate, ids)(4, 2) == 1);
  CHECK(perfect_pattern(HeadRole::duplicate, ids, 3)(4, 1) == 1);
  CHECK(head_score(definition("duplicate.stripe"), perfect_pattern(HeadRole::duplicate, ids, 3),
                   ids, 3) == 1);
}

TEST_CASE("entropy: one key none, all alike the logarithm", "[analysis][two-ways]") {
  const double one[] = {0, 1, 0}, alike[] = {0.25, 0.25, 0.25, 0.25};
  CHECK(entropy(one) == 0);
  CHECK_THAT(entropy(alike), WithinAbs(std::log(4.0), 1e-15));
  CHECK_THAT(mean_entropy(uniform_pattern(6)), WithinAbs(1, 1e-15));
  CHECK(mean_entropy(perfect_pattern(HeadRole::previous, abc)) == 0);
}

TEST_CASE("ablate: zero is the model whose W_O lacks the head's rows", "[analysis][two-ways]") {
  const ModelWeights w = models::model(models::all_kinds()[1]);
  ModelWeights without = w;
  for (std::size_t i = 5; i < 10; ++i)  // head 1 of width 5
    for (std::size_t j = 0; j < 9; ++j) without.blocks[1].attention.W_O(i, j) = 0;
  const std::vector<std::size_t> ids{1, 5, 2, 5, 8};
  const ModelTrace got =
      run_model<double>(ids, w, {Record::everything, 1, ablate<double>({{1, 1}}, Ablation::zero)});
  CHECK_THAT(got.logits, IsClose(run_model<double>(ids, without).logits));
}

TEST_CASE("ablate: a head's own output in its place changes nothing, another sequence's does",
          "[analysis][law]") {
  const ModelWeights w = models::model(models::all_kinds()[1]);
  const std::vector<std::size_t> ids{1, 5, 2, 5, 8}, others{7, 0, 3, 4, 4};
  const ModelTrace plain = run_model<double>(ids, w);
  const auto with = [&](Ablation kind, const HeadOutputsOf<double>& replacement) {
    return run_model<double>(ids, w,
                             {Record::everything, 1, ablate<double>({{0, 2}}, kind, replacement)});
  };
  CHECK((with(Ablation::resample, head_outputs(plain)).logits == plain.logits));
  CHECK((with(Ablation::mean, mean_outputs<double>(w, std::vector{ids, ids})).logits ==
         plain.logits));
  const ModelTrace resampled = with(Ablation::resample, head_outputs(run_model<double>(others, w)));
  CHECK(compare(resampled.logits, plain.logits).relative > 1e-3);
  CHECK_THROWS_WITH(ablate<double>({{0, 0}}, Ablation::mean),
                    "ablate: mean and resample need outputs that take their place");
}

TEST_CASE("ablate: uniform makes the pattern uniform over visible keys", "[analysis][two-ways]") {
  const ModelWeights w = models::model(models::all_kinds()[1]);
  const std::vector<std::size_t> ids{1, 5, 2, 5, 8};
  const ModelTrace t = run_model<double>(
      ids, w, {Record::everything, 1, ablate<double>({{0, 1}}, Ablation::uniform)});
  Matrix pattern = uniform_pattern(5);
  for (std::size_t c = 0; c < 25; ++c)
    pattern.data()[c] = t.blocks[0].attention.pattern.data()[25 + c];
  CHECK_THAT(pattern, IsClose(uniform_pattern(5)));
}

TEST_CASE("cut_edge: without norms, cutting all four edges is taking the head out",
          "[analysis][two-ways]") {
  models::Kind kind = models::all_kinds()[2];  // attention only
  kind.has_norms = false;
  const ModelWeights w = models::model(kind);
  const std::vector<std::size_t> ids{1, 5, 2, 5, 8};
  const HeadId head{0, 1};
  std::vector<InterventionOf<double>> cuts;
  for (const PathEdge edge : {PathEdge::query, PathEdge::key, PathEdge::value, PathEdge::direct})
    cuts.push_back(cut_edge<double>(w, {head}, edge, 1));
  const auto all = [&](const StageOf<double>& stage) {
    for (const auto& cut : cuts) cut(stage);
  };
  const ModelTrace cut = run_model<double>(ids, w, {Record::everything, 1, all});
  const ModelTrace without =
      run_model<double>(ids, w, {Record::everything, 1, ablate<double>({head}, Ablation::zero)});
  CHECK_THAT(cut.logits, IsClose(without.logits));
  const ModelTrace one = run_model<double>(ids, w, {Record::everything, 1, cuts[1]});
  CHECK(compare(one.logits, without.logits).relative > 1e-3);
}

TEST_CASE("cut_edge: refuses edges that go nowhere", "[analysis][error]") {
  const ModelWeights w = models::model(models::all_kinds()[1]);
  CHECK_THROWS_WITH(
      cut_edge<double>(w, {{1, 0}}, PathEdge::key, 1),
      "cut_edge: wanted an earlier head and a later layer below 2, got layers 1 and 1");
}
