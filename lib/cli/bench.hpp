/// @file
/// What the subcommands of `bench` share: timing, medians, the machine's limits, peers in other
/// processes.
#pragma once

#include <cstddef>
#include <functional>
#include <headlight/core/tensor.hpp>
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
/// A whole model, everything recorded. @param argc  count of words  @param argv  options  @return
/// exit status
int bench_model(int argc, char** argv);
/// Growth of every mechanism. @param argc  count of words  @param argv  options  @return exit
/// status
int bench_mechanisms(int argc, char** argv);
/// Start-up and size of the lessons. @param argc  count of words  @param argv  options  @return
/// exit status
int bench_lessons(int argc, char** argv);
/// The machine's limits. @param argc  count of words  @param argv  options  @return exit status
int bench_limits(int argc, char** argv);

/// Which time passes while work is measured.
enum class Clock {
  processor,  ///< of the calling thread: what others on the machine take does not count
  wall,       ///< of the world: the only one that shows what a second thread gains
};

/// The clock that is fair to work on so many threads. @param threads  of the work  @return
/// processor time for one, wall time for more
inline Clock clock_for(std::size_t threads) {
  return threads <= 1 ? Clock::processor : Clock::wall;
}

/// Seconds that a piece of work takes. @param clock  which time  @param work  called once  @return
/// seconds
double seconds(Clock clock, const std::function<void()>& work);

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

/// Measures the limits turn by turn with what they are compared with, so that a neighbour on the
/// machine disturbs both alike.
class LimitMeter {
 public:
  /// @param threads  that work at once
  explicit LimitMeter(std::size_t threads);
  /// Once more.
  void measure();
  /// @return medians of all turns, of which there must be one
  Limits limits() const;

 private:
  static constexpr std::size_t side = 1024, store_floats = std::size_t{64} << 20;  // 256 MiB
  std::size_t workers_;
  std::vector<MatrixF> left_, right_, product_;
  std::vector<std::vector<float>> stores_;
  std::vector<double> flops_, store_bytes_, exponentials_;
};

/// The widest of PyTorch's kernels that this processor runs: asked for by name, because PyTorch
/// does not take them by itself, and dies when asked for what the processor lacks.
/// @return "avx512", "avx2" or "default", a value of ATEN_CPU_CAPABILITY
const char* torch_kernels();

/// OpenBLAS chooses its kernels when a program starts, and the oldest for a processor that it has
/// not heard of. Starts this program anew with kernels as wide as the processor's, for itself and
/// its peers, and without the threads of OpenBLAS, which stay awake for a tenth of a second. What
/// the environment already says is left alone. @param argc  count of words  @param argv  the
/// command and its options
void restart_with_fair_blas(int argc, char** argv);

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

/// Eager PyTorch as a peer, with the widest kernels that the processor runs. @param program  a file
/// of tests/bench @param arguments  of the program @param threads  of PyTorch and BLAS
/// @param keeps_memory  whether its malloc never gives memory back to the system @return the peer;
/// its greeting starts with "ready " and the version when it runs
std::unique_ptr<Peer> start_torch(const std::string& program,
                                  const std::vector<std::string>& arguments, std::size_t threads,
                                  bool keeps_memory);

}  // namespace headlight::cli
