/// @file
/// What a compiler or a sanitizer says, in one sentence about the learner's own line.
#pragma once

#include <string>

namespace headlight::course {

/// @param log  of the compiler or the linker  @param file  the learner's, by its last name
/// @return "line 12: message; 3 more lines", always one line
std::string digest(const std::string& log, const std::string& file);

/// @param log  of a sanitized run  @param file  the learner's, by its last name
/// @return what was found and in which line; empty when nothing was
std::string sanitizer_digest(const std::string& log, const std::string& file);

}  // namespace headlight::course
