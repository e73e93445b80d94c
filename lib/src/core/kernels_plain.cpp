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

const TileKernel& plain_tile() {
  static constexpr TileKernel kernel = tile_named("plain");
  return kernel;
}

}  // namespace headlight::detail
