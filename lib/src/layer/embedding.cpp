#include <algorithm>
#include <headlight/core/shape.hpp>
#include <headlight/layer/embedding.hpp>
#include <stdexcept>

namespace headlight {

template <class T>
void embed(const MatrixOf<T>& table, std::span<const std::size_t> ids, MatrixOf<T>& rows) {
  const std::size_t d = table.shape(1);
  for (const std::size_t id : ids)
    if (id >= table.shape(0))
      throw std::out_of_range("embed: token id " + std::to_string(id) + " is not below " +
                              std::to_string(table.shape(0)) + ", the size of the vocabulary");
  set_shape(rows, std::array{ids.size(), d});
  for (std::size_t i = 0; i < ids.size(); ++i)
    std::copy_n(table.data() + ids[i] * d, d, rows.data() + i * d);
}

template void embed(const Matrix&, std::span<const std::size_t>, Matrix&);
template void embed(const MatrixF&, std::span<const std::size_t>, MatrixF&);

}  // namespace headlight
