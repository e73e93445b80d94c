// Right but unusual solutions of 03.1: each has to get all points.
#include <headlight/core/shape.hpp>

#include "03_how_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::HeadDims;

// Columns are dealt out one by one.
HeadDims dealt(std::size_t d_model, std::size_t n_heads) {
  if (n_heads == 0) throw ShapeError("no heads");
  HeadDims dims;
  for (std::size_t left = d_model; left > 0; left -= n_heads, ++dims.d_head)
    if (left < n_heads) throw ShapeError("columns are left over");
  for (std::size_t column = 0; column < d_model; ++column)
    if (column % dims.d_head == 0) {
      dims.first.push_back(column);
      dims.end.push_back(column + dims.d_head);
    }
  return dims;
}

// With a float quotient that has to be whole, and the last head first.
HeadDims in_float(std::size_t d_model, std::size_t n_heads) {
  const float quotient = static_cast<float>(d_model) / static_cast<float>(n_heads);
  if (n_heads == 0 || std::floor(quotient) != quotient) throw std::invalid_argument("not whole");
  HeadDims dims;
  dims.d_head = static_cast<std::size_t>(quotient);
  dims.first.resize(n_heads);
  dims.end.resize(n_heads);
  for (std::size_t h = n_heads, end = d_model; h-- > 0; end -= dims.d_head) {
    dims.end[h] = end;
    dims.first[h] = end - dims.d_head;
  }
  return dims;
}

// A table of borders, used twice.
HeadDims from_a_table(std::size_t d_model, std::size_t n_heads) {
  if (n_heads == 0 || d_model / n_heads * n_heads != d_model)
    throw std::invalid_argument("not divisible");
  std::vector<std::size_t> borders = {0};
  while (borders.size() <= n_heads) borders.push_back(borders.back() + d_model / n_heads);
  return {borders[1], {borders.begin(), borders.end() - 1}, {borders.begin() + 1, borders.end()}};
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::head_dims)>> accepted_03_1;
const std::vector<Mutant<decltype(exercise::head_dims)>> accepted_03_1 = {
    {"dealt", "", "columns are dealt out one by one", dealt},
    {"float", "", "a float quotient that has to be whole, last head first", in_float},
    {"table", "", "one table of borders for both", from_a_table},
};

}  // namespace headlight::course
