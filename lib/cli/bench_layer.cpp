#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cxxopts.hpp>
#include <headlight/attention/block.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench.hpp"
#include "bench_peers.hpp"
#include "bench_weights.hpp"
#include "core/kernels.hpp"

namespace headlight::cli {
namespace {

struct Sums {
  double residual = 0, residual_squares = 0, pattern_squares = 0;
};

template <class Pattern>
Sums sums_of(const MatrixF& residual, const Pattern& pattern) {
  Sums s;
  for (const float x : residual) s.residual += x, s.residual_squares += double(x) * double(x);
  for (const float p : pattern) s.pattern_squares += double(p) * double(p);
  return s;
}

bool agree(const Sums& a, const Sums& b) {
  const auto close = [](double x, double y) { return std::abs(x - y) <= 1e-4 * std::abs(y); };
  return close(a.residual_squares, b.residual_squares) &&
         close(a.pattern_squares, b.pattern_squares);
}

// cxxopts knows a letter only after one dash: --n 512 and --n=512 are read as -n 512.
std::vector<std::string> with_single_dashes(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    const bool is_letter =
        word.size() >= 3 && word.rfind("--", 0) == 0 && (word.size() == 3 || word[3] == '=');
    words.push_back(is_letter ? word.substr(1, 2) : word);
    if (is_letter && word.size() > 3) words.push_back(word.substr(4));
  }
  return words;
}

struct Contender {
  std::string name;
  std::function<double()> run;  // seconds of one run; negative when it failed
  std::vector<double> times = {};
};

}  // namespace

