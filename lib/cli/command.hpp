/// @file
/// The commands of the `headlight` tool: each takes its own words and returns the exit status.
#pragma once

namespace headlight::cli {

/// Records a model. @param argc  count of words  @param argv  "trace", options
/// @return 0 recorded, 1 --verify found a stage that disagrees, 2 wrong usage or unusable files
int trace(int argc, char** argv);

/// Compares trace files. @param argc  count of words  @param argv  "diff", files, options
/// @return 0 alike, 1 different, 2 wrong usage or unusable files
int diff(int argc, char** argv);

/// Measures speed side by side with peers. @param argc  count of words  @param argv  "bench",
/// subcommand, options
/// @return 0 measured, 2 wrong usage
int bench(int argc, char** argv);

/// Scores the heads of a model. @param argc  count of words  @param argv  "heads", options
/// @return 0 done, 2 wrong usage or an unusable model
int heads(int argc, char** argv);

/// Trains a model of the lessons. @param argc  count of words  @param argv  "train", name, options
/// @return 0 trained, 1 the run failed, 2 wrong usage or unusable files, 130 interrupted
int train(int argc, char** argv);

}  // namespace headlight::cli
