#include <headlight/attention/block.hpp>

#include "attention/stages.hpp"

namespace headlight {
namespace {

template <class T>
class BlockRun {
 public:
  BlockRun(const AttentionOptionsOf<T>& options, BlockTraceOf<T>& trace)
      : options_(options), t_(trace) {}

  void announce(MatrixOf<T>& values) const {
    if (values.size() == 0) return;
    detail::announce<T>(options_.intervention, values.data(),
                        [&](const StageVisitorOf<T>& visit) { for_each_stage(t_, "", visit); });
  }

  // Returns what the next sublayer reads: the normalised rows, or x itself without a norm.
  const MatrixOf<T>& norm(const MatrixOf<T>& x, const std::optional<NormWeightsOf<T>>& weights,
                          NormTraceOf<T>& trace) const {
    if (!weights) {
      trace = {};
      return x;
    }
    normalise(x, *weights, trace, options_.threads);
    if (options_.intervention) {
      announce(trace.mean);
      normalise(x, *weights, trace, options_.threads, NormStep::scale);
      announce(trace.scale);
      normalise(x, *weights, trace, options_.threads, NormStep::normalised);
      announce(trace.normalised);
      normalise(x, *weights, trace, options_.threads, NormStep::output);
      announce(trace.output);
    }
    return trace.output;
  }

  void feed_forward(const MatrixOf<T>& x, const FeedForwardWeightsOf<T>& w) const {
    FeedForwardTraceOf<T>& t = t_.feed_forward;
    const std::size_t n = x.shape(0), threads = options_.threads;
    require_shape(w.W_in.shape(0) == x.shape(1), "run_block",
                  "W_in has shape " + shape_string(w.W_in) + " for inputs of width " +
                      std::to_string(x.shape(1)));
    set_shape(t.pre, std::array{n, w.W_in.shape(1)});
    set_shape(t.post, std::array{n, w.W_in.shape(1)});
    set_shape(t.output, std::array{n, w.W_out.shape(1)});
    detail::affine_in_blocks(view(x), view(w.W_in), w.b_in, view(t.pre), threads);
    announce(t.pre);
    const std::size_t width = w.W_in.shape(1);
    const std::size_t block = detail::rows_of_block(width);
    parallel_for((n + block - 1) / block, threads, [&](std::size_t task) {
      const std::size_t first = task * block;
      const std::size_t count = std::min(block, n - first) * width;
      activate<T>(w.activation, {t.pre.data() + first * width, count},
                  {t.post.data() + first * width, count});
    });
    announce(t.post);
    detail::affine_in_blocks(view(std::as_const(t.post)), view(w.W_out), w.b_out, view(t.output),
                             threads);
    announce(t.output);
  }