int bench_layer(int argc, char** argv) {
  cxxopts::Options options(
      "headlight bench layer",
      "Times the attention layer with its record (float): norm, Q, K, V, scores, masked "
      "scores, pattern, z, concatenation, W_O, residual.");
  options.add_options()("n", "tokens", cxxopts::value<std::size_t>()->default_value("512"))(
      "d", "width of the model", cxxopts::value<std::size_t>()->default_value("768"))(
      "heads", "heads", cxxopts::value<std::size_t>()->default_value("12"))(
      "threads", "threads", cxxopts::value<std::size_t>()->default_value("1"))(
      "runs", "measurements of each", cxxopts::value<std::size_t>()->default_value("11"))(
      "full", "record every stage, beside the essential record")(
      "no-slow-peers", "leave out the two C++ peers")("json", "one JSON object")("help",
                                                                                 "this text");
  const std::vector<std::string> words = with_single_dashes(argc, argv);
  std::vector<const char*> letters;
  for (const std::string& word : words) letters.push_back(word.c_str());
  const auto given = options.parse(static_cast<int>(letters.size()), letters.data());
  if (given.count("help")) {
    std::puts(options.help().c_str());
    return 0;
  }
  const auto n = given["n"].as<std::size_t>(), d = given["d"].as<std::size_t>();
  const auto heads = given["heads"].as<std::size_t>(), threads = given["threads"].as<std::size_t>();
  const auto runs = given["runs"].as<std::size_t>();
  if (n == 0 || heads == 0 || d == 0 || d % heads != 0 || runs == 0) {
    std::fprintf(stderr,
                 "headlight bench layer: wanted n, d, heads, runs of at least 1 and heads that "
                 "divide d, got n %zu, "
                 "d %zu, heads %zu, runs %zu\n",
                 n, d, heads, runs);
    return 2;
  }

  const BlockWeightsOf<float> weights = attention_block(d, heads, 0);
  const MatrixF x = formula(n, d, 0, 1);
  AttentionOptionsOf<float> essential;
  essential.causal = true, essential.threads = threads, essential.record = Record::essential;
  AttentionOptionsOf<float> full = essential;
  full.record = Record::everything;
  BlockTraceOf<float> trace, full_trace;
  PeerRecord loops;

  const Clock clock = clock_for(threads);
  std::vector<Contender> contenders;
  contenders.push_back({"headlight", [&] {
                          return seconds(clock, [&] { run_block(x, weights, essential, trace); });
                        }});
  if (given.count("full"))
    contenders.push_back({"headlight, every stage", [&] {
                            return seconds(clock, [&] { run_block(x, weights, full, full_trace); });
                          }});
  if (!given.count("no-slow-peers")) {
    contenders.push_back({"loops as in llm.c", [&] {
                            return seconds(clock, [&] { layer_in_loops(x, weights, loops); });
                          }});
    contenders.push_back({"xtensor expressions",
                          [&] { return seconds(clock, [&] { layer_in_xtensor(x, weights); }); }});
  }
  std::vector<std::unique_ptr<Peer>> peers;
  std::string torch_version;
  const auto add_torch = [&](const std::string& name, bool keeps_memory, bool every) {
    std::vector<std::string> sizes = {"layer", std::to_string(n), std::to_string(d),
                                      std::to_string(heads), std::to_string(threads)};
    if (every) sizes.push_back("every");
    auto peer = start_torch("peer_pytorch.py", sizes, threads, keeps_memory);
    if (peer->greeting().rfind("ready ", 0) != 0) return;
    torch_version = peer->greeting().substr(6);
    contenders.push_back({name, [p = peer.get()] {
                            const std::string answer = p->ask("run");
                            return answer.empty() ? -1.0 : std::atof(answer.c_str());
                          }});
    peers.push_back(std::move(peer));
  };
  add_torch("PyTorch, eager", false, false);
  add_torch("PyTorch, keeps memory", true, false);
  if (given.count("full")) add_torch("PyTorch, every stage", false, true);

  // both sides must have computed the same before anybody is timed
  run_block(x, weights, essential, trace);
  const Sums ours = sums_of(trace.residual_post, trace.attention.pattern);
  bool same = true;
  for (const auto& peer : peers) {
    Sums theirs;
    const std::string answer = peer->ask("check");
    same = same &&
           std::sscanf(answer.c_str(), "%lf %lf %lf", &theirs.residual, &theirs.residual_squares,
                       &theirs.pattern_squares) == 3 &&
           agree(ours, theirs);
  }
  if (!given.count("no-slow-peers")) {
    layer_in_loops(x, weights, loops);
    const PeerRecord expressions = layer_in_xtensor(x, weights);
    same = same && agree(ours, sums_of(loops.residual, loops.pattern)) &&
           agree(ours, sums_of(expressions.residual, expressions.pattern));
  }
  if (!same) {
    std::fprintf(
        stderr,
        "headlight bench layer: the peers do not compute the same layer; no time is printed\n");
    return 1;
  }

  LimitMeter meter(threads);
  for (std::size_t run = 0; run < runs + 2; ++run) {  // two rounds warm the caches
    meter.measure();
    for (Contender& c : contenders) {
      if (threads > 1) {  // the last one's threads are still awake: OpenBLAS's for some 30 ms
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        c.run();
      }
      const double time = c.run();
      if (run >= 2) c.times.push_back(time);
    }
  }

  const Limits limits = meter.limits();
  const double nn = static_cast<double>(n), dd = static_cast<double>(d),
               hh = static_cast<double>(heads);
  const double products = 8 * nn * dd * dd + 2 * nn * nn * dd + nn * nn * dd;
  const double record = 4 * (3 * hh * nn * nn + 9 * nn * dd);  // bytes
  const double exponentials = hh * nn * nn / 2;
  const double best =
      products / limits.flops + record / limits.store_bytes + exponentials / limits.exp_per_second;
  const double ours_time = median(contenders[0].times);
  if (given.count("json")) {
    nlohmann::ordered_json json{{"n", n},
                                {"d", d},
                                {"heads", heads},
                                {"threads", threads},
                                {"runs", runs},
                                {"kernels", detail::row_kernels<float>().name},
                                {"blas", blas_kernels()},
                                {"pytorch", torch_version}};
    json["limits"] = {{"flops", limits.flops},
                      {"store_bytes", limits.store_bytes},
                      {"exp_per_second", limits.exp_per_second}};
    json["roofline_seconds"] = best;
    json["roofline_share"] = best / ours_time;
    for (const Contender& c : contenders)
      json["contenders"].push_back({{"name", c.name},
                                    {"median", median(c.times)},
                                    {"spread", spread(c.times)},
                                    {"ratio", ours_time / median(c.times)}});
    std::puts(json.dump(2).c_str());
    return 0;
  }
  std::printf(
      "traced attention layer, float, causal, %s kernels\n"
      "n %zu, d %zu, heads %zu, threads %zu\n\n",
      detail::row_kernels<float>().name, n, d, heads, threads);
  std::printf("%-24s %10s %8s %22s\n", "", "median ms", "spread", "headlight takes");
  for (const Contender& c : contenders)
    std::printf("%-24s %10.3f %7.1f%% %18.2f of it\n", c.name.c_str(), 1e3 * median(c.times),
                100 * spread(c.times), ours_time / median(c.times));
  std::printf("\nno-overlap roofline, ms: products %.3f, stores %.3f, exponentials %.3f\n",
              1e3 * products / limits.flops, 1e3 * record / limits.store_bytes,
              1e3 * exponentials / limits.exp_per_second);
  std::printf("headlight reaches %.0f %% of it\n", 100 * best / ours_time);
  if (torch_version.empty())
    std::puts("PyTorch is not installed (python3-torch): its ratio is not measured");
  else
    std::printf(
        "PyTorch %s, eager, %s kernels, the same record kept, results compared;\n"
        "all with OpenBLAS's %s kernels\n",
        torch_version.c_str(), torch_kernels(), blas_kernels().c_str());
  return 0;
}

int bench_limits(int argc, char** argv) {
  cxxopts::Options options("headlight bench limits", "What this machine can do at best.");
  options.add_options()("threads", "threads", cxxopts::value<std::size_t>()->default_value("1"))(
      "json", "one JSON object")("help", "this text");
  const auto given = options.parse(argc, argv);
  if (given.count("help")) {
    std::puts(options.help().c_str());
    return 0;
  }
  LimitMeter meter(given["threads"].as<std::size_t>());
  for (int turn = 0; turn < 9; ++turn) meter.measure();
  const Limits limits = meter.limits();
  if (given.count("json")) {
    std::puts(nlohmann::ordered_json{{"flops", limits.flops},
                                     {"store_bytes", limits.store_bytes},
                                     {"exp_per_second", limits.exp_per_second}}
                  .dump(2)
                  .c_str());
    return 0;
  }
  std::printf("float products (1024 square)   %8.1f GFLOP/s\n", limits.flops / 1e9);
  std::printf("stores past the caches         %8.1f GB/s\n", limits.store_bytes / 1e9);
  std::printf("exponentials (%s)%*s %8.2f a nanosecond\n", detail::row_kernels<float>().name,
              static_cast<int>(15 - std::string(detail::row_kernels<float>().name).size()), "",
              limits.exp_per_second / 1e9);
  return 0;
}

}  // namespace headlight::cli
