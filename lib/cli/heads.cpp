#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cxxopts.hpp>
#include <filesystem>
#include <headlight/analysis/head_scores.hpp>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/recipes.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "command.hpp"

namespace headlight::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// A folder, or the name of a shipped model.
fs::path folder_of(const std::string& model) {
  const fs::path shipped = fs::path(HEADLIGHT_SOURCE) / "lessons" / "models" / model;
  return !fs::exists(model) && fs::exists(shipped) ? shipped : fs::path(model);
}

// The recipe that made a shipped model or one of its checkpoints, or null.
const Recipe* recipe_of(const fs::path& folder, const ModelWeightsF& weights) {
  std::string name = fs::absolute(folder).lexically_normal().filename().string();
  if (name.empty())
    name = fs::absolute(folder).lexically_normal().parent_path().filename().string();
  const Recipe* found = nullptr;
  for (const Recipe& r : recipes())
    if ((name == r.name || name.rfind(r.name + "-step-", 0) == 0) &&
        r.model.vocabulary == weights.W_E.shape(0) && r.model.n_layers == weights.blocks.size())
      found = &r;
  return found;
}

ordered_json nested(const Matrix& m) {
  ordered_json rows = ordered_json::array();
  for (std::size_t i = 0; i < m.shape(0); ++i)
    rows.push_back(std::vector<double>(m.data() + i * m.shape(1), m.data() + (i + 1) * m.shape(1)));
  return rows;
}

// What is not read from a pattern: copying from values and the unembedding, in-context learning
// from the loss.
struct OutsideOfPatterns {
  std::size_t sample = 0, tried = 0;  // tokens behind the two copying scores
  Matrix copying, copies;             // [n_layers, n_heads]
  ContextSpan span;
  double in_context = 0, best_in_context = 0, without_repeats = 0;
};

OutsideOfPatterns outside_of_patterns(const ModelWeightsF& w,
                                      const std::vector<std::vector<std::size_t>>& repeated,
                                      std::size_t count) {
  OutsideOfPatterns out;
  const std::size_t vocabulary = w.W_E.shape(0), n = repeated.front().size();
  const std::size_t largest = w.n_context > 0 ? std::min(vocabulary, w.n_context) : vocabulary;
  out.sample = std::min<std::size_t>(25, largest);
  std::vector<std::vector<std::size_t>> distinct, unrepeated;
  for (std::size_t s = 0; s < count; ++s) {
    distinct.push_back(distinct_tokens(0, vocabulary - 1, out.sample, 7000 + s));
    unrepeated.push_back(repeated_tokens({}, 0, vocabulary - 1, n, 1, 8000 + s));
  }
  out.copying = copying_scores<float>(w, distinct);
  out.copies = out.copying;
  out.tried = std::min<std::size_t>(128, vocabulary);
  for (std::size_t l = 0; l < w.blocks.size(); ++l)
    for (std::size_t h = 0; h < w.blocks[l].attention.n_heads; ++h)
      out.copies(l, h) = copying_share<float>(w, l, h, out.tried);
  out.span = context_span(n);
  out.in_context = in_context_score<float>(w, repeated);
  out.without_repeats = in_context_score<float>(w, unrepeated);
  double early = 0;  // a model that is certain late on keeps only what it lost early on
  ModelTraceF trace;
  for (const std::vector<std::size_t>& ids : repeated) {
    run_model<float>(ids, w, {Record::essential, 1, {}}, trace);
    early -= std::log(std::max(
        1e-30, static_cast<double>(trace.probabilities(out.span.early, ids[out.span.early + 1]))));
  }
  out.best_in_context = -early / static_cast<double>(count);
  return out;
}

const std::vector<std::string> on_the_card{"previous.stripe", "duplicate.mass", "induction.mass",
                                           "induction.stripe"};

}  // namespace

