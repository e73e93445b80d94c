#include "core/kernels.hpp"

#include <cstdlib>
#include <string_view>

#include "core/product.hpp"

namespace headlight::detail {
namespace {

enum class Build { plain, avx2, avx512 };

Build choose() {
  const char* wish = std::getenv("HEADLIGHT_KERNELS");
  const std::string_view wanted = wish ? wish : "";
#if defined(__x86_64__)
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx512 && wanted != "avx2" && wanted != "plain") return Build::avx512;
  if (has_avx2 && wanted != "plain") return Build::avx2;
#endif
  return Build::plain;
}

Build chosen_build() {
  static const Build chosen = choose();
  return chosen;
}

}  // namespace

template <class T>
const RowKernels<T>& row_kernels() {
#if defined(__x86_64__)
  if (chosen_build() == Build::avx512) return avx512_kernels<T>();
  if (chosen_build() == Build::avx2) return avx2_kernels<T>();
#endif
  return plain_kernels<T>();
}

template <class T>
const TileKernel<T>& tile_kernel() {
#if defined(__x86_64__)
  if (chosen_build() == Build::avx512) return avx512_tile<T>();
  if (chosen_build() == Build::avx2) return avx2_tile<T>();
#endif
  return plain_tile<T>();
}

template const RowKernels<float>& row_kernels();
template const RowKernels<double>& row_kernels();
template const TileKernel<float>& tile_kernel();
template const TileKernel<double>& tile_kernel();

}  // namespace headlight::detail
