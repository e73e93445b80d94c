#include <algorithm>
#include <headlight/core/shape.hpp>
#include <headlight/position/learned.hpp>

namespace headlight {

template <class T>
MatrixOf<T> learned_positions(const MatrixOf<T>& table, std::size_t n, std::size_t first) {
  require_shape(n <= table.shape(0) && first <= table.shape(0) - n, "learned_positions",
                "wanted positions below " + std::to_string(table.shape(0)) +
                    " (rows of the table), got " + std::to_string(first) + " to " +
                    std::to_string(first + n - 1));
  const std::size_t d_model = table.shape(1);
  MatrixOf<T> positions = MatrixOf<T>::from_shape({n, d_model});
  std::copy_n(table.data() + first * d_model, n * d_model, positions.data());
  return positions;
}

template Matrix learned_positions(const Matrix&, std::size_t, std::size_t);
template MatrixF learned_positions(const MatrixF&, std::size_t, std::size_t);

}  // namespace headlight