int heads(int argc, char** argv) {
  cxxopts::Options options("headlight heads", "The score card of every head of a model.");
  options.add_options()("model",
                        "folder with config.json and model.safetensors, or a shipped model",
                        cxxopts::value<std::string>())(
      "period", "random tokens in one copy (default: what fits, at most 25)",
      cxxopts::value<std::size_t>())("copies", "how often they are repeated",
                                     cxxopts::value<std::size_t>()->default_value("2"))(
      "sequences", "how many to average", cxxopts::value<std::size_t>()->default_value("10"))(
      "seed", "of the random tokens", cxxopts::value<std::uint64_t>()->default_value("0"))(
      "bos", "id of a token put in front", cxxopts::value<std::size_t>())(
      "all", "every definition")("exclude-bos",
                                 "tl definitions leave the first token's column out")(
      "exclude-current", "tl definitions leave the diagonal out")("json", "one JSON object")(
      "h,help", "this text");
  try {
    const auto words = options.parse(argc, argv);
    if (words.count("help")) {
      std::fputs(options.help().c_str(), stdout);
      return 0;
    }
    if (!words.count("model")) throw std::invalid_argument("wanted --model FOLDER");
    const fs::path folder = folder_of(words["model"].as<std::string>());
    const ModelWeightsF weights = read_gpt2_folder<float>(folder);
    const Recipe* recipe = recipe_of(folder, weights);
    const std::size_t copies = words["copies"].as<std::size_t>();
    const std::size_t count = words["sequences"].as<std::size_t>();
    if (copies < 1 || count < 1)
      throw std::invalid_argument("wanted at least one copy and sequence");
    std::vector<std::size_t> front;
    if (words.count("bos")) front.push_back(words["bos"].as<std::size_t>());
    std::size_t period = 25;
    const std::size_t context = recipe ? recipe->model.n : weights.n_context;
    if (context > 0) period = std::min(period, (context - front.size()) / copies);
    if (words.count("period")) period = words["period"].as<std::size_t>();
    if (period < 2) throw std::invalid_argument("wanted a period of at least 2");
    std::vector<std::vector<std::size_t>> sequences;
    for (std::size_t s = 0; s < count; ++s)
      sequences.push_back(repeated_tokens(front, 0, weights.W_E.shape(0) - 1, period, copies,
                                          words["seed"].as<std::uint64_t>() * 1000 + s));
    const LeftOut left_out{words.count("exclude-bos") > 0, words.count("exclude-current") > 0};
    const ScoreCard card = score_heads<float>(weights, sequences, period, left_out);
    const OutsideOfPatterns outside = outside_of_patterns(weights, sequences, count);
    const std::vector<ScoreDefinition>& definitions = score_definitions();
    const std::size_t layers = card.first.shape(0), per_layer = card.first.shape(1);
    Evaluation gold;
    if (recipe) gold = evaluate(weights, held_out(*recipe, 64));

    if (words.count("json")) {
      ordered_json out{{"model", folder.string()},
                       {"parameters", parameter_count(weights)},
                       {"period", period},
                       {"copies", copies},
                       {"sequences", count}};
      for (std::size_t d = 0; d < definitions.size(); ++d)
        out["scores"].push_back({{"id", definitions[d].id},
                                 {"formula", definitions[d].formula},
                                 {"offsets", definitions[d].offsets},
                                 {"source", definitions[d].source},
                                 {"ceiling", card.ceiling[d]},
                                 {"baseline", card.baseline[d]},
                                 {"values", nested(card.score[d])}});
      out["copying"] = {{"id", "copying.olsson"},
                        {"ceiling", 1.0},
                        {"baseline", 1 / static_cast<double>(outside.sample)},
                        {"tokens", outside.sample},
                        {"values", nested(outside.copying)}};
      out["copies"] = {{"id", "copying.elhage"},
                       {"ceiling", 1.0},
                       {"baseline", 1 / static_cast<double>(outside.tried)},
                       {"tokens", outside.tried},
                       {"values", nested(outside.copies)}};
      out["in_context"] = {{"early", outside.span.early},
                           {"late", outside.span.late},
                           {"score", outside.in_context},
                           {"ceiling", outside.best_in_context},
                           {"without_repeats", outside.without_repeats}};
      out["first"] = nested(card.first);
      out["current"] = nested(card.current);
      out["entropy"] = nested(card.entropy);
      for (const auto& [name, f] : gold.relation)
        out["gold"][name] = {{"edges", f.edges},
                             {"answers", f.answers},
                             {"accuracy", f.accuracy},
                             {"uniform", f.uniform},
                             {"mass", nested(f.mass)}};
      std::printf("%s\n", out.dump(1).c_str());
      return 0;
    }

    std::printf("%s: %zu layers of %zu heads, %zu parameters\n",
                words["model"].as<std::string>().c_str(), layers, per_layer,
                parameter_count(weights));
    std::printf("%zu sequences of %zu random tokens, %zu times each\n\n", count, period, copies);
    std::vector<std::size_t> columns;
    for (std::size_t d = 0; d < definitions.size(); ++d)
      if (words.count("all") ||
          std::find(on_the_card.begin(), on_the_card.end(), definitions[d].id) != on_the_card.end())
        columns.push_back(d);
    const int width = words.count("all") ? 22 : 16;  // the longest id, and 80 columns
    const std::size_t in_a_row = words.count("all") ? 3 : 4;
    const auto heading = [&](std::size_t first, std::size_t end) {
      std::printf("%-8s", "head");
      for (std::size_t c = first; c < end; ++c)
        std::printf(" %*s", width, definitions[columns[c]].id.c_str());
      std::printf("\n");
    };
    for (std::size_t first = 0; first < columns.size(); first += in_a_row) {
      const std::size_t end = std::min(columns.size(), first + in_a_row);
      heading(first, end);
      const auto line = [&](const char* name, const auto& value) {
        std::printf("%-8s", name);
        for (std::size_t c = first; c < end; ++c) std::printf(" %*.3f", width, value(columns[c]));
        std::printf("\n");
      };
      for (std::size_t l = 0; l < layers; ++l)
        for (std::size_t h = 0; h < per_layer; ++h)
          line((std::to_string(l) + "." + std::to_string(h)).c_str(),
               [&](std::size_t d) { return card.score[d](l, h); });
      line("ceiling", [&](std::size_t d) { return card.ceiling[d]; });
      line("uniform", [&](std::size_t d) { return card.baseline[d]; });
      std::printf("\n");
    }
    std::printf("%-8s %13s %13s %13s %13s %13s\n", "head", "first token", "own token", "entropy",
                "copies", "copying");
    for (std::size_t l = 0; l < layers; ++l)
      for (std::size_t h = 0; h < per_layer; ++h)
        std::printf("%-8s %13.3f %13.3f %13.3f %13.3f %13.3f\n",
                    (std::to_string(l) + "." + std::to_string(h)).c_str(), card.first(l, h),
                    card.current(l, h), card.entropy(l, h), outside.copies(l, h),
                    outside.copying(l, h));
    std::printf("%-8s %13s %13s %13s %13.3f %13.3f\n", "ceiling", "", "", "", 1.0, 1.0);
    std::printf("%-8s %13s %13s %13s %13.3f %13.3f\n", "chance", "", "", "",
                1 / static_cast<double>(outside.tried), 1 / static_cast<double>(outside.sample));
    std::printf(
        "\nIn-context learning: %+.3f nats from token %zu to token %zu of what repeats\n"
        "  (learns nothing: 0; certain at the end: %+.3f), %+.3f where nothing repeats.\n",
        outside.in_context, outside.span.early, outside.span.late, outside.best_in_context,
        outside.without_repeats);
    std::printf(
        "\nDefinitions. Ceiling: a perfect head on these tokens; uniform: a head that\n"
        "looks at all earlier tokens alike. Thresholds of one mean nothing in another.\n");
    for (const std::size_t d : columns)
      std::printf("  %-*s %s\n  %-*s %s\n  %-*s %s\n", width, definitions[d].id.c_str(),
                  definitions[d].formula.c_str(), width, "", definitions[d].offsets.c_str(), width,
                  "", definitions[d].source.c_str());
    std::printf("  %-16s of rows, over the log of the visible keys\n", "entropy");
    std::printf("  %-16s tokens whose own logit leads in W_E W_V W_O W_U, no norms\n", "copies");
    std::printf("  %-16s Elhage et al. 2021\n", "");
    std::printf("  %-16s raise of a token's own logit by its value, over what it\n", "copying");
    std::printf("  %-16s raises of all %zu different tokens; Olsson et al. 2022\n", "",
                outside.sample);
    std::printf("  %-16s loss late less loss early (tokens 500 and 50 of 512, at the\n",
                "in-context");
    std::printf("  %-16s same shares of this length); Olsson et al. 2022\n", "");
    if (!recipe) return 0;
    std::printf("\nGold edges in 64 held-out draws of what it was trained on:\n");
    std::istringstream data(recipe->data);
    std::string line, word;
    while (data >> word) {
      if (line.size() + 1 + word.size() > 76) std::printf("  %s\n", line.c_str()), line.clear();
      line += (line.empty() ? "" : " ") + word;
    }
    std::printf("  %s\n", line.c_str());
    std::printf("\n%-18s %8s %10s %16s %10s\n", "relation", "edges", "accuracy", "best head",
                "uniform");
    for (const std::string& name : recipe->relations) {
      const RelationFigures& f = gold.relation.at(name);
      const std::size_t best =
          static_cast<std::size_t>(std::max_element(f.mass.begin(), f.mass.end()) - f.mass.begin());
      char accuracy[16] = "-", head[40];
      if (f.answers > 0) std::snprintf(accuracy, sizeof(accuracy), "%.3f", f.accuracy);
      std::snprintf(head, sizeof(head), "%zu.%zu %.3f", best / per_layer, best % per_layer,
                    f.best());
      std::printf("%-18s %8zu %10s %16s %10.3f\n", name.c_str(), f.edges, accuracy, head,
                  f.uniform);
    }
    return 0;
  } catch (const cxxopts::exceptions::exception& wrong) {
    std::fprintf(stderr, "headlight heads: %s; try --help\n", wrong.what());
    return 2;
  }
}

}  // namespace headlight::cli
