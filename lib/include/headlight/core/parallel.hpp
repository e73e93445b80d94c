/// @file
/// Work spread over threads in blocks that do not depend on how many threads there are.
#pragma once

#include <cstddef>
#include <functional>

namespace headlight {

/// Calls work(0) ... work(count - 1), each once, on up to `threads` threads; returns when all are
/// done. Between calls the threads stay awake for some microseconds, then sleep. Results are the
/// same bits for any thread count as long as each call writes only what is its own.
/// @param count  pieces of work
/// @param threads  how many may run at once, the caller included; 0 or 1 runs here, in order
/// @param work  called with the index of the piece
/// @throws whatever the first failing piece throws
void parallel_for(std::size_t count, std::size_t threads,
                  const std::function<void(std::size_t)>& work);

}  // namespace headlight
