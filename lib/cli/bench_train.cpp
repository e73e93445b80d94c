#include <cstdio>
#include <cxxopts.hpp>
#include <headlight/core/random.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/trainer.hpp>

#include "bench.hpp"

namespace headlight::cli {
namespace {

struct Sizes {
  std::size_t layers = 2, d = 128, heads = 4, hidden = 512, vocabulary = 200, sequences = 32,
              n = 64;
};

// GPT-2's architecture: LayerNorm, biases, learned positions, GELU's tanh form, tied unembedding.
ModelWeightsF gpt2(const Sizes& s) {
  Random random(1);
  const auto filled = [](std::size_t size, float value) {
    VectorF v = VectorF::from_shape({size});
    std::fill(v.begin(), v.end(), value);
    return v;
  };
  const auto norm = [&] {
    return NormWeightsOf<float>{filled(s.d, 1), filled(s.d, 0), 1e-5f, Norm::layer};
  };
  ModelWeightsF w;
  w.W_E = random_matrix<float>(random, s.vocabulary, s.d, 0.02);
  w.W_pos = random_matrix<float>(random, s.n, s.d, 0.02);
  for (std::size_t l = 0; l < s.layers; ++l) {
    BlockWeightsOf<float> b;
    b.norm1 = norm(), b.norm2 = norm();
    MultiHeadWeightsOf<float>& a = b.attention;
    a.n_heads = s.heads;
    for (MatrixF* m : {&a.W_Q, &a.W_K, &a.W_V, &a.W_O})
      *m = random_matrix<float>(random, s.d, s.d, 0.02);
    for (VectorF* v : {&a.b_Q, &a.b_K, &a.b_V, &a.b_O}) *v = filled(s.d, 0);
    b.feed_forward = FeedForwardWeightsOf<float>{
        random_matrix<float>(random, s.d, s.hidden, 0.02), filled(s.hidden, 0),
        random_matrix<float>(random, s.hidden, s.d, 0.02), filled(s.d, 0), Activation::gelu_new};
    w.blocks.push_back(std::move(b));
  }
  w.norm_final = norm();
  return w;
}

}  // namespace

int bench_train(int argc, char** argv) {
  cxxopts::Options options(
      "headlight bench train",
      "One training step (2 layers, d 128, 4 heads, feed-forward 512, vocabulary "
      "200, 32 sequences of 64, float) beside eager PyTorch, in turns.");
  options.add_options()("rounds", "steps of each",
                        cxxopts::value<std::size_t>()->default_value("40"))(
      "threads", "of each", cxxopts::value<std::size_t>()->default_value("1"))(
      "alone", "without the peer")("h,help", "this text");
  const auto words = options.parse(argc, argv);
  if (words.count("help")) {
    std::fputs(options.help().c_str(), stdout);
    return 0;
  }
  const std::size_t rounds = words["rounds"].as<std::size_t>();
  const std::size_t threads = words["threads"].as<std::size_t>();
  const Sizes s;
  TrainingPlan plan;
  plan.threads = threads;
  plan.schedule = {1e-3, 0, 100000, 1};
  plan.adam.decay = 0.01;
  TrainerF trainer(gpt2(s), plan);
  std::unique_ptr<Peer> peer;
  if (!words.count("alone")) {
    std::vector<std::string> words_of_peer;
    for (const std::size_t size :
         {s.layers, s.d, s.heads, s.hidden, s.vocabulary, s.sequences, s.n, threads})
      words_of_peer.push_back(std::to_string(size));
    peer = start_torch("peer_pytorch_train.py", words_of_peer, threads, false);
    if (peer->greeting().rfind("ready", 0) != 0) {
      std::fputs(
          "headlight bench train: PyTorch does not start (Debian: python3-torch); use --alone\n",
          stderr);
      return 2;
    }
  }
  Random random(2);
  std::vector<double> ours, theirs;
  for (std::size_t round = 0; round < rounds + 3; ++round) {
    Batch batch{s.sequences, s.n, {}, {}, {}};
    for (std::size_t t = 0; t < s.sequences * s.n; ++t) {
      batch.ids.push_back(random.below(s.vocabulary));
      batch.targets.push_back(random.below(s.vocabulary));
    }
    const double time = seconds(clock_for(threads), [&] { trainer.step(batch); });
    const double peer_time = peer ? std::atof(peer->ask("run").c_str()) : 0;
    if (round < 3) continue;  // the first steps fill memory
    ours.push_back(time);
    if (peer) theirs.push_back(peer_time);
  }
  const std::size_t parameters = parameter_count(trainer.weights());
  const double tokens = static_cast<double>(s.sequences * s.n);
  const double per_layer = static_cast<double>(8 * s.d * s.d + 4 * s.n * s.d + 4 * s.d * s.hidden);
  const double operations =
      3 * tokens *
      (static_cast<double>(s.layers) * per_layer + static_cast<double>(2 * s.d * s.vocabulary));
  std::printf("one training step, %zu parameters, %zu thread%s, median of %zu\n", parameters,
              threads, threads == 1 ? "" : "s", rounds);
  std::printf("  headlight  %7.2f ms  (spread %.0f %%, %.0f GFLOP/s)\n", 1e3 * median(ours),
              100 * spread(ours), operations / median(ours) / 1e9);
  if (!peer) return 0;
  std::printf("  PyTorch    %7.2f ms  (spread %.0f %%, %s)\n", 1e3 * median(theirs),
              100 * spread(theirs), peer->greeting().substr(6).c_str());
  std::printf("  ratio      %7.2f     (target at most 0.85)\n", median(ours) / median(theirs));
  return 0;
}

}  // namespace headlight::cli
