/// @file
/// The small models that the lessons stand on: what each is trained on, how large, how long.
#pragma once

#include <functional>
#include <headlight/learning/data.hpp>
#include <headlight/learning/trainer.hpp>
#include <string>
#include <vector>

namespace headlight {

/// Shape of a small model: pre-norm, RMSNorm, no biases in attention, untied unembedding.
struct SmallModel {
  std::size_t vocabulary = 48;           ///< token ids
  std::size_t n = 48;                    ///< length of training sequences
  std::size_t d_model = 64;              ///< width of the residual stream
  std::size_t n_heads = 2;               ///< a layer
  std::size_t n_layers = 2;              ///< blocks
  std::size_t d_hidden = 0;              ///< of the feed-forward layers; 0: none
  bool only_last_feed_forward = false;   ///< a feed-forward layer in the last block only
  Position position = Position::rope;    ///< how positions enter
  std::size_t n_context = 0;             ///< rows of learned positions, if more than n
  T5Buckets buckets = {32, 128, false};  ///< of T5's positions: T5's own
  std::size_t reach = 16;                ///< of Shaw's positions: k of Shaw et al.'s base model
  double output_gain = 1;                ///< of W_O and W_out at the start
  double embedding_deviation = 1;        ///< of W_E at the start
};

/// How a shipped model comes about.
struct Recipe {
  std::string name;                    ///< folder in lessons/models
  std::string title;                   ///< one sentence: what it is
  std::string data;                    ///< one sentence: what it reads
  SmallModel model;                    ///< shape
  TrainingPlan plan;                   ///< optimiser, schedule
  std::size_t batch = 32;              ///< sequences a step, drawn anew every time
  std::uint64_t seed = 0;              ///< of weights and data
  std::string seed_note;               ///< how the seed was chosen, where it was
  std::string note;                    ///< what else the card says
  std::vector<std::size_t> snapshots;  ///< steps that are kept as models of their own
  std::function<std::vector<Example>(Random&)> draw;  ///< one or more examples
  std::vector<std::string> words;                     ///< names of the token ids, if they have any
  std::vector<std::string> relations;                 ///< gold relations to score
};

/// All recipes, in the order in which the lessons meet them.
/// @return the list, made once
const std::vector<Recipe>& recipes();

/// One recipe.
/// @param name  as in lessons/models
/// @return the recipe
/// @throws std::invalid_argument for an unknown name; the message lists the known ones
const Recipe& find_recipe(const std::string& name);

/// Weights before training: W_E, W_pos with the embedding deviation; W_Q, W_K, W_V, W_in and the
/// tables of T5's and Shaw's positions with 1/sqrt(d_model); W_O and W_out with 1/sqrt(inputs)
/// times the output gain (of W_O: 1/sqrt(d_model)); W_U with 0.1; gains one, biases zero.
/// @param model  its shape  @param seed  of the random numbers
/// @return the weights
ModelWeightsF initial_weights(const SmallModel& model, std::uint64_t seed);

/// The batch of a step: the same for every run with that seed.
/// @param recipe  what to draw  @param seed  of the run  @param step  counted from 0
/// @return recipe.batch sequences (twice as many for the order task)
Batch training_batch(const Recipe& recipe, std::uint64_t seed, std::size_t step);

/// Trains a recipe from nothing.
/// @param recipe  what and how  @param seed  of weights and data  @param threads  how many; the
/// result does not depend on it
/// @param after_step  called after every step with the trainer and the loss before the step
/// @return the trained weights
/// @throws std::domain_error when the loss is no longer a number
ModelWeightsF train_recipe(
    const Recipe& recipe, std::uint64_t seed, std::size_t threads = 1,
    const std::function<void(const TrainerF& trainer, double loss)>& after_step = {});

/// Examples for measuring, never seen in training.
/// @param recipe  what to draw  @param count  how many draws  @param seed  which set
/// @return the examples
std::vector<Example> held_out(const Recipe& recipe, std::size_t count, std::uint64_t seed = 1);

}  // namespace headlight
