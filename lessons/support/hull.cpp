#include "support/hull.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace lesson {

std::set<std::size_t> hull_corners(const headlight::Matrix& p) {
  std::vector<std::size_t> order(p.shape(0));
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return p(a, 0) < p(b, 0) || (p(a, 0) == p(b, 0) && p(a, 1) < p(b, 1));
  });
  const auto turns_left = [&](std::size_t a, std::size_t b, std::size_t c) {
    return (p(b, 0) - p(a, 0)) * (p(c, 1) - p(a, 1)) > (p(b, 1) - p(a, 1)) * (p(c, 0) - p(a, 0));
  };
  std::set<std::size_t> corners;
  for (int walk = 0; walk < 2; ++walk) {
    std::vector<std::size_t> chain;
    for (const std::size_t next : order) {
      while (chain.size() > 1 && !turns_left(chain[chain.size() - 2], chain.back(), next))
        chain.pop_back();
      chain.push_back(next);
    }
    corners.insert(chain.begin(), chain.end());
    std::reverse(order.begin(), order.end());
  }
  return corners;
}

}  // namespace lesson
