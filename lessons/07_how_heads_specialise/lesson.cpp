// Lesson 7: how heads specialise in training.   Report, section 7.
// A trained two-layer model with two heads a layer and checkpoints along its way, its one-layer
// control, a model of a toy English; two heads of one kind trained side by side, here.
#include <algorithm>
#include <cmath>
#include <headlight/analysis/ablation.hpp>
#include <headlight/analysis/head_scores.hpp>
#include <headlight/analysis/path_edge.hpp>
#include <headlight/circuit/induction.hpp>
#include <headlight/core/random.hpp>
#include <headlight/learning/backward.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/recipes.hpp>
#include <map>
#include <set>

#include "support/models.hpp"
#include "support/page.hpp"

using namespace headlight;

namespace {

std::string fixed(double x) {
  return render::fixed(x, 3);
}

std::string name_of(HeadId id) {
  return std::to_string(id.layer) + "." + std::to_string(id.head);
}

HeadId best_head(const RelationFigures& figures) {
  const std::size_t best = static_cast<std::size_t>(
      std::max_element(figures.mass.begin(), figures.mass.end()) - figures.mass.begin());
  return {best / figures.mass.shape(1), best % figures.mass.shape(1)};
}

double best_of_layer(const RelationFigures& figures, std::size_t layer) {
  double best = 0;
  for (std::size_t h = 0; h < figures.mass.shape(1); ++h)
    best = std::max(best, figures.mass(layer, h));
  return best;
}

// One layer with three heads on repeated tokens; heads 0 and 1 begin as copies of each other,
// except that `difference` is added to one entry of head 1's W_O.
ModelWeights with_clones(double difference) {
  SmallModel shape;
  shape.vocabulary = 12, shape.n = 16, shape.d_model = 12, shape.n_heads = 3, shape.n_layers = 1;
  ModelWeights w = model_cast<double>(initial_weights(shape, 7));
  MultiHeadWeights& a = w.blocks[0].attention;
  for (Matrix* m : {&a.W_Q, &a.W_K, &a.W_V})
    for (std::size_t i = 0; i < 12; ++i)
      for (std::size_t j = 0; j < 4; ++j) (*m)(i, 4 + j) = (*m)(i, j);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 12; ++j) a.W_O(4 + i, j) = a.W_O(i, j);
  a.W_O(4, 0) += difference;
  return w;
}

Batch small_batch(std::uint64_t seed) {
  Random random(seed);
  std::vector<Example> examples;
  for (int s = 0; s < 8; ++s) examples.push_back(repeated_example({12, 16, 3, 7}, random));
  return batch_of(examples);
}

