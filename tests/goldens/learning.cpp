#include <fstream>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/trainer.hpp>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/is_close.hpp"

// learning.json was made by PyTorch in float64 (make_learning.py beside it): gradients by autograd,
// three steps of torch.optim.AdamW with clip_grad_norm_.

using namespace headlight;
using nlohmann::json;

namespace {

constexpr std::size_t V = 11, D = 10, H = 3, DH = 4, HIDDEN = 13, N = 7, REACH = 3;

const json& cases() {
  static const json all = [] {
    std::ifstream file(HEADLIGHT_GOLDENS "/learning.json");
    REQUIRE(file.good());
    return json::parse(file)["cases"];
  }();
  return all;
}

// A model with the case's tensors, filled by their names.
ModelWeights model_of(const json& c, const char* values) {
  const auto matrix = [](std::size_t rows, std::size_t columns) {
    return Matrix::from_shape({rows, columns});
  };
  const auto vector = [](std::size_t size) { return Vector::from_shape({size}); };
  const bool is_layer = c["norm"] == "layer", has_biases = c["biases"];
  const auto norm = [&] {
    return NormWeights{vector(D), vector(is_layer ? D : 0), 1e-5,
                       is_layer ? Norm::layer : Norm::rms};
  };
  ModelWeights w;
  w.W_E = matrix(V, D);
  const std::string position = c["position"];
  w.position = position == "learned" ? Position::learned
               : position == "rope"  ? Position::rope
               : position == "alibi" ? Position::alibi
               : position == "t5"    ? Position::t5
               : position == "shaw"  ? Position::shaw
                                     : Position::none;
  if (w.position == Position::learned) w.W_pos = matrix(N, D);
  if (w.position == Position::t5) w.relative_bias = matrix(6, H), w.max_distance = 5;
  const bool is_after = c["place"] == "after";
  const std::string activation = c["activation"];
  for (int layer = 0; layer < 2; ++layer) {
    BlockWeights b;
    b.norm1 = norm(), b.norm2 = norm();
    b.place = is_after ? NormPlace::after : NormPlace::before;
    MultiHeadWeights& a = b.attention;
    a.n_heads = H;
    a.W_Q = a.W_K = a.W_V = matrix(D, H * DH);
    a.W_O = matrix(H * DH, D);
    if (has_biases) a.b_Q = a.b_K = a.b_V = vector(H * DH), a.b_O = vector(D);
    if (c["null_key"]) a.null_key = matrix(H, DH);
    if (w.position == Position::shaw)
      a.relative_keys = a.relative_values = matrix(2 * REACH + 1, H * DH);
    b.feed_forward =
        FeedForwardWeights{matrix(D, HIDDEN), vector(HIDDEN), matrix(HIDDEN, D), vector(D),
                           activation == "relu"   ? Activation::relu
                           : activation == "gelu" ? Activation::gelu
                                                  : Activation::gelu_new};
    w.blocks.push_back(b);
  }
  if (!is_after) w.norm_final = norm();
  if (!c["tied"]) w.W_U = matrix(V, D);
  for_each_parameter<double>(w, [&](const ParameterOf<double>& p) {
    const std::vector<double> numbers = c[values][p.name].get<std::vector<double>>();
    REQUIRE(numbers.size() == p.values.size());
    std::copy(numbers.begin(), numbers.end(), p.values.begin());
  });
  return w;
}

Batch batch_of(const json& c) {
  Batch b{2,
          N,
          c["ids"].get<std::vector<std::size_t>>(),
          c["targets"].get<std::vector<std::size_t>>(),
          {}};
  for (const json& flag : c["counts"]) b.counts.push_back(flag.get<bool>());
  return b;
}

void check_all_close(const ModelWeights& got, const ModelWeights& want) {
  std::vector<Vector> wanted;
  const auto flat = [](const ParameterOf<const double>& p) {
    Vector v = Vector::from_shape({p.values.size()});
    std::copy(p.values.begin(), p.values.end(), v.begin());
    return v;
  };
  for_each_parameter<double>(
      want, [&](const ParameterOf<const double>& p) { wanted.push_back(flat(p)); });
  std::size_t next = 0;
  for_each_parameter<double>(got, [&](const ParameterOf<const double>& p) {
    INFO(p.name);
    const Vector& wanted_here = wanted[next++];
    // without rotation a key bias leaves the softmax as it is: its gradient is rounding alone
    if (p.name.find("b_K") == std::string::npos) CHECK_THAT(flat(p), IsClose(wanted_here, 1e-11));
  });
}

}  // namespace

TEST_CASE("goldens: loss and gradients of whole models are PyTorch's", "[learning][golden]") {
  for (const json& c : cases()) {
    INFO(c["position"] << " " << c["norm"] << " " << c["activation"] << " " << c["place"]);
    const BatchResultOf<double> got =
        TrainerOf<double>(model_of(c, "weights"), {}).gradient(batch_of(c));
    CHECK_THAT(got.loss, Catch::Matchers::WithinRel(c["loss"].get<double>(), 1e-13));
    check_all_close(got.gradients, model_of(c, "gradients"));
  }
}

TEST_CASE("goldens: three clipped steps of AdamW are PyTorch's", "[learning][golden]") {
  for (const json& c : cases()) {
    INFO(c["position"] << " " << c["norm"] << " " << c["activation"] << " " << c["place"]);
    TrainingPlan plan;
    plan.adam = {0.9, 0.98, 1e-8, 0.1};
    plan.schedule = {0.01, 0, 3, 1};  // a constant rate
    plan.longest_gradient = 0.5;
    TrainerOf<double> trainer(model_of(c, "weights"), plan);
    for (int step = 0; step < 3; ++step) trainer.step(batch_of(c));
    check_all_close(trainer.weights(), model_of(c, "after_three_steps"));
  }
}
