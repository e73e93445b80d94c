#include <algorithm>
#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/learning/backward.hpp>

namespace headlight {
namespace {

template <class T>
MatrixOf<T> zeros(std::size_t rows, std::size_t columns) {
  MatrixOf<T> a = MatrixOf<T>::from_shape({rows, columns});
  std::fill(a.begin(), a.end(), T(0));
  return a;
}

template <class A>
void add_to(A& sum, const A& term) {
  for (std::size_t c = 0; c < sum.size(); ++c) sum.data()[c] += term.data()[c];
}

// A bias is added to every row, so it gathers the gradient of every row.
template <class T>
void add_column_sums(ViewOf<const T> d, VectorOf<T>& bias) {
  if (bias.size() == 0) return;
  for (std::size_t i = 0; i < d.rows; ++i)
    for (std::size_t j = 0; j < d.columns; ++j) bias(j) += d.data[i * d.stride + j];
}

// y = x W + b: W receives x^T dy, b the column sums, x gets dy W^T added.
template <class T>
void affine_backward(ViewOf<const T> x, const MatrixOf<T>& W, ViewOf<const T> d_y, MatrixOf<T>& d_W,
                     VectorOf<T>& d_b, ViewOf<T> d_x) {
  multiply<T>(T(1), transposed(x), d_y, T(1), view(d_W));
  add_column_sums(d_y, d_b);
  multiply<T>(T(1), d_y, transposed(view(W)), T(1), d_x);
}

template <class T>
T slope(Activation kind, T x) {
  switch (kind) {
    case Activation::gelu: {
      const T density = std::exp(-x * x / 2) * T(0.39894228040143267794);
      return (1 + std::erf(x / T(1.4142135623730950488))) / 2 + x * density;
    }
    case Activation::gelu_new: {
      const T c = T(0.79788456080286535588), a = T(0.044715);
      const T t = std::tanh(c * (x + a * x * x * x));
      return (1 + t) / 2 + x / 2 * (1 - t * t) * c * (1 + 3 * a * x * x);
    }
    case Activation::relu:
      return x > 0 ? T(1) : T(0);
  }
  return T(0);
}

// The row of Shaw's tables that query i has for key j.
std::size_t row_of_offset(std::size_t i, std::size_t j, std::size_t first_position,
                          std::size_t offsets) {
  return relative_row(
      static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(first_position + i),
      offsets / 2);
}

// A row of Shaw's tables gathers what every pair of tokens at its offset does.
template <class T>
MatrixOf<T> by_offset(ViewOf<const T> pairs, std::size_t first_position, std::size_t offsets) {
  MatrixOf<T> gathered = zeros<T>(pairs.rows, offsets);  // [query, offset]
  for (std::size_t i = 0; i < pairs.rows; ++i)
    for (std::size_t j = 0; j < pairs.columns; ++j)
      gathered(i, row_of_offset(i, j, first_position, offsets)) += pairs.data[i * pairs.stride + j];
  return gathered;
}

// dS of one row into `d`, which holds dA.
template <class T>
void softmax_row_backward(const T* pattern, std::size_t n, T* d) {
  T mean = 0;
  for (std::size_t j = 0; j < n; ++j) mean += pattern[j] * d[j];
  for (std::size_t j = 0; j < n; ++j) d[j] = pattern[j] * (d[j] - mean);
}

}  // namespace

template <class T>
MatrixOf<T> softmax_backward(const MatrixOf<T>& pattern, const MatrixOf<T>& d_pattern) {
  require_shape(
      pattern.shape() == d_pattern.shape(), "softmax_backward",
      "a pattern " + shape_string(pattern) + " with a gradient " + shape_string(d_pattern));
  MatrixOf<T> d_scores = d_pattern;
  const std::size_t n_key = pattern.shape(1);
  for (std::size_t i = 0; i < pattern.shape(0); ++i)
    softmax_row_backward(pattern.data() + i * n_key, n_key, d_scores.data() + i * n_key);
  return d_scores;
}

template <class T>
MatrixOf<T> normalise_backward(const NormTraceOf<T>& trace, const NormWeightsOf<T>& weights,
                               const MatrixOf<T>& d_output, NormWeightsOf<T>& gradients) {
  require_shape(
      trace.normalised.shape() == d_output.shape() && weights.gain.size() == d_output.shape(1),
      "normalise_backward",
      "a trace " + shape_string(trace.normalised) + " and a gain " + shape_string(weights.gain) +
          " with a gradient " + shape_string(d_output));
  const std::size_t n = d_output.shape(0), d = d_output.shape(1);
  MatrixOf<T> d_input = MatrixOf<T>::from_shape({n, d});
  const bool is_layer_norm = weights.kind == Norm::layer;
  for (std::size_t i = 0; i < n; ++i) {
    const T* dy = d_output.data() + i * d;
    const T* normalised = trace.normalised.data() + i * d;
    T* dx = d_input.data() + i * d;
    T mean = 0, projection = 0;
    for (std::size_t j = 0; j < d; ++j) {
      gradients.gain(j) += dy[j] * normalised[j];
      dx[j] = dy[j] * weights.gain(j);
      mean += dx[j];
      projection += dx[j] * normalised[j];
    }
    mean = is_layer_norm ? mean / static_cast<T>(d) : T(0);
    projection /= static_cast<T>(d);
    for (std::size_t j = 0; j < d; ++j)
      dx[j] = (dx[j] - mean - normalised[j] * projection) / trace.scale(i, 0);
  }
  add_column_sums<T>(view(d_output), gradients.bias);
  return d_input;
}

template <class T>
void activate_backward(Activation kind, std::span<const T> x, std::span<const T> d_y,
                       std::span<T> d_x) {
  require_shape(x.size() == d_y.size() && x.size() == d_x.size(), "activate_backward",
                "inputs of " + std::to_string(x.size()) + ", gradients of " +
                    std::to_string(d_y.size()) + " and " + std::to_string(d_x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) d_x[i] = d_y[i] * slope(kind, x[i]);
}

template <class T>
MatrixOf<T> feed_forward_backward(const MatrixOf<T>& x, const FeedForwardTraceOf<T>& trace,
                                  const FeedForwardWeightsOf<T>& w, const MatrixOf<T>& d_output,
                                  FeedForwardWeightsOf<T>& gradients) {
  require_shape(
      trace.output.shape() == d_output.shape(), "feed_forward_backward",
      "a trace " + shape_string(trace.output) + " with a gradient " + shape_string(d_output));
  MatrixOf<T> d_hidden = zeros<T>(x.shape(0), w.W_in.shape(1));  // [n, d_hidden]
  affine_backward<T>(view(trace.post), w.W_out, view(d_output), gradients.W_out, gradients.b_out,
                     view(d_hidden));
  activate_backward<T>(w.activation, {trace.pre.data(), trace.pre.size()},
                       {d_hidden.data(), d_hidden.size()}, {d_hidden.data(), d_hidden.size()});
  MatrixOf<T> d_x = zeros<T>(x.shape(0), x.shape(1));
  affine_backward<T>(view(x), w.W_in, view(std::as_const(d_hidden)), gradients.W_in, gradients.b_in,
                     view(d_x));
  return d_x;
}

template <class T>
AttentionInputGradientsOf<T> multi_head_attention_backward(
    const MatrixOf<T>& x, const MatrixOf<T>& memory, const MultiHeadTraceOf<T>& t,
    const MultiHeadWeightsOf<T>& w, const AttentionOptionsOf<T>& options,
    const MatrixOf<T>& d_output, MultiHeadWeightsOf<T>& gradients) {
  require_shape(
      t.attention_output.shape() == d_output.shape() && t.query.shape(1) == x.shape(0),
      "multi_head_attention_backward",
      "a trace " + shape_string(t.attention_output) + " with a gradient " + shape_string(d_output));
  const std::size_t n_heads = w.n_heads, n_query = t.query.shape(1), n_key = t.key.shape(1);
  const std::size_t d_head = t.query.shape(2), d_value = t.value.shape(2);
  const std::size_t n_tokens = memory.shape(0), null_keys = n_key - n_tokens;
  const std::size_t first_position = options.causal ? n_tokens - n_query : 0;
  const std::size_t offsets = w.relative_keys.size() > 0 ? w.relative_keys.shape(0) : 0;
  const T scale = static_cast<T>(options.scale != 0 ? options.scale
                                                    : 1 / std::sqrt(static_cast<double>(d_head)));

  MatrixOf<T> d_concatenated = zeros<T>(n_query, n_heads * d_value);
  affine_backward<T>(view(t.concatenated), w.W_O, view(d_output), gradients.W_O, gradients.b_O,
                     view(d_concatenated));

  AttentionInputGradientsOf<T> result;
  result.x = zeros<T>(x.shape(0), x.shape(1));
  result.memory = zeros<T>(memory.shape(0), memory.shape(1));
  if (t.bias.size() > 0) result.bias = Tensor3Of<T>::from_shape({n_heads, n_query, n_key});
  MatrixOf<T> d_Q = zeros<T>(n_query, n_heads * d_head);
  MatrixOf<T> d_K = zeros<T>(n_tokens, n_heads * d_head);
  MatrixOf<T> d_V = zeros<T>(n_tokens, n_heads * d_value);
  MatrixOf<T> d_scores = zeros<T>(n_query, n_key), d_key = zeros<T>(n_key, d_head);
  MatrixOf<T> d_value_of_head = zeros<T>(n_key, d_value);
  for (std::size_t h = 0; h < n_heads; ++h) {
    const ViewOf<const T> pattern = head_view(t.pattern, h);
    const ViewOf<const T> d_z = columns(view(std::as_const(d_concatenated)), h * d_value, d_value);
    multiply<T>(T(1), d_z, transposed(head_view(t.value, h)), T(0), view(d_scores));  // dA
    if (w.relative_values.size() > 0) {
      MatrixOf<T> d_share = zeros<T>(n_query, offsets);  // of A, gathered at every offset
      multiply<T>(T(1), d_z, transposed(columns(view(w.relative_values), h * d_value, d_value)),
                  T(0), view(d_share));
      for (std::size_t i = 0; i < n_query; ++i)
        for (std::size_t j = 0; j < n_key; ++j)
          d_scores(i, j) += d_share(i, row_of_offset(i, j, first_position, offsets));
      const MatrixOf<T> share = by_offset(pattern, first_position, offsets);
      multiply<T>(T(1), transposed(view(share)), d_z, T(1),
                  columns(view(gradients.relative_values), h * d_value, d_value));
    }
    multiply<T>(T(1), transposed(pattern), d_z, T(0), view(d_value_of_head));
    for (std::size_t i = 0; i < n_query; ++i)
      softmax_row_backward(pattern.data + i * n_key, n_key, d_scores.data() + i * n_key);
    if (result.bias.size() > 0)
      std::copy(d_scores.begin(), d_scores.end(), head_view(result.bias, h).data);
    for (T& d : d_scores) d *= scale;

    const ViewOf<T> d_q = columns(view(d_Q), h * d_head, d_head);
    const ViewOf<T> d_k = columns(view(d_K), h * d_head, d_head);
    const ViewOf<const T> dS = view(std::as_const(d_scores));
    const ViewOf<const T> tokens_dS = columns(dS, null_keys, n_tokens);
    const auto keys_of = [&](const Tensor3Of<T>& keys) {
      return rows(head_view(keys, h), null_keys, n_tokens);
    };
    if (options.rope) {  // turning back is turning by minus the angle
      Rope back = *options.rope;
      back.position_scale = -back.position_scale;
      multiply<T>(T(1), tokens_dS, keys_of(t.rotated_key), T(0), d_q);
      rotate<T>(d_q, first_position, back, d_q);
      multiply<T>(T(1), transposed(tokens_dS), head_view(t.rotated_query, h), T(0), d_k);
      rotate<T>(d_k, 0, back, d_k);
    } else {
      multiply<T>(T(1), tokens_dS, keys_of(t.key), T(0), d_q);
      multiply<T>(T(1), transposed(tokens_dS), head_view(t.query, h), T(0), d_k);
    }
    if (offsets > 0) {  // a^K meets the query that was not turned
      const MatrixOf<T> d_offset = by_offset(dS, first_position, offsets);  // [query, offset]
      multiply<T>(T(1), view(d_offset), columns(view(w.relative_keys), h * d_head, d_head), T(1),
                  d_q);
      multiply<T>(T(1), transposed(view(d_offset)), head_view(t.query, h), T(1),
                  columns(view(gradients.relative_keys), h * d_head, d_head));
    }
    if (null_keys > 0) {  // it meets the query that was not turned
      multiply<T>(T(1), columns(dS, 0, 1), rows(head_view(t.key, h), 0, 1), T(1), d_q);
      multiply<T>(T(1), transposed(columns(dS, 0, 1)), head_view(t.query, h), T(1),
                  rows(view(gradients.null_key), h, 1));
    }
    for (std::size_t j = 0; j < n_tokens; ++j)
      std::copy_n(d_value_of_head.data() + (j + null_keys) * d_value, d_value,
                  d_V.data() + j * n_heads * d_value + h * d_value);
  }
  affine_backward<T>(view(x), w.W_Q, view(std::as_const(d_Q)), gradients.W_Q, gradients.b_Q,
                     view(result.x));
  affine_backward<T>(view(memory), w.W_K, view(std::as_const(d_K)), gradients.W_K, gradients.b_K,
                     view(result.memory));
  affine_backward<T>(view(memory), w.W_V, view(std::as_const(d_V)), gradients.W_V, gradients.b_V,
                     view(result.memory));
  return result;
}

template <class T>
MatrixOf<T> run_block_backward(const BlockTraceOf<T>& t, const BlockWeightsOf<T>& w,
                               const AttentionOptionsOf<T>& options, const MatrixOf<T>& d_output,
                               BlockWeightsOf<T>& gradients, Tensor3Of<T>* d_bias) {
  const bool post_norm = w.place == NormPlace::after;
  MatrixOf<T> d = d_output;  // of the residual stream, walking down
  if (w.feed_forward) {
    if (post_norm && w.norm2) d = normalise_backward(t.norm2, *w.norm2, d, *gradients.norm2);
    const bool norm_before = !post_norm && w.norm2;
    MatrixOf<T> d_branch =
        feed_forward_backward(norm_before ? t.norm2.output : t.residual_mid, t.feed_forward,
                              *w.feed_forward, d, *gradients.feed_forward);
    if (norm_before) d_branch = normalise_backward(t.norm2, *w.norm2, d_branch, *gradients.norm2);
    add_to(d, d_branch);
  }
  if (post_norm && w.norm1) d = normalise_backward(t.norm1, *w.norm1, d, *gradients.norm1);
  const bool norm_before = !post_norm && w.norm1;
  const MatrixOf<T>& input = norm_before ? t.norm1.output : t.residual_pre;
  AttentionInputGradientsOf<T> branch = multi_head_attention_backward(
      input, input, t.attention, w.attention, options, d, gradients.attention);
  if (d_bias) *d_bias = std::move(branch.bias);
  add_to(branch.x, branch.memory);
  if (norm_before) branch.x = normalise_backward(t.norm1, *w.norm1, branch.x, *gradients.norm1);
  add_to(d, branch.x);
  return d;
}

template <class T>
void run_model_backward(const ModelTraceOf<T>& t, const ModelWeightsOf<T>& w,
                        const MatrixOf<T>& d_logits, ModelWeightsOf<T>& gradients) {
  require_shape(t.logits.shape() == d_logits.shape() && t.blocks.size() == w.blocks.size(),
                "run_model_backward",
                "a trace with logits " + shape_string(t.logits) + " and " +
                    std::to_string(t.blocks.size()) + " blocks, gradients " +
                    shape_string(d_logits) + " for " + std::to_string(w.blocks.size()) + " blocks");
  require_shape(!w.blocks.empty(), "run_model_backward", "wanted at least one block, got none");
  const std::size_t n = t.ids.size(), d_model = w.W_E.shape(1);
  const MatrixOf<T>& last = w.norm_final ? t.norm_final.output : t.blocks.back().residual_post;
  const bool is_tied = w.W_U.size() == 0;
  MatrixOf<T> d = zeros<T>(n, d_model);
  multiply<T>(T(1), view(d_logits), view(is_tied ? w.W_E : w.W_U), T(0), view(d));
  multiply<T>(T(1), transposed(view(d_logits)), view(last), T(1),
              view(is_tied ? gradients.W_E : gradients.W_U));
  if (w.norm_final) d = normalise_backward(t.norm_final, *w.norm_final, d, *gradients.norm_final);
  AttentionOptionsOf<T> options;
  options.causal = true;
  if (w.position == Position::rope) options.rope = w.rope;
  Tensor3Of<T> d_bias;
  for (std::size_t layer = w.blocks.size(); layer-- > 0;) {
    d = run_block_backward(t.blocks[layer], w.blocks[layer], options, d, gradients.blocks[layer],
                           &d_bias);
    if (w.position == Position::t5)  // one table for all layers
      add_to(gradients.relative_bias, t5_bias_backward(d_bias, buckets_of(w)));
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < d_model; ++j) gradients.W_E(t.ids[i], j) += d(i, j);
  if (w.position == Position::learned)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < d_model; ++j) gradients.W_pos(i, j) += d(i, j);
}

template <class T>
RelativeGradientsOf<T> relative_attention_backward(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                                   const MatrixOf<T>& value,
                                                   const RelativeWeightsOf<T>& w,
                                                   const RelativeTraceOf<T>& t,
                                                   const MatrixOf<T>& d_output) {
  require_shape(t.output.shape() == d_output.shape(), "relative_attention_backward",
                "a trace " + shape_string(t.output) + " with a gradient " + shape_string(d_output));
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), rows = 2 * w.reach + 1;
  const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(query.shape(1))));
  const std::size_t first_position = n_key - n_query;
  RelativeGradientsOf<T> g;
  g.weights.reach = w.reach;
  MatrixOf<T> d_pattern = matmul(d_output, headlight::transpose(value));  // [n_query, n_key]
  if (w.values.size() > 0) {
    const MatrixOf<T> by_row = matmul(d_output, headlight::transpose(w.values));  // [n_query, rows]
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j)
        d_pattern(i, j) += by_row(i, row_of_offset(i, j, first_position, rows));
    g.weights.values =
        matmul(headlight::transpose(by_offset(view(t.pattern), first_position, rows)), d_output);
  }
  g.value = matmul(headlight::transpose(t.pattern), d_output);
  MatrixOf<T> d_scores = softmax_backward(t.pattern, d_pattern);
  for (T& d : d_scores) d *= scale;
  const MatrixOf<T> d_rows =
      by_offset(view(std::as_const(d_scores)), first_position, rows);  // [n_query, rows]
  g.query = matmul(d_scores, key);
  add_to(g.query, matmul(d_rows, w.keys));
  g.key = matmul(headlight::transpose(d_scores), query);
  g.weights.keys = matmul(headlight::transpose(d_rows), query);
  return g;
}

