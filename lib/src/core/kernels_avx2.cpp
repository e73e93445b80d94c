#if defined(__x86_64__)
#include "core/kernels_body.hpp"
#include "core/product_body.hpp"

namespace headlight::detail {

template <class T>
const RowKernels<T>& avx2_kernels() {
  static constexpr RowKernels<T> kernels = kernels_named<T>("avx2");
  return kernels;
}

template const RowKernels<float>& avx2_kernels();
template const RowKernels<double>& avx2_kernels();

const TileKernel& avx2_tile() {
  static constexpr TileKernel kernel = tile_named("avx2");
  return kernel;
}

}  // namespace headlight::detail
#endif
