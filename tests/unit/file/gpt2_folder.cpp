#include <unistd.h>

#include <filesystem>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/file/safetensors.hpp>
#include <headlight/learning/parameters.hpp>

#include "../learning/models.hpp"
#include "support/catch.hpp"

using namespace headlight;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("headlight-folder-" + std::to_string(getpid()));
  ~Folder() { fs::remove_all(path); }
};

// models.hpp's d_value differs from d_head, which the layout of GPT-2 cannot hold
ModelWeightsF storable(const models::Kind& kind) {
  ModelWeightsF w = models::model<float>(kind);
  Random random(3);
  for (BlockWeightsOf<float>& b : w.blocks) {
    b.attention.W_V = random_matrix<float>(random, 9, 12);
    b.attention.W_O = random_matrix<float>(random, 12, 9);
    if (b.attention.b_V.size()) b.attention.b_V = random_vector<float>(random, 12);
    if (b.attention.relative_values.size())
      b.attention.relative_values = random_matrix<float>(random, 7, 12);
  }
  return w;
}

}  // namespace

TEST_CASE("gpt2_folder: every kind of model comes back bit for bit and computes the same",
          "[file][two-ways]") {
  for (const models::Kind& kind : models::all_kinds()) {
    INFO(kind.name);
    const Folder folder;
    const ModelWeightsF w = storable(kind);
    write_gpt2_folder(folder.path, w);
    const ModelWeightsF back = read_gpt2_folder<float>(folder.path);
    CHECK(parameter_hash(back) == parameter_hash(w));
    const std::vector<std::size_t> ids{1, 4, 2, 7};
    const ModelTraceF a = run_model<float>(ids, w), b = run_model<float>(ids, back);
    CHECK((a.logits == b.logits));
  }
}

TEST_CASE("gpt2_folder: tensors have GPT-2's names, shapes and order of columns",
          "[file][golden]") {
  const Folder folder;
  const ModelWeightsF w = storable(models::all_kinds()[0]);
  write_gpt2_folder(folder.path, w);
  const SafetensorsFile file = read_safetensors(folder.path / "model.safetensors");
  for (const char* name :
       {"wte.weight", "wpe.weight", "h.0.ln_1.weight", "h.0.ln_1.bias", "h.0.attn.c_attn.weight",
        "h.0.attn.c_attn.bias", "h.0.attn.c_proj.weight", "h.0.attn.c_proj.bias", "h.0.ln_2.weight",
        "h.0.mlp.c_fc.weight", "h.0.mlp.c_fc.bias", "h.1.mlp.c_proj.weight", "ln_f.weight",
        "ln_f.bias"})
    CHECK(file.find(name));
  const std::vector<float> qkv = numbers_of<float>(*file.find("h.0.attn.c_attn.weight"));
  REQUIRE(file.find("h.0.attn.c_attn.weight")->shape == std::vector<std::size_t>{9, 36});
  CHECK(qkv[2 * 36 + 12 + 5] == w.blocks[0].attention.W_K(2, 5));
  CHECK(qkv[2 * 36 + 24 + 5] == w.blocks[0].attention.W_V(2, 5));
}

TEST_CASE("gpt2_folder: the prefix transformer. and a head of its own are accepted",
          "[file][two-ways]") {
  const Folder folder;
  const ModelWeightsF w = storable(models::all_kinds()[0]);
  write_gpt2_folder(folder.path, w);
  SafetensorsFile file = read_safetensors(folder.path / "model.safetensors");
  for (StoredTensor& t : file.tensors) t.name = "transformer." + t.name;
  StoredTensor mask{"transformer.h.0.attn.bias", "F32", {1}, std::string(4, '\0')};
  file.tensors.push_back(mask);  // the causal mask of old files is no parameter
  write_safetensors(folder.path / "model.safetensors", file);
  CHECK(parameter_hash(read_gpt2_folder<float>(folder.path)) == parameter_hash(w));
}

TEST_CASE("gpt2_folder: a bad folder is refused in one line that says where", "[file][error]") {
  const Folder folder;
  write_gpt2_folder(folder.path, storable(models::all_kinds()[0]));
  const fs::path config = folder.path / "config.json";
  const std::string good = read_whole_file(config);
  const auto complaint = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    write_whole_file(config, text);
    try {
      read_gpt2_folder<float>(folder.path);
    } catch (const FileError& e) {
      return std::string(e.what()).substr(folder.path.string().size() + 1);
    }
    return std::string("none");
  };
  CHECK(complaint("{", "") == "config.json: not JSON");
  CHECK(complaint("\"n_embd\": 9", "\"n_embd\": 0") ==
        "config.json: n_embd: wanted a whole number from 1 to 16777216, got 0");
  CHECK(complaint("\"n_embd\": 9,", "") == "config.json: n_embd is missing");
  CHECK(complaint("\"vocab_size\": 11", "\"vocab_size\": 12") ==
        "model.safetensors: wte.weight: wanted shape [12, 9], got [11, 9]");
  CHECK(complaint("\"n_layer\": 2", "\"n_layer\": 3") ==
        "model.safetensors: the tensor h.2.ln_1.weight is missing");
  CHECK(complaint("\"learned\"", "\"guessed\"") ==
        "config.json: position: wanted learned, sinusoidal, rope, alibi, t5, shaw or none, got "
        "guessed");
}

TEST_CASE("gpt2_folder: keys of T5's and Shaw's positions and of post-norm are checked",
          "[file][error]") {
  const auto complaint = [](std::size_t kind, const std::string& from, const std::string& to) {
    const Folder folder;
    write_gpt2_folder(folder.path, storable(models::all_kinds()[kind]));
    std::string text = read_whole_file(folder.path / "config.json");
    REQUIRE(text.find(from) != std::string::npos);
    write_whole_file(folder.path / "config.json", text.replace(text.find(from), from.size(), to));
    try {
      read_gpt2_folder<float>(folder.path);
    } catch (const FileError& e) {
      return std::string(e.what()).substr(folder.path.string().size() + 1);
    }
    return std::string("none");
  };
  CHECK(complaint(7, "\"n_buckets\": 6,", "") == "config.json: n_buckets is missing");
  CHECK(complaint(7, "\"n_buckets\": 6", "\"n_buckets\": 7") ==
        "model.safetensors: relative_bias.weight: wanted shape [7, 3], got [6, 3]");
  CHECK(complaint(7, "\"max_distance\": 5", "\"max_distance\": 3") ==
        "config.json: max_distance: wanted more than the 3 exact buckets of at least 2, got 3");
  CHECK(complaint(8, "\"relative_reach\": 3", "\"relative_reach\": 2") ==
        "model.safetensors: h.0.attn.relative_keys: wanted shape [5, 12], got [7, 12]");
  CHECK(complaint(9, "\"norm_place\": \"after\"", "\"norm_place\": \"nowhere\"") ==
        "config.json: norm_place: wanted before or after, got nowhere");
}
