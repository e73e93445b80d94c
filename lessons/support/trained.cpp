#include "support/trained.hpp"

#include <algorithm>

#include "support/page.hpp"

namespace lesson {

using namespace headlight;

std::vector<HeadId> all_heads(const ModelWeightsF& weights) {
  std::vector<HeadId> heads;
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer)
    for (std::size_t head = 0; head < weights.blocks[layer].attention.n_heads; ++head)
      heads.push_back({layer, head});
  return heads;
}

std::string head_name(HeadId id) {
  return std::to_string(id.layer) + "." + std::to_string(id.head);
}

HeadId best_head(const RelationFigures& figures) {
  const auto best = static_cast<std::size_t>(
      std::max_element(figures.mass.begin(), figures.mass.end()) - figures.mass.begin());
  const std::size_t n_heads = figures.mass.shape(1);
  return {best / n_heads, best % n_heads};
}

void show_relations(Page& page, const std::vector<std::string>& relations, const Evaluation& after,
                    const Evaluation& before) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& relation : relations) {
    const RelationFigures &a = after.relation.at(relation), &b = before.relation.at(relation);
    rows.push_back({relation, head_name(best_head(a)), render::fixed(a.best(), 2),
                    render::fixed(b.best(), 2), render::fixed(a.uniform, 2)});
  }
  page.text_table({"relation", "best head", "its weight", "untrained", "looking at all"}, rows);
}

double OrderAnswers::worse() const {
  return std::min(previous, before_previous);
}

OrderAnswers order_answers(const std::string& recipe, const ModelWeightsF& weights) {
  const Evaluation found =
      evaluate(weights, held_out(find_recipe(recipe), 64), {.threads = threads});
  return {found.relation.at("previous").accuracy, found.relation.at("before previous").accuracy};
}

std::vector<Example> repeats(std::size_t length, std::uint64_t seed) {
  std::vector<Example> examples;
  for (std::uint64_t sequence = 0; sequence < 3072 / length; ++sequence) {
    Random random(seed + sequence);
    examples.push_back(repeated_example({24, length, 5, 12}, random));
    std::vector<GoldEdge>& edges = examples.back().edges;
    std::erase_if(edges, [](const GoldEdge& edge) { return edge.relation != "induction"; });
    for (GoldEdge& edge : edges) edge.keys.clear();  // the loss is asked for, not who looks where
  }
  return examples;
}

double loss_on_repeats(const ModelWeightsF& weights, std::span<const Example> examples) {
  return evaluate(weights, examples, {.threads = threads}).relation.at("induction").loss;
}

double loss_without(const ModelWeightsF& weights, std::span<const Example> examples,
                    const std::vector<HeadId>& heads) {
  const InterventionOf<float> off = ablate<float>(heads, Ablation::zero);
  return evaluate(weights, examples,
                  {.intervention = [&](std::size_t) { return off; },
                   .record = Record::essential,
                   .threads = threads})
      .loss;
}

}  // namespace lesson
