// Right but unusual solutions of 03.2: each has to get all points.
#include "03_how_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::AttentionShape;
using exercise::ParamCount;

// In double, which holds whole numbers up to 2^53.
ParamCount in_double(const AttentionShape& s) {
  const double d = static_cast<double>(s.d_model), h = static_cast<double>(s.n_heads),
               k = static_cast<double>(s.d_head), v = static_cast<double>(s.d_value);
  const double one = 2 * d * k + d * v, all = h * one, out = h * v * d,
               bias = s.bias ? 2 * h * k + h * v + d : 0, layer = all + out + bias;
  const auto whole = [](double x) { return static_cast<std::uint64_t>(x); };
  return {whole(one),  whole(all),   whole(out),
          whole(bias), whole(layer), whole(layer * static_cast<double>(s.n_layers))};
}

// Counted by adding, tensor after tensor, as a program would list them.
ParamCount added_up(const AttentionShape& s) {
  ParamCount count;
  for (std::size_t l = 0; l < s.n_layers; ++l) {
    count = {0, 0, 0, 0, 0, count.model};
    for (std::size_t h = 0; h < s.n_heads; ++h) {
      count.one_head = 0;
      for (const std::size_t columns : {s.d_value, s.d_head, s.d_head}) {
        count.one_head += columns * s.d_model;
        if (s.bias) count.biases += columns;
      }
      count.heads += count.one_head;
      for (std::size_t row = 0; row < s.d_value; ++row) count.w_o += s.d_model;
    }
    if (s.bias) count.biases += s.d_model;
    count.layer = count.heads + count.w_o + count.biases;
    count.model += count.layer;
  }
  return count;
}

// All heads at once, then shared out; the bias as a factor.
ParamCount from_all_heads(const AttentionShape& s) {
  const std::uint64_t columns = s.n_heads * (s.d_head + s.d_head + s.d_value);
  ParamCount count;
  count.heads = columns * s.d_model;
  count.one_head = count.heads / s.n_heads;
  count.w_o = (s.n_heads * s.d_model) * s.d_value;
  count.biases = (columns + s.d_model) * static_cast<std::uint64_t>(s.bias);
  count.model = s.n_layers * (count.layer = count.biases + count.w_o + count.heads);
  return count;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::param_count)>> accepted_03_2;
const std::vector<Mutant<decltype(exercise::param_count)>> accepted_03_2 = {
    {"double", "", "in double", in_double},
    {"added-up", "", "by adding, tensor after tensor", added_up},
    {"all-heads", "", "all heads at once, the bias as a factor", from_all_heads},
};

}  // namespace headlight::course
