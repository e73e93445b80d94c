// Included by kernels_plain.cpp, kernels_avx2.cpp and kernels_avx512.cpp, each compiled for its own
// instructions. Vectors are GCC's: the compiler splits sixteen lanes into what the instructions
// have. Everything lives in an unnamed namespace, so that no build's code is ever linked into
// another's callers.

#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "core/kernels.hpp"

namespace headlight::detail {
namespace {

constexpr std::size_t lanes = 16;

template <class T>
struct VectorType;
template <>
struct VectorType<float> {
  typedef float type __attribute__((vector_size(lanes * sizeof(float))));
  typedef std::int32_t mask __attribute__((vector_size(lanes * sizeof(float))));
};
template <>
struct VectorType<double> {
  typedef double type __attribute__((vector_size(lanes * sizeof(double))));
  typedef std::int64_t mask __attribute__((vector_size(lanes * sizeof(double))));
};
template <class T>
using Lanes = typename VectorType<T>::type;

#define HEADLIGHT_INLINE inline __attribute__((always_inline))

template <class T>
HEADLIGHT_INLINE void load(const T* from, Lanes<T>& to) {
  std::memcpy(&to, from, sizeof to);
}

template <class T>
HEADLIGHT_INLINE void store(const Lanes<T>& from, T* to) {
  std::memcpy(to, &from, sizeof from);
}

template <class T>
HEADLIGHT_INLINE void load_some(const T* from, std::size_t count, T rest, Lanes<T>& to) {
  T cells[lanes];
  for (std::size_t j = 0; j < lanes; ++j) cells[j] = j < count ? from[j] : rest;
  load(cells, to);
}

template <class T>
HEADLIGHT_INLINE void store_some(const Lanes<T>& from, std::size_t count, T* to) {
  std::memcpy(to, &from, count * sizeof(T));
}

template <class T>
HEADLIGHT_INLINE T add_lanes(const Lanes<T>& v) {
  T cells[lanes];
  store(v, cells);
  for (std::size_t half = lanes / 2; half > 0; half /= 2)
    for (std::size_t j = 0; j < half; ++j) cells[j] += cells[j + half];
  return cells[0];
}

// exp by 2^k e^r, |r| <= ln 2 / 2, Taylor to r^7 (truncation 5e-9). Relative error below 2.5e-7;
// zero below -87.3, where a float would leave its normal range. NaN stays NaN.
HEADLIGHT_INLINE void exp_lanes(const Lanes<float>& x, Lanes<float>& y) {
  typedef VectorType<float>::mask Ints;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const Lanes<float> t = x * 1.44269504088896341f + magic;
  const Lanes<float> k = t - magic;
  const Lanes<float> r = (x - k * 0.693145751953125f) - k * 1.42860682030941723e-6f;
  Lanes<float> p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  Ints bits;
  std::memcpy(&bits, &t, sizeof bits);
  bits = (bits - 0x4B400000 + 127) << 23;
  Lanes<float> power;
  std::memcpy(&power, &bits, sizeof power);
  y = x < -87.3f ? Lanes<float>{} : p * power;
}

HEADLIGHT_INLINE void exp_lanes(const Lanes<double>& x, Lanes<double>& y) {
  double cells[lanes];
  store(x, cells);
  for (double& cell : cells) cell = std::exp(cell);
  load(cells, y);
}

// Writes sixteen numbers around the caches. The address is a multiple of 64 bytes.
HEADLIGHT_INLINE void stream(const Lanes<float>& from, float* to) {
#if defined(__AVX512F__)
  __m512 v;
  std::memcpy(&v, &from, sizeof v);
  _mm512_stream_ps(to, v);
#elif defined(__AVX__)
  __m256 v[2];
  std::memcpy(v, &from, sizeof v);
  _mm256_stream_ps(to, v[0]);
  _mm256_stream_ps(to + 8, v[1]);
#elif defined(__SSE2__)
  __m128 v[4];
  std::memcpy(v, &from, sizeof v);
  for (int quarter = 0; quarter < 4; ++quarter) _mm_stream_ps(to + 4 * quarter, v[quarter]);
#else
  store(from, to);
#endif
}

HEADLIGHT_INLINE void stream(const Lanes<double>& from, double* to) {
  store(from, to);
}

// Copies a row into the record.
template <class T>
void put(const T* from, T* to, std::size_t n, bool past_cache) {
  if (!to) return;
  std::size_t j = 0;
  if (past_cache) {
    while (j < n && reinterpret_cast<std::uintptr_t>(to + j) % 64 != 0) to[j] = from[j], ++j;
    for (; j + lanes <= n; j += lanes) {
      Lanes<T> v;
      load(from + j, v);
      stream(v, to + j);
    }
  }
  std::memcpy(to + j, from + j, (n - j) * sizeof(T));
}

template <class T>
void put_constant(T value, T* to, std::size_t n, bool past_cache) {
  if (!to) return;
  std::size_t j = 0;
  if (past_cache) {
    const Lanes<T> v = Lanes<T>{} + value;
    while (j < n && reinterpret_cast<std::uintptr_t>(to + j) % 64 != 0) to[j++] = value;
    for (; j + lanes <= n; j += lanes) stream(v, to + j);
  }
  for (; j < n; ++j) to[j] = value;
}

template <class T>
void scale_row(const T* x, T factor, T* y, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) y[j] = x[j] * factor;
}

template <class T>
T sum_row(const T* x, std::size_t n) {
  Lanes<T> total{}, v;
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) load(x + j, v), total += v;
  if (j < n) load_some(x + j, n - j, T(0), v), total += v;
  return add_lanes<T>(total);
}

