#include <algorithm>
#include <bit>
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

SafetensorsFile parse_safetensors(std::string_view bytes, const std::string& file) {
  const auto fail = [&](const std::string& reason) { throw FileError(file + ": " + reason); };
  if (bytes.size() < 8)
    fail("wanted at least 8 bytes of header length, got " + std::to_string(bytes.size()));
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  if (length > 100'000'000)
    fail("a header of " + std::to_string(length) + " bytes is longer than the format allows");
  if (length > bytes.size() - 8)
    fail("the header wants " + std::to_string(length) + " bytes, the file has " +
         std::to_string(bytes.size() - 8));
  const std::string_view text = bytes.substr(8, length), data = bytes.substr(8 + length);

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

  SafetensorsFile result;
  std::vector<Entry> entries;
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
    if (e.end > data.size())
      fail(e.name + ": its bytes end at " + std::to_string(e.end) + ", the data has " +
           std::to_string(data.size()));
    position = e.end;
  }
  if (position != data.size())
    fail("the tensors end at byte " + std::to_string(position) + " of the data, which has " +
         std::to_string(data.size()));
  for (const Entry& e : entries)
    result.tensors.push_back(
        {e.name, e.dtype, e.shape, std::string(data.substr(e.begin, e.end - e.begin))});
  return result;
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

template <class T>
std::vector<T> numbers_of(const StoredTensor& t) {
  const std::size_t width = bits_of(t.dtype) / 8;
  std::vector<T> values(width == 0 ? 0 : t.bytes.size() / width);
  const auto each = [&](auto sample, const auto& convert) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::memcpy(&sample, t.bytes.data() + i * sizeof(sample), sizeof(sample));
      values[i] = static_cast<T>(convert(sample));
    }
  };
  const auto same = [](auto v) { return v; };
  if (t.dtype == "F32")
    each(float{}, same);
  else if (t.dtype == "F64")
    each(double{}, same);
  else if (t.dtype == "F16")
    each(std::uint16_t{}, half_to_float);
  else if (t.dtype == "BF16")
    each(std::uint16_t{},
         [](std::uint16_t v) { return std::bit_cast<float>(static_cast<std::uint32_t>(v) << 16); });
  else
    throw FileError(t.name + ": wanted numbers of kind F32, F64, F16 or BF16, got " + t.dtype);
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

template std::vector<float> numbers_of(const StoredTensor&);
template std::vector<double> numbers_of(const StoredTensor&);
template StoredTensor stored(std::string, std::vector<std::size_t>, const float*);
template StoredTensor stored(std::string, std::vector<std::size_t>, const double*);

}  // namespace headlight
