#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <headlight/file/npz.hpp>
#include <limits>
#include <set>

namespace headlight {
namespace {

struct Dtype {
  const char* ours;
  const char* numpy;
  std::size_t size;
};
constexpr Dtype dtypes[] = {{"F32", "<f4", 4},  {"F64", "<f8", 8}, {"F16", "<f2", 2},
                            {"BOOL", "|b1", 1}, {"U8", "|u1", 1},  {"I64", "<i8", 8},
                            {"I32", "<i4", 4}};

constexpr std::uint32_t small_limit = 0xFFFFFFFFu;  // where zip64 begins

void put(std::string& to, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint32_t checksum(std::uint32_t crc, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), std::size_t{1} << 30);
    crc = static_cast<std::uint32_t>(
        crc32(crc, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(count)));
    bytes.remove_prefix(count);
  }
  return crc;
}

std::string npy_header(const std::string& numpy_dtype, const std::vector<std::size_t>& shape) {
  std::string dictionary = "{'descr': '" + numpy_dtype + "', 'fortran_order': False, 'shape': (";
  for (const std::size_t size : shape) dictionary += std::to_string(size) + ", ";
  dictionary += "), }";
  while ((10 + dictionary.size() + 1) % 64 != 0) dictionary += ' ';
  dictionary += '\n';
  std::string header = "\x93NUMPY";
  header += '\x01';
  header += '\x00';
  put(header, dictionary.size(), 2);
  return header + dictionary;
}

// A cursor over bytes that never reads past their end.
class Bytes {
 public:
  Bytes(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  [[noreturn]] void fail(const std::string& reason) const {
    throw FileError(where_ + ": " + reason);
  }

  std::string_view part(std::uint64_t offset, std::uint64_t count) const {
    if (offset > bytes_.size() || count > bytes_.size() - offset) fail("the file is truncated");
    return bytes_.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(count));
  }

  std::uint64_t number(std::uint64_t offset, int bytes) const {
    const std::string_view raw = part(offset, static_cast<std::uint64_t>(bytes));
    std::uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(raw[static_cast<std::size_t>(i)]);
    return value;
  }

  std::uint64_t size() const { return bytes_.size(); }
  std::string_view all() const { return bytes_; }

 private:
  std::string_view bytes_;
  std::string where_;
};

std::string inflated(std::string_view packed, std::uint64_t size, const Bytes& file) {
  if (size / 1032 > packed.size() + 1)
    file.fail("a compressed member claims more than it can hold");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) file.fail("zlib cannot start");
  std::size_t taken = 0, given = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    const std::size_t in = std::min<std::size_t>(packed.size() - taken, std::size_t{1} << 30);
    const std::size_t out = std::min<std::size_t>(bytes.size() - given, std::size_t{1} << 30);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + taken));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data() + given);
    stream.avail_out = static_cast<uInt>(out);
    status = inflate(&stream, Z_NO_FLUSH);
    taken += in - stream.avail_in, given += out - stream.avail_out;
    if (status == Z_OK && stream.avail_in == in && stream.avail_out == out) break;  // no progress
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || given != bytes.size()) file.fail("a compressed member is damaged");
  return bytes;
}