 private:
  const AttentionOptionsOf<T>& options_;
  BlockTraceOf<T>& t_;
};

}  // namespace

template <class T>
void run_block(const MatrixOf<T>& x, const BlockWeightsOf<T>& weights,
               const AttentionOptionsOf<T>& options, BlockTraceOf<T>& t) {
  const BlockRun<T> run(options, t);
  const bool post_norm = weights.place == NormPlace::after;
  const bool has_feed_forward = weights.feed_forward.has_value();
  const std::array<std::size_t, 2> empty{0, 0};
  t.residual_pre = x;
  run.announce(t.residual_pre);

  // attention
  const MatrixOf<T>& attention_input =
      post_norm ? t.residual_pre : run.norm(t.residual_pre, weights.norm1, t.norm1);
  multi_head_attention(attention_input, attention_input, weights.attention, options, t.attention);
  require_shape(t.attention.attention_output.shape() == x.shape(), "run_block",
                "attention returns " + shape_string(t.attention.attention_output) +
                    " for a residual stream " + shape_string(x));
  MatrixOf<T>& after_attention = has_feed_forward ? t.residual_mid : t.residual_post;
  if (!has_feed_forward) set_shape(t.residual_mid, empty);
  if (post_norm && weights.norm1) {
    detail::add(t.residual_pre, t.attention.attention_output, t.norm1_input);
    run.announce(t.norm1_input);
    after_attention = run.norm(t.norm1_input, weights.norm1, t.norm1);
  } else {
    set_shape(t.norm1_input, empty);
    detail::add(t.residual_pre, t.attention.attention_output, after_attention);
  }
  run.announce(after_attention);
  if (!has_feed_forward) {
    t.norm2 = {}, t.feed_forward = {};
    set_shape(t.norm2_input, empty);
    return;
  }

  // feed-forward
  const MatrixOf<T>& feed_forward_input =
      post_norm ? t.residual_mid : run.norm(t.residual_mid, weights.norm2, t.norm2);
  run.feed_forward(feed_forward_input, *weights.feed_forward);
  if (post_norm && weights.norm2) {
    detail::add(t.residual_mid, t.feed_forward.output, t.norm2_input);
    run.announce(t.norm2_input);
    t.residual_post = run.norm(t.norm2_input, weights.norm2, t.norm2);
  } else {
    set_shape(t.norm2_input, empty);
    detail::add(t.residual_mid, t.feed_forward.output, t.residual_post);
  }
  run.announce(t.residual_post);
}

template <class T>
void for_each_stage(const BlockTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const auto show = [&](const char* name, std::string_view symbol, std::string_view formula,
                        std::string_view axes, const auto& values) {
    detail::show<T>(visit, prefix, name, symbol, formula, axes, values);
  };
  const bool post_norm1 = t.norm1_input.size() > 0, post_norm2 = t.norm2_input.size() > 0;
  const auto show_norm = [&](std::string_view norm_name, const NormTraceOf<T>& norm) {
    const std::string of_norm = std::string(prefix).append(norm_name);
    const auto show_stage = [&](const char* name, std::string_view symbol, std::string_view formula,
                                std::string_view axes, const auto& values) {
      detail::show<T>(visit, of_norm, name, symbol, formula, axes, values);
    };
    show_stage(".hook_mean", "mu", "mean of a row", "pos, 1", norm.mean);
    show_stage(".hook_scale", "sigma", "sqrt(variance + epsilon)", "pos, 1", norm.scale);
    show_stage(".hook_normalized", "x hat", "(x - mu) / sigma", "pos, d_model", norm.normalised);
    show_stage(".hook_out", "norm", "x hat * gain + bias", "pos, d_model", norm.output);
  };
  show("hook_resid_pre", "x", "residual stream", "pos, d_model", t.residual_pre);
  if (!post_norm1) show_norm("ln1", t.norm1);
  for_each_stage(t.attention, prefix, visit);
  show("ln1.hook_in", "x + attn", "x + attn", "pos, d_model", t.norm1_input);
  if (post_norm1) show_norm("ln1", t.norm1);
  show("hook_resid_mid", "x mid", post_norm1 ? "norm(x + attn)" : "x + attn", "pos, d_model",
       t.residual_mid);
  if (!post_norm2) show_norm("ln2", t.norm2);
  show("mlp.hook_pre", "u", "x W_in + b_in", "pos, d_hidden", t.feed_forward.pre);
  show("mlp.hook_post", "a", "activation(u)", "pos, d_hidden", t.feed_forward.post);
  show("hook_mlp_out", "ffn", "a W_out + b_out", "pos, d_model", t.feed_forward.output);
  show("ln2.hook_in", "x mid + ffn", "x mid + ffn", "pos, d_model", t.norm2_input);
  if (post_norm2) show_norm("ln2", t.norm2);
  show("hook_resid_post", "x post", "residual stream after the block", "pos, d_model",
       t.residual_post);
}

#define HEADLIGHT_BLOCK(T)                                                 \
  template void run_block(const MatrixOf<T>&, const BlockWeightsOf<T>&,    \
                          const AttentionOptionsOf<T>&, BlockTraceOf<T>&); \
  template void for_each_stage(const BlockTraceOf<T>&, std::string_view, const StageVisitorOf<T>&)
HEADLIGHT_BLOCK(double);
HEADLIGHT_BLOCK(float);
#undef HEADLIGHT_BLOCK

}  // namespace headlight
