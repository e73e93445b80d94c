#include <cmath>
#include <headlight/analysis/ablation.hpp>
#include <headlight/analysis/entropy.hpp>
#include <headlight/analysis/head_scores.hpp>
#include <headlight/analysis/path_edge.hpp>
#include <headlight/circuit/induction.hpp>
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

TEST_CASE("head_score: the calibration table, a first token and 25 different ones repeated",
          "[analysis][golden]") {
  // Figures computed once by another program, to three decimals: what a head gets that puts all its
  // weight on the follower of the last copy, else on the first token, and a uniform head.
  std::vector<std::size_t> twice{0}, four{0};
  for (std::size_t i = 0; i < 100; ++i) {
    if (i < 50) twice.push_back(1 + i % 25);
    four.push_back(1 + i % 25);
  }
  struct Row {
    const char* id;
    HeadRole role;  // of the perfect head
    const std::vector<std::size_t>& ids;
    double perfect, uniform;
  };
  const HeadRole previous = HeadRole::previous, induction = HeadRole::induction;
  for (const Row& row : {Row{"induction.tl-mul", induction, twice, 0.490, 0.013},
                         Row{"induction.tl-abs", induction, twice, 0.490, -0.464},
                         Row{"previous.tl-mul", previous, twice, 0.980, 0.069},
                         Row{"induction.stripe", induction, twice, 0.963, 0.028},
                         Row{"induction.by-distance", induction, four, 0.490, 0.0155},
                         Row{"induction.as-printed", induction, four, 0.000, 0.015}}) {
    INFO(row.id);
    const Matrix perfect = perfect_pattern(row.role, row.ids),
                 uniform = uniform_pattern(row.ids.size());
    CHECK_THAT(head_score(definition(row.id), perfect, row.ids, 25), WithinAbs(row.perfect, 5e-4));
    CHECK_THAT(head_score(definition(row.id), uniform, row.ids, 25), WithinAbs(row.uniform, 5e-4));
  }
  // on the second copy alone, 25 rows, the stripe is whole
  const Matrix A = perfect_pattern(induction, twice);
  double second_copy = 0;
  for (std::size_t i = 26; i < 51; ++i) second_copy += A(i, i - 24) / 25;
  CHECK_THAT(second_copy, WithinAbs(1, 1e-12));
  // By distance the last row of the first copy takes the first token for a copy of itself: 76 rows
  // and 153 cells where token by token there are 75 and 150. Hence 0.490 and not 0.500, 0.987 per
  // row and not 1, and at most 76/153 for rows that sum to one.
  const Matrix B = perfect_pattern(induction, four);
  const double by_distance = head_score(definition("induction.by-distance"), B, four, 25);
  CHECK_THAT(by_distance * 153 / 76, WithinAbs(0.987, 5e-4));
  CHECK_THAT(head_score(definition("induction.olsson"), B, four, 25), WithinAbs(0.5, 1e-12));
  CHECK_THAT(head_score(definition("induction.mass"), B, four, 25), WithinAbs(1, 1e-12));
}

TEST_CASE("head_score: what tl definitions leave out", "[analysis][two-ways]") {
  const Matrix perfect = perfect_pattern(HeadRole::induction, abc);
  // three rows rest on the first token: without its column four of four weights are on followers
  CHECK(head_score(definition("induction.tl-mul"), perfect, abc, 3, {true, false}) == 1);
  CHECK_THAT(head_score(definition("induction.tl-mul"), perfect, abc, 3, {false, true}),
             WithinAbs(4.0 / 6, 1e-15));  // row 0 rests on itself
  CHECK(head_score(definition("induction.mass"), perfect, abc, 3, {true, true}) ==
        of("induction.mass", perfect));  // nobody else leaves anything out
}

