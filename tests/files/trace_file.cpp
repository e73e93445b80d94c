#include <headlight/attention/model.hpp>
#include <headlight/circuit/induction.hpp>
#include <headlight/core/random.hpp>
#include <headlight/file/trace_file.hpp>
#include <limits>

#include "scratch.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

const std::vector<std::size_t> ids = {1, 4, 2, 1, 4};

}  // namespace

TEST_CASE(
    "write_trace: axes in files are TransformerLens's, [pos, head, d_head] and [head, query, key]",
    "[trace_file]") {
  const scratch::Folder folder;
  Tensor3F z = Tensor3F::from_shape({2, 3, 4});
  for (std::size_t c = 0; c < z.size(); ++c) z.data()[c] = static_cast<float>(c);
  StageOf<const float> stage{"attn.hook_z",        "z", "A V", "head, pos, d_head", {2, 3, 4},
                             {z.data(), z.size()}, {}};
  for (const char* name : {"a.npz", "a.safetensors", "a.json"}) {
    write_trace<float>(folder / name, {stage}, "{}");
    const StoredTensor stored = read_trace(folder / name).stages.at(0);
    CHECK(stored.shape == std::vector<std::size_t>{3, 2, 4});
    const std::vector<float> numbers = numbers_of<float>(stored);
    CHECK(numbers[(2 * 2 + 1) * 4 + 3] == z(1, 2, 3));
    CHECK(in_memory_order<float>(stored) == std::vector<float>(z.begin(), z.end()));
  }
}

TEST_CASE("write_trace: infinities and NaN survive all three formats", "[trace_file]") {
  const scratch::Folder folder;
  const float values[] = {-std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN(), 0.1f};
  StageOf<const float> stage{"attn.hook_attn_scores", "S", "", "query, key", {1, 3}, values, {}};
  for (const char* name : {"a.npz", "a.safetensors", "a.json"}) {
    write_trace<float>(folder / name, {stage}, "{\"ids\":[7]}");
    const TraceFile file = read_trace(folder / name);
    const std::vector<float> numbers = numbers_of<float>(file.stages.at(0));
    CHECK(numbers[0] == values[0]);
    CHECK(std::isnan(numbers[1]));
    CHECK(numbers[2] == 0.1f);
    CHECK_THAT(file.meta, headlight_test::contains("[7]"));
  }
}

TEST_CASE("write_trace: a stage too long to list goes to JSON as base64", "[trace_file]") {
  const scratch::Folder folder;
  std::vector<float> values(70000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.25f;
  StageOf<const float> stage{"unembed.hook_out", "", "", "pos, d_vocab", {7, 10000}, values, {}};
  write_trace<float>(folder / "a.json", {stage}, "{}");
  CHECK_THAT(scratch::read(folder / "a.json"), headlight_test::contains("\"data\":\""));
  CHECK(numbers_of<float>(read_trace(folder / "a.json").stages.at(0)) == values);
}

TEST_CASE("write_trace: refuses another ending", "[trace_file][error]") {
  CHECK_THROWS_WITH(write_trace<float>("a.txt", {}, "{}"),
                    "a.txt: wanted a name that ends in .npz, .safetensors or .json");
}

TEST_CASE("read_trace: broken JSON is refused, not believed", "[trace_file][error]") {
  const scratch::Folder folder;
  const auto refuses = [&](const std::string& text, const std::string& reason) {
    scratch::write(folder / "a.json", text);
    INFO(text);
    CHECK_THROWS_WITH(read_trace(folder / "a.json"), headlight_test::contains(reason));
  };
  refuses("{", "is not JSON");
  refuses("[]", "wanted an object with a list of stages");
  refuses("{\"stages\":[{}]}", "name");
  const std::string stage = "{\"stages\":[{\"name\":\"a\",\"dtype\":\"F32\",\"shape\":";
  refuses(stage + "[2],\"values\":[1]}]}", "do not have the shape");
  refuses(stage + "[1],\"values\":[\"many\"]}]}", "'many' is not a number");
  refuses(stage + "[-1],\"values\":[1]}]}", "not a list of sizes");
  refuses(stage + "[4611686018427387904],\"data\":\"\"}]}", "too large");
  refuses(stage + "[1],\"data\":\"!\"}]}", "not base64");
  refuses(stage + "[2],\"data\":\"AAAA\"}]}", "wanted 8 bytes of numbers, got 3");
}

TEST_CASE("induction_by_hand: after a repeated token comes what came before", "[circuit][law]") {
  const ModelWeights model = induction_by_hand<double>(11, 40);
  Random random(5);
  const ModelTrace untrained = run_model<double>(ids, model);
  CHECK(untrained.blocks[1].attention.pattern(0, 4, 2) >
        0.99);  // 1 4 2 1 4: after the first 4 stood 2
  std::size_t right = 0, asked = 0;
  for (int run = 0; run < 20; ++run) {
    const std::size_t period =
        4 + random.below(6);  // a lag that varies: no position can be learned
    std::vector<std::size_t> tokens;
    for (std::size_t i = 0; i < period; ++i) tokens.push_back((3 * run + i) % 11);
    for (std::size_t i = 0; i < period; ++i) tokens.push_back(tokens[i]);
    const ModelTrace trace = run_model<double>(tokens, model);
    for (std::size_t i = period; i + 1 < 2 * period; ++i, ++asked) {
      std::size_t best = 0;
      for (std::size_t t = 1; t < 11; ++t)
        if (trace.logits(i, t) > trace.logits(i, best)) best = t;
      right += best == tokens[i + 1];
    }
  }
  CHECK(right == asked);
  CHECK(asked > 50);
}

TEST_CASE("induction_by_hand: without the previous-token head it fails", "[circuit][control]") {
  ModelWeights model = induction_by_hand<double>(11, 40);
  std::fill(model.blocks[0].attention.W_O.begin(), model.blocks[0].attention.W_O.end(), 0.0);
  const ModelTrace trace = run_model<double>(ids, model);
  CHECK(trace.blocks[1].attention.pattern(0, 4, 2) < 0.5);
}
