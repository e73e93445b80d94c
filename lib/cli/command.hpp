/// @file
/// The commands of the `headlight` tool: each takes its own words and returns the exit status.
#pragma once

namespace headlight::cli {

/// Measures speed side by side with peers. @param argc  count of words  @param argv  "bench",
/// subcommand, options
/// @return 0 measured, 2 wrong usage
int bench(int argc, char** argv);

/// Trains a model of the lessons. @param argc  count of words  @param argv  "train", name, options
/// @return 0 trained, 1 the run failed, 2 wrong usage or unusable files, 130 interrupted
int train(int argc, char** argv);

}  // namespace headlight::cli
