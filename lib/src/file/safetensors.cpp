#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <headlight/file/safetensors.hpp>
#include <nlohmann/json.hpp>
#include <set>

namespace headlight {
namespace {

using nlohmann::json;

// Bits of a number of each kind; zero: unknown.
std::size_t bits_of(const std::string& dtype) {
  static const std::map<std::string, std::size_t> bits{
      {"BOOL", 8}, {"U8", 8},   {"I8", 8},   {"U16", 16}, {"I16", 16}, {"F16", 16}, {"BF16", 16},
      {"U32", 32}, {"I32", 32}, {"F32", 32}, {"U64", 64}, {"I64", 64}, {"F64", 64}, {"C64", 64}};
  const auto found = bits.find(dtype);
  return found == bits.end() ? 0 : found->second;
}

struct Entry {
  std::string name, dtype;
  std::vector<std::size_t> shape;
  std::size_t begin = 0, end = 0;
};

float half_to_float(std::uint16_t h) {
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  const float sign = h & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction ? std::nanf("") : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

}  // namespace

const StoredTensor* SafetensorsFile::find(const std::string& name) const {
  for (const StoredTensor& t : tensors)
    if (t.name == name) return &t;
  return nullptr;
}

namespace {

// What the header says, checked against the number of bytes behind it.
struct Header {
  std::vector<Entry> entries;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
};

std::uint64_t header_length(std::string_view first_bytes, std::uint64_t file_size,
                            const std::string& file) {
  const auto fail = [&](const std::string& reason) { throw FileError(file + ": " + reason); };
  if (first_bytes.size() < 8)
    fail("wanted at least 8 bytes of header length, got " + std::to_string(first_bytes.size()));
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | static_cast<unsigned char>(first_bytes[static_cast<std::size_t>(i)]);
  if (length > 100'000'000)
    fail("a header of " + std::to_string(length) + " bytes is longer than the format allows");
  if (length > file_size - 8)
    fail("the header wants " + std::to_string(length) + " bytes, the file has " +
         std::to_string(file_size - 8));
  return length;
}

Header parse_header(std::string_view text, std::uint64_t data_size, const std::string& file) {
  const auto fail = [&](const std::string& reason) { throw FileError(file + ": " + reason); };
  std::set<std::string> names;
  std::string twice;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1 &&
        !names.insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    if (depth > 4) throw FileError(file + ": the header is nested too deeply");
    return true;
  };
  json header;
  try {
    header = json::parse(text.begin(), text.end(), watch);
  } catch (const json::exception&) {
    fail("the header is not JSON in UTF-8");
  }
  if (!header.is_object()) fail("the header is not a JSON object");
  if (!twice.empty()) fail("the header names " + twice + " twice");

  Header result;
  std::vector<Entry>& entries = result.entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      if (!value.is_object()) fail("__metadata__ is not an object");
      for (const auto& [key, meta] : value.items()) {
        if (!meta.is_string()) fail("__metadata__ " + key + " is not text");
        result.metadata[key] = meta.get<std::string>();
      }
      continue;
    }
    const auto is_size = [](const json& v) { return v.is_number_unsigned(); };
    if (!value.is_object() || !value.contains("dtype") || !value["dtype"].is_string() ||
        !value.contains("shape") || !value["shape"].is_array() || !value.contains("data_offsets") ||
        !value["data_offsets"].is_array() || value["data_offsets"].size() != 2 ||
        !std::all_of(value["shape"].begin(), value["shape"].end(), is_size) ||
        !std::all_of(value["data_offsets"].begin(), value["data_offsets"].end(), is_size))
      fail(name + ": wanted dtype, shape and two data_offsets");
    entries.push_back(
        {name, value["dtype"].get<std::string>(), value["shape"].get<std::vector<std::size_t>>(),
         value["data_offsets"][0].get<std::size_t>(), value["data_offsets"][1].get<std::size_t>()});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::size_t position = 0;
  for (const Entry& e : entries) {
    const std::size_t bits = bits_of(e.dtype);
    if (bits == 0) fail(e.name + ": numbers of kind " + e.dtype + " are not known");
    if (e.begin != position || e.end < e.begin)
      fail(e.name + ": its bytes " + std::to_string(e.begin) + " to " + std::to_string(e.end) +
           " do not follow byte " + std::to_string(position));
    std::size_t size = bits / 8;
    for (const std::size_t s : e.shape)
      if (__builtin_mul_overflow(size, s, &size)) fail(e.name + ": its shape overflows");
    if (e.end - e.begin != size)
      fail(e.name + ": wanted " + std::to_string(size) + " bytes for its shape, got " +
           std::to_string(e.end - e.begin));
    if (e.end > data_size)
      fail(e.name + ": its bytes end at " + std::to_string(e.end) + ", the data has " +
           std::to_string(data_size));
    position = e.end;
  }
  if (position != data_size)
    fail("the tensors end at byte " + std::to_string(position) + " of the data, which has " +
         std::to_string(data_size));
  return result;
}

}  // namespace

SafetensorsFile parse_safetensors(std::string_view bytes, const std::string& file) {
  const std::uint64_t length = header_length(bytes.substr(0, 8), bytes.size(), file);
  const std::string_view data = bytes.substr(8 + length);
  const Header header = parse_header(bytes.substr(8, length), data.size(), file);
  SafetensorsFile result;
  result.metadata = header.metadata;
  for (const Entry& e : header.entries)
    result.tensors.push_back(
        {e.name, e.dtype, e.shape, std::string(data.substr(e.begin, e.end - e.begin))});
  return result;
}

