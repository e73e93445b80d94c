// Included by kernels_plain.cpp, kernels_avx2.cpp and kernels_avx512.cpp, each compiled for its own
// instructions. Everything lives in an unnamed namespace, so that no build's code is ever linked
// into another's callers.

#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "core/kernels.hpp"

namespace headlight::detail {
namespace {

#define HEADLIGHT_INLINE inline __attribute__((always_inline))

constexpr std::size_t lanes = 16;
#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t vector_bytes = 32;
#else
constexpr std::size_t vector_bytes = 16;
#endif

// A vector as wide as the instructions have it: GCC breaks up a wider one through memory.
template <class T>
struct VectorType {
  typedef T type __attribute__((vector_size(vector_bytes)));
  typedef T anywhere __attribute__((vector_size(vector_bytes), aligned(alignof(T)), may_alias));
};
template <class T>
using Vector = typename VectorType<T>::type;
typedef std::int32_t Ints __attribute__((vector_size(vector_bytes)));

// Sixteen numbers in as many vectors as they need. Everything is done vector by vector.
template <class T>
struct Lanes {
  static constexpr std::size_t parts = lanes * sizeof(T) / vector_bytes;
  Vector<T> part[parts];
};

// f of every vector of x, y, ...
template <class T, class F, class... More>
HEADLIGHT_INLINE Lanes<T> each(const F& f, const Lanes<T>& x, const More&... y) {
  Lanes<T> result;
  for (std::size_t p = 0; p < Lanes<T>::parts; ++p) result.part[p] = f(x.part[p], y.part[p]...);
  return result;
}

template <class T>
HEADLIGHT_INLINE Lanes<T> same(T value) {
  Lanes<T> v;
  for (Vector<T>& part : v.part) part = value - Vector<T>{};
  return v;
}

// One instruction a vector: memcpy moves sixteen bytes at a time, and waits for them.
template <class T>
HEADLIGHT_INLINE Lanes<T> load(const T* from) {
  using Anywhere = typename VectorType<T>::anywhere;
  Lanes<T> v;
  for (std::size_t p = 0; p < Lanes<T>::parts; ++p)
    v.part[p] = *reinterpret_cast<const Anywhere*>(from + p * (lanes / Lanes<T>::parts));
  return v;
}

template <class T>
HEADLIGHT_INLINE void store(const Lanes<T>& from, T* to) {
  using Anywhere = typename VectorType<T>::anywhere;
  for (std::size_t p = 0; p < Lanes<T>::parts; ++p)
    *reinterpret_cast<Anywhere*>(to + p * (lanes / Lanes<T>::parts)) = from.part[p];
}

template <class T>
HEADLIGHT_INLINE Lanes<T> load_some(const T* from, std::size_t count, T rest) {
  T cells[lanes];
  for (std::size_t j = 0; j < lanes; ++j) cells[j] = j < count ? from[j] : rest;
  return load(cells);
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

template <class T>
HEADLIGHT_INLINE void add_to(Lanes<T>& total, const Lanes<T>& v) {
  for (std::size_t p = 0; p < Lanes<T>::parts; ++p) total.part[p] += v.part[p];
}

// exp by 2^k e^r, |r| <= ln 2 / 2, Taylor to r^7 (truncation 5e-9). Relative error below 2.5e-7;
// zero below -87.3, where a float would leave its normal range. NaN stays NaN.
HEADLIGHT_INLINE Vector<float> exp_vector(const Vector<float>& x) {
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const Vector<float> t = x * 1.44269504088896341f + magic;
  const Vector<float> k = t - magic;
  const Vector<float> r = (x - k * 0.693145751953125f) - k * 1.42860682030941723e-6f;
  Vector<float> p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  Ints bits;
  std::memcpy(&bits, &t, sizeof bits);
  bits = (bits - 0x4B400000 + 127) << 23;
  Vector<float> power;
  std::memcpy(&power, &bits, sizeof power);
  return x < -87.3f ? Vector<float>{} : p * power;
}

HEADLIGHT_INLINE Vector<double> exp_vector(const Vector<double>& x) {
  Vector<double> y;
  for (std::size_t j = 0; j < vector_bytes / sizeof(double); ++j) y[j] = std::exp(x[j]);
  return y;
}

// Writes sixteen numbers around the caches. The address is a multiple of 64 bytes.
HEADLIGHT_INLINE void stream(const Lanes<float>& from, float* to) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, from.part[0]);
#elif defined(__AVX2__)
  for (std::size_t p = 0; p < 2; ++p) _mm256_stream_ps(to + 8 * p, from.part[p]);
#elif defined(__SSE2__)
  for (std::size_t p = 0; p < 4; ++p) _mm_stream_ps(to + 4 * p, from.part[p]);
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
    for (; j + lanes <= n; j += lanes) stream(load(from + j), to + j);
  }
  std::memcpy(to + j, from + j, (n - j) * sizeof(T));
}

