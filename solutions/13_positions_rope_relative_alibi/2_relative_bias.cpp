// 13.2  Relative bias: a number for every offset                           20 minutes
//
//   offset(i, j) = j - p_i, clipped to -reach ... reach            [n_query, n_key]
//   bias(h, i, j) = table(h, offset(i, j) + reach)                 [n_heads, n_query, n_key]
//   scores = query key^T / sqrt(d_head) + bias, head by head; pattern = softmax of every row
// The queries are the last n_query of the n_key positions: p_i = i + n_key - n_query.
// table has 2 reach + 1 columns. Nothing is hidden.
//
// Example: one head of width 1, query [[2]], key [[1], [0], [3]], table [[5, 6, 7]] gives
//   offset = [[-1, -1, 0]], bias = [[5, 5, 6]], scores = [[7, 5, 12]],
//   pattern = [[0.0067, 0.0009, 0.9924]]
// Section 13 of the report (Shaw's clipping, T5's scalar bias).
#include "exercises.hpp"

namespace headlight::exercise {

RelativeTrace relative_bias(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  // >>> your code
  const std::size_t n_heads = query.shape(0), n_query = query.shape(1), n_key = key.shape(1);
  const std::size_t d_head = query.shape(2);
  const double reach = static_cast<double>((table.shape(1) - 1) / 2);
  RelativeTrace trace;
  trace.offset = xt::zeros<double>({n_query, n_key});
  trace.bias = trace.scores = trace.pattern = xt::zeros<double>({n_heads, n_query, n_key});
  // Beyond the reach the farthest offset is used again: so the table works at any length.
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t j = 0; j < n_key; ++j) {
      const double position = static_cast<double>(i + n_key - n_query);
      trace.offset(i, j) = std::clamp(static_cast<double>(j) - position, -reach, reach);
    }
  // The bias is added after the division: it is no product whose variance grows with the width.
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i) {
      double largest = -std::numeric_limits<double>::infinity(), total = 0;
      for (std::size_t j = 0; j < n_key; ++j) {
        double product = 0;
        for (std::size_t c = 0; c < d_head; ++c) product += query(h, i, c) * key(h, j, c);
        trace.bias(h, i, j) = table(h, static_cast<std::size_t>(trace.offset(i, j) + reach));
        trace.scores(h, i, j) =
            product / std::sqrt(static_cast<double>(d_head)) + trace.bias(h, i, j);
        largest = std::max(largest, trace.scores(h, i, j));
      }
      for (std::size_t j = 0; j < n_key; ++j)
        total += trace.pattern(h, i, j) = std::exp(trace.scores(h, i, j) - largest);
      for (std::size_t j = 0; j < n_key; ++j) trace.pattern(h, i, j) /= total;
    }
  return trace;
  // Another way: begin with all scores and add along diagonals, for on a diagonal the offset is one
  // number.
  // <<< your code
}

}  // namespace headlight::exercise
