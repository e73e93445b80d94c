/// @file
/// What a model can do on data with gold labels, relation by relation and head by head.
#pragma once

#include <functional>
#include <headlight/attention/model.hpp>
#include <headlight/learning/data.hpp>
#include <map>
#include <string>
#include <vector>

namespace headlight {

/// Figures of one relation.
struct RelationFigures {
  std::size_t edges = 0;    ///< how many were met
  std::size_t answers = 0;  ///< of them with an answer
  double accuracy = 0;      ///< share of right answers
  double loss = 0;          ///< mean -log p of the answer, in nats
  Matrix mass;         ///< @shape{n_layers, n_heads}   mean weight of the query on the gold keys
  double uniform = 0;  ///< the same for a head that looks at all earlier tokens alike

  /// @return largest mass of all heads
  double best() const;
};

/// Figures of a model.
struct Evaluation {
  double loss = 0;                                  ///< mean over all tokens that count
  std::map<std::string, RelationFigures> relation;  ///< by the name of the relation
  /// @shape{n_layers, n_heads}   mean entropy of a row over log(visible keys); empty unless asked
  /// for
  Matrix entropy;
};

/// How examples are run.
struct EvaluationOptions {
  /// Makes the intervention of an example, by its number; empty: none. With several threads it is
  /// called, and what it makes, from all of them at once: one that keeps numbers between stages
  /// (cut_edge) must be made anew for every example.
  std::function<InterventionOf<float>(std::size_t)> intervention = {};
  Record record = Record::everything;  ///< which stages an intervention may meet
  bool entropy = false;                ///< also Evaluation::entropy: a logarithm for every cell
  std::size_t threads = 1;             ///< the result does not depend on it
};

/// Runs a model on examples and scores it against their gold edges.
/// @param weights  the model
/// @param examples  with edges
/// @param options  intervention, what is worked out, threads
/// @return loss, accuracies, attention on gold keys
/// @throws ShapeError when an example does not fit the model
/// @booksection{07}
Evaluation evaluate(const ModelWeightsF& weights, std::span<const Example> examples,
                    const EvaluationOptions& options = {});

}  // namespace headlight
