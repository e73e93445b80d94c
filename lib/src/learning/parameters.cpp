#include <algorithm>
#include <cstring>
#include <headlight/learning/parameters.hpp>
#include <type_traits>

namespace headlight {
namespace {

// Model is a ModelWeightsOf<T>, const or not; N is T with the same constness.
template <class N, class Model>
void walk(Model& w, const std::function<void(const ParameterOf<N>&)>& visit) {
  const auto show = [&](const std::string& name, auto& tensor, bool is_matrix) {
    if (tensor.size() > 0) visit({name, {tensor.data(), tensor.size()}, is_matrix});
  };
  const auto show_norm = [&](const std::string& name, auto& norm) {
    if (!norm) return;
    show(name + ".w", norm->gain, false);
    show(name + ".b", norm->bias, false);
  };
  show("embed.W_E", w.W_E, true);
  show("pos_embed.W_pos", w.W_pos, true);
  show("relative_bias", w.relative_bias, true);
  for (std::size_t layer = 0; layer < w.blocks.size(); ++layer) {
    auto& block = w.blocks[layer];
    const std::string prefix = "blocks." + std::to_string(layer) + ".";
    show_norm(prefix + "ln1", block.norm1);
    show(prefix + "attn.W_Q", block.attention.W_Q, true);
    show(prefix + "attn.W_K", block.attention.W_K, true);
    show(prefix + "attn.W_V", block.attention.W_V, true);
    show(prefix + "attn.W_O", block.attention.W_O, true);
    show(prefix + "attn.b_Q", block.attention.b_Q, false);
    show(prefix + "attn.b_K", block.attention.b_K, false);
    show(prefix + "attn.b_V", block.attention.b_V, false);
    show(prefix + "attn.b_O", block.attention.b_O, false);
    show(prefix + "attn.null_key", block.attention.null_key, false);
    show(prefix + "attn.relative_keys", block.attention.relative_keys, true);
    show(prefix + "attn.relative_values", block.attention.relative_values, true);
    show_norm(prefix + "ln2", block.norm2);
    if (block.feed_forward) {
      show(prefix + "mlp.W_in", block.feed_forward->W_in, true);
      show(prefix + "mlp.b_in", block.feed_forward->b_in, false);
      show(prefix + "mlp.W_out", block.feed_forward->W_out, true);
      show(prefix + "mlp.b_out", block.feed_forward->b_out, false);
    }
  }
  show_norm("ln_final", w.norm_final);
  show("unembed.W_U", w.W_U, true);
}

template <class To, class Tensor, class Result>
void cast_tensor(const Tensor& from, Result& to) {
  to.resize(from.shape());
  std::transform(from.begin(), from.end(), to.begin(),
                 [](auto value) { return static_cast<To>(value); });
}

template <class To, class From>
std::optional<NormWeightsOf<To>> cast_norm(const std::optional<NormWeightsOf<From>>& from) {
  if (!from) return {};
  NormWeightsOf<To> to{{}, {}, static_cast<To>(from->epsilon), from->kind};
  cast_tensor<To>(from->gain, to.gain);
  cast_tensor<To>(from->bias, to.bias);
  return to;
}

}  // namespace

template <class T>
void for_each_parameter(ModelWeightsOf<T>& weights,
                        const std::function<void(const ParameterOf<T>&)>& visit) {
  walk<T>(weights, visit);
}

template <class T>
void for_each_parameter(const ModelWeightsOf<T>& weights,
                        const std::function<void(const ParameterOf<const T>&)>& visit) {
  walk<const T>(weights, visit);
}

template <class T>
ModelWeightsOf<T> zeros_like(const ModelWeightsOf<T>& weights) {
  ModelWeightsOf<T> zeros = weights;
  walk<T>(zeros,
          [](const ParameterOf<T>& p) { std::fill(p.values.begin(), p.values.end(), T(0)); });
  return zeros;
}

template <class T>
std::size_t parameter_count(const ModelWeightsOf<T>& weights) {
  std::size_t count = 0;
  walk<const T>(weights, [&](const ParameterOf<const T>& p) { count += p.values.size(); });
  return count;
}

template <class T>
std::uint64_t parameter_hash(const ModelWeightsOf<T>& weights) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  walk<const T>(weights, [&](const ParameterOf<const T>& p) {
    for (const T value : p.values) {
      unsigned char bytes[sizeof(T)];
      std::memcpy(bytes, &value, sizeof(T));
      for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
    }
  });
  return hash;
}

template <class To, class From>
ModelWeightsOf<To> model_cast(const ModelWeightsOf<From>& from) {
  ModelWeightsOf<To> to;
  to.position = from.position, to.rope = from.rope, to.n_context = from.n_context;
  to.max_distance = from.max_distance;
  cast_tensor<To>(from.W_E, to.W_E);
  cast_tensor<To>(from.W_pos, to.W_pos);
  cast_tensor<To>(from.relative_bias, to.relative_bias);
  cast_tensor<To>(from.W_U, to.W_U);
  to.norm_final = cast_norm<To>(from.norm_final);
  for (const BlockWeightsOf<From>& block : from.blocks) {
    BlockWeightsOf<To>& b = to.blocks.emplace_back();
    b.place = block.place;
    b.norm1 = cast_norm<To>(block.norm1);
    b.norm2 = cast_norm<To>(block.norm2);
    b.attention.n_heads = block.attention.n_heads;
    cast_tensor<To>(block.attention.W_Q, b.attention.W_Q);
    cast_tensor<To>(block.attention.W_K, b.attention.W_K);
    cast_tensor<To>(block.attention.W_V, b.attention.W_V);
    cast_tensor<To>(block.attention.W_O, b.attention.W_O);
    cast_tensor<To>(block.attention.b_Q, b.attention.b_Q);
    cast_tensor<To>(block.attention.b_K, b.attention.b_K);
    cast_tensor<To>(block.attention.b_V, b.attention.b_V);
    cast_tensor<To>(block.attention.b_O, b.attention.b_O);
    cast_tensor<To>(block.attention.null_key, b.attention.null_key);
    cast_tensor<To>(block.attention.relative_keys, b.attention.relative_keys);
    cast_tensor<To>(block.attention.relative_values, b.attention.relative_values);
    if (block.feed_forward) {
      FeedForwardWeightsOf<To>& f = b.feed_forward.emplace();
      f.activation = block.feed_forward->activation;
      cast_tensor<To>(block.feed_forward->W_in, f.W_in);
      cast_tensor<To>(block.feed_forward->b_in, f.b_in);
      cast_tensor<To>(block.feed_forward->W_out, f.W_out);
      cast_tensor<To>(block.feed_forward->b_out, f.b_out);
    }
  }
  return to;
}

#define HEADLIGHT_PARAMETERS(T)                                                              \
  template void for_each_parameter(ModelWeightsOf<T>&,                                       \
                                   const std::function<void(const ParameterOf<T>&)>&);       \
  template void for_each_parameter(const ModelWeightsOf<T>&,                                 \
                                   const std::function<void(const ParameterOf<const T>&)>&); \
  template ModelWeightsOf<T> zeros_like(const ModelWeightsOf<T>&);                           \
  template std::size_t parameter_count(const ModelWeightsOf<T>&);                            \
  template std::uint64_t parameter_hash(const ModelWeightsOf<T>&)
HEADLIGHT_PARAMETERS(double);
HEADLIGHT_PARAMETERS(float);
#undef HEADLIGHT_PARAMETERS
template ModelWeightsOf<float> model_cast(const ModelWeightsOf<double>&);
template ModelWeightsOf<double> model_cast(const ModelWeightsOf<float>&);

}  // namespace headlight
