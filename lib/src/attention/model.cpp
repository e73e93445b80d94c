#include <cmath>
#include <headlight/attention/model.hpp>
#include <headlight/layer/embedding.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <headlight/position/t5_bias.hpp>

#include "attention/stages.hpp"

namespace headlight {
namespace {

template <class T>
void show_embeddings(const ModelTraceOf<T>& t, const StageVisitorOf<T>& visit) {
  detail::show<T>(visit, "", "hook_embed", "W_E[id]", "rows of W_E", "pos, d_model", t.embed);
  detail::show<T>(visit, "", "hook_pos_embed", "p", "position embedding", "pos, d_model",
                  t.pos_embed);
}

template <class T>
void show_unembedding(const ModelTraceOf<T>& t, const MatrixOf<T>& last,
                      const StageVisitorOf<T>& visit) {
  const auto show = [&](const char* name, std::string_view symbol, std::string_view formula,
                        std::string_view axes, const auto& values) {
    detail::show<T>(visit, "", name, symbol, formula, axes, values);
  };
  show("ln_final.hook_mean", "mu", "mean of a row", "pos, 1", t.norm_final.mean);
  show("ln_final.hook_scale", "sigma", "sqrt(variance + epsilon)", "pos, 1", t.norm_final.scale);
  show("ln_final.hook_normalized", "x hat", "(x - mu) / sigma", "pos, d_model",
       t.norm_final.normalised);
  show("ln_final.hook_out", "norm", "x hat * gain + bias", "pos, d_model", t.norm_final.output);
  show("unembed.hook_in", "y", "what is unembedded", "pos, d_model",
       t.norm_final.output.size() ? t.norm_final.output : last);
  show("unembed.hook_out", "logits", "y W_U^T", "pos, d_vocab", t.logits);
  show("unembed.hook_probs", "p", "softmax(logits)", "pos, d_vocab", t.probabilities);
}

template <class T>
void require_fit(std::span<const std::size_t> ids, const ModelWeightsOf<T>& w) {
  require_shape(!ids.empty(), "run_model", "wanted at least one token, got none");
  require_shape(w.n_context == 0 || ids.size() <= w.n_context, "run_model",
                "wanted at most " + std::to_string(w.n_context) +
                    " tokens (the model's context), got " + std::to_string(ids.size()));
  require_shape(w.position != Position::learned || w.W_pos.shape(0) >= ids.size(), "run_model",
                "wanted at most " + std::to_string(w.W_pos.shape(0)) +
                    " tokens (rows of W_pos), got " + std::to_string(ids.size()));
  require_shape(w.position != Position::learned || w.W_pos.shape(1) == w.W_E.shape(1), "run_model",
                "W_pos has shape " + shape_string(w.W_pos) + ", W_E " + shape_string(w.W_E));
  require_shape(w.W_U.size() == 0 || w.W_U.shape(1) == w.W_E.shape(1), "run_model",
                "W_U has shape " + shape_string(w.W_U) + ", W_E " + shape_string(w.W_E));
  for (std::size_t layer = 0; layer < w.blocks.size(); ++layer) {
    const MultiHeadWeightsOf<T>& a = w.blocks[layer].attention;
    const std::string where = "layer " + std::to_string(layer);
    require_shape((w.position == Position::shaw) == (a.relative_keys.size() > 0), "run_model",
                  where + (a.relative_keys.size() > 0
                               ? " has relative_keys, but the model's positions are not Shaw's"
                               : " has no relative_keys, but the model's positions are Shaw's"));
    require_shape(w.position != Position::t5 || w.relative_bias.shape(1) == a.n_heads, "run_model",
                  "relative_bias has shape " + shape_string(w.relative_bias) + " for the " +
                      std::to_string(a.n_heads) + " heads of " + where);
    require_shape(
        (w.position != Position::alibi && w.position != Position::t5) || a.null_key.size() == 0,
        "run_model",
        (w.position == Position::t5 ? "T5's positions with a null key are"
                                    : "ALiBi with a null key is") +
            std::string(" not defined; use another position code"));
  }
}

// What is added to the scores of a layer because of where tokens stand: ALiBi's penalties or T5's
// table, the same for every layer with as many heads.
template <class T>
void bias_of_positions(const ModelWeightsOf<T>& w, std::size_t n_heads, std::size_t n,
                       Tensor3Of<T>& bias) {
  if (bias.size() > 0 && bias.shape(0) == n_heads) return;
  bias = w.position == Position::alibi ? alibi_bias<T>(n_heads, n, n)
                                       : t5_bias<T>(w.relative_bias, n, n, buckets_of(w));
}

// The blocks' numbers go either into a block trace each, or all through one.
template <class T>
void run(std::span<const std::size_t> ids, const ModelWeightsOf<T>& w,
         const ModelOptionsOf<T>& options, ModelTraceOf<T>& t, const StageVisitorOf<T>* visit) {
  require_fit(ids, w);
  const std::size_t n = ids.size(), d = w.W_E.shape(1), vocabulary = w.W_E.shape(0);
  t.ids.assign(ids.begin(), ids.end());
  t.blocks.resize(visit ? std::min<std::size_t>(1, w.blocks.size()) : w.blocks.size());

  const auto announce = [&](MatrixOf<T>& values, const auto& show) {
    if (values.size() > 0) detail::announce<T>(options.intervention, values.data(), show);
  };
  const auto embeddings = [&](const StageVisitorOf<T>& v) { show_embeddings(t, v); };
  embed(w.W_E, ids, t.embed);  // [n, d_model]
  announce(t.embed, embeddings);
  if (w.position == Position::learned) {
    set_shape(t.pos_embed, std::array{n, d});
    std::copy_n(w.W_pos.data(), n * d, t.pos_embed.data());
  } else if (w.position == Position::sinusoidal) {
    t.pos_embed = sinusoidal_positions<T>(n, d);
  } else {
    set_shape(t.pos_embed, std::array{std::size_t{0}, d});
  }
  announce(t.pos_embed, embeddings);
  if (visit) embeddings(*visit);
  MatrixOf<T> residual = t.embed;  // [n, d_model]
  if (t.pos_embed.size() > 0) detail::add(t.embed, t.pos_embed, residual);

  AttentionOptionsOf<T> attention;
  attention.causal = true;
  attention.record = options.record;
  attention.threads = options.threads;
  if (w.position == Position::rope) attention.rope = w.rope;
  Tensor3Of<T> bias;
  for (std::size_t layer = 0; layer < w.blocks.size(); ++layer) {
    const std::string prefix = "blocks." + std::to_string(layer) + ".";
    if (w.position == Position::alibi || w.position == Position::t5) {
      bias_of_positions(w, w.blocks[layer].attention.n_heads, n, bias);
      attention.bias = &bias;
    }
    if (options.intervention) {
      attention.intervention = [&](const StageOf<T>& stage) {
        StageOf<T> named = stage;
        named.name = prefix + stage.name;
        options.intervention(named);
      };
    }
    BlockTraceOf<T>& block = t.blocks[visit ? 0 : layer];
    run_block(residual, w.blocks[layer], attention, block);
    if (visit) for_each_stage(block, prefix, *visit);
    residual = block.residual_post;
  }

  const auto unembedding = [&](const StageVisitorOf<T>& v) { show_unembedding(t, residual, v); };
  if (w.norm_final) {
    NormTraceOf<T>& norm = t.norm_final;
    normalise(residual, *w.norm_final, norm, options.threads);
    if (options.intervention) {
      announce(norm.mean, unembedding);
      normalise(residual, *w.norm_final, norm, options.threads, NormStep::scale);
      announce(norm.scale, unembedding);
      normalise(residual, *w.norm_final, norm, options.threads, NormStep::normalised);
      announce(norm.normalised, unembedding);
      normalise(residual, *w.norm_final, norm, options.threads, NormStep::output);
      announce(norm.output, unembedding);
    }
  } else {
    t.norm_final = {};
  }
  const MatrixOf<T>& y = w.norm_final ? t.norm_final.output : residual;  // [n, d_model]
  const MatrixOf<T>& W_U = w.W_U.size() > 0 ? w.W_U : w.W_E;             // [vocabulary, d_model]
  set_shape(t.logits, std::array{n, w.W_U.size() > 0 ? w.W_U.shape(0) : vocabulary});
  detail::affine_in_blocks<T>(view(y), transposed(view(W_U)), {}, view(t.logits), options.threads);
  announce(t.logits, unembedding);
  set_shape(t.probabilities, t.logits.shape());
  const std::size_t columns = t.logits.shape(1);
  parallel_for(n, options.threads, [&](std::size_t i) {
    const std::span<T> row(t.probabilities.data() + i * columns, columns);
    T max = 0, sum = 0;
    softmax_row<T>({t.logits.data() + i * columns, columns}, row, row, max, sum);
  });
  announce(t.probabilities, unembedding);
  if (visit) unembedding(*visit);
}

template <class T>
std::size_t norm_numbers(const std::optional<NormWeightsOf<T>>& norm, std::size_t n) {
  if (!norm) return 0;
  return (norm->kind == Norm::layer ? 2 : 1) * n + 2 * n * norm->gain.size();
}

}  // namespace

template <class T>
void run_model(std::span<const std::size_t> ids, const ModelWeightsOf<T>& weights,
               const ModelOptionsOf<T>& options, ModelTraceOf<T>& trace) {
  run<T>(ids, weights, options, trace, nullptr);
}

template <class T>
void visit_model(std::span<const std::size_t> ids, const ModelWeightsOf<T>& weights,
                 const ModelOptionsOf<T>& options, const StageVisitorOf<T>& visit) {
  ModelTraceOf<T> trace;
  run<T>(ids, weights, options, trace, &visit);
}

template <class T>
void for_each_stage(const ModelTraceOf<T>& t, const StageVisitorOf<T>& visit) {
  show_embeddings(t, visit);
  for (std::size_t layer = 0; layer < t.blocks.size(); ++layer)
    for_each_stage(t.blocks[layer], "blocks." + std::to_string(layer) + ".", visit);
  show_unembedding(t, t.blocks.empty() ? t.embed : t.blocks.back().residual_post, visit);
}

template <class T>
std::size_t trace_bytes(const ModelWeightsOf<T>& w, std::size_t n) {
  const std::size_t d = w.W_E.shape(1);
  const bool has_positions = w.position == Position::learned || w.position == Position::sinusoidal;
  std::size_t numbers = (has_positions ? 2 : 1) * n * d;
  std::size_t mask_cells = 0;
  for (const BlockWeightsOf<T>& block : w.blocks) {
    const MultiHeadWeightsOf<T>& a = block.attention;
    const std::size_t h = a.n_heads, n_key = n + (a.null_key.size() > 0 ? 1 : 0);
    const std::size_t queries = n * a.W_Q.shape(1), keys = n_key * a.W_K.shape(1);
    const std::size_t values = n_key * a.W_V.shape(1), outputs = n * a.W_V.shape(1);
    const bool has_bias =
        w.position == Position::alibi || w.position == Position::t5 || w.position == Position::shaw;
    const std::size_t score_stages = has_bias ? 6 : 5;
    const std::size_t turned = w.position == Position::rope ? queries + keys : 0;
    numbers += queries + keys + values + turned + score_stages * h * n * n_key + 2 * h * n;
    numbers += (a.relative_values.size() > 0 ? 3 : 2) * outputs + (h + 2) * n * d;
    mask_cells += n * n_key;
    const bool post_norm = block.place == NormPlace::after;
    numbers += 2 * n * d;  // residual in and out
    numbers += norm_numbers(block.norm1, n) + (post_norm && block.norm1 ? n * d : 0);
    if (!block.feed_forward) continue;
    numbers += norm_numbers(block.norm2, n) + (post_norm && block.norm2 ? n * d : 0);
    numbers += 2 * n * block.feed_forward->W_in.shape(1) + 2 * n * d;  // with the residual between
  }
  numbers += norm_numbers(w.norm_final, n);
  numbers += 2 * n * (w.W_U.size() > 0 ? w.W_U : w.W_E).shape(0);
  return numbers * sizeof(T) + mask_cells * sizeof(bool);
}

#define HEADLIGHT_MODEL(T)                                                          \
  template void run_model(std::span<const std::size_t>, const ModelWeightsOf<T>&,   \
                          const ModelOptionsOf<T>&, ModelTraceOf<T>&);              \
  template void visit_model(std::span<const std::size_t>, const ModelWeightsOf<T>&, \
                            const ModelOptionsOf<T>&, const StageVisitorOf<T>&);    \
  template void for_each_stage(const ModelTraceOf<T>&, const StageVisitorOf<T>&);   \
  template std::size_t trace_bytes(const ModelWeightsOf<T>&, std::size_t)
HEADLIGHT_MODEL(double);
HEADLIGHT_MODEL(float);
#undef HEADLIGHT_MODEL

}  // namespace headlight
