/// @file
/// Runs a program that nobody trusts to end, to be quiet or to leave things alone: with limits, in
/// a process group of its own, in a working directory that is thrown away. Not a security sandbox:
/// code in the same process can read what the process reads.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace headlight::course {

/// What a run may use.
struct Limits {
  double wall_s = 2;                          ///< seconds on the clock
  unsigned cpu_s = 3;                         ///< seconds of processor
  std::size_t memory = std::size_t{1} << 30;  ///< bytes resident, all its processes together
  std::size_t output = std::size_t{8} << 20;  ///< bytes written before it is ended
  std::size_t shown = std::size_t{64} << 10;  ///< bytes of output that are kept
  std::size_t file = std::size_t{1} << 20;    ///< bytes of any file that it writes
  std::size_t processes = 16;                 ///< at most, descendants included
};

/// How a run ended.
struct Finished {
  enum class End {
    exited,
    signalled,
    timeout,
    memory,
    output,
    processes,
    interrupted,
    not_started
  };
  End end = End::not_started;           ///< why it ended
  int code = 0;                         ///< exit status or signal
  std::string output = {};              ///< what it printed, shortened to Limits::shown
  std::vector<std::string> lines = {};  ///< what came through the private pipe
  double seconds = 0;                   ///< on the clock
};

/// What to run.
struct Command {
  std::vector<std::string> words = {};        ///< program and arguments
  std::filesystem::path folder = {};          ///< working directory
  std::string nonce = {};                     ///< sent on descriptor 3 first; empty: no such pipe
  std::vector<std::string> environment = {};  ///< NAME=value beside PATH, HOME and LANG
  std::filesystem::path cage = {};  ///< not empty: under bubblewrap, only this folder writable
};

/// Runs it and ends everything that it started.
/// @param command  what  @param limits  of it
/// @return how it ended; never throws for what the program does
Finished run_limited(const Command& command, const Limits& limits);

/// Ends the run in progress (from a signal handler).
void interrupt_run();
/// @return whether interrupt_run was called
bool was_interrupted();

/// @return whether bubblewrap is there and works on this machine
bool can_cage();

/// A folder that goes away with its owner.
class ThrowAway {
 public:
  ThrowAway();
  ~ThrowAway();
  ThrowAway(const ThrowAway&) = delete;
  ThrowAway& operator=(const ThrowAway&) = delete;
  /// @return where it is
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace headlight::course
