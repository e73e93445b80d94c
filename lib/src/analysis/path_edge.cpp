#include <algorithm>
#include <headlight/analysis/path_edge.hpp>
#include <headlight/core/shape.hpp>
#include <memory>
#include <stdexcept>

namespace headlight {

template <class T>
InterventionOf<T> cut_edge(const ModelWeightsOf<T>& weights, const std::vector<HeadId>& from,
                           PathEdge edge, std::size_t to_layer) {
  for (const HeadId& head : from)
    if (head.layer >= to_layer || to_layer >= weights.blocks.size())
      throw std::invalid_argument("cut_edge: wanted an earlier head and a later layer below " +
                                  std::to_string(weights.blocks.size()) + ", got layers " +
                                  std::to_string(head.layer) + " and " + std::to_string(to_layer));
  for (const BlockWeightsOf<T>& block : weights.blocks)
    if (block.place == NormPlace::after)
      throw std::invalid_argument(
          "cut_edge: wanted pre-norm blocks, where heads add to the stream; got post-norm");
  const std::string target = "blocks." + std::to_string(to_layer) + ".";
  auto contribution = std::make_shared<MatrixOf<T>>();  // [n, d_model], of all cut heads
  auto without = std::make_shared<MatrixOf<T>>();       // [n, d_model]
  return [=, &weights](const StageOf<T>& stage) {
    if (stage.name == "hook_embed") {
      contribution->resize({stage.shape[0], stage.shape[1]});
      std::fill(contribution->begin(), contribution->end(), T(0));
      return;
    }
    for (const HeadId& head : from)
      if (stage.name == "blocks." + std::to_string(head.layer) + ".attn.hook_result")
        for (std::size_t c = 0; c < contribution->size(); ++c)
          contribution->data()[c] += stage.values[head.head * contribution->size() + c];
    if (edge == PathEdge::direct) {
      if (stage.name != target + "hook_resid_post") return;
      for (std::size_t c = 0; c < contribution->size(); ++c)
        stage.values[c] -= contribution->data()[c];
      return;
    }
    if (stage.name == target + "hook_resid_pre") {
      without->resize(contribution->shape());
      for (std::size_t c = 0; c < contribution->size(); ++c)
        without->data()[c] = stage.values[c] - contribution->data()[c];
      return;
    }
    const char letter = edge == PathEdge::query ? 'q' : edge == PathEdge::key ? 'k' : 'v';
    if (stage.name != target + "attn.hook_" + letter) return;
    const BlockWeightsOf<T>& block = weights.blocks[to_layer];
    const MultiHeadWeightsOf<T>& a = block.attention;
    const MatrixOf<T>& W = letter == 'q' ? a.W_Q : letter == 'k' ? a.W_K : a.W_V;
    const VectorOf<T>& b = letter == 'q' ? a.b_Q : letter == 'k' ? a.b_K : a.b_V;
    const MatrixOf<T> x = block.norm1 ? normalise(*without, *block.norm1).output : *without;
    MatrixOf<T> projected = MatrixOf<T>::from_shape({x.shape(0), W.shape(1)});
    affine<T>(view(x), view(W), b, view(projected));
    const std::size_t rows = stage.shape[1], width = stage.shape[2], n = x.shape(0);
    for (std::size_t h = 0; h < stage.shape[0]; ++h)
      for (std::size_t i = 0; i < n; ++i)  // a null key, if there is one, stands before the others
        std::copy_n(projected.data() + i * projected.shape(1) + h * width, width,
                    stage.values.data() + (h * rows + rows - n + i) * width);
  };
}

template InterventionOf<double> cut_edge(const ModelWeights&, const std::vector<HeadId>&, PathEdge,
                                         std::size_t);
template InterventionOf<float> cut_edge(const ModelWeightsF&, const std::vector<HeadId>&, PathEdge,
                                        std::size_t);

}  // namespace headlight