// The value after 'key': in the header's dictionary, up to `end`.
std::string_view value_of(std::string_view dictionary, const std::string& key, const Bytes& file) {
  const std::string quoted = "'" + key + "':";
  const std::size_t at = dictionary.find(quoted);
  if (at == std::string_view::npos) file.fail("the array header has no " + key);
  std::string_view rest = dictionary.substr(at + quoted.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

StoredTensor parse_npy(const std::string& name, std::string_view bytes, const std::string& where) {
  const Bytes file(bytes, where + ", array '" + name + "'");
  if (file.part(0, 6) != std::string_view("\x93NUMPY", 6)) file.fail("is not a NumPy array");
  const std::uint64_t version = file.number(6, 1);
  if (version < 1 || version > 3)
    file.fail("version " + std::to_string(version) + " of the array format is unknown");
  const int length_bytes = version == 1 ? 2 : 4;
  const std::uint64_t start = 8 + static_cast<std::uint64_t>(length_bytes);
  const std::uint64_t length = file.number(8, length_bytes);
  const std::string_view dictionary = file.part(start, length);
  StoredTensor tensor;
  tensor.name = name;
  std::string_view descr = value_of(dictionary, "descr", file);
  const std::size_t quote =
      descr.size() > 1 && descr[0] == '\'' ? descr.find('\'', 1) : std::string_view::npos;
  if (quote == std::string_view::npos) file.fail("only plain number types are supported");
  const std::string numpy(descr.substr(1, quote - 1));
  const auto* dtype = std::find_if(std::begin(dtypes), std::end(dtypes), [&](const Dtype& d) {
    return numpy == d.numpy || (numpy.size() == 3 && d.size == 1 && numpy.substr(1) == d.numpy + 1);
  });
  if (dtype == std::end(dtypes)) file.fail("number type '" + numpy + "' is not supported");
  tensor.dtype = dtype->ours;
  if (value_of(dictionary, "fortran_order", file).substr(0, 5) != "False")
    file.fail("Fortran order is not supported; save with order='C'");
  std::string_view shape = value_of(dictionary, "shape", file);
  const std::size_t close = shape.find(')');
  if (shape.empty() || shape[0] != '(' || close == std::string_view::npos)
    file.fail("the shape is not a list");
  std::uint64_t count = 1;
  std::uint64_t size = 0;
  bool in_number = false;
  for (const char letter : shape.substr(1, close)) {
    if (letter >= '0' && letter <= '9') {
      if (size > (std::uint64_t{1} << 48)) file.fail("the shape is too large");
      size = size * 10 + static_cast<std::uint64_t>(letter - '0'), in_number = true;
    } else if (letter == ',' || letter == ' ' || letter == ')' || letter == 'L') {
      if (!in_number) continue;
      tensor.shape.push_back(static_cast<std::size_t>(size));
      if (size != 0 && count > std::numeric_limits<std::uint64_t>::max() / 16 / size)
        file.fail("the shape is too large");
      count *= size, size = 0, in_number = false;
    } else {
      file.fail("the shape is not a list of numbers");
    }
  }
  const std::uint64_t here = file.size() - start - length;
  if (here != count * dtype->size)
    file.fail("wanted " + std::to_string(count * dtype->size) + " bytes of numbers, got " +
              std::to_string(here));
  tensor.bytes = std::string(file.part(start + length, here));
  return tensor;
}

}  // namespace

void NpzWriter::add(const std::string& name, const std::string& dtype,
                    const std::vector<std::size_t>& shape, std::string_view bytes) {
  const auto* known = std::find_if(std::begin(dtypes), std::end(dtypes),
                                   [&](const Dtype& d) { return dtype == d.ours; });
  if (known == std::end(dtypes))
    throw FileError("npz: number type " + dtype + " cannot be written");
  const std::string header = npy_header(known->numpy, shape);
  Entry entry{name + ".npy", checksum(checksum(0, header), bytes), header.size() + bytes.size(),
              file_.size()};
  const bool large = entry.size >= small_limit;
  std::string local = "PK\x03\x04";
  put(local, large ? 45 : 20, 2);
  put(local, 0x0800, 2);                  // names are UTF-8
  put(local, 0, 2);                       // stored
  put(local, 0, 2), put(local, 0x21, 2);  // 1980-01-01: the same bytes every time
  put(local, entry.crc, 4);
  put(local, large ? small_limit : entry.size, 4), put(local, large ? small_limit : entry.size, 4);
  put(local, entry.name.size(), 2), put(local, large ? 20 : 0, 2);
  local += entry.name;
  if (large)
    put(local, 1, 2), put(local, 16, 2), put(local, entry.size, 8), put(local, entry.size, 8);
  file_.append(local), file_.append(header), file_.append(bytes);
  entries_.push_back(entry);
}

void NpzWriter::commit() {
  const std::uint64_t start = file_.size();
  for (const Entry& e : entries_) {
    std::string extra;
    if (e.size >= small_limit) put(extra, e.size, 8), put(extra, e.size, 8);
    if (e.offset >= small_limit) put(extra, e.offset, 8);
    std::string central = "PK\x01\x02";
    put(central, extra.empty() ? 20 : 45, 2), put(central, extra.empty() ? 20 : 45, 2);
    put(central, 0x0800, 2), put(central, 0, 2), put(central, 0, 2), put(central, 0x21, 2);
    put(central, e.crc, 4);
    const std::uint64_t size = std::min<std::uint64_t>(e.size, small_limit);
    put(central, size, 4), put(central, size, 4), put(central, e.name.size(), 2);
    put(central, extra.empty() ? 0 : extra.size() + 4, 2);
    put(central, 0, 2), put(central, 0, 2), put(central, 0, 2), put(central, 0, 4);
    put(central, std::min<std::uint64_t>(e.offset, small_limit), 4);
    central += e.name;
    if (!extra.empty()) put(central, 1, 2), put(central, extra.size(), 2), central += extra;
    file_.append(central);
  }
  const std::uint64_t end = file_.size(), count = entries_.size();
  std::string tail;
  if (end >= small_limit || count >= 0xFFFF) {
    tail += "PK\x06\x06";
    put(tail, 44, 8), put(tail, 45, 2), put(tail, 45, 2), put(tail, 0, 4), put(tail, 0, 4);
    put(tail, count, 8), put(tail, count, 8), put(tail, end - start, 8), put(tail, start, 8);
    tail += "PK\x06\x07";
    put(tail, 0, 4), put(tail, end, 8), put(tail, 1, 4);
  }
  tail += "PK\x05\x06";
  put(tail, 0, 4), put(tail, std::min<std::uint64_t>(count, 0xFFFF), 2);
  put(tail, std::min<std::uint64_t>(count, 0xFFFF), 2);
  put(tail, std::min<std::uint64_t>(end - start, small_limit), 4);
  put(tail, std::min<std::uint64_t>(start, small_limit), 4), put(tail, 0, 2);
  file_.append(tail);
  file_.commit();
}

std::vector<StoredTensor> parse_npz(std::string_view bytes, const std::string& name) {
  const Bytes file(bytes, name);
  if (bytes.size() < 22) file.fail("is too short for a zip file");
  std::uint64_t end = bytes.size() - 22;  // of the directory: search back over a comment
  const std::uint64_t furthest = bytes.size() > 22 + 0xFFFF ? bytes.size() - 22 - 0xFFFF : 0;
  while (file.part(end, 4) != "PK\x05\x06") {
    if (end == furthest) file.fail("is not a zip file, or is truncated (no directory at its end)");
    --end;
  }
  std::uint64_t count = file.number(end + 10, 2), at = file.number(end + 16, 4);
  if (end >= 20 && file.part(end - 20, 4) == "PK\x06\x07") {
    const std::uint64_t zip64 = file.number(end - 12, 8);
    if (file.part(zip64, 4) != "PK\x06\x06") file.fail("the zip64 directory is damaged");
    count = file.number(zip64 + 32, 8), at = file.number(zip64 + 48, 8);
  }
  if (count > bytes.size() / 46) file.fail("claims more members than it can hold");
  std::vector<StoredTensor> tensors;
  std::set<std::string> names;
  std::uint64_t given = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (file.part(at, 4) != "PK\x01\x02") file.fail("the directory is damaged");
    const std::uint64_t method = file.number(at + 10, 2), crc = file.number(at + 16, 4);
    std::uint64_t packed = file.number(at + 20, 4), size = file.number(at + 24, 4);
    const std::uint64_t name_size = file.number(at + 28, 2), extra_size = file.number(at + 30, 2);
    const std::uint64_t comment_size = file.number(at + 32, 2);
    std::uint64_t offset = file.number(at + 42, 4);
    std::string member(file.part(at + 46, name_size));
    std::uint64_t extra = at + 46 + name_size;
    const std::uint64_t extra_end = extra + extra_size;
    while (extra + 4 <= extra_end) {
      std::uint64_t field = extra + 4;
      const std::uint64_t field_end = field + file.number(extra + 2, 2);
      if (file.number(extra, 2) == 1) {
        for (std::uint64_t* value : {&size, &packed, &offset})
          if (*value == small_limit && field + 8 <= field_end)
            *value = file.number(field, 8), field += 8;
      }
      extra = field_end;
    }
    at += 46 + name_size + extra_size + comment_size;
    if (file.part(offset, 4) != "PK\x03\x04")
      file.fail("member '" + member + "' does not begin where the directory says");
    const std::uint64_t data =
        offset + 30 + file.number(offset + 26, 2) + file.number(offset + 28, 2);
    const std::string_view stored = file.part(data, packed);
    if (member.size() > 4 && member.substr(member.size() - 4) == ".npy")
      member.resize(member.size() - 4);
    if (!names.insert(member).second) file.fail("array '" + member + "' stands there twice");
    std::string unpacked;
    if (method == 8)
      unpacked = inflated(stored, size, file);
    else if (method != 0)
      file.fail("member '" + member + "' is compressed in an unknown way");
    else if (packed != size)
      file.fail("member '" + member + "' has two sizes");
    const std::string_view content = method == 8 ? std::string_view(unpacked) : stored;
    given += content.size();
    if (given > bytes.size() * 1033 + 4096)
      file.fail("its members are larger together than it can hold");
    if (checksum(0, content) != crc)
      file.fail("array '" + member + "' is damaged (its checksum is wrong)");
    tensors.push_back(parse_npy(member, content, name));
  }
  return tensors;
}

std::vector<StoredTensor> read_npz(const std::filesystem::path& path) {
  return parse_npz(read_whole_file(path), path.string());
}

}  // namespace headlight
