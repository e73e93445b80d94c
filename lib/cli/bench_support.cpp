#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <headlight/core/linalg.hpp>
#include <headlight/core/parallel.hpp>
#include <set>

#include "bench.hpp"
#include "core/kernels.hpp"

namespace headlight::cli {

double seconds(Clock clock, const std::function<void()>& work) {
  const auto now = [&] {
    timespec time{};
    clock_gettime(clock == Clock::processor ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[3 * n / 4 < n ? 3 * n / 4 : n - 1] - values[n / 4]) / 2 / median(values);
}

LimitMeter::LimitMeter(std::size_t threads) : workers_(std::max<std::size_t>(1, threads)) {
  for (std::size_t w = 0; w < workers_; ++w) {
    left_.push_back(MatrixF::from_shape({side, side}));
    std::fill(left_[w].begin(), left_[w].end(), 0.5f);
    right_.push_back(left_[w]), product_.push_back(left_[w]);
    stores_.emplace_back(store_floats / workers_);
  }
}

void LimitMeter::measure() {
  const detail::RowKernels<float>& kernels = detail::row_kernels<float>();
  const auto rate = [&](std::size_t work_each, const std::function<void(std::size_t)>& work) {
    return static_cast<double>(work_each * workers_) /
           seconds(clock_for(workers_), [&] { parallel_for(workers_, workers_, work); });
  };
  flops_.push_back(rate(2 * side * side * side, [&](std::size_t w) {
    multiply<float>(1.0f, view(std::as_const(left_[w])), view(std::as_const(right_[w])), 0.0f,
                    view(product_[w]));
  }));
  store_bytes_.push_back(rate(stores_[0].size() * sizeof(float), [&](std::size_t w) {
    kernels.fill(1.0f, stores_[w].data(), stores_[w].size());
  }));
  const std::size_t n = 4096, repeats = 200;
  exponentials_.push_back(rate(n * repeats, [&](std::size_t) {
    std::vector<float> x(n, -1.0f), e(n);
    for (std::size_t r = 0; r < repeats; ++r) kernels.exp(x.data(), 0.0f, e.data(), n);
  }));
}

Limits LimitMeter::limits() const {
  return {median(flops_), median(store_bytes_), median(exponentials_)};
}

const char* torch_kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    return "avx512";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "avx2";
#endif
  return "default";
}

void restart_with_fair_blas(int argc, char** argv) {
  static const std::set<std::string> with_avx512 = {"SkylakeX", "Cooperlake", "SapphireRapids"},
                                     with_avx2 = {"Haswell", "Zen", "Excavator"};
  const std::string_view processor = torch_kernels();
  const std::string chosen = blas_kernels();
  const char* wanted = nullptr;
  if (processor == "avx512" && !with_avx512.contains(chosen)) wanted = "SkylakeX";
  if (processor == "avx2" && !with_avx2.contains(chosen)) wanted = "Haswell";
  const bool knows_kernels = !wanted || std::getenv("OPENBLAS_CORETYPE");
  if (knows_kernels && std::getenv("OPENBLAS_NUM_THREADS")) return;
  if (wanted) setenv("OPENBLAS_CORETYPE", wanted, 0);
  setenv("OPENBLAS_NUM_THREADS", "1", 0);
  std::string program = "headlight";
  std::vector<char*> words = {program.data()};
  words.insert(words.end(), argv, argv + argc);
  words.push_back(nullptr);
  // where this fails, the figures are those of OpenBLAS's own choice
  execv("/proc/self/exe", words.data());
}

Peer::Peer(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  int down[2], up[2];
  if (pipe2(down, O_CLOEXEC) != 0) return;
  if (pipe2(up, O_CLOEXEC) != 0) {
    close(down[0]), close(down[1]);
    return;
  }
  signal(SIGPIPE, SIG_IGN);
  child_ = fork();
  if (child_ == 0) {
    dup2(down[0], 0), dup2(up[1], 1);
    close(down[0]), close(down[1]), close(up[0]), close(up[1]);
    for (const std::string& setting : environment) putenv(const_cast<char*>(setting.c_str()));
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(down[0]), close(up[1]);
  to_ = down[1], from_ = up[0];
  greeting_ = read_line();
}

Peer::~Peer() {
  if (to_ >= 0) close(to_);
  if (from_ >= 0) close(from_);
  if (child_ > 0) waitpid(child_, nullptr, 0);
}

std::unique_ptr<Peer> start_torch(const std::string& program,
                                  const std::vector<std::string>& arguments, std::size_t threads,
                                  bool keeps_memory) {
  std::vector<std::string> words = {"/usr/bin/python3", HEADLIGHT_SOURCE "/tests/bench/" + program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const std::string count = std::to_string(threads);
  std::vector<std::string> environment = {
      std::string("ATEN_CPU_CAPABILITY=") + torch_kernels(), "OMP_NUM_THREADS=" + count,
      "OPENBLAS_NUM_THREADS=" + count, "OMP_WAIT_POLICY=passive"};
  if (keeps_memory)
    for (const char* setting :
         {"MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_=17179869184", "MALLOC_TOP_PAD_=268435456"})
      environment.push_back(setting);
  return std::make_unique<Peer>(words, environment);
}

std::string Peer::read_line() {
  std::string line;
  char letter = 0;
  while (read(from_, &letter, 1) == 1 && letter != '\n') line += letter;
  return line;
}

std::string Peer::ask(const std::string& line) {
  const std::string text = line + "\n";
  if (write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return "";
  return read_line();
}

}  // namespace headlight::cli