SafetensorsReader::SafetensorsReader(const std::filesystem::path& path) : path_(path.string()) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw FileError(path_ + ": there is no such file");
  if (!std::filesystem::is_regular_file(path, error))
    throw FileError(path_ + ": not a regular file");
  file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) throw FileError(path_ + ": " + std::strerror(errno));
  try {
    const std::uint64_t size = std::filesystem::file_size(path);
    std::string start(std::min<std::uint64_t>(8, size), '\0');
    bytes_at(0, start.data(), start.size());
    std::string text(header_length(start, size, path_), '\0');
    bytes_at(8, text.data(), text.size());
    data_ = 8 + text.size();
    for (Entry& e : parse_header(text, size - data_, path_).entries)
      tensors_.push_back({std::move(e.name), std::move(e.dtype), std::move(e.shape), e.begin});
  } catch (...) {
    close(file_);
    throw;
  }
}

SafetensorsReader::~SafetensorsReader() {
  close(file_);
}

void SafetensorsReader::bytes_at(std::uint64_t offset, char* to, std::size_t count) const {
  while (count > 0) {
    const ssize_t got = pread(file_, to, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      throw FileError(path_ + ": could be read only up to byte " + std::to_string(offset));
    to += got, offset += static_cast<std::uint64_t>(got), count -= static_cast<std::size_t>(got);
  }
}

const SafetensorsReader::Tensor* SafetensorsReader::find(const std::string& name) const {
  for (const Tensor& t : tensors_)
    if (t.name == name) return &t;
  return nullptr;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_whole_file(path), path.string());
}

std::string safetensors_bytes(const SafetensorsFile& file) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& t : file.tensors) order.push_back(&t);
  std::stable_sort(order.begin(), order.end(), [](const StoredTensor* a, const StoredTensor* b) {
    const std::size_t x = bits_of(a->dtype), y = bits_of(b->dtype);
    return x != y ? x > y : a->name < b->name;
  });
  std::size_t position = 0;
  for (const StoredTensor* t : order) {
    header[t->name] = {{"dtype", t->dtype},
                       {"shape", t->shape},
                       {"data_offsets", {position, position + t->bytes.size()}}};
    position += t->bytes.size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(text.size() >> (8 * i) & 255));
  bytes += text;
  for (const StoredTensor* t : order) bytes += t->bytes;
  return bytes;
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  write_whole_file(path, safetensors_bytes(file));
}

namespace {

// Numbers of any kind as T. The bytes need not be aligned.
template <class T>
void convert(const std::string& dtype, const char* bytes, std::size_t count, T* to,
             const std::string& name) {
  const auto each = [&](auto sample, const auto& converted) {
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(&sample, bytes + i * sizeof(sample), sizeof(sample));
      to[i] = static_cast<T>(converted(sample));
    }
  };
  const auto same = [](auto v) { return v; };
  if (dtype == "F32")
    each(float{}, same);
  else if (dtype == "F64")
    each(double{}, same);
  else if (dtype == "F16")
    each(std::uint16_t{}, half_to_float);
  else if (dtype == "BF16")
    each(std::uint16_t{},
         [](std::uint16_t v) { return std::bit_cast<float>(static_cast<std::uint32_t>(v) << 16); });
  else
    throw FileError(name + ": wanted numbers of kind F32, F64, F16 or BF16, got " + dtype);
}

}  // namespace

template <class T>
void SafetensorsReader::read(const Tensor& tensor, std::size_t first, std::size_t count,
                             T* to) const {
  const std::size_t width = bits_of(tensor.dtype) / 8;
  constexpr std::size_t part = 1 << 16;  // numbers in flight
  std::string buffer(std::min(part, count) * width, '\0');
  for (std::size_t done = 0; done < count; done += part) {
    const std::size_t now = std::min(part, count - done);
    bytes_at(data_ + tensor.begin + (first + done) * width, buffer.data(), now * width);
    convert(tensor.dtype, buffer.data(), now, to + done, path_ + ": " + tensor.name);
  }
}

template <class T>
std::vector<T> numbers_of(const StoredTensor& t) {
  const std::size_t width = bits_of(t.dtype) / 8;
  std::vector<T> values(width == 0 ? 0 : t.bytes.size() / width);
  convert(t.dtype, t.bytes.data(), values.size(), values.data(), t.name);
  return values;
}

template <class T>
StoredTensor stored(std::string name, std::vector<std::size_t> shape, const T* values) {
  std::size_t count = 1;
  for (const std::size_t s : shape) count *= s;
  StoredTensor t{std::move(name), sizeof(T) == 4 ? "F32" : "F64", std::move(shape), {}};
  t.bytes.resize(count * sizeof(T));
  if (count > 0) std::memcpy(t.bytes.data(), values, t.bytes.size());
  return t;
}

template void SafetensorsReader::read(const Tensor&, std::size_t, std::size_t, float*) const;
template void SafetensorsReader::read(const Tensor&, std::size_t, std::size_t, double*) const;
template std::vector<float> numbers_of(const StoredTensor&);
template std::vector<double> numbers_of(const StoredTensor&);
template StoredTensor stored(std::string, std::vector<std::size_t>, const float*);
template StoredTensor stored(std::string, std::vector<std::size_t>, const double*);

}  // namespace headlight
