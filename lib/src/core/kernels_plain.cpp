#include "core/kernels_body.hpp"

namespace headlight::detail {

template <class T>
const RowKernels<T>& plain_kernels() {
  static constexpr RowKernels<T> kernels = kernels_named<T>("plain");
  return kernels;
}

template const RowKernels<float>& plain_kernels();
template const RowKernels<double>& plain_kernels();

}  // namespace headlight::detail
