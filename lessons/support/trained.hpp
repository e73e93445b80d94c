/// @file
/// What lessons ask of trained models: who looks at what, and what is lost without a head.
#pragma once

#include <headlight/analysis/ablation.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/recipes.hpp>
#include <span>
#include <string>
#include <vector>

#include "support/models.hpp"

namespace lesson {

class Page;

/// @param weights  a model  @return its heads, layer by layer
std::vector<headlight::HeadId> all_heads(const headlight::ModelWeightsF& weights);

/// @param id  of a head  @return "1.3": layer, head
std::string head_name(headlight::HeadId id);

/// @param figures  of a relation  @return the head with the largest weight on its gold keys
headlight::HeadId best_head(const headlight::RelationFigures& figures);

/// A table: for every relation the head that looks at its keys most, and its weight before
/// training.
/// @param page  where  @param relations  their names  @param after  figures of the trained model
/// @param before  of the same model untrained
void show_relations(Page& page, const std::vector<std::string>& relations,
                    const headlight::Evaluation& after, const headlight::Evaluation& before);

/// What a model of the order task gets right, asked for two letters at once: shares of 64 held-out
/// draws.
struct OrderAnswers {
  double previous = 0, before_previous = 0;
  /// @return the share of the question that it answers worse
  double worse() const;
};

/// @param recipe  "order-one-head" or "order-two-heads"  @param weights  a model of that recipe,
/// trained or not  @return its answers
OrderAnswers order_answers(const std::string& recipe, const headlight::ModelWeightsF& weights);

/// Text that repeats itself, as the "positions-" models learned it, with a period of 5 to 12:
/// sequences of 3,072 tokens together, with the same beginnings at every length.
/// @param length  of a sequence, in tokens  @param seed  of the first sequence; the others follow
/// @return examples with the edges of induction alone, their keys left out
std::vector<headlight::Example> repeats(std::size_t length, std::uint64_t seed);

/// @param weights  a model  @param examples  of repeats()
/// @return mean loss where something repeats, so that it can be known
double loss_on_repeats(const headlight::ModelWeightsF& weights,
                       std::span<const headlight::Example> examples);

/// @param weights  a model  @param examples  it is run on  @param heads  whose output becomes zero
/// @return mean loss
double loss_without(const headlight::ModelWeightsF& weights,
                    std::span<const headlight::Example> examples,
                    const std::vector<headlight::HeadId>& heads);

}  // namespace lesson
