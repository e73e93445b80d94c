#include <cmath>
#include <cstdio>
#include <cxxopts.hpp>
#include <headlight/attention/model.hpp>
#include <nlohmann/json.hpp>

#include "bench.hpp"
#include "bench_weights.hpp"
#include "core/kernels.hpp"

namespace headlight::cli {
namespace {

template <class Values>
double squares(const Values& values) {
  double sum = 0;
  for (const float x : values) sum += double(x) * double(x);
  return sum;
}

bool close(double a, double b) {
  return std::abs(a - b) <= 1e-4 * std::abs(b);  // float sums through all layers
}

struct Contender {
  std::string name;
  std::function<double()> run;  // seconds
  double bytes = 0;             // that it keeps
  std::vector<double> times = {};
};

}  // namespace

int bench_model(int argc, char** argv) {
  cxxopts::Options options(
      "headlight bench model",
      "A model of GPT-2's architecture with everything recorded to memory (float), beside eager "
      "PyTorch with a hook on every stage that Headlight records, in turns.");
  options.add_options()("tokens", "tokens", cxxopts::value<std::size_t>()->default_value("1024"))(
      "layers", "layers", cxxopts::value<std::size_t>()->default_value("12"))(
      "width", "of the model", cxxopts::value<std::size_t>()->default_value("768"))(
      "heads", "heads", cxxopts::value<std::size_t>()->default_value("12"))(
      "vocabulary", "tokens there are", cxxopts::value<std::size_t>()->default_value("50257"))(
      "threads", "threads", cxxopts::value<std::size_t>()->default_value("1"))(
      "runs", "measurements of each", cxxopts::value<std::size_t>()->default_value("4"))(
      "alone", "without the peers")("json", "one JSON object")("help", "this text");
  const auto given = options.parse(argc, argv);
  if (given.count("help")) {
    std::puts(options.help().c_str());
    return 0;
  }
  const auto size = [&](const char* name) { return given[name].as<std::size_t>(); };
  const std::size_t n = size("tokens"), d = size("width"), heads = size("heads");
  const std::size_t layers = size("layers"), vocabulary = size("vocabulary");
  const std::size_t threads = size("threads"), runs = size("runs");
  if (n == 0 || layers == 0 || heads == 0 || d == 0 || d % heads != 0 || vocabulary == 0 ||
      runs == 0) {
    std::fprintf(stderr,
                 "headlight bench model: wanted sizes of at least 1 and heads that divide the "
                 "width, got tokens %zu, layers %zu, width %zu, heads %zu, vocabulary %zu, runs "
                 "%zu\n",
                 n, layers, d, heads, vocabulary, runs);
    return 2;
  }
  const ModelWeightsF weights = gpt2_model(layers, d, heads, vocabulary, n);
  std::vector<std::size_t> ids;
  for (std::size_t i = 0; i < n; ++i) ids.push_back(i * 7919 % vocabulary);
  ModelOptionsOf<float> everything;
  everything.threads = threads;
  const Clock clock = clock_for(threads);
  const double bytes = static_cast<double>(trace_bytes(weights, n));

  ModelTraceF again;
  std::vector<Contender> contenders;
  contenders.push_back(
      {"headlight, trace used again",
       [&] { return seconds(clock, [&] { run_model<float>(ids, weights, everything, again); }); },
       bytes});
  contenders.push_back({"headlight, new trace",
                        [&] {
                          ModelTraceF fresh;
                          return seconds(
                              clock, [&] { run_model<float>(ids, weights, everything, fresh); });
                        },
                        bytes});
  std::vector<std::unique_ptr<Peer>> peers;
  std::string torch_version;
  for (const bool keeps_memory : {false, true}) {
    if (given.count("alone")) break;
    std::vector<std::string> words;
    for (const std::size_t word : {layers, d, heads, vocabulary, n, threads})
      words.push_back(std::to_string(word));
    peers.push_back(start_torch("peer_pytorch_model.py", words, threads, keeps_memory));
    const std::string& greeting = peers.back()->greeting();
    if (greeting.rfind("ready ", 0) != 0) break;
    torch_version = greeting.substr(6);
    const std::size_t place = contenders.size();
    contenders.push_back({keeps_memory ? "PyTorch, keeps memory" : "PyTorch, hooks",
                          [peer = peers.back().get(), place, &contenders] {
                            double took = 0;
                            const std::string answer = peer->ask("run");
                            std::sscanf(answer.c_str(), "%lf %lf", &took, &contenders[place].bytes);
                            return took;
                          }});
  }

  // both sides must have computed the same before anybody is timed
  run_model<float>(ids, weights, everything, again);
  const BlockTraceOf<float>& last = again.blocks.back();
  for (std::size_t p = 0; p + 2 < contenders.size(); ++p) {
    double pattern = 0, residual = 0, logits = 0;
    const std::string answer = peers[p]->ask("check");
    if (std::sscanf(answer.c_str(), "%lf %lf %lf", &pattern, &residual, &logits) != 3 ||
        !close(squares(last.attention.pattern), pattern) ||
        !close(squares(last.residual_post), residual) || !close(squares(again.logits), logits)) {
      std::fprintf(stderr,
                   "headlight bench model: PyTorch does not compute the same model (it says '%s'); "
                   "no time is printed\n",
                   answer.c_str());
      return 1;
    }
  }
  // to and fro: pages that the one before has just given back are cheaper than others
  for (std::size_t run = 0; run < runs; ++run)
    for (std::size_t c = 0; c < contenders.size(); ++c) {
      Contender& now = contenders[run % 2 == 0 ? c : contenders.size() - 1 - c];
      now.times.push_back(now.run());
    }

  if (given.count("json")) {
    nlohmann::ordered_json json{{"tokens", n},
                                {"layers", layers},
                                {"d", d},
                                {"heads", heads},
                                {"vocabulary", vocabulary},
                                {"threads", threads},
                                {"runs", runs},
                                {"kernels", detail::row_kernels<float>().name},
                                {"pytorch", torch_version}};
    for (const Contender& c : contenders)
      json["contenders"].push_back(
          {{"name", c.name},
           {"median", median(c.times)},
           {"spread", spread(c.times)},
           {"bytes_kept", c.bytes},
           {"ratio", median(contenders[0].times) / median(c.times)},
           {"ratio_of_new_trace", median(contenders[1].times) / median(c.times)}});
    std::puts(json.dump(2).c_str());
    return 0;
  }
  std::printf(
      "a whole model with everything recorded, float: %zu tokens, %zu layers, width %zu,\n%zu "
      "heads, vocabulary %zu, threads %zu (%s kernels)\n\n",
      n, layers, d, heads, vocabulary, threads, detail::row_kernels<float>().name);
  std::printf("%-28s %9s %7s %8s %11s %11s\n", "", "median s", "spread", "GB kept", "used again",
              "new trace");
  for (const Contender& c : contenders)
    std::printf("%-28s %9.2f %6.1f%% %8.2f %5.2f of it %5.2f of it\n", c.name.c_str(),
                median(c.times), 100 * spread(c.times), c.bytes / 1e9,
                median(contenders[0].times) / median(c.times),
                median(contenders[1].times) / median(c.times));
  if (torch_version.empty())
    std::puts("\nwithout PyTorch (python3-torch): its ratio is not measured");
  else
    std::printf("\nPyTorch %s, eager, %s kernels, a hook on every stage, results compared\n",
                torch_version.c_str(), torch_kernels());
  return 0;
}

}  // namespace headlight::cli
