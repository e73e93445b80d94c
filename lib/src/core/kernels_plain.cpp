#include "core/kernels_body.hpp"
#include "core/product_body.hpp"

namespace headlight::detail {

template <class T>
const RowKernels<T>& plain_kernels() {
  static constexpr RowKernels<T> kernels = kernels_named<T>("plain");
  return kernels;
}

template const RowKernels<float>& plain_kernels();
template const RowKernels<double>& plain_kernels();

template <class T>
const TileKernel<T>& plain_tile() {
  static constexpr TileKernel<T> kernel = tile_named<T>("plain");
  return kernel;
}

template const TileKernel<float>& plain_tile();
template const TileKernel<double>& plain_tile();

}  // namespace headlight::detail
