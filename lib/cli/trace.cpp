#include <fnmatch.h>

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#define CXXOPTS_VECTOR_DELIMITER '\0'
#include <cxxopts.hpp>
#include <headlight/attention/intervention.hpp>
#include <headlight/circuit/induction.hpp>
#include <headlight/core/random.hpp>
#include <headlight/file/base64.hpp>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/file/tokenizer.hpp>
#include <headlight/file/trace_file.hpp>
#include <headlight/render/text.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "command.hpp"
#include "trace_page.hpp"
#include "verify.hpp"

namespace headlight::cli {
namespace {

using Stage = StageOf<const float>;
using nlohmann::ordered_json;

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A model with the way from text to its ids.
struct Loaded {
  std::string name;
  ModelWeightsF weights;
  std::filesystem::path folder;     // empty for a builtin without files
  std::size_t bytes_per_token = 0;  // 1: tokens are bytes
};

ModelWeightsF tiny_model() {
  constexpr std::size_t vocabulary = 256, d = 32, heads = 4, hidden = 128, context = 256;
  Random random(20);
  const auto matrix = [&](std::size_t rows, std::size_t columns, double deviation) {
    return random_matrix<float>(random, rows, columns, deviation);
  };
  const auto ones = [](std::size_t n) {
    VectorF v = VectorF::from_shape({n});
    std::fill(v.begin(), v.end(), 1.0f);
    return v;
  };
  const auto norm = [&] {
    return NormWeightsOf<float>{ones(d), random_vector<float>(random, d, 0.1)};
  };
  ModelWeightsF w;
  w.W_E = matrix(vocabulary, d, 1), w.W_pos = matrix(context, d, 0.3), w.n_context = context;
  for (int layer = 0; layer < 2; ++layer) {
    BlockWeightsOf<float> block;
    block.norm1 = norm(), block.norm2 = norm();
    MultiHeadWeightsF& a = block.attention;
    a.n_heads = heads;
    for (MatrixF* W : {&a.W_Q, &a.W_K, &a.W_V, &a.W_O}) *W = matrix(d, d, 0.3);
    for (VectorF* b : {&a.b_Q, &a.b_K, &a.b_V, &a.b_O}) *b = random_vector<float>(random, d, 0.1);
    block.feed_forward = FeedForwardWeightsOf<float>{
        matrix(d, hidden, 0.3), random_vector<float>(random, hidden, 0.1), matrix(hidden, d, 0.1),
        random_vector<float>(random, d, 0.1)};
    w.blocks.push_back(std::move(block));
  }
  w.norm_final = norm();
  return w;
}

Loaded load(const cxxopts::ParseResult& given) {
  const bool has_model = given.count("model") > 0, has_builtin = given.count("builtin") > 0;
  if (has_model == has_builtin)
    throw UsageError(
        "wanted a model: --model DIR (a GPT-2 folder) or --builtin NAME (tiny, induction-by-hand, "
        "or a "
        "name in lessons/models)");
  if (has_model) {
    const std::filesystem::path folder = given["model"].as<std::string>();
    return {folder.string(), read_gpt2_folder<float>(folder), folder};
  }
  const std::string name = given["builtin"].as<std::string>();
  if (name == "tiny") return {name, tiny_model(), {}, 1};
  if (name == "induction-by-hand") return {name, induction_by_hand<float>(128, 64), {}, 1};
  const std::filesystem::path shipped =
      std::filesystem::path(HEADLIGHT_SOURCE "/lessons/models") / name;
  if (name.find('/') == std::string::npos && std::filesystem::is_directory(shipped))
    return {name, read_gpt2_folder<float>(shipped), shipped};
  std::string known = "tiny, induction-by-hand";
  std::error_code ignored;
  std::set<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(HEADLIGHT_SOURCE "/lessons/models", ignored))
    if (entry.is_directory()) names.insert(entry.path().filename().string());
  for (const std::string& each : names) known += ", " + each;
  throw UsageError("there is no builtin model '" + name + "'; known are " + known);
}

std::vector<std::size_t> parse_ids(const std::string& text) {
  std::vector<std::size_t> ids;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (word.empty() || word.size() > 12 ||
        word.find_first_not_of("0123456789") != std::string::npos)
      throw UsageError("--ids: wanted whole numbers with commas between them, got '" + word + "'");
    ids.push_back(std::stoul(word));
    at = end + 1;
  }
  return ids;
}

