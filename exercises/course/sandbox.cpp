#include "sandbox.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace headlight::course {

namespace fs = std::filesystem;

namespace {

volatile std::sig_atomic_t interrupted = 0;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void limit(int resource, rlim_t value) {
  const struct rlimit both = {value, value};
  setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

// Children of a process, from the kernel; deeper ones by recursion.
void descendants(pid_t process, std::vector<pid_t>& found, std::size_t most) {
  const std::string task = "/proc/" + std::to_string(process) + "/task";
  std::error_code none;
  for (const auto& thread : fs::directory_iterator(task, none)) {
    std::ifstream file(thread.path() / "children");
    for (pid_t child = 0; file >> child && found.size() < most;) {
      found.push_back(child);
      descendants(child, found, most);
    }
  }
}

std::size_t resident(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  std::size_t total = 0, pages = 0;
  file >> total >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

[[noreturn]] void become(const Command& command, const Limits& limits, int output, int verdicts) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  const int nothing = open("/dev/null", O_RDONLY);
  // out of the way first, so that no dup2 overwrites what is still needed
  const int out = fcntl(output, F_DUPFD, 10), in = fcntl(nothing, F_DUPFD, 10);
  const int private_pipe = verdicts >= 0 ? fcntl(verdicts, F_DUPFD, 10) : -1;
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  if (private_pipe >= 0) dup2(private_pipe, 3);
  for (int descriptor = private_pipe >= 0 ? 4 : 3; descriptor < 256; ++descriptor)
    close(descriptor);
  if (chdir(command.folder.c_str()) != 0) _exit(126);
  limit(RLIMIT_CPU, limits.cpu_s);
  limit(RLIMIT_FSIZE, limits.file);
  limit(RLIMIT_CORE, 0);

  std::vector<std::string> words;
  if (!command.cage.empty())
    words = {"bwrap",      "--ro-bind",     "/",
             "/",          "--dev",         "/dev",
             "--proc",     "/proc",         "--tmpfs",
             "/tmp",       "--bind",        command.cage,
             command.cage, "--unshare-net", "--unshare-ipc",
             "--chdir",    command.folder,  "--"};
  words.insert(words.end(), command.words.begin(), command.words.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> settings = command.environment;
  for (const char* name : {"PATH", "HOME", "LANG", "TMPDIR"})
    if (const char* value = std::getenv(name)) settings.push_back(std::string(name) + "=" + value);
  settings.push_back("OPENBLAS_NUM_THREADS=1");
  std::vector<char*> envp;
  for (std::string& setting : settings) envp.push_back(setting.data());
  envp.push_back(nullptr);
  execvpe(argv[0], argv.data(), envp.data());
  _exit(127);
}

// Reads what is there; false at the end of the stream.
bool drain(int descriptor, std::string& into, std::size_t keep, std::size_t& seen) {
  char buffer[65536];
  const ssize_t count = read(descriptor, buffer, sizeof buffer);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  seen += static_cast<std::size_t>(count);
  if (into.size() < keep)
    into.append(buffer, std::min(static_cast<std::size_t>(count), keep - into.size()));
  return true;
}

void end_all(pid_t child) {
  for (int round = 0; round < 20; ++round) {
    kill(-child, SIGKILL);
    std::vector<pid_t> left;
    descendants(getpid(), left, 4096);  // orphans come to us: we are their subreaper
    if (left.empty()) break;
    for (const pid_t process : left) kill(process, SIGKILL);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    usleep(500);
  }
}

}  // namespace

void interrupt_run() {
  interrupted = 1;
}
bool was_interrupted() {
  return interrupted != 0;
}

Finished run_limited(const Command& command, const Limits& limits) {
  Finished done;
  if (was_interrupted()) {
    done.end = Finished::End::interrupted;
    return done;
  }
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int output[2] = {-1, -1}, verdicts[2] = {-1, -1};
  if (pipe2(output, O_CLOEXEC) != 0) return done;
  if (!command.nonce.empty() && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, verdicts) != 0) {
    close(output[0]);
    close(output[1]);
    return done;
  }
  const Clock::time_point start = Clock::now();
  const pid_t child = fork();
  if (child == 0) become(command, limits, output[1], verdicts[1]);
  close(output[1]);
  if (verdicts[1] >= 0) close(verdicts[1]);
  if (child < 0) {
    close(output[0]);
    if (verdicts[0] >= 0) close(verdicts[0]);
    return done;
  }
  setpgid(child, child);
  fcntl(output[0], F_SETFL, O_NONBLOCK);
  if (verdicts[0] >= 0) {
    fcntl(verdicts[0], F_SETFL, O_NONBLOCK);
    const std::string hello = command.nonce + "\n";
    if (send(verdicts[0], hello.data(), hello.size(), MSG_NOSIGNAL) < 0) { /* it ended already */
    }
  }

  std::string private_text;
  std::size_t printed = 0, told = 0;
  bool output_open = true, verdicts_open = verdicts[0] >= 0, running = true;
  int status = 0, tick = 0;
  done.end = Finished::End::exited;
  while (running) {
    struct pollfd watched[2] = {{output_open ? output[0] : -1, POLLIN, 0},
                                {verdicts_open ? verdicts[0] : -1, POLLIN, 0}};
    poll(watched, 2, output_open || verdicts_open ? 5 : 1);
    if (output_open && watched[0].revents)
      output_open = drain(output[0], done.output, limits.shown, printed);
    if (verdicts_open && watched[1].revents)
      verdicts_open = drain(verdicts[0], private_text, std::size_t{8} << 20, told);
    if (waitpid(child, &status, WNOHANG) == child) running = false;
    if (!running) break;
    if (printed + told > limits.output)
      done.end = Finished::End::output;
    else if (seconds_since(start) > limits.wall_s)
      done.end = Finished::End::timeout;
    else if (was_interrupted())
      done.end = Finished::End::interrupted;
    else if (++tick % 4 == 0) {
      std::vector<pid_t> family = {child};
      descendants(child, family, limits.processes + 2);
      std::size_t memory = 0;
      for (const pid_t process : family) memory += resident(process);
      if (memory > limits.memory) done.end = Finished::End::memory;
      if (family.size() > limits.processes) done.end = Finished::End::processes;
    }
    if (done.end != Finished::End::exited) {
      kill(-child, SIGKILL);
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      running = false;
    }
  }
  end_all(child);
  while (output_open && drain(output[0], done.output, limits.shown, printed)) {
    struct pollfd more = {output[0], POLLIN, 0};
    if (poll(&more, 1, 0) <= 0 || printed > limits.output) break;
  }
  while (verdicts_open && drain(verdicts[0], private_text, std::size_t{8} << 20, told)) {
    struct pollfd more = {verdicts[0], POLLIN, 0};
    if (poll(&more, 1, 0) <= 0 || told > limits.output) break;
  }
  close(output[0]);
  if (verdicts[0] >= 0) close(verdicts[0]);
  done.seconds = seconds_since(start);
  if (done.end == Finished::End::exited) {
    if (WIFSIGNALED(status)) {
      done.end = Finished::End::signalled;
      done.code = WTERMSIG(status);
      if (done.code == SIGXCPU) done.end = Finished::End::timeout;
      if (done.code == SIGXFSZ) done.end = Finished::End::output;
    } else {
      done.code = WEXITSTATUS(status);
    }
    if (printed > limits.output) done.end = Finished::End::output;
  }
  std::istringstream text(private_text);
  for (std::string line; std::getline(text, line);) done.lines.push_back(line);
  return done;
}

bool can_cage() {
  static const bool works = [] {
    ThrowAway folder;
    Command command;
    command.words = {"true"};
    command.folder = folder.path();
    command.cage = folder.path();
    const Finished done = run_limited(command, {});
    return done.end == Finished::End::exited && done.code == 0;
  }();
  return works;
}

ThrowAway::ThrowAway() {
  std::string name = (fs::temp_directory_path() / "headlight-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("cannot make a folder in " + fs::temp_directory_path().string());
  path_ = name;
}

ThrowAway::~ThrowAway() {
  std::error_code none;
  // a run may have taken away the right to enter what it left
  for (auto it = fs::recursive_directory_iterator(path_, none);
       it != fs::recursive_directory_iterator(); it.increment(none)) {
    if (none) break;
    if (it->is_directory(none) && !it->is_symlink(none))
      fs::permissions(it->path(), fs::perms::owner_all, none);
  }
  fs::remove_all(path_, none);
}

}  // namespace headlight::course
