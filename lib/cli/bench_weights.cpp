#include "bench_weights.hpp"

#include <cmath>

namespace headlight::cli {

MatrixF formula(std::size_t rows, std::size_t columns, double k, double size) {
  MatrixF a = MatrixF::from_shape({rows, columns});
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const double di = static_cast<double>(i), dj = static_cast<double>(j);
      a(i, j) = static_cast<float>(std::sin(k + 0.7 * di + 1.3 * dj + 0.01 * di * dj) * size);
    }
  return a;
}

VectorF formula_row(std::size_t columns, double k, double size, float plus) {
  const MatrixF row = formula(1, columns, k, size);
  VectorF b = VectorF::from_shape({columns});
  for (std::size_t j = 0; j < columns; ++j) b(j) = row(0, j) + plus;
  return b;
}

BlockWeightsOf<float> attention_block(std::size_t d, std::size_t heads, double k) {
  const double size = 1 / std::sqrt(static_cast<double>(d));
  BlockWeightsOf<float> w;
  w.norm1 = NormWeightsOf<float>{formula_row(d, k + 9, 0.1, 1), formula_row(d, k + 10, 0.1)};
  w.attention.n_heads = heads;
  w.attention.W_Q = formula(d, d, k + 1, size), w.attention.b_Q = formula_row(d, k + 5, 0.1);
  w.attention.W_K = formula(d, d, k + 2, size), w.attention.b_K = formula_row(d, k + 6, 0.1);
  w.attention.W_V = formula(d, d, k + 3, size), w.attention.b_V = formula_row(d, k + 7, 0.1);
  w.attention.W_O = formula(d, d, k + 4, size), w.attention.b_O = formula_row(d, k + 8, 0.1);
  return w;
}

ModelWeightsF gpt2_model(std::size_t layers, std::size_t d, std::size_t heads,
                         std::size_t vocabulary, std::size_t n) {
  const double size = 1 / std::sqrt(static_cast<double>(d));
  ModelWeightsF w;
  w.W_E = formula(vocabulary, d, 0, size);
  w.W_pos = formula(n, d, 0.5, 0.1);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const double k = 20 * static_cast<double>(layer + 1);
    BlockWeightsOf<float> block = attention_block(d, heads, k);
    block.norm2 = NormWeightsOf<float>{formula_row(d, k + 11, 0.1, 1), formula_row(d, k + 12, 0.1)};
    block.feed_forward = FeedForwardWeightsOf<float>{
        formula(d, 4 * d, k + 13, size), formula_row(4 * d, k + 14, 0.1),
        formula(4 * d, d, k + 15, size / 2), formula_row(d, k + 16, 0.1), Activation::gelu_new};
    w.blocks.push_back(std::move(block));
  }
  w.norm_final = NormWeightsOf<float>{formula_row(d, 17, 0.1, 1), formula_row(d, 18, 0.1)};
  return w;
}

}  // namespace headlight::cli
