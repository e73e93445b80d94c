// Wrong solutions of 03.2: each has to be refused, at its stage, by its name.
#include "03_how_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::AttentionShape;
using exercise::ParamCount;
using Count = std::uint64_t;

// From the four parts on, all is right.
ParamCount summed(const AttentionShape& s, Count one_head, Count w_o, Count biases) {
  ParamCount count;
  count.one_head = one_head;
  count.heads = s.n_heads * one_head;
  count.w_o = w_o;
  count.biases = biases;
  count.layer = count.heads + w_o + biases;
  count.model = s.n_layers * count.layer;
  return count;
}

Count one_head_of(const AttentionShape& s) {
  return s.d_model * (2 * s.d_head + s.d_value);
}
Count w_o_of(const AttentionShape& s) {
  return s.n_heads * s.d_value * s.d_model;
}
Count biases_of(const AttentionShape& s) {
  return s.bias ? s.n_heads * (2 * s.d_head + s.d_value) + s.d_model : 0;
}
ParamCount right(const AttentionShape& s) {
  return summed(s, one_head_of(s), w_o_of(s), biases_of(s));
}

ParamCount value_forgotten(const AttentionShape& s) {
  return summed(s, s.d_model * 2 * s.d_head, w_o_of(s), biases_of(s));
}
ParamCount value_as_wide(const AttentionShape& s) {
  return summed(s, s.d_model * 3 * s.d_head, w_o_of(s), biases_of(s));
}
ParamCount value_width_for_all(const AttentionShape& s) {
  return summed(s, s.d_model * 3 * s.d_value, w_o_of(s), biases_of(s));
}
ParamCount whole_width(const AttentionShape& s) {
  return summed(s, 3 * s.d_model * s.d_model, w_o_of(s), biases_of(s));
}
ParamCount width_by_division(const AttentionShape& s) {
  const Count d_head = s.d_model / s.n_heads;
  return summed(s, s.d_model * 3 * d_head, w_o_of(s), biases_of(s));
}
ParamCount key_forgotten(const AttentionShape& s) {
  return summed(s, s.d_model * (s.d_head + s.d_value), w_o_of(s), biases_of(s));
}
ParamCount heads_twice(const AttentionShape& s) {
  ParamCount count = right(s);
  count.heads *= s.n_heads;
  count.layer = count.heads + count.w_o + count.biases;
  count.model = s.n_layers * count.layer;
  return count;
}
ParamCount one_head_only(const AttentionShape& s) {
  ParamCount count = right(s);
  count.heads = count.one_head;
  count.layer = count.heads + count.w_o + count.biases;
  count.model = s.n_layers * count.layer;
  return count;
}
ParamCount square_w_o(const AttentionShape& s) {
  return summed(s, one_head_of(s), s.d_model * s.d_model, biases_of(s));
}
ParamCount w_o_of_one_head(const AttentionShape& s) {
  return summed(s, one_head_of(s), s.d_value * s.d_model, biases_of(s));
}
ParamCount w_o_of_queries(const AttentionShape& s) {
  return summed(s, one_head_of(s), s.n_heads * s.d_head * s.d_model, biases_of(s));
}
ParamCount no_w_o(const AttentionShape& s) {
  return summed(s, one_head_of(s), 0, biases_of(s));
}
ParamCount w_o_not_added(const AttentionShape& s) {
  ParamCount count = right(s);
  count.layer = count.heads + count.biases;
  count.model = s.n_layers * count.layer;
  return count;
}
ParamCount biases_always(const AttentionShape& s) {
  return summed(s, one_head_of(s), w_o_of(s), s.n_heads * (2 * s.d_head + s.d_value) + s.d_model);
}
ParamCount biases_never(const AttentionShape& s) {
  return summed(s, one_head_of(s), w_o_of(s), 0);
}
ParamCount no_bias_of_w_o(const AttentionShape& s) {
  return summed(s, one_head_of(s), w_o_of(s), s.bias ? biases_of(s) - s.d_model : 0);
}
ParamCount only_bias_of_w_o(const AttentionShape& s) {
  return summed(s, one_head_of(s), w_o_of(s), s.bias ? s.d_model : 0);
}
ParamCount four_d_model(const AttentionShape& s) {
  return summed(s, one_head_of(s), w_o_of(s), s.bias ? 4 * s.d_model : 0);
}
ParamCount bias_of_w_o_for_each_head(const AttentionShape& s) {
  return summed(s, one_head_of(s), w_o_of(s),
                s.bias ? s.n_heads * (2 * s.d_head + s.d_value + s.d_model) : 0);
}
ParamCount bias_of_one_head(const AttentionShape& s) {
  return summed(s, one_head_of(s), w_o_of(s), s.bias ? 2 * s.d_head + s.d_value + s.d_model : 0);
}
ParamCount biases_not_added(const AttentionShape& s) {
  ParamCount count = right(s);
  count.layer = count.heads + count.w_o;
  count.model = s.n_layers * count.layer;
  return count;
}
ParamCount one_layer(const AttentionShape& s) {
  ParamCount count = right(s);
  count.model = count.layer;
  return count;
}
ParamCount layers_of_heads(const AttentionShape& s) {
  ParamCount count = right(s);
  count.model = s.n_layers * s.n_heads * count.layer;
  return count;
}
ParamCount in_32_bits(const AttentionShape& s) {
  ParamCount count = right(s);
  count.model = static_cast<std::uint32_t>(count.model);
  return count;
}
ParamCount in_float(const AttentionShape& s) {
  ParamCount count = right(s);
  const float layer = static_cast<float>(count.layer);
  count.model = static_cast<Count>(layer * static_cast<float>(s.n_layers));
  count.layer = static_cast<Count>(layer);
  return count;
}
ParamCount of_the_example(const AttentionShape&) {
  return {147456, 1769472, 589824, 3072, 2362368, 28348416};
}
ParamCount always_four_squares(const AttentionShape& s) {
  ParamCount count = right(s);
  count.layer = 4 * s.d_model * s.d_model + (s.bias ? 4 * s.d_model : 0);
  count.model = s.n_layers * count.layer;
  return count;
}
ParamCount square_w_o_and_one_layer(const AttentionShape& s) {
  ParamCount count = square_w_o(s);
  count.model = count.layer;
  return count;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::param_count)>> mutants_03_2;
