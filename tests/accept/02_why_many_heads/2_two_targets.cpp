// Right but unusual solutions of 02.2: each has to get all points.
#include "02_why_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::HeadWeights;
using exercise::TwoTargets;

TwoTargets empty(const Matrix& X, std::size_t d_v) {
  const std::size_t n = X.shape(0);
  return {xt::zeros<double>({std::size_t{2}, n, n}), xt::zeros<double>({std::size_t{2}, n, d_v}),
          xt::zeros<double>({n, 2 * d_v})};
}

// Plain loops in float, the second head first.
TwoTargets in_float(const Matrix& X, const HeadWeights& first, const HeadWeights& second) {
  const std::size_t n = X.shape(0), d_v = first.W_V.shape(1);
  TwoTargets out = empty(X, d_v);
  for (std::size_t h = 2; h-- > 0;) {
    const HeadWeights& head = h == 0 ? first : second;
    const auto projected = [&](const Matrix& W) {
      MatrixF made = xt::zeros<float>({n, W.shape(1)});
      for (std::size_t c = 0; c < W.shape(1); ++c)
        for (std::size_t m = 0; m < X.shape(1); ++m)
          for (std::size_t i = 0; i < n; ++i)
            made(i, c) += static_cast<float>(X(i, m)) * static_cast<float>(W(m, c));
      return made;
    };
    const MatrixF q = projected(head.W_Q), k = projected(head.W_K), v = projected(head.W_V);
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<float> s(n);
      float total = 0, largest = std::numeric_limits<float>::lowest();
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t c = 0; c < q.shape(1); ++c) s[j] += q(i, c) * k(j, c);
        largest = std::max(largest, s[j] /= std::sqrt(static_cast<float>(q.shape(1))));
      }
      for (std::size_t j = 0; j < n; ++j) total += s[j] = std::exp(s[j] - largest);
      for (std::size_t j = 0; j < n; ++j) out.pattern(h, i, j) = static_cast<double>(s[j] / total);
      for (std::size_t c = 0; c < d_v; ++c) {
        float sum = 0;
        for (std::size_t j = 0; j < n; ++j) sum += s[j] / total * v(j, c);
        out.joined(i, h * d_v + c) = out.output(h, i, c) = static_cast<double>(sum);
      }
    }
  }
  return out;
}

// One product for everything, cut afterwards; joined first, the outputs cut from it.
TwoTargets fused(const Matrix& X, const HeadWeights& first, const HeadWeights& second) {
  const std::size_t k = first.W_Q.shape(1), v = first.W_V.shape(1);
  const Matrix W = xt::concatenate(
      xt::xtuple(first.W_Q, second.W_Q, first.W_K, second.W_K, first.W_V, second.W_V), 1);
  const Matrix all = matmul(X, W);
  const auto cut = [&](std::size_t from, std::size_t width) {
    return Matrix(xt::view(all, xt::all(), xt::range(from, from + width)));
  };
  TwoTargets out = empty(X, v);
  for (std::size_t h = 0; h < 2; ++h) {
    const Matrix scores = matmul(cut(h * k, k), transpose(cut((2 + h) * k, k))) *
                          std::pow(static_cast<double>(k), -0.5);
    const Matrix weight = xt::exp(scores - row_max(scores));
    const Matrix pattern = weight / row_sum(weight);
    xt::view(out.pattern, h) = pattern;
    xt::view(out.joined, xt::all(), xt::range(h * v, h * v + v)) =
        matmul(pattern, cut(4 * k + h * v, v));
  }
  for (std::size_t h = 0; h < 2; ++h)
    xt::view(out.output, h) = xt::view(out.joined, xt::all(), xt::range(h * v, h * v + v));
  return out;
}

// W_Q W_K^T once for each head; the values are mixed before they are projected.
TwoTargets circuits(const Matrix& X, const HeadWeights& first, const HeadWeights& second) {
  TwoTargets out = empty(X, first.W_V.shape(1));
  std::size_t h = 0;
  for (const HeadWeights& head : {first, second}) {
    const Matrix QK =
        matmul(head.W_Q, transpose(head.W_K)) / std::sqrt(static_cast<double>(head.W_K.shape(1)));
    const Matrix scores = matmul(matmul(X, QK), transpose(X));
    const Matrix weight = xt::exp(scores - row_max(scores));
    xt::view(out.pattern, h) = weight / row_sum(weight);
    const Matrix pattern = xt::view(out.pattern, h);
    const Matrix output = matmul(matmul(pattern, X), head.W_V);
    xt::view(out.output, h) = output;
    for (std::size_t i = 0; i < X.shape(0); ++i)
      for (std::size_t c = 0; c < output.shape(1); ++c)
        out.joined(i, h * output.shape(1) + c) = output(i, c);
    ++h;
  }
  return out;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::two_targets)>> accepted_02_2;
const std::vector<Mutant<decltype(exercise::two_targets)>> accepted_02_2 = {
    {"float", "", "plain loops in float, the second head first", in_float},
    {"fused", "", "one product for both heads, joined before the outputs", fused},
    {"circuits", "", "through W_Q W_K^T, values mixed before they are projected", circuits},
};

}  // namespace headlight::course
