#include <headlight/core/random.hpp>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/file/safetensors.hpp>
#include <headlight/file/trace_file.hpp>
#include <limits>

#include "scratch.hpp"
#include "support/catch.hpp"

// The commands as a person runs them: exit status, one line of explanation, nothing half written.

using namespace headlight;
using headlight_test::contains;
using scratch::Folder;
using scratch::Run;

namespace {

const std::string odd = "--model " HEADLIGHT_GOLDENS "/models/odd_sizes ";

// Exit 2, one line on standard error that says the reason, nothing on standard output, no new file.
void command_refuses(const std::string& arguments, const std::string& reason,
                     const std::string& before = "") {
  const Run run = scratch::headlight("trace " + arguments, before);
  INFO(arguments << " -> " << run.err);
  CHECK(run.status == 2);
  CHECK(run.out.empty());
  CHECK_THAT(run.err, contains(reason));
  const std::size_t said = run.err.rfind("headlight trace: ");
  REQUIRE(said != std::string::npos);
  CHECK(run.err.find('\n', said) == run.err.size() - 1);
}

// A copy of a folder whose tensors and config may be changed.
struct Copy {
  Folder folder;
  SafetensorsFile file = read_safetensors(HEADLIGHT_GOLDENS "/models/odd_sizes/model.safetensors");
  std::string config = scratch::read(HEADLIGHT_GOLDENS "/models/odd_sizes/config.json");
  std::string arguments() {
    write_safetensors(folder / "model.safetensors", file);
    scratch::write(folder / "config.json", config);
    return "--model " + folder.path().string() + " --ids 1,2 ";
  }
  StoredTensor& tensor(const std::string& name) {
    for (StoredTensor& t : file.tensors)
      if (t.name == name) return t;
    throw std::out_of_range(name);
  }
  void replace(const std::string& what, const std::string& with) {
    const std::size_t at = config.find(what);
    REQUIRE(at != std::string::npos);
    config.replace(at, what.size(), with);
  }
};

template <class T>
MatrixOf<T> small(Random& random, std::size_t rows, std::size_t columns) {
  return random_matrix<T>(random, rows, columns, 0.05);
}

ModelWeightsF random_model(std::size_t layers, std::size_t d, std::size_t heads,
                           std::size_t vocabulary, std::size_t n) {
  Random random(3);
  const auto ones = [&] {
    VectorF v = VectorF::from_shape({d});
    std::fill(v.begin(), v.end(), 1.0f);
    return v;
  };
  ModelWeightsF w;
  w.W_E = small<float>(random, vocabulary, d), w.W_pos = small<float>(random, n, d),
  w.n_context = n;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    BlockWeightsOf<float> b;
    b.norm1 = b.norm2 = NormWeightsOf<float>{ones(), random_vector<float>(random, d, 0.1)};
    MultiHeadWeightsF& a = b.attention;
    a.n_heads = heads;
    for (MatrixF* W : {&a.W_Q, &a.W_K, &a.W_V, &a.W_O}) *W = small<float>(random, d, d);
    for (VectorF* bias : {&a.b_Q, &a.b_K, &a.b_V, &a.b_O})
      *bias = random_vector<float>(random, d, 0.1);
    b.feed_forward = FeedForwardWeightsOf<float>{
        small<float>(random, d, 4 * d), random_vector<float>(random, 4 * d, 0.1),
        small<float>(random, 4 * d, d), random_vector<float>(random, d, 0.1)};
    w.blocks.push_back(std::move(b));
  }
  w.norm_final = NormWeightsOf<float>{ones(), random_vector<float>(random, d, 0.1)};
  return w;
}

}  // namespace

TEST_CASE("commands: --help, --version and --color are understood by each", "[command]") {
  for (const std::string name : {"trace", "diff", "heads", "train", "bench"}) {
    INFO(name);
    const Run version = scratch::headlight(name + " --version");
    CHECK(version.status == 0);
    CHECK_THAT(version.out, contains("headlight " + name + " "));
    CHECK(scratch::headlight(name + " --color never --help").status == 0);
    CHECK(scratch::headlight(name + " --color=always --help").status == 0);
    const Run wrong = scratch::headlight(name + " --color blue --help");
    CHECK(wrong.status == 2);
    CHECK(wrong.err ==
          "headlight " + name + ": --color: wanted auto, always or never, got 'blue'\n");
  }
}

