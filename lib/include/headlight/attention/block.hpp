/// @file
/// A transformer block: attention and feed-forward on the residual stream.
#pragma once

#include <headlight/attention/multi_head.hpp>
#include <headlight/layer/feed_forward.hpp>
#include <headlight/layer/norm.hpp>
#include <optional>

namespace headlight {

/// Where the norm stands.
enum class NormPlace {
  before,  ///< x + f(norm(x)): GPT-2, LLaMA
  after,   ///< norm(x + f(x)): the original Transformer, BERT
};

/// A block's parameters. A part that is absent is left out of the computation: no norm is the
/// identity, no feed-forward layer adds nothing.
template <class T>
struct BlockWeightsOf {
  std::optional<NormWeightsOf<T>> norm1;                ///< of attention
  MultiHeadWeightsOf<T> attention;                      ///< the heads
  std::optional<NormWeightsOf<T>> norm2;                ///< of the feed-forward layer
  std::optional<FeedForwardWeightsOf<T>> feed_forward;  ///< absent in attention-only models
  NormPlace place = NormPlace::before;                  ///< pre-norm or post-norm
};
using BlockWeights = BlockWeightsOf<double>;  ///< in double

/// Every number of a block, in the order computed.
template <class T>
struct BlockTraceOf {
  MatrixOf<T> residual_pre;       ///< @shape{n, d_model}   what comes in
  MatrixOf<T> norm1_input;        ///< @shape{n, d_model}   post-norm only: residual + attention
  NormTraceOf<T> norm1;           ///< of attention (pre-norm: before it, post-norm: after it)
  MultiHeadTraceOf<T> attention;  ///< all heads
  MatrixOf<T> residual_mid;       ///< @shape{n, d_model}   residual after attention
  MatrixOf<T> norm2_input;        ///< @shape{n, d_model}   post-norm only: residual + feed-forward
  NormTraceOf<T> norm2;           ///< of the feed-forward layer
  FeedForwardTraceOf<T> feed_forward;  ///< empty in attention-only blocks
  MatrixOf<T> residual_post;           ///< @shape{n, d_model}   what goes out
};
using BlockTrace = BlockTraceOf<double>;  ///< in double

/// One block into a trace that is used again.
/// Pre-norm: \f$ m = x + \mathrm{attn}(\mathrm{norm}_1 x),\; y = m + \mathrm{ffn}(\mathrm{norm}_2
/// m) \f$. Post-norm: \f$ m = \mathrm{norm}_1(x + \mathrm{attn}(x)),\; y = \mathrm{norm}_2(m +
/// \mathrm{ffn}(m)) \f$.
/// @param x @shape{n, d_model}; may be a matrix of another block's trace
/// @param weights  the parameters
/// @param options  mask, positions, how much to record, interventions (names without a block
/// prefix), threads
/// @param trace  overwritten; its memory is kept where the shapes are the same
/// @throws ShapeError when sizes differ
/// @source Vaswani et al. 2017, 3.1; Radford et al. 2019, 2.3    @booksection{05}
template <class T>
void run_block(const MatrixOf<T>& x, const BlockWeightsOf<T>& weights,
               const AttentionOptionsOf<T>& options, BlockTraceOf<T>& trace);

/// One block.
/// @param x @shape{n, d_model}
/// @param weights  the parameters
/// @param options  mask, positions, how much to record, interventions, threads
/// @return every intermediate
/// @throws ShapeError when sizes differ
template <class T>
BlockTraceOf<T> run_block(const MatrixOf<T>& x, const BlockWeightsOf<T>& weights,
                          const AttentionOptionsOf<T>& options = {}) {
  BlockTraceOf<T> trace;
  run_block(x, weights, options, trace);
  return trace;
}

/// Names the stages: prefix + `hook_resid_pre` and so on, in the order computed; empty stages are
/// left out.
/// @param trace  of a block
/// @param prefix  "blocks.0." inside a model, empty for a lone block
/// @param visit  called once a stage
template <class T>
void for_each_stage(const BlockTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);

}  // namespace headlight