// Ids and the pieces of text that they stand for.
struct Tokens {
  std::vector<std::size_t> ids;
  std::vector<std::string> pieces;
};

Tokens tokens_of(const cxxopts::ParseResult& given, const Loaded& model) {
  const bool has_text = given.count("text") > 0, has_ids = given.count("ids") > 0;
  if (has_text == has_ids) throw UsageError("wanted what to read: --text T or --ids 1,2,3");
  Tokens tokens;
  const bool has_tokenizer = !model.folder.empty() &&
                             std::filesystem::exists(model.folder / "vocab.json") &&
                             std::filesystem::exists(model.folder / "merges.txt");
  if (has_text) {
    const std::string text = given["text"].as<std::string>();
    if (model.bytes_per_token == 1) {
      for (const char byte : text) tokens.ids.push_back(static_cast<unsigned char>(byte));
    } else {
      tokens.ids = Tokenizer::from_folder(model.folder).encode(text);
    }
    if (tokens.ids.empty())
      throw UsageError("--text: wanted at least one token, got an empty text");
  } else {
    tokens.ids = parse_ids(given["ids"].as<std::string>());
  }
  const std::size_t vocabulary = model.weights.W_E.shape(0);
  for (const std::size_t id : tokens.ids)
    if (id >= vocabulary)
      throw UsageError("token id " + std::to_string(id) + " is not in the vocabulary of " +
                       model.name + ", which has " + std::to_string(vocabulary) + " tokens (0 to " +
                       std::to_string(vocabulary - 1) + ")");
  const std::size_t context =
      model.weights.position == Position::learned
          ? std::min(model.weights.W_pos.shape(0),
                     model.weights.n_context ? model.weights.n_context : SIZE_MAX)
          : model.weights.n_context;
  if (context > 0 && tokens.ids.size() > context)
    throw UsageError("got " + std::to_string(tokens.ids.size()) + " tokens, but the context of " +
                     model.name + " is " + std::to_string(context) + "; shorten the text");
  if (has_tokenizer) {
    const Tokenizer tokenizer = Tokenizer::from_folder(model.folder);
    for (const std::size_t id : tokens.ids) tokens.pieces.push_back(tokenizer.piece(id));
  } else if (model.bytes_per_token == 1) {
    for (const std::size_t id : tokens.ids) tokens.pieces.emplace_back(1, static_cast<char>(id));
  }
  return tokens;
}

const char* position_word(Position position) {
  switch (position) {
    case Position::learned:
      return "learned";
    case Position::sinusoidal:
      return "sinusoidal";
    case Position::rope:
      return "rope";
    case Position::alibi:
      return "alibi";
    case Position::t5:
      return "t5";
    case Position::shaw:
      return "shaw";
    case Position::none:
      return "none";
  }
  return "none";
}

std::string meta_of(const Loaded& model, const Tokens& tokens,
                    const std::vector<std::string>& interventions) {
  const ModelWeightsF& w = model.weights;
  ordered_json config{{"n_layer", w.blocks.size()},
                      {"n_embd", w.W_E.shape(1)},
                      {"vocab_size", w.W_E.shape(0)},
                      {"n_positions", w.n_context},
                      {"position", position_word(w.position)},
                      {"tie_word_embeddings", w.W_U.size() == 0}};
  if (!w.blocks.empty()) {
    const BlockWeightsOf<float>& first = w.blocks[0];
    config["n_head"] = first.attention.n_heads;
    config["norm"] = !first.norm1 ? "none" : first.norm1->kind == Norm::rms ? "rms" : "layer";
    config["n_inner"] = first.feed_forward ? first.feed_forward->W_in.shape(1) : 0;
  }
  ordered_json pieces = ordered_json::array();
  for (const std::string& piece : tokens.pieces) {
    if (render::is_utf8(piece))
      pieces.push_back(piece);
    else
      pieces.push_back({{"base64", base64(piece)}});
  }
  return ordered_json{{"format", 1},
                      {"tool", "headlight " HEADLIGHT_VERSION},
                      {"model", model.name},
                      {"config", config},
                      {"ids", tokens.ids},
                      {"pieces", pieces},
                      {"interventions", interventions}}
      .dump();
}

