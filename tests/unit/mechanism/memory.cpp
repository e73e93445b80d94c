// What mechanisms hold in memory, counted by this program's own operator new.
#include <headlight/core/random.hpp>
#include <headlight/mechanism/catalogue.hpp>
#include <headlight/mechanism/local.hpp>

#include "cli/counted_memory.hpp"
#include "support/catch.hpp"

using namespace headlight;

namespace {

struct Held {
  std::size_t together = 0, in_one_block = 0;  // numbers, beside the input
};

Held held_by(const char* id, std::size_t n) {
  Random random(n);
  const MechanismInput x = {random_matrix(random, n, 8), random_matrix(random, n, 8),
                            random_matrix(random, n, 4)};
  MechanismSettings settings;
  settings.record_tiles = false;  // a record of every tile grows with n^2 / tile
  const Mechanism& row = mechanism(id);
  const cli::HeldMemory held = cli::memory_of([&] { row.run(x, settings); });
  return {held.together / sizeof(double), held.in_one_block / sizeof(double)};
}

constexpr const char* never_square[] = {"local",   "bigbird", "longformer", "linear", "performer",
                                        "flash",   "s4",      "s4_fourier", "mamba",  "hashing",
                                        "routing", "mixer",   "fourier",    "hydra"};
constexpr const char* square[] = {"full", "multi_head", "cross", "relative", "alibi"};

}  // namespace

TEST_CASE("memory: what should not be n x n never is, in one block or all together", "[memory]") {
  const std::size_t n = 1024;
  for (const char* id : never_square) {
    INFO(id);
    const Held held = held_by(id, n);
    CHECK(held.in_one_block < n * n / 8);
    CHECK(held.together < n * n / 2);
  }
}

TEST_CASE("memory: those that compare all pairs do hold their scores", "[memory][control]") {
  const std::size_t n = 1024;
  for (const char* id : square) {
    INFO(id);
    CHECK(held_by(id, n).in_one_block >= n * n / 2);  // cross-attention: half as many sources
  }
}

TEST_CASE("memory: twice the tokens, twice the memory, where all pairs take four times",
          "[memory][law]") {
  const auto growth = [](const char* id) {
    held_by(id, 1024);  // what is kept from call to call counts only where it grows
    const double half = static_cast<double>(held_by(id, 1024).together);
    return static_cast<double>(held_by(id, 2048).together) / half;
  };
  for (const char* id : {"local", "longformer", "linear", "performer", "flash", "s4", "mamba"}) {
    INFO(id);
    CHECK(growth(id) < 2.1);
  }
  for (const char* id : square) {
    INFO(id);
    CHECK(growth(id) > 3.5);
  }
}

TEST_CASE("memory: a rolling cache takes nothing more, however long the stream", "[memory][law]") {
  Random random(1);
  RollingCache cache(16, 8, 4);
  const Vector q = random_vector(random, 8), k = random_vector(random, 8),
               v = random_vector(random, 4);
  const auto after = [&](int tokens) {
    return cli::memory_of([&] {
      for (int token = 0; token < tokens; ++token) cache.step(q, k, v);
    });
  };
  after(16);
  CHECK(after(2000).together == after(16).together);
  CHECK(after(2000).in_one_block / sizeof(double) <= 32);
}
