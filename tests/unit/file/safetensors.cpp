#include <unistd.h>

#include <filesystem>
#include <headlight/file/safetensors.hpp>

#include "support/catch.hpp"

using namespace headlight;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(header.size() >> (8 * i) & 255));
  return bytes + header + data;
}

std::string complaint(const std::string& bytes) {
  try {
    parse_safetensors(bytes, "x");
  } catch (const FileError& e) {
    return e.what();
  }
  return "none";
}

const std::string four(16, '\0');

}  // namespace

TEST_CASE("safetensors: what is written is read back", "[file][two-ways]") {
  const float f[] = {1.5f, -2, 0, 3};
  const double d[] = {0.1};
  SafetensorsFile file;
  file.metadata["who"] = "a test";
  file.tensors = {stored<float>("b", {2, 2}, f), stored<double>("a", {1}, d),
                  stored<float>("empty", {0, 3}, f)};
  const SafetensorsFile back = parse_safetensors(safetensors_bytes(file), "x");
  CHECK(back.metadata == file.metadata);
  REQUIRE(back.find("b"));
  CHECK(back.find("b")->shape == std::vector<std::size_t>{2, 2});
  CHECK(numbers_of<float>(*back.find("b")) == std::vector<float>(f, f + 4));
  CHECK(numbers_of<double>(*back.find("a")) == std::vector<double>{0.1});
  CHECK(numbers_of<float>(*back.find("empty")).empty());
}

TEST_CASE("safetensors: the bytes are those of the format's page", "[file][golden]") {
  // 8 bytes of length, JSON, data: two floats, little-endian; padding and order may differ
  const std::string bytes = file_of(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                                    std::string("\0\0\x80\x3f\0\0\0\xc0", 8));
  CHECK(numbers_of<double>(*parse_safetensors(bytes, "x").find("w")) == std::vector<double>{1, -2});
}

TEST_CASE("safetensors: halves and brain floats become floats", "[file][two-ways]") {
  const StoredTensor half{"h", "F16", {4}, std::string("\x00\x3c\x00\xc0\x01\x00\x00\x7c", 8)};
  CHECK(numbers_of<float>(half) ==
        std::vector<float>{1, -2, 0x1p-24f, std::numeric_limits<float>::infinity()});
  const StoredTensor brain{"b", "BF16", {2}, std::string("\x80\x3f\x00\xc0", 4)};
  CHECK(numbers_of<float>(brain) == std::vector<float>{1, -2});
}

TEST_CASE("safetensors: a bad file is refused in one line that says where", "[file][error]") {
  CHECK(complaint("abc") == "x: wanted at least 8 bytes of header length, got 3");
  CHECK(complaint(std::string(8, '\xff')) ==
        "x: a header of 18446744073709551615 bytes is longer than the format allows");
  CHECK(complaint(std::string("\x09\0\0\0\0\0\0\0", 8)) ==
        "x: the header wants 9 bytes, the file has 0");
  CHECK(complaint(file_of("[]", "")) == "x: the header is not a JSON object");
  CHECK(complaint(file_of("{\"a\":", "")) == "x: the header is not JSON in UTF-8");
  CHECK(complaint(file_of("{\"a\xff\":1}", "")) == "x: the header is not JSON in UTF-8");
  CHECK(complaint(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                          R"("a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
                          four)) == "x: the header names a twice");
  CHECK(complaint(file_of(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four)) ==
        "x: a: wanted dtype, shape and two data_offsets");
  CHECK(complaint(file_of(R"({"a":{"dtype":"F9","shape":[1],"data_offsets":[0,4]}})", four)) ==
        "x: a: numbers of kind F9 are not known");
  CHECK(complaint(file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", four)) ==
        "x: a: its bytes 4 to 8 do not follow byte 0");
  CHECK(complaint(file_of(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", four)) ==
        "x: a: wanted 12 bytes for its shape, got 8");
  CHECK(complaint(
            file_of(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})",
                    four)) == "x: a: its shape overflows");
  CHECK(complaint(file_of(R"({"a":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}})", four)) ==
        "x: a: its bytes end at 32, the data has 16");
  CHECK(complaint(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", four)) ==
        "x: the tensors end at byte 8 of the data, which has 16");
  CHECK(complaint(file_of("{}  ", "")) == "none");
}

TEST_CASE("write_whole_file: what cannot be written leaves the old file", "[file][error]") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("headlight-file-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  write_whole_file(folder / "a", "old");
  CHECK(read_whole_file(folder / "a") == "old");
  CHECK_THROWS_WITH(write_whole_file("/dev/full/a", "new"),
                    headlight_test::contains("/dev/full/a: cannot be written: "));
  CHECK_THROWS_WITH(read_whole_file(folder / "b"),
                    headlight_test::contains("there is no such file"));
  CHECK_THROWS_WITH(read_whole_file(folder / "a", 2),
                    headlight_test::contains("wanted at most 2 bytes, got 3"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
  std::filesystem::remove_all(folder);
}