TEST_CASE("trace: records, verifies and says so", "[trace]") {
  const Run run = scratch::headlight("trace " + odd + "--ids 3,10,0 --verify");
  CHECK(run.status == 0);
  CHECK_THAT(run.out, contains("stages recomputed in double by plain loops"));
  CHECK_THAT(run.out, contains("blocks.1.attn.hook_pattern"));
  CHECK_THAT(run.err, contains("to record"));
}

TEST_CASE("trace: every shipped and built-in model is verified", "[trace]") {
  for (const std::string name : {"tiny", "induction-by-hand", "induction", "grammar",
                                 "positions-alibi", "positions-t5", "positions-shaw", "facts"}) {
    INFO(name);
    const Run run =
        scratch::headlight("trace --builtin " + name + " --ids 1,2,3,1,2,3 --verify --quiet");
    CHECK(run.status == 0);
  }
}

TEST_CASE("trace: twelve layers of width 768 and a model of odd head sizes are verified",
          "[trace]") {
  const Folder folder;
  write_gpt2_folder(folder / "large", random_model(12, 768, 12, 50, 64));
  std::string ids = "0";
  for (int i = 1; i < 64; ++i) ids += "," + std::to_string(i % 50);
  const std::string large = (folder / "large").string();
  CHECK(
      scratch::headlight("trace --model " + large + " --ids " + ids + " --verify --quiet").status ==
      0);
  write_gpt2_folder(folder / "odd", random_model(3, 33, 11, 7, 64));
  const std::string narrow = (folder / "odd").string();
  CHECK(
      scratch::headlight("trace --model " + narrow + " --ids 1,2,3,4,5 --verify --quiet").status ==
      0);
}

TEST_CASE("trace: --verify recomputes T5's and Shaw's positions and post-norm blocks",
          "[trace][two-ways]") {
  const Folder folder;
  std::string ids = "0";
  for (int i = 1; i < 40; ++i) ids += "," + std::to_string(i * i % 11);
  for (const Position position : {Position::t5, Position::shaw, Position::sinusoidal}) {
    Random random(4);
    ModelWeightsF w = random_model(2, 12, 3, 11, 64);
    w.position = position, w.W_pos = {};
    if (position == Position::t5)
      w.relative_bias = random_matrix<float>(random, 8, 3), w.max_distance = 16;
    for (BlockWeightsOf<float>& b : w.blocks) {
      b.place = NormPlace::after;
      if (position != Position::shaw) continue;
      b.attention.relative_keys = random_matrix<float>(random, 9, 12);
      b.attention.relative_values = random_matrix<float>(random, 9, 12);
    }
    write_gpt2_folder(folder / "m", w);
    const std::string model = "trace --model " + (folder / "m").string() + " --ids " + ids;
    const Run whole = scratch::headlight(model + " --verify");
    INFO(whole.out << whole.err);
    CHECK(whole.status == 0);
    CHECK((whole.out.find("attn.hook_bias") != std::string::npos) ==
          (position != Position::sinusoidal));
    CHECK((whole.out.find("attn.hook_z_relative") != std::string::npos) ==
          (position == Position::shaw));
    CHECK(whole.out.find("blocks.1.ln1.hook_in") != std::string::npos);
    // a part of the stages: what has no recorded input is said, not passed
    CHECK(
        scratch::headlight(model + " --quiet --verify --only 'blocks.*.attn.hook_[ab]*'").status ==
        0);
    const std::string file = (folder / "t.npz").string();
    CHECK(scratch::headlight(model + " --quiet --export " + file).status == 0);
    CHECK(scratch::headlight("diff " + file + " " + file).status == 0);
  }
}

TEST_CASE("trace: exports in three formats that diff finds equal, and another text that differs",
          "[trace][diff]") {
  const Folder folder;
  const std::string npz = (folder / "a.npz").string(),
                    tensors = (folder / "a.safetensors").string();
  const std::string json = (folder / "a.json").string(), other = (folder / "b.npz").string();
  for (const std::string& file : {npz, tensors, json})
    REQUIRE(scratch::headlight("trace " + odd + "--ids 3,10,0 --quiet --export " + file).status ==
            0);
  REQUIRE(scratch::headlight("trace " + odd + "--ids 3,10,1 --quiet --export " + other).status ==
          0);
  CHECK(scratch::headlight("diff " + npz + " " + tensors).status == 0);
  CHECK(scratch::headlight("diff " + npz + " " + json).status == 0);
  const Run run = scratch::headlight("diff " + npz + " " + other);
  CHECK(run.status == 1);
  CHECK_THAT(run.out, contains("first difference: hook_embed"));
  CHECK(scratch::headlight("diff " + npz + " " + other + " --tolerance 10").status == 0);
}

