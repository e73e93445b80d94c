#include "core/kernels.hpp"

#include <cstdlib>
#include <string_view>

namespace headlight::detail {
namespace {

template <class T>
const RowKernels<T>& choose() {
  const char* wish = std::getenv("HEADLIGHT_KERNELS");
  const std::string_view wanted = wish ? wish : "";
#if defined(__x86_64__)
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx512 && wanted != "avx2" && wanted != "plain") return avx512_kernels<T>();
  if (has_avx2 && wanted != "plain") return avx2_kernels<T>();
#endif
  return plain_kernels<T>();
}

}  // namespace

template <class T>
const RowKernels<T>& row_kernels() {
  static const RowKernels<T>& chosen = choose<T>();
  return chosen;
}

template const RowKernels<float>& row_kernels();
template const RowKernels<double>& row_kernels();

}  // namespace headlight::detail
