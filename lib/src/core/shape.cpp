#include <headlight/core/shape.hpp>
#if defined(__linux__)
#include <sys/mman.h>

#include <cstdint>
#endif

namespace headlight {

std::string shape_string(std::span<const std::size_t> shape) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(shape[axis]);
  }
  return text + "]";
}

void require_shape(bool holds, std::string_view function, const std::string& message) {
  if (!holds) throw ShapeError(std::string(function) + ": " + message);
}

void expect_filling([[maybe_unused]] void* first, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__)
  constexpr std::uintptr_t large = std::uintptr_t{2} << 20;  // bytes of a large page
  const auto start = reinterpret_cast<std::uintptr_t>(first);
  const std::uintptr_t from = (start + large - 1) / large * large;
  const std::uintptr_t to = (start + bytes) / large * large;
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
#endif
}

}  // namespace headlight
