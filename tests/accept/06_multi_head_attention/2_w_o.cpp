// Right but unusual solutions of 06.2: each has to get all points.
#include "06_multi_head_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::OutputTrace;

// Everything in float; the output begins with the bias.
OutputTrace in_float(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O) {
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  OutputTrace t;
  t.concatenated = Matrix(Matrix::shape_type{n, n_heads * d_head});
  t.mixed = t.output = Matrix(Matrix::shape_type{n, W_O.shape(1)});
  t.folded = Tensor3(Tensor3::shape_type{n_heads, W_V.shape(0), W_O.shape(1)});
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n_heads * d_head; ++k)
      t.concatenated(i, k) = z(k / d_head, i, k % d_head);
    for (std::size_t o = W_O.shape(1); o-- > 0;) {
      float sum = 0;
      for (std::size_t k = n_heads * d_head; k-- > 0;)
        sum += static_cast<float>(t.concatenated(i, k)) * static_cast<float>(W_O(k, o));
      t.mixed(i, o) = static_cast<double>(sum);
      t.output(i, o) = static_cast<double>(static_cast<float>(b_O(o)) + sum);
    }
  }
  for (std::size_t o = 0; o < W_O.shape(1); ++o)
    for (std::size_t m = 0; m < W_V.shape(0); ++m)
      for (std::size_t h = 0; h < n_heads; ++h) {
        float sum = 0;
        for (std::size_t c = 0; c < d_head; ++c)
          sum += static_cast<float>(W_V(m, h * d_head + c)) *
                 static_cast<float>(W_O(h * d_head + c, o));
        t.folded(h, m, o) = static_cast<double>(sum);
      }
  return t;
}

// A sum over heads; blocks cut out with views.
OutputTrace by_blocks(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O) {
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  OutputTrace t;
  t.concatenated = xt::zeros<double>({n, n_heads * d_head});
  t.mixed = xt::zeros<double>({n, W_O.shape(1)});
  t.folded = xt::zeros<double>({n_heads, W_V.shape(0), W_O.shape(1)});
  for (std::size_t h = n_heads; h-- > 0;) {
    const std::size_t first = h * d_head, end = first + d_head;
    const Matrix head = xt::view(z, h), rows = xt::view(W_O, xt::range(first, end));
    const Matrix columns = xt::view(W_V, xt::all(), xt::range(first, end));
    xt::view(t.concatenated, xt::all(), xt::range(first, end)) = head;
    t.mixed += matmul(head, rows);
    xt::view(t.folded, h) = matmul(columns, rows);
  }
  t.output = b_O + t.mixed;
  return t;
}

// The bias as one more row of W_O under a column of ones; W_O with all other heads' rows zero.
OutputTrace padded(const Tensor3& z, const Matrix& W_V, const Matrix& W_O, const Vector& b_O) {
  const std::size_t n_heads = z.shape(0), n = z.shape(1), d_head = z.shape(2);
  const std::size_t width = n_heads * d_head, d_out = W_O.shape(1);
  OutputTrace t;
  const Tensor3 by_token = xt::transpose(z, {1, 0, 2});
  t.concatenated = xt::reshape_view(by_token, std::array<std::size_t, 2>{n, width});
  Matrix ones(Matrix::shape_type{n, width + 1}, 1.0), more(Matrix::shape_type{width + 1, d_out});
  xt::view(ones, xt::all(), xt::range(0, width)) = t.concatenated;
  xt::view(more, xt::range(0, width)) = W_O;
  xt::view(more, width) = b_O;
  t.mixed = matmul(t.concatenated, W_O);
  t.output = matmul(ones, more);
  t.folded = xt::zeros<double>({n_heads, W_V.shape(0), d_out});
  for (std::size_t h = 0; h < n_heads; ++h) {
    Matrix alone = W_O;
    for (std::size_t k = 0; k < width; ++k)
      if (k / d_head != h)
        for (std::size_t o = 0; o < d_out; ++o) alone(k, o) = 0;
    xt::view(t.folded, h) = matmul(W_V, alone);
  }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::w_o)>> accepted_06_2;
const std::vector<Mutant<decltype(exercise::w_o)>> accepted_06_2 = {
    {"float", "", "everything in float, the output begins with the bias", in_float},
    {"blocks", "", "a sum over heads, blocks by views", by_blocks},
    {"padded", "", "the bias as a row of W_O, other heads' rows zero", padded},
};

}  // namespace headlight::course
