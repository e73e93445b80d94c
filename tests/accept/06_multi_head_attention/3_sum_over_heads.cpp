// Right but unusual solutions of 06.3: each has to get all points.
#include "06_multi_head_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SumTrace;

// Everything in float, the last head first, the bias before all heads.
SumTrace in_float(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  const std::size_t d_out = W_O.shape(1);
  SumTrace t;
  t.contributions = Tensor3(Tensor3::shape_type{n_heads, n, d_out});
  t.output = Matrix(Matrix::shape_type{n, d_out});
  t.lengths = Matrix(Matrix::shape_type{n_heads, n}, 0.0);
  for (std::size_t o = 0; o < d_out; ++o)
    for (std::size_t i = 0; i < n; ++i) {
      float total = static_cast<float>(b_O(o));
      for (std::size_t h = n_heads; h-- > 0;) {
        float part = 0;
        for (std::size_t c = d_head; c-- > 0;)
          part += static_cast<float>(z(h, i, c)) * static_cast<float>(W_O(h * d_head + c, o));
        t.contributions(h, i, o) = static_cast<double>(part);
        total += part;
        t.lengths(h, i) = static_cast<double>(
            std::hypot(static_cast<float>(t.lengths(h, i)), part));  // one number at a time
      }
      t.output(i, o) = static_cast<double>(total);
    }
  return t;
}

// The concatenation with all other heads zero, times the whole of W_O.
SumTrace others_zero(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  SumTrace t;
  t.contributions = xt::zeros<double>({n_heads, n, W_O.shape(1)});
  t.lengths = xt::zeros<double>({n_heads, n});
  Matrix all = xt::zeros<double>({n, n_heads * d_head});
  for (std::size_t h = 0; h < n_heads; ++h) {
    Matrix alone = xt::zeros<double>({n, n_heads * d_head});
    xt::view(alone, xt::all(), xt::range(h * d_head, (h + 1) * d_head)) = xt::view(z, h);
    all += alone;
    const Matrix part = matmul(alone, W_O);
    xt::view(t.contributions, h) = part;
    const Matrix squares = part * part;
    for (std::size_t i = 0; i < n; ++i) t.lengths(h, i) = std::sqrt(row_sum(squares)(i, 0));
  }
  t.output = matmul(all, W_O) + b_O;  // the output is not even a sum here
  return t;
}

// Lengths without the contributions: z (W_O W_O^T) z^T, head by head.
SumTrace through_products(const Tensor3& z, const Matrix& W_O, const Vector& b_O) {
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  SumTrace t;
  t.contributions = xt::zeros<double>({n_heads, n, W_O.shape(1)});
  t.lengths = xt::zeros<double>({n_heads, n});
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix rows = xt::view(W_O, xt::range(h * d_head, (h + 1) * d_head));
    const Matrix head = xt::view(z, h), products = matmul(rows, transpose(rows));
    xt::view(t.contributions, h) = matmul(head, rows);
    const Matrix half = matmul(head, products);
    for (std::size_t i = 0; i < n; ++i) {
      double squares = 0;
      for (std::size_t c = 0; c < d_head; ++c) squares += half(i, c) * head(i, c);
      t.lengths(h, i) = std::sqrt(std::max(squares, 0.0));
    }
  }
  t.output = xt::sum(t.contributions, {0});
  t.output += b_O;
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::sum_over_heads)>> accepted_06_3;
const std::vector<Mutant<decltype(exercise::sum_over_heads)>> accepted_06_3 = {
    {"float", "", "everything in float, the bias before all heads", in_float},
    {"others-zero", "", "the concatenation with all other heads zero", others_zero},
    {"products", "", "lengths through W_O W_O^T", through_products},
};

}  // namespace headlight::course