std::size_t parse_number(const std::string& text, const std::string& option) {
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos)
    throw UsageError(option + ": wanted a whole number, got '" + text + "'");
  return std::stoul(text);
}

// The interventions that were asked for, in words and as one function; and the stages that they
// write.
struct Changes {
  std::vector<std::string> words;
  std::set<std::string> stages;
  InterventionOf<float> apply;
};

Changes changes_of(const cxxopts::ParseResult& given, const ModelWeightsF& weights) {
  Changes changes;
  std::vector<InterventionOf<float>> all;
  const auto read_values = [](const StoredTensor& stage) { return in_memory_order<float>(stage); };
  if (given.count("freeze-patterns")) {
    const std::string path = given["freeze-patterns"].as<std::string>();
    std::map<std::string, std::vector<float>> patterns;
    for (const StoredTensor& stage : read_trace(path).stages)
      if (stage.name.size() > 17 &&
          stage.name.substr(stage.name.size() - 17) == "attn.hook_pattern")
        patterns[stage.name] = read_values(stage), changes.stages.insert(stage.name);
    if (patterns.empty())
      throw UsageError(path + ": holds no pattern (attn.hook_pattern) to freeze");
    changes.words.push_back("patterns frozen from " + path);
    all.push_back(replace_stages(std::move(patterns)));
  }
  if (given.count("ablate")) {
    for (const std::string& word : given["ablate"].as<std::vector<std::string>>()) {
      const std::size_t equals = word.find('='), dot = word.find('.');
      const std::string kind = equals == std::string::npos ? "zero" : word.substr(equals + 1);
      if (dot == std::string::npos || dot > equals || (kind != "zero" && kind != "mean"))
        throw UsageError("--ablate: wanted LAYER.HEAD, LAYER.HEAD=zero or LAYER.HEAD=mean, got '" +
                         word + "'");
      const std::size_t layer = parse_number(word.substr(0, dot), "--ablate");
      const std::size_t head = parse_number(
          word.substr(dot + 1, equals == std::string::npos ? equals : equals - dot - 1),
          "--ablate");
      if (layer >= weights.blocks.size())
        throw UsageError("--ablate " + word + ": the model has layers 0 to " +
                         std::to_string(weights.blocks.size() - 1));
      const std::size_t heads = weights.blocks[layer].attention.n_heads;
      if (head >= heads)
        throw UsageError("--ablate " + word + ": layer " + std::to_string(layer) +
                         " has heads 0 to " + std::to_string(heads - 1));
      changes.words.push_back("head " + word.substr(0, equals) + " ablated (" + kind + ")");
      changes.stages.insert("blocks." + std::to_string(layer) + ".attn.hook_z");
      all.push_back(ablate_head<float>(
          layer, head, kind == "mean" ? HeadReplacement::mean : HeadReplacement::zero));
    }
  }
  if (given.count("patch")) {
    std::map<std::string, std::vector<float>> patches;
    for (const std::string& word : given["patch"].as<std::vector<std::string>>()) {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos)
        throw UsageError("--patch: wanted STAGE=FILE, got '" + word + "'");
      const std::string name = word.substr(0, equals), path = word.substr(equals + 1);
      const TraceFile file = read_trace(path);
      const StoredTensor* stage = file.find(name);
      if (!stage) throw UsageError(path + ": holds no stage '" + name + "'");
      patches[name] = read_values(*stage);
      changes.words.push_back(name + " patched from " + path);
      changes.stages.insert(name);
    }
    all.push_back(replace_stages(std::move(patches)));
  }
  if (!all.empty()) changes.apply = in_order(std::move(all));
  return changes;
}

std::size_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::size_t kilobytes = 0;
  while (file >> key >> kilobytes) {
    if (key == "MemAvailable:") return kilobytes * 1024;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::numeric_limits<std::size_t>::max();
}

