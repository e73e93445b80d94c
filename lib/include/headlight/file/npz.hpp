/// @file
/// NumPy's .npz: arrays in a zip file. Everything read is checked before it is believed.
#pragma once

#include <filesystem>
#include <headlight/file/safetensors.hpp>
#include <headlight/file/streamed_file.hpp>
#include <string>
#include <vector>

namespace headlight {

/// Writes arrays one after the other, so that none needs to be copied: stored (not compressed),
/// with CRC, zip64 where a size or an offset needs it.
class NpzWriter {
 public:
  /// @param path  of the file  @throws FileError when it cannot be created
  explicit NpzWriter(const std::filesystem::path& path) : file_(path) {}
  /// @param name  of the array, without .npy  @param dtype  "F32", "F64", "BOOL" or "U8"
  /// @param shape  sizes  @param bytes  little-endian, row-major
  /// @throws FileError with the reason of the system
  void add(const std::string& name, const std::string& dtype, const std::vector<std::size_t>& shape,
           std::string_view bytes);
  /// Writes the directory and puts the file in place. @throws FileError with the reason of the
  /// system
  void commit();

 private:
  struct Entry {
    std::string name;
    std::uint32_t crc;
    std::uint64_t size, offset;
  };
  StreamedFile file_;
  std::vector<Entry> entries_;
};

/// Reads every array: stored or deflated members, versions 1 to 3 of the array format, C order.
/// @param path  of the file
/// @return arrays with dtypes as safetensors spells them ("F32" for '<f4')
/// @throws FileError with the file, the member and the reason
std::vector<StoredTensor> read_npz(const std::filesystem::path& path);

/// Reads from memory. @param bytes  of a file  @param name  for messages  @return arrays
/// @throws FileError with the name, the member and the reason
std::vector<StoredTensor> parse_npz(std::string_view bytes, const std::string& name);

}  // namespace headlight
