/// @file
/// FlashAttention's order of work: tiles, a running maximum and sum, no n x n buffer.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>
#include <vector>

namespace headlight {

/// How to cut, and what to see.
struct FlashOptions {
  bool causal = false;              ///< hide the future; tiles that lie in it are skipped
  std::size_t query_block = 192;    ///< rows of a tile
  std::size_t key_block = 512;      ///< columns of a tile
  std::size_t threads = 1;          ///< groups of queries are spread over this many threads
  double scale = 0;                 ///< factor of the raw scores; 0 means 1/sqrt(d_head)
  std::vector<bool> is_token = {};  ///< one entry a key; false hides padding (whose numbers must be
                                    ///< finite); empty: all are tokens
};

/// What one tile did to the running numbers of its rows.
template <class T>
struct FlashTileOf {
  std::size_t head = 0;         ///< which head
  std::size_t first_query = 0;  ///< first row of the tile
  std::size_t first_key = 0;    ///< first column of the tile
  VectorOf<T>
      max;  ///< @shape{rows}   running maximum after the tile, -inf when nothing was seen yet
  VectorOf<T> sum;      ///< @shape{rows}   running sum of exponentials after the tile
  VectorOf<T> rescale;  ///< @shape{rows}   factor that the accumulator took: exp(old max - new max)
};

/// The result of attention over some of the keys, ready to be merged with the result over others.
template <class T>
struct FlashResultOf {
  Tensor3Of<T> output;      ///< @shape{n_heads, n_query, d_value}   rows that see no key are zero
  MatrixOf<T> log_sum_exp;  ///< @shape{n_heads, n_query}   log of the sum of exp(scores); -inf when
                            ///< no key is seen
  Work work = {};  ///< what it cost: products of whole tiles, exponentials of the keys seen
                   ///< and of each row's rescale, one tile a thread
};
using FlashResult = FlashResultOf<double>;  ///< in double
using FlashResultF = FlashResultOf<float>;  ///< in float

/// Exact attention, tile by tile.
/// \f[ m' = \max(m, \max_j s_j),\; l' = e^{m-m'} l + \sum_j e^{s_j-m'},\; y' = e^{m-m'} y + \sum_j
/// e^{s_j-m'} v_j \f]
/// @param query @shape{n_heads, n_query, d_head}
/// @param key @shape{n_heads, n_key, d_head}
/// @param value @shape{n_heads, n_key, d_value}
/// @param options  tiles, mask, threads
/// @param tiles  when given, receives every tile in the order computed (then one thread works)
/// @return output and log-sum-exp of every row; memory beyond them is one tile of scores, keys and
/// values and four blocks of queries a thread
/// @throws ShapeError when sizes differ or a tile is empty
/// @source Dao et al. 2022, FlashAttention, algorithm 1; Milakov, Gimelshein 2018 (online softmax)
/// @booksection{17}
template <class T>
FlashResultOf<T> flash_attention(const Tensor3Of<T>& query, const Tensor3Of<T>& key,
                                 const Tensor3Of<T>& value, const FlashOptions& options = {},
                                 std::vector<FlashTileOf<T>>* tiles = nullptr);

/// Attention over the union of two sets of keys, from the results over each.
/// @param a  over some keys
/// @param b  over other keys
/// @return as if attention had run over all of them
/// @throws ShapeError when sizes differ
/// @source Dao et al. 2023, Flash-Decoding    @booksection{17}
template <class T>
FlashResultOf<T> merge(const FlashResultOf<T>& a, const FlashResultOf<T>& b);

/// Gradients of attention, with the pattern computed again tile by tile from the log-sum-exp.
template <class T>
struct FlashGradientOf {
  Tensor3Of<T> query;  ///< @shape{n_heads, n_query, d_head}
  Tensor3Of<T> key;    ///< @shape{n_heads, n_key, d_head}
  Tensor3Of<T> value;  ///< @shape{n_heads, n_key, d_value}
};

/// Backward pass without an n x n buffer.
/// \f[ D_i = dy_i \cdot y_i,\; ds_{ij} = p_{ij}(dy_i \cdot v_j - D_i),\; p_{ij} = e^{s_{ij} -
/// lse_i} \f]
/// @param query @shape{n_heads, n_query, d_head}
/// @param key @shape{n_heads, n_key, d_head}
/// @param value @shape{n_heads, n_key, d_value}
/// @param result  of flash_attention on the same arguments
/// @param output_gradient @shape{n_heads, n_query, d_value}
/// @param options  as in the forward pass
/// @return gradients of the three arguments
/// @throws ShapeError when sizes differ
/// @source Dao et al. 2022, algorithm 4
template <class T>
FlashGradientOf<T> flash_backward(const Tensor3Of<T>& query, const Tensor3Of<T>& key,
                                  const Tensor3Of<T>& value, const FlashResultOf<T>& result,
                                  const Tensor3Of<T>& output_gradient,
                                  const FlashOptions& options = {});

}  // namespace headlight
