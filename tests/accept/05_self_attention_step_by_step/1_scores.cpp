// Right but unusual solutions of 05.1: each has to get all points.
#include "05_self_attention_step_by_step/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::ScoresTrace;

// Everything in float, by loops, and the scale put into the products.
ScoresTrace in_float(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  const auto product = [&](const Matrix& W) {
    Matrix out(Matrix::shape_type{X.shape(0), W.shape(1)});
    for (std::size_t i = 0; i < X.shape(0); ++i)
      for (std::size_t j = 0; j < W.shape(1); ++j) {
        float total = 0;
        for (std::size_t k = 0; k < X.shape(1); ++k)
          total += static_cast<float>(X(i, k)) * static_cast<float>(W(k, j));
        out(i, j) = static_cast<double>(total);
      }
    return out;
  };
  ScoresTrace trace{product(W_Q), product(W_K), Matrix(Matrix::shape_type{X.shape(0), X.shape(0)})};
  const float root = std::sqrt(static_cast<float>(W_Q.shape(1)));
  for (std::size_t i = 0; i < X.shape(0); ++i)
    for (std::size_t j = 0; j < X.shape(0); ++j) {
      float total = 0;
      for (std::size_t k = 0; k < W_Q.shape(1); ++k)
        total += static_cast<float>(trace.query(i, k)) / root * static_cast<float>(trace.key(j, k));
      trace.scores(i, j) = static_cast<double>(total);
    }
  return trace;
}

// Column by column, last feature first.
ScoresTrace columns_first(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  ScoresTrace trace{matmul(X, W_Q), matmul(X, W_K), xt::zeros<double>({X.shape(0), X.shape(0)})};
  for (std::size_t k = W_Q.shape(1); k-- > 0;)
    for (std::size_t j = 0; j < X.shape(0); ++j)
      for (std::size_t i = 0; i < X.shape(0); ++i)
        trace.scores(i, j) += trace.query(i, k) * trace.key(j, k);
  trace.scores = trace.scores * std::pow(static_cast<double>(W_Q.shape(1)), -0.5);
  return trace;
}

// W_Q W_K^T first: one bilinear form of width d_model.
ScoresTrace bilinear(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  const Matrix form = matmul(W_Q, transpose(W_K)) / std::sqrt(static_cast<double>(W_K.shape(1)));
  return {matmul(X, W_Q), matmul(X, W_K), matmul(matmul(X, form), transpose(X))};
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::scores)>> accepted_05_1;
const std::vector<Mutant<decltype(exercise::scores)>> accepted_05_1 = {
    {"float", "", "everything in float, by loops", in_float},
    {"columns-first", "", "column by column, last feature first", columns_first},
    {"bilinear", "", "through W_Q W_K^T", bilinear},
};

}  // namespace headlight::course
