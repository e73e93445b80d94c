#include <algorithm>
#include <cmath>
#include <headlight/core/parallel.hpp>
#include <headlight/learning/evaluate.hpp>
#include <limits>

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

// What one example adds: sums, not yet means.
struct Share {
  Evaluation sums;
  double counted = 0, rows = 0;
};

void add_edge(const Example& e, const GoldEdge& edge, const ModelTraceF& trace, double loss,
              RelationFigures& figures) {
  const std::size_t vocabulary = trace.logits.shape(1), n = e.ids.size();
  ++figures.edges;
  figures.uniform += static_cast<double>(edge.keys.size()) / static_cast<double>(edge.query + 1);
  for (std::size_t l = 0; l < trace.blocks.size(); ++l) {
    const Tensor3F& pattern = trace.blocks[l].attention.pattern;
    const std::size_t nulls = pattern.shape(2) - n;
    for (std::size_t h = 0; h < pattern.shape(0); ++h) {
      const float* row = pattern.data() + (h * n + edge.query) * pattern.shape(2) + nulls;
      double mass = 0;
      for (const std::size_t key : edge.keys) mass += static_cast<double>(row[key]);
      figures.mass(l, h) += mass;
    }
  }
  if (!edge.has_answer) return;
  ++figures.answers;
  figures.loss += loss;
  figures.accuracy += is_right(edge, e.targets[edge.query],
                               trace.logits.data() + edge.query * vocabulary, vocabulary);
}

void add_entropy(const Tensor3F& pattern, std::size_t layer, Matrix& entropy) {
  for (std::size_t h = 0; h < pattern.shape(0); ++h)
    for (std::size_t i = 1; i < pattern.shape(1); ++i) {
      const float* row = pattern.data() + (h * pattern.shape(1) + i) * pattern.shape(2);
      double of_row = 0;
      for (std::size_t j = 0; j < pattern.shape(2); ++j) {
        const double p = static_cast<double>(row[j]);
        if (p > 0) of_row -= p * std::log(p);
      }
      entropy(layer, h) += of_row / std::log(static_cast<double>(i + 1));
    }
}

Share share_of(const Example& e, const ModelTraceF& trace, std::size_t heads, bool with_entropy) {
  Share share;
  const std::size_t layers = trace.blocks.size(), n = e.ids.size();
  const auto loss_at = [&](std::size_t i) {
    const double p = static_cast<double>(trace.probabilities(i, e.targets[i]));
    return -std::log(std::max(p, 1e-30));
  };
  for (std::size_t i = 0; i < n; ++i)
    if (e.counts.empty() || e.counts[i]) share.sums.loss += loss_at(i), share.counted += 1;
  for (const GoldEdge& edge : e.edges) {
    RelationFigures& figures = share.sums.relation[edge.relation];
    if (figures.mass.size() == 0) figures.mass = zeros(layers, heads);
    add_edge(e, edge, trace, edge.has_answer ? loss_at(edge.query) : 0, figures);
  }
  if (!with_entropy) return share;
  share.rows = static_cast<double>(n - 1);
  share.sums.entropy = zeros(layers, heads);
  for (std::size_t l = 0; l < layers; ++l)
    add_entropy(trace.blocks[l].attention.pattern, l, share.sums.entropy);
  return share;
}

void add(const Matrix& share, Matrix& sum) {
  if (sum.size() == 0) sum = zeros(share.shape(0), share.shape(1));
  for (std::size_t c = 0; c < share.size(); ++c) sum.data()[c] += share.data()[c];
}

// Examples one after another, whoever ran them.
Evaluation mean_of(const std::vector<Share>& shares) {
  Evaluation result;
  double counted = 0, rows = 0;
  for (const Share& share : shares) {
    counted += share.counted, rows += share.rows;
    result.loss += share.sums.loss;
    if (share.sums.entropy.size() > 0) add(share.sums.entropy, result.entropy);
    for (const auto& [name, figures] : share.sums.relation) {
      RelationFigures& all = result.relation[name];
      all.edges += figures.edges, all.answers += figures.answers;
      all.accuracy += figures.accuracy, all.loss += figures.loss, all.uniform += figures.uniform;
      add(figures.mass, all.mass);
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

}  // namespace

double RelationFigures::best() const {
  return mass.size() == 0 ? 0.0 : *std::max_element(mass.begin(), mass.end());
}

Evaluation evaluate(const ModelWeightsF& weights, std::span<const Example> examples,
                    const EvaluationOptions& options) {
  std::size_t heads = 0;
  for (const auto& block : weights.blocks) heads = std::max(heads, block.attention.n_heads);
  std::vector<Share> shares(examples.size());
  const std::size_t runners = std::min(std::max(options.threads, std::size_t{1}), examples.size());
  parallel_for(runners, runners, [&](std::size_t runner) {
    ModelTraceF trace;  // used again for every example of this runner
    for (std::size_t number = runner; number < examples.size(); number += runners) {
      ModelOptionsOf<float> run{Record::essential, 1, {}};
      if (options.intervention) run = {options.record, 1, options.intervention(number)};
      run_model<float>(examples[number].ids, weights, run, trace);
      shares[number] = share_of(examples[number], trace, heads, options.entropy);
    }
  });
  return mean_of(shares);
}

}  // namespace headlight
