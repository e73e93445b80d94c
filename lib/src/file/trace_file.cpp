#include <array>
#include <cmath>
#include <cstring>
#include <headlight/file/base64.hpp>
#include <headlight/file/npz.hpp>
#include <headlight/file/trace_file.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace headlight {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t most_listed_numbers = 65536;

template <class T>
constexpr const char* dtype_of() {
  return sizeof(T) == sizeof(float) ? "F32" : "F64";
}

// Stages with a head axis before the position are [pos, head, ...] in files.
bool is_turned(std::string_view axes) {
  return axes.substr(0, 10) == "head, pos,";
}
bool is_turned_name(const std::string& name) {
  for (const char* end : {"attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_rot_q",
                          "attn.hook_rot_k", "attn.hook_z", "attn.hook_result"}) {
    const std::string_view ending = end;
    if (name.size() >= ending.size() &&
        name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
      return true;
  }
  return false;
}

// Swaps the two outer axes: [a, b, c] to [b, a, c].
template <class T>
std::vector<T> swapped(std::span<const T> values, std::size_t a, std::size_t b, std::size_t c) {
  std::vector<T> result(values.size());
  for (std::size_t i = 0; i < a; ++i)
    for (std::size_t j = 0; j < b; ++j)
      std::copy_n(values.data() + (i * b + j) * c, c, result.data() + (j * a + i) * c);
  return result;
}

// A stage in file order: bytes that lie in the trace itself, or in `turned` when axes change
// places.
template <class T>
struct FileStage {
  std::string dtype, axes;
  std::vector<std::size_t> shape;
  std::vector<T> turned;
  std::string_view bytes;

  explicit FileStage(const StageOf<const T>& stage)
      : dtype(stage.flags.empty() ? dtype_of<T>() : "BOOL"), axes(stage.axes), shape(stage.shape) {
    if (!stage.flags.empty()) {
      bytes = {reinterpret_cast<const char*>(stage.flags.data()), stage.flags.size()};
      return;
    }
    std::span<const T> values = stage.values;
    if (is_turned(stage.axes)) {
      turned = swapped(values, shape[0], shape[1], shape[2]);
      std::swap(shape[0], shape[1]);
      axes = "pos, head," + axes.substr(10);
      values = turned;
    }
    bytes = {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
  }
};

template <class Number>
ordered_json nested(const Number*& next, const std::vector<std::size_t>& shape, std::size_t axis) {
  if (axis == shape.size()) {
    const Number value = *next++;
    if constexpr (std::is_floating_point_v<Number>) {
      if (std::isnan(value)) return "nan";
      if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    }
    if constexpr (std::is_same_v<Number, char>) return value != 0;
    return value;
  }
  ordered_json list = ordered_json::array();
  for (std::size_t i = 0; i < shape[axis]; ++i) list.push_back(nested(next, shape, axis + 1));
  return list;
}

template <class T>
ordered_json as_json(const StageOf<const T>& stage) {
  const FileStage<T> file(stage);
  ordered_json object{{"name", stage.name},       {"symbol", stage.symbol},
                      {"formula", stage.formula}, {"axes", axis_names(file.axes)},
                      {"shape", file.shape},      {"dtype", file.dtype}};
  const std::size_t count =
      file.dtype == "BOOL" ? file.bytes.size() : file.bytes.size() / sizeof(T);
  if (count > most_listed_numbers) {
    object["data"] = base64(file.bytes);
  } else if (file.dtype == "BOOL") {
    const char* next = file.bytes.data();
    object["values"] = nested(next, file.shape, 0);
  } else {
    const T* next = reinterpret_cast<const T*>(file.bytes.data());
    object["values"] = nested(next, file.shape, 0);
  }
  return object;
}

std::string meta_text(const std::string& meta) {
  return ordered_json::parse(meta).dump();
}

template <class Number>
void append(std::string& bytes, Number value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void flatten(const ordered_json& values, const std::vector<std::size_t>& shape, std::size_t axis,
             const std::string& dtype, const std::string& where, std::string& bytes) {
  if (axis < shape.size()) {
    if (!values.is_array() || values.size() != shape[axis])
      throw FileError(where + ": the values do not have the shape that it states");
    for (const ordered_json& each : values) flatten(each, shape, axis + 1, dtype, where, bytes);
    return;
  }
  double number = 0;
  if (values.is_string()) {
    const std::string word = values.get<std::string>();
    if (word != "inf" && word != "-inf" && word != "nan")
      throw FileError(where + ": '" + word + "' is not a number");
    number = word == "nan" ? std::numeric_limits<double>::quiet_NaN()
                           : (word == "inf" ? 1 : -1) * std::numeric_limits<double>::infinity();
  } else if (values.is_boolean()) {
    number = values.get<bool>() ? 1 : 0;
  } else if (values.is_number()) {
    number = values.get<double>();
  } else {
    throw FileError(where + ": wanted a number, got " + std::string(values.type_name()));
  }
  if (dtype == "F32")
    append(bytes, static_cast<float>(number));
  else if (dtype == "F64")
    append(bytes, number);
  else
    bytes += static_cast<char>(number != 0);
}

TraceFile parse_trace_json(const std::string& text, const std::string& name) {
  const ordered_json root = ordered_json::parse(text, nullptr, false);
  if (root.is_discarded()) throw FileError(name + ": is not JSON");
  if (!root.is_object() || !root.contains("stages") || !root["stages"].is_array())
    throw FileError(name + ": wanted an object with a list of stages");
  TraceFile trace;
  trace.meta = root.contains("meta") ? root["meta"].dump() : "{}";
  try {
    for (const ordered_json& stage : root["stages"]) {
      StoredTensor tensor;
      tensor.name = stage.at("name").get<std::string>();
      const std::string where = name + ", stage '" + tensor.name + "'";
      tensor.dtype = stage.at("dtype").get<std::string>();
      if (tensor.dtype != "F32" && tensor.dtype != "F64" && tensor.dtype != "BOOL")
        throw FileError(where + ": number type '" + tensor.dtype + "' is not supported");
      std::size_t count = tensor.dtype == "F64" ? 8 : tensor.dtype == "F32" ? 4 : 1;
      for (const ordered_json& size : stage.at("shape")) {
        if (!size.is_number_unsigned())
          throw FileError(where + ": the shape is not a list of sizes");
        tensor.shape.push_back(size.get<std::size_t>());
        if (tensor.shape.back() != 0 && count > (std::size_t{1} << 60) / tensor.shape.back())
          throw FileError(where + ": the shape is too large");
        count *= tensor.shape.back();
      }
      if (stage.contains("data"))
        tensor.bytes = from_base64(stage["data"].get<std::string>(), where);
      else
        flatten(stage.at("values"), tensor.shape, 0, tensor.dtype, where, tensor.bytes);
      if (tensor.bytes.size() != count)
        throw FileError(where + ": wanted " + std::to_string(count) + " bytes of numbers, got " +
                        std::to_string(tensor.bytes.size()));
      trace.stages.push_back(std::move(tensor));
    }
  } catch (const nlohmann::json::exception& error) {
    throw FileError(name + ": " + error.what());
  }
  return trace;
}

}  // namespace

const StoredTensor* TraceFile::find(const std::string& name) const {
  for (const StoredTensor& stage : stages)
    if (stage.name == name) return &stage;
  return nullptr;
}

template <class T>
std::string trace_json(const std::vector<StageOf<const T>>& stages, const std::string& meta) {
  ordered_json list = ordered_json::array();
  for (const StageOf<const T>& stage : stages) list.push_back(as_json(stage));
  return ordered_json{{"meta", ordered_json::parse(meta)}, {"stages", std::move(list)}}.dump();
}

template <class T>
void write_trace(const std::filesystem::path& path, const std::vector<StageOf<const T>>& stages,
                 const std::string& meta) {
  const std::string ending = path.extension().string();
  if (ending == ".npz") {
    NpzWriter file(path);
    for (const StageOf<const T>& stage : stages) {
      const FileStage<T> in_file(stage);
      file.add(stage.name, in_file.dtype, in_file.shape, in_file.bytes);
    }
    const std::string text = meta_text(meta);
    file.add("meta", "U8", {text.size()}, text);
    file.commit();
  } else if (ending == ".safetensors") {
    ordered_json header;
    header["__metadata__"] = {{"meta", meta_text(meta)}};
    std::size_t offset = 0;
    for (const StageOf<const T>& stage : stages) {
      std::vector<std::size_t> shape = stage.shape;
      if (is_turned(stage.axes)) std::swap(shape[0], shape[1]);
      const std::size_t size = stage.flags.empty() ? stage.values.size_bytes() : stage.flags.size();
      header[stage.name] = {{"dtype", stage.flags.empty() ? dtype_of<T>() : "BOOL"},
                            {"shape", shape},
                            {"data_offsets", {offset, offset + size}}};
      offset += size;
    }
    std::string text = header.dump();
    while (text.size() % 8 != 0) text += ' ';
    StreamedFile file(path);
    std::string length;
    for (int i = 0; i < 8; ++i) length += static_cast<char>(text.size() >> (8 * i) & 0xFF);
    file.append(length), file.append(text);
    for (const StageOf<const T>& stage : stages) file.append(FileStage<T>(stage).bytes);
    file.commit();
  } else if (ending == ".json") {
    StreamedFile file(path);
    file.append("{\"meta\":" + meta_text(meta) + ",\"stages\":[");
    for (std::size_t i = 0; i < stages.size(); ++i)
      file.append((i ? ",\n" : "\n") + as_json(stages[i]).dump());
    file.append("\n]}\n");
    file.commit();
  } else {
    throw FileError(path.string() + ": wanted a name that ends in .npz, .safetensors or .json");
  }
}

TraceFile read_trace(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  TraceFile trace;
  if (ending == ".npz") {
    for (StoredTensor& tensor : read_npz(path)) {
      if (tensor.name == "meta")
        trace.meta = std::move(tensor.bytes);
      else
        trace.stages.push_back(std::move(tensor));
    }
  } else if (ending == ".safetensors") {
    SafetensorsFile file = read_safetensors(path);
    trace.meta = file.metadata.count("meta") ? file.metadata["meta"] : "{}";
    trace.stages = std::move(file.tensors);
  } else if (ending == ".json") {
    trace = parse_trace_json(read_whole_file(path), path.string());
  } else {
    throw FileError(path.string() + ": wanted a name that ends in .npz, .safetensors or .json");
  }
  return trace;
}

template <class T>
std::vector<T> in_memory_order(const StoredTensor& stored) {
  if (stored.dtype == "BOOL")
    throw FileError("stage '" + stored.name + "' is a mask and holds no numbers");
  std::vector<T> values = numbers_of<T>(stored);
  if (!is_turned_name(stored.name) || stored.shape.size() != 3) return values;
  return swapped<T>(values, stored.shape[0], stored.shape[1], stored.shape[2]);
}

#define HEADLIGHT_TRACE_FILE(T)                                                                 \
  template std::string trace_json(const std::vector<StageOf<const T>>&, const std::string&);    \
  template void write_trace(const std::filesystem::path&, const std::vector<StageOf<const T>>&, \
                            const std::string&);                                                \
  template std::vector<T> in_memory_order(const StoredTensor&)
HEADLIGHT_TRACE_FILE(double);
HEADLIGHT_TRACE_FILE(float);
#undef HEADLIGHT_TRACE_FILE

}  // namespace headlight