// Largest difference between the columns of heads `one` and `other` of W_Q.
double apart(const ModelWeights& w, std::size_t one, std::size_t other) {
  double largest = 0;
  const Matrix& W_Q = w.blocks[0].attention.W_Q;
  for (std::size_t i = 0; i < 12; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      largest = std::max(largest, std::abs(W_Q(i, 4 * one + j) - W_Q(i, 4 * other + j)));
  return largest;
}

ModelWeights trained(const ModelWeights& start, double dropout, std::size_t steps) {
  TrainingPlan plan;
  plan.schedule = {5e-3, 20, steps, 0.1};
  plan.pattern_dropout = dropout;
  TrainerOf<double> trainer(start, plan);
  for (std::size_t s = 0; s < steps; ++s) trainer.step(small_batch(s));
  return trainer.weights();
}

void clones(lesson::Page& page) {
  page.step("At the start: what makes heads different");
  page.say(
      "The loss is one number for the whole model; it has no term for a head. Three heads of one "
      "layer, two of them copies of each other, are trained for 200 steps.");
  const ModelWeights start = with_clones(0);
  const BatchResultOf<double> first = TrainerOf<double>(start, {}).gradient(small_batch(0));
  const double clones_differ = apart(first.gradients, 0, 1);
  const double others_differ = apart(first.gradients, 0, 2);
  page.claim("C07-04", page.check_equal(clones_differ, 0.0,
                                        "heads with equal weights get equal gradients, bit by bit: "
                                        "identical beginnings are an exact symmetry"));
  const auto roles = page.check_greater(
      others_differ, 1e-4, "a head with other weights gets another gradient from the same loss");
  page.claim("C07-04", roles);
  page.claim("C07-07", roles);

  const double quiet = apart(trained(start, 0, 200), 0, 1);
  const double moved = apart(trained(start, 0, 200), 0, 2);
  const double noisy = apart(trained(start, 0.1, 200), 0, 1);
  const double nudged = apart(trained(with_clones(1e-3), 0, 200), 0, 1);
  page.text_table({"after 200 steps of AdamW", "difference in W_Q"},
                  {{"copies, fresh random batches every step", render::fixed(quiet, 5)},
                   {"copies, with dropout on the patterns", render::fixed(noisy, 5)},
                   {"copies but for 0.001 in one entry of W_O", render::fixed(nudged, 5)},
                   {"heads drawn independently", render::fixed(moved, 5)}});
  const auto stay = page.check_equal(
      quiet, 0.0,
      "200 random batches do not part two copies of a head: the noise of SGD is the same for both");
  page.claim("C07-05", stay);
  page.claim(
      "C07-05",
      page.check_greater(
          noisy, 1e-3,
          "dropout on the patterns, which hits each head apart, parts two copies of a head"));
  page.claim("C07-05", page.check_greater(nudged, 1e-4,
                                          "0.001 added to one entry of a copy's W_O parts the W_Q "
                                          "of two copied heads in 200 steps"));
}

void emergence(lesson::Page& page, const Recipe& recipe, std::span<const Example> examples) {
  page.step("Along training: the loss has no word for heads, yet they appear");
  const std::vector<std::size_t> steps = {0, 60, 100, 120, 140, 160, 200, 300, 600};
  std::vector<double> x, loss, previous, induction;
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t step : steps) {
    std::string name = std::to_string(step);
    name = "induction-step-" + std::string(3 - name.size(), '0') + name;
    const ModelWeightsF w = lesson::trained_model(step == 600 ? "induction" : name);
    const Evaluation e = evaluate(w, examples, {.threads = lesson::threads});
    x.push_back(static_cast<double>(step));
    loss.push_back(e.relation.at("induction").loss);
    previous.push_back(best_of_layer(e.relation.at("previous"), 0));
    induction.push_back(best_of_layer(e.relation.at("induction"), 1));
    rows.push_back({std::to_string(step), fixed(loss.back()), fixed(previous.back()),
                    fixed(induction.back())});
  }
  page.text_table({"step", "loss on repeats", "previous token, layer 0", "induction, layer 1"},
                  rows);
  page.line_chart("scores along training",
                  {{"previous token, layer 0", x, previous}, {"induction, layer 1", x, induction}},
                  {.x_label = "step", .y_label = "weight"});
  page.line_chart("loss where something repeats", {{"loss", x, loss}},
                  {.x_label = "step", .y_label = "nats"});
  page.claim("C07-03", page.check_greater(induction.back() - induction.front(), 0.5,
                                          "from step 0 to 600 the upper layer's best induction "
                                          "score rises by over 0.5: optimisation alone makes it"));
  const double sudden = loss[2] - loss[6];  // steps 100 to 200 of 600
  page.claim("C07-09", page.check_greater(sudden / (loss.front() - loss.back()), 0.5,
                                          "over half of the fall of the loss on repeats comes in "
                                          "100 of 600 steps, on data that are never seen twice"));

  page.step("Depth: the same data, one layer");
  const Evaluation one_layer = evaluate(lesson::trained_model("induction-one-layer"), examples,
                                        {.threads = lesson::threads});
  const Evaluation two_layers =
      evaluate(lesson::trained_model(recipe.name), examples, {.threads = lesson::threads});
  const RelationFigures& deep = two_layers.relation.at("induction");
  const RelationFigures& flat = one_layer.relation.at("induction");
  page.text_table(
      {"model", "right on repeats", "loss on repeats", "best head"},
      {{"two layers, two heads each", fixed(deep.accuracy), fixed(deep.loss), fixed(deep.best())},
       {"one layer, four heads", fixed(flat.accuracy), fixed(flat.loss), fixed(flat.best())}});
  page.claim("C07-14", page.check_greater(deep.accuracy, 0.9,
                                          "a model of two layers continues what repeats: over 90 "
                                          "in 100 of its answers there are right"));
  page.claim("C07-14",
             page.check_less(
                 flat.accuracy, 0.4,
                 "a model of one layer with four heads is right on less than 40 in 100 repeats"));
  const RelationFigures& before = two_layers.relation.at("previous");
  page.claim("C07-26", page.check_less(best_of_layer(before, 1), best_of_layer(before, 0) / 2,
                                       "the upper layer's best previous-token score is less than "
                                       "half of the lower layer's: roles go by layer"));
  page.claim("C07-26", page.check_less(best_of_layer(deep, 0), best_of_layer(deep, 1) / 2,
                                       "the lower layer's best induction score is less than half "
                                       "of the upper layer's: roles go by layer"));
  double least = 1;
  for (std::size_t h = 0; h < deep.mass.shape(1); ++h) least = std::min(least, deep.mass(1, h));
  page.claim("C07-08", page.check_greater(least, 0.5,
                                          "both upper heads score over 0.5 on induction at the "
                                          "end: nothing drove two heads with one task apart"));
}

