/// @file
/// Rotary position embedding: queries and keys are turned by an angle proportional to their
/// position.
#pragma once

#include <headlight/core/linalg.hpp>
#include <headlight/core/tensor.hpp>
#include <vector>

namespace headlight {

/// Which two coordinates turn together.
enum class RopePairing {
  halves,       ///< i and i + d/2 (GPT-NeoX, LLaMA in Hugging Face's layout)
  interleaved,  ///< 2i and 2i + 1 (the paper, GPT-J)
};

/// How far to turn.
struct Rope {
  double base = 10000;                        ///< pair i turns by position * base^(-2i/d) radians
  RopePairing pairing = RopePairing::halves;  ///< which coordinates form a pair
  std::size_t dimensions = 0;                 ///< leading coordinates that turn; 0 means all
  double position_scale = 1;  ///< positions are multiplied by it (interpolation: below 1)
};

/// How fast every pair turns, in radians a token (position_scale is in it).
/// \f[ \theta_i = scale\cdot base^{-2i/d},\quad i = 0 \dots d/2-1 \f]
/// @param d_head  width of a head
/// @param rope  base, dimensions, scale
/// @return @shape{d/2}, where d is the number of turning coordinates; the wavelength of a pair is
/// 2 pi divided by its frequency
/// @throws ShapeError for an odd number of turning coordinates, or more than d_head
/// @source Su et al. 2021, RoFormer, 3.2.2    @booksection{13}
Vector rope_frequencies(std::size_t d_head, const Rope& rope = {});

/// Position interpolation: positions are squeezed so that a sequence `factor` times longer turns no
/// farther than training did. Every pair slows down alike, the fast ones that tell neighbours apart
/// too.
/// @param rope  as trained
/// @param factor  how many times longer, at least 1
/// @return position_scale divided by the factor
/// @throws std::domain_error for a factor below 1
/// @source Chen et al. 2023, Extending context window of large language models via positional
/// interpolation, 3    @booksection{13}
Rope interpolated(Rope rope, double factor);

/// NTK-aware scaling: the base grows so that the slowest pair is slowed down by the whole factor
/// and the fastest not at all.
/// \f[ base' = base\cdot factor^{d/(d-2)} \f]
/// @param rope  as trained
/// @param d_head  width of a head
/// @param factor  how many times longer, at least 1
/// @return with the larger base
/// @throws ShapeError when fewer than 4 coordinates turn; std::domain_error for a factor below 1
/// @source bloc97 2023, NTK-aware scaled RoPE; Peng et al. 2023, YaRN, 3.1    @booksection{13}
Rope ntk_scaled(Rope rope, std::size_t d_head, double factor);

/// Which interleaved coordinate stands where in the halves layout: the two pairings are the same
/// rotation in another order of the coordinates.
/// @param d_head  width of a head
/// @param rope  only `dimensions` is read
/// @return d_head numbers: coordinate j of the halves layout is coordinate order[j] of the
/// interleaved one
/// @throws ShapeError for an odd number of turning coordinates, or more than d_head
std::vector<std::size_t> pairing_order(std::size_t d_head, const Rope& rope = {});

/// Cosines and sines of the angles of some positions: every head turns by the same.
template <class T>
struct TurnsOf {
  MatrixOf<T> cosine;  ///< @shape{n, d/2}
  MatrixOf<T> sine;    ///< @shape{n, d/2}
};
using Turns = TurnsOf<double>;  ///< in double

/// The angles of n positions.
/// @param first_position  position of row 0
/// @param n  how many
/// @param d_head  width of a head
/// @param rope  base, dimensions, scale
/// @return a row for every position, a column for every pair
/// @throws ShapeError for an odd number of turning coordinates, or more than d_head
template <class T>
TurnsOf<T> turns(std::size_t first_position, std::size_t n, std::size_t d_head, const Rope& rope);

/// Turns every row by angles that are known already.
/// @param x @shape{n, d_head}
/// @param turns  of the positions
/// @param first  row of the turns that row 0 takes
/// @param pairing  as in the turns' Rope
/// @param rotated @shape{n, d_head}, overwritten; may be the memory of x
/// @throws ShapeError when there are too few turns or sizes differ
/// @source Su et al. 2021, RoFormer, 3.4.2    @booksection{13}
template <class T>
void rotate(ViewOf<const T> x, const TurnsOf<T>& turns, std::size_t first, RopePairing pairing,
            ViewOf<T> rotated);

/// Turns every row by the angle of its position.
/// @param x @shape{n, d_head}
/// @param first_position  position of row 0
/// @param rope  base, pairing, dimensions, scale
/// @param rotated @shape{n, d_head}, overwritten; may be the memory of x
/// @throws ShapeError for an odd number of turning coordinates or sizes that differ
/// @source Su et al. 2021, RoFormer, 3.4.2    @booksection{13}
template <class T>
void rotate(ViewOf<const T> x, std::size_t first_position, const Rope& rope, ViewOf<T> rotated);

/// Turns every row by the angle of its position.
/// \f[ (x_a, x_b)_p \mapsto (x_a\cos p\theta_i - x_b\sin p\theta_i,\;
///      x_a\sin p\theta_i + x_b\cos p\theta_i) \f]
/// @param x @shape{n, d_head}
/// @param rope  base, pairing, dimensions, scale
/// @param first_position  position of row 0
/// @return @shape{n, d_head}; every row keeps its length
/// @throws ShapeError for an odd number of turning coordinates, or more than d_head
template <class T>
MatrixOf<T> rotate(const MatrixOf<T>& x, const Rope& rope = {}, std::size_t first_position = 0) {
  MatrixOf<T> rotated = x;
  rotate<T>(view(x), first_position, rope, view(rotated));
  return rotated;
}

}  // namespace headlight
