#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <limits>

#include "attention/stages.hpp"

namespace headlight {

// The plain version: whole matrices, one statement a stage. multi_head.cpp is the fast one.
template <class T>
HeadTraceOf<T> attend(const MatrixOf<T>& x, const MatrixOf<T>& memory,
                      const HeadWeightsOf<T>& weights, const AttentionOptionsOf<T>& options) {
  require_shape(weights.W_Q.shape(1) == weights.W_K.shape(1), "attend",
                "query and key widths differ: W_Q " + shape_string(weights.W_Q) + ", W_K " +
                    shape_string(weights.W_K));
  require_shape(options.is_token.empty() || options.is_token.size() == memory.shape(0), "attend",
                "is_token has " + std::to_string(options.is_token.size()) + " entries for " +
                    std::to_string(memory.shape(0)) + " keys");
  const std::size_t n_query = x.shape(0), n_key = memory.shape(0);
  HeadTraceOf<T> trace;
  const auto announce = [&](MatrixOf<T>& values) {
    detail::announce<T>(options.intervention, values.data(),
                        [&](const StageVisitorOf<T>& visit) { for_each_stage(trace, visit); });
  };
  const auto project = [&](const MatrixOf<T>& from, const MatrixOf<T>& W, const VectorOf<T>& b,
                           MatrixOf<T>& to) {
    to = matmul(from, W);
    add_to_rows(view(to), b);
    announce(to);
  };
  project(x, weights.W_Q, weights.b_Q, trace.query);       // [n_query, d_head]
  project(memory, weights.W_K, weights.b_K, trace.key);    // [n_key, d_head]
  project(memory, weights.W_V, weights.b_V, trace.value);  // [n_key, d_value]

  const MatrixOf<T>* query = &trace.query;
  const MatrixOf<T>* key = &trace.key;
  if (options.rope) {
    const std::size_t first = options.causal ? n_key - n_query : 0;
    trace.rotated_query = trace.query;
    rotate<T>(view(trace.query), first, *options.rope, view(trace.rotated_query));
    announce(trace.rotated_query);
    trace.rotated_key = trace.key;
    rotate<T>(view(trace.key), 0, *options.rope, view(trace.rotated_key));
    announce(trace.rotated_key);
    query = &trace.rotated_query, key = &trace.rotated_key;
  }

  trace.raw_scores = matmul(*query, transpose(*key));  // [n_query, n_key]
  announce(trace.raw_scores);
  const T scale =
      static_cast<T>(options.scale != 0 ? options.scale
                                        : 1 / std::sqrt(static_cast<double>(weights.W_Q.shape(1))));
  trace.scores = trace.raw_scores;  // [n_query, n_key]
  for (T& score : trace.scores) score *= scale;
  announce(trace.scores);

  MatrixOf<T> biased = trace.scores;  // [n_query, n_key]
  if (options.bias) {
    require_shape(
        options.bias->shape() == std::array{std::size_t{1}, n_query, n_key}, "attend",
        "a bias of " + shape_string(*options.bias) + " for scores " + shape_string(trace.scores));
    trace.bias = trace.scores;
    std::copy(options.bias->begin(), options.bias->end(), trace.bias.begin());
    announce(trace.bias);
    detail::add(trace.scores, trace.bias, biased);
  }

  trace.mask = options.causal ? causal_mask(n_query, n_key) : full_mask(n_query, n_key);
  if (!options.is_token.empty())
    trace.mask = both(trace.mask, padding_mask(n_query, options.is_token));
  trace.fully_hidden_rows = fully_hidden_rows(trace.mask);
  trace.masked_scores = hide(biased, trace.mask);  // [n_query, n_key]
  announce(trace.masked_scores);

  SoftmaxTraceOf<T> softmax = softmax_trace(trace.masked_scores);
  trace.softmax_max = std::move(softmax.max);  // [n_query, 1]
  trace.softmax_exp = std::move(softmax.exp);  // [n_query, n_key]
  trace.softmax_sum = std::move(softmax.sum);  // [n_query, 1]
  trace.pattern = std::move(softmax.pattern);  // [n_query, n_key]
  announce(trace.pattern);

  trace.output = matmul(trace.pattern, trace.value);  // [n_query, d_value]
  announce(trace.output);
  return trace;
}

template <class T>
void for_each_stage(const HeadTraceOf<T>& t, const StageVisitorOf<T>& visit) {
  detail::show_heads(t, "", visit);
}

#define HEADLIGHT_HEAD(T)                                                                         \
  template HeadTraceOf<T> attend(const MatrixOf<T>&, const MatrixOf<T>&, const HeadWeightsOf<T>&, \
                                 const AttentionOptionsOf<T>&);                                   \
  template void for_each_stage(const HeadTraceOf<T>&, const StageVisitorOf<T>&)
HEADLIGHT_HEAD(double);
HEADLIGHT_HEAD(float);
#undef HEADLIGHT_HEAD

}  // namespace headlight
