#include <atomic>
#include <headlight/core/parallel.hpp>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using headlight::parallel_for;

TEST_CASE("parallel_for: every piece is done exactly once", "[parallel]") {
  for (const std::size_t threads : {0u, 1u, 2u, 5u}) {
    std::vector<std::atomic<int>> done(1000);
    parallel_for(done.size(), threads, [&](std::size_t i) { ++done[i]; });
    int wrong = 0;
    for (const auto& count : done) wrong += count != 1;
    CHECK(wrong == 0);
  }
}

TEST_CASE("parallel_for: a call within a call runs in place", "[parallel]") {
  std::atomic<int> done = 0;
  parallel_for(4, 2, [&](std::size_t) { parallel_for(3, 2, [&](std::size_t) { ++done; }); });
  CHECK(done == 12);
}

TEST_CASE("parallel_for: a failing piece is reported, and the next call works",
          "[parallel][error]") {
  CHECK_THROWS_WITH(parallel_for(8, 2,
                                 [](std::size_t i) {
                                   if (i == 3) throw std::runtime_error("piece 3 failed");
                                 }),
                    "piece 3 failed");
  std::atomic<int> done = 0;
  parallel_for(8, 2, [&](std::size_t) { ++done; });
  CHECK(done == 8);
}
