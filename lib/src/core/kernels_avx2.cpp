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

template <class T>
const TileKernel<T>& avx2_tile() {
  static constexpr TileKernel<T> kernel = tile_named<T>("avx2");
  return kernel;
}

template const TileKernel<float>& avx2_tile();
template const TileKernel<double>& avx2_tile();

}  // namespace headlight::detail
#endif
