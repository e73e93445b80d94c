// Right but unusual solutions of 07.2: each has to get all points.
#include "07_how_heads_specialise/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SymmetryTrace;

Matrix blank(std::size_t rows, std::size_t columns) {
  return Matrix(Matrix::shape_type{rows, columns}, 0.0);
}

// What all share: the forward pass, as the exercise gives it.
SymmetryTrace forward(const Matrix& X, const Matrix& target, const std::vector<Matrix>& W_QK,
                      const std::vector<Matrix>& W_OV) {
  const double root = std::sqrt(static_cast<double>(X.shape(1)));
  SymmetryTrace t;
  t.error = -target;
  for (std::size_t h = 0; h < W_QK.size(); ++h) {
    const Matrix &QK = W_QK[h], &OV = W_OV[h];
    const Matrix scores = matmul(matmul(X, QK), transpose(X)) / root;
    const Matrix weight = xt::exp(scores - row_max(scores));
    t.pattern.push_back(weight / row_sum(weight));
    t.contribution.push_back(matmul(t.pattern[h], matmul(X, OV)));
    t.error += t.contribution[h];
  }
  return t;
}

void measure(SymmetryTrace& t) {
  const std::size_t n_heads = t.new_QK.size();
  t.distance = blank(n_heads, n_heads);
  for (std::size_t a = 0; a < n_heads; ++a)
    for (std::size_t b = 0; b < a; ++b) {
      for (std::size_t c = 0; c < t.new_QK[a].size(); ++c)
        t.distance(a, b) =
            std::max(t.distance(a, b), std::abs(t.new_QK[a].data()[c] - t.new_QK[b].data()[c]));
      for (std::size_t c = 0; c < t.new_OV[a].size(); ++c)
        t.distance(a, b) =
            std::max(t.distance(a, b), std::abs(t.new_OV[a].data()[c] - t.new_OV[b].data()[c]));
      t.distance(b, a) = t.distance(a, b);
    }
}

// The sums kept, and cleared at every turn; heads from the last to the first.
SymmetryTrace sums_cleared(const Matrix& X, const Matrix& target, const std::vector<Matrix>& W_QK,
                           const std::vector<Matrix>& W_OV, double rate) {
  SymmetryTrace t = forward(X, target, W_QK, W_OV);
  const std::size_t n_heads = W_QK.size();
  const double root = std::sqrt(static_cast<double>(X.shape(1)));
  for (auto* list : {&t.score_gradient, &t.gradient_QK, &t.gradient_OV, &t.new_QK, &t.new_OV})
    list->resize(n_heads);
  Matrix sum_QK = W_QK[0], sum_OV = W_OV[0];
  for (std::size_t h = n_heads; h-- > 0;) {
    sum_QK.fill(0);
    sum_OV.fill(0);
    const Matrix &QK = W_QK[h], &OV = W_OV[h];
    const Matrix of_pattern = matmul(t.error, transpose(matmul(X, OV)));
    const Matrix products = t.pattern[h] * of_pattern;
    t.score_gradient[h] = t.pattern[h] * (of_pattern - row_sum(products));
    sum_QK += matmul(transpose(X), matmul(t.score_gradient[h], X)) / root;
    sum_OV += matmul(transpose(X), matmul(transpose(t.pattern[h]), t.error));
    t.gradient_QK[h] = sum_QK;
    t.gradient_OV[h] = sum_OV;
    t.new_QK[h] = QK;
    t.new_QK[h] -= rate * sum_QK;
    t.new_OV[h] = OV;
    t.new_OV[h] -= rate * sum_OV;
  }
  measure(t);
  return t;
}

// Cell by cell; the scores' gradient through the Jacobian of the softmax.
template <class Number>
SymmetryTrace by_loops(const Matrix& X, const Matrix& target, const std::vector<Matrix>& W_QK,
                       const std::vector<Matrix>& W_OV, double rate) {
  SymmetryTrace t = forward(X, target, W_QK, W_OV);
  const std::size_t n = X.shape(0), d_model = X.shape(1), d_out = target.shape(1);
  const auto cast = [](double x) { return static_cast<Number>(x); };
  for (std::size_t h = 0; h < W_QK.size(); ++h) {
    Matrix S = blank(n, n), QK = blank(d_model, d_model), OV = blank(d_model, d_out);
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<Number> of_pattern(n, 0);
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t c = 0; c < d_out; ++c) {
          Number value = 0;
          for (std::size_t f = 0; f < d_model; ++f) value += cast(X(j, f)) * cast(W_OV[h](f, c));
          of_pattern[j] += cast(t.error(i, c)) * value;
        }
      for (std::size_t k = 0; k < n; ++k) {
        Number sum = 0;
        for (std::size_t j = 0; j < n; ++j)
          sum += of_pattern[j] * cast(t.pattern[h](i, j)) *
                 ((j == k ? 1 : 0) - cast(t.pattern[h](i, k)));
        S(i, k) = static_cast<double>(sum);
      }
    }
    for (std::size_t a = 0; a < d_model; ++a) {
      for (std::size_t b = 0; b < d_model; ++b) {
        Number sum = 0;
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < n; ++j) sum += cast(X(i, a)) * cast(S(i, j)) * cast(X(j, b));
        QK(a, b) = static_cast<double>(sum / std::sqrt(cast(static_cast<double>(d_model))));
      }
      for (std::size_t c = 0; c < d_out; ++c) {
        Number sum = 0;
        for (std::size_t j = 0; j < n; ++j)
          for (std::size_t i = 0; i < n; ++i)
            sum += cast(X(j, a)) * cast(t.pattern[h](i, j)) * cast(t.error(i, c));
        OV(a, c) = static_cast<double>(sum);
      }
    }
    t.score_gradient.push_back(S);
    t.gradient_QK.push_back(QK);
    t.gradient_OV.push_back(OV);
    t.new_QK.push_back(W_QK[h] - rate * QK);
    t.new_OV.push_back(W_OV[h] - rate * OV);
  }
  measure(t);
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::symmetric_init)>> accepted_07_2;
const std::vector<Mutant<decltype(exercise::symmetric_init)>> accepted_07_2 = {
    {"sums-cleared", "", "sums cleared at every turn, heads from the last", sums_cleared},
    {"loops", "", "cell by cell, through the Jacobian", by_loops<double>},
    {"float", "", "the same in float", by_loops<float>},
};

}  // namespace headlight::course
