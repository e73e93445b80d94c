#include "bench_peers.hpp"

#include <algorithm>
#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <limits>
#include <string_view>

#include "bench.hpp"
#include "bench_loops.hpp"
#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/misc/xmanipulation.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>
#endif

namespace headlight::cli {

PeerRecord layer_in_xtensor(const MatrixF& x, const BlockWeightsOf<float>& w) {
  const std::size_t n = x.shape(0), d = x.shape(1), h = w.attention.n_heads, dh = d / h;
  const float hidden = -std::numeric_limits<float>::infinity();
  PeerRecord r;
  const VectorF mean = xt::mean(x, {1});
  const MatrixF centred = x - xt::view(mean, xt::all(), xt::newaxis());
  const VectorF variance = xt::mean(centred * centred, {1});
  const VectorF scale = xt::sqrt(variance + w.norm1->epsilon);
  r.norm = centred / xt::view(scale, xt::all(), xt::newaxis()) * w.norm1->gain + w.norm1->bias;
  r.query = matmul(r.norm, w.attention.W_Q) + w.attention.b_Q;
  r.key = matmul(r.norm, w.attention.W_K) + w.attention.b_K;
  r.value = matmul(r.norm, w.attention.W_V) + w.attention.b_V;
  r.scores = Tensor3F::from_shape({h, n, n});
  r.masked = Tensor3F::from_shape({h, n, n});
  r.pattern = Tensor3F::from_shape({h, n, n});
  r.z = MatrixF::from_shape({n, d});
  const MatrixF visible = xt::tril(xt::ones<float>({n, n}));
  for (std::size_t head = 0; head < h; ++head) {
    const auto first = static_cast<std::ptrdiff_t>(head * dh),
               last = first + static_cast<std::ptrdiff_t>(dh);
    const MatrixF query = xt::view(r.query, xt::all(), xt::range(first, last));
    const MatrixF key = xt::view(r.key, xt::all(), xt::range(first, last));
    const MatrixF value = xt::view(r.value, xt::all(), xt::range(first, last));
    const MatrixF scores =
        matmul(query, MatrixF(xt::transpose(key))) / std::sqrt(static_cast<float>(dh));
    const MatrixF masked = xt::where(visible > 0.0f, scores, hidden);
    const VectorF top = xt::amax(masked, {1});
    const MatrixF exponentials = xt::exp(masked - xt::view(top, xt::all(), xt::newaxis()));
    const VectorF total = xt::sum(exponentials, {1});
    const MatrixF pattern = exponentials / xt::view(total, xt::all(), xt::newaxis());
    xt::view(r.scores, head) = scores;
    xt::view(r.masked, head) = masked;
    xt::view(r.pattern, head) = pattern;
    xt::view(r.z, xt::all(), xt::range(first, last)) = matmul(pattern, value);
  }
  r.output = matmul(r.z, w.attention.W_O) + w.attention.b_O;
  r.residual = x + r.output;
  return r;
}

void layer_in_loops(const MatrixF& x, const BlockWeightsOf<float>& w, PeerRecord& r) {
  const std::size_t n = x.shape(0), h = w.attention.n_heads;
  for (MatrixF* stage : {&r.norm, &r.query, &r.key, &r.value, &r.z, &r.output, &r.residual})
    set_shape(*stage, x.shape());
  set_shape(r.scores, std::array{h, n, n});
  set_shape(r.pattern, std::array{h, n, n});
  const MultiHeadWeightsOf<float>& a = w.attention;
  const LoopLayer layer{n,
                        x.shape(1),
                        h,
                        w.norm1->epsilon,
                        x.data(),
                        w.norm1->gain.data(),
                        w.norm1->bias.data(),
                        {a.W_Q.data(), a.W_K.data(), a.W_V.data(), a.W_O.data()},
                        {a.b_Q.data(), a.b_K.data(), a.b_V.data(), a.b_O.data()},
                        r.norm.data(),
                        {r.query.data(), r.key.data(), r.value.data()},
                        r.scores.data(),
                        r.pattern.data(),
                        r.z.data(),
                        r.output.data(),
                        r.residual.data()};
  const std::string_view processor = torch_kernels();
#if defined(__x86_64__)
  if (processor == "avx512") return loops_avx512(layer);
  if (processor == "avx2") return loops_avx2(layer);
#endif
  loops_plain(layer);
}

}  // namespace headlight::cli
