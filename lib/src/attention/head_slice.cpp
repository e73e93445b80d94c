#include <algorithm>
#include <headlight/attention/head_slice.hpp>
#include <headlight/core/shape.hpp>

namespace headlight {
namespace {

template <class T>
void require_head(const MultiHeadWeightsOf<T>& weights, std::size_t head, const char* function) {
  require_shape(
      head < weights.n_heads, function,
      "wanted a head below " + std::to_string(weights.n_heads) + ", got " + std::to_string(head));
}

template <class T>
MatrixOf<T> columns_of(const MatrixOf<T>& W, std::size_t n_heads, std::size_t head) {
  const std::size_t width = W.shape(1) / n_heads;
  MatrixOf<T> slice = MatrixOf<T>::from_shape({W.shape(0), width});
  for (std::size_t i = 0; i < W.shape(0); ++i)
    std::copy_n(W.data() + i * W.shape(1) + head * width, width, slice.data() + i * width);
  return slice;
}

template <class T>
VectorOf<T> part_of(const VectorOf<T>& b, std::size_t n_heads, std::size_t head) {
  const std::size_t width = b.size() / n_heads;
  VectorOf<T> part = VectorOf<T>::from_shape({width});
  std::copy_n(b.data() + head * width, width, part.data());
  return part;
}

}  // namespace

template <class T>
HeadWeightsOf<T> head_weights(const MultiHeadWeightsOf<T>& w, std::size_t head) {
  require_head(w, head, "head_weights");
  return {columns_of(w.W_Q, w.n_heads, head), columns_of(w.W_K, w.n_heads, head),
          columns_of(w.W_V, w.n_heads, head), part_of(w.b_Q, w.n_heads, head),
          part_of(w.b_K, w.n_heads, head),    part_of(w.b_V, w.n_heads, head)};
}

template <class T>
MatrixOf<T> output_rows(const MultiHeadWeightsOf<T>& w, std::size_t head) {
  require_head(w, head, "output_rows");
  const std::size_t count = w.W_O.shape(0) / w.n_heads;
  MatrixOf<T> rows = MatrixOf<T>::from_shape({count, w.W_O.shape(1)});
  std::copy_n(w.W_O.data() + head * rows.size(), rows.size(), rows.data());
  return rows;
}

template HeadWeightsOf<double> head_weights(const MultiHeadWeightsOf<double>&, std::size_t);
template HeadWeightsOf<float> head_weights(const MultiHeadWeightsOf<float>&, std::size_t);
template Matrix output_rows(const MultiHeadWeightsOf<double>&, std::size_t);
template MatrixF output_rows(const MultiHeadWeightsOf<float>&, std::size_t);

}  // namespace headlight
