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
constexpr std::size_t simd_floats = vector_bytes / sizeof(float);
constexpr std::size_t tile_columns = 2 * simd_floats;

template <std::size_t rows>
HEADLIGHT_INLINE void multiply_rows(const float* a, std::size_t row_step, std::size_t step,
                                    const float* panel, std::size_t depth, bool add, float* c,
                                    std::size_t c_stride) {
  Simd<float> left[rows] = {}, right[rows] = {};
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i) {
    float* row = c + i * c_stride;
    __builtin_prefetch(row, 1), __builtin_prefetch(row + tile_columns - 1, 1);
    if (add) left[i] = load_simd(row), right[i] = load_simd(row + simd_floats);
  }
#pragma GCC unroll 4
  for (std::size_t k = 0; k < depth; ++k, a += step) {
    const Simd<float> b_left = load_simd(panel + k * tile_columns);
    const Simd<float> b_right = load_simd(panel + k * tile_columns + simd_floats);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < rows; ++i) {
      const float factor = a[i * row_step];
      left[i] += factor * b_left;
      right[i] += factor * b_right;
    }
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i) {
    float* row = c + i * c_stride;
    store_simd(left[i], row), store_simd(right[i], row + simd_floats);
  }
}

// Tile after tile; the last rows in ever lower ones.
template <std::size_t rows_of_tile>
void multiply_panel(const float* a, std::size_t row_step, std::size_t step, const float* panel,
                    std::size_t depth, bool add, float* c, std::size_t c_stride, std::size_t rows) {
  while (rows >= rows_of_tile) {
    multiply_rows<rows_of_tile>(a, row_step, step, panel, depth, add, c, c_stride);
    a += rows_of_tile * row_step, c += rows_of_tile * c_stride, rows -= rows_of_tile;
  }
  if constexpr (rows_of_tile > 1)
    if (rows > 0)
      multiply_panel<(rows_of_tile + 1) / 2>(a, row_step, step, panel, depth, add, c, c_stride,
                                             rows);
}

// Panels of a matrix that is read row by row; the next rows are on their way meanwhile.
inline void pack_rows(const float* b, std::size_t stride, std::size_t rows, std::size_t columns,
                      float* panels) {
  constexpr std::size_t ahead = 8, line = 16;
  for (std::size_t k = 0; k < rows; ++k, b += stride, panels += tile_columns) {
    if (k + ahead < rows)
      for (std::size_t j = 0; j < columns; j += line) __builtin_prefetch(b + ahead * stride + j);
    float* to = panels;
    std::size_t j = 0;
    for (; j + tile_columns <= columns; j += tile_columns, to += rows * tile_columns) {
      store_simd(load_simd(b + j), to);
      store_simd(load_simd(b + j + simd_floats), to + simd_floats);
    }
    for (std::size_t c = 0; j < columns && c < tile_columns; ++c)
      to[c] = j + c < columns ? b[j + c] : 0.0f;
  }
}

// Panels of the transpose: a column of a panel lies in one row of b.
inline void pack_transposed(const float* b, std::size_t stride, std::size_t rows,
                            std::size_t columns, float* panels) {
  for (std::size_t j = 0; j < columns; j += tile_columns, panels += rows * tile_columns)
    for (std::size_t k = 0; k < rows; ++k)
      for (std::size_t c = 0; c < tile_columns; ++c)
        panels[k * tile_columns + c] = j + c < columns ? b[(j + c) * stride + k] : 0.0f;
}

constexpr TileKernel tile_named(const char* name) {
  return {tile_rows, tile_columns, pack_rows, pack_transposed, multiply_panel<tile_rows>, name};
}

}  // namespace
}  // namespace headlight::detail
