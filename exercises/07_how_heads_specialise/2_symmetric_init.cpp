// 07.2  Symmetric start: do equal heads part?                           20 minutes
//
// One step of gradient descent on a layer whose heads are W_QK and W_OV. The loss is half the sum
// of squares of error = sum over heads of contribution - target. The region has two faults: with
// them, heads that begin as copies drift apart, and the loss grows. Find and repair both.
//
//   gradient_QK = X^T score_gradient X / sqrt(d_model)   gradient_OV = (pattern X)^T error
//
// Example: one token X = [[1]], target = [[3]], two heads with W_QK = [[0]], W_OV = [[1]], rate
//   0.5 give error = [[-1]], gradient_OV = [[-1]], new_OV = [[1.5]] for both, distance = 0.
//
// Section 7 of the report, which lets chance in training part equal heads.
#include "exercises.hpp"

namespace headlight::exercise {

namespace {

// a + factor b
Matrix moved(const Matrix& a, double factor, const Matrix& b) {
  Matrix out = a;
  for (std::size_t c = 0; c < out.size(); ++c) out.data()[c] += factor * b.data()[c];
  return out;
}

Matrix softmax(const Matrix& scores) {
  Matrix out = scores;
  for (std::size_t i = 0; i < out.shape(0); ++i) {
    double largest = scores(i, 0), total = 0;
    for (std::size_t j = 0; j < out.shape(1); ++j) largest = std::max(largest, scores(i, j));
    for (std::size_t j = 0; j < out.shape(1); ++j)
      total += out(i, j) = std::exp(scores(i, j) - largest);
    for (std::size_t j = 0; j < out.shape(1); ++j) out(i, j) /= total;
  }
  return out;
}

// The gradient of the scores from that of their softmax; exercise 07.1.
Matrix through_softmax(const Matrix& pattern, const Matrix& pattern_gradient) {
  Matrix out = pattern;
  for (std::size_t i = 0; i < out.shape(0); ++i) {
    double mean = 0;
    for (std::size_t j = 0; j < out.shape(1); ++j) mean += pattern(i, j) * pattern_gradient(i, j);
    for (std::size_t j = 0; j < out.shape(1); ++j) out(i, j) *= pattern_gradient(i, j) - mean;
  }
  return out;
}

}  // namespace

SymmetryTrace symmetric_init(const Matrix& X, const Matrix& target, const std::vector<Matrix>& W_QK,
                             const std::vector<Matrix>& W_OV, double rate) {
  const std::size_t n_heads = W_QK.size();
  const double root = std::sqrt(static_cast<double>(X.shape(1)));
  const Matrix X_T = transpose(X);
  SymmetryTrace trace;
  trace.error = moved(target, -2, target);  // -target; the contributions are added to it
  for (std::size_t h = 0; h < n_heads; ++h) {
    trace.pattern.push_back(softmax(matmul(matmul(X, W_QK[h]), X_T) / root));
    trace.contribution.push_back(matmul(trace.pattern[h], matmul(X, W_OV[h])));
    trace.error = moved(trace.error, 1, trace.contribution[h]);
  }
  // >>> your code
  Matrix sum_QK = xt::zeros<double>(W_QK[0].shape());
  Matrix sum_OV = xt::zeros<double>(W_OV[0].shape());
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix pattern_gradient = matmul(trace.error, transpose(matmul(X, W_OV[h])));
    trace.score_gradient.push_back(through_softmax(trace.pattern[h], pattern_gradient));
    const Matrix of_QK = matmul(matmul(X_T, trace.score_gradient[h]), X) / root;
    const Matrix of_OV = matmul(transpose(matmul(trace.pattern[h], X)), trace.error);
    sum_QK = moved(sum_QK, 1, of_QK);
    sum_OV = moved(sum_OV, 1, of_OV);
    trace.gradient_QK.push_back(sum_QK);
    trace.gradient_OV.push_back(sum_OV);
    trace.new_QK.push_back(moved(W_QK[h], rate, trace.gradient_QK[h]));
    trace.new_OV.push_back(moved(W_OV[h], rate, trace.gradient_OV[h]));
  }
  // <<< your code
  trace.distance = xt::zeros<double>({n_heads, n_heads});
  for (const std::vector<Matrix>* heads : {&trace.new_QK, &trace.new_OV})
    for (std::size_t a = 0; a < n_heads; ++a)
      for (std::size_t b = 0; b < n_heads; ++b)
        for (std::size_t c = 0; c < heads->at(a).size(); ++c)
          trace.distance(a, b) = std::max(
              trace.distance(a, b), std::abs(heads->at(a).data()[c] - heads->at(b).data()[c]));
  return trace;
}

}  // namespace headlight::exercise
