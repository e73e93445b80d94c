/// @file
/// Bytes as text, for JSON.
#pragma once

#include <string>
#include <string_view>

namespace headlight {

/// @param bytes  any  @return four letters for every three bytes, filled up with "="
/// @source RFC 4648, section 4
std::string base64(std::string_view bytes);

/// @param text  what base64() makes  @param where  named in the message
/// @return the bytes
/// @throws FileError for a letter that does not belong there
std::string from_base64(std::string_view text, const std::string& where);

}  // namespace headlight
