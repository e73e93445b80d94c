// Built once for every kind of processor under the name HEADLIGHT_LOOPS, with -Ofast as the authors
// of llm.c build theirs.
#include "bench_loops.hpp"

#include <math.h>

namespace headlight::cli {
namespace {

// y = x W + b by loops that keep four rows of x in registers' reach: what a careful C programmer
// writes without BLAS.
void product(const float* x, const float* W, const float* b, float* y, std::size_t n,
             std::size_t d) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < d; ++j) y[i * d + j] = b[j];
  for (std::size_t i = 0; i < n; i += 4) {
    const std::size_t end = i + 4 < n ? i + 4 : n;
    for (std::size_t p = 0; p < d; ++p) {
      const float* row = W + p * d;
      for (std::size_t r = i; r < end; ++r) {
        const float factor = x[r * d + p];
        float* to = y + r * d;
        for (std::size_t j = 0; j < d; ++j) to[j] += factor * row[j];
      }
    }
  }
}

}  // namespace

void HEADLIGHT_LOOPS(const LoopLayer& l) {
  const std::size_t n = l.n, d = l.d, h = l.heads, dh = d / h;
  const float scale = 1 / sqrtf(static_cast<float>(dh));
  for (std::size_t i = 0; i < n; ++i) {
    const float* row = l.x + i * d;
    float mean = 0, variance = 0;
    for (std::size_t j = 0; j < d; ++j) mean += row[j];
    mean /= static_cast<float>(d);
    for (std::size_t j = 0; j < d; ++j) variance += (row[j] - mean) * (row[j] - mean);
    const float inverse = 1 / sqrtf(variance / static_cast<float>(d) + l.epsilon);
    for (std::size_t j = 0; j < d; ++j)
      l.norm[i * d + j] = (row[j] - mean) * inverse * l.gain[j] + l.bias[j];
  }
  for (int m = 0; m < 3; ++m) product(l.norm, l.weights[m], l.biases[m], l.qkv[m], n, d);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t head = 0; head < h; ++head) {
      const float* query = l.qkv[0] + i * d + head * dh;
      float* scores = l.scores + (head * n + i) * n;
      float* pattern = l.pattern + (head * n + i) * n;
      float max = -1e30f;  // pass 1: scores and their maximum
      for (std::size_t j = 0; j <= i; ++j) {
        const float* key = l.qkv[1] + j * d + head * dh;
        float dot = 0;
        for (std::size_t c = 0; c < dh; ++c) dot += query[c] * key[c];
        scores[j] = dot * scale;
        max = scores[j] > max ? scores[j] : max;
      }
      float sum = 0;  // pass 2: exponentials and their sum
      for (std::size_t j = 0; j <= i; ++j) {
        pattern[j] = expf(scores[j] - max);
        sum += pattern[j];
      }
      for (std::size_t j = 0; j <= i; ++j) pattern[j] /= sum;  // pass 3: normalise, zero the future
      for (std::size_t j = i + 1; j < n; ++j) pattern[j] = 0;
      float* z = l.z + i * d + head * dh;  // pass 4: weigh the values
      for (std::size_t c = 0; c < dh; ++c) z[c] = 0;
      for (std::size_t j = 0; j <= i; ++j) {
        const float* value = l.qkv[2] + j * d + head * dh;
        for (std::size_t c = 0; c < dh; ++c) z[c] += pattern[j] * value[c];
      }
    }
  }
  product(l.z, l.weights[3], l.biases[3], l.output, n, d);
  for (std::size_t c = 0; c < n * d; ++c) l.residual[c] = l.x[c] + l.output[c];
}

}  // namespace headlight::cli
