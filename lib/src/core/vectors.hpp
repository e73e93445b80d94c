/// @file
/// Private: vectors as wide as the instructions that a file is compiled for. Included by the bodies
/// of the kernels, which are compiled once for every set of instructions: everything lives in an
/// unnamed namespace, so that no build's code is ever linked into another's callers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace headlight::detail {
namespace {

#define HEADLIGHT_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t vector_bytes = 32;
#else
constexpr std::size_t vector_bytes = 16;
#endif

// A vector as wide as the instructions have it: GCC breaks up a wider one through memory.
template <class T>
struct SimdType {
  typedef T type __attribute__((vector_size(vector_bytes)));
  typedef T anywhere __attribute__((vector_size(vector_bytes), aligned(alignof(T)), may_alias));
};
template <class T>
using Simd = typename SimdType<T>::type;
typedef std::int32_t Ints __attribute__((vector_size(vector_bytes)));

// One instruction each: memcpy would move sixteen bytes at a time, and loads would wait for it.
template <class T>
HEADLIGHT_INLINE Simd<T> load_simd(const T* from) {
  return *reinterpret_cast<const typename SimdType<T>::anywhere*>(from);
}

template <class T>
HEADLIGHT_INLINE void store_simd(const Simd<T>& v, T* to) {
  *reinterpret_cast<typename SimdType<T>::anywhere*>(to) = v;
}

}  // namespace
}  // namespace headlight::detail
