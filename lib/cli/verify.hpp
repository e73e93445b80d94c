/// @file
/// A second opinion on a recorded trace. Knows nothing of the library: weights and stages come as
/// plain memory.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace headlight::verify {

/// Numbers in rows. `data` is null for a matrix that is not there.
struct Numbers {
  const float* data = nullptr;  ///< row-major
  std::size_t rows = 0;         ///< count
  std::size_t columns = 0;      ///< count
};

/// A normalisation; `gain` is null for none.
struct PlainNorm {
  const float* gain = nullptr;  ///< one a column
  const float* bias = nullptr;  ///< one a column, or null
  double epsilon = 0;           ///< inside the root
  bool is_rms = false;          ///< RMSNorm, else LayerNorm
};

/// A block's weights.
struct PlainBlock {
  PlainNorm norm1, norm2;                         ///< of attention, of the feed-forward layer
  bool post_norm = false;                         ///< norm after the sum
  std::size_t n_heads = 0;                        ///< heads
  Numbers W_Q, W_K, W_V, W_O, null_key;           ///< x W
  Numbers relative_keys, relative_values;         ///< Shaw's tables
  const float *b_Q = nullptr, *b_K = nullptr;     ///< or null
  const float *b_V = nullptr, *b_O = nullptr;     ///< or null
  Numbers W_in, W_out;                            ///< no data: no feed-forward layer
  const float *b_in = nullptr, *b_out = nullptr;  ///< or null
  char activation = 'n';                          ///< 'n' tanh GELU, 'e' erf GELU, 'r' ReLU
};

/// A model's weights.
struct PlainModel {
  Numbers W_E, W_pos, W_U;  ///< W_U may be W_E
  char position = 'l';      ///< 'l' learned, 's' sinusoidal, 'r' rope, 'a' alibi, 't' T5, 'k' Shaw,
                            ///< 'n' none
  Numbers relative_bias;    ///< T5's table: a row for every bucket, a column for every head
  std::size_t max_distance = 0;     ///< of T5's buckets
  double rope_base = 10000;         ///< rotary positions
  bool rope_interleaved = false;    ///< pairs are neighbours, else halves
  std::size_t rope_dimensions = 0;  ///< turning coordinates, 0 for all
  double rope_scale = 1;            ///< factor of positions
  std::vector<PlainBlock> blocks;   ///< from bottom to top
  PlainNorm norm_final;             ///< before the unembedding
};

/// A recorded stage as it lies in memory, heads first. Not there: both pointers null.
struct Recorded {
  const float* values = nullptr;   ///< numbers
  const bool* flags = nullptr;     ///< a mask
  std::vector<std::size_t> shape;  ///< sizes
};

/// Finds a stage by its full name.
using Find = std::function<Recorded(const std::string& name)>;

/// What was found.
struct Verdict {
  bool agrees = true;              ///< every stage that could be recomputed
  std::size_t checked = 0;         ///< stages recomputed
  std::size_t without_inputs = 0;  ///< stages whose inputs were not recorded
  double worst = 0;                ///< largest relative difference of a stage
  std::string stage;  ///< first one that disagrees, else the one with the worst difference
  std::vector<std::size_t> where;  ///< its worst cell
  double got = 0, want = 0;        ///< recorded and recomputed value there
};

/// Recomputes every stage from its recorded inputs, in double, with plain loops.
/// @param model  weights  @param ids  token ids  @param find  recorded stages
/// @param was_changed  stages that an intervention wrote; they are inputs, not results
/// @param tolerance  relative, Euclidean norm over a stage
/// @return the first stage that disagrees, with its worst cell
Verdict verify_trace(const PlainModel& model, const std::vector<std::size_t>& ids, const Find& find,
                     const std::function<bool(const std::string&)>& was_changed, double tolerance);

}  // namespace headlight::verify
