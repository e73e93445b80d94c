#include "learning/kernels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "learning/clones.hpp"

namespace headlight::kernel {
namespace {

constexpr std::size_t lanes = 16;  // partial sums of every reduction, added in a fixed order

template <class T>
inline T total(const T* partial) {
  T half[8];
  for (std::size_t l = 0; l < 8; ++l) half[l] = partial[l] + partial[l + 8];
  return ((half[0] + half[4]) + (half[2] + half[6])) + ((half[1] + half[5]) + (half[3] + half[7]));
}

// exp for x <= 88, relative error below 2e-7: 2^n times a polynomial on [-ln2/2, ln2/2].
inline float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  const float shifted = x * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23 rounds to an integer
  const float n = shifted - 12582912.0f;
  float r = x - n * 0.693145751953125f;
  r = r - n * 1.42860682030941723e-6f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const std::int32_t power = (std::bit_cast<std::int32_t>(shifted) - 0x4B400000) << 23;
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(p) + power);
}
inline double exponential(double x) {
  return std::exp(x);
}

inline float hyperbolic_tangent(float x) {
  const float bounded = x > 10.0f ? 10.0f : (x < -10.0f ? -10.0f : x);
  const float e = exponential(2.0f * bounded);
  const float t = (e - 1.0f) / (e + 1.0f);
  return x != x ? x : t;
}
inline double hyperbolic_tangent(double x) {
  return std::tanh(x);
}

template <class T>
inline __attribute__((always_inline)) T softmax_of(T* row, std::size_t n) {
  T largest[lanes];
  for (std::size_t l = 0; l < lanes; ++l) largest[l] = row[0];
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes)
    for (std::size_t l = 0; l < lanes; ++l)
      largest[l] = row[j + l] > largest[l] ? row[j + l] : largest[l];
  T max = largest[0];
  for (std::size_t l = 1; l < lanes; ++l) max = largest[l] > max ? largest[l] : max;
  for (; j < n; ++j) max = row[j] > max ? row[j] : max;
  for (j = 0; j < n; ++j) row[j] = exponential(row[j] - max);
  T partial[lanes] = {};
  for (j = 0; j + lanes <= n; j += lanes)
    for (std::size_t l = 0; l < lanes; ++l) partial[l] += row[j + l];
  T sum = total(partial);
  for (; j < n; ++j) sum += row[j];
  const T inverse = T(1) / sum;
  for (j = 0; j < n; ++j) row[j] *= inverse;
  return max + std::log(sum);
}

template <class T>
inline __attribute__((always_inline)) void softmax_back(const T* p, T* d, std::size_t n, T scale) {
  T partial[lanes] = {};
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes)
    for (std::size_t l = 0; l < lanes; ++l) partial[l] += p[j + l] * d[j + l];
  T mean = total(partial);
  for (; j < n; ++j) mean += p[j] * d[j];
  for (j = 0; j < n; ++j) d[j] = p[j] * (d[j] - mean) * scale;
}

template <class T>
inline __attribute__((always_inline)) void gelu(const T* pre, T* post, std::size_t n) {
  const T c = T(0.79788456080286535588), a = T(0.044715);
  for (std::size_t i = 0; i < n; ++i) {
    const T x = pre[i];
    post[i] = x * T(0.5) * (T(1) + hyperbolic_tangent(c * (x + a * x * x * x)));
  }
}

template <class T>
inline __attribute__((always_inline)) void gelu_back(const T* pre, T* d, std::size_t n) {
  const T c = T(0.79788456080286535588), a = T(0.044715);
  for (std::size_t i = 0; i < n; ++i) {
    const T x = pre[i], square = x * x;
    const T t = hyperbolic_tangent(c * (x + a * x * square));
    d[i] *= T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * c * (T(1) + T(3) * a * square);
  }
}

template <class T>
inline __attribute__((always_inline)) void norm(const T* x, const T* gain, const T* bias,
                                                bool centred, T epsilon, std::size_t d, T* out,
                                                T& mean, T& rstd) {
  mean = 0;
  std::size_t j = 0;
  if (centred) {
    T partial[lanes] = {};
    for (; j + lanes <= d; j += lanes)
      for (std::size_t l = 0; l < lanes; ++l) partial[l] += x[j + l];
    T sum = total(partial);
    for (; j < d; ++j) sum += x[j];
    mean = sum / static_cast<T>(d);
  }
  T partial[lanes] = {};
  for (j = 0; j + lanes <= d; j += lanes)
    for (std::size_t l = 0; l < lanes; ++l) {
      const T difference = x[j + l] - mean;
      partial[l] += difference * difference;
    }
  T square = total(partial);
  for (; j < d; ++j) square += (x[j] - mean) * (x[j] - mean);
  rstd = T(1) / std::sqrt(square / static_cast<T>(d) + epsilon);
  const T m = mean, r = rstd;
  if (bias)
    for (j = 0; j < d; ++j) out[j] = (x[j] - m) * r * gain[j] + bias[j];
  else
    for (j = 0; j < d; ++j) out[j] = (x[j] - m) * r * gain[j];
}

