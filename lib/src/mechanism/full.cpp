#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/full.hpp>
#include <limits>

#include "mechanism/rows.hpp"

namespace headlight {
namespace {

using detail::add_scaled;
using detail::dot;

// x W + b, counted, of sizes that fit.
template <class T>
MatrixOf<T> mapped(const MatrixOf<T>& x, const MatrixOf<T>& W, const VectorOf<T>& b,
                   const char* name, Work& work) {
  require_shape(
      W.shape(0) == x.shape(1), "multi_head_counted",
      std::string(name) + " has shape " + shape_string(W) + " for inputs " + shape_string(x));
  require_shape(b.size() == 0 || b.size() == W.shape(1), "multi_head_counted",
                "bias " + shape_string(b) + " for " + name + " " + shape_string(W));
  return detail::mapped(x, W, b, work);
}

template <class T>
Tensor3Of<T> in_heads(const MatrixOf<T>& x, std::size_t n_heads, const char* name) {
  require_shape(n_heads > 0 && x.shape(1) % n_heads == 0, "multi_head_counted",
                std::string("columns of ") + name + " do not split into " +
                    std::to_string(n_heads) + " heads: " + shape_string(x));
  const std::size_t n = x.shape(0), width = x.shape(1) / n_heads;
  Tensor3Of<T> heads = Tensor3Of<T>::from_shape({n_heads, n, width});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      std::copy_n(x.data() + i * x.shape(1) + h * width, width, heads.data() + (h * n + i) * width);
  return heads;
}

template <class T>
MatrixOf<T> head_of(const Tensor3Of<T>& heads, std::size_t h) {
  MatrixOf<T> one = MatrixOf<T>::from_shape({heads.shape(1), heads.shape(2)});
  std::copy_n(heads.data() + h * one.size(), one.size(), one.data());
  return one;
}

// Attention of one row at a time; `extra(i, j)` is added to the scaled score of a visible pair.
template <class T, class Visible, class Extra>
FullTraceOf<T> attend_to_all(const MatrixOf<T>& query, const MatrixOf<T>& key,
                             const MatrixOf<T>& value, double scale, const Visible& is_visible,
                             const Extra& extra) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d = query.shape(1),
                    d_value = value.shape(1);
  const T factor = static_cast<T>(
      scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(std::max<std::size_t>(1, d))));
  FullTraceOf<T> t;
  t.masked_scores = t.pattern = MatrixOf<T>::from_shape({n_query, n_key});
  t.output = MatrixOf<T>::from_shape({n_query, d_value});
  std::fill(t.output.begin(), t.output.end(), T(0));
  t.work.hold(n_query * n_key);
  for (std::size_t i = 0; i < n_query; ++i) {
    T* scores = t.masked_scores.data() + i * n_key;
    std::size_t seen = 0;
    for (std::size_t j = 0; j < n_key; ++j) {
      scores[j] = -std::numeric_limits<T>::infinity();
      if (!is_visible(i, j)) continue;
      ++seen;
      scores[j] = factor * dot(query.data() + i * d, key.data() + j * d, d) + extra(i, j);
      t.work.multiply_adds += d;
    }
    T* pattern = t.pattern.data() + i * n_key;
    T max = 0, sum = 0;
    softmax_row<T>({scores, n_key}, {pattern, n_key}, {pattern, n_key}, max, sum);
    t.work.exponentials += seen;
    T* output = t.output.data() + i * d_value;
    for (std::size_t j = 0; j < n_key; ++j) {
      if (!is_visible(i, j)) continue;  // what is hidden may hold anything
      add_scaled(pattern[j], value.data() + j * d_value, d_value, output);
      t.work.multiply_adds += d_value;
    }
  }
  return t;
}

}  // namespace

template <class T>
FullTraceOf<T> full_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                              const MatrixOf<T>& value, const FullOptionsOf<T>& o) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0);
  require_shape(query.shape(1) == key.shape(1) && value.shape(0) == n_key, "full_attention",
                "queries " + shape_string(query) + ", keys " + shape_string(key) + ", values " +
                    shape_string(value) + " do not fit");
  require_shape(!o.causal || n_query <= n_key, "full_attention",
                "a causal mask wants no more queries than keys, got " + std::to_string(n_query) +
                    " queries and " + std::to_string(n_key) + " keys");
  require_shape(o.is_token.empty() || o.is_token.size() == n_key, "full_attention",
                "is_token has " + std::to_string(o.is_token.size()) + " entries for " +
                    std::to_string(n_key) + " keys");
  require_shape(!o.bias || o.bias->shape() == std::array{n_query, n_key}, "full_attention",
                "a bias of " + (o.bias ? shape_string(*o.bias) : std::string()) + " for " +
                    std::to_string(n_query) + " queries and " + std::to_string(n_key) + " keys");
  const std::size_t ahead = n_key > n_query ? n_key - n_query : 0;  // position of query 0
  const T slope = static_cast<T>(o.alibi_slope);
  return attend_to_all(
      query, key, value, o.scale,
      [&](std::size_t i, std::size_t j) {
        return (!o.causal || j <= i + ahead) && (o.is_token.empty() || o.is_token[j]);
      },
      [&](std::size_t i, std::size_t j) {
        const std::size_t at = i + ahead, steps = at > j ? at - j : j - at;
        return (o.bias ? (*o.bias)(i, j) : T(0)) - slope * static_cast<T>(steps);
      });
}

