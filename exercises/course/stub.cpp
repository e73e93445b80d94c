#include "stub.hpp"

#include <sstream>
#include <stdexcept>

namespace headlight::course {

namespace {

// What a line of the solution holds for the stub: "    // | x = 1;" gives "    x = 1;".
bool is_given(const std::string& line) {
  const std::size_t start = line.find_first_not_of(' ');
  return start != std::string::npos && line.compare(start, 4, given_line) == 0;
}
std::string given(const std::string& line) {
  const std::size_t start = line.find_first_not_of(' ');
  const std::string code = line.substr(start + 4);  // " x = 1;"
  return code == "\n" ? code : line.substr(0, start) + code.substr(code[0] == ' ' ? 1 : 0);
}

struct Parts {
  std::string outside, inside, stub;
};

Parts parts_of(const std::string& file, const std::string& id) {
  Parts parts;
  std::istringstream text(file);
  bool open = false;
  std::string start;  // what the learner finds in the region
  std::size_t regions = 0;
  for (std::string line; std::getline(text, line);) {
    line += '\n';
    const bool begins = line.find(region_begins) != std::string::npos;
    const bool ends = line.find(region_ends) != std::string::npos;
    if ((begins && open) || (ends && !open))
      throw std::runtime_error("the region markers do not pair");
    if (ends) {
      open = false;
      parts.stub += !start.empty() ? start
                                   : line.substr(0, line.find(region_ends)) +
                                         "return headlight::todo(\"" + id + "\");\n";
      start.clear();
    }
    if (open) {
      parts.inside += line;
      if (is_given(line)) start += given(line);
    } else {
      parts.outside += line;
      parts.stub += line;
    }
    if (begins) {
      open = true;
      ++regions;
    }
  }
  if (open) throw std::runtime_error("a region is not closed");
  if (regions == 0) throw std::runtime_error("there is no region to fill");
  return parts;
}

}  // namespace

std::string outside_regions(const std::string& file) {
  return parts_of(file, "").outside;
}
std::string inside_regions(const std::string& file) {
  return parts_of(file, "").inside;
}
std::string pristine_stub(const std::string& solution, const std::string& id) {
  return parts_of(solution, id).stub;
}

}  // namespace headlight::course
