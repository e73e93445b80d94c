/// @file
/// What the subcommands of `bench` share: timing, medians, the machine's limits, peers in other
/// processes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace headlight::cli {

/// The traced layer. @param argc  count of words  @param argv  options  @return exit status
int bench_layer(int argc, char** argv);
/// Attention without a record. @param argc  count of words  @param argv  options  @return exit
/// status
int bench_flash(int argc, char** argv);
/// A training step. @param argc  count of words  @param argv  options  @return exit status
int bench_train(int argc, char** argv);
/// Growth of every mechanism. @param argc  count of words  @param argv  options  @return exit
/// status
int bench_mechanisms(int argc, char** argv);
/// The machine's limits. @param argc  count of words  @param argv  options  @return exit status
int bench_limits(int argc, char** argv);

/// Seconds that a piece of work takes. @param work  called once  @return wall time
double seconds(const std::function<void()>& work);

/// Middle of the measurements. @param values  at least one  @return median
double median(std::vector<double> values);

/// Half the distance between the quartiles, relative to the median. @param values  measurements
/// @return a share
double spread(std::vector<double> values);

/// What one core of this machine does at best.
struct Limits {
  double flops = 0;           ///< float products and sums a second, large square product
  double store_bytes = 0;     ///< bytes a second into memory that is not read again
  double exp_per_second = 0;  ///< exponentials of floats in cache
};

/// Measures the limits with `threads` threads. @param threads  how many  @return the limits
Limits measure_limits(std::size_t threads);

/// A peer in another process, told to run over a pipe.
class Peer {
 public:
  /// @param words  program and arguments  @param environment  "NAME=value" additions
  Peer(const std::vector<std::string>& words, const std::vector<std::string>& environment);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  /// @return the first line it said, empty when it could not start
  const std::string& greeting() const { return greeting_; }
  /// Sends a line and waits for the answer. @param line  without newline  @return the answer, empty
  /// when it died
  std::string ask(const std::string& line);

 private:
  std::string read_line();
  int to_ = -1, from_ = -1, child_ = -1;
  std::string greeting_;
};

}  // namespace headlight::cli
