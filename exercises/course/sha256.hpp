/// @file
/// SHA-256, to know whether a file is still the one that was graded.
#pragma once

#include <string>
#include <string_view>

namespace headlight::course {

/// @param bytes  any  @return 64 hexadecimal digits
/// @source FIPS 180-4, 6.2
std::string sha256(std::string_view bytes);

}  // namespace headlight::course