template <class T>
FullTraceOf<T> relative_attention_counted(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                          const MatrixOf<T>& value,
                                          const RelativeWeightsOf<T>& weights, bool causal) {
  const std::size_t n = query.shape(0), d = query.shape(1), d_value = value.shape(1);
  const std::size_t offsets = 2 * weights.reach + 1;
  require_shape(key.shape() == query.shape() && value.shape(0) == n, "relative_attention_counted",
                "wanted as many keys and values as queries, got " + shape_string(query) + ", " +
                    shape_string(key) + ", " + shape_string(value));
  require_shape(
      weights.keys.shape() == std::array{offsets, d} &&
          (weights.values.size() == 0 || weights.values.shape() == std::array{offsets, d_value}),
      "relative_attention_counted",
      "wanted a table of " + std::to_string(offsets) + " offsets, got " +
          shape_string(weights.keys) + " and " + shape_string(weights.values));
  const auto row = [&](std::size_t i, std::size_t j) {
    return relative_row(static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(i),
                        weights.reach);
  };
  const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(d)));
  Work work;
  MatrixOf<T> by_offset = MatrixOf<T>::from_shape({n, offsets});  // q_i . a^K
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t o = 0; o < offsets; ++o) {
      by_offset(i, o) = scale * dot(query.data() + i * d, weights.keys.data() + o * d, d);
      work.multiply_adds += d;
    }
  FullTraceOf<T> t = attend_to_all(
      query, key, value, 0, [&](std::size_t i, std::size_t j) { return !causal || j <= i; },
      [&](std::size_t i, std::size_t j) { return by_offset(i, row(i, j)); });
  if (weights.values.size() > 0) {
    std::vector<T> share(offsets);  // of a row of A on every offset
    for (std::size_t i = 0; i < n; ++i) {
      std::fill(share.begin(), share.end(), T(0));
      for (std::size_t j = 0; j < n; ++j) share[row(i, j)] += t.pattern(i, j);
      for (std::size_t o = 0; o < offsets; ++o) {
        add_scaled(share[o], weights.values.data() + o * d_value, d_value,
                   t.output.data() + i * d_value);
        work.multiply_adds += d_value;
      }
    }
  }
  t.work.multiply_adds += work.multiply_adds;
  t.work.hold(by_offset.size());
  return t;
}

template <class T>
HeadsTraceOf<T> multi_head_counted(const MatrixOf<T>& x, const MatrixOf<T>& memory,
                                   const MultiHeadWeightsOf<T>& weights,
                                   const FullOptionsOf<T>& options) {
  require_shape(weights.null_key.size() == 0, "multi_head_counted", "a null key is not counted");
  require_shape(weights.relative_keys.size() == 0, "multi_head_counted",
                "relative positions inside the weights are not counted");
  HeadsTraceOf<T> t;
  t.query = in_heads(mapped(x, weights.W_Q, weights.b_Q, "W_Q", t.work), weights.n_heads, "W_Q");
  t.key = in_heads(mapped(memory, weights.W_K, weights.b_K, "W_K", t.work), weights.n_heads, "W_K");
  t.value =
      in_heads(mapped(memory, weights.W_V, weights.b_V, "W_V", t.work), weights.n_heads, "W_V");
  const std::size_t n = x.shape(0), d_value = t.value.shape(2);
  MatrixOf<T> side_by_side = MatrixOf<T>::from_shape({n, weights.n_heads * d_value});
  std::size_t held = 0;
  for (std::size_t h = 0; h < weights.n_heads; ++h) {
    t.head.push_back(
        full_attention(head_of(t.query, h), head_of(t.key, h), head_of(t.value, h), options));
    const FullTraceOf<T>& head = t.head.back();
    t.work.multiply_adds += head.work.multiply_adds;
    t.work.exponentials += head.work.exponentials;
    held += head.work.largest_buffer;
    for (std::size_t i = 0; i < n; ++i)
      std::copy_n(head.output.data() + i * d_value, d_value,
                  side_by_side.data() + i * side_by_side.shape(1) + h * d_value);
  }
  t.work.hold(held);
  t.output = mapped(side_by_side, weights.W_O, weights.b_O, "W_O", t.work);
  return t;
}

#define HEADLIGHT_FULL(T)                                                                    \
  template FullTraceOf<T> full_attention(const MatrixOf<T>&, const MatrixOf<T>&,             \
                                         const MatrixOf<T>&, const FullOptionsOf<T>&);       \
  template FullTraceOf<T> relative_attention_counted(const MatrixOf<T>&, const MatrixOf<T>&, \
                                                     const MatrixOf<T>&,                     \
                                                     const RelativeWeightsOf<T>&, bool);     \
  template HeadsTraceOf<T> multi_head_counted(const MatrixOf<T>&, const MatrixOf<T>&,        \
                                              const MultiHeadWeightsOf<T>&,                  \
                                              const FullOptionsOf<T>&)
HEADLIGHT_FULL(double);
HEADLIGHT_FULL(float);
#undef HEADLIGHT_FULL

}  // namespace headlight
