/// @file
/// Real models as data: layers, heads, widths, with the source of each line.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace lesson {

/// One model.
struct Configuration {
  std::string name;            ///< as published
  std::uint64_t layers = 0;    ///< blocks
  std::uint64_t heads = 0;     ///< query heads a layer
  std::uint64_t kv_heads = 0;  ///< key and value heads a layer
  std::uint64_t d_model = 0;   ///< width of the residual stream
  std::uint64_t d_head = 0;    ///< width of a head
  std::uint64_t d_hidden = 0;  ///< width of the feed-forward layer
  std::string source;          ///< where the line is printed
};

/// @return the models, in the order of their years
inline const std::vector<Configuration>& configurations() {
  static const std::vector<Configuration> all = {
      {"Transformer base", 6, 8, 8, 512, 64, 2048, "Vaswani et al. 2017, table 3"},
      {"Transformer big", 6, 16, 16, 1024, 64, 4096, "Vaswani et al. 2017, table 3"},
      {"BERT base", 12, 12, 12, 768, 64, 3072, "Devlin et al. 2019, 3"},
      {"BERT large", 24, 16, 16, 1024, 64, 4096, "Devlin et al. 2019, 3"},
      {"GPT-2 small", 12, 12, 12, 768, 64, 3072, "config.json of openai-community/gpt2"},
      {"GPT-2 medium", 24, 16, 16, 1024, 64, 4096, "config.json of gpt2-medium"},
      {"GPT-2 large", 36, 20, 20, 1280, 64, 5120, "config.json of gpt2-large"},
      {"GPT-2 XL", 48, 25, 25, 1600, 64, 6400, "config.json of gpt2-xl"},
      {"GPT-3 small", 12, 12, 12, 768, 64, 3072, "Brown et al. 2020, table 2.1"},
      {"GPT-3 XL", 24, 24, 24, 2048, 128, 8192, "Brown et al. 2020, table 2.1"},
      {"GPT-3 2.7B", 32, 32, 32, 2560, 80, 10240, "Brown et al. 2020, table 2.1"},
      {"GPT-3 6.7B", 32, 32, 32, 4096, 128, 16384, "Brown et al. 2020, table 2.1"},
      {"GPT-3 175B", 96, 96, 96, 12288, 128, 49152, "Brown et al. 2020, table 2.1"},
      {"GPT-J 6B", 28, 16, 16, 4096, 256, 16384, "config.json of EleutherAI/gpt-j-6b"},
      {"LLaMA-2 7B", 32, 32, 32, 4096, 128, 11008, "Touvron et al. 2023; its config.json"},
      {"LLaMA-2 13B", 40, 40, 40, 5120, 128, 13824, "Touvron et al. 2023; its config.json"},
      {"LLaMA-2 70B", 80, 64, 8, 8192, 128, 28672, "Touvron et al. 2023; its config.json"},
      {"Mistral 7B", 32, 32, 8, 4096, 128, 14336, "Jiang et al. 2023, table 1"},
      {"Qwen2 7B", 28, 28, 4, 3584, 128, 18944, "config.json of Qwen/Qwen2-7B"},
  };
  return all;
}

/// @param name  as in configurations()  @return that line  @throws std::out_of_range
inline const Configuration& configuration(const std::string& name) {
  for (const Configuration& c : configurations())
    if (c.name == name) return c;
  throw std::out_of_range("no configuration named " + name);
}

}  // namespace lesson
