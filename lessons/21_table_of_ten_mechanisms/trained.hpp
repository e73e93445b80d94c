// Experiments on the small trained models.
#pragma once

#include <cmath>
#include <headlight/analysis/ablation.hpp>
#include <headlight/attention/model.hpp>
#include <headlight/learning/data.hpp>
#include <string>
#include <vector>

#include "support/models.hpp"

namespace headlight::ten {

// What is lost when one head of a trained model is silent, for every head.
inline std::vector<double> losses_without_heads(const std::string& name) {
  const ModelWeightsF model = lesson::trained_model(name);
  const auto loss = [&](std::size_t layer, std::size_t head) {
    Random random(2101);
    double sum = 0, count = 0;
    for (int sequence = 0; sequence < 8; ++sequence) {
      const Example e = repeated_example({24, 32, 5, 12}, random);
      ModelOptionsOf<float> options;
      options.record = Record::essential;
      if (layer < model.blocks.size())
        options.intervention = ablate<float>({{layer, head}}, Ablation::zero);
      const ModelTraceF trace = run_model<float>(e.ids, model, options);
      for (const GoldEdge& edge : e.edges)
        if (edge.relation == "induction" && edge.has_answer)
          sum -=
              std::log(static_cast<double>(trace.probabilities(edge.query, e.targets[edge.query]))),
              count += 1;
    }
    return sum / count;
  };
  const double whole = loss(model.blocks.size(), 0);
  std::vector<double> rises;
  for (std::size_t layer = 0; layer < model.blocks.size(); ++layer)
    for (std::size_t head = 0; head < model.blocks[layer].attention.n_heads; ++head)
      rises.push_back(loss(layer, head) - whole);
  return rises;
}

// The loss of a model on repeated sequences of some length, in nats, where the answer is known.
inline double loss_at(const ModelWeightsF& model, std::size_t length) {
  Random random(2109);
  double loss = 0, count = 0;
  for (int sequence = 0; sequence < 4; ++sequence) {
    const Example e = repeated_example({24, length, 5, 12}, random);
    const ModelTraceF trace = run_model<float>(e.ids, model, {.record = Record::essential});
    for (const GoldEdge& edge : e.edges)
      if (edge.relation == "induction" && edge.has_answer)
        loss -=
            std::log(static_cast<double>(trace.probabilities(edge.query, e.targets[edge.query]))),
            count += 1;
  }
  return loss / count;
}

}  // namespace headlight::ten