const std::vector<Mutant<decltype(exercise::param_count)>> mutants_03_2 = {
    {"value-forgotten", "one_head", "W_V is forgotten", value_forgotten},
    {"value-as-wide", "one_head", "d_value is not used: W_V counted as wide as W_Q", value_as_wide},
    {"value-width-for-all", "one_head", "d_head is not used: W_Q and W_K counted as wide as W_V",
     value_width_for_all},
    {"whole-width", "one_head", "d_model columns for one head: it has d_head", whole_width},
    {"width-by-division", "one_head", "the width is taken for d_model / n_heads; here it is given",
     width_by_division},
    {"key-forgotten", "one_head", "W_Q and W_K are two matrices, one is counted", key_forgotten},
    {"heads-twice", "heads", "n_heads is counted twice", heads_twice},
    {"one-head-only", "heads", "not multiplied by n_heads", one_head_only},
    {"square-w-o", "w_o", "W_O counted as d_model by d_model: its rows are n_heads * d_value",
     square_w_o},
    {"w-o-of-one-head", "w_o", "W_O counted for one head: it reads all of them", w_o_of_one_head},
    {"w-o-of-queries", "w_o", "W_O counted with d_head rows a head: it reads values",
     w_o_of_queries},
    {"no-w-o", "w_o", "W_O is forgotten", no_w_o},
    {"w-o-not-added", "layer", "W_O is not added: 3 d_model^2 instead of 4", w_o_not_added},
    {"biases-always", "biases", "biases are counted although there are none", biases_always},
    {"biases-never", "biases", "biases are forgotten", biases_never},
    {"no-bias-of-w-o", "biases", "the bias of W_O is forgotten", no_bias_of_w_o},
    {"only-bias-of-w-o", "biases", "only the bias of W_O is counted", only_bias_of_w_o},
    {"four-d-model", "biases", "4 d_model: right only where the heads are d_model wide together",
     four_d_model},
    {"bias-of-w-o-for-each", "biases", "the bias of W_O is counted for every head",
     bias_of_w_o_for_each_head},
    {"bias-of-one-head", "biases", "biases of one head instead of all", bias_of_one_head},
    {"biases-not-added", "layer", "biases are not added to the layer", biases_not_added},
    {"one-layer", "model", "not multiplied by n_layers", one_layer},
    {"layers-of-heads", "model", "n_heads is counted once more for the model", layers_of_heads},
    {"32-bits", "model", "32 bits are too few: the number begins again at 0", in_32_bits},
    {"float", "layer", "float holds seven digits, a count needs all", in_float},
    {"of-the-example", "one_head", "the numbers of the example are returned, whatever comes in",
     of_the_example},
    {"always-four-squares", "layer",
     "4 d_model^2 only holds where the heads are d_model wide together", always_four_squares},
    {"square-w-o-one-layer", "w_o", "", square_w_o_and_one_layer},
};

}  // namespace headlight::course
