/// @file
/// Small linear algebra that lessons need beside the library.
#pragma once

#include <algorithm>
#include <cmath>
#include <headlight/core/tensor.hpp>
#include <utility>

namespace lesson {

/// Rank by Gauss with the largest pivot. @param a  changed  @param tolerance  of a pivot, relative
/// to the largest entry  @return independent rows
inline std::size_t rank(headlight::Matrix a, double tolerance = 1e-9) {
  double largest = 0;
  for (const double x : a) largest = std::max(largest, std::abs(x));
  std::size_t rank = 0;
  for (std::size_t c = 0; c < a.shape(1) && rank < a.shape(0); ++c) {
    std::size_t pivot = rank;
    for (std::size_t i = rank; i < a.shape(0); ++i)
      if (std::abs(a(i, c)) > std::abs(a(pivot, c))) pivot = i;
    if (std::abs(a(pivot, c)) <= tolerance * largest) continue;
    for (std::size_t k = 0; k < a.shape(1); ++k) std::swap(a(rank, k), a(pivot, k));
    for (std::size_t i = rank + 1; i < a.shape(0); ++i) {
      const double factor = a(i, c) / a(rank, c);
      for (std::size_t k = 0; k < a.shape(1); ++k) a(i, k) -= factor * a(rank, k);
    }
    ++rank;
  }
  return rank;
}

}  // namespace lesson
