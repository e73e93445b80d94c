#include <algorithm>
#include <charconv>
#include <headlight/core/shape.hpp>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/file/safetensors.hpp>
#include <nlohmann/json.hpp>

namespace headlight {
namespace {

using nlohmann::json;
using Shape = std::vector<std::size_t>;

struct Names {
  const char* position;
  Position value;
};
constexpr Names position_names[] = {
    {"learned", Position::learned}, {"sinusoidal", Position::sinusoidal},
    {"rope", Position::rope},       {"alibi", Position::alibi},
    {"t5", Position::t5},           {"shaw", Position::shaw},
    {"none", Position::none}};

std::string words(const Shape& shape) {
  return shape_string(std::span<const std::size_t>(shape));
}

// Reads config.json key by key; every complaint names the file and the key.
class Config {
 public:
  explicit Config(const std::filesystem::path& path) : file_(path.string()) {
    try {
      json_ = json::parse(read_whole_file(path, 1 << 20));
    } catch (const json::exception&) {
      fail("not JSON");
    }
    if (!json_.is_object()) fail("not a JSON object");
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw FileError(file_ + ": " + reason);
  }
  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }
  std::size_t size(const char* key, std::size_t otherwise, std::size_t largest = 1 << 24) const {
    if (!has(key)) {
      if (otherwise == 0) fail(std::string(key) + " is missing");
      return otherwise;
    }
    if (!json_[key].is_number_unsigned() || json_[key].get<std::size_t>() == 0 ||
        json_[key].get<std::size_t>() > largest)
      fail(std::string(key) + ": wanted a whole number from 1 to " + std::to_string(largest) +
           ", got " + json_[key].dump());
    return json_[key].get<std::size_t>();
  }
  double number(const char* key, double otherwise) const {
    if (!has(key)) return otherwise;
    if (!json_[key].is_number())
      fail(std::string(key) + ": wanted a number, got " + json_[key].dump());
    return json_[key].get<double>();
  }
  bool flag(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!json_[key].is_boolean())
      fail(std::string(key) + ": wanted true or false, got " + json_[key].dump());
    return json_[key].get<bool>();
  }
  std::string text(const char* key, const std::string& otherwise) const {
    if (!has(key)) return otherwise;
    if (!json_[key].is_string()) fail(std::string(key) + ": wanted text, got " + json_[key].dump());
    return json_[key].get<std::string>();
  }

 private:
  std::string file_;
  json json_;
};

// Finds tensors by their GPT-2 names, with and without the prefix "transformer.".
template <class T>
class Tensors {
 public:
  explicit Tensors(const std::filesystem::path& path) : path_(path.string()), file_(path) {}

  bool has(const std::string& name) const { return find(name) != nullptr; }

  MatrixOf<T> matrix(const std::string& name, std::size_t rows, std::size_t columns) const {
    const SafetensorsReader::Tensor& t = get(name, {rows, columns});
    MatrixOf<T> m = MatrixOf<T>::from_shape({rows, columns});
    file_.read(t, 0, m.size(), m.data());
    return m;
  }
  // Part `index` of `parts` equal groups of columns: Q, K or V of the fused c_attn.
  MatrixOf<T> some_columns(const std::string& name, std::size_t rows, std::size_t columns,
                           std::size_t index, std::size_t parts) const {
    const SafetensorsReader::Tensor& t = get(name, {rows, parts * columns});
    MatrixOf<T> m = MatrixOf<T>::from_shape({rows, columns});
    for (std::size_t i = 0; i < rows; ++i)
      file_.read(t, (i * parts + index) * columns, columns, m.data() + i * columns);
    return m;
  }
  VectorOf<T> vector(const std::string& name, std::size_t size) const {
    const SafetensorsReader::Tensor& t = get(name, {size});
    VectorOf<T> v = VectorOf<T>::from_shape({size});
    file_.read(t, 0, size, v.data());
    return v;
  }
  VectorOf<T> vector_if_there(const std::string& name, std::size_t size) const {
    return has(name) ? vector(name, size) : VectorOf<T>::from_shape({0});
  }
  std::size_t columns(const std::string& name) const {
    const SafetensorsReader::Tensor* t = find(name);
    return t && t->shape.size() == 2 ? t->shape[1] : 0;
  }

