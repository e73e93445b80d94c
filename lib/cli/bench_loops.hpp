/// @file
/// The traced layer by plain loops, on bare pointers: what is compiled for one kind of processor
/// must share no inline function with the rest.
#pragma once

#include <cstddef>

namespace headlight::cli {

/// Where everything of the layer lies; matrices row by row, heads beside each other.
struct LoopLayer {
  std::size_t n, d, heads;
  float epsilon;
  const float *x, *gain, *bias;
  const float *weights[4], *biases[4];  ///< Q, K, V, O
  float *norm, *qkv[3];
  float *scores, *pattern;  ///< @shape{heads, n, n}   scores of the visible keys only
  float *z, *output, *residual;
};

/// The layer. @param layer  what is read and written
void loops_plain(const LoopLayer& layer);
/// The layer, for AVX2. @param layer  what is read and written
void loops_avx2(const LoopLayer& layer);
/// The layer, for AVX-512. @param layer  what is read and written
void loops_avx512(const LoopLayer& layer);

}  // namespace headlight::cli
