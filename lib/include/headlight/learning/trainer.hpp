/// @file
/// Training on batches: the same mathematics as run_model, many sequences at a time.
#pragma once

#include <headlight/attention/model.hpp>
#include <headlight/learning/optimiser.hpp>
#include <memory>
#include <vector>

namespace headlight {

/// Sequences of one length, side by side.
struct Batch {
  std::size_t sequences = 0;         ///< how many
  std::size_t n = 0;                 ///< tokens of each
  std::vector<std::size_t> ids;      ///< sequences x n token ids
  std::vector<std::size_t> targets;  ///< sequences x n ids to predict
  std::vector<bool> counts;          ///< sequences x n label mask; empty: every token counts
};

/// Everything about a run besides model and data.
struct TrainingPlan {
  AdamW adam;                   ///< optimiser
  Schedule schedule;            ///< its rate
  double longest_gradient = 1;  ///< gradients are clipped to this global length; 0: never
  double pattern_dropout = 0;   ///< share of attention weights set to zero while training
  double head_dropout = 0;      ///< share of whole heads set to zero while training
  std::uint64_t seed = 0;       ///< of the dropout
  std::size_t threads = 1;      ///< the result does not depend on it
};

/// Loss and gradient of a batch.
template <class T>
struct BatchResultOf {
  double loss = 0;              ///< mean over the tokens that count, in nats
  std::vector<T> of_token;      ///< sequences x n, zero where a token does not count
  ModelWeightsOf<T> gradients;  ///< of the mean loss
};

/// Trains a model. Sums run in a fixed order over blocks of sequences that do not depend on the
/// number of threads: the same bits for any number.
template <class T>
class TrainerOf {
 public:
  /// @param start  where the parameters begin: any positions, pre-norm or post-norm blocks, with or
  /// without norms, feed-forward layers, biases, null keys, tied or untied unembedding
  /// @param plan  optimiser, schedule, dropout, threads
  /// @throws std::invalid_argument for a model that run_model refuses too, ShapeError when shapes
  /// do not fit
  TrainerOf(const ModelWeightsOf<T>& start, const TrainingPlan& plan);
  ~TrainerOf();
  TrainerOf(TrainerOf&&) noexcept;  ///< takes over

  /// One step: forward, backward, clip, update. A loss that is not finite changes nothing.
  /// @param batch  of sequences
  /// @return the loss before the step
  /// @throws std::domain_error when no token counts, std::out_of_range for an unknown id
  double step(const Batch& batch);

  /// Loss and gradient, without dropout and without a step.
  /// @param batch  of sequences  @return loss, its share of every token, all gradients
  BatchResultOf<T> gradient(const Batch& batch) const;

  /// Loss of every token, without dropout, without backward pass.
  /// @param batch  of sequences  @return sequences x n numbers, zero where a token does not count
  std::vector<T> loss_of_tokens(const Batch& batch) const;

  /// @return the parameters as they are now
  ModelWeightsOf<T> weights() const;
  /// @return steps made
  std::size_t steps() const;
  /// @return length of the last step's gradient before clipping
  double gradient_length() const;
  /// What the optimiser remembers, in the order of for_each_parameter: for checkpoints.
  /// @return means of gradients and squares
  AdamStateOf<T> state() const;
  /// Goes on where another run stopped.
  /// @param weights  of the same shapes  @param state  from state()
  /// @throws ShapeError when sizes differ
  void resume(const ModelWeightsOf<T>& weights, const AdamStateOf<T>& state);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};
using TrainerF = TrainerOf<float>;  ///< in float

}  // namespace headlight
