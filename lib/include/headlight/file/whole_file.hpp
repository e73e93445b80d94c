/// @file
/// Files read and written as a whole: complete, or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace headlight {

/// A file cannot be read, written or understood; the text has the file, the place and the reason.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// All bytes of a file.
/// @param path  of a regular file
/// @param largest  bytes that are accepted
/// @return its bytes
/// @throws FileError when it cannot be read or is larger
std::string read_whole_file(const std::filesystem::path& path,
                            std::uintmax_t largest = std::uintmax_t{1} << 40);

/// Writes beside the file, then puts it in place in one step: after a full disk or an interruption
/// the file is what it was before.
/// @param path  of the file  @param bytes  its new content
/// @throws FileError with the reason of the system
void write_whole_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace headlight
