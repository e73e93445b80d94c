/// @file
/// Corners of points in a plane.
#pragma once

#include <headlight/core/tensor.hpp>
#include <set>

namespace lesson {

/// The corners of the convex hull, by Andrew's monotone chain: two walks from the leftmost to the
/// rightmost point that turn one way only. Points on an edge are no corners.
/// @param points @shape{n, 2}, no two the same
/// @return their rows
std::set<std::size_t> hull_corners(const headlight::Matrix& points);

}  // namespace lesson
