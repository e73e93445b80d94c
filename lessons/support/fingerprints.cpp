#include "support/fingerprints.hpp"

#include <cmath>

#include "support/page.hpp"

namespace lesson {

using namespace headlight;

void fingerprints(Page& page, const HeadTrace& trace) {
  std::vector<std::vector<std::string>> rows;
  for_each_stage<double>(trace, [&](const StageOf<const double>& stage) {
    if (stage.values.empty()) return;  // the mask is no numbers
    double sum = 0, largest = 0, squares = 0;
    for (const double x : stage.values) {
      if (!std::isfinite(x)) continue;
      sum += x, squares += x * x, largest = std::max(largest, std::abs(x));
    }
    std::string shape;
    for (const std::size_t size : stage.shape)
      shape += (shape.empty() ? "" : " x ") + std::to_string(size);
    rows.push_back({stage.name, std::string(stage.symbol), shape, render::fixed(sum),
                    render::fixed(largest), render::fixed(std::sqrt(squares))});
  });
  page.text_table({"stage", "symbol", "shape", "sum", "largest", "norm"}, rows);
}

}  // namespace lesson