TEST_CASE("diff: says what it cannot read", "[diff][error]") {
  const Folder folder;
  scratch::write(folder / "a.npz", "PK");
  CHECK(scratch::headlight("diff " + (folder / "a.npz").string() + " nowhere.npz").status == 2);
  CHECK(scratch::headlight("diff onlyone.npz").status == 2);
  CHECK(scratch::headlight("diff --nosuch a.npz b.npz").status == 2);
}

TEST_CASE("trace: interventions are done and said", "[trace]") {
  const Folder folder;
  const std::string file = (folder / "t.npz").string(), patched = (folder / "p.npz").string();
  REQUIRE(scratch::headlight("trace " + odd + "--ids 3,10,0 --quiet --export " + file).status == 0);
  const Run run =
      scratch::headlight("trace " + odd + "--ids 3,10,0 --verify --ablate 0.1 --ablate 1.2=mean");
  CHECK(run.status == 0);
  CHECK_THAT(run.out, contains("changed: head 0.1 ablated (zero)"));
  CHECK_THAT(run.out, contains("changed: head 1.2 ablated (mean)"));
  // a run patched with the last residual of another run ends as that run did
  const std::string patch = "--patch blocks.1.hook_resid_post=" + file;
  REQUIRE(
      scratch::headlight("trace " + odd + "--ids 1,2,5 --quiet " + patch + " --export " + patched)
          .status == 0);
  const TraceFile a = read_trace(file), b = read_trace(patched);
  CHECK(a.find("unembed.hook_out")->bytes == b.find("unembed.hook_out")->bytes);
  CHECK(a.find("hook_embed")->bytes != b.find("hook_embed")->bytes);
  CHECK_THAT(b.meta, contains("patched from"));
}

TEST_CASE("trace --only: records just that", "[trace]") {
  const Folder folder;
  const std::string file = (folder / "t.npz").string();
  REQUIRE(scratch::headlight("trace " + odd +
                             "--ids 3,10 --quiet --only '*.hook_pattern' --export " + file)
              .status == 0);
  CHECK(read_trace(file).stages.size() == 2);
}

TEST_CASE("trace --json: one object with every stage", "[trace]") {
  const Run run = scratch::headlight("trace " + odd + "--ids 3,10 --json");
  CHECK(run.status == 0);
  CHECK_THAT(run.out, contains("\"name\":\"blocks.0.attn.hook_attn_scores\""));
  CHECK_THAT(run.out, contains("\"-inf\""));
}

TEST_CASE("trace: wrong words are refused", "[trace][error]") {
  command_refuses("--ids 1", "wanted a model");
  command_refuses(odd, "wanted what to read");
  command_refuses(odd + "--ids 1 --text a", "wanted what to read");
  command_refuses(odd + "--ids 1,,2", "got ''");
  command_refuses(odd + "--ids one", "got 'one'");
  command_refuses(odd + "--ids 11", "token id 11 is not in the vocabulary");
  command_refuses(odd + "--ids 0,0,0,0,0,0,0,0,0,0", "got 10 tokens, but the context");
  command_refuses(odd + "--text hello", "text needs a tokenizer");
  command_refuses("--builtin nosuch --ids 1", "there is no builtin model 'nosuch'");
  command_refuses("--builtin ../.. --ids 1", "there is no builtin model");
  command_refuses(odd + "--ids 1 --only 'nothing*'", "no stage has a name like");
  command_refuses(odd + "--ids 1 --ablate 5.0", "the model has layers 0 to 1");
  command_refuses(odd + "--ids 1 --ablate 0.3", "layer 0 has heads 0 to 2");
  command_refuses(odd + "--ids 1 --ablate zero", "wanted LAYER.HEAD");
  command_refuses(odd + "--ids 1 --patch x", "wanted STAGE=FILE");
  command_refuses(odd + "--ids 1 --nosuch", "did not understand '--nosuch'");
  command_refuses(odd + "--ids 1 --export t.txt", ".npz, .safetensors or .json");
}

