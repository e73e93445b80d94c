#include <headlight/file/safetensors.hpp>
#include <limits>

#include "scratch.hpp"
#include "support/catch.hpp"

using namespace headlight;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + data;
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

const std::string one_float = entry("a", "F32", "[1]", "[0,4]");
const std::string four(4, '\0');

// Both readers must refuse, with the reason.
void refuses(const std::string& bytes, const std::string& reason) {
  INFO(reason);
  CHECK_THROWS_WITH(parse_safetensors(bytes, "f"), headlight_test::contains(reason));
  const scratch::Folder folder;
  scratch::write(folder / "f.safetensors", bytes);
  CHECK_THROWS_WITH(SafetensorsReader(folder / "f.safetensors"), headlight_test::contains(reason));
}

}  // namespace

TEST_CASE("safetensors: a file that was written is read back", "[safetensors]") {
  const float values[] = {1, -2, std::numeric_limits<float>::infinity()};
  SafetensorsFile file;
  file.tensors = {stored<float>("b", {3}, values), stored<float>("a", {1, 2}, values)};
  file.metadata["k"] = "v";
  const SafetensorsFile again = parse_safetensors(safetensors_bytes(file), "f");
  REQUIRE(again.find("b") != nullptr);
  CHECK(numbers_of<float>(*again.find("b")) == std::vector<float>{values, values + 3});
  CHECK(again.find("a")->shape == std::vector<std::size_t>{1, 2});
  CHECK(again.metadata.at("k") == "v");
}

TEST_CASE("safetensors: half and brain floats by their bits", "[safetensors]") {
  // 1.5 = 0x3E00 in F16 and 0x3FC0 in BF16; smallest F16 subnormal 2^-24 = 0x0001; -inf = 0xFC00
  const std::string header =
      "{" + entry("h", "F16", "[3]", "[0,6]") + "," + entry("b", "BF16", "[1]", "[6,8]") + "}";
  const SafetensorsFile file =
      parse_safetensors(file_of(header, std::string("\x00\x3E\x01\x00\x00\xFC\xC0\x3F", 8)), "f");
  const std::vector<double> half = numbers_of<double>(*file.find("h"));
  CHECK(half[0] == 1.5);
  CHECK(half[1] == 0x1p-24);
  CHECK(half[2] == -std::numeric_limits<double>::infinity());
  CHECK(numbers_of<double>(*file.find("b"))[0] == 1.5);
}

TEST_CASE("safetensors: scalars, empty tensors and padded headers are legal", "[safetensors]") {
  const std::string header =
      "{" + entry("s", "F32", "[]", "[0,4]") + "," + entry("e", "F32", "[0,7]", "[4,4]") + "}   ";
  const SafetensorsFile file = parse_safetensors(file_of(header, four), "f");
  CHECK(numbers_of<float>(*file.find("s")).size() == 1);
  CHECK(numbers_of<float>(*file.find("e")).empty());
}

TEST_CASE("safetensors: every broken file is refused with its reason", "[safetensors][error]") {
  refuses("1234", "wanted at least 8 bytes");
  refuses(std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8) + "{}",
          "longer than the format allows");
  refuses(std::string("\x10\0\0\0\0\0\0\0", 8) + "{}", "the header wants 16 bytes, the file has 2");
  refuses(file_of("nonsense", ""), "not JSON");
  refuses(file_of("[1]", ""), "not a JSON object");
  refuses(file_of("{\"a\":\"\xFF\"}", ""), "not JSON in UTF-8");
  refuses(file_of("{" + one_float + "}", "123"), "its bytes end at 4, the data has 3");
  refuses(file_of("{" + one_float + "}", "12345"),
          "the tensors end at byte 4 of the data, which has 5");
  refuses(file_of("{" + one_float + "," + entry("b", "F32", "[1]", "[0,4]") + "}", four),
          "do not follow");
  refuses(
      file_of("{" + one_float + "," + entry("b", "F32", "[1]", "[8,12]") + "}", four + four + four),
      "do not follow");
  refuses(file_of("{" + entry("a", "F32", "[1]", "[4,0]") + "}", four), "do not follow");
  refuses(file_of("{" + entry("a", "F32", "[2]", "[0,4]") + "}", four),
          "wanted 8 bytes for its shape, got 4");
  refuses(file_of("{" + entry("a", "F32", "[4294967296,4294967296]", "[0,4]") + "}", four),
          "its shape overflows");
  refuses(file_of("{" + entry("a", "F8_E4M3", "[1]", "[0,4]") + "}", four), "F8_E4M3");
  refuses(file_of("{" + one_float + "," + one_float + "}", four), "names a twice");
  refuses(file_of("{\"__metadata__\":{\"k\":1}," + one_float + "}", four),
          "__metadata__ k is not text");
  refuses(file_of("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", four),
          "wanted dtype, shape");
  refuses(file_of("{\"a\":" + std::string(3000, '[') + std::string(3000, ']') + "}", ""),
          "nested too deeply");
}

TEST_CASE("safetensors: no cut and no flipped byte crashes the readers", "[safetensors][law]") {
  const float values[] = {1, 2, 3, 4, 5, 6};
  SafetensorsFile file;
  file.tensors = {stored<float>("ab", {2, 3}, values), stored<float>("c", {1}, values)};
  const std::string bytes = safetensors_bytes(file);
  std::size_t refused = 0;
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    CHECK_THROWS_AS(parse_safetensors(bytes.substr(0, cut), "f"), FileError);
    for (const char flip : {1, 16, 127}) {
      std::string broken = bytes;
      broken[cut] = static_cast<char>(broken[cut] ^ flip);
      try {
        parse_safetensors(broken, "f");
      } catch (const FileError&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("numbers_of: whole numbers are refused by name", "[safetensors][error]") {
  const SafetensorsFile file =
      parse_safetensors(file_of("{" + entry("a", "I32", "[1]", "[0,4]") + "}", four), "f");
  CHECK_THROWS_WITH(numbers_of<float>(file.tensors[0]), headlight_test::contains("got I32"));
}