std::string in_words(std::size_t bytes) {
  char text[32];
  const double b = static_cast<double>(bytes);
  if (b < 1e6)
    std::snprintf(text, sizeof text, "%.1f kB", b / 1e3);
  else if (b < 1e9)
    std::snprintf(text, sizeof text, "%.1f MB", b / 1e6);
  else
    std::snprintf(text, sizeof text, "%.2f GB", b / 1e9);
  return text;
}

std::string axes_in_file(const Stage& stage, std::vector<std::size_t>& shape) {
  shape = stage.shape;
  std::string axes(stage.axes);
  if (axes.substr(0, 10) == "head, pos,")
    std::swap(shape[0], shape[1]), axes = "pos, head," + axes.substr(10);
  return axes;
}

void print_table(const std::vector<Stage>& stages) {
  std::printf("%-32s %-16s %9s %9s %9s\n", "stage", "shape", "min", "max", "mean");
  for (const Stage& stage : stages) {
    std::vector<std::size_t> shape;
    axes_in_file(stage, shape);
    std::string sizes;
    for (const std::size_t size : shape) sizes += (sizes.empty() ? "" : "x") + std::to_string(size);
    if (!stage.flags.empty()) {
      const auto visible =
          static_cast<std::size_t>(std::count(stage.flags.begin(), stage.flags.end(), true));
      std::printf("%-32s %-16s %zu of %zu cells visible\n", stage.name.c_str(), sizes.c_str(),
                  visible, stage.flags.size());
      continue;
    }
    double min = std::numeric_limits<double>::infinity(), max = -min, sum = 0;
    std::size_t finite = 0, nans = 0, infinite = 0;
    for (const float value : stage.values) {
      const double x = static_cast<double>(value);
      if (std::isnan(x))
        ++nans;
      else if (std::isinf(x))
        ++infinite;
      else
        min = std::min(min, x), max = std::max(max, x), sum += x, ++finite;
    }
    std::string note;
    if (nans) note = " " + std::to_string(nans) + " NaN";
    if (finite == 0) {
      std::printf("%-32s %-16s %29s%s\n", stage.name.c_str(), sizes.c_str(), "no finite number",
                  note.c_str());
      continue;
    }
    std::printf("%-32s %-16s %9.4g %9.4g %9.4g%s\n", stage.name.c_str(), sizes.c_str(), min, max,
                sum / static_cast<double>(finite), note.c_str());
  }
}

verify::Numbers plain(const MatrixF& m) {
  return {m.size() ? m.data() : nullptr, m.shape(0), m.shape(1)};
}
const float* plain(const VectorF& v) {
  return v.size() ? v.data() : nullptr;
}
verify::PlainNorm plain(const std::optional<NormWeightsOf<float>>& norm) {
  if (!norm) return {};
  return {norm->gain.data(), plain(norm->bias), static_cast<double>(norm->epsilon),
          norm->kind == Norm::rms};
}

verify::PlainModel plain(const ModelWeightsF& w) {
  verify::PlainModel model;
  model.W_E = plain(w.W_E), model.W_pos = plain(w.W_pos);
  model.W_U = w.W_U.size() ? plain(w.W_U) : model.W_E;
  model.position = w.position == Position::shaw ? 'k' : position_word(w.position)[0];
  model.relative_bias = plain(w.relative_bias), model.max_distance = w.max_distance;
  model.rope_base = w.rope.base, model.rope_scale = w.rope.position_scale;
  model.rope_interleaved = w.rope.pairing == RopePairing::interleaved;
  model.rope_dimensions = w.rope.dimensions;
  model.norm_final = plain(w.norm_final);
  for (const BlockWeightsOf<float>& b : w.blocks) {
    verify::PlainBlock block;
    block.norm1 = plain(b.norm1), block.norm2 = plain(b.norm2);
    block.post_norm = b.place == NormPlace::after;
    const MultiHeadWeightsF& a = b.attention;
    block.n_heads = a.n_heads;
    block.W_Q = plain(a.W_Q), block.W_K = plain(a.W_K), block.W_V = plain(a.W_V),
    block.W_O = plain(a.W_O);
    block.b_Q = plain(a.b_Q), block.b_K = plain(a.b_K), block.b_V = plain(a.b_V),
    block.b_O = plain(a.b_O);
    block.null_key = plain(a.null_key);
    block.relative_keys = plain(a.relative_keys);
    block.relative_values = plain(a.relative_values);
    if (b.feed_forward) {
      block.W_in = plain(b.feed_forward->W_in), block.W_out = plain(b.feed_forward->W_out);
      block.b_in = plain(b.feed_forward->b_in), block.b_out = plain(b.feed_forward->b_out);
      const Activation kind = b.feed_forward->activation;
      block.activation = kind == Activation::relu ? 'r' : kind == Activation::gelu ? 'e' : 'n';
    }
    model.blocks.push_back(block);
  }
  return model;
}

