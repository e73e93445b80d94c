/// @file
/// What the models of the lessons must be able to do: the same thresholds for the shipped weights
/// and for fresh ones.
#pragma once

#include <headlight/analysis/ablation.hpp>
#include <headlight/analysis/path_edge.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/recipes.hpp>
#include <string>
#include <vector>

namespace criteria {

using namespace headlight;

// What was measured of an induction model; `forms` is the verdict.
struct Circuit {
  double loss = 0;            // on repeats
  double accuracy = 0;        // on repeats
  double previous = 0;        // best layer-0 weight on the previous token
  double induction = 0;       // best weight on followers in the last layer
  double without_layer0 = 0;  // loss on repeats without layer 0's heads
  double without_layer1 = 0;  // and without layer 1's
  double without_keys = 0;    // accuracy when layer 0 is cut from layer 1's keys
  double other_edges = 1;     // least accuracy when it is cut from queries, values, or the logits

  bool forms() const {
    return loss < 0.5 && induction > 0.75 && previous > 0.35 && without_layer0 > loss + 2 &&
           without_layer1 > loss + 2 && without_keys < 0.5 && other_edges > 0.6;
  }
};

inline Circuit circuit_of(const ModelWeightsF& w, const Recipe& recipe) {
  const std::vector<Example> examples = held_out(recipe, 32, 99);
  const Evaluation plain = evaluate(w, examples);
  const RelationFigures& f = plain.relation.at("induction");
  Circuit c;
  c.loss = f.loss, c.accuracy = f.accuracy;
  const std::size_t last = f.mass.shape(0) - 1;
  for (std::size_t h = 0; h < f.mass.shape(1); ++h) {
    c.previous = std::max(c.previous, plain.relation.at("previous").mass(0, h));
    c.induction = std::max(c.induction, f.mass(last, h));
  }
  std::vector<HeadId> layer0, layer1;
  for (std::size_t h = 0; h < f.mass.shape(1); ++h)
    layer0.push_back({0, h}), layer1.push_back({1, h});
  const auto without = [&](const std::vector<HeadId>& heads) {
    const auto off = [&](std::size_t) { return ablate<float>(heads, Ablation::zero); };
    return evaluate(w, examples, {.intervention = off}).relation.at("induction").loss;
  };
  c.without_layer0 = without(layer0);
  if (last == 0) return c;
  c.without_layer1 = without(layer1);
  for (const PathEdge edge : {PathEdge::query, PathEdge::key, PathEdge::value, PathEdge::direct}) {
    const double accuracy =
        evaluate(w, examples,
                 {.intervention = [&](std::size_t) { return cut_edge<float>(w, layer0, edge, 1); }})
            .relation.at("induction")
            .accuracy;
    if (edge == PathEdge::key)
      c.without_keys = accuracy;
    else
      c.other_edges = std::min(c.other_edges, accuracy);
  }
  return c;
}

// Names of the relations whose accuracy is below a bound.
inline std::string not_solved(const ModelWeightsF& w, const Recipe& recipe, double least) {
  const Evaluation e = evaluate(w, held_out(recipe, 64, 98));
  std::string names;
  for (const std::string& relation : recipe.relations) {
    const RelationFigures& f = e.relation.at(relation);
    if (f.answers > 0 && !(f.accuracy >= least)) names += relation + " ";
  }
  return names;
}

// Loss where something repeats, in sequences of n tokens of the kind that the position codes
// learned on 32 tokens.
inline double loss_on_repeats(const ModelWeightsF& w, std::size_t n) {
  std::vector<Example> examples;
  for (std::uint64_t s = 0; s < 24; ++s) {
    Random random(300 + s);  // the same beginnings at every length
    examples.push_back(repeated_example({24, n, 5, 12}, random));
  }
  return evaluate(w, examples).relation.at("induction").loss;
}

// What every position code is held to beyond its training length; empty when it holds.
inline std::string not_as_expected(const std::string& code, const ModelWeightsF& w) {
  const double at32 = loss_on_repeats(w, 32), at64 = loss_on_repeats(w, 64);
  const double at256 = loss_on_repeats(w, 256);
  if (code == "none") return at32 > 1 ? "" : "none learns";
  if (!(at32 < 0.6)) return code + " does not learn";
  if (code == "alibi") return at256 < at32 + 0.2 ? "" : "alibi rises";
  if (code == "shaw") return at256 < 3 * at32 ? "" : "shaw rises";
  if (code == "t5") return at256 > 1.15 * at64 && at256 < 3 * at32 ? "" : "t5 is not moderate";
  return at256 > 2 * at32 ? "" : code + " does not rise";
}

}  // namespace criteria
