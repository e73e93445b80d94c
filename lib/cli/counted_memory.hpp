/// @file
/// How much memory a piece of work holds: counted by an operator new of this program's own.
#pragma once

#include <cstddef>
#include <functional>

namespace headlight::cli {

/// What was held at most, in bytes.
struct HeldMemory {
  std::size_t together = 0;      ///< all blocks at once, those from before the work not counted
  std::size_t in_one_block = 0;  ///< the largest block
};

/// Runs a piece of work on this thread and counts every block that it asks for with new. OpenBLAS's
/// own buffers are not among them. @param work  called once; other threads must not allocate
/// @return what it held
HeldMemory memory_of(const std::function<void()>& work);

}  // namespace headlight::cli