void maps(lesson::Page& page, const ModelWeightsF& w) {
  page.step("What it looks like: a text repeated");
  std::vector<std::string> words =
      page.tokens("one head looks back at the token before while another copies");
  if (words.size() > 12) words.resize(12);
  const std::vector<std::string> distinct = [&] {
    std::vector<std::string> all;
    for (const std::string& word : words)
      if (std::find(all.begin(), all.end(), word) == all.end()) all.push_back(word);
    return all;
  }();
  std::vector<std::size_t> ids;  // every word is some token; the model only sees equal or not
  std::vector<std::string> shown;
  for (int copy = 0; copy < 2; ++copy)
    for (const std::string& word : words) {
      const auto at = std::find(distinct.begin(), distinct.end(), word) - distinct.begin();
      ids.push_back((static_cast<std::size_t>(at) * 7 + 3) % 48);
      shown.push_back(word);
    }
  const ModelTraceF trace = run_model<float>(ids, w);
  const std::size_t n = ids.size();
  double above = 0;
  for (const auto& block : trace.blocks)
    for (std::size_t h = 0; h < 2; ++h)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = i + 1; j < n; ++j)
          above += static_cast<double>(block.attention.pattern(h, i, j));
  const std::vector<ScoreDefinition>& definitions = score_definitions();
  const ScoreCard card =
      score_heads<float>(w, std::vector<std::vector<std::size_t>>{ids}, words.size());
  const auto strongest = [&](std::size_t layer, const std::string& id) {
    std::size_t d = 0;
    while (definitions[d].id != id) ++d;
    return card.score[d](layer, 0) > card.score[d](layer, 1) ? std::size_t{0} : std::size_t{1};
  };
  const auto pattern = [&](std::size_t layer, std::size_t head) {
    Matrix A = Matrix::from_shape({n, n});  // [query, key]
    for (std::size_t c = 0; c < n * n; ++c)
      A.data()[c] =
          static_cast<double>(trace.blocks[layer].attention.pattern.data()[head * n * n + c]);
    return A;
  };
  const Mask mask = trace.blocks[0].attention.mask;
  page.heat_map("layer 0, the head that looks at the previous token",
                pattern(0, strongest(0, "previous.stripe")), {shown, {}}, &mask);
  page.heat_map("layer 1, an induction head", pattern(1, strongest(1, "induction.mass")),
                {shown, {}}, &mask);
  page.claim("C07-29", page.check_equal(above, 0.0,
                                        "no head gives weight above the diagonal: a shifted "
                                        "diagonal means the previous token, never the next"));
}