template <class T>
MatrixOf<T> t5_bias_backward(const Tensor3Of<T>& d_bias, const T5Buckets& buckets) {
  const std::size_t n_heads = d_bias.shape(0), n_query = d_bias.shape(1), n_key = d_bias.shape(2);
  MatrixOf<T> d_table = zeros<T>(buckets.n_buckets, n_heads);
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) {
        const auto position = static_cast<std::ptrdiff_t>(i + n_key - n_query);
        d_table(t5_bucket(static_cast<std::ptrdiff_t>(j) - position, buckets), h) +=
            d_bias(h, i, j);
      }
  return d_table;
}

#define HEADLIGHT_BACKWARD(T)                                                                    \
  template MatrixOf<T> softmax_backward(const MatrixOf<T>&, const MatrixOf<T>&);                 \
  template MatrixOf<T> normalise_backward(const NormTraceOf<T>&, const NormWeightsOf<T>&,        \
                                          const MatrixOf<T>&, NormWeightsOf<T>&);                \
  template void activate_backward(Activation, std::span<const T>, std::span<const T>,            \
                                  std::span<T>);                                                 \
  template MatrixOf<T> feed_forward_backward(const MatrixOf<T>&, const FeedForwardTraceOf<T>&,   \
                                             const FeedForwardWeightsOf<T>&, const MatrixOf<T>&, \
                                             FeedForwardWeightsOf<T>&);                          \
  template AttentionInputGradientsOf<T> multi_head_attention_backward(                           \
      const MatrixOf<T>&, const MatrixOf<T>&, const MultiHeadTraceOf<T>&,                        \
      const MultiHeadWeightsOf<T>&, const AttentionOptionsOf<T>&, const MatrixOf<T>&,            \
      MultiHeadWeightsOf<T>&);                                                                   \
  template MatrixOf<T> run_block_backward(const BlockTraceOf<T>&, const BlockWeightsOf<T>&,      \
                                          const AttentionOptionsOf<T>&, const MatrixOf<T>&,      \
                                          BlockWeightsOf<T>&, Tensor3Of<T>*);                    \
  template void run_model_backward(const ModelTraceOf<T>&, const ModelWeightsOf<T>&,             \
                                   const MatrixOf<T>&, ModelWeightsOf<T>&);                      \
  template RelativeGradientsOf<T> relative_attention_backward(                                   \
      const MatrixOf<T>&, const MatrixOf<T>&, const MatrixOf<T>&, const RelativeWeightsOf<T>&,   \
      const RelativeTraceOf<T>&, const MatrixOf<T>&);                                            \
  template MatrixOf<T> t5_bias_backward(const Tensor3Of<T>&, const T5Buckets&)
HEADLIGHT_BACKWARD(double);
HEADLIGHT_BACKWARD(float);
#undef HEADLIGHT_BACKWARD

}  // namespace headlight
