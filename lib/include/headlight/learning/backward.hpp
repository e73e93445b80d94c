/// @file
/// The backward pass: every function reads the trace that the forward pass recorded.
/// Gradients of parameters are added to what is there; a gradient that is returned is fresh.
#pragma once

#include <headlight/attention/model.hpp>
#include <headlight/position/relative.hpp>
#include <headlight/position/t5_bias.hpp>

namespace headlight {

/// Softmax: what the scores of each row must do, given what its pattern should.
/// \f[ dS_{ij} = A_{ij}\,(dA_{ij} - \sum_k A_{ik}\,dA_{ik}) \f]
/// @param pattern @shape{n_query, n_key}; zero where hidden
/// @param d_pattern @shape{n_query, n_key}
/// @return @shape{n_query, n_key}; every row sums to zero, hidden keys get exactly zero
/// @throws ShapeError when sizes differ
/// @booksection{18}
template <class T>
MatrixOf<T> softmax_backward(const MatrixOf<T>& pattern, const MatrixOf<T>& d_pattern);

/// LayerNorm or RMSNorm.
/// \f[ dx = (\hat g - \overline{\hat g} - \hat x\,\overline{\hat g\odot\hat x})/\sigma,\quad
///     \hat g = dy\odot gain \f] RMSNorm has no mean to subtract.
/// @param trace  of the forward pass
/// @param weights  gain, bias
/// @param d_output @shape{n, d_model}
/// @param gradients  gain and bias receive their share
/// @return @shape{n, d_model}, of the input
/// @throws ShapeError when sizes differ
template <class T>
MatrixOf<T> normalise_backward(const NormTraceOf<T>& trace, const NormWeightsOf<T>& weights,
                               const MatrixOf<T>& d_output, NormWeightsOf<T>& gradients);

/// An activation: d_y times its slope at x.
/// @param kind  which
/// @param x  its input
/// @param d_y  of its output, same size
/// @param d_x  overwritten; may be the memory of d_y
/// @throws ShapeError when sizes differ
template <class T>
void activate_backward(Activation kind, std::span<const T> x, std::span<const T> d_y,
                       std::span<T> d_x);

/// The feed-forward layer.
/// @param x @shape{n, d_model}, what it read
/// @param trace  of the forward pass
/// @param weights  the parameters
/// @param d_output @shape{n, d_model}
/// @param gradients  receive their share
/// @return @shape{n, d_model}, of x
/// @throws ShapeError when sizes differ
template <class T>
MatrixOf<T> feed_forward_backward(const MatrixOf<T>& x, const FeedForwardTraceOf<T>& trace,
                                  const FeedForwardWeightsOf<T>& weights,
                                  const MatrixOf<T>& d_output, FeedForwardWeightsOf<T>& gradients);

/// What multi-head attention hands back to its inputs.
template <class T>
struct AttentionInputGradientsOf {
  MatrixOf<T> x;       ///< @shape{n_query, d_model}   through the queries
  MatrixOf<T> memory;  ///< @shape{n_key, d_memory}   through keys and values
  Tensor3Of<T> bias;   ///< @shape{n_heads, n_query, n_key}   of the position bias, if there was one
};

/// Multi-head attention: masks, rotary positions, biases on scores, Shaw's positions on keys and
/// values, the null key. Hidden keys have pattern zero, so that nothing flows through them.
/// @param x @shape{n_query, d_model}, where queries came from
/// @param memory @shape{n_key, d_memory}, where keys and values came from
/// @param trace  of the forward pass
/// @param weights  the projections
/// @param options  as in the forward pass (scale, positions, mask)
/// @param d_output @shape{n_query, d_model}
/// @param gradients  receive their share
/// @return gradients of the inputs; for self-attention the caller adds x and memory
/// @throws ShapeError when sizes differ
/// @booksection{18}
template <class T>
AttentionInputGradientsOf<T> multi_head_attention_backward(
    const MatrixOf<T>& x, const MatrixOf<T>& memory, const MultiHeadTraceOf<T>& trace,
    const MultiHeadWeightsOf<T>& weights, const AttentionOptionsOf<T>& options,
    const MatrixOf<T>& d_output, MultiHeadWeightsOf<T>& gradients);

/// A block, pre-norm or post-norm.
/// @param trace  of the forward pass
/// @param weights  the parameters
/// @param options  as in the forward pass
/// @param d_output @shape{n, d_model}
/// @param gradients  receive their share
/// @param d_bias  null, or overwritten with the gradient of the position bias
/// @return @shape{n, d_model}, of what came in
/// @throws ShapeError when sizes differ
template <class T>
MatrixOf<T> run_block_backward(const BlockTraceOf<T>& trace, const BlockWeightsOf<T>& weights,
                               const AttentionOptionsOf<T>& options, const MatrixOf<T>& d_output,
                               BlockWeightsOf<T>& gradients, Tensor3Of<T>* d_bias = nullptr);

/// A whole model, from the logits down to the embeddings.
/// @param trace  of run_model, at least its essential stages
/// @param weights  the model
/// @param d_logits @shape{n, vocabulary}, from cross_entropy for instance
/// @param gradients  shaped as the model (zeros_like); every parameter's share is added
/// @throws ShapeError when sizes differ
/// @booksection{18}
template <class T>
void run_model_backward(const ModelTraceOf<T>& trace, const ModelWeightsOf<T>& weights,
                        const MatrixOf<T>& d_logits, ModelWeightsOf<T>& gradients);

/// What a head with Shaw's relative positions hands back.
template <class T>
struct RelativeGradientsOf {
  MatrixOf<T> query;             ///< @shape{n_query, d_head}
  MatrixOf<T> key;               ///< @shape{n_key, d_head}
  MatrixOf<T> value;             ///< @shape{n_key, d_value}
  RelativeWeightsOf<T> weights;  ///< of both tables
};

/// One head with relative positions.
/// @param query @shape{n_query, d_head}
/// @param key @shape{n_key, d_head}
/// @param value @shape{n_key, d_value}
/// @param weights  the two tables
/// @param trace  of the forward pass
/// @param d_output @shape{n_query, d_value}
/// @return gradients of all inputs and tables
/// @throws ShapeError when sizes differ
template <class T>
RelativeGradientsOf<T> relative_attention_backward(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                                   const MatrixOf<T>& value,
                                                   const RelativeWeightsOf<T>& weights,
                                                   const RelativeTraceOf<T>& trace,
                                                   const MatrixOf<T>& d_output);

/// T5's table of biases: every cell gathers the scores that read it.
/// @param d_bias @shape{n_heads, n_query, n_key}
/// @param buckets  as in the forward pass
/// @return @shape{n_buckets, n_heads}
template <class T>
MatrixOf<T> t5_bias_backward(const Tensor3Of<T>& d_bias, const T5Buckets& buckets = {});

}  // namespace headlight