double best_in_layer(const Matrix& scores, std::size_t layer) {
  double best = scores(layer, 0);
  for (std::size_t h = 1; h < scores.shape(1); ++h) best = std::max(best, scores(layer, h));
  return best;
}

void scores(lesson::Page& page, const ModelWeightsF& w) {
  page.step("How a role is measured: every definition has its own ceiling");
  page.say(
      "Sixteen different tokens, three times. \"By hand\": a circuit whose weights were written "
      "down, a previous-token head below, an induction head above. Ceiling: a perfect pattern, all "
      "weight on the last copy's follower. Induction and copying are read in the upper layer, the "
      "previous token in the lower.");
  std::vector<std::vector<std::size_t>> thrice, once;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    once.push_back(distinct_tokens(0, 47, 48, seed));
    thrice.push_back(distinct_tokens(0, 47, 16, seed));
    for (std::size_t i = 0; i < 32; ++i) thrice.back().push_back(thrice.back()[i]);
  }
  const ModelWeights hand = induction_by_hand<double>(48, 48);
  const ModelWeightsF before = lesson::untrained_model("induction");
  const ScoreCard by_hand = score_heads<double>(hand, thrice, 16);
  const ScoreCard now = score_heads<float>(w, thrice, 16);
  const ScoreCard then = score_heads<float>(before, thrice, 16);
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, std::size_t> at;
  for (std::size_t s = 0; s < score_definitions().size(); ++s) {
    const ScoreDefinition& d = score_definitions()[s];
    at[d.id] = s;
    if (d.role == HeadRole::duplicate || d.id == "induction.as-printed") continue;
    const std::size_t layer = d.role == HeadRole::induction ? 1 : 0;
    rows.push_back({d.id, fixed(by_hand.score[s](layer, 0)), fixed(by_hand.ceiling[s]),
                    fixed(best_in_layer(now.score[s], layer)),
                    fixed(best_in_layer(then.score[s], layer)), fixed(by_hand.baseline[s])});
  }
  const Matrix copying_by_hand = copying_scores<double>(hand, once);
  const Matrix copying = copying_scores<float>(w, once);
  const Matrix copying_before = copying_scores<float>(before, once);
  rows.push_back({"copying", fixed(copying_by_hand(1, 0)), fixed(1),
                  fixed(best_in_layer(copying, 1)), fixed(best_in_layer(copying_before, 1)),
                  fixed(1.0 / 48)});
  page.text_table({"score", "by hand", "ceiling", "trained", "untrained", "uniform"}, rows);
  const auto score = [&](const std::string& id, std::size_t layer) {
    return by_hand.score[at.at(id)](layer, 0);
  };
  page.check_close(score("induction.mass", 1), 1.0,
                   "the head built by hand to induce has an induction score of 1");
  page.check_close(score("previous.stripe", 0), 1.0,
                   "the head built by hand to look one back has a previous-token score of 1");
  page.check_less(
      score("induction.mass", 0) + score("duplicate.mass", 0), 1e-12,
      "the head built by hand to look one back scores 0 on induction and on duplicate tokens");
  page.check_less(by_hand.ceiling[at.at("induction.tl-mul")],
                  0.7 * by_hand.ceiling[at.at("induction.mass")],
                  "the ceiling of one induction score is below 0.7 of another's: a threshold says "
                  "nothing without its ceiling");
  page.check_close(copying_by_hand(1, 0), 1.0,
                   "the head built by hand to induce copies: its value raises the token that it "
                   "looks at and no other");
  page.check_greater(best_in_layer(copying, 1), 5.0 / 48,
                     "a trained upper head copies: it scores over five times what raising all "
                     "tokens alike would give");
  page.check_less(best_in_layer(copying, 0), 1.0 / 48,
                  "the trained lower heads, which look one back, copy less than raising all tokens "
                  "alike would");

  const double learned = in_context_score<float>(w, thrice);
  const double nothing = in_context_score<float>(before, thrice);
  page.text_table({"loss late in the context less loss early", "nats"},
                  {{"trained, tokens that repeat", fixed(learned)},
                   {"trained, tokens that do not", fixed(in_context_score<float>(w, once))},
                   {"untrained, tokens that repeat", fixed(nothing)}});
  page.check_less(learned, -2, "the context teaches the trained model more than two nats");
  page.check_less(std::abs(nothing), 0.5,
                  "the context changes the untrained model's loss by less than half a nat");
}