 private:
  const SafetensorsReader::Tensor* find(const std::string& name) const {
    const SafetensorsReader::Tensor* t = file_.find(name);
    return t ? t : file_.find("transformer." + name);
  }
  const SafetensorsReader::Tensor& get(const std::string& name, const Shape& shape) const {
    const SafetensorsReader::Tensor* t = find(name);
    if (!t) throw FileError(path_ + ": the tensor " + name + " is missing");
    if (t->shape != shape)
      throw FileError(path_ + ": " + name + ": wanted shape " + words(shape) + ", got " +
                      words(t->shape));
    return *t;
  }
  std::string path_;
  SafetensorsReader file_;
};

template <class T>
VectorOf<T> some(const VectorOf<T>& a, std::size_t first, std::size_t count) {
  if (a.size() == 0) return a;
  VectorOf<T> part = VectorOf<T>::from_shape({count});
  std::copy_n(a.data() + first, count, part.data());
  return part;
}

// The double with the fewest digits that is this number in its own precision: 1e-05 for 1e-5f.
template <class T>
double shortest(T value) {
  char text[64];
  const std::to_chars_result end = std::to_chars(text, text + sizeof(text), value);
  double result = 0;
  std::from_chars(text, end.ptr, result);
  return result;
}

}  // namespace

