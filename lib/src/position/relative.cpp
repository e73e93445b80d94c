#include <algorithm>
#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/position/relative.hpp>

namespace headlight {
namespace {

template <class T>
MatrixOf<T> added(const MatrixOf<T>& a, const MatrixOf<T>& b) {
  MatrixOf<T> result = a;
  for (std::size_t i = 0; i < result.size(); ++i) result.data()[i] += b.data()[i];
  return result;
}

}  // namespace

std::size_t relative_row(std::ptrdiff_t offset, std::size_t reach) {
  const auto k = static_cast<std::ptrdiff_t>(reach);
  return static_cast<std::size_t>(std::clamp(offset, -k, k) + k);
}

template <class T>
RelativeTraceOf<T> relative_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                      const MatrixOf<T>& value, const RelativeWeightsOf<T>& weights,
                                      const Mask* mask) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0);
  const std::size_t d_head = query.shape(1), d_value = value.shape(1);
  const std::size_t rows = 2 * weights.reach + 1;
  require_shape(key.shape(1) == d_head && value.shape(0) == n_key && n_query <= n_key,
                "relative_attention",
                "queries " + shape_string(query) + ", keys " + shape_string(key) + ", values " +
                    shape_string(value) + " do not fit");
  require_shape(weights.keys.shape() == std::array{rows, d_head}, "relative_attention",
                "wanted key positions [" + std::to_string(rows) + ", " + std::to_string(d_head) +
                    "], got " + shape_string(weights.keys));
  const bool has_values = weights.values.size() > 0;
  require_shape(!has_values || weights.values.shape() == std::array{rows, d_value},
                "relative_attention",
                "wanted value positions [" + std::to_string(rows) + ", " + std::to_string(d_value) +
                    "], got " + shape_string(weights.values));
  require_shape(!mask || mask->shape() == std::array{n_query, n_key}, "relative_attention",
                "the mask does not have a cell for every query and key");
  const auto row_of = [&](std::size_t i, std::size_t j) {
    const auto position = static_cast<std::ptrdiff_t>(i + n_key - n_query);
    return relative_row(static_cast<std::ptrdiff_t>(j) - position, weights.reach);
  };

  RelativeTraceOf<T> trace;
  const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(d_head)));
  trace.content_scores = matmul(query, transpose(key));  // [n_query, n_key]
  for (T& score : trace.content_scores) score *= scale;

  const MatrixOf<T> by_offset = matmul(query, transpose(weights.keys));  // [n_query, 2 reach + 1]
  trace.position_scores = trace.content_scores;                          // [n_query, n_key]
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t j = 0; j < n_key; ++j)
      trace.position_scores(i, j) = scale * by_offset(i, row_of(i, j));

  trace.scores = added(trace.content_scores, trace.position_scores);      // [n_query, n_key]
  trace.masked_scores = mask ? hide(trace.scores, *mask) : trace.scores;  // [n_query, n_key]
  trace.pattern = softmax_rows(trace.masked_scores);                      // [n_query, n_key]

  trace.content_output = matmul(trace.pattern, value);  // [n_query, d_value]
  trace.position_output = trace.content_output;         // [n_query, d_value]
  std::fill(trace.position_output.begin(), trace.position_output.end(), T(0));
  if (has_values) {
    MatrixOf<T> share = MatrixOf<T>::from_shape({n_query, rows});  // of A on every offset
    std::fill(share.begin(), share.end(), T(0));
    for (std::size_t i = 0; i < n_query; ++i)
      for (std::size_t j = 0; j < n_key; ++j) share(i, row_of(i, j)) += trace.pattern(i, j);
    trace.position_output = matmul(share, weights.values);
  }
  trace.output = added(trace.content_output, trace.position_output);  // [n_query, d_value]
  return trace;
}

template RelativeTraceOf<double> relative_attention(const Matrix&, const Matrix&, const Matrix&,
                                                    const RelativeWeightsOf<double>&, const Mask*);
template RelativeTraceOf<float> relative_attention(const MatrixF&, const MatrixF&, const MatrixF&,
                                                   const RelativeWeightsOf<float>&, const Mask*);

}  // namespace headlight