void circuit(lesson::Page& page, const ModelWeightsF& w, std::span<const Example> examples) {
  page.step("The mechanism: cutting one edge at a time");
  page.say(
      "The report lets the first head find an earlier A and the second fetch what followed. "
      "Tested here: what the lower heads write is kept from one input of the upper layer, "
      "everything else stays.");
  const Evaluation whole = evaluate(w, examples, {.threads = lesson::threads});
  const RelationFigures& plain = whole.relation.at("induction");
  std::vector<std::vector<std::string>> rows{
      {"nothing", fixed(plain.accuracy), fixed(plain.loss), fixed(best_of_layer(plain, 1))}};
  // both heads of the lower layer: some runs split the previous token over the two
  const std::vector<HeadId> lower{{0, 0}, {0, 1}};
  double by_key = 0, least_other = 1, mass_without_key = 1;
  for (const auto& [edge, name] :
       {std::pair{PathEdge::query, "queries"}, std::pair{PathEdge::key, "keys"},
        std::pair{PathEdge::value, "values"},
        std::pair{PathEdge::direct, "own way to the logits"}}) {
    const auto off = [&, e = edge](std::size_t) { return cut_edge<float>(w, lower, e, 1); };
    const Evaluation cut = evaluate(w, examples, {.intervention = off, .threads = lesson::threads});
    const RelationFigures& f = cut.relation.at("induction");
    rows.push_back({std::string("upper ") + name, fixed(f.accuracy), fixed(f.loss),
                    fixed(best_of_layer(f, 1))});
    if (edge == PathEdge::direct) rows.back()[0] = name;
    if (edge == PathEdge::key) {
      by_key = f.accuracy, mass_without_key = best_of_layer(f, 1);
    } else {
      least_other = std::min(least_other, f.accuracy);
    }
  }
  page.text_table({"layer 0 is cut from", "right", "loss", "best induction"}, rows);
  const auto keys = page.check_less(by_key, 0.6 * least_other,
                                    "cut from the upper layer's keys, the lower heads leave under "
                                    "0.6 of the right answers of any other cut");
  const double most_duplicate = whole.relation.at("duplicate").best();
  const auto no_search = page.check_less(most_duplicate, 0.25,
                                         "no head gives earlier copies of a token a quarter of its "
                                         "weight: none looks for the earlier A itself");
  page.claim("C07-13", keys);
  page.claim("C07-13", no_search);
  page.claim("C07-28", page.check_less(mass_without_key, 0.7 * best_of_layer(plain, 1),
                                       "with the lower heads cut from the upper keys, the best "
                                       "induction score falls below 0.7 of what it was"));

  page.step("Ablation: see what breaks");
  std::vector<std::vector<std::size_t>> others;
  for (const Example& e : examples) others.push_back(e.ids);
  const HeadOutputsOf<float> mean = mean_outputs<float>(w, others);
  std::vector<std::vector<std::string>> table;
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t h = 0; h < 2; ++h) {
      std::vector<std::string> row{name_of({l, h})};
      for (const Ablation kind :
           {Ablation::zero, Ablation::mean, Ablation::resample, Ablation::uniform}) {
        const auto off = [&, kind](std::size_t number) {
          const std::size_t other = (number + 1) % 16;
          const HeadOutputsOf<float> donor =
              kind == Ablation::resample ? head_outputs(run_model<float>(
                                               examples[other].ids, w, {Record::essential, 1, {}}))
                                         : mean;
          return ablate<float>({{l, h}}, kind, donor);
        };
        const Evaluation e = evaluate(
            w, examples.first(16),
            {.intervention = off, .record = Record::essential, .threads = lesson::threads});
        row.push_back(fixed(e.relation.at("induction").loss));
      }
      table.push_back(row);
    }
  page.say("Loss on repeats without one head, " + fixed(plain.loss) + " with all:");
  page.text_table({"head", "zero", "mean", "resampled", "uniform"}, table);
  const auto without = [&](const std::vector<HeadId>& heads) {
    const auto off = [&](std::size_t) { return ablate<float>(heads, Ablation::zero); };
    return evaluate(w, examples,
                    {.intervention = off, .record = Record::essential, .threads = lesson::threads});
  };
  const Evaluation no_upper = without({{1, 0}, {1, 1}});
  const Evaluation no_lower = without({{0, 0}, {0, 1}});
  const auto new_tokens = [&](const Evaluation& e) {  // loss where nothing repeats yet
    const RelationFigures& f = e.relation.at("induction");
    const double all = static_cast<double>(examples.size() * examples[0].ids.size());
    const double repeats = static_cast<double>(f.answers);
    return (e.loss * all - f.loss * repeats) / (all - repeats);
  };
  page.text_table(
      {"without", "loss on repeats", "loss on new tokens"},
      {{"nothing", fixed(plain.loss), fixed(new_tokens(whole))},
       {"layer 0", fixed(no_lower.relation.at("induction").loss), fixed(new_tokens(no_lower))},
       {"layer 1", fixed(no_upper.relation.at("induction").loss), fixed(new_tokens(no_upper))}});
  page.claim("C07-31",
             page.check_greater(
                 no_lower.relation.at("induction").loss - plain.loss, 2,
                 "silencing the heads of the lower layer costs more than two nats on repeats"));
  const double on_repeats = no_upper.relation.at("induction").loss - plain.loss;
  page.claim("C07-32",
             page.check_greater(
                 on_repeats, 2,
                 "silencing the upper heads, which induce, costs more than two nats on repeats"));
  page.claim("C07-32", page.check_less(new_tokens(no_upper) - new_tokens(whole), on_repeats / 2,
                                       "silencing the upper heads costs new tokens less than half "
                                       "of what it costs repeats: it is copying that is lost"));
}

