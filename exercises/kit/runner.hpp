/// @file
/// What the driver asked of the runner, and the private pipe on which the runner answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace headlight::course {

/// What is asked of one run.
struct Asked {
  std::uint64_t seed = 1;              ///< of the fresh inputs
  std::string as = {};                 ///< a mutant's id in place of the learner's function
  std::string mode = "judge";          ///< judge, explain (one cell), stages (all numbers)
  std::string stage = {};              ///< explain: of which stage; empty: the first wrong one
  std::vector<std::size_t> cell = {};  ///< explain: which cell; empty: the worst one
};

/// @return what is asked of this run
Asked& asked();

/// Sends one line to the driver.
/// @param verdict  an object; the nonce of the run is added
void deliver(nlohmann::json verdict);

}  // namespace headlight::course