template <class T>
ModelWeightsOf<T> read_gpt2_folder(const std::filesystem::path& folder) {
  const Config config(folder / "config.json");
  const std::string type = config.text("model_type", "gpt2");
  if (type != "gpt2" && type != "headlight")
    config.fail("model_type: wanted gpt2 or headlight, got " + type);
  const bool ours = type == "headlight";
  const Tensors<T> tensors(folder / "model.safetensors");
  const std::size_t d = config.size("n_embd", 0), layers = config.size("n_layer", 0, 1 << 12);
  const std::size_t heads = config.size("n_head", 0, 1 << 12);
  const std::size_t vocabulary = config.size("vocab_size", 0);
  if (!config.has("d_head") && d % heads != 0)
    config.fail("n_embd " + std::to_string(d) + " is not divisible by n_head " +
                std::to_string(heads));
  const std::size_t d_head = config.size("d_head", std::max<std::size_t>(1, d / heads));
  const T epsilon = static_cast<T>(config.number("layer_norm_epsilon", 1e-5));
  const std::string norm_name = config.text("norm", "layer");
  if (norm_name != "layer" && norm_name != "rms" && norm_name != "none")
    config.fail("norm: wanted layer, rms or none, got " + norm_name);
  const std::string activation = config.text("ffn", config.text("activation_function", "gelu_new"));
  if (activation != "gelu_new" && activation != "gelu" && activation != "relu" &&
      activation != "none")
    config.fail("the activation: wanted gelu_new, gelu, relu or none, got " + activation);

  ModelWeightsOf<T> w;
  const std::string position = config.text("position", "learned");
  const auto named = std::find_if(std::begin(position_names), std::end(position_names),
                                  [&](const Names& n) { return position == n.position; });
  if (named == std::end(position_names))
    config.fail("position: wanted learned, sinusoidal, rope, alibi, t5, shaw or none, got " +
                position);
  w.position = named->value;
  w.rope.base = config.number("rope_base", 10000);
  if (!(w.rope.base > 0)) config.fail("rope_base: wanted a positive number");
  const std::string pairing = config.text("rope_pairing", "halves");
  if (pairing != "halves" && pairing != "interleaved")
    config.fail("rope_pairing: wanted halves or interleaved, got " + pairing);
  w.rope.pairing = pairing == "halves" ? RopePairing::halves : RopePairing::interleaved;
  w.W_E = tensors.matrix("wte.weight", vocabulary, d);
  if (w.position == Position::learned) {
    w.n_context = config.size(config.has("n_positions") ? "n_positions" : "n_ctx", 0);
    w.W_pos = tensors.matrix("wpe.weight", w.n_context, d);
  } else if (config.has("n_positions")) {
    w.n_context = config.size("n_positions", 0);
  }
  if (w.position == Position::t5) {
    w.relative_bias =
        tensors.matrix("relative_bias.weight", config.size("n_buckets", 0, 1 << 16), heads);
    w.max_distance = config.size("max_distance", 0);
    if (w.relative_bias.shape(0) < 2 || w.max_distance <= w.relative_bias.shape(0) / 2)
      config.fail("max_distance: wanted more than the " +
                  std::to_string(w.relative_bias.shape(0) / 2) +
                  " exact buckets of at least 2, got " + std::to_string(w.max_distance));
  }
  const std::size_t offsets =
      w.position == Position::shaw ? 2 * config.size("relative_reach", 0, 1 << 16) + 1 : 0;
  const std::string place = config.text("norm_place", "before");
  if (place != "before" && place != "after")
    config.fail("norm_place: wanted before or after, got " + place);

  const auto norm = [&](const std::string& name) -> std::optional<NormWeightsOf<T>> {
    if (norm_name == "none") return {};
    NormWeightsOf<T> n{tensors.vector(name + ".weight", d),
                       {},
                       epsilon,
                       norm_name == "rms" ? Norm::rms : Norm::layer};
    if (norm_name == "layer")
      n.bias =
          ours ? tensors.vector_if_there(name + ".bias", d) : tensors.vector(name + ".bias", d);
    return n;
  };
  const auto bias = [&](const std::string& name, std::size_t size) {
    return ours ? tensors.vector_if_there(name, size) : tensors.vector(name, size);
  };
  const std::size_t a = heads * d_head;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const std::string h = "h." + std::to_string(layer) + ".";
    BlockWeightsOf<T> b;
    b.norm1 = norm(h + "ln_1");
    const auto part = [&](std::size_t index) {
      return tensors.some_columns(h + "attn.c_attn.weight", d, a, index, 3);
    };
    const VectorOf<T> qkv_bias = bias(h + "attn.c_attn.bias", 3 * a);
    b.attention.n_heads = heads;
    b.attention.W_Q = part(0), b.attention.b_Q = some(qkv_bias, 0, a);
    b.attention.W_K = part(1), b.attention.b_K = some(qkv_bias, a, a);
    b.attention.W_V = part(2), b.attention.b_V = some(qkv_bias, 2 * a, a);
    b.attention.W_O = tensors.matrix(h + "attn.c_proj.weight", a, d);
    b.attention.b_O = bias(h + "attn.c_proj.bias", d);
    if (config.flag("null_key", false))
      b.attention.null_key = tensors.matrix(h + "attn.null_key", heads, d_head);
    if (offsets > 0) {
      b.attention.relative_keys = tensors.matrix(h + "attn.relative_keys", offsets, a);
      if (tensors.has(h + "attn.relative_values"))
        b.attention.relative_values = tensors.matrix(h + "attn.relative_values", offsets, a);
    }
    b.place = place == "after" ? NormPlace::after : NormPlace::before;
    const bool has_feed_forward =
        activation != "none" && (!ours || tensors.has(h + "mlp.c_fc.weight"));
    if (has_feed_forward) {
      const std::size_t hidden = config.size(
          "n_inner",
          ours ? std::max<std::size_t>(1, tensors.columns(h + "mlp.c_fc.weight")) : 4 * d);
      b.norm2 = norm(h + "ln_2");
      b.feed_forward = FeedForwardWeightsOf<T>{
          tensors.matrix(h + "mlp.c_fc.weight", d, hidden), bias(h + "mlp.c_fc.bias", hidden),
          tensors.matrix(h + "mlp.c_proj.weight", hidden, d), bias(h + "mlp.c_proj.bias", d),
          activation == "relu"   ? Activation::relu
          : activation == "gelu" ? Activation::gelu
                                 : Activation::gelu_new};
    }
    w.blocks.push_back(std::move(b));
  }
  // after post-norm blocks the stream is normalised already: most such models have no other norm
  if (w.blocks[0].place == NormPlace::before || tensors.has("ln_f.weight"))
    w.norm_final = norm("ln_f");
  if (!config.flag("tie_word_embeddings", true)) {
    w.W_U = tensors.matrix("lm_head.weight", vocabulary, d);
  } else if (tensors.has("lm_head.weight")) {
    const MatrixOf<T> head = tensors.matrix("lm_head.weight", vocabulary, d);
    if (!std::equal(head.begin(), head.end(), w.W_E.begin())) w.W_U = head;
  }
  return w;
}