// Tells from a head's output at a token which token came before, by the nearest class mean.
double probe(const ModelWeightsF& w, HeadId head, std::span<const Example> examples,
             bool shuffled) {
  const std::size_t vocabulary = w.W_E.shape(0), width = 32, half = examples.size() / 2;
  Matrix mean = Matrix::from_shape({vocabulary, width});
  std::fill(mean.begin(), mean.end(), 0.0);
  std::vector<double> count(vocabulary, 0);
  double right = 0, asked = 0;
  Random random(5);
  for (std::size_t e = 0; e < examples.size(); ++e) {
    const std::vector<std::size_t>& ids = examples[e].ids;
    const ModelTraceF t = run_model<float>(ids, w, {Record::essential, 1, {}});
    const Tensor3F& z = t.blocks[head.layer].attention.output;
    for (std::size_t i = 1; i < ids.size(); ++i) {
      const auto value = [&](std::size_t c) { return static_cast<double>(z(head.head, i, c)); };
      std::size_t label = ids[i - 1];
      if (e < half) {
        if (shuffled) label = random.below(vocabulary);
        for (std::size_t c = 0; c < width; ++c) mean(label, c) += value(c);
        count[label] += 1;
        continue;
      }
      std::size_t best = 0;
      double nearest = 1e300;
      for (std::size_t v = 0; v < vocabulary; ++v) {
        double distance = 0;
        for (std::size_t c = 0; c < width; ++c) {
          const double d = value(c) - mean(v, c) / std::max(1.0, count[v]);
          distance += d * d;
        }
        if (distance < nearest) nearest = distance, best = v;
      }
      right += best == label;
      asked += 1;
    }
  }
  return right / asked;
}

