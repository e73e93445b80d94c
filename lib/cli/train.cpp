#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <cxxopts.hpp>
#include <filesystem>
#include <headlight/analysis/head_scores.hpp>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/file/safetensors.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/recipes.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "command.hpp"

namespace headlight::cli {
namespace {

namespace fs = std::filesystem;

volatile std::sig_atomic_t interrupted = 0;

std::string text(const char* format, auto... values) {
  char buffer[256];
  std::snprintf(buffer, sizeof(buffer), format, values...);
  return buffer;
}

std::string hex(std::uint64_t value) {
  return text("%016llx", static_cast<unsigned long long>(value));
}

// Losses squeezed into `width` blocks, high to low.
std::string sparkline(const std::vector<double>& losses, std::size_t width) {
  static constexpr const char* blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (losses.empty()) return "";
  const auto [low, high] = std::minmax_element(losses.begin(), losses.end());
  std::string line;
  width = std::min(width, losses.size());
  for (std::size_t c = 0; c < width; ++c) {
    const std::size_t first = c * losses.size() / width, end = (c + 1) * losses.size() / width;
    double mean = 0;
    for (std::size_t i = first; i < end; ++i) mean += losses[i] / static_cast<double>(end - first);
    const double share = *high > *low ? (mean - *low) / (*high - *low) : 0;
    line += blocks[std::min<std::size_t>(7, static_cast<std::size_t>(share * 8))];
  }
  return line;
}

struct Run {
  const Recipe& recipe;
  std::uint64_t seed;
  std::size_t steps;
  fs::path out;
  double rate;
  std::vector<double> losses;
  double seconds_before = 0;  // of processor time, spent before the run was resumed