template <class T>
T squares_row(const T* x, T mean, std::size_t n) {
  Lanes<T> total{}, v;
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    load(x + j, v);
    v -= mean;
    total += v * v;
  }
  if (j < n) {
    load_some(x + j, n - j, mean, v);
    v -= mean;
    total += v * v;
  }
  return add_lanes<T>(total);
}

template <class T>
T max_row(const T* x, std::size_t n) {
  const T none = -__builtin_inf();
  Lanes<T> best = Lanes<T>{} + none, v;
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    load(x + j, v);
    best = v > best ? v : best;
  }
  if (j < n) {
    load_some(x + j, n - j, none, v);
    best = v > best ? v : best;
  }
  T cells[lanes], max = none;
  store(best, cells);
  for (const T cell : cells) max = cell > max ? cell : max;
  return max;
}

template <class T>
HEADLIGHT_INLINE void exp_of_difference(const Lanes<T>& x, T max, Lanes<T>& e) {
  const T hidden = -__builtin_inf();
  const Lanes<T> difference = x - max;  // NaN for a hidden cell of a fully hidden row
  exp_lanes(difference, e);
  e = x == hidden ? Lanes<T>{} : e;
}

template <class T>
void exp_row(const T* x, T max, T* y, std::size_t n) {
  Lanes<T> v, e;
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    load(x + j, v);
    exp_of_difference<T>(v, max, e);
    store(e, y + j);
  }
  if (j < n) {
    load_some(x + j, n - j, T(-__builtin_inf()), v);
    exp_of_difference<T>(v, max, e);
    store_some(e, n - j, y + j);
  }
}

template <class T>
void divide_row(const T* x, T sum, T* y, std::size_t n) {
  if (sum == 0) {
    for (std::size_t j = 0; j < n; ++j) y[j] = 0;
    return;
  }
  if constexpr (sizeof(T) == sizeof(float)) {
    const T inverse = 1 / sum;
    for (std::size_t j = 0; j < n; ++j) y[j] = x[j] * inverse;
  } else {
    for (std::size_t j = 0; j < n; ++j) y[j] = x[j] / sum;
  }
}

template <class T>
void normalise_row(const T* x, T mean, T deviation, T* y, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) y[j] = (x[j] - mean) / deviation;
}

template <class T>
void gain_row(const T* x, const T* gain, const T* bias, T* y, std::size_t n) {
  if (bias)
    for (std::size_t j = 0; j < n; ++j) y[j] = x[j] * gain[j] + bias[j];
  else
    for (std::size_t j = 0; j < n; ++j) y[j] = x[j] * gain[j];
}

HEADLIGHT_INLINE void gelu_new_lanes(const Lanes<float>& x, Lanes<float>& y) {
  const Lanes<float> inner = (x + x * x * x * 0.044715f) * 0.79788456080286535588f;
  // tanh(u) = 1 - 2 / (e^2u + 1); beyond |u| = 20 it is 1 to every bit
  Lanes<float> twice = inner * 2.0f, e;
  twice = twice > 40.0f ? Lanes<float>{} + 40.0f : twice;
  exp_lanes(twice, e);
  y = x * 0.5f * (2.0f - 2.0f / (e + 1.0f));
}

inline void gelu_new_row(const float* x, float* y, std::size_t n) {
  Lanes<float> v, g;
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    load(x + j, v);
    gelu_new_lanes(v, g);
    store(g, y + j);
  }
  if (j < n) {
    load_some(x + j, n - j, 0.0f, v);
    gelu_new_lanes(v, g);
    store_some(g, n - j, y + j);
  }
}

inline void gelu_new_row(const double* x, double* y, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    const double inner = 0.79788456080286535588 * (x[j] + 0.044715 * x[j] * x[j] * x[j]);
    y[j] = x[j] / 2 * (1 + std::tanh(inner));
  }
}

template <class T>
void attend_row(T* row, T scale, std::size_t visible, std::size_t n, const RowRecord<T>& record,
                bool past_cache, T& max, T& sum) {
  put(row, record.raw, n, past_cache);
  scale_row(row, scale, row, n);
  put(row, record.scores, n, past_cache);
  max = max_row(row, visible);
  put(row, record.masked, visible, past_cache);
  const std::size_t hidden = n - visible;
  const auto tail = [&](T* to) { return to ? to + visible : nullptr; };
  put_constant(T(-__builtin_inf()), tail(record.masked), hidden, past_cache);
  exp_row(row, max, row, visible);
  sum = sum_row(row, visible);
  put(row, record.exp, visible, past_cache);
  put_constant(T(0), tail(record.exp), hidden, past_cache);
  divide_row(row, sum, row, visible);
  for (std::size_t j = visible; j < n; ++j) row[j] = 0;
  put(row, record.pattern, visible, past_cache);
  put_constant(T(0), tail(record.pattern), hidden, past_cache);
}

template <class T>
void fill_row(T value, T* to, std::size_t n) {
  put_constant(value, to, n, true);
}

template <class T>
constexpr RowKernels<T> kernels_named(const char* name) {
  return {scale_row<T>,     sum_row<T>,  squares_row<T>, max_row<T>,    exp_row<T>,  divide_row<T>,
          normalise_row<T>, gain_row<T>, gelu_new_row,   attend_row<T>, fill_row<T>, name};
}

#undef HEADLIGHT_INLINE

}  // namespace
}  // namespace headlight::detail
