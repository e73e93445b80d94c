#include <cmath>
#include <headlight/attention/cross.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/softmax.hpp>
#include <limits>

namespace headlight {
namespace {

// Heads of x W + b.
template <class T>
Tensor3Of<T> heads_of(const MatrixOf<T>& x, const MatrixOf<T>& W, const VectorOf<T>& b,
                      std::size_t n_heads, const char* function, const char* name) {
  require_shape(n_heads > 0, function, "wanted at least one head, got 0");
  require_shape(
      W.shape(0) == x.shape(1), function,
      std::string(name) + " has shape " + shape_string(W) + " for inputs " + shape_string(x));
  require_shape(W.shape(1) > 0 && W.shape(1) % n_heads == 0, function,
                std::string(name) + " has shape " + shape_string(W) +
                    ", its columns do not split into " + std::to_string(n_heads) + " heads");
  const std::size_t width = W.shape(1) / n_heads, n = x.shape(0);
  MatrixOf<T> mapped = MatrixOf<T>::from_shape({n, W.shape(1)});
  affine(view(x), view(W), b, view(mapped));
  Tensor3Of<T> heads = Tensor3Of<T>::from_shape({n_heads, n, width});
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n; ++i)
      std::copy_n(mapped.data() + i * W.shape(1) + h * width, width,
                  heads.data() + (h * n + i) * width);
  return heads;
}

}  // namespace

template <class T>
SourceOf<T> keep_source(const MatrixOf<T>& source, const MultiHeadWeightsOf<T>& weights,
                        const std::vector<bool>& is_token) {
  const char* function = "keep_source";
  require_shape(weights.null_key.size() == 0, function, "a source has no null key");
  require_shape(weights.relative_keys.size() == 0, function,
                "a source has no relative positions to its readers");
  require_shape(is_token.empty() || is_token.size() == source.shape(0), function,
                "is_token has " + std::to_string(is_token.size()) + " entries for " +
                    std::to_string(source.shape(0)) + " keys");
  return {heads_of(source, weights.W_K, weights.b_K, weights.n_heads, function, "W_K"),
          heads_of(source, weights.W_V, weights.b_V, weights.n_heads, function, "W_V"), is_token};
}

template <class T>
MultiHeadTraceOf<T> cross_attention(const MatrixOf<T>& target, const MatrixOf<T>& source,
                                    const MultiHeadWeightsOf<T>& weights,
                                    const std::vector<bool>& is_token) {
  MultiHeadTraceOf<T> trace;
  AttentionOptionsOf<T> options;
  options.is_token = is_token;
  multi_head_attention(target, source, weights, options, trace);
  return trace;
}

template <class T>
CrossTraceOf<T> cross_attention(const MatrixOf<T>& target, const SourceOf<T>& source,
                                const MultiHeadWeightsOf<T>& weights) {
  const char* function = "cross_attention";
  CrossTraceOf<T> t;
  t.query = heads_of(target, weights.W_Q, weights.b_Q, weights.n_heads, function, "W_Q");
  const std::size_t n_heads = weights.n_heads, n = target.shape(0), d_head = t.query.shape(2);
  const std::size_t n_source = source.key.shape(1), d_value = source.value.shape(2);
  require_shape(source.key.shape(0) == n_heads && source.value.shape(0) == n_heads &&
                    source.key.shape(2) == d_head && source.value.shape(1) == n_source,
                function,
                "the source was kept for other heads: queries " + shape_string(t.query) +
                    ", keys " + shape_string(source.key) + ", values " +
                    shape_string(source.value));
  require_shape(weights.W_O.shape(0) == n_heads * d_value, function,
                "W_O has shape " + shape_string(weights.W_O) + " for " + std::to_string(n_heads) +
                    " heads of " + std::to_string(d_value));
  require_shape(source.is_token.empty() || source.is_token.size() == n_source, function,
                "is_token has " + std::to_string(source.is_token.size()) + " entries for " +
                    std::to_string(n_source) + " keys");
  t.masked_scores = t.pattern = Tensor3Of<T>::from_shape({n_heads, n, n_source});
  t.output = Tensor3Of<T>::from_shape({n_heads, n, d_value});
  t.attention_output = MatrixOf<T>::from_shape({n, weights.W_O.shape(1)});
  std::fill(t.output.begin(), t.output.end(), T(0));
  std::fill(t.attention_output.begin(), t.attention_output.end(), T(0));
  const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(d_head)));
  for (std::size_t h = 0; h < n_heads; ++h) {
    multiply<T>(scale, head_view(std::as_const(t.query), h), transposed(head_view(source.key, h)),
                T(0), head_view(t.masked_scores, h));
    for (std::size_t i = 0; i < n; ++i) {
      T* scores = t.masked_scores.data() + (h * n + i) * n_source;
      for (std::size_t j = 0; j < source.is_token.size(); ++j)
        if (!source.is_token[j]) scores[j] = -std::numeric_limits<T>::infinity();
      T* pattern = t.pattern.data() + (h * n + i) * n_source;
      T max = 0, sum = 0;
      softmax_row<T>({scores, n_source}, {pattern, n_source}, {pattern, n_source}, max, sum);
      for (std::size_t j = 0; j < n_source; ++j) {
        if (pattern[j] == 0) continue;  // padding may hold anything: 0 * NaN is not added
        for (std::size_t c = 0; c < d_value; ++c)
          t.output(h, i, c) += pattern[j] * source.value(h, j, c);
      }
    }
    multiply<T>(T(1), head_view(std::as_const(t.output), h),
                rows(view(weights.W_O), h * d_value, d_value), T(1), view(t.attention_output));
  }
  add_to_rows(view(t.attention_output), weights.b_O);
  return t;
}

#define HEADLIGHT_CROSS(T)                                                             \
  template SourceOf<T> keep_source(const MatrixOf<T>&, const MultiHeadWeightsOf<T>&,   \
                                   const std::vector<bool>&);                          \
  template MultiHeadTraceOf<T> cross_attention(const MatrixOf<T>&, const MatrixOf<T>&, \
                                               const MultiHeadWeightsOf<T>&,           \
                                               const std::vector<bool>&);              \
  template CrossTraceOf<T> cross_attention(const MatrixOf<T>&, const SourceOf<T>&,     \
                                           const MultiHeadWeightsOf<T>&)
HEADLIGHT_CROSS(double);
HEADLIGHT_CROSS(float);
#undef HEADLIGHT_CROSS

}  // namespace headlight
