/// @file
/// Runs a program and keeps what it prints.
#pragma once

#include "text.hpp"

namespace site {

/// Runs a program without a terminal, in 80 columns of UTF-8; what it prints goes into a file.
/// Returns its exit status, or 128 and the signal that ended it.
int run(const fs::path& program, const std::vector<std::string>& args, const fs::path& out);

}  // namespace site
