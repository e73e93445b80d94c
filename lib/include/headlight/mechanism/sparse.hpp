/// @file
/// Sparse attention by a fixed pattern of blocks: BigBird's window, globals and random links,
/// Longformer's globals.
#pragma once

#include <cstdint>
#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>
#include <vector>

namespace headlight {

/// Who sees whom, block by block, as compressed sparse rows: the keys of block row r are
/// key_block[first[r]] ... key_block[first[r + 1] - 1], ascending, none twice.
struct BlockPattern {
  std::size_t n = 0;                   ///< tokens, queries and keys alike
  std::size_t block = 1;               ///< tokens of a block; the last block may be shorter
  bool causal = false;                 ///< inside a block on the diagonal, hide later tokens
  std::vector<std::size_t> first;      ///< one more than there are block rows
  std::vector<std::size_t> key_block;  ///< which blocks of keys

  /// Cells that are computed. @return pairs of a query and a key that it sees
  std::size_t pairs() const;
};

/// The parts of BigBird's pattern, counted in blocks. More than there are means all.
struct BigBirdOptions {
  std::size_t block = 1;   ///< tokens of a block
  std::size_t window = 1;  ///< blocks in one direction, the query's own included; 0 for no window
  std::size_t global = 0;  ///< the first blocks see all and are seen by all
  std::size_t random = 0;  ///< further blocks for each block row, drawn among those not yet seen
  std::uint64_t seed = 1;  ///< of the draw: the same seed, the same pattern
  bool causal = false;     ///< hide the future, also from global rows and random links
};

/// BigBird's pattern: window, global rows and columns, seeded random links.
/// @param n  tokens
/// @param options  the parts
/// @return the pattern; a causal one for fewer tokens is the beginning of one for more
/// @throws ShapeError for block 0
/// @source Zaheer et al. 2020, Big Bird, 2 and appendix D    @booksection{17}
BlockPattern bigbird_pattern(std::size_t n, const BigBirdOptions& options);

/// Longformer's pattern, token by token: a window, and tokens that see all and are seen by all.
/// @param n  tokens
/// @param window  keys in one direction, the query's own included; 0 for no window
/// @param globals  tokens anywhere; one named twice counts once
/// @param causal  hide the future, also from global tokens
/// @return the pattern, with blocks of one token
/// @throws ShapeError when a global token is not below n
/// @source Beltagy, Peters, Cohan 2020, Longformer, 3.1    @booksection{17}
BlockPattern longformer_pattern(std::size_t n, std::size_t window,
                                const std::vector<std::size_t>& globals, bool causal);

/// A pattern as a picture of all cells; the one function here that makes n x n of anything.
/// @param pattern  any
/// @return @shape{n, n}, true where the query sees the key
Mask visible_cells(const BlockPattern& pattern);

/// Every number of sparse attention. Query i owns the entries first_pair[i] ... first_pair[i + 1] -
/// 1, in the order of its keys.
template <class T>
struct SparseTraceOf {
  std::vector<std::size_t> first_pair;  ///< one more than there are queries
  std::vector<std::size_t> key;         ///< which key each entry belongs to
  VectorOf<T> masked_scores;            ///< @shape{n_pairs}   Q K^T / sqrt(d_head), seen cells only
  VectorOf<T> pattern;                  ///< @shape{n_pairs}   softmax over each query's entries
  MatrixOf<T> output;                   ///< @shape{n, d_value}   zero for a query that sees nothing
  Work work;                            ///< what it cost
};
using SparseTrace = SparseTraceOf<double>;  ///< in double

/// Softmax attention over the cells of a pattern; no other cell is ever computed or stored.
/// @param query @shape{n, d_head}
/// @param key @shape{n, d_head}
/// @param value @shape{n, d_value}
/// @param pattern  for n tokens
/// @param scale  factor of the raw scores; 0 means 1/sqrt(d_head)
/// @return every intermediate
/// @throws ShapeError when sizes differ, or the pattern is for another n or names blocks that do
/// not exist, in disorder or twice
/// @source Zaheer et al. 2020, Big Bird    @booksection{17}
template <class T>
SparseTraceOf<T> sparse_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                  const MatrixOf<T>& value, const BlockPattern& pattern,
                                  double scale = 0);

}  // namespace headlight