TEST_CASE("trace: a broken model folder is refused with the file and the reason",
          "[trace][error]") {
  command_refuses("--model /nowhere --ids 1", "config.json: there is no such file");
  {
    Copy copy;
    copy.config = "{";
    command_refuses(copy.arguments(), "config.json: not JSON");
  }
  {
    Copy copy;
    copy.file.tensors.erase(copy.file.tensors.begin() + 3);
    command_refuses(copy.arguments(), "is missing");
  }
  {
    Copy copy;
    copy.tensor("wpe.weight").shape = {15, 9};
    command_refuses(copy.arguments(), "wpe.weight: wanted shape [9, 15], got [15, 9]");
  }
  {
    Copy copy;
    copy.replace("\"n_layer\": 2", "\"n_layer\": 3");
    command_refuses(copy.arguments(), "h.2.ln_1.weight is missing");
  }
  {
    Copy copy;
    copy.replace("\"n_embd\": 15", "\"n_embd\": 12");
    command_refuses(copy.arguments(), "wanted shape [11, 12], got [11, 15]");
  }
  {
    Copy copy;
    copy.replace("\"n_head\": 3", "\"n_head\": 4");
    command_refuses(copy.arguments(), "not divisible");
  }
  {
    Copy copy;
    copy.replace("gelu_new", "swish");
    command_refuses(copy.arguments(), "got swish");
  }
  {
    Copy copy;
    copy.tensor("ln_f.bias").dtype = "I32";
    command_refuses(copy.arguments(), "got I32");
  }
  {
    Copy copy;
    const std::string arguments = copy.arguments();
    const std::string bytes = scratch::read(copy.folder / "model.safetensors");
    scratch::write(copy.folder / "model.safetensors", bytes.substr(0, bytes.size() - 5));
    command_refuses(arguments, "the data has");
    scratch::write(copy.folder / "model.safetensors", bytes.substr(0, 5));
    command_refuses(arguments, "wanted at least 8 bytes");
    scratch::write(copy.folder / "model.safetensors", "");
    command_refuses(arguments, "wanted at least 8 bytes");
  }
}

TEST_CASE("trace: NaN weights are recorded and reported", "[trace]") {
  Copy copy;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(copy.tensor("h.1.attn.c_proj.bias").bytes.data(), &nan, sizeof nan);
  const Run run = scratch::headlight("trace " + copy.arguments());
  CHECK(run.status == 0);
  CHECK_THAT(run.err, contains("hold NaN, the first is blocks.1.hook_attn_out"));
  CHECK_THAT(run.out, contains("2 NaN"));
}

TEST_CASE("trace: a file that cannot be written leaves nothing behind", "[trace][error]") {
  const Folder folder;
  command_refuses(odd + "--ids 1 --quiet --export " + (folder / "no/such/t.npz").string(),
                  "cannot be written: No such file or directory");
  command_refuses(odd + "--ids 1 --quiet --export " + folder.path().string() + "/",
                  "wanted a name that ends");
  std::filesystem::create_directory(folder / "d.npz");
  command_refuses(odd + "--ids 1 --quiet --export " + (folder / "d.npz").string(), "is a folder");
  std::filesystem::create_symlink("/dev/full", folder / "full.npz");
  command_refuses(odd + "--ids 1 --quiet --export " + (folder / "full.npz").string(),
                  "No space left on device");
  // a limit on file size stands for a disk that fills up half way
  command_refuses(odd + "--ids 1,2,3,4,5 --quiet --export " + (folder / "t.npz").string(),
                  "File too large", "trap '' XFSZ; ulimit -f 8; ");
  CHECK(folder.files() == 2);
}

TEST_CASE("trace: refuses to record what does not fit, with both figures", "[trace][error]") {
  const Folder folder;
  ModelWeightsF w = random_model(1, 8, 2, 5, 8);
  w.position = Position::none, w.W_pos = {}, w.n_context = 0;
  write_gpt2_folder(folder / "m", w);
  scratch::write(folder / "ids", std::string());
  std::string ids = "0";
  for (int i = 1; i < 60000; ++i) ids += ",0";
  const Run run =
      scratch::headlight("trace --model " + (folder / "m").string() + " --ids " + ids + " --quiet");
  CHECK(run.status == 2);
  CHECK_THAT(
      run.err,
      contains(
          "recording everything needs 1"));  // 2 heads x 60,000^2 x 5 stages x 4 bytes = 144 GB
  CHECK_THAT(run.err, contains("GB free"));
}

TEST_CASE("verify.cpp: includes nothing of the library that computes", "[trace][architecture]") {
  for (const char* name : {"/lib/cli/verify.cpp", "/lib/cli/verify.hpp"}) {
    const std::string text = scratch::read(HEADLIGHT_ROOT + std::string(name));
    CHECK(text.find("#include <headlight/") == std::string::npos);
    CHECK(text.find("cblas") == std::string::npos);
  }
}
