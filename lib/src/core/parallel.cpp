#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <headlight/core/parallel.hpp>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace headlight {
namespace {

constexpr int looks = 1000;  // some tens of microseconds

void breathe() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits a moment, awake, for what takes less than it takes to fall asleep and be woken.
// @return whether it came
template <class Condition>
bool soon(const Condition& condition) {
  for (int look = 0; look < looks; ++look) {
    if (condition()) return true;
    breathe();
  }
  return false;
}

// A layer is a row of short pieces of work. Between two of them workers stay awake for some
// microseconds; then they sleep on a condition variable, so a neighbour's core is never spun on.
class Pool {
 public:
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  void run(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work) {
    const std::lock_guard one_caller(caller_);
    std::unique_lock lock(mutex_);
    while (workers_.size() + 1 < threads) workers_.emplace_back([this] { serve(); });
    caller_core_ = sched_getcpu();
    const bool part = std::exchange(met_, false);
    if (part) keep_workers_off(caller_core_);
    work_ = &work, count_ = count, next_ = 0, helpers_wanted_ = threads - 1, error_ = nullptr;
    ++calls_;
    wake_.notify_all();
    take_pieces(lock);
    helpers_wanted_ = 0;
    if (part) keep_workers_off(no_core);
    if (busy_ > 0) {
      lock.unlock();
      soon([this] { return busy_ == 0; });
      lock.lock();
    }
    done_.wait(lock, [this] { return busy_ == 0; });
    work_ = nullptr;
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const std::size_t seen = calls_;
      if (helpers_wanted_ == 0 || next_ == count_) {
        lock.unlock();
        soon([this, seen] { return calls_ != seen; });
        lock.lock();
      }
      wake_.wait(lock, [this] { return stopping_ || (helpers_wanted_ > 0 && next_ < count_); });
      if (stopping_) return;
      --helpers_wanted_;
      ++busy_;
      met_ = met_ || sched_getcpu() == caller_core_;
      take_pieces(lock);
      if (--busy_ == 0) done_.notify_all();
    }
  }

  // The kernel of a virtual machine takes a core that sleeps for one that is away, and wakes a
  // worker on the caller's core, where the two take turns ever after. When they have met there,
  // the next call wakes it elsewhere, and leaves it free again before the caller waits.
  void keep_workers_off(int core) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
    if (core != no_core && CPU_COUNT(&allowed) > 1)
      CPU_CLR(static_cast<std::size_t>(core), &allowed);
    for (std::thread& worker : workers_)
      pthread_setaffinity_np(worker.native_handle(), sizeof(allowed), &allowed);
  }

  void take_pieces(std::unique_lock<std::mutex>& lock) {
    while (next_ < count_) {
      const std::size_t piece = next_++;
      lock.unlock();
      std::exception_ptr error;
      try {
        (*work_)(piece);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (error) {
        if (!error_) error_ = error;
        next_ = count_;
      }
    }
  }

  std::mutex caller_, mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::size_t count_ = 0, next_ = 0, helpers_wanted_ = 0;
  std::atomic<std::size_t> busy_ = 0, calls_ = 0;  // written under the mutex, read without it
  std::exception_ptr error_;
  static constexpr int no_core = -1;
  int caller_core_ = no_core;
  bool met_ = false;  // a worker on the caller's core
  bool stopping_ = false;
};

// Inside a piece of work, further calls run in place: blocks never wait for each other.
thread_local bool is_inside = false;

}  // namespace

void parallel_for(std::size_t count, std::size_t threads,
                  const std::function<void(std::size_t)>& work) {
  if (threads <= 1 || count <= 1 || is_inside) {
    for (std::size_t piece = 0; piece < count; ++piece) work(piece);
    return;
  }
  static Pool pool;
  pool.run(count, threads, [&](std::size_t piece) {
    is_inside = true;
    try {
      work(piece);
    } catch (...) {
      is_inside = false;
      throw;
    }
    is_inside = false;
  });
}

}  // namespace headlight
