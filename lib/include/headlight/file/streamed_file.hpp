/// @file
/// A file written piece by piece that appears complete or not at all.
#pragma once

#include <filesystem>
#include <headlight/file/whole_file.hpp>
#include <string>
#include <string_view>

namespace headlight {

/// Writes to a neighbour of the file and puts it in place at the end; without commit() nothing is
/// left behind.
class StreamedFile {
 public:
  /// @param path  of the file to be  @throws FileError when its folder cannot be written
  explicit StreamedFile(std::filesystem::path path);
  ~StreamedFile();
  StreamedFile(const StreamedFile&) = delete;
  StreamedFile& operator=(const StreamedFile&) = delete;

  /// @param bytes  appended  @throws FileError with the reason of the system
  void append(std::string_view bytes);
  /// @return bytes written so far
  std::uint64_t size() const { return size_; }
  /// Puts the file in place. @throws FileError with the reason of the system
  void commit();

 private:
  [[noreturn]] void fail() const;
  std::filesystem::path path_, neighbour_;
  int file_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace headlight
