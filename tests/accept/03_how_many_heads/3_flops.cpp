// Right but unusual predictions of 03.3: each has to get all points.
#include "03_how_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::Flops;
using exercise::Work;

// Twenty-four numbers.
Flops numbers() {
  return {{17280, 2400, 400, 2400, 5760, 55680},
          {17280, 2400, 800, 2400, 5760, 55680},
          {34560, 9600, 1600, 9600, 11520, 130560},
          {46080, 6400, 400, 6400, 15360, 148480}};
}

// In float, from base on by what doubles and what quadruples.
Flops by_ratio() {
  const auto times = [](const Work& base, float products, float cells, float exponentials) {
    Work out{base.projections * static_cast<double>(products),
             base.scores * static_cast<double>(cells),
             base.exponentials * static_cast<double>(exponentials),
             base.mixture * static_cast<double>(cells),
             base.output * static_cast<double>(products),
             0};
    out.flops = out.projections + out.scores + out.mixture + out.output;
    out.flops += out.flops;
    return out;
  };
  const Work base = times({17280, 2400, 400, 2400, 5760, 0}, 1, 1, 1);
  return {base, times(base, 1, 1, 2), times(base, 2, 4, 4), times(base, 16.0f / 6, 16.0f / 6, 1)};
}

// Counted by loops that do nothing else.
Work counted(int n, int n_heads, int d_head) {
  Work out{0, 0, 0, 0, 0, 0};
  for (int h = 0; h < n_heads; ++h)
    for (int i = 0; i < n; ++i) {
      for (int c = 0; c < d_head; ++c)
        for (int m = 0; m < 24; ++m) out.projections += 3, out.output += 1;
      for (int j = 0; j < n; ++j) {
        out.exponentials += 1;
        for (int c = 0; c < d_head; ++c) out.scores += 1, out.mixture += 1;
      }
    }
  out.flops = 2 * out.projections + 2 * out.scores + 2 * out.mixture + 2 * out.output;
  return out;
}

Flops by_loops() {
  return {counted(10, 4, 6), counted(10, 8, 3), counted(20, 4, 6), counted(10, 4, 16)};
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::flops)>> accepted_03_3;
const std::vector<Mutant<decltype(exercise::flops)>> accepted_03_3 = {
    {"numbers", "", "twenty-four numbers", numbers},
    {"by-loops", "", "counted by loops", by_loops},
    {"by-ratio", "", "from base on, by what doubles and what quadruples", by_ratio},
};

}  // namespace headlight::course
