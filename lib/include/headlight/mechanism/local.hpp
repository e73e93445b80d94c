/// @file
/// Local attention: every query sees a window of keys around itself, and only those are ever
/// computed.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>
#include <vector>

namespace headlight {

/// The window.
struct LocalOptions {
  std::size_t window = 1;  ///< keys in one direction, the query's own included: 1 sees only itself
  bool causal = true;      ///< only back; otherwise window - 1 keys ahead as well
  double scale = 0;        ///< factor of the raw scores; 0 means 1/sqrt(d_head)
};

/// Every number of local attention. Column c of row i belongs to key first_key[i] + c; columns that
/// no key fills hold -inf in the scores and zero in the pattern.
template <class T>
struct LocalTraceOf {
  std::vector<std::size_t> first_key;  ///< for each query the first key that it sees
  MatrixOf<T> masked_scores;           ///< @shape{n, width}   Q K^T / sqrt(d_head) over the window
  MatrixOf<T> pattern;                 ///< @shape{n, width}   softmax of it, rows sum to one
  MatrixOf<T> output;                  ///< @shape{n, d_value}   pattern times the window's values
  Work work;                           ///< what it cost
};
using LocalTrace = LocalTraceOf<double>;  ///< in double

/// Attention over a window: n times width scores, never n times n.
/// @param query @shape{n, d_head}
/// @param key @shape{n, d_head}
/// @param value @shape{n, d_value}
/// @param options  window, direction, scale
/// @return every intermediate, in a band; width is window when causal, else 2 window - 1
/// @throws ShapeError when sizes differ or the window is 0
/// @source Beltagy, Peters, Cohan 2020, Longformer, 3.1; Child et al. 2019    @booksection{17}
template <class T>
LocalTraceOf<T> local_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                const MatrixOf<T>& value, const LocalOptions& options);

/// The last `window` keys and values of a causal stream, in a ring: memory does not grow with the
/// stream.
template <class T>
class RollingCacheOf {
 public:
  /// @param window  keys kept  @param d_head  width of keys  @param d_value  width of values
  /// @throws ShapeError for window 0
  RollingCacheOf(std::size_t window, std::size_t d_head, std::size_t d_value);

  /// Adds a token and attends from it to the window.
  /// @param query @shape{d_head}
  /// @param key @shape{d_head}
  /// @param value @shape{d_value}
  /// @return @shape{d_value}, the same as that row of causal local_attention
  /// @throws ShapeError when sizes differ
  VectorOf<T> step(const VectorOf<T>& query, const VectorOf<T>& key, const VectorOf<T>& value);

  /// @return numbers held, the same after every step
  std::size_t size() const { return keys_.size() + values_.size(); }

 private:
  MatrixOf<T> keys_, values_;  // slot of token t: t modulo window
  std::size_t seen_ = 0;
};
using RollingCache = RollingCacheOf<double>;  ///< in double

}  // namespace headlight
