/// @file
/// Private: arithmetic on rows and on tiles of a product, built three times (AVX-512, AVX2, plain)
/// and chosen when the program runs.
#pragma once

#include <cstddef>

namespace headlight::detail {

// Where one row of attention goes. Pointers that are null are not written.
template <class T>
struct RowRecord {
  T* raw = nullptr;      // Q K^T
  T* scores = nullptr;   // scaled
  T* masked = nullptr;   // with the bias, -inf from `visible` on
  T* exp = nullptr;      // exp(masked - max)
  T* pattern = nullptr;  // exp / sum
};

// Sums run in sixteen lanes, lane j taking the cells j, j + 16, ..., and are then added pairwise:
// the same order, hence the same bits, whether a row is done in one sweep or stage by stage.
template <class T>
struct RowKernels {
  // y = x * factor
  void (*scale)(const T* x, T factor, T* y, std::size_t n);
  // sum = x + y, which may be one of the two
  void (*add)(const T* x, const T* y, T* sum, std::size_t n);
  // masked = scores + bias where visible, else -infinity; the bias may be null
  void (*hide)(const T* scores, const T* bias, const bool* visible, T* masked, std::size_t n);
  // sum of x
  T (*sum)(const T* x, std::size_t n);
  // sum of (x - mean)^2
  T (*squares)(const T* x, T mean, std::size_t n);
  // largest x; -infinity for none; NaN is passed over
  T (*max)(const T* x, std::size_t n);
  // y = exp(x - max), exactly zero where x is -infinity
  void (*exp)(const T* x, T max, T* y, std::size_t n);
  // y = x / sum, zero when the sum is zero
  void (*divide)(const T* x, T sum, T* y, std::size_t n);
  // y = (x - mean) / deviation
  void (*normalise)(const T* x, T mean, T deviation, T* y, std::size_t n);
  // y = x * gain + bias; the bias may be null
  void (*gain)(const T* x, const T* gain, const T* bias, T* y, std::size_t n);
  // y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  void (*gelu_new)(const T* x, T* y, std::size_t n);
  // One row from raw scores to pattern, in place in `row`, whose cells from `visible` on are
  // hidden. The bias, which may be null, is added to scaled scores. There are fifteen cells before
  // and after the row that are nobody's. `past_cache` writes the record around the caches where its
  // tensors lie alike in their lines and there is no bias: right for memory that is not read again
  // soon.
  void (*attend)(T* row, T scale, const T* bias, std::size_t visible, std::size_t n,
                 const RowRecord<T>& record, bool past_cache, T& max, T& sum);
  // to = value, around the caches
  void (*fill)(T value, T* to, std::size_t n);
  const char* name;
};

// One tile of a product. Every number of the result is one chain of fused multiply-adds in the
// order of the inner index (product and sum rounded apart where a processor cannot fuse): the same
// bits however rows, columns and the inner index are cut into tiles, and on any number of threads.
template <class T>
struct TileKernel {
  std::size_t rows, columns;  // what the registers hold
  // All panels of a matrix, or of the transpose of b, with `rows` rows; zeros after its last
  // column.
  void (*pack)(const T* b, std::size_t stride, std::size_t rows, std::size_t columns, T* panels);
  void (*pack_transposed)(const T* b, std::size_t stride, std::size_t rows, std::size_t columns,
                          T* panels);
  // c += a b, or c = a b: any number of rows of `a`, whose numbers are `step` apart and whose rows
  // are `row_step` apart (the two exchanged for a transposed matrix), and `depth` rows of a panel.
  void (*multiply)(const T* a, std::size_t row_step, std::size_t step, const T* panel,
                   std::size_t depth, bool add, T* c, std::size_t c_stride, std::size_t rows);
  // The same with the left half of the panel's columns: heads are often narrower than a panel.
  void (*multiply_half)(const T* a, std::size_t row_step, std::size_t step, const T* panel,
                        std::size_t depth, bool add, T* c, std::size_t c_stride, std::size_t rows);
  const char* name;
};

// The widest kernels that this processor runs. HEADLIGHT_KERNELS=plain|avx2|avx512 chooses another
// build of them.
template <class T>
const RowKernels<T>& row_kernels();
template <class T>
const TileKernel<T>& tile_kernel();

template <class T>
const RowKernels<T>& plain_kernels();
template <class T>
const RowKernels<T>& avx2_kernels();
template <class T>
const RowKernels<T>& avx512_kernels();
template <class T>
const TileKernel<T>& plain_tile();
template <class T>
const TileKernel<T>& avx2_tile();
template <class T>
const TileKernel<T>& avx512_tile();

}  // namespace headlight::detail
