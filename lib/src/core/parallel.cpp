#include <condition_variable>
#include <exception>
#include <headlight/core/parallel.hpp>
#include <mutex>
#include <thread>
#include <vector>

namespace headlight {
namespace {

// Workers sleep on a condition variable until there is work: a neighbour's core is never spun on.
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
    work_ = &work, count_ = count, next_ = 0, helpers_wanted_ = threads - 1, error_ = nullptr;
    wake_.notify_all();
    take_pieces(lock);
    helpers_wanted_ = 0;
    done_.wait(lock, [this] { return busy_ == 0; });
    work_ = nullptr;
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || (helpers_wanted_ > 0 && next_ < count_); });
      if (stopping_) return;
      --helpers_wanted_;
      ++busy_;
      take_pieces(lock);
      if (--busy_ == 0) done_.notify_all();
    }
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
  std::size_t count_ = 0, next_ = 0, helpers_wanted_ = 0, busy_ = 0;
  std::exception_ptr error_;
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