bool report_verdict(const verify::Verdict& v, std::FILE* to) {
  std::string cell;
  for (const std::size_t index : v.where)
    cell += (cell.empty() ? "" : ", ") + std::to_string(index);
  if (!v.agrees) {
    std::fprintf(to,
                 "verify: %s disagrees: relative difference %.2g exceeds 1e-5, worst cell [%s]: "
                 "recorded %.9g, "
                 "recomputed %.9g\n",
                 v.stage.c_str(), v.worst, cell.c_str(), v.got, v.want);
    return false;
  }
  std::fprintf(to,
               "verify: %zu stages recomputed in double by plain loops; largest relative "
               "difference %.1e (%s)\n",
               v.checked, v.worst, v.stage.c_str());
  if (v.without_inputs)
    std::fprintf(to, "verify: %zu stages were not recomputed, their inputs are not recorded\n",
                 v.without_inputs);
  return true;
}

int run_trace(const cxxopts::ParseResult& given) {
  const Loaded model = load(given);
  const Tokens tokens = tokens_of(given, model);
  const Changes changes = changes_of(given, model.weights);
  for (const char* option : {"export"}) {
    if (!given.count(option)) continue;
    const std::string ending =
        std::filesystem::path(given[option].as<std::string>()).extension().string();
    if (ending != ".npz" && ending != ".safetensors" && ending != ".json")
      throw UsageError("--export: wanted a name that ends in .npz, .safetensors or .json, got '" +
                       given[option].as<std::string>() + "'");
  }
  ModelOptionsOf<float> options;
  options.threads = given["threads"].as<std::size_t>();
  options.intervention = changes.apply;

  ModelTraceF trace;
  std::vector<KeptStageOf<float>> kept;
  std::vector<Stage> stages;
  if (given.count("only")) {
    const auto globs = given["only"].as<std::vector<std::string>>();
    visit_model<float>(tokens.ids, model.weights, options, [&](const Stage& stage) {
      for (const std::string& glob : globs)
        if (fnmatch(glob.c_str(), stage.name.c_str(), 0) == 0) {
          kept.emplace_back(stage);
          break;
        }
    });
    for (const KeptStageOf<float>& stage : kept) stages.push_back(stage.view());
    if (stages.empty())
      throw UsageError("--only: no stage has a name like '" + globs[0] +
                       "'; leave --only out to see all names");
  } else {
    const std::size_t wanted = trace_bytes(model.weights, tokens.ids.size()),
                      there = available_memory();
    std::fprintf(stderr, "trace: %zu tokens, %s to record\n", tokens.ids.size(),
                 in_words(wanted).c_str());
    if (wanted > there) {
      std::fprintf(stderr,
                   "headlight trace: recording everything needs %s, this machine has %s free; "
                   "record less with --only "
                   "'blocks.5.attn.hook_pattern'\n",
                   in_words(wanted).c_str(), in_words(there).c_str());
      return 2;
    }
    run_model<float>(tokens.ids, model.weights, options, trace);
    for_each_stage<float>(trace, [&](const Stage& stage) { stages.push_back(stage); });
  }

  std::size_t nan_stages = 0;
  std::string first_nan;
  for (const Stage& stage : stages)
    if (std::any_of(stage.values.begin(), stage.values.end(),
                    [](float x) { return std::isnan(x); })) {
      if (nan_stages++ == 0) first_nan = stage.name;
    }
  if (nan_stages)
    std::fprintf(stderr, "trace: %zu stages hold NaN, the first is %s\n", nan_stages,
                 first_nan.c_str());
  const std::string meta = meta_of(model, tokens, changes.words);
  if (given.count("export")) {
    const std::string path = given["export"].as<std::string>();
    write_trace<float>(path, stages, meta);
    std::fprintf(stderr, "trace: wrote %s\n", path.c_str());
  }
  if (given.count("html")) {
    const std::string path = given["html"].as<std::string>();
    write_whole_file(path, trace_page(model.name, tokens.pieces, stages, changes.words));
    std::fprintf(stderr, "trace: wrote %s\n", path.c_str());
  }
  bool verified = true;
  if (given.count("verify")) {
    std::map<std::string, const Stage*> by_name;
    for (const Stage& stage : stages) by_name[stage.name] = &stage;
    const verify::Verdict verdict = verify::verify_trace(
        plain(model.weights), tokens.ids,
        [&](const std::string& name) -> verify::Recorded {
          const auto found = by_name.find(name);
          if (found == by_name.end()) return {};
          const Stage& s = *found->second;
          return {s.values.empty() ? nullptr : s.values.data(),
                  s.flags.empty() ? nullptr : s.flags.data(), s.shape};
        },
        [&](const std::string& name) { return changes.stages.count(name) > 0; }, 1e-5);
    verified = report_verdict(verdict, given.count("json") ? stderr : stdout);
  }
  if (given.count("json")) {
    std::puts(trace_json<float>(stages, meta).c_str());
  } else if (!given.count("quiet")) {
    for (const std::string& words : changes.words) std::printf("changed: %s\n", words.c_str());
    print_table(stages);
  }
  return verified ? 0 : 1;
}

}  // namespace

