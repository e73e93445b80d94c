#include "core/product.hpp"

#include <algorithm>
#include <cstdint>

#include "core/kernels.hpp"

namespace headlight::detail {
namespace {

// A block of rows of the left factor stays in the second-level cache while all panels pass by; the
// inner index is cut so that a panel stays there too. Neither changes a bit of the result.
constexpr std::size_t block_floats = 48 << 10;
constexpr std::size_t most_depth = 1024;

// A tile that sticks out over the last column is summed in a place of its own.
void multiply_last_columns(const TileKernel& tile, const float* a, std::size_t a_stride,
                           const float* panel, std::size_t depth, bool add, float* c,
                           std::size_t c_stride, std::size_t rows, std::size_t columns) {
  alignas(64) float sums[16 * 64];
  if (add)
    for (std::size_t i = 0; i < rows; ++i)
      std::copy_n(c + i * c_stride, columns, sums + i * tile.columns);
  tile.multiply(a, a_stride, panel, depth, add, sums, tile.columns, rows);
  for (std::size_t i = 0; i < rows; ++i)
    std::copy_n(sums + i * tile.columns, columns, c + i * c_stride);
}

}  // namespace

float* PanelMemory::reserve(std::size_t count) {
  constexpr std::size_t alignment = 64 / sizeof(float);
  if (count + alignment > capacity_) {
    capacity_ = count + alignment;
    numbers_.reset();
    numbers_ = std::make_unique_for_overwrite<float[]>(capacity_);
    const std::size_t past = reinterpret_cast<std::uintptr_t>(numbers_.get()) / sizeof(float);
    aligned_ = numbers_.get() + (alignment - past % alignment) % alignment;
  }
  return aligned_;
}

template <>
void Packed<float>::pack(ViewOf<const float> b) {
  rows_ = b.is_transposed ? b.columns : b.rows;
  columns_ = b.is_transposed ? b.rows : b.columns;
  source_ = b;
  const TileKernel& tile = tile_kernel();
  const std::size_t width = (columns_ + tile.columns - 1) / tile.columns * tile.columns;
  const auto pack = b.is_transposed ? tile.pack_transposed : tile.pack;
  pack(b.data, b.stride, rows_, columns_, panels_.reserve(rows_ * width));
}

template <>
void Packed<double>::pack(ViewOf<const double> b) {
  rows_ = b.is_transposed ? b.columns : b.rows;
  columns_ = b.is_transposed ? b.rows : b.columns;
  source_ = b;
}

template <>
void multiply_packed(ViewOf<const float> a, const Packed<float>& b, std::size_t first, bool add,
                     ViewOf<float> c) {
  const TileKernel& tile = tile_kernel();
  if (a.columns == 0 && !add)
    for (std::size_t i = 0; i < c.rows; ++i) std::fill_n(c.data + i * c.stride, c.columns, 0.0f);
  for (std::size_t k = 0; k < a.columns; k += most_depth) {
    const std::size_t depth = std::min(most_depth, a.columns - k);
    const std::size_t block =
        std::max<std::size_t>(1, block_floats / depth / tile.rows) * tile.rows;
    for (std::size_t row = 0; row < a.rows; row += block) {
      const std::size_t end = std::min(a.rows, row + block);
      for (std::size_t j = 0; j < b.columns_; j += tile.columns) {
        const float* panel = b.panels_.data() + j * b.rows_ + (first + k) * tile.columns;
        for (std::size_t i = row; i < end; i += tile.rows) {
          const float* from = a.data + i * a.stride + k;
          float* to = c.data + i * c.stride + j;
          const std::size_t rows = std::min(tile.rows, end - i);
          if (j + tile.columns <= b.columns_)
            tile.multiply(from, a.stride, panel, depth, add || k > 0, to, c.stride, rows);
          else
            multiply_last_columns(tile, from, a.stride, panel, depth, add || k > 0, to, c.stride,
                                  rows, b.columns_ - j);
        }
      }
    }
  }
}

template <>
void multiply_packed(ViewOf<const double> a, const Packed<double>& b, std::size_t first, bool add,
                     ViewOf<double> c) {
  ViewOf<const double> part = b.source_;
  if (part.is_transposed)
    part.data += first, part.columns = a.columns;
  else
    part.data += first * part.stride, part.rows = a.columns;
  multiply<double>(1.0, a, part, add ? 1.0 : 0.0, c);
}

}  // namespace headlight::detail
