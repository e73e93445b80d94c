#include <headlight/core/stage.hpp>

namespace headlight {

std::vector<std::string> axis_names(std::string_view axes) {
  constexpr std::string_view between = ", ";
  std::vector<std::string> names;
  while (!axes.empty()) {
    const std::size_t end = std::min(axes.find(between), axes.size());
    names.emplace_back(axes.substr(0, end));
    axes.remove_prefix(std::min(end + between.size(), axes.size()));
  }
  return names;
}

}  // namespace headlight
