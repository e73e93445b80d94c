#include <cerrno>
#include <cstdio>
#include <cstring>
#include <headlight/file/streamed_file.hpp>
#include <headlight/file/whole_file.hpp>

namespace headlight {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& reason) {
  throw FileError(path.string() + ": " + reason);
}

}  // namespace

std::string read_whole_file(const std::filesystem::path& path, std::uintmax_t largest) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) fail(path, "there is no such file");
  if (!std::filesystem::is_regular_file(path, error)) fail(path, "not a regular file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) fail(path, error.message());
  if (size > largest)
    fail(path, "wanted at most " + std::to_string(largest) + " bytes, got " + std::to_string(size));
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) fail(path, std::strerror(errno));
  std::string bytes(size, '\0');
  const std::size_t got = std::fread(bytes.data(), 1, bytes.size(), file);
  const bool failed = std::ferror(file) != 0 || got != bytes.size();
  std::fclose(file);
  if (failed) fail(path, "could be read only up to byte " + std::to_string(got));
  return bytes;
}

void write_whole_file(const std::filesystem::path& path, std::string_view bytes) {
  StreamedFile file(path);
  file.append(bytes);
  file.commit();
}

}  // namespace headlight
