/// @file
/// Private to lib/src/learning: element-wise loops of training, compiled for several instruction
/// sets. They are written so that every set gives the same bits: no sum is left to the compiler.
#pragma once

#include <cstddef>
#include <cstdint>

namespace headlight::kernel {

// Softmax of row[0 .. n) in place; returns the natural log of the sum of exp(row - max) plus max.
template <class T>
T softmax(T* row, std::size_t n);

// y = softmax backward in place: d[j] = p[j] * (d[j] - sum p d) * scale
template <class T>
void softmax_backward(const T* p, T* d, std::size_t n, T scale);

// post = gelu_new(pre)
template <class T>
void gelu_new(const T* pre, T* post, std::size_t n);
// d = d * gelu_new'(pre)
template <class T>
void gelu_new_backward(const T* pre, T* d, std::size_t n);

// One row of LayerNorm or RMSNorm: out = (x - mean) * rstd * gain + bias; bias may be null.
template <class T>
void normalise(const T* x, const T* gain, const T* bias, bool centred, T epsilon, std::size_t d,
               T* out, T& mean, T& rstd);
// Its backward: d_x += ...; d_gain += dy * xhat; d_bias += dy (null: none).
template <class T>
void normalise_backward(const T* x, const T* gain, const T* dy, bool centred, std::size_t d, T mean,
                        T rstd, T* d_x, T* d_gain, T* d_bias);

// One rotation of a row of pairs by precomputed cosines and sines (sign = -1 turns back).
template <class T>
void rotate_halves(T* x, const T* cosine, const T* sine, std::size_t pairs, T sign);

// sum of squares in blocks of 16, the same order on every machine
template <class T>
double squares(const T* x, std::size_t n);

// a += b
template <class T>
void add(T* a, const T* b, std::size_t n);

}  // namespace headlight::kernel