TEST_CASE("copying_scores: a circuit built by hand copies fully, others by chance or not at all",
          "[analysis][two-ways]") {
  const ModelWeights hand = induction_by_hand<double>(30, 40);
  std::vector<std::vector<std::size_t>> samples;
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    samples.push_back(distinct_tokens(0, 29, 25, seed));
  const Matrix of_hand = copying_scores<double>(hand, samples);
  CHECK_THAT(of_hand(1, 0), WithinAbs(1, 1e-12));
  CHECK(std::isnan(of_hand(0, 0)));  // it writes where the unembedding does not read
  ModelWeights against = hand;
  against.blocks[1].attention.W_O *= -1.0;
  CHECK(copying_scores<double>(against, samples)(1, 0) == 0);
  // values that say nothing of the token raise some tokens, whichever is looked at
  ModelWeights blind = hand;
  Random random(2);
  blind.blocks[1].attention.W_V = Matrix(blind.blocks[1].attention.W_V * 0.0);
  blind.blocks[1].attention.b_V = random_vector<double>(random, 30);
  CHECK_THAT(copying_scores<double>(blind, samples)(1, 0), WithinAbs(1.0 / 25, 1e-12));
  CHECK_THROWS_WITH(distinct_tokens(3, 9, 8, 0),
                    "distinct_tokens: wanted 8 different ids from 3 to 9");
}

TEST_CASE("in_context_score: what a context teaches, token 500 of 512 less token 50",
          "[analysis][two-ways]") {
  CHECK(context_span(512).early == 50);
  CHECK(context_span(512).late == 500);
  CHECK(context_span(3).late == 1);
  ModelWeights hand = induction_by_hand<double>(30, 64);
  std::vector<std::vector<std::size_t>> repeated;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    repeated.push_back(distinct_tokens(0, 29, 16, seed));
    for (std::size_t i = 0; i < 32; ++i) repeated.back().push_back(repeated.back()[i]);
  }
  // token 4 of 48: nothing to find yet, four tokens are raised by 10/4 each; token 46: the follower
  // of its copies is raised by 10
  const double early = std::log(4 * std::exp(2.5) + 26), late = std::log(std::exp(10.0) + 29) - 10;
  CHECK_THAT(in_context_score<double>(hand, repeated), WithinAbs(late - early, 1e-9));
  hand.W_U *= 0.0;  // knows nothing, learns nothing
  CHECK(in_context_score<double>(hand, repeated) == 0);
}

TEST_CASE("score_heads: heads built by hand reach every ceiling, a uniform head every baseline",
          "[analysis][law]") {
  ModelWeights w = induction_by_hand<double>(60, 64);
  const std::vector<std::vector<std::size_t>> sequences{[] {
    std::vector<std::size_t> ids = distinct_tokens(0, 59, 20, 5);
    ids.insert(ids.end(), ids.begin(), ids.begin() + 20);
    return ids;
  }()};
  const ScoreCard hand = score_heads<double>(w, sequences, 20);
  for (MatrixOf<double>* m : {&w.blocks[1].attention.W_Q, &w.blocks[0].attention.W_Q}) *m *= 0.0;
  const ScoreCard uniform = score_heads<double>(w, sequences, 20);
  for (std::size_t s = 0; s < score_definitions().size(); ++s) {
    const ScoreDefinition& d = score_definitions()[s];
    INFO(d.id);
    CHECK_THAT(uniform.score[s](1, 0), WithinAbs(uniform.baseline[s], 1e-12));
    if (d.id == "induction.as-printed")
      CHECK(hand.ceiling[s] == 0);  // as printed, an induction head scores nothing
    else
      CHECK(hand.ceiling[s] > hand.baseline[s] + 0.3);
  }
  const auto index = [](const std::string& id) {
    std::size_t s = 0;
    while (score_definitions()[s].id != id) ++s;
    return s;
  };
  CHECK(hand.score[index("induction.mass")](1, 0) > 0.999);
  CHECK(hand.score[index("previous.stripe")](0, 0) > 0.999);
  CHECK(hand.score[index("induction.mass")](0, 0) < 0.01);
  CHECK(hand.score[index("previous.stripe")](1, 0) < 0.1);
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
  CHECK_THROWS_WITH(
      cut_edge<double>(models::model(models::all_kinds()[9]), {{0, 0}}, PathEdge::key, 1),
      "cut_edge: wanted pre-norm blocks, where heads add to the stream; got post-norm");
}
