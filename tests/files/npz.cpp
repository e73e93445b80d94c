#include <headlight/file/npz.hpp>

#include "scratch.hpp"
#include "support/catch.hpp"

using namespace headlight;

namespace {

std::string sample(const scratch::Folder& folder) {
  NpzWriter file(folder / "a.npz");
  const float values[] = {1, 2, 3, 4, 5, 6};
  file.add("x.y", "F32", {2, 3}, {reinterpret_cast<const char*>(values), sizeof values});
  file.add("mask", "BOOL", {3}, std::string_view("\1\0\1", 3));
  file.add("Имя", "F64", {}, std::string_view("\0\0\0\0\0\0\xF0\x3F", 8));
  file.commit();
  return scratch::read(folder / "a.npz");
}

}  // namespace

TEST_CASE("npz: a file that was written is read back", "[npz]") {
  const scratch::Folder folder;
  const std::vector<StoredTensor> arrays = parse_npz(sample(folder), "f");
  REQUIRE(arrays.size() == 3);
  CHECK(arrays[0].name == "x.y");
  CHECK(arrays[0].shape == std::vector<std::size_t>{2, 3});
  CHECK(numbers_of<float>(arrays[0])[5] == 6);
  CHECK(arrays[1].dtype == "BOOL");
  CHECK(arrays[1].bytes == std::string("\1\0\1", 3));
  CHECK(arrays[2].name == "Имя");
  CHECK(arrays[2].shape.empty());
  CHECK(numbers_of<double>(arrays[2])[0] == 1);
}

TEST_CASE("npz: the bytes are those of the array format, byte for byte", "[npz]") {
  const scratch::Folder folder;
  const std::string bytes = sample(folder);
  CHECK(bytes.substr(0, 4) == "PK\x03\x04");
  const std::size_t array = bytes.find("\x93NUMPY");
  REQUIRE(array != std::string::npos);
  CHECK(bytes.substr(array + 6, 2) == std::string("\1\0", 2));
  CHECK(bytes.substr(array + 10, 60) ==
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), ");
  CHECK(bytes.substr(array + 128, 4) ==
        std::string("\0\0\x80\x3F", 4));  // 1.0f begins at a multiple of 64
}

TEST_CASE("npz: NumPy reads the same numbers", "[npz][two-ways]") {
  if (std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) {
    WARN("python3-numpy is not installed: NumPy was not asked");
    return;
  }
  const scratch::Folder folder;
  sample(folder);
  const std::string script =
      "import numpy as np; z = np.load('" + (folder / "a.npz").string() +
      "'); assert z['x.y'].tolist() == [[1, 2, 3], [4, 5, 6]] and z['x.y'].dtype == np.float32; "
      "assert z['mask'].tolist() == [True, False, True]; assert z['Имя'].shape == () and z['Имя'] "
      "== 1; "
      "np.savez_compressed('" +
      (folder / "b.npz").string() + "', c=np.arange(1000.0).reshape(10, 100), s=np.float16(1.5))";
  scratch::write(folder / "ask.py", script);
  CHECK(std::system(("/usr/bin/python3 " + (folder / "ask.py").string()).c_str()) == 0);
  const std::vector<StoredTensor> arrays = read_npz(folder / "b.npz");  // deflated
  REQUIRE(arrays.size() == 2);
  CHECK(numbers_of<double>(arrays[0])[999] == 999);
  CHECK(numbers_of<double>(arrays[1])[0] == 1.5);
}

TEST_CASE("npz: no cut and no flipped byte crashes the reader", "[npz][law]") {
  const scratch::Folder folder;
  const std::string bytes = sample(folder);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    CHECK_THROWS_AS(parse_npz(bytes.substr(0, cut), "f"), FileError);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const char flip : {1, 16, 127}) {
      std::string broken = bytes;
      broken[at] = static_cast<char>(broken[at] ^ flip);
      try {
        parse_npz(broken, "f");
      } catch (const FileError&) {
        ++refused;
      }
    }
  CHECK(refused > 500);
}

TEST_CASE("npz: a damaged number is noticed by its checksum", "[npz][error]") {
  const scratch::Folder folder;
  std::string bytes = sample(folder);
  const std::size_t array = bytes.find("\x93NUMPY");
  bytes[array + 128 + 3] = static_cast<char>(bytes[array + 128 + 3] ^ 1);
  CHECK_THROWS_WITH(parse_npz(bytes, "f"), headlight_test::contains("its checksum is wrong"));
}

TEST_CASE("npz: nothing appears before it is complete", "[npz]") {
  const scratch::Folder folder;
  {
    NpzWriter file(folder / "a.npz");
    file.add("x", "BOOL", {1}, std::string_view("\1", 1));
  }
  CHECK(folder.files() == 0);
}
