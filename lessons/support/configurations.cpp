#include "support/configurations.hpp"

#include <stdexcept>

namespace lesson {

const std::vector<Configuration>& configurations() {
  using enum Family;
  static const std::string gpt3 = "Brown et al. 2020, table 2.1";
  static const std::vector<Configuration> all = {
      {"Transformer base", original, 6, 8, 8, 512, 64, 2048, 0, 0, 0,
       "Vaswani et al. 2017, table 3"},
      {"Transformer big", original, 6, 16, 16, 1024, 64, 4096, 0, 0, 0,
       "Vaswani et al. 2017, table 3"},
      {"BERT base", bert, 12, 12, 12, 768, 64, 3072, 30522, 512, 109482240,
       "Devlin et al. 2019, 3"},
      {"BERT large", bert, 24, 16, 16, 1024, 64, 4096, 30522, 512, 335141888,
       "Devlin et al. 2019, 3"},
      {"GPT-2 small", gpt, 12, 12, 12, 768, 64, 3072, 50257, 1024, 124439808,
       "config.json of gpt2"},
      {"GPT-2 medium", gpt, 24, 16, 16, 1024, 64, 4096, 50257, 1024, 354823168,
       "config.json of gpt2-medium"},
      {"GPT-2 large", gpt, 36, 20, 20, 1280, 64, 5120, 50257, 1024, 774030080,
       "config.json of gpt2-large"},
      {"GPT-2 XL", gpt, 48, 25, 25, 1600, 64, 6400, 50257, 1024, 1557611200,
       "config.json of gpt2-xl"},
      {"GPT-3 small", gpt, 12, 12, 12, 768, 64, 3072, 50257, 2048, 125000000, gpt3},
      {"GPT-3 medium", gpt, 24, 16, 16, 1024, 64, 4096, 50257, 2048, 350000000, gpt3},
      {"GPT-3 large", gpt, 24, 16, 16, 1536, 96, 6144, 50257, 2048, 760000000, gpt3},
      {"GPT-3 XL", gpt, 24, 24, 24, 2048, 128, 8192, 50257, 2048, 1300000000, gpt3},
      {"GPT-3 2.7B", gpt, 32, 32, 32, 2560, 80, 10240, 50257, 2048, 2700000000, gpt3},
      {"GPT-3 6.7B", gpt, 32, 32, 32, 4096, 128, 16384, 50257, 2048, 6700000000, gpt3},
      {"GPT-3 13B", gpt, 40, 40, 40, 5140, 128, 20560, 50257, 2048, 13000000000, gpt3},
      {"GPT-3 175B", gpt, 96, 96, 96, 12288, 128, 49152, 50257, 2048, 175000000000, gpt3},
      {"GPT-J 6B", gptj, 28, 16, 16, 4096, 256, 16384, 50400, 0, 0, "config.json of gpt-j-6b"},
      {"LLaMA-2 7B", llama, 32, 32, 32, 4096, 128, 11008, 32000, 0, 6738415616,
       "Touvron et al. 2023"},
      {"LLaMA-2 13B", llama, 40, 40, 40, 5120, 128, 13824, 32000, 0, 13015864320,
       "Touvron et al. 2023"},
      {"LLaMA-2 70B", llama, 80, 64, 8, 8192, 128, 28672, 32000, 0, 68976648192,
       "Touvron et al. 2023"},
      {"Mistral 7B", llama, 32, 32, 8, 4096, 128, 14336, 32000, 0, 7241732096,
       "Jiang et al. 2023, table 1"},
      {"Qwen2 7B", qwen, 28, 28, 4, 3584, 128, 18944, 152064, 0, 7615616512,
       "config.json of Qwen2-7B"},
  };
  return all;
}

const Configuration& configuration(const std::string& name) {
  for (const Configuration& c : configurations())
    if (c.name == name) return c;
  throw std::out_of_range("no configuration named " + name);
}

std::vector<NamedShape> tensors(const Configuration& c) {
  using enum Family;
  const std::uint64_t d = c.d_model, f = c.d_hidden, all = c.heads * c.d_head,
                      kv = c.kv_heads * c.d_head;
  std::vector<NamedShape> list;
  const auto add = [&](const std::string& name, std::uint64_t rows, std::uint64_t columns,
                       bool with_bias = false) {
    list.push_back({name + ".weight", rows, columns});
    if (with_bias) list.push_back({name + ".bias", 1, columns});
  };
  if (c.family == original) return list;
  add("embedding", c.vocabulary, d);
  if (c.context > 0) add("places", c.context, d);
  if (c.family == bert) add("segments", 2, d), add("embedding_norm", 1, d, true);
  for (std::uint64_t layer = 0; layer < c.layers; ++layer) {
    const std::string at = "layer." + std::to_string(layer) + ".";
    const bool gated = c.family == llama || c.family == qwen,
               biases = c.family == bert || c.family == gpt;
    add(at + "norm_1", 1, d, !gated);
    add(at + "query", d, all, biases || c.family == qwen);
    add(at + "key", d, kv, biases || c.family == qwen);
    add(at + "value", d, kv, biases || c.family == qwen);
    add(at + "output", all, d, biases);
    if (c.family != gptj) add(at + "norm_2", 1, d, !gated);  // GPT-J's two halves share one norm
    if (gated) add(at + "gate", d, f);
    add(at + "up", d, f, !gated);
    add(at + "down", f, d, !gated);
  }
  if (c.family == bert) add("pooler", d, d, true);
  if (c.family != bert) add("norm", 1, d, c.family == gpt || c.family == gptj);
  if (c.family == gptj) add("unembedding", d, c.vocabulary, true);
  if (c.family == llama || c.family == qwen) add("unembedding", d, c.vocabulary);
  return list;
}

std::uint64_t parameters(const Configuration& c) {
  std::uint64_t count = 0;
  for (const NamedShape& t : tensors(c)) count += t.rows * t.columns;
  return count;
}

std::uint64_t attention_parameters(const Configuration& c) {
  return 2 * c.d_model * c.d_head * (c.heads + c.kv_heads);
}

}  // namespace lesson
