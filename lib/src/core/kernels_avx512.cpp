#if defined(__x86_64__)
#include "core/kernels_body.hpp"
#include "core/product_body.hpp"

namespace headlight::detail {

template <class T>
const RowKernels<T>& avx512_kernels() {
  static constexpr RowKernels<T> kernels = kernels_named<T>("avx512");
  return kernels;
}

template const RowKernels<float>& avx512_kernels();
template const RowKernels<double>& avx512_kernels();

template <class T>
const TileKernel<T>& avx512_tile() {
  static constexpr TileKernel<T> kernel = tile_named<T>("avx512");
  return kernel;
}

template const TileKernel<float>& avx512_tile();
template const TileKernel<double>& avx512_tile();

}  // namespace headlight::detail
#endif