  double processor_seconds() const {
    return seconds_before + static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  }
};

// Everything that a run needs to go on, in one file: weights, optimiser, losses so far.
void save_state(const Run& run, const TrainerF& trainer) {
  const ModelWeightsF weights = trainer.weights();
  const AdamStateOf<float> state = trainer.state();
  std::vector<float> flat;
  for_each_parameter<float>(weights, [&](const ParameterOf<const float>& p) {
    flat.insert(flat.end(), p.values.begin(), p.values.end());
  });
  SafetensorsFile file;
  file.metadata = {{"recipe", run.recipe.name},
                   {"seed", std::to_string(run.seed)},
                   {"of_steps", std::to_string(run.steps)},
                   {"rate", text("%.17g", run.rate)},
                   {"steps", std::to_string(state.steps)},
                   {"seconds", text("%.3f", run.processor_seconds())}};
  file.tensors.push_back(stored<float>("weights", {flat.size()}, flat.data()));
  file.tensors.push_back(stored<float>("adam.first", {state.first.size()}, state.first.data()));
  file.tensors.push_back(stored<float>("adam.second", {state.second.size()}, state.second.data()));
  file.tensors.push_back(stored<double>("losses", {run.losses.size()}, run.losses.data()));
  write_safetensors(run.out / "training.safetensors", file);
}

void load_state(Run& run, TrainerF& trainer) {
  const fs::path path = run.out / "training.safetensors";
  const SafetensorsFile file = read_safetensors(path);
  const auto meta = [&](const char* key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? std::string("nothing") : found->second;
  };
  const std::map<std::string, std::string> wanted{{"recipe", run.recipe.name},
                                                  {"seed", std::to_string(run.seed)},
                                                  {"of_steps", std::to_string(run.steps)},
                                                  {"rate", text("%.17g", run.rate)}};
  for (const auto& [key, value] : wanted)
    if (meta(key.c_str()) != value)
      throw FileError(path.string() + ": " + key + ": wanted " + value + ", got " +
                      meta(key.c_str()) + "; start again without --resume");
  const auto numbers = [&](const char* name) -> const StoredTensor& {
    const StoredTensor* t = file.find(name);
    if (!t) throw FileError(path.string() + ": the tensor " + name + " is missing");
    return *t;
  };
  const std::vector<float> flat = numbers_of<float>(numbers("weights"));
  AdamStateOf<float> state{numbers_of<float>(numbers("adam.first")),
                           numbers_of<float>(numbers("adam.second")), 0};
  const std::string steps = meta("steps");
  if (steps.empty() || steps.find_first_not_of("0123456789") != std::string::npos ||
      steps.size() > 9 || std::stoul(steps) > run.steps)
    throw FileError(path.string() + ": steps: wanted a whole number up to " +
                    std::to_string(run.steps) + ", got " + steps);
  state.steps = static_cast<std::size_t>(std::stoul(steps));
  ModelWeightsF weights = trainer.weights();
  if (flat.size() != parameter_count(weights))
    throw FileError(path.string() + ": wanted " + std::to_string(parameter_count(weights)) +
                    " weights, got " + std::to_string(flat.size()));
  if (state.first.size() != flat.size() || state.second.size() != flat.size())
    throw FileError(path.string() + ": wanted " + std::to_string(flat.size()) +
                    " means of gradients and of squares, got " +
                    std::to_string(state.first.size()) + " and " +
                    std::to_string(state.second.size()));
  std::size_t next = 0;
  for_each_parameter<float>(weights, [&](const ParameterOf<float>& p) {
    std::copy_n(flat.begin() + static_cast<std::ptrdiff_t>(next), p.values.size(),
                p.values.begin());
    next += p.values.size();
  });
  trainer.resume(weights, state);
  run.losses = numbers_of<double>(numbers("losses"));
  if (run.losses.size() != state.steps)
    throw FileError(path.string() + ": wanted " + steps + " losses, got " +
                    std::to_string(run.losses.size()));
  const auto seconds = file.metadata.find("seconds");
  if (seconds != file.metadata.end())
    run.seconds_before = std::strtod(seconds->second.c_str(), nullptr);
}

void write_words(const fs::path& folder, const std::vector<std::string>& words) {
  if (words.empty()) return;
  nlohmann::ordered_json vocabulary = nlohmann::ordered_json::object();
  for (std::size_t id = 0; id < words.size(); ++id) vocabulary[words[id]] = id;
  write_whole_file(folder / "vocab.json", vocabulary.dump(1) + "\n");
}

// How positions enter, in words.
std::string positions_of(const SmallModel& m) {
  switch (m.position) {
    case Position::learned:
      return text("learned, %zu rows", std::max(m.n, m.n_context));
    case Position::sinusoidal:
      return "sinusoidal";
    case Position::rope:
      return "rotary, base 10000";
    case Position::alibi:
      return "ALiBi";
    case Position::t5:
      return text("T5's, %zu buckets up to distance %zu, one table for all layers",
                  m.buckets.n_buckets, m.buckets.max_distance);
    case Position::shaw:
      return text("Shaw's, on keys and values, offsets up to %zu, a table a head and layer",
                  m.reach);
    case Position::none:
      return "none";
  }
  return "none";
}

// The card: what the model is, how it came about, what it can do beside an untrained one.
std::string card(const Run& run, const ModelWeightsF& weights, const std::string& name,
                 std::size_t steps) {
  const Recipe& r = run.recipe;
  const SmallModel& m = r.model;
  const std::vector<Example> examples = held_out(r, 64);
  const Evaluation now = evaluate(weights, examples);
  const Evaluation before = evaluate(initial_weights(m, run.seed), examples);
  std::string s = "# " + name + "\n\n" + r.title + "\n";
  if (name != r.name) s += "A checkpoint after " + std::to_string(steps) + " steps.\n";
  s += "\n| | |\n|---|---|\n";
  s += "| data | " + r.data + " |\n";
  s += text(
      "| sizes | %zu layers, %zu heads a layer, d_model %zu, feed-forward %s, vocabulary %zu |\n",
      m.n_layers, m.n_heads, m.d_model,
      m.d_hidden == 0            ? "none"
      : m.only_last_feed_forward ? (std::to_string(m.d_hidden) + " in the last layer").c_str()
                                 : std::to_string(m.d_hidden).c_str(),
      m.vocabulary);
  s += "| positions | " + positions_of(m) + " |\n";
  s += text("| parameters | %zu |\n", parameter_count(weights));
  s += text("| seed | %llu", static_cast<unsigned long long>(run.seed));
  s += (run.seed == r.seed && !r.seed_note.empty() ? ", " + r.seed_note : "") + " |\n";
  s += text(
      "| optimiser | AdamW, rate %g, %zu steps of warm-up, cosine to %g of it, gradients clipped "
      "to "
      "length %g |\n",
      run.rate, r.plan.schedule.warm_up, r.plan.schedule.last, r.plan.longest_gradient);
  s += text("| steps | %zu of %zu, %zu sequences of %zu tokens each |\n", steps, run.steps, r.batch,
            m.n);
  if (name == r.name)
    s += text("| time | %.1f s of processor time where it was made |\n", run.processor_seconds());
  s += "| hash | " + hex(parameter_hash(weights)) + " |\n";
  s += "| rebuild | `./headlight train " + r.name + "` |\n\n";
  s += text("Loss on 64 held-out draws: %.3f nats (untrained %.3f).\n", now.loss, before.loss);
  std::vector<std::vector<std::size_t>> texts;
  for (const Example& e : examples)
    if (std::equal(e.ids.begin() + 1, e.ids.end(), e.targets.begin())) texts.push_back(e.ids);
  if (!texts.empty()) {  // it predicts the token that follows
    const ContextSpan span = context_span(m.n);
    s += text(
        "In-context learning, loss at token %zu less loss at token %zu: %+.3f nats (untrained "
        "%+.3f).\n",
        span.late, span.early, in_context_score<float>(weights, texts),
        in_context_score<float>(initial_weights(m, run.seed), texts));
  }
  if (run.losses.size() > 1) {
    s += "\nLoss along training: `" + sparkline(run.losses, 60) + "`\n\n| step |";
    std::string rule = "\n|---|", row = "\n| loss |";
    for (std::size_t i = 0; i <= 10; ++i) {
      const std::size_t step = i * (run.losses.size() - 1) / 10;
      s += text(" %zu |", step);
      rule += "---|";
      row += text(" %.2f |", run.losses[step]);
    }
    s += rule + row + "\n";
  }
  s += "\n| relation | accuracy | untrained | best head's weight on the gold keys | untrained | "
       "uniform head |\n|---|---|---|---|---|---|\n";
  for (const std::string& relation : r.relations) {
    const RelationFigures& f = now.relation.at(relation);
    const RelationFigures& g = before.relation.at(relation);
    s += "| " + relation + " | ";
    s += f.answers ? text("%.3f | %.3f |", f.accuracy, g.accuracy) : std::string("| |");
    s += text(" %.3f | %.3f | %.3f |\n", f.best(), g.best(), f.uniform);
  }
  s += "\nAccuracy: share of queries at which the right token leads among those it competes with. "
       "Weight: mean attention of the query on the tokens that tell the answer.\n";
  if (name == r.name && !r.note.empty()) s += "\n" + r.note + "\n";
  return s;
}

void ship(const Run& run, const fs::path& folder, const ModelWeightsF& weights,
          const std::string& name, std::size_t steps) {
  write_gpt2_folder(folder, weights);
  write_words(folder, run.recipe.words);
  write_whole_file(folder / "card.md", card(run, weights, name, steps));
}

// A checkpoint that cannot be written is no reason to stop: the run goes on, and says so.
bool saved_state(const Run& run, const TrainerF& trainer) {
  try {
    save_state(run, trainer);
    return true;
  } catch (const FileError& reason) {
    std::fprintf(stderr, "headlight train: step %zu: %s; training goes on\n", trainer.steps(),
                 reason.what());
    return false;
  }
}

// Whether the terminal shows more than ASCII.
bool reads_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* locale = std::getenv(name); locale && *locale)
      return std::strstr(locale, "UTF-8") || std::strstr(locale, "utf8");
  return false;
}