void probing(lesson::Page& page, const ModelWeightsF& w, std::span<const Example> examples) {
  page.step("Probing: what a head's output tells");
  const HeadId looker =
      best_head(evaluate(w, examples, {.threads = lesson::threads}).relation.at("previous"));
  const double told = probe(w, looker, examples, false);
  const double control = probe(w, looker, examples, true);
  const double above = probe(w, {1, 0}, examples, false);
  page.text_table({"a probe reads the previous token from", "right on unseen text"},
                  {{"head " + name_of(looker) + ", layer 0", fixed(told)},
                   {"an induction head, layer 1", fixed(above)},
                   {"head " + name_of(looker) + ", labels shuffled", fixed(control)}});
  page.claim("C07-30", page.check_greater(told, 0.5,
                                          "a probe of the previous-token head tells over half of "
                                          "the previous tokens in unseen text"));
  page.claim("C07-30", page.check_less(control, 0.1,
                                       "a probe of the previous-token head, trained on shuffled "
                                       "labels, tells less than a tenth of the tokens"));
}

void professions(lesson::Page& page) {
  page.step("Professions: a toy English with gold labels");
  const Recipe& recipe = find_recipe("grammar");
  const std::vector<Example> choose = held_out(recipe, 48, 71), test = held_out(recipe, 48, 72);
  const ModelWeightsF w = lesson::trained_model("grammar");
  const Evaluation chosen = evaluate(w, choose, {.threads = lesson::threads}),
                   now = evaluate(w, test, {.threads = lesson::threads});
  const Evaluation before =
      evaluate(lesson::untrained_model("grammar"), test, {.threads = lesson::threads});
  std::vector<std::vector<std::string>> rows;
  std::set<std::string> who;
  const auto score = [&](const std::string& relation) {
    const HeadId id = best_head(chosen.relation.at(relation));
    return now.relation.at(relation).mass(id.layer, id.head);
  };
  for (const std::string& relation : recipe.relations) {
    const HeadId id = best_head(chosen.relation.at(relation));
    if (score(relation) > 0.5) who.insert(name_of(id));
    rows.push_back({relation, name_of(id), fixed(score(relation)),
                    fixed(before.relation.at(relation).best()),
                    fixed(now.relation.at(relation).uniform)});
  }
  page.say("Heads are chosen on one set of sentences and scored on another.");
  page.text_table({"relation", "head", "weight on gold", "best untrained", "uniform"}, rows);
  page.claim("C07-01", page.check_greater(static_cast<double>(who.size()), 2.5,
                                          "three heads or more of the toy English model give over "
                                          "half of their weight to a relation of their own"));
  page.claim(
      "C07-02",
      page.check_greater(
          score("bracket"), 0.75,
          "one head of the toy English model gives over 0.75 of its weight to the open bracket"));
  page.claim("C07-02", page.check_greater(score("induction"), 0.6,
                                          "one head of the toy English model gives over 0.6 of its "
                                          "weight to what followed an earlier copy"));
  page.claim("C07-02", page.check_less(before.relation.at("bracket").best(), 0.3,
                                       "untrained, the best of twelve heads gives the open bracket "
                                       "less than 0.3 of its weight"));
}

void tell(lesson::Page& page) {
  const Recipe& recipe = find_recipe("induction");
  const std::vector<Example> examples = held_out(recipe, 32, page.seed(7));
  const ModelWeightsF w = lesson::trained_model("induction");
  clones(page);
  emergence(page, recipe, examples);
  maps(page, w);
  scores(page, w);
  circuit(page, w, examples);
  probing(page, w, examples);
  professions(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(
      argc, argv,
      {.number = 7,
       .title = "How heads specialise in training",
       .models = lesson::use_models({"induction", "induction-one-layer", "grammar"})},
      tell);
}
