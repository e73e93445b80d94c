/// @file
/// Texts and numbers as JSON: what the numbers are is written exactly, infinities and NaN are
/// spelled "inf", "-inf", "nan".
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace headlight::render {

/// A text as a JSON string, quotes included. Bytes that are not UTF-8 become the replacement
/// character.
/// @param text  any bytes
/// @return "\"...\""
std::string json_string(std::string_view text);

/// A number in the fewest digits that give it back exactly.
/// @param x  any number
/// @return "0.1", "1e+30", or one of the strings "\"inf\"", "\"-inf\"", "\"nan\""
std::string json_number(double x);
/// A float in the fewest digits that give the float back exactly.
/// @param x  any number
/// @return as for a double
std::string json_number(float x);

/// Numbers as nested lists.
/// @param values  row-major
/// @param shape  sizes, outermost axis first; none: a lone number
/// @return "[[1,2],[3,4]]"
/// @throws ShapeError when the sizes do not multiply to the number of values
template <class T>
std::string json_values(std::span<const T> values, std::span<const std::size_t> shape);

}  // namespace headlight::render
