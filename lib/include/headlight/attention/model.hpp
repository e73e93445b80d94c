/// @file
/// A whole model of GPT-2's family: embeddings, blocks, final norm, unembedding, with every
/// intermediate.
#pragma once

#include <headlight/attention/block.hpp>
#include <headlight/position/t5_bias.hpp>
#include <span>
#include <string>
#include <vector>

namespace headlight {

/// How a model knows where its tokens stand.
enum class Position {
  learned,     ///< a table of vectors, added to the embeddings
  sinusoidal,  ///< sines and cosines, added to the embeddings
  rope,        ///< queries and keys turn
  alibi,       ///< a penalty on scores, a slope a head
  t5,    ///< a learned number on scores, a head and bucket of distances; one table for all layers
  shaw,  ///< learned vectors on keys and values, an offset, a head and a layer
  none,  ///< not at all (a causal mask still tells)
};

/// A model's parameters and what is not in the tensors.
template <class T>
struct ModelWeightsOf {
  MatrixOf<T> W_E;                        ///< @shape{vocabulary, d_model}   token embedding
  Position position = Position::learned;  ///< how positions enter
  MatrixOf<T> W_pos = {};                 ///< @shape{n_context, d_model}   learned positions only
  Rope rope = {};                         ///< rotary positions only
  MatrixOf<T> relative_bias = {};         ///< @shape{n_buckets, n_heads}   T5's positions only
  std::size_t max_distance = 128;  ///< T5's positions only: from here on one bucket takes all
  std::size_t n_context = 0;       ///< longest sequence; 0 means no limit
  std::vector<BlockWeightsOf<T>> blocks;       ///< from bottom to top
  std::optional<NormWeightsOf<T>> norm_final;  ///< before the unembedding; absent: none
  MatrixOf<T> W_U = {};  ///< @shape{vocabulary, d_model}   as in lm_head.weight; empty: tied to W_E
};
using ModelWeights = ModelWeightsOf<double>;  ///< in double
using ModelWeightsF = ModelWeightsOf<float>;  ///< in float

/// The buckets of a model with T5's positions: a causal model sees earlier keys only. (T5 itself
/// does not divide scores by sqrt(d_head); here they are scaled, as with every other code.)
/// @param weights  the model  @return as many as its table has rows, one direction
template <class T>
T5Buckets buckets_of(const ModelWeightsOf<T>& weights) {
  return {weights.relative_bias.shape(0), weights.max_distance, false};
}

/// Every number of a forward pass, in the order computed.
template <class T>
struct ModelTraceOf {
  std::vector<std::size_t> ids;         ///< token ids
  MatrixOf<T> embed;                    ///< @shape{n, d_model}   rows of W_E
  MatrixOf<T> pos_embed;                ///< @shape{n, d_model}   learned or sinusoidal positions
  std::vector<BlockTraceOf<T>> blocks;  ///< from bottom to top
  NormTraceOf<T> norm_final;            ///< before the unembedding
  MatrixOf<T> logits;                   ///< @shape{n, vocabulary}
  MatrixOf<T> probabilities;            ///< @shape{n, vocabulary}   softmax of the logits
};
using ModelTrace = ModelTraceOf<double>;  ///< in double
using ModelTraceF = ModelTraceOf<float>;  ///< in float

/// Options of a forward pass.
template <class T>
struct ModelOptionsOf {
  Record record = Record::everything;  ///< how much to keep
  std::size_t threads = 1;  ///< heads and blocks of rows are spread over this many threads
  InterventionOf<T> intervention =
      {};  ///< may change a stage (full names) before the next one reads it
};

/// Runs a model into a trace that is used again.
/// @param ids  n token ids, at least one
/// @param weights  the model
/// @param options  how much to record, interventions, threads
/// @param trace  overwritten; its memory is kept where the shapes are the same
/// @throws ShapeError when sizes differ or the sequence is too long; std::out_of_range for an
/// unknown id
/// @source Radford et al. 2019    @booksection{05}
template <class T>
void run_model(std::span<const std::size_t> ids, const ModelWeightsOf<T>& weights,
               const ModelOptionsOf<T>& options, ModelTraceOf<T>& trace);

/// Runs a model.
/// @param ids  n token ids, at least one
/// @param weights  the model
/// @param options  how much to record, interventions, threads
/// @return every intermediate
/// @throws ShapeError when sizes differ or the sequence is too long; std::out_of_range for an
/// unknown id
template <class T>
ModelTraceOf<T> run_model(std::span<const std::size_t> ids, const ModelWeightsOf<T>& weights,
                          const ModelOptionsOf<T>& options = {}) {
  ModelTraceOf<T> trace;
  run_model(ids, weights, options, trace);
  return trace;
}

/// Runs a model in the memory of one block: every stage is shown once, then forgotten.
/// @param ids  n token ids, at least one
/// @param weights  the model
/// @param options  how much to record, interventions, threads
/// @param visit  called with every stage, full names, in the order computed
/// @throws ShapeError when sizes differ or the sequence is too long; std::out_of_range for an
/// unknown id
template <class T>
void visit_model(std::span<const std::size_t> ids, const ModelWeightsOf<T>& weights,
                 const ModelOptionsOf<T>& options, const StageVisitorOf<T>& visit);

/// Names the stages of a model as TransformerLens does: `hook_embed`, `blocks.0.attn.hook_q`, ...
/// @param trace  of a model
/// @param visit  called once a stage, in the order computed
template <class T>
void for_each_stage(const ModelTraceOf<T>& trace, const StageVisitorOf<T>& visit);

/// Bytes that a trace of n tokens holds when everything is recorded.
/// @param weights  the model
/// @param n  tokens
/// @return bytes of all stages together
template <class T>
std::size_t trace_bytes(const ModelWeightsOf<T>& weights, std::size_t n);

}  // namespace headlight
