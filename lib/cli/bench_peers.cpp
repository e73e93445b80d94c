#include "bench_peers.hpp"

#include <algorithm>
#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <limits>
#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/misc/xmanipulation.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>
#endif

namespace headlight::cli {

PeerRecord layer_in_xtensor(const MatrixF& x, const BlockWeightsOf<float>& w) {
  const std::size_t n = x.shape(0), d = x.shape(1), h = w.attention.n_heads, dh = d / h;
  const float hidden = -std::numeric_limits<float>::infinity();
  PeerRecord r;
  const VectorF mean = xt::mean(x, {1});
  const MatrixF centred = x - xt::view(mean, xt::all(), xt::newaxis());
  const VectorF variance = xt::mean(centred * centred, {1});
  const VectorF scale = xt::sqrt(variance + w.norm1->epsilon);
  r.norm = centred / xt::view(scale, xt::all(), xt::newaxis()) * w.norm1->gain + w.norm1->bias;
  r.query = matmul(r.norm, w.attention.W_Q) + w.attention.b_Q;
  r.key = matmul(r.norm, w.attention.W_K) + w.attention.b_K;
  r.value = matmul(r.norm, w.attention.W_V) + w.attention.b_V;
  r.scores = Tensor3F::from_shape({h, n, n});
  r.masked = Tensor3F::from_shape({h, n, n});
  r.pattern = Tensor3F::from_shape({h, n, n});
  r.z = MatrixF::from_shape({n, d});
  const MatrixF visible = xt::tril(xt::ones<float>({n, n}));
  for (std::size_t head = 0; head < h; ++head) {
    const auto first = static_cast<std::ptrdiff_t>(head * dh),
               last = first + static_cast<std::ptrdiff_t>(dh);
    const MatrixF query = xt::view(r.query, xt::all(), xt::range(first, last));
    const MatrixF key = xt::view(r.key, xt::all(), xt::range(first, last));
    const MatrixF value = xt::view(r.value, xt::all(), xt::range(first, last));
    const MatrixF scores =
        matmul(query, MatrixF(xt::transpose(key))) / std::sqrt(static_cast<float>(dh));
    const MatrixF masked = xt::where(visible > 0.0f, scores, hidden);
    const VectorF top = xt::amax(masked, {1});
    const MatrixF exponentials = xt::exp(masked - xt::view(top, xt::all(), xt::newaxis()));
    const VectorF total = xt::sum(exponentials, {1});
    const MatrixF pattern = exponentials / xt::view(total, xt::all(), xt::newaxis());
    xt::view(r.scores, head) = scores;
    xt::view(r.masked, head) = masked;
    xt::view(r.pattern, head) = pattern;
    xt::view(r.z, xt::all(), xt::range(first, last)) = matmul(pattern, value);
  }
  r.output = matmul(r.z, w.attention.W_O) + w.attention.b_O;
  r.residual = x + r.output;
  return r;
}

namespace {

// y = x W + b by loops that keep four rows of x in registers' reach: what a careful C programmer
// writes without BLAS.
void product(const MatrixF& x, const MatrixF& W, const VectorF& b, MatrixF& y) {
  const std::size_t n = x.shape(0), k = W.shape(0), m = W.shape(1);
  set_shape(y, std::array{n, m});
  for (std::size_t i = 0; i < n; ++i) std::copy(b.begin(), b.end(), y.data() + i * m);
  for (std::size_t i = 0; i < n; i += 4) {
    const std::size_t count = std::min<std::size_t>(4, n - i);
    for (std::size_t p = 0; p < k; ++p) {
      const float* row = W.data() + p * m;
      for (std::size_t r = 0; r < count; ++r) {
        const float factor = x.data()[(i + r) * k + p];
        float* to = y.data() + (i + r) * m;
        for (std::size_t j = 0; j < m; ++j) to[j] += factor * row[j];
      }
    }
  }
}

}  // namespace

void layer_in_loops(const MatrixF& x, const BlockWeightsOf<float>& w, PeerRecord& r) {
  const std::size_t n = x.shape(0), d = x.shape(1), h = w.attention.n_heads, dh = d / h;
  const float scale = 1 / std::sqrt(static_cast<float>(dh));
  set_shape(r.norm, x.shape());
  for (std::size_t i = 0; i < n; ++i) {
    const float* row = x.data() + i * d;
    float mean = 0, variance = 0;
    for (std::size_t j = 0; j < d; ++j) mean += row[j];
    mean /= static_cast<float>(d);
    for (std::size_t j = 0; j < d; ++j) variance += (row[j] - mean) * (row[j] - mean);
    const float inverse = 1 / std::sqrt(variance / static_cast<float>(d) + w.norm1->epsilon);
    for (std::size_t j = 0; j < d; ++j)
      r.norm(i, j) = (row[j] - mean) * inverse * w.norm1->gain(j) + w.norm1->bias(j);
  }
  product(r.norm, w.attention.W_Q, w.attention.b_Q, r.query);
  product(r.norm, w.attention.W_K, w.attention.b_K, r.key);
  product(r.norm, w.attention.W_V, w.attention.b_V, r.value);
  set_shape(r.scores, std::array{h, n, n});
  set_shape(r.pattern, std::array{h, n, n});
  set_shape(r.z, x.shape());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t head = 0; head < h; ++head) {
      const float* query = r.query.data() + i * d + head * dh;
      float* scores = r.scores.data() + (head * n + i) * n;
      float* pattern = r.pattern.data() + (head * n + i) * n;
      float max = -1e30f;  // pass 1: scores and their maximum
      for (std::size_t j = 0; j <= i; ++j) {
        const float* key = r.key.data() + j * d + head * dh;
        float dot = 0;
        for (std::size_t c = 0; c < dh; ++c) dot += query[c] * key[c];
        scores[j] = dot * scale;
        max = std::max(max, scores[j]);
      }
      float sum = 0;  // pass 2: exponentials and their sum
      for (std::size_t j = 0; j <= i; ++j) {
        pattern[j] = std::exp(scores[j] - max);
        sum += pattern[j];
      }
      for (std::size_t j = 0; j < n; ++j)  // pass 3: normalise, zero the future
        pattern[j] = j <= i ? pattern[j] / sum : 0.0f;
      float* z = r.z.data() + i * d + head * dh;  // pass 4: weigh the values
      std::fill_n(z, dh, 0.0f);
      for (std::size_t j = 0; j <= i; ++j) {
        const float* value = r.value.data() + j * d + head * dh;
        for (std::size_t c = 0; c < dh; ++c) z[c] += pattern[j] * value[c];
      }
    }
  }
  product(r.z, w.attention.W_O, w.attention.b_O, r.output);
  set_shape(r.residual, x.shape());
  for (std::size_t c = 0; c < x.size(); ++c)
    r.residual.data()[c] = x.data()[c] + r.output.data()[c];
}

}  // namespace headlight::cli
