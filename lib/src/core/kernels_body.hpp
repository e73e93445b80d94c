// Included by kernels_plain.cpp, kernels_avx2.cpp and kernels_avx512.cpp, each compiled for its own
// instructions.

#include <cmath>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "core/kernels.hpp"
#include "core/vectors.hpp"

namespace headlight::detail {
namespace {

constexpr std::size_t lanes = 16;

// Sixteen numbers in as many vectors as they need. Everything is done vector by vector.
template <class T>
struct Lanes {
  static constexpr std::size_t parts = lanes * sizeof(T) / vector_bytes;
  Simd<T> part[parts];
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
  for (Simd<T>& part : v.part) part = value - Simd<T>{};
  return v;
}

template <class T>
HEADLIGHT_INLINE Lanes<T> load(const T* from) {
  Lanes<T> v;
  for (Simd<T>& part : v.part) part = load_simd(from), from += lanes / Lanes<T>::parts;
  return v;
}

template <class T>
HEADLIGHT_INLINE void store(const Lanes<T>& v, T* to) {
  for (const Simd<T>& part : v.part) store_simd(part, to), to += lanes / Lanes<T>::parts;
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

// Lane `start` is the first.
template <class T>
HEADLIGHT_INLINE T add_lanes(const Lanes<T>& v, std::size_t start = 0) {
  T twice[2 * lanes];
  store(v, twice), store(v, twice + lanes);
  T* cells = twice + start;
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
HEADLIGHT_INLINE Simd<float> exp_vector(const Simd<float>& x) {
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const Simd<float> t = x * 1.44269504088896341f + magic;
  const Simd<float> k = t - magic;
  const Simd<float> r = (x - k * 0.693145751953125f) - k * 1.42860682030941723e-6f;
  Simd<float> p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  Ints bits;
  std::memcpy(&bits, &t, sizeof bits);
  bits = (bits - 0x4B400000 + 127) << 23;
  Simd<float> power;
  std::memcpy(&power, &bits, sizeof power);
  return x < -87.3f ? Simd<float>{} : p * power;
}

HEADLIGHT_INLINE Simd<double> exp_vector(const Simd<double>& x) {
  Simd<double> y;
  for (std::size_t j = 0; j < vector_bytes / sizeof(double); ++j)
    y[j] = x[j] < -746 ? 0.0 : std::exp(x[j]);  // below it is zero; so are all hidden keys
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

template <class T>
void scale_row(const T* x, T factor, T* y, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) y[j] = x[j] * factor;
}

template <class T>
void add_row(const T* x, const T* y, T* sum, std::size_t n) {
  const auto plus = [](const Simd<T>& a, const Simd<T>& b) { return a + b; };
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) store(each<T>(plus, load(x + j), load(y + j)), sum + j);
  for (; j < n; ++j) sum[j] = x[j] + y[j];
}

template <class T>
void hide_row(const T* scores, const T* bias, const bool* visible, T* masked, std::size_t n) {
  const T hidden = -__builtin_inf();
  if (bias)
    for (std::size_t j = 0; j < n; ++j) masked[j] = visible[j] ? scores[j] + bias[j] : hidden;
  else
    for (std::size_t j = 0; j < n; ++j) masked[j] = visible[j] ? scores[j] : hidden;
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
  const auto square = [mean](const Simd<T>& v) { return (v - mean) * (v - mean); };
  Lanes<T> total{};
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) add_to(total, each<T>(square, load(x + j)));
  if (j < n) add_to(total, each<T>(square, load_some(x + j, n - j, mean)));
  return add_lanes(total);
}

template <class T>
HEADLIGHT_INLINE Lanes<T> larger(const Lanes<T>& a, const Lanes<T>& b) {
  return each<T>([](const Simd<T>& x, const Simd<T>& y) { return y > x ? y : x; }, a, b);
}

template <class T>
HEADLIGHT_INLINE T largest_lane(const Lanes<T>& v) {
  T cells[lanes];
  store(v, cells);
  for (std::size_t half = lanes / 2; half > 0; half /= 2)
    for (std::size_t j = 0; j < half; ++j)
      cells[j] = cells[j + half] > cells[j] ? cells[j + half] : cells[j];
  return cells[0];
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
      [max](const Simd<T>& v) {
        const T hidden = -__builtin_inf();  // also in a row that is hidden altogether, max = -inf
        return v == hidden ? Simd<T>{} : exp_vector(v - max);
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

// x / sum, zero when the sum is zero. In float by the inverse, which is faster.
template <class T>
HEADLIGHT_INLINE Lanes<T> quotient(const Lanes<T>& x, T sum) {
  if (sum == 0) return {};
  if constexpr (sizeof(T) == sizeof(float)) {
    const T inverse = 1 / sum;
    return each<T>([inverse](const Simd<T>& v) { return v * inverse; }, x);
  } else {
    return each<T>([sum](const Simd<T>& v) { return v / sum; }, x);
  }
}

template <class T>
void divide_row(const T* x, T sum, T* y, std::size_t n) {
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) store(quotient(load(x + j), sum), y + j);
  if (j < n) store_some(quotient(load_some(x + j, n - j, T(0)), sum), n - j, y + j);
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
      [](const Simd<float>& v) {
        const Simd<float> inner = (v + v * v * v * 0.044715f) * 0.79788456080286535588f;
        // tanh(u) = 1 - 2 / (e^2u + 1); beyond |u| = 20 it is 1 to every bit
        Simd<float> twice = inner * 2.0f;
        twice = twice > 40.0f ? 40.0f - Simd<float>{} : twice;
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

// Cells first ... last - 1 of a row, met sixteen at a time. The row may start inside its first
// sixteen: then the sixteens of the record lie on whole lines of the cache.
struct Cells {
  std::size_t first, last;
  bool has(std::size_t at) const { return at >= first && at + lanes <= last; }
};

// The ends of a row are rare, and take g++ long where they are inlined.
template <class T>
__attribute__((noinline)) void put_some(const Cells& cells, const T* some, std::size_t at, T* to) {
  for (std::size_t lane = 0; lane < lanes; ++lane)
    if (at + lane >= cells.first && at + lane < cells.last) to[at + lane] = some[lane];
}

template <class T>
__attribute__((noinline)) void take_some(const Cells& cells, const T* from, std::size_t at,
                                         T* some) {
  for (std::size_t lane = 0; lane < lanes; ++lane)
    some[lane] = at + lane >= cells.first && at + lane < cells.last ? from[at + lane] : T(0);
}

// The cells of a row that are there, zeros elsewhere; `from` is where cell 0 would be.
template <class T>
HEADLIGHT_INLINE Lanes<T> take(const Cells& cells, const T* from, std::size_t at) {
  if (cells.has(at)) return load(from + at);
  T some[lanes];
  take_some(cells, from, at, some);
  return load(some);
}

// 0, 1, ..., 15
template <class T>
HEADLIGHT_INLINE Lanes<T> lane_numbers() {
  static constexpr T numbers[lanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return load(numbers);
}

// v where there is a cell, `otherwise` elsewhere.
template <class T>
HEADLIGHT_INLINE Lanes<T> only(const Cells& cells, const Lanes<T>& v, std::size_t at, T otherwise) {
  if (cells.has(at)) return v;
  const std::size_t from = cells.first > at ? cells.first - at : 0;
  const std::size_t to = cells.last > at ? cells.last - at : 0;
  const T first = static_cast<T>(from < lanes ? from : lanes);
  const T last = static_cast<T>(to < lanes ? to : lanes);
  return each<T>(
      [=](const Simd<T>& x, const Simd<T>& lane) {
        const Simd<T> other = otherwise - Simd<T>{};
        return lane < first ? other : lane < last ? x : other;
      },
      v, lane_numbers<T>());
}

// Writes the cells of a row of the record; `to` is where cell 0 would be.
template <bool around, class T>
HEADLIGHT_INLINE void put(const Cells& cells, const Lanes<T>& v, std::size_t at, T* to) {
  if (!to) return;
  if (!cells.has(at)) {
    T some[lanes];
    store(v, some);
    put_some(cells, some, at, to);
  } else if constexpr (around) {
    stream(v, to + at);
  } else {
    store(v, to + at);
  }
}

// Three sweeps over the row, each as much as can be done before the next needs a number of the
// whole row: to the maximum, to the sum, to the pattern. `start` is where in its first sixteen the
// row starts.
template <bool around, bool biased, class T>
void attend_in_sweeps(T* row, T scale, const T* bias, std::size_t visible, std::size_t n,
                      std::size_t start, const RowRecord<T>& record, T& max, T& sum) {
  const T hidden = -__builtin_inf();
  const Cells all{start, start + n}, seen{start, start + visible};
  const auto moved = [start](auto* to) { return to ? to - start : nullptr; };
  row -= start, bias = moved(bias);
  const RowRecord<T> to{moved(record.raw), moved(record.scores), moved(record.masked),
                        moved(record.exp), moved(record.pattern)};
  const auto scaled = [scale](const Simd<T>& v) { return v * scale; };
  const auto plus = [](const Simd<T>& score, const Simd<T>& b) {
    return __builtin_assoc_barrier(score) + b;  // the score as it is recorded: nothing fuses
  };

  Lanes<T> best = same(hidden);
  std::size_t at = 0;
  for (; at < seen.last; at += lanes) {
    const Lanes<T> raw = load(row + at), score = each<T>(scaled, raw);
    Lanes<T> shifted = score;
    if constexpr (biased) shifted = each<T>(plus, score, take(all, bias, at));
    const Lanes<T> masked = only(seen, shifted, at, hidden);
    best = larger(best, masked);
    put<around>(all, raw, at, to.raw);
    put<around>(all, score, at, to.scores);
    put<around>(all, masked, at, to.masked);
    store(masked, row + at);
  }
  for (; at < all.last; at += lanes) {
    const Lanes<T> raw = load(row + at);
    put<around>(all, raw, at, to.raw);
    put<around>(all, each<T>(scaled, raw), at, to.scores);
    put<around>(all, same(hidden), at, to.masked);
    store(Lanes<T>{}, row + at);
  }
  max = largest_lane(best);

  Lanes<T> total{};
  for (at = 0; at < seen.last; at += lanes) {
    const Lanes<T> e = exp_of_difference(load(row + at), max);
    add_to(total, e);
    put<around>(all, e, at, to.exp);
    store(e, row + at);
  }
  sum = add_lanes(total, start);

  for (at = 0; at < seen.last; at += lanes) {
    const Lanes<T> p = quotient(load(row + at), sum);
    put<around>(all, p, at, to.pattern);
    store(p, row + at);
  }
  for (; at < all.last; at += lanes) {
    put<around>(all, Lanes<T>{}, at, to.exp);
    put<around>(all, Lanes<T>{}, at, to.pattern);
  }
}

// Cells between the line of the cache in which `to` lies and `to`.
template <class T>
HEADLIGHT_INLINE std::size_t place_in_line(const T* to) {
  return reinterpret_cast<std::uintptr_t>(to) / sizeof(T) % lanes;
}

template <class T>
void attend_row(T* row, T scale, const T* bias, std::size_t visible, std::size_t n,
                const RowRecord<T>& record, bool past_cache, T& max, T& sum) {
  const std::size_t start = place_in_line(record.pattern);
  const auto lies_alike = [start](const T* to) { return !to || place_in_line(to) == start; };
  past_cache = past_cache && lies_alike(record.raw) && lies_alike(record.scores) &&
               lies_alike(record.masked) && lies_alike(record.exp);
  if (bias)
    attend_in_sweeps<false, true>(row, scale, bias, visible, n, 0, record, max, sum);
  else if (past_cache)
    attend_in_sweeps<true, false>(row, scale, bias, visible, n, start, record, max, sum);
  else
    attend_in_sweeps<false, false>(row, scale, bias, visible, n, 0, record, max, sum);
}

template <class T>
void fill_row(T value, T* to, std::size_t n) {
  const Lanes<T> v = same(value);
  std::size_t j = 0;
  while (j < n && reinterpret_cast<std::uintptr_t>(to + j) % 64 != 0) to[j++] = value;
  for (; j + lanes <= n; j += lanes) stream(v, to + j);
  for (; j < n; ++j) to[j] = value;
}

template <class T>
constexpr RowKernels<T> kernels_named(const char* name) {
  return {scale_row<T>, add_row<T>,    hide_row<T>,      sum_row<T>,  squares_row<T>, max_row<T>,
          exp_row<T>,   divide_row<T>, normalise_row<T>, gain_row<T>, gelu_new_row,   attend_row<T>,
          fill_row<T>,  name};
}

}  // namespace
}  // namespace headlight::detail
