/// @file
/// safetensors: named tensors in one file. Everything read is checked before it is believed.
#pragma once

#include <filesystem>
#include <headlight/file/whole_file.hpp>
#include <map>
#include <string>
#include <vector>

namespace headlight {

/// A tensor as it lies in a file.
struct StoredTensor {
  std::string name;                ///< "h.0.ln_1.weight"
  std::string dtype;               ///< "F32", "F64", "F16", "BF16", "I64", "BOOL", ...
  std::vector<std::size_t> shape;  ///< row-major
  std::string bytes;               ///< little-endian
};

/// What a file holds.
struct SafetensorsFile {
  std::vector<StoredTensor> tensors;            ///< in the order of their bytes
  std::map<std::string, std::string> metadata;  ///< __metadata__

  /// @param name  of a tensor  @return the tensor, or null
  const StoredTensor* find(const std::string& name) const;
};

/// Reads and checks: header, offsets without holes or overlaps, shapes, sizes, nothing behind.
/// @param path  of the file  @return all tensors
/// @throws FileError with the file, the tensor and the reason
/// @source the format's reference reader, huggingface/safetensors
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// Reads numbers from a file straight to where they are wanted: nothing is held twice.
class SafetensorsReader {
 public:
  /// A tensor in the file.
  struct Tensor {
    std::string name;                ///< "h.0.ln_1.weight"
    std::string dtype;               ///< "F32", ...
    std::vector<std::size_t> shape;  ///< row-major
    std::uint64_t begin = 0;         ///< first byte, behind the header
  };

  /// Checks the header as read_safetensors does. @param path  of the file
  /// @throws FileError with the file, the tensor and the reason
  explicit SafetensorsReader(const std::filesystem::path& path);
  ~SafetensorsReader();
  SafetensorsReader(const SafetensorsReader&) = delete;
  SafetensorsReader& operator=(const SafetensorsReader&) = delete;

  /// @param name  of a tensor  @return it, or null
  const Tensor* find(const std::string& name) const;
  /// Numbers of a tensor as T, from F64, F32, F16 or BF16.
  /// @param tensor  of this file  @param first  number  @param count  of numbers  @param to
  /// receives them
  /// @throws FileError for another dtype or when the file cannot be read
  template <class T>
  void read(const Tensor& tensor, std::size_t first, std::size_t count, T* to) const;

 private:
  void bytes_at(std::uint64_t offset, char* to, std::size_t count) const;
  std::string path_;
  int file_ = -1;
  std::uint64_t data_ = 0;
  std::vector<Tensor> tensors_;
};

/// Reads from memory.
/// @param bytes  of a file  @param name  for messages  @return all tensors
/// @throws FileError with the name, the tensor and the reason
SafetensorsFile parse_safetensors(std::string_view bytes, const std::string& name);

/// The bytes of a file: header padded with spaces to a multiple of eight.
/// @param file  tensors and metadata  @return the bytes
std::string safetensors_bytes(const SafetensorsFile& file);

/// Writes complete or not at all.
/// @param path  of the file  @param file  tensors and metadata
/// @throws FileError with the reason of the system
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

/// A tensor of numbers as T, from F64, F32, F16 or BF16.
/// @param tensor  as stored  @return its numbers, row-major
/// @throws FileError for another dtype
template <class T>
std::vector<T> numbers_of(const StoredTensor& tensor);

/// Numbers as a tensor: F32 for float, F64 for double.
/// @param name  of the tensor  @param shape  sizes  @param values  row-major
/// @return ready to be written
template <class T>
StoredTensor stored(std::string name, std::vector<std::size_t> shape, const T* values);

}  // namespace headlight
