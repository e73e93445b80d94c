// 03.2 param_count: every tensor of the model is listed with its shape and counted, to the last
// digit.
#include "03_how_many_heads/exercises.hpp"
#include "kit/grade.hpp"
#include "kit/reference.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::param_count);
extern const std::vector<Mutant<Function>> mutants_03_2, accepted_03_2;

namespace {

constexpr const char* parts[] = {"d_model", "n_heads", "d_head", "d_value", "n_layers"};

// Sizes that are not given are drawn.
Input make(Random& random, const Sizes& sizes, const std::string& flavour) {
  Input input;
  for (const char* part : parts) {
    const std::size_t drawn = 2 + random.below(40);
    input.numbers[part] = static_cast<double>(sizes.count(part) != 0 ? sizes.at(part) : drawn);
  }
  input.numbers["bias"] = flavour == "plain" ? 0 : 1;
  return input;
}

std::size_t whole(const Input& input, const char* name) {
  return static_cast<std::size_t>(input.number(name));
}

exercise::AttentionShape shape_of(const Input& input) {
  return {whole(input, "d_model"), whole(input, "n_heads"),   whole(input, "d_head"),
          whole(input, "d_value"), input.number("bias") != 0, whole(input, "n_layers")};
}

Stages answer(Function* function, const Input& input) {
  const exercise::ParamCount count = function(shape_of(input));
  const auto number = [](std::uint64_t n) { return values(static_cast<double>(n)); };
  return {{"one_head", number(count.one_head)}, {"heads", number(count.heads)},
          {"w_o", number(count.w_o)},           {"biases", number(count.biases)},
          {"layer", number(count.layer)},       {"model", number(count.model)}};
}

// A tensor of the layer: rows and columns, and whether it is a bias.
struct Tensor {
  std::string name;
  double rows, columns;
};

std::vector<Tensor> weights_of_a_head(const exercise::AttentionShape& shape) {
  const double d_model = static_cast<double>(shape.d_model);
  return {{"W_Q", d_model, static_cast<double>(shape.d_head)},
          {"W_K", d_model, static_cast<double>(shape.d_head)},
          {"W_V", d_model, static_cast<double>(shape.d_value)}};
}

std::vector<Tensor> biases_of_a_layer(const exercise::AttentionShape& shape) {
  std::vector<Tensor> all;
  if (!shape.bias) return all;
  for (std::size_t h = 0; h < shape.n_heads; ++h)
    for (const Tensor& one : weights_of_a_head(shape))
      all.push_back({"bias of " + one.name, 1, one.columns});
  all.push_back({"bias of W_O", 1, static_cast<double>(shape.d_model)});
  return all;
}

double numbers_in(const std::vector<Tensor>& tensors) {
  double count = 0;
  for (const Tensor& one : tensors) count += one.rows * one.columns;
  return count;
}

Values expected(const Input& input, const Stages& before, const std::string& stage) {
  const exercise::AttentionShape shape = shape_of(input);
  const auto earlier = [&](const char* name) { return stage_of(before, name).data.at(0); };
  double count = 0;
  if (stage == "one_head") count = numbers_in(weights_of_a_head(shape));
  if (stage == "heads")
    for (std::size_t h = 0; h < shape.n_heads; ++h) count += earlier("one_head");
  if (stage == "w_o")
    for (std::size_t h = 0; h < shape.n_heads; ++h)  // a block of rows for every head
      count += static_cast<double>(shape.d_value) * static_cast<double>(shape.d_model);
  if (stage == "biases") count = numbers_in(biases_of_a_layer(shape));
  if (stage == "layer") count = earlier("heads") + earlier("w_o") + earlier("biases");
  if (stage == "model")
    for (std::size_t l = 0; l < shape.n_layers; ++l) count += earlier("layer");
  return values(count);
}

std::string whole_text(double x) {
  return std::to_string(static_cast<long long>(x));
}

std::string terms(const Input& input, const Stages& before, const std::string& stage,
                  const std::vector<std::size_t>&) {
  const exercise::AttentionShape shape = shape_of(input);
  const auto earlier = [&](const char* name) {
    return whole_text(stage_of(before, name).data.at(0));
  };
  const auto list = [](const std::vector<Tensor>& tensors) {
    std::string text;
    for (std::size_t i = 0; i < tensors.size() && i < 6; ++i)
      text += (i == 0 ? "" : " + ") + tensors[i].name + " " + whole_text(tensors[i].rows) + "*" +
              whole_text(tensors[i].columns);
    return text + (tensors.size() > 6 ? " + ... + " + tensors.back().name + " " +
                                            whole_text(tensors.back().columns)
                                      : "");
  };
  const std::string heads = std::to_string(shape.n_heads);
  std::string sum;
  if (stage == "one_head") sum = list(weights_of_a_head(shape));
  if (stage == "heads") sum = heads + " heads of " + earlier("one_head");
  if (stage == "w_o")
    sum = "(" + heads + "*" + std::to_string(shape.d_value) + ") rows of " +
          std::to_string(shape.d_model);
  if (stage == "biases")
    sum = shape.bias ? list(biases_of_a_layer(shape)) : "none, shape.bias is false";
  if (stage == "layer") sum = earlier("heads") + " + " + earlier("w_o") + " + " + earlier("biases");
  if (stage == "model") sum = std::to_string(shape.n_layers) + " layers of " + earlier("layer");
  return stage + " = " + sum + " = " + whole_text(expected(input, before, stage).data[0]);
}

// As many heads as you like in the same width: the layer stays the same size.
std::optional<Broken> constant_in_heads(const Answer& of, const Input& input) {
  const double d_model = 24;
  double layer = 0;
  for (const double n_heads : {1.0, 2.0, 3.0, 4.0, 8.0, 24.0}) {
    Input other = input;
    other.numbers["d_model"] = d_model;
    other.numbers["n_heads"] = n_heads;
    other.numbers["d_head"] = other.numbers["d_value"] = d_model / n_heads;
    const double now = stage_of(of(other), "layer").data.at(0);
    if (layer != 0 && now != layer)
      return Broken{"layer", "d_model = 24 in " + whole_text(n_heads) + " heads: " +
                                 whole_text(now) + " parameters, in one head " + whole_text(layer)};
    layer = now;
  }
  if (layer != 4 * d_model * d_model + (input.number("bias") != 0 ? 4 * d_model : 0))
    return Broken{"layer", "with d_head = d_model / n_heads a layer has 4 d_model^2 weights"};
  return std::nullopt;
}

const Exercise& exercise_03_2() {
  static const Exercise exercise = [] {
    Exercise out;
    out.id = "03.2";
    out.stages = {"one_head", "heads", "w_o", "biases", "layer", "model"};
    out.make = make;
    out.expected = expected;
    out.terms = terms;
    out.tolerance = 0;
    out.cases = {
        {"worked",
         "the example of the header",
         {{{"d_model", 768}, {"n_heads", 12}, {"d_head", 64}, {"d_value", 64}, {"n_layers", 12}}},
         "worked"},
        {"fresh", "fresh sizes, with biases", {{{"n_heads", 3}}, {{"n_heads", 5}}}},
        {"plain", "fresh sizes, without biases", {{{"n_heads", 4}}}, "plain"},
        {"edge",
         "one head, width one, one layer",
         {{{"n_heads", 1}, {"d_head", 1}, {"d_value", 3}, {"n_layers", 1}},
          {{"d_model", 1}, {"n_heads", 4}, {"d_head", 2}, {"d_value", 1}, {"n_layers", 2}}}},
        {"law", "other numbers of heads", {{{"n_heads", 6}}}, "plain", constant_in_heads},
        {"extreme",
         "GPT-3: 58 thousand million, and odd sizes",
         {{{"d_model", 12288},
           {"n_heads", 96},
           {"d_head", 128},
           {"d_value", 128},
           {"n_layers", 96}},
          {{"d_model", 8191},
           {"n_heads", 71},
           {"d_head", 113},
           {"d_value", 97},
           {"n_layers", 67}}}},
    };
    out.learner = [](const Input& input) { return answer(exercise::param_count, input); };
    out.mutants = mutations(mutants_03_2, answer);
    out.accepted = mutations(accepted_03_2, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("03.2.worked") {
  judge(exercise_03_2(), "worked");
}
TEST_CASE("03.2.fresh") {
  judge(exercise_03_2(), "fresh");
}
TEST_CASE("03.2.plain") {
  judge(exercise_03_2(), "plain");
}
TEST_CASE("03.2.edge") {
  judge(exercise_03_2(), "edge");
}
TEST_CASE("03.2.law") {
  judge(exercise_03_2(), "law");
}
TEST_CASE("03.2.extreme") {
  judge(exercise_03_2(), "extreme");
}

}  // namespace headlight::course
