#include "counted_memory.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> counting{false};
std::atomic<long> held{0}, most_held{0}, largest{0};  // bytes; a block from before may be freed

void* noted(void* block) {
  if (block && counting) {
    const long taken = static_cast<long>(malloc_usable_size(block));
    const long now = held += taken;
    if (now > most_held) most_held = now;
    if (taken > largest) largest = taken;
  }
  return block;
}

void* plain(std::size_t size) {
  return noted(std::malloc(size > 0 ? size : 1));
}

void* aligned(std::size_t size, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  return noted(std::aligned_alloc(step, (size + step - 1) / step * step));
}

void* or_throw(void* block) {
  if (!block) throw std::bad_alloc();
  return block;
}

void forgotten(void* block) {
  if (block && counting) held -= static_cast<long>(malloc_usable_size(block));
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) {
  return or_throw(plain(size));
}
void* operator new[](std::size_t size) {
  return or_throw(plain(size));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return plain(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return plain(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return or_throw(aligned(size, alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return or_throw(aligned(size, alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return aligned(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return aligned(size, alignment);
}
void operator delete(void* block) noexcept {
  forgotten(block);
}
void operator delete[](void* block) noexcept {
  forgotten(block);
}
void operator delete(void* block, std::size_t) noexcept {
  forgotten(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  forgotten(block);
}
void operator delete(void* block, const std::nothrow_t&) noexcept {
  forgotten(block);
}
void operator delete[](void* block, const std::nothrow_t&) noexcept {
  forgotten(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
  forgotten(block);
}
void operator delete[](void* block, std::align_val_t) noexcept {
  forgotten(block);
}
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  forgotten(block);
}
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
  forgotten(block);
}
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  forgotten(block);
}
void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  forgotten(block);
}

namespace headlight::cli {

HeldMemory memory_of(const std::function<void()>& work) {
  held = most_held = largest = 0;
  counting = true;
  try {
    work();
  } catch (...) {
    counting = false;
    throw;
  }
  counting = false;
  return {static_cast<std::size_t>(most_held), static_cast<std::size_t>(largest)};
}

}  // namespace headlight::cli
