#include <cmath>
#include <headlight/core/shape.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/trainer.hpp>

#include "learning/batched.hpp"
#include "learning/kernels.hpp"

namespace headlight {

template <class T>
struct TrainerOf<T>::Parts {
  Parts(const ModelWeightsOf<T>& start, const TrainingPlan& the_plan)
      : plan(the_plan), shape(start), model(start), flat(model.pack(start)) {}

  TrainingPlan plan;
  ModelWeightsOf<T> shape;  // what is not in the flat list: sizes, positions, activations
  detail::Batched<T> model;
  std::vector<T> flat, gradient;
  AdamStateOf<T> state;  // in the order of the flat list
  double gradient_length = 0;
};

template <class T>
TrainerOf<T>::TrainerOf(const ModelWeightsOf<T>& start, const TrainingPlan& plan)
    : parts_(std::make_unique<Parts>(start, plan)) {}
template <class T>
TrainerOf<T>::~TrainerOf() = default;
template <class T>
TrainerOf<T>::TrainerOf(TrainerOf&&) noexcept = default;

template <class T>
double TrainerOf<T>::step(const Batch& batch) {
  Parts& p = *parts_;
  const detail::Dropout dropout{
      p.plan.pattern_dropout, p.plan.head_dropout,
      p.plan.seed * 0x9E3779B97F4A7C15u + (p.state.steps + 1) * 0xD1B54A32D192ED03u};
  const double loss = p.model.run(p.flat, batch, dropout, p.plan.threads, &p.gradient, nullptr);
  const double squares = kernel::squares<T>(p.gradient.data(), p.gradient.size());
  p.gradient_length = std::sqrt(squares);
  if (!std::isfinite(loss) || !std::isfinite(squares)) return std::nan("");
  adam_update<T>(p.plan.adam, rate_at(p.plan.schedule, p.state.steps),
                 clip_factor(squares, p.plan.longest_gradient), p.model.decays(),
                 {p.gradient.data(), p.gradient.size()}, {p.flat.data(), p.flat.size()}, p.state);
  return loss;
}

template <class T>
BatchResultOf<T> TrainerOf<T>::gradient(const Batch& batch) const {
  BatchResultOf<T> result;
  std::vector<T> gradient;
  result.loss =
      parts_->model.run(parts_->flat, batch, {}, parts_->plan.threads, &gradient, &result.of_token);
  result.gradients = zeros_like(parts_->shape);
  parts_->model.unpack(gradient, result.gradients);
  return result;
}

template <class T>
std::vector<T> TrainerOf<T>::loss_of_tokens(const Batch& batch) const {
  std::vector<T> of_token;
  parts_->model.run(parts_->flat, batch, {}, parts_->plan.threads, nullptr, &of_token);
  return of_token;
}

template <class T>
ModelWeightsOf<T> TrainerOf<T>::weights() const {
  ModelWeightsOf<T> weights = parts_->shape;
  parts_->model.unpack(parts_->flat, weights);
  return weights;
}

template <class T>
std::size_t TrainerOf<T>::steps() const {
  return parts_->state.steps;
}

template <class T>
double TrainerOf<T>::gradient_length() const {
  return parts_->gradient_length;
}

namespace {

// A flat list in the trainer's order as one in the order of for_each_parameter, and back.
template <class T>
std::vector<T> public_order(const detail::Batched<T>& model, const ModelWeightsOf<T>& shape,
                            const std::vector<T>& flat) {
  ModelWeightsOf<T> tensors = shape;
  model.unpack(flat, tensors);
  std::vector<T> listed;
  for_each_parameter<T>(std::as_const(tensors), [&](const ParameterOf<const T>& p) {
    listed.insert(listed.end(), p.values.begin(), p.values.end());
  });
  return listed;
}

template <class T>
std::vector<T> trainer_order(const detail::Batched<T>& model, const ModelWeightsOf<T>& shape,
                             const std::vector<T>& listed) {
  ModelWeightsOf<T> tensors = shape;
  std::size_t next = 0;
  for_each_parameter<T>(tensors, [&](const ParameterOf<T>& p) {
    std::copy_n(listed.begin() + static_cast<std::ptrdiff_t>(next), p.values.size(),
                p.values.begin());
    next += p.values.size();
  });
  return model.pack(tensors);
}

}  // namespace

template <class T>
AdamStateOf<T> TrainerOf<T>::state() const {
  const Parts& p = *parts_;
  AdamStateOf<T> state;
  state.steps = p.state.steps;
  if (p.state.first.empty()) return state;
  state.first = public_order(p.model, p.shape, p.state.first);
  state.second = public_order(p.model, p.shape, p.state.second);
  return state;
}

template <class T>
void TrainerOf<T>::resume(const ModelWeightsOf<T>& weights, const AdamStateOf<T>& state) {
  Parts& p = *parts_;
  const std::size_t count = parameter_count(p.shape);
  require_shape(
      parameter_count(weights) == count &&
          (state.first.empty() || (state.first.size() == count && state.second.size() == count)),
      "TrainerOf::resume",
      "wanted " + std::to_string(count) + " parameters, got " +
          std::to_string(parameter_count(weights)) + " with a state of " +
          std::to_string(state.first.size()));
  p.flat = p.model.pack(weights);
  p.state.steps = state.steps;
  p.state.first.clear(), p.state.second.clear();
  if (state.first.empty()) return;
  p.state.first = trainer_order(p.model, p.shape, state.first);
  p.state.second = trainer_order(p.model, p.shape, state.second);
}

template class TrainerOf<double>;
template class TrainerOf<float>;

}  // namespace headlight
