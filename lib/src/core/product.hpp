/// @file
/// Private: products whose right factor is used by many rows. It is packed once; then tiles of the
/// result are summed in registers.
#pragma once

#include <headlight/core/view.hpp>
#include <memory>

namespace headlight::detail {

// Memory for panels: aligned for vectors, kept for the next use, never filled in advance.
template <class T>
class PanelMemory {
 public:
  // At least `count` numbers; what was there is gone.
  T* reserve(std::size_t count);
  const T* data() const { return aligned_; }

 private:
  std::unique_ptr<T[]> numbers_;
  T* aligned_ = nullptr;
  std::size_t capacity_ = 0;
};

// The right factor of products, in the order in which tiles read it: panels as wide as a tile,
// row after row.
template <class T>
class Packed {
 public:
  // b may be transposed.
  void pack(ViewOf<const T> b);
  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }

 private:
  template <class U>
  friend void multiply_packed(ViewOf<const U> a, const Packed<U>& b, std::size_t first, bool add,
                              ViewOf<U> c);
  std::size_t rows_ = 0, columns_ = 0;
  PanelMemory<T> panels_;
};

// c += a b or c = a b, where b is as many rows of the packed matrix, from `first` on, as a has
// columns, and its first c.columns columns; a may be transposed. Sizes are the caller's certainty.
template <class T>
void multiply_packed(ViewOf<const T> a, const Packed<T>& b, std::size_t first, bool add,
                     ViewOf<T> c);

}  // namespace headlight::detail