// One line of at most 80 columns: a bar, the loss and its curve, the time that is left.
void show_progress(const Run& run, std::size_t step, double seconds, std::size_t steps_here) {
  const double rate = seconds / static_cast<double>(std::max<std::size_t>(1, steps_here));
  const std::string bar(10 * step / run.steps, '#');
  std::fprintf(stderr, "\r%s [%-10s] %zu/%zu  loss %.3f  %s  ETA %.0f s ", run.recipe.name.c_str(),
               bar.c_str(), step, run.steps, run.losses.empty() ? 0.0 : run.losses.back(),
               reads_utf8() ? sparkline(run.losses, 12).c_str() : "",
               rate * static_cast<double>(run.steps - step));
  std::fflush(stderr);
}

std::string shipped_hash(const std::string& name) {
  try {
    return hex(parameter_hash(
        read_gpt2_folder<float>(fs::path(HEADLIGHT_SOURCE) / "lessons" / "models" / name)));
  } catch (const std::exception&) {
    return "";
  }
}

int train_one(const Recipe& recipe, const cxxopts::ParseResult& words) {
  Run run{recipe,
          words.count("seed") ? words["seed"].as<std::uint64_t>() : recipe.seed,
          words.count("steps") ? words["steps"].as<std::size_t>() : recipe.plan.schedule.steps,
          words.count("out") ? fs::path(words["out"].as<std::string>())
                             : fs::path(HEADLIGHT_SOURCE) / ".headlight" / "models" / recipe.name,
          words.count("rate") ? words["rate"].as<double>() : recipe.plan.schedule.peak,
          {}};
  if (run.steps == 0 || !(run.rate > 0))
    throw std::invalid_argument("wanted at least one step and a positive rate");
  TrainingPlan plan = recipe.plan;
  plan.schedule.steps = run.steps;
  plan.schedule.peak = run.rate;
  plan.threads = words["threads"].as<std::size_t>();
  plan.seed = run.seed;
  TrainerF trainer(initial_weights(recipe.model, run.seed), plan);
  std::error_code error;
  fs::create_directories(run.out, error);
  if (error) throw FileError(run.out.string() + ": cannot be made: " + error.message());
  if (words.count("resume")) load_state(run, trainer);

  const std::string shipped = shipped_hash(recipe.name);  // before it may be overwritten
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  interrupted = 0;
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is said as a full disk is
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  std::size_t last_saved = words.count("resume") ? trainer.steps() : 0;
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const std::size_t first_step = trainer.steps();
  const auto snapshot = [&](std::size_t step) {
    if (std::find(recipe.snapshots.begin(), recipe.snapshots.end(), step) == recipe.snapshots.end())
      return;
    const std::string name = text("%s-step-%03zu", recipe.name.c_str(), step);
    ship(run, run.out.parent_path() / name, trainer.weights(), name, step);
  };
  if (first_step == 0) snapshot(0);
  double shown = -1;
  while (trainer.steps() < run.steps) {
    const std::size_t step = trainer.steps();
    const double loss = trainer.step(training_batch(recipe, run.seed, step));
    const double first_loss = run.losses.empty() ? loss : run.losses.front();
    if (!std::isfinite(loss) || loss > 3 * first_loss + 3) {  // the last checkpoint stays
      const std::string what = std::isfinite(loss) ? text("grows to %.3g: the run diverges", loss)
                                                   : std::string("is not a number");
      const std::string kept = last_saved == 0
                                   ? "nothing was kept yet"
                                   : text("training.safetensors holds step %zu", last_saved);
      std::fprintf(stderr, "%sheadlight train: step %zu: the loss %s; %s; try a smaller --rate\n",
                   is_terminal ? "\n" : "", step, what.c_str(), kept.c_str());
      return 1;
    }
    run.losses.push_back(loss);
    snapshot(trainer.steps());
    const bool finished = trainer.steps() == run.steps;
    if (is_terminal && (elapsed() - shown > 0.1 || finished)) {
      shown = elapsed();
      show_progress(run, trainer.steps(), shown, trainer.steps() - first_step);
    }
    if (interrupted && !finished) {
      save_state(run, trainer);
      write_gpt2_folder(run.out, trainer.weights());
      std::fprintf(
          stderr,
          "%sheadlight train: interrupted after step %zu; go on with: headlight train %s --resume "
          "--seed %llu --steps %zu --rate %g --out %s\n",
          is_terminal ? "\n" : "", trainer.steps(), recipe.name.c_str(),
          static_cast<unsigned long long>(run.seed), run.steps, run.rate, run.out.c_str());
      return 130;
    }
    if (trainer.steps() % 200 == 0 && !finished && saved_state(run, trainer))
      last_saved = trainer.steps();
  }
  if (is_terminal) std::fputs("\n", stderr);
  const double time = elapsed();
  const ModelWeightsF weights = trainer.weights();
  ship(run, run.out, weights, recipe.name, run.steps);
  fs::remove(run.out / "training.safetensors", error);
  const std::string hash = hex(parameter_hash(weights));
  std::printf("%s: %zu steps in %.1f s, loss %.3f, hash %s%s\n%s\n", recipe.name.c_str(), run.steps,
              time, run.losses.empty() ? std::nan("") : run.losses.back(), hash.c_str(),
              shipped.empty()   ? ""
              : shipped == hash ? ", the shipped model bit for bit"
                                : ", other bits than the shipped model",
              run.out.c_str());
  return 0;
}

}  // namespace