template <class T>
inline __attribute__((always_inline)) void norm_back(const T* x, const T* gain, const T* dy,
                                                     bool centred, std::size_t d, T mean, T rstd,
                                                     T* d_x, T* d_gain, T* d_bias) {
  T along[lanes] = {}, sums[lanes] = {};
  std::size_t j = 0;
  for (; j + lanes <= d; j += lanes)
    for (std::size_t l = 0; l < lanes; ++l) {
      const T normalised = (x[j + l] - mean) * rstd, g = dy[j + l] * gain[j + l];
      along[l] += g * normalised;
      sums[l] += g;
    }
  T projection = total(along), mean_g = total(sums);
  for (; j < d; ++j) {
    const T g = dy[j] * gain[j];
    projection += g * ((x[j] - mean) * rstd);
    mean_g += g;
  }
  projection /= static_cast<T>(d);
  mean_g = centred ? mean_g / static_cast<T>(d) : T(0);
  for (j = 0; j < d; ++j) {
    const T normalised = (x[j] - mean) * rstd;
    d_gain[j] += dy[j] * normalised;
    d_x[j] += (dy[j] * gain[j] - mean_g - normalised * projection) * rstd;
  }
  if (d_bias)
    for (j = 0; j < d; ++j) d_bias[j] += dy[j];
}

template <class T>
inline __attribute__((always_inline)) void rotate(T* x, const T* c, const T* s, std::size_t pairs,
                                                  T sign) {
  T* y = x + pairs;
  for (std::size_t i = 0; i < pairs; ++i) {
    const T a = x[i], b = y[i], sine = sign * s[i];
    x[i] = a * c[i] - b * sine;
    y[i] = a * sine + b * c[i];
  }
}

template <class T>
inline __attribute__((always_inline)) double squares_of(const T* x, std::size_t n) {
  double partial[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) {
      const double value = static_cast<double>(x[i + l]);
      partial[l] += value * value;
    }
  double sum = total(partial);
  for (; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

}  // namespace

#define HEADLIGHT_KERNELS(T)                                                                     \
  template <>                                                                                    \
  HEADLIGHT_CLONES T softmax(T* row, std::size_t n) {                                            \
    return softmax_of(row, n);                                                                   \
  }                                                                                              \
  template <>                                                                                    \
  HEADLIGHT_CLONES void softmax_backward(const T* p, T* d, std::size_t n, T scale) {             \
    softmax_back(p, d, n, scale);                                                                \
  }                                                                                              \
  template <>                                                                                    \
  HEADLIGHT_CLONES void gelu_new(const T* pre, T* post, std::size_t n) {                         \
    gelu(pre, post, n);                                                                          \
  }                                                                                              \
  template <>                                                                                    \
  HEADLIGHT_CLONES void gelu_new_backward(const T* pre, T* d, std::size_t n) {                   \
    gelu_back(pre, d, n);                                                                        \
  }                                                                                              \
  template <>                                                                                    \
  HEADLIGHT_CLONES void normalise(const T* x, const T* gain, const T* bias, bool centred,        \
                                  T epsilon, std::size_t d, T* out, T& mean, T& rstd) {          \
    norm(x, gain, bias, centred, epsilon, d, out, mean, rstd);                                   \
  }                                                                                              \
  template <>                                                                                    \
  HEADLIGHT_CLONES void normalise_backward(const T* x, const T* gain, const T* dy, bool centred, \
                                           std::size_t d, T mean, T rstd, T* d_x, T* d_gain,     \
                                           T* d_bias) {                                          \
    norm_back(x, gain, dy, centred, d, mean, rstd, d_x, d_gain, d_bias);                         \
  }                                                                                              \
  template <>                                                                                    \
  HEADLIGHT_CLONES void rotate_halves(T* x, const T* c, const T* s, std::size_t pairs, T sign) { \
    rotate(x, c, s, pairs, sign);                                                                \
  }                                                                                              \
  template <>                                                                                    \
  HEADLIGHT_CLONES double squares(const T* x, std::size_t n) {                                   \
    return squares_of(x, n);                                                                     \
  }                                                                                              \
  template <>                                                                                    \
  HEADLIGHT_CLONES void add(T* a, const T* b, std::size_t n) {                                   \
    for (std::size_t i = 0; i < n; ++i) a[i] += b[i];                                            \
  }
HEADLIGHT_KERNELS(double)
HEADLIGHT_KERNELS(float)
#undef HEADLIGHT_KERNELS

}  // namespace headlight::kernel
