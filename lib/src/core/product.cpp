#include "core/product.hpp"

#include <algorithm>
#include <cstdint>

#include "core/kernels.hpp"

namespace headlight::detail {
namespace {

// A block of rows of the left factor and a block of panels meet in the second-level cache. The
// inner index is cut so that a tile's numbers stay in the first; of a transposed matrix each comes
// with its whole line. None of this changes a bit of the result.
constexpr std::size_t block_bytes = 192 << 10;
constexpr std::size_t least_columns = 64;
constexpr std::size_t deepest_bytes = 4096, deepest_bytes_transposed = 1024;

// As many tiles as fill a block, one at least.
template <class T>
std::size_t whole_tiles(std::size_t depth, std::size_t tile) {
  return std::max(block_bytes / sizeof(T) / depth / tile, std::size_t{1}) * tile;
}

// A panel that sticks out over the last column is multiplied in a place of its own.
template <class T>
void multiply_last_panel(const TileKernel<T>& tile, const T* a, std::size_t row_step,
                         std::size_t step, const T* panel, std::size_t depth, bool add,
                         ViewOf<T> c) {
  const bool is_half = 2 * c.columns <= tile.columns;
  const auto multiply = is_half ? tile.multiply_half : tile.multiply;
  const std::size_t width = is_half ? tile.columns / 2 : tile.columns;
  if (c.columns == width)  // nothing sticks out of the half
    return multiply(a, row_step, step, panel, depth, add, c.data, c.stride, c.rows);
  T sums[16 * 64];
  for (std::size_t i = 0; i < c.rows; i += tile.rows, a += tile.rows * row_step) {
    const std::size_t count = std::min(tile.rows, c.rows - i);
    T* to = c.data + i * c.stride;
    if (add)
      for (std::size_t r = 0; r < count; ++r)
        std::copy_n(to + r * c.stride, c.columns, sums + r * width);
    multiply(a, row_step, step, panel, depth, add, sums, width, count);
    for (std::size_t r = 0; r < count; ++r)
      std::copy_n(sums + r * width, c.columns, to + r * c.stride);
  }
}

}  // namespace

template <class T>
T* PanelMemory<T>::reserve(std::size_t count) {
  constexpr std::size_t alignment = 64 / sizeof(T);
  if (count + alignment > capacity_) {
    capacity_ = count + alignment;
    numbers_.reset();
    numbers_ = std::make_unique_for_overwrite<T[]>(capacity_);
    const std::size_t past = reinterpret_cast<std::uintptr_t>(numbers_.get()) / sizeof(T);
    aligned_ = numbers_.get() + (alignment - past % alignment) % alignment;
  }
  return aligned_;
}

template <class T>
void Packed<T>::pack(ViewOf<const T> b) {
  rows_ = b.is_transposed ? b.columns : b.rows;
  columns_ = b.is_transposed ? b.rows : b.columns;
  const TileKernel<T>& tile = tile_kernel<T>();
  const std::size_t width = (columns_ + tile.columns - 1) / tile.columns * tile.columns;
  const auto pack = b.is_transposed ? tile.pack_transposed : tile.pack;
  pack(b.data, b.stride, rows_, columns_, panels_.reserve(rows_ * width));
}

template <class T>
void multiply_packed(ViewOf<const T> a, const Packed<T>& b, std::size_t first, bool add,
                     ViewOf<T> c) {
  const TileKernel<T>& tile = tile_kernel<T>();
  const std::size_t rows = a.is_transposed ? a.columns : a.rows;
  const std::size_t inner = a.is_transposed ? a.rows : a.columns;
  const std::size_t row_step = a.is_transposed ? 1 : a.stride;
  const std::size_t step = a.is_transposed ? a.stride : 1;
  if (inner == 0 && !add)
    for (std::size_t i = 0; i < rows; ++i) std::fill_n(c.data + i * c.stride, c.columns, T(0));
  const std::size_t most = (a.is_transposed ? deepest_bytes_transposed : deepest_bytes) / sizeof(T);
  for (std::size_t k = 0; k < inner; k += most) {
    const std::size_t depth = std::min(most, inner - k);
    const std::size_t row_block = whole_tiles<T>(depth, tile.rows);
    const std::size_t column_block = std::max(whole_tiles<T>(depth, tile.columns), least_columns);
    for (std::size_t first_column = 0; first_column < c.columns; first_column += column_block)
      for (std::size_t first_row = 0; first_row < rows; first_row += row_block) {
        const std::size_t count = std::min(row_block, rows - first_row);
        const std::size_t last_column = std::min(c.columns, first_column + column_block);
        const T* from = a.data + first_row * row_step + k * step;
        for (std::size_t j = first_column; j < last_column; j += tile.columns) {
          const T* panel = b.panels_.data() + j * b.rows_ + (first + k) * tile.columns;
          T* to = c.data + first_row * c.stride + j;
          const bool more = add || k > 0;
          if (j + tile.columns <= c.columns)
            tile.multiply(from, row_step, step, panel, depth, more, to, c.stride, count);
          else
            multiply_last_panel(tile, from, row_step, step, panel, depth, more,
                                ViewOf<T>{to, count, c.columns - j, c.stride});
        }
      }
  }
}

template class Packed<float>;
template class Packed<double>;
template void multiply_packed(ViewOf<const float>, const Packed<float>&, std::size_t, bool,
                              ViewOf<float>);
template void multiply_packed(ViewOf<const double>, const Packed<double>&, std::size_t, bool,
                              ViewOf<double>);

}  // namespace headlight::detail