template <class T>
void put_constant(T value, T* to, std::size_t n, bool past_cache) {
  if (!to) return;
  std::size_t j = 0;
  if (past_cache) {
    const Lanes<T> v = same(value);
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
  Lanes<T> total{};
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) add_to(total, load(x + j));
  if (j < n) add_to(total, load_some(x + j, n - j, T(0)));
  return add_lanes(total);
}

template <class T>
T squares_row(const T* x, T mean, std::size_t n) {
  const auto square = [mean](const Vector<T>& v) { return (v - mean) * (v - mean); };
  Lanes<T> total{};
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) add_to(total, each<T>(square, load(x + j)));
  if (j < n) add_to(total, each<T>(square, load_some(x + j, n - j, mean)));
  return add_lanes(total);
}

template <class T>
HEADLIGHT_INLINE Lanes<T> larger(const Lanes<T>& a, const Lanes<T>& b) {
  return each<T>([](const Vector<T>& x, const Vector<T>& y) { return y > x ? y : x; }, a, b);
}

template <class T>
HEADLIGHT_INLINE T largest_lane(const Lanes<T>& v) {
  T cells[lanes], max = -__builtin_inf();
  store(v, cells);
  for (const T cell : cells) max = cell > max ? cell : max;
  return max;
}

template <class T>
T max_row(const T* x, std::size_t n) {
  const T none = -__builtin_inf();
  Lanes<T> best = same(none);
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) best = larger(best, load(x + j));
  if (j < n) best = larger(best, load_some(x + j, n - j, none));
  return largest_lane(best);
}

template <class T>
HEADLIGHT_INLINE Lanes<T> exp_of_difference(const Lanes<T>& x, T max) {
  return each<T>(
      [max](const Vector<T>& v) {
        const T hidden = -__builtin_inf();  // also in a row that is hidden altogether, max = -inf
        return v == hidden ? Vector<T>{} : exp_vector(v - max);
      },
      x);
}

template <class T>
void exp_row(const T* x, T max, T* y, std::size_t n) {
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) store(exp_of_difference(load(x + j), max), y + j);
  if (j < n) {
    const Lanes<T> some = load_some(x + j, n - j, T(-__builtin_inf()));
    store_some(exp_of_difference(some, max), n - j, y + j);
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

HEADLIGHT_INLINE Lanes<float> gelu_new_lanes(const Lanes<float>& x) {
  return each<float>(
      [](const Vector<float>& v) {
        const Vector<float> inner = (v + v * v * v * 0.044715f) * 0.79788456080286535588f;
        // tanh(u) = 1 - 2 / (e^2u + 1); beyond |u| = 20 it is 1 to every bit
        Vector<float> twice = inner * 2.0f;
        twice = twice > 40.0f ? 40.0f - Vector<float>{} : twice;
        return v * 0.5f * (2.0f - 2.0f / (exp_vector(twice) + 1.0f));
      },
      x);
}

inline void gelu_new_row(const float* x, float* y, std::size_t n) {
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) store(gelu_new_lanes(load(x + j)), y + j);
  if (j < n) store_some(gelu_new_lanes(load_some(x + j, n - j, 0.0f)), n - j, y + j);
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
