#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <headlight/file/streamed_file.hpp>

namespace headlight {

StreamedFile::StreamedFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored))
    throw FileError(path_.string() + ": is a folder; name a file");
  const bool is_special =
      std::filesystem::exists(path_, ignored) && !std::filesystem::is_regular_file(path_, ignored);
  if (is_special) {  // a device cannot be replaced, only written to
    file_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    neighbour_ = path_.string() + ".part" + std::to_string(getpid());
    file_ = open(neighbour_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (file_ < 0) fail();
}

StreamedFile::~StreamedFile() {
  if (file_ >= 0) close(file_);
  if (!neighbour_.empty()) unlink(neighbour_.c_str());
}

void StreamedFile::fail() const {
  const std::string reason = std::strerror(errno);
  throw FileError(path_.string() + ": cannot be written: " + reason);
}

void StreamedFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void StreamedFile::commit() {
  if (!neighbour_.empty() && fsync(file_) != 0) fail();
  const int closed = close(file_);
  file_ = -1;
  if (closed != 0) fail();
  if (neighbour_.empty()) return;
  if (rename(neighbour_.c_str(), path_.c_str()) != 0) fail();
  neighbour_.clear();
}

}  // namespace headlight
