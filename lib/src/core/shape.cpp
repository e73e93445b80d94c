#include <headlight/core/shape.hpp>

namespace headlight {

std::string shape_string(std::span<const std::size_t> shape) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(shape[axis]);
  }
  return text + "]";
}

void require_shape(bool holds, std::string_view function, const std::string& message) {
  if (!holds) throw ShapeError(std::string(function) + ": " + message);
}

}  // namespace headlight
