/// @file
/// Shapes in words, and the error that a wrong shape raises.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace headlight {

/// A function was given tensors whose shapes do not fit; the text says what was wanted and what
/// came.
struct ShapeError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Writes a shape as people do.
/// @param shape  sizes, outermost axis first
/// @return for example "[2, 3]"
std::string shape_string(std::span<const std::size_t> shape);

/// Writes the shape of a tensor as people do.
/// @param tensor  any xtensor container
/// @return for example "[2, 3]"
template <class Tensor>
requires requires(const Tensor& t) {
  t.shape().data();
}
std::string shape_string(const Tensor& tensor) {
  return shape_string(std::span<const std::size_t>(tensor.shape().data(), tensor.shape().size()));
}

/// Refuses wrong shapes at the boundary, before any arithmetic.
/// @param holds  what must be true
/// @param function  who refuses
/// @param message  what was wanted and what came, with both shapes
/// @throws ShapeError "function: message" unless it holds
void require_shape(bool holds, std::string_view function, const std::string& message);

/// Gives a tensor a shape, keeping its memory where the shape is already right.
/// @param tensor  any xtensor container; its values are unspecified afterwards
/// @param shape  the wanted sizes
template <class Tensor, std::size_t Rank>
void set_shape(Tensor& tensor, const std::array<std::size_t, Rank>& shape) {
  static_assert(Rank == std::tuple_size_v<typename Tensor::shape_type>);
  if (!std::equal(shape.begin(), shape.end(), tensor.shape().begin())) tensor.resize(shape);
}

}  // namespace headlight
