#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <headlight/core/linalg.hpp>
#include <headlight/core/parallel.hpp>

#include "bench.hpp"
#include "core/kernels.hpp"

namespace headlight::cli {

double seconds(Clock clock, const std::function<void()>& work) {
  const auto now = [&] {
    timespec time{};
    clock_gettime(clock == Clock::processor ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
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

Limits measure_limits(std::size_t threads) {
  const detail::RowKernels<float>& kernels = detail::row_kernels<float>();
  const std::size_t workers = std::max<std::size_t>(1, threads);
  const auto best_rate = [&](double work_each, const std::function<void(std::size_t)>& work) {
    std::vector<double> times;
    for (int run = 0; run < 9; ++run)
      times.push_back(seconds(clock_for(workers), [&] { parallel_for(workers, workers, work); }));
    return work_each * static_cast<double>(workers) / median(times);
  };
  Limits limits;
  {
    const std::size_t n = 1024;
    std::vector<MatrixF> a, b, c;
    for (std::size_t w = 0; w < workers; ++w) {
      a.push_back(MatrixF::from_shape({n, n})), b.push_back(a[0]), c.push_back(a[0]);
      std::fill(a[w].begin(), a[w].end(), 0.5f), std::fill(b[w].begin(), b[w].end(), 0.25f);
    }
    limits.flops = best_rate(2.0 * static_cast<double>(n * n * n), [&](std::size_t w) {
      multiply<float>(1.0f, view(std::as_const(a[w])), view(std::as_const(b[w])), 0.0f, view(c[w]));
    });
  }
  {
    const std::size_t floats = std::size_t{64} << 20;  // 256 MiB
    std::vector<std::vector<float>> buffers(workers, std::vector<float>(floats / workers));
    limits.store_bytes =
        best_rate(static_cast<double>(floats / workers * sizeof(float)),
                  [&](std::size_t w) { kernels.fill(1.0f, buffers[w].data(), buffers[w].size()); });
  }
  {
    const std::size_t n = 4096, repeats = 200;
    limits.exp_per_second = best_rate(static_cast<double>(n * repeats), [&](std::size_t) {
      std::vector<float> x(n, -1.0f), e(n);
      for (std::size_t r = 0; r < repeats; ++r) kernels.exp(x.data(), 0.0f, e.data(), n);
    });
  }
  return limits;
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
