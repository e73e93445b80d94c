/// @file
/// Rotary position embedding: queries and keys are turned by an angle proportional to their
/// position.
#pragma once

#include <headlight/core/linalg.hpp>
#include <headlight/core/tensor.hpp>

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

/// Turns every row by the angle of its position.
/// @param x @shape{n, d_head}
/// @param first_position  position of row 0
/// @param rope  base, pairing, dimensions, scale
/// @param rotated @shape{n, d_head}, overwritten; may be the memory of x
/// @throws ShapeError for an odd number of turning coordinates or sizes that differ
/// @source Su et al. 2021, RoFormer, 3.4.2    @booksection{13}
template <class T>
void rotate(ViewOf<const T> x, std::size_t first_position, const Rope& rope, ViewOf<T> rotated);

}  // namespace headlight
