#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/local.hpp>
#include <limits>

#include "mechanism/rows.hpp"

namespace headlight {
namespace {

using detail::add_scaled;
using detail::dot;

void require_window(std::size_t window, const char* function) {
  require_shape(window > 0, function,
                "wanted a window of at least one key (the query's own), got 0");
}

}  // namespace

template <class T>
LocalTraceOf<T> local_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                const MatrixOf<T>& value, const LocalOptions& options) {
  const std::size_t n = query.shape(0), d = query.shape(1), d_value = value.shape(1);
  require_window(options.window, "local_attention");
  require_shape(key.shape() == query.shape() && value.shape(0) == n, "local_attention",
                "wanted as many keys and values as queries, got " + shape_string(query) + ", " +
                    shape_string(key) + ", " + shape_string(value));
  const std::size_t back = options.window - 1, ahead = options.causal ? 0 : back;
  const std::size_t width = back + 1 + ahead;
  const T scale =
      static_cast<T>(options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(d)));
  LocalTraceOf<T> trace;
  trace.masked_scores = MatrixOf<T>::from_shape({n, width});
  trace.pattern = MatrixOf<T>::from_shape({n, width});
  trace.output = MatrixOf<T>::from_shape({n, d_value});
  std::fill(trace.masked_scores.begin(), trace.masked_scores.end(),
            -std::numeric_limits<T>::infinity());
  std::fill(trace.output.begin(), trace.output.end(), T(0));
  trace.work.hold(n * width);
  std::vector<T> exponentials(width);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t first = i > back ? i - back : 0, last = std::min(n - 1, i + ahead);
    trace.first_key.push_back(first);
    T* scores = trace.masked_scores.data() + i * width;
    for (std::size_t j = first; j <= last; ++j) {
      scores[j - first] = scale * dot(query.data() + i * d, key.data() + j * d, d);
      trace.work.multiply_adds += d;
    }
    T max = 0, sum = 0;
    T* pattern = trace.pattern.data() + i * width;
    softmax_row<T>({scores, width}, exponentials, {pattern, width}, max, sum);
    trace.work.exponentials += last - first + 1;
    T* output = trace.output.data() + i * d_value;
    for (std::size_t j = first; j <= last; ++j) {
      add_scaled(pattern[j - first], value.data() + j * d_value, d_value, output);
      trace.work.multiply_adds += d_value;
    }
  }
  return trace;
}

template <class T>
RollingCacheOf<T>::RollingCacheOf(std::size_t window, std::size_t d_head, std::size_t d_value) {
  require_window(window, "RollingCache");
  keys_ = MatrixOf<T>::from_shape({window, d_head});
  values_ = MatrixOf<T>::from_shape({window, d_value});
}

template <class T>
VectorOf<T> RollingCacheOf<T>::step(const VectorOf<T>& query, const VectorOf<T>& key,
                                    const VectorOf<T>& value) {
  const std::size_t window = keys_.shape(0), d = keys_.shape(1), d_value = values_.shape(1);
  require_shape(query.size() == d && key.size() == d && value.size() == d_value,
                "RollingCache::step",
                "wanted widths " + std::to_string(d) + ", " + std::to_string(d) + ", " +
                    std::to_string(d_value) + ", got " + std::to_string(query.size()) + ", " +
                    std::to_string(key.size()) + ", " + std::to_string(value.size()));
  std::copy(key.begin(), key.end(), keys_.data() + seen_ % window * d);
  std::copy(value.begin(), value.end(), values_.data() + seen_ % window * d_value);
  ++seen_;
  const std::size_t held = std::min(seen_, window);
  const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(d)));
  std::vector<T> scores(held), exponentials(held), pattern(held);
  for (std::size_t slot = 0; slot < held; ++slot)
    scores[slot] = scale * dot(query.data(), keys_.data() + slot * d, d);
  T max = 0, sum = 0;
  softmax_row<T>(scores, exponentials, pattern, max, sum);
  VectorOf<T> output = VectorOf<T>::from_shape({d_value});
  std::fill(output.begin(), output.end(), T(0));
  for (std::size_t slot = 0; slot < held; ++slot)
    for (std::size_t c = 0; c < d_value; ++c) output(c) += pattern[slot] * values_(slot, c);
  return output;
}

template LocalTraceOf<double> local_attention(const Matrix&, const Matrix&, const Matrix&,
                                              const LocalOptions&);
template LocalTraceOf<float> local_attention(const MatrixF&, const MatrixF&, const MatrixF&,
                                             const LocalOptions&);
template class RollingCacheOf<double>;
template class RollingCacheOf<float>;

}  // namespace headlight
