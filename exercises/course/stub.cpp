#include "stub.hpp"

#include <sstream>
#include <stdexcept>

namespace headlight::course {

namespace {

struct Parts {
  std::string outside, inside, stub;
};

Parts parts_of(const std::string& file, const std::string& id) {
  Parts parts;
  std::istringstream text(file);
  bool open = false;
  std::size_t regions = 0;
  for (std::string line; std::getline(text, line);) {
    line += '\n';
    const bool begins = line.find(region_begins) != std::string::npos;
    const bool ends = line.find(region_ends) != std::string::npos;
    if ((begins && open) || (ends && !open))
      throw std::runtime_error("the region markers do not pair");
    if (ends) {
      open = false;
      parts.stub +=
          line.substr(0, line.find(region_ends)) + "return headlight::todo(\"" + id + "\");\n";
    }
    if (open) {
      parts.inside += line;
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