int train(int argc, char** argv) {
  cxxopts::Options options("headlight train",
                           "Trains one of the lessons' models from nothing, or all of them.");
  options.add_options()("name", "which model, or all", cxxopts::value<std::string>())(
      "steps", "stop after so many steps (the schedule is shortened)",
      cxxopts::value<std::size_t>())("seed", "of weights and data",
                                     cxxopts::value<std::uint64_t>())(
      "out",
      "folder to write; checkpoints kept along the way lie beside it (default "
      ".headlight/models/NAME)",
      cxxopts::value<std::string>())("threads", "how many to use; the result does not depend on it",
                                     cxxopts::value<std::size_t>()->default_value("2"))(
      "resume", "go on from the folder's training.safetensors")("list", "list the models")(
      "h,help", "this text");
  options.parse_positional({"name"});
  options.positional_help("NAME");
  options.add_options()("rate", "peak of the rate, instead of the recipe's",
                        cxxopts::value<double>());
  try {
    const auto words = options.parse(argc, argv);
    if (words.count("help")) {
      std::fputs(options.help().c_str(), stdout);
      return 0;
    }
    if (words.count("list")) {
      for (const Recipe& r : recipes()) std::printf("%-22s %s\n", r.name.c_str(), r.title.c_str());
      return 0;
    }
    if (!words.count("name")) throw std::invalid_argument("wanted the name of a model; see --list");
    const std::string name = words["name"].as<std::string>();
    if (name != "all") return train_one(find_recipe(name), words);
    if (words.count("out") || words.count("resume"))
      throw std::invalid_argument(
          "all models go to .headlight/models: leave out --out and --resume");
    for (const Recipe& recipe : recipes())
      if (const int status = train_one(recipe, words); status != 0) return status;
    return 0;
  } catch (const cxxopts::exceptions::exception& wrong) {
    std::fprintf(stderr, "headlight train: %s; try --help\n", wrong.what());
    return 2;
  }
}

}  // namespace headlight::cli
