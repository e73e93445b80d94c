#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cxxopts.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/parallel.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/flash.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "bench.hpp"
#include "core/kernels.hpp"

namespace headlight::cli {
namespace {

Tensor3F heads(std::size_t n_heads, std::size_t n, std::size_t d, float k) {
  Tensor3F t = Tensor3F::from_shape({n_heads, n, d});
  for (std::size_t c = 0; c < t.size(); ++c)
    t.data()[c] = std::sin(k + 0.37f * static_cast<float>(c % 10007));
  return t;
}

// The plain way: all scores of a head at once, softmax over whole rows, then the values.
Tensor3F plain_attention(const Tensor3F& q, const Tensor3F& k, const Tensor3F& v, bool causal,
                         std::size_t threads) {
  const std::size_t h = q.shape(0), n = q.shape(1), d = q.shape(2);
  const detail::RowKernels<float>& kernels = detail::row_kernels<float>();
  Tensor3F scores = Tensor3F::from_shape({h, n, n}), y = Tensor3F::from_shape({h, n, v.shape(2)});
  parallel_for(h, threads, [&](std::size_t head) {
    multiply<float>(1 / std::sqrt(static_cast<float>(d)), head_view(q, head),
                    transposed(head_view(k, head)), 0.0f, head_view(scores, head));
    for (std::size_t i = 0; i < n; ++i) {
      float* row = head_view(scores, head).data + i * n;
      if (causal) std::fill(row + i + 1, row + n, -std::numeric_limits<float>::infinity());
      kernels.exp(row, kernels.max(row, n), row, n);
      kernels.divide(row, kernels.sum(row, n), row, n);
    }
    multiply<float>(1.0f, head_view(std::as_const(scores), head), head_view(v, head), 0.0f,
                    head_view(y, head));
  });
  return y;
}

struct Measured {
  double seconds = 0, bytes = 0, check = 0;
};

// Runs in a process of its own, so that its peak of memory is its own.
Measured in_child(std::size_t runs, Clock clock, const std::function<Tensor3F()>& work) {
  int ends[2];
  Measured measured;
  if (pipe(ends) != 0) return measured;
  const pid_t child = fork();
  if (child == 0) {
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    std::vector<double> times;
    for (std::size_t run = 0; run < runs; ++run) {
      Tensor3F y;
      times.push_back(seconds(clock, [&] { y = work(); }));
      double squares = 0;
      for (const float x : y) squares += double(x) * double(x);
      measured.check = squares;
    }
    getrusage(RUSAGE_SELF, &after);
    measured.seconds = median(times);
    measured.bytes = 1024.0 * static_cast<double>(after.ru_maxrss - before.ru_maxrss);
    const ssize_t written = write(ends[1], &measured, sizeof measured);
    _exit(written == static_cast<ssize_t>(sizeof measured) ? 0 : 1);
  }
  close(ends[1]);
  if (read(ends[0], &measured, sizeof measured) != static_cast<ssize_t>(sizeof measured))
    measured = {};
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return measured;
}

}  // namespace

int bench_flash(int argc, char** argv) {
  cxxopts::Options options("headlight bench flash",
                           "Attention without a record, by tiles and the plain way (float).");
  options.add_options()(
      "tokens", "tokens, several with commas",
      cxxopts::value<std::vector<std::size_t>>()->default_value("1024,2048,4096,8192"))(
      "heads", "heads", cxxopts::value<std::size_t>()->default_value("8"))(
      "d-head", "width of a head", cxxopts::value<std::size_t>()->default_value("64"))(
      "causal", "hide the future")("threads", "threads",
                                   cxxopts::value<std::size_t>()->default_value("1"))(
      "runs", "measurements of each", cxxopts::value<std::size_t>()->default_value("3"))(
      "query-block", "rows of a tile", cxxopts::value<std::size_t>())(
      "key-block", "columns of a tile", cxxopts::value<std::size_t>())("json", "one JSON object")(
      "help", "this text");
  const auto given = options.parse(argc, argv);
  if (given.count("help")) {
    std::puts(options.help().c_str());
    return 0;
  }
  const auto h = given["heads"].as<std::size_t>(), d = given["d-head"].as<std::size_t>();
  const auto threads = given["threads"].as<std::size_t>(), runs = given["runs"].as<std::size_t>();
  const bool causal = given.count("causal") > 0, as_json = given.count("json") > 0;
  FlashOptions tile{.causal = causal, .threads = threads};
  if (given.count("query-block")) tile.query_block = given["query-block"].as<std::size_t>();
  if (given.count("key-block")) tile.key_block = given["key-block"].as<std::size_t>();
  nlohmann::ordered_json json{
      {"heads", h}, {"d_head", d}, {"causal", causal}, {"threads", threads}};
  if (!as_json)
    std::printf(
        "attention without a record, float, %zu heads of %zu%s, threads %zu (%s kernels)\n\n%8s "
        "%12s %12s %8s %14s %14s\n",
        h, d, causal ? ", causal" : "", threads, detail::row_kernels<float>().name, "tokens",
        "tiles ms", "plain ms", "ratio", "tiles MB over", "plain MB over");
  for (const std::size_t n : given["tokens"].as<std::vector<std::size_t>>()) {
    const Tensor3F q = heads(h, n, d, 0), k = heads(h, n, d, 1), v = heads(h, n, d, 2);
    const double argument_bytes = 3 * 4 * static_cast<double>(h * n * d),
                 result_bytes = argument_bytes / 3;
    const Measured tiles =
        in_child(runs, clock_for(threads), [&] { return flash_attention(q, k, v, tile).output; });
    const Measured plain = in_child(runs, clock_for(threads),
                                    [&] { return plain_attention(q, k, v, causal, threads); });
    if (tiles.seconds == 0 || plain.seconds == 0 ||
        std::abs(tiles.check - plain.check) > 1e-3 * plain.check) {
      std::fprintf(
          stderr,
          "headlight bench flash: at %zu tokens the two ways do not agree; no time is printed\n",
          n);
      return 1;
    }
    json["sizes"].push_back({{"tokens", n},
                             {"tiles_seconds", tiles.seconds},
                             {"plain_seconds", plain.seconds},
                             {"ratio", tiles.seconds / plain.seconds},
                             {"tiles_bytes_grown", tiles.bytes},
                             {"plain_bytes_grown", plain.bytes},
                             {"inputs_and_outputs_bytes", argument_bytes + result_bytes},
                             {"peak_over_inputs_and_outputs",
                              (argument_bytes + tiles.bytes) / (argument_bytes + result_bytes)}});
    if (!as_json)
      std::printf("%8zu %12.2f %12.2f %8.2f %14.1f %14.1f\n", n, 1e3 * tiles.seconds,
                  1e3 * plain.seconds, tiles.seconds / plain.seconds, tiles.bytes / 1e6,
                  plain.bytes / 1e6);
  }
  if (as_json)
    std::puts(json.dump(2).c_str());
  else
    std::puts(
        "\nMB over: memory that the run added to its inputs, outputs included; each way runs in "
        "its own process");
  return 0;
}

}  // namespace headlight::cli
