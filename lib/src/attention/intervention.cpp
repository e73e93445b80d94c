#include <algorithm>
#include <headlight/attention/intervention.hpp>
#include <stdexcept>

namespace headlight {

template <class T>
InterventionOf<T> ablate_head(std::size_t layer, std::size_t head, HeadReplacement kind) {
  const std::string name = "blocks." + std::to_string(layer) + ".attn.hook_z";
  return [=](const StageOf<T>& stage) {
    if (stage.name != name) return;
    if (head >= stage.shape[0])
      throw std::out_of_range("ablate_head: layer " + std::to_string(layer) + " has " +
                              std::to_string(stage.shape[0]) + " heads, there is no head " +
                              std::to_string(head));
    const std::size_t n = stage.shape[1], d = stage.shape[2];
    T* z = stage.values.data() + head * n * d;
    for (std::size_t c = 0; c < d; ++c) {
      T mean = 0;
      if (kind == HeadReplacement::mean) {
        for (std::size_t i = 0; i < n; ++i) mean += z[i * d + c];
        mean /= static_cast<T>(n);
      }
      for (std::size_t i = 0; i < n; ++i) z[i * d + c] = mean;
    }
  };
}

template <class T>
InterventionOf<T> replace_stages(std::map<std::string, std::vector<T>> values) {
  return [values = std::move(values)](const StageOf<T>& stage) {
    const auto found = values.find(stage.name);
    if (found == values.end()) return;
    if (found->second.size() != stage.values.size())
      throw std::invalid_argument("replace_stages: " + stage.name + " has " +
                                  std::to_string(stage.values.size()) + " numbers here, " +
                                  std::to_string(found->second.size()) + " to be put in place");
    std::copy(found->second.begin(), found->second.end(), stage.values.begin());
  };
}

template <class T>
InterventionOf<T> in_order(std::vector<InterventionOf<T>> all) {
  return [all = std::move(all)](const StageOf<T>& stage) {
    for (const InterventionOf<T>& each : all) each(stage);
  };
}

#define HEADLIGHT_INTERVENTION(T)                                                    \
  template InterventionOf<T> ablate_head(std::size_t, std::size_t, HeadReplacement); \
  template InterventionOf<T> replace_stages(std::map<std::string, std::vector<T>>);  \
  template InterventionOf<T> in_order(std::vector<InterventionOf<T>>)
HEADLIGHT_INTERVENTION(double);
HEADLIGHT_INTERVENTION(float);
#undef HEADLIGHT_INTERVENTION

}  // namespace headlight
