// Included by kernels_plain.cpp, kernels_avx2.cpp and kernels_avx512.cpp, each compiled for its own
// instructions.

#include "core/kernels.hpp"
#include "core/vectors.hpp"

namespace headlight::detail {
namespace {

// The tile fills the registers: all but those for a row of the panel and one factor.
#if defined(__AVX512F__)
constexpr std::size_t tile_rows = 12;
#elif defined(__AVX2__)
constexpr std::size_t tile_rows = 6;
#else
constexpr std::size_t tile_rows = 4;
#endif
template <class T>
constexpr std::size_t simd_cells = vector_bytes / sizeof(T);
template <class T>
constexpr std::size_t tile_columns = 2 * simd_cells<T>;

// All columns of a panel, or its left half alone.
template <std::size_t rows, bool whole, class T>
HEADLIGHT_INLINE void multiply_rows(const T* a, std::size_t row_step, std::size_t step,
                                    const T* panel, std::size_t depth, bool add, T* c,
                                    std::size_t c_stride) {
  Simd<T> left[rows] = {}, right[rows] = {};
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i) {
    T* row = c + i * c_stride;
    __builtin_prefetch(row, 1);
    if (whole) __builtin_prefetch(row + tile_columns<T> - 1, 1);
    if (add) left[i] = load_simd(row);
    if (add && whole) right[i] = load_simd(row + simd_cells<T>);
  }
#pragma GCC unroll 4
  for (std::size_t k = 0; k < depth; ++k, a += step) {
    const Simd<T> b_left = load_simd(panel + k * tile_columns<T>);
    const Simd<T> b_right =
        whole ? load_simd(panel + k * tile_columns<T> + simd_cells<T>) : Simd<T>{};
#pragma GCC unroll 16
    for (std::size_t i = 0; i < rows; ++i) {
      const T factor = a[i * row_step];
      left[i] += factor * b_left;
      if (whole) right[i] += factor * b_right;
    }
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i) {
    T* row = c + i * c_stride;
    store_simd(left[i], row);
    if (whole) store_simd(right[i], row + simd_cells<T>);
  }
}

// Tile after tile; the last rows in ever lower ones.
template <std::size_t rows_of_tile, bool whole, class T>
void multiply_panel(const T* a, std::size_t row_step, std::size_t step, const T* panel,
                    std::size_t depth, bool add, T* c, std::size_t c_stride, std::size_t rows) {
  while (rows >= rows_of_tile) {
    multiply_rows<rows_of_tile, whole>(a, row_step, step, panel, depth, add, c, c_stride);
    a += rows_of_tile * row_step, c += rows_of_tile * c_stride, rows -= rows_of_tile;
  }
  if constexpr (rows_of_tile > 1)
    if (rows > 0)
      multiply_panel<(rows_of_tile + 1) / 2, whole>(a, row_step, step, panel, depth, add, c,
                                                    c_stride, rows);
}

// Panels of a matrix that is read row by row; the next rows are on their way meanwhile.
template <class T>
void pack_rows(const T* b, std::size_t stride, std::size_t rows, std::size_t columns, T* panels) {
  constexpr std::size_t ahead = 8, line = 64 / sizeof(T), width = tile_columns<T>;
  for (std::size_t k = 0; k < rows; ++k, b += stride, panels += width) {
    if (k + ahead < rows)
      for (std::size_t j = 0; j < columns; j += line) __builtin_prefetch(b + ahead * stride + j);
    T* to = panels;
    std::size_t j = 0;
    for (; j + width <= columns; j += width, to += rows * width) {
      store_simd(load_simd(b + j), to);
      store_simd(load_simd(b + j + simd_cells<T>), to + simd_cells<T>);
    }
    for (std::size_t c = 0; j < columns && c < width; ++c)
      to[c] = j + c < columns ? b[j + c] : T(0);
  }
}

// Panels of the transpose: a column of a panel lies in one row of b.
template <class T>
void pack_transposed(const T* b, std::size_t stride, std::size_t rows, std::size_t columns,
                     T* panels) {
  constexpr std::size_t width = tile_columns<T>;
  for (std::size_t j = 0; j < columns; j += width, panels += rows * width)
    for (std::size_t k = 0; k < rows; ++k)
      for (std::size_t c = 0; c < width; ++c)
        panels[k * width + c] = j + c < columns ? b[(j + c) * stride + k] : T(0);
}

template <class T>
constexpr TileKernel<T> tile_named(const char* name) {
  return {tile_rows,
          tile_columns<T>,
          pack_rows<T>,
          pack_transposed<T>,
          multiply_panel<tile_rows, true, T>,
          multiply_panel<tile_rows, false, T>,
          name};
}

}  // namespace
}  // namespace headlight::detail
