// Right but unusual solutions of 01.1: each has to get all points.
#include "01_what_is_a_head/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::Projections;

// Everything in float.
Projections in_float(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  const auto product = [&](const Matrix& W) {
    Matrix out(Matrix::shape_type{X.shape(0), W.shape(1)});
    for (std::size_t i = 0; i < X.shape(0); ++i)
      for (std::size_t c = 0; c < W.shape(1); ++c) {
        float total = 0;
        for (std::size_t m = 0; m < X.shape(1); ++m)
          total += static_cast<float>(X(i, m)) * static_cast<float>(W(m, c));
        out(i, c) = static_cast<double>(total);
      }
    return out;
  };
  return {product(W_Q), product(W_K), product(W_V)};
}

// The features outside and backwards: a sum of outer products, written as expressions.
Projections outer_products(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                           const Matrix& W_V) {
  const auto product = [&](const Matrix& W) {
    Matrix out = xt::zeros<double>({X.shape(0), W.shape(1)});
    for (std::size_t m = X.shape(1); m-- > 0;)
      out +=
          xt::view(X, xt::all(), xt::range(m, m + 1)) * xt::view(W, xt::range(m, m + 1), xt::all());
    return out;
  };
  return {product(W_Q), product(W_K), product(W_V)};
}

// One product for all three, then cut.
Projections fused(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  const std::size_t k = W_Q.shape(1), v = W_V.shape(1);
  const Matrix W = xt::concatenate(xt::xtuple(W_Q, W_K, W_V), 1);
  const Matrix all = matmul(X, W);
  return {xt::view(all, xt::all(), xt::range(0, k)), xt::view(all, xt::all(), xt::range(k, 2 * k)),
          xt::view(all, xt::all(), xt::range(2 * k, 2 * k + v))};
}

// From the transposed side: (W^T X^T)^T, with a pointer that walks.
Projections from_the_other_side(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                                const Matrix& W_V) {
  const auto product = [&](const Matrix& W) {
    return Matrix(transpose(matmul(transpose(W), transpose(X))));
  };
  Projections made;
  made.value = product(W_V);
  made.key = product(W_K);
  made.query = product(W_Q);
  return made;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::project)>> accepted_01_1;
const std::vector<Mutant<decltype(exercise::project)>> accepted_01_1 = {
    {"float", "", "everything in float", in_float},
    {"outer-products", "", "a sum of outer products, last feature first", outer_products},
    {"fused", "", "one product for all three, then cut", fused},
    {"other-side", "", "(W^T X^T)^T", from_the_other_side},
};

}  // namespace headlight::course