int trace(int argc, char** argv) {
  cxxopts::Options options("headlight trace",
                           "Runs a model and records every intermediate number.");
  options.add_options()("model", "a folder in Hugging Face's GPT-2 layout",
                        cxxopts::value<std::string>(),
                        "DIR")("builtin", "tiny, induction-by-hand, or a name in lessons/models",
                               cxxopts::value<std::string>(), "NAME")(
      "text", "what the model reads", cxxopts::value<std::string>(), "T")(
      "ids", "token ids instead of text", cxxopts::value<std::string>(), "1,2,3")(
      "only", "record just the stages with such names", cxxopts::value<std::vector<std::string>>(),
      "GLOB")("ablate", "take a head's output away", cxxopts::value<std::vector<std::string>>(),
              "L.H[=zero|mean]")("freeze-patterns", "use the patterns of a trace file",
                                 cxxopts::value<std::string>(), "FILE")(
      "patch", "put a stage of a trace file in place", cxxopts::value<std::vector<std::string>>(),
      "STAGE=FILE")("verify", "recompute every stage in double with plain loops")(
      "export", "write .npz, .safetensors or .json", cxxopts::value<std::string>(), "FILE")(
      "html", "write a page with pictures and numbers", cxxopts::value<std::string>(), "FILE")(
      "threads", "heads and rows are spread over them",
      cxxopts::value<std::size_t>()->default_value("1"))("json", "print the trace as JSON")(
      "quiet", "no table")("help", "this text");
  try {
    options.allow_unrecognised_options();
    const auto given = options.parse(argc, argv);
    if (given.count("help")) {
      std::puts(options.help().c_str());
      return 0;
    }
    if (!given.unmatched().empty())
      throw UsageError("did not understand '" + given.unmatched()[0] +
                       "'; try headlight trace --help");
    return run_trace(given);
  } catch (const cxxopts::exceptions::exception& error) {
    std::fprintf(stderr, "headlight trace: %s; try headlight trace --help\n", error.what());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr,
                 "headlight trace: not enough memory; record less with --only "
                 "'blocks.0.attn.hook_pattern'\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "headlight trace: %s\n", error.what());
  }
  return 2;
}

}  // namespace headlight::cli
