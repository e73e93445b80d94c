#include <headlight/file/gpt2_folder.hpp>
#include <headlight/file/safetensors.hpp>
#include <headlight/file/trace_file.hpp>

#include "scratch.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

// Each folder under tests/goldens/models was made by PyTorch, with every stage in float64
// (make_models.py).

using namespace headlight;

namespace {

const char* const folders[] = {"odd_sizes", "letters", "half", "brain"};

std::filesystem::path folder(const std::string& name) {
  return std::filesystem::path(HEADLIGHT_GOLDENS "/models") / name;
}

std::vector<std::size_t> ids_of(const SafetensorsFile& golden) {
  std::vector<std::size_t> ids;
  std::string word;
  for (const char letter : golden.metadata.at("ids") + ",")
    if (letter == ',')
      ids.push_back(std::stoul(word)), word.clear();
    else
      word += letter;
  return ids;
}

template <class T>
std::vector<StageOf<const T>> stages_of(const ModelTraceOf<T>& trace) {
  std::vector<StageOf<const T>> stages;
  for_each_stage<T>(trace, [&](const StageOf<const T>& stage) { stages.push_back(stage); });
  return stages;
}

// Every golden stage is in the file and close; the file has no other stage.
void compare_with_golden(const TraceFile& file, const SafetensorsFile& golden, double tolerance) {
  CHECK(file.stages.size() == golden.tensors.size());
  for (const StoredTensor& want : golden.tensors) {
    INFO(want.name);
    const StoredTensor* got = file.find(want.name);
    REQUIRE(got != nullptr);
    if (want.dtype == "BOOL") {
      CHECK(got->shape == want.shape);
      CHECK(got->bytes == want.bytes);
      continue;
    }
    const std::vector<double> a = numbers_of<double>(*got), b = numbers_of<double>(want);
    const Closeness c =
        compare<double, double>(a, got->shape, b, want.shape, {.tolerance = tolerance});
    INFO(c.reason);
    CHECK(c.close);
  }
}

}  // namespace

TEST_CASE("golden folder: every stage in double equals PyTorch's", "[gpt2_folder][golden]") {
  const scratch::Folder scratch;
  for (const char* name : folders) {
    INFO(name);
    const SafetensorsFile golden = read_safetensors(folder(name) / "golden.safetensors");
    const std::vector<std::size_t> ids = ids_of(golden);
    const ModelTrace trace = run_model<double>(ids, read_gpt2_folder<double>(folder(name)));
    write_trace<double>(scratch / "trace.npz", stages_of(trace), "{}");
    compare_with_golden(read_trace(scratch / "trace.npz"), golden, 1e-12);
  }
}

TEST_CASE(
    "golden folder: every stage in float is within 1e-5 of PyTorch's double, in all three file "
    "types",
    "[gpt2_folder][golden]") {
  const scratch::Folder scratch;
  for (const char* name : folders) {
    INFO(name);
    const SafetensorsFile golden = read_safetensors(folder(name) / "golden.safetensors");
    const std::vector<std::size_t> ids = ids_of(golden);
    const ModelTraceF trace = run_model<float>(ids, read_gpt2_folder<float>(folder(name)));
    for (const char* file : {"trace.npz", "trace.safetensors", "trace.json"}) {
      write_trace<float>(scratch / file, stages_of(trace), "{}");
      compare_with_golden(read_trace(scratch / file), golden, 1e-5);
    }
  }
}

TEST_CASE("read_gpt2_folder: Q, K and V are the three column blocks of c_attn", "[gpt2_folder]") {
  const ModelWeights w = read_gpt2_folder<double>(folder("odd_sizes"));
  const SafetensorsFile file = read_safetensors(folder("odd_sizes") / "model.safetensors");
  const std::vector<double> fused = numbers_of<double>(*file.find("h.1.attn.c_attn.weight"));
  CHECK(w.blocks[1].attention.W_Q(4, 2) == fused[4 * 45 + 2]);
  CHECK(w.blocks[1].attention.W_K(4, 2) == fused[4 * 45 + 15 + 2]);
  CHECK(w.blocks[1].attention.W_V(14, 14) == fused[14 * 45 + 30 + 14]);
}

TEST_CASE("write_gpt2_folder: what was written is read back bit for bit", "[gpt2_folder]") {
  const scratch::Folder scratch;
  const ModelWeightsF w = read_gpt2_folder<float>(folder("letters"));
  write_gpt2_folder(scratch.path(), w);
  const ModelWeightsF again = read_gpt2_folder<float>(scratch.path());
  CHECK((again.W_U == w.W_U));
  CHECK((again.W_pos == w.W_pos));
  CHECK((again.blocks[2].attention.W_K == w.blocks[2].attention.W_K));
  CHECK((again.blocks[2].feed_forward->W_out == w.blocks[2].feed_forward->W_out));
  CHECK(again.norm_final->epsilon == w.norm_final->epsilon);
}
