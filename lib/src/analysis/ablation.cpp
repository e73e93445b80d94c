#include <algorithm>
#include <headlight/analysis/ablation.hpp>
#include <headlight/core/shape.hpp>
#include <stdexcept>

namespace headlight {

template <class T>
HeadOutputsOf<T> head_outputs(const ModelTraceOf<T>& trace) {
  HeadOutputsOf<T> outputs;
  for (const BlockTraceOf<T>& block : trace.blocks) outputs.push_back(block.attention.output);
  return outputs;
}

template <class T>
HeadOutputsOf<T> mean_outputs(const ModelWeightsOf<T>& weights,
                              std::span<const std::vector<std::size_t>> sequences) {
  if (sequences.empty()) throw std::domain_error("mean_outputs: wanted at least one sequence");
  HeadOutputsOf<T> mean;
  ModelTraceOf<T> trace;
  for (const std::vector<std::size_t>& ids : sequences) {
    require_shape(ids.size() == sequences[0].size(), "mean_outputs",
                  "sequences of " + std::to_string(sequences[0].size()) + " and " +
                      std::to_string(ids.size()) + " tokens");
    run_model<T>(ids, weights, {Record::essential, 1, {}}, trace);
    const HeadOutputsOf<T> outputs = head_outputs(trace);
    if (mean.empty()) {
      mean = outputs;
      continue;
    }
    for (std::size_t l = 0; l < mean.size(); ++l)
      for (std::size_t c = 0; c < mean[l].size(); ++c) mean[l].data()[c] += outputs[l].data()[c];
  }
  for (Tensor3Of<T>& layer : mean)
    for (T& x : layer) x /= static_cast<T>(sequences.size());
  return mean;
}

template <class T>
InterventionOf<T> ablate(const std::vector<HeadId>& heads, Ablation kind,
                         const HeadOutputsOf<T>& replacement) {
  if ((kind == Ablation::mean || kind == Ablation::resample) && replacement.empty())
    throw std::invalid_argument("ablate: mean and resample need outputs that take their place");
  return [heads, kind, replacement](const StageOf<T>& stage) {
    const char* wanted = kind == Ablation::uniform ? ".attn.hook_pattern" : ".attn.hook_z";
    for (const HeadId& id : heads) {
      if (stage.name != "blocks." + std::to_string(id.layer) + wanted) continue;
      const std::size_t rows = stage.shape[1], columns = stage.shape[2];
      require_shape(
          id.head < stage.shape[0], "ablate",
          "no head " + std::to_string(id.head) + " among " + std::to_string(stage.shape[0]));
      T* head = stage.values.data() + id.head * rows * columns;
      if (kind == Ablation::zero) {
        std::fill_n(head, rows * columns, T(0));
      } else if (kind == Ablation::uniform) {
        const std::size_t nulls = columns - rows;
        for (std::size_t i = 0; i < rows; ++i)
          for (std::size_t j = 0; j < columns; ++j)
            head[i * columns + j] = j <= i + nulls ? T(1) / static_cast<T>(i + nulls + 1) : T(0);
      } else {
        const Tensor3Of<T>& other = replacement.at(id.layer);
        require_shape(
            other.size() == stage.values.size(), "ablate",
            "a replacement " + shape_string(other) + " for z " + shape_string(stage.shape));
        std::copy_n(other.data() + id.head * rows * columns, rows * columns, head);
      }
    }
  };
}

#define HEADLIGHT_ABLATION(T)                                                        \
  template HeadOutputsOf<T> head_outputs(const ModelTraceOf<T>&);                    \
  template HeadOutputsOf<T> mean_outputs(const ModelWeightsOf<T>&,                   \
                                         std::span<const std::vector<std::size_t>>); \
  template InterventionOf<T> ablate(const std::vector<HeadId>&, Ablation, const HeadOutputsOf<T>&)
HEADLIGHT_ABLATION(double);
HEADLIGHT_ABLATION(float);
#undef HEADLIGHT_ABLATION

}  // namespace headlight
