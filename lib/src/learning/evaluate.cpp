#include <algorithm>
#include <cmath>
#include <headlight/learning/evaluate.hpp>

namespace headlight {
namespace {

Matrix zeros(std::size_t rows, std::size_t columns) {
  Matrix m = Matrix::from_shape({rows, columns});
  std::fill(m.begin(), m.end(), 0.0);
  return m;
}

bool is_right(const GoldEdge& edge, std::size_t target, const float* logits, std::size_t size) {
  const auto largest = [&](const std::vector<std::size_t>& ids) {
    float best = -std::numeric_limits<float>::infinity();
    for (const std::size_t id : ids) best = std::max(best, logits[id]);
    return best;
  };
  const float right = edge.right.empty() ? logits[target] : largest(edge.right);
  if (!edge.wrong.empty()) return right > largest(edge.wrong);
  return static_cast<std::size_t>(std::max_element(logits, logits + size) - logits) == target;
}

}  // namespace

double RelationFigures::best() const {
  return mass.size() == 0 ? 0.0 : *std::max_element(mass.begin(), mass.end());
}

Evaluation evaluate(const ModelWeightsF& weights, std::span<const Example> examples,
                    const std::function<InterventionOf<float>(std::size_t)>& intervention) {
  Evaluation result;
  const std::size_t layers = weights.blocks.size();
  std::size_t heads = 0;
  for (const auto& block : weights.blocks) heads = std::max(heads, block.attention.n_heads);
  if (!intervention) result.entropy = zeros(layers, heads);
  double counted = 0, rows = 0;
  ModelTraceF trace;
  for (std::size_t number = 0; number < examples.size(); ++number) {
    const Example& e = examples[number];
    ModelOptionsOf<float> options{Record::essential, 1, {}};
    if (intervention) options = {Record::everything, 1, intervention(number)};
    run_model<float>(e.ids, weights, options, trace);
    const std::size_t vocabulary = trace.logits.shape(1), n = e.ids.size();
    const auto loss_at = [&](std::size_t i) {
      const double p = static_cast<double>(trace.probabilities(i, e.targets[i]));
      return -std::log(std::max(p, 1e-30));
    };
    for (std::size_t i = 0; i < n; ++i)
      if (e.counts.empty() || e.counts[i]) result.loss += loss_at(i), counted += 1;
    for (const GoldEdge& edge : e.edges) {
      RelationFigures& figures = result.relation[edge.relation];
      if (figures.mass.size() == 0) figures.mass = zeros(layers, heads);
      ++figures.edges;
      figures.uniform +=
          static_cast<double>(edge.keys.size()) / static_cast<double>(edge.query + 1);
      for (std::size_t l = 0; l < layers; ++l) {
        const Tensor3F& pattern = trace.blocks[l].attention.pattern;
        const std::size_t nulls = pattern.shape(2) - n;
        for (std::size_t h = 0; h < pattern.shape(0); ++h)
          for (const std::size_t key : edge.keys)
            figures.mass(l, h) += static_cast<double>(pattern(h, edge.query, key + nulls));
      }
      if (!edge.has_answer) continue;
      ++figures.answers;
      figures.loss += loss_at(edge.query);
      figures.accuracy += is_right(edge, e.targets[edge.query],
                                   trace.logits.data() + edge.query * vocabulary, vocabulary);
    }
    if (intervention) continue;
    rows += static_cast<double>(n - 1);
    for (std::size_t l = 0; l < layers; ++l) {
      const Tensor3F& pattern = trace.blocks[l].attention.pattern;
      for (std::size_t h = 0; h < pattern.shape(0); ++h)
        for (std::size_t i = 1; i < n; ++i) {
          double entropy = 0;
          for (std::size_t j = 0; j < pattern.shape(2); ++j) {
            const double p = static_cast<double>(pattern(h, i, j));
            if (p > 0) entropy -= p * std::log(p);
          }
          result.entropy(l, h) += entropy / std::log(static_cast<double>(i + 1));
        }
    }
  }
  result.loss /= std::max(1.0, counted);
  for (double& value : result.entropy) value /= std::max(1.0, rows);
  for (auto& [name, figures] : result.relation) {
    const double edges = static_cast<double>(figures.edges);
    const double answers = std::max(1.0, static_cast<double>(figures.answers));
    for (double& m : figures.mass) m /= edges;
    figures.uniform /= edges;
    figures.accuracy /= answers;
    figures.loss /= answers;
  }
  return result;
}

}  // namespace headlight
