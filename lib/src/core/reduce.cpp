#include <cmath>
#include <headlight/core/reduce.hpp>
#include <headlight/core/shape.hpp>
#include <limits>

namespace headlight {

template <class T>
MatrixOf<T> row_sum(const MatrixOf<T>& a) {
  MatrixOf<T> sums({a.shape(0), 1});
  const std::size_t columns = a.shape(1);
  for (std::size_t i = 0; i < a.shape(0); ++i) {
    const T* row = a.data() + i * columns;
    T sum = 0;
    for (std::size_t j = 0; j < columns; ++j) sum += row[j];
    sums(i, 0) = sum;
  }
  return sums;
}

template <class T>
MatrixOf<T> row_max(const MatrixOf<T>& a) {
  MatrixOf<T> maxima({a.shape(0), 1});
  const std::size_t columns = a.shape(1);
  for (std::size_t i = 0; i < a.shape(0); ++i) {
    const T* row = a.data() + i * columns;
    T max = -std::numeric_limits<T>::infinity();
    for (std::size_t j = 0; j < columns; ++j) {
      if (row[j] > max || std::isnan(row[j])) max = row[j];
      if (std::isnan(max)) break;
    }
    maxima(i, 0) = max;
  }
  return maxima;
}

template <class T>
MatrixOf<T> row_mean(const MatrixOf<T>& a) {
  require_shape(a.shape(1) > 0, "row_mean", "wanted at least one column, got " + shape_string(a));
  MatrixOf<T> means = row_sum(a);
  for (T& mean : means) mean /= static_cast<T>(a.shape(1));
  return means;
}

template Matrix row_sum(const Matrix&);
template MatrixF row_sum(const MatrixF&);
template Matrix row_max(const Matrix&);
template MatrixF row_max(const MatrixF&);
template Matrix row_mean(const Matrix&);
template MatrixF row_mean(const MatrixF&);

}  // namespace headlight