template <class T>
void write_gpt2_folder(const std::filesystem::path& folder, const ModelWeightsOf<T>& w) {
  const auto refuse = [](const std::string& reason) {
    throw std::invalid_argument("write_gpt2_folder: " + reason);
  };
  if (w.blocks.empty()) refuse("wanted at least one block");
  const std::size_t d = w.W_E.shape(1), heads = w.blocks[0].attention.n_heads;
  const std::size_t a = w.blocks[0].attention.W_Q.shape(1);
  SafetensorsFile file;
  file.metadata["format"] = "pt";
  const auto put = [&](const std::string& name, const auto& tensor) {
    if (tensor.size() == 0) return;
    file.tensors.push_back(
        stored<T>(name, Shape(tensor.shape().begin(), tensor.shape().end()), tensor.data()));
  };
  const auto put_norm = [&](const std::string& name, const std::optional<NormWeightsOf<T>>& norm) {
    if (!norm) return;
    put(name + ".weight", norm->gain);
    put(name + ".bias", norm->bias);
  };
  put("wte.weight", w.W_E);
  if (w.position == Position::learned) put("wpe.weight", w.W_pos);
  if (w.position == Position::t5) put("relative_bias.weight", w.relative_bias);
  const std::optional<NormWeightsOf<T>>& any_norm = w.blocks[0].norm1;
  std::string activation = "none";
  std::size_t hidden = 0;
  bool has_bias = false;
  for (std::size_t layer = 0; layer < w.blocks.size(); ++layer) {
    const BlockWeightsOf<T>& b = w.blocks[layer];
    const MultiHeadWeightsOf<T>& m = b.attention;
    if (b.place != w.blocks[0].place) refuse("wanted pre-norm blocks only, or post-norm only");
    if (m.n_heads != heads || m.W_Q.shape(1) != a || m.W_V.shape(1) != a)
      refuse("wanted blocks of one width, with d_value equal to d_head");
    if (b.norm1.has_value() != any_norm.has_value())
      refuse("wanted norms in all blocks or in none");
    const std::string h = "h." + std::to_string(layer) + ".";
    put_norm(h + "ln_1", b.norm1);
    MatrixOf<T> qkv = MatrixOf<T>::from_shape({d, 3 * a});
    VectorOf<T> bias = VectorOf<T>::from_shape({m.b_Q.size() ? 3 * a : 0});
    const MatrixOf<T>* parts[] = {&m.W_Q, &m.W_K, &m.W_V};
    const VectorOf<T>* biases[] = {&m.b_Q, &m.b_K, &m.b_V};
    for (std::size_t p = 0; p < 3; ++p) {
      for (std::size_t i = 0; i < d; ++i)
        std::copy_n(parts[p]->data() + i * a, a, qkv.data() + i * 3 * a + p * a);
      if (bias.size()) std::copy_n(biases[p]->data(), a, bias.data() + p * a);
    }
    has_bias = has_bias || bias.size() > 0;
    put(h + "attn.c_attn.weight", qkv);
    put(h + "attn.c_attn.bias", bias);
    put(h + "attn.c_proj.weight", m.W_O);
    put(h + "attn.c_proj.bias", m.b_O);
    put(h + "attn.null_key", m.null_key);
    if (m.relative_keys.shape(0) != w.blocks[0].attention.relative_keys.shape(0))
      refuse("wanted tables of one reach in all blocks");
    put(h + "attn.relative_keys", m.relative_keys);
    put(h + "attn.relative_values", m.relative_values);
    if (!b.feed_forward) continue;
    put_norm(h + "ln_2", b.norm2);
    put(h + "mlp.c_fc.weight", b.feed_forward->W_in);
    put(h + "mlp.c_fc.bias", b.feed_forward->b_in);
    put(h + "mlp.c_proj.weight", b.feed_forward->W_out);
    put(h + "mlp.c_proj.bias", b.feed_forward->b_out);
    hidden = b.feed_forward->W_in.shape(1);
    activation = b.feed_forward->activation == Activation::relu   ? "relu"
                 : b.feed_forward->activation == Activation::gelu ? "gelu"
                                                                  : "gelu_new";
  }
  put_norm("ln_f", w.norm_final);
  put("lm_head.weight", w.W_U);

  nlohmann::ordered_json config;
  config["model_type"] = "headlight";
  config["vocab_size"] = w.W_E.shape(0);
  config["n_embd"] = d;
  config["n_layer"] = w.blocks.size();
  config["n_head"] = heads;
  if (a != d) config["d_head"] = a / heads;
  if (w.position == Position::learned)
    config["n_positions"] = w.W_pos.shape(0);
  else if (w.n_context > 0)
    config["n_positions"] = w.n_context;
  config["norm"] = !any_norm ? "none" : any_norm->kind == Norm::rms ? "rms" : "layer";
  if (w.blocks[0].place == NormPlace::after) config["norm_place"] = "after";
  config["layer_norm_epsilon"] = any_norm ? shortest(any_norm->epsilon) : 1e-5;
  for (const Names& n : position_names)
    if (n.value == w.position) config["position"] = n.position;
  if (w.position == Position::rope) {
    config["rope_base"] = w.rope.base;
    if (w.rope.pairing == RopePairing::interleaved) config["rope_pairing"] = "interleaved";
    if (w.rope.dimensions != 0 || w.rope.position_scale != 1)
      refuse("wanted rotary positions over whole heads, unscaled");
  }
  if (w.position == Position::t5) {
    config["n_buckets"] = w.relative_bias.shape(0);
    config["max_distance"] = w.max_distance;
  }
  if (w.position == Position::shaw)
    config["relative_reach"] = w.blocks[0].attention.relative_keys.shape(0) / 2;
  config["ffn"] = activation;
  if (hidden) config["n_inner"] = hidden;
  config["attention_bias"] = has_bias;
  config["tie_word_embeddings"] = w.W_U.size() == 0;
  config["null_key"] = w.blocks[0].attention.null_key.size() > 0;

  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw FileError(folder.string() + ": cannot be made: " + error.message());
  write_safetensors(folder / "model.safetensors", file);
  write_whole_file(folder / "config.json", config.dump(2) + "\n");
}

template ModelWeightsOf<double> read_gpt2_folder(const std::filesystem::path&);
template ModelWeightsOf<float> read_gpt2_folder(const std::filesystem::path&);
template void write_gpt2_folder(const std::filesystem::path&, const ModelWeightsOf<double>&);
template void write_gpt2_folder(const std::filesystem::path&, const ModelWeightsOf<float>&);

}  // namespace headlight
