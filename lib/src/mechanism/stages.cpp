#include "attention/stages.hpp"

#include <headlight/mechanism/stages.hpp>
#include <type_traits>

namespace headlight {
namespace {

// Shows one stage under its mechanism's name.
template <class T>
class Show {
 public:
  Show(std::string_view prefix, const StageVisitorOf<T>& visit) : prefix_(prefix), visit_(visit) {}
  template <class Tensor>
  void operator()(const std::string& name, std::string_view symbol, std::string_view formula,
                  std::string_view axes, const Tensor& values) const {
    detail::show<T>(visit_, prefix_, name, symbol, formula, axes, values);
  }

 private:
  std::string prefix_;
  const StageVisitorOf<T>& visit_;
};

}  // namespace

template <class T>
void for_each_stage(const FullTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_attn_scores", "S", "Q K^T / sqrt(d_head) + B", "query, key", t.masked_scores);
  show("hook_pattern", "A", "softmax(S)", "query, key", t.pattern);
  show("hook_z", "Y", "A V", "pos, d_value", t.output);
}

template <class T>
void for_each_stage(const HeadsTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_q", "Q", "x W_Q", "head, pos, d_head", t.query);
  show("hook_k", "K", "x W_K", "head, pos, d_head", t.key);
  show("hook_v", "V", "x W_V", "head, pos, d_head", t.value);
  for (std::size_t h = 0; h < t.head.size(); ++h)
    for_each_stage(t.head[h], std::string(prefix) + "head." + std::to_string(h) + ".", visit);
  show("hook_attn_out", "Y", "sum of z_h W_O,h", "pos, d_model", t.output);
}

template <class T>
void for_each_stage(const LocalTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_attn_scores", "S", "Q K^T / sqrt(d_head)", "query, window", t.masked_scores);
  show("hook_pattern", "A", "softmax(S)", "query, window", t.pattern);
  show("hook_z", "Y", "A V", "pos, d_value", t.output);
}

template <class T>
void for_each_stage(const SparseTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_attn_scores", "S", "Q K^T / sqrt(d_head)", "pair", t.masked_scores);
  show("hook_pattern", "A", "softmax(S) of each query", "pair", t.pattern);
  show("hook_z", "Y", "A V", "pos, d_value", t.output);
}

template <class T>
void for_each_stage(const LinearTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_phi_q", "phi(Q)", "phi(Q)", "pos, feature", t.query_features);
  show("hook_phi_k", "phi(K)", "phi(K)", "pos, feature", t.key_features);
  show("hook_state", "S", "phi(K)^T V", "feature, d_value", t.state);
  show("hook_key_sum", "z", "sum of phi(k)", "feature", t.key_sum);
  show("hook_normaliser", "l", "phi(Q) z", "pos", t.normaliser);
  show("hook_z", "Y", "phi(Q) S / l", "pos, d_value", t.output);
}

template <class T>
void for_each_stage(const PerformerTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_exponent_q", "W q' - |q'|^2/2", "W q' - |q'|^2/2", "pos, feature", t.query_exponents);
  show("hook_exponent_k", "W k' - |k'|^2/2", "W k' - |k'|^2/2", "pos, feature", t.key_exponents);
  for_each_stage(static_cast<const LinearTraceOf<T>&>(t), prefix, visit);
}

template <class T>
void for_each_stage(const FlashTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  for (const FlashTileOf<T>& tile : t.tiles) {
    const std::string at =
        "tile." + std::to_string(tile.first_query) + "." + std::to_string(tile.first_key) + ".";
    show(at + "hook_max", "m", "max of m and the tile's scores", "query", tile.max);
    show(at + "hook_rescale", "a", "exp(old m - m)", "query", tile.rescale);
    show(at + "hook_sum", "l", "a l + sum of exp(S - m)", "query", tile.sum);
  }
  show("hook_log_sum_exp", "L", "m + log l", "head, query", t.result.log_sum_exp);
  show("hook_z", "Y", "sum of exp(S - m) V / l", "pos, d_value", t.output);
}

template <class T, class S>
void for_each_stage(const StateSpaceTraceOf<T, S>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_kernel", "K", "C A^k B", "channel, lag", t.kernel);
  if constexpr (std::is_same_v<S, T>) {
    show("hook_state", "h", "A h + B x", "channel, state", t.state);
  } else {
    MatrixOf<T> real = MatrixOf<T>::from_shape(t.state.shape()), imaginary = real;
    for (std::size_t c = 0; c < t.state.size(); ++c)
      real.data()[c] = t.state.data()[c].real(), imaginary.data()[c] = t.state.data()[c].imag();
    show("hook_state_real", "Re h", "A h + B x", "channel, state", real);
    show("hook_state_imaginary", "Im h", "A h + B x", "channel, state", imaginary);
  }
  show("hook_y", "Y", "C h + D x", "pos, channel", t.output);
}

template <class T>
void for_each_stage(const SelectiveTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_decay", "exp(delta A)", "exp(delta A)", "pos, channel, state", t.decays);
  show("hook_states", "h", "exp(delta A) h + delta B x", "pos, channel, state", t.states);
  show("hook_state", "h", "after the last token", "channel, state", t.state);
  show("hook_y", "Y", "C h + D x", "pos, channel", t.output);
}

template <class T>
void for_each_stage(const HashingTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_k", "K", "q / |q|", "pos, d_head", t.key);
  show("hook_rotations", "R", "random directions", "round, d_head, bucket", t.rotations);
  show("hook_round_z", "z", "attention within the round", "round, pos, d_value", t.round_output);
  show("hook_log_sum_exp", "L", "log of the sum of exp(S)", "round, pos", t.log_sum_exp);
  show("hook_round_weight", "w", "softmax of L over rounds", "round, pos", t.round_weight);
  show("hook_z", "Y", "sum of w z", "pos, d_value", t.output);
}

template <class T>
void for_each_stage(const RoutingTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_affinity_q", "q . c", "cosine to each centroid", "cluster, query", t.query_affinity);
  show("hook_affinity_k", "k . c", "cosine to each centroid", "cluster, key", t.key_affinity);
  show("hook_times_routed", "count", "clusters that answered", "query", t.times_routed);
  show("hook_z", "Y", "mean over clusters", "pos, d_value", t.output);
}

template <class T>
void for_each_stage(const TokenMixingTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_normalized", "LN(X)", "norm of each token", "pos, d_model", t.norm.output);
  show("hook_pre", "H", "LN(X)^T W_1", "channel, d_hidden", t.pre);
  show("hook_post", "gelu(H)", "gelu(H)", "channel, d_hidden", t.post);
  show("hook_mixed", "M", "(gelu(H) W_2)^T", "pos, d_model", t.mixed);
  show("hook_y", "Y", "X + M", "pos, d_model", t.output);
}

template <class T>
void for_each_stage(const FourierMixingTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_hidden_real", "Re F(X)", "over channels", "pos, d_model", t.hidden_real);
  show("hook_hidden_imaginary", "Im F(X)", "over channels", "pos, d_model", t.hidden_imaginary);
  show("hook_y", "Y", "Re F(F(X))", "pos, d_model", t.output);
}

template <class T>
void for_each_stage(const HydraTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  const Show<T> show(prefix, visit);
  show("hook_phi_q", "q / |q|", "q / |q|", "pos, d_head", t.query_features);
  show("hook_phi_k", "k / |k|", "k / |k|", "pos, d_head", t.key_features);
  show("hook_state", "s", "sum of k / |k| v", "d_head", t.state);
  show("hook_z", "Y", "q / |q| s", "pos, d_head", t.output);
}

#define HEADLIGHT_STAGES_OF(Trace, T) \
  template void for_each_stage(const Trace&, std::string_view, const StageVisitorOf<T>&)
#define HEADLIGHT_STAGES(T)                                                                    \
  HEADLIGHT_STAGES_OF(FullTraceOf<T>, T);                                                      \
  HEADLIGHT_STAGES_OF(HeadsTraceOf<T>, T);                                                     \
  HEADLIGHT_STAGES_OF(LocalTraceOf<T>, T);                                                     \
  HEADLIGHT_STAGES_OF(SparseTraceOf<T>, T);                                                    \
  HEADLIGHT_STAGES_OF(LinearTraceOf<T>, T);                                                    \
  HEADLIGHT_STAGES_OF(PerformerTraceOf<T>, T);                                                 \
  HEADLIGHT_STAGES_OF(FlashTraceOf<T>, T);                                                     \
  HEADLIGHT_STAGES_OF(SelectiveTraceOf<T>, T);                                                 \
  HEADLIGHT_STAGES_OF(HashingTraceOf<T>, T);                                                   \
  HEADLIGHT_STAGES_OF(RoutingTraceOf<T>, T);                                                   \
  HEADLIGHT_STAGES_OF(TokenMixingTraceOf<T>, T);                                               \
  HEADLIGHT_STAGES_OF(FourierMixingTraceOf<T>, T);                                             \
  HEADLIGHT_STAGES_OF(HydraTraceOf<T>, T);                                                     \
  template void for_each_stage(const StateSpaceTraceOf<T, T>&, std::string_view,               \
                               const StageVisitorOf<T>&);                                      \
  template void for_each_stage(const StateSpaceTraceOf<T, std::complex<T>>&, std::string_view, \
                               const StageVisitorOf<T>&)
HEADLIGHT_STAGES(double);
HEADLIGHT_STAGES(float);
#undef HEADLIGHT_STAGES
#undef HEADLIGHT_STAGES_OF

}  // namespace headlight
