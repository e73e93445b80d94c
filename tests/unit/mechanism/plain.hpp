/// @file
/// What several mechanisms are held against: attention over whole matrices, written out.
#pragma once

#include <algorithm>
#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>

namespace headlight_test {

// Product, bias if there is one, mask, softmax, product.
inline headlight::Matrix plain_attention(const headlight::Matrix& q, const headlight::Matrix& k,
                                         const headlight::Matrix& v, const headlight::Mask& mask,
                                         const headlight::Matrix* bias = nullptr) {
  headlight::Matrix s = headlight::matmul(q, headlight::transpose(k));
  for (double& x : s) x /= std::sqrt(static_cast<double>(q.shape(1)));
  if (bias)
    for (std::size_t c = 0; c < s.size(); ++c) s.data()[c] += bias->data()[c];
  return headlight::matmul(headlight::softmax_rows(headlight::hide(s, mask)), v);
}

inline headlight::Tensor3 one_head(const headlight::Matrix& m) {
  headlight::Tensor3 t = headlight::Tensor3::from_shape({1, m.shape(0), m.shape(1)});
  std::copy(m.begin(), m.end(), t.data());
  return t;
}

}  // namespace headlight_test
