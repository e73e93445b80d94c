#include <cmath>

#include "learning/batched.hpp"
#include "models.hpp"
#include "support/catch.hpp"

using namespace headlight;

TEST_CASE("dropout: the backward pass drops what the forward pass dropped",
          "[learning][gradient]") {
  for (const models::Kind& kind : models::all_kinds()) {
    INFO(kind.name);
    const ModelWeights w = models::model(kind);
    const Batch batch = models::batch(3, 5, false);
    const detail::Dropout dropout{0.3, 0.2, 77};
    detail::Batched<double> model(w);
    std::vector<double> flat = model.pack(w), gradient;
    const double loss = model.run(flat, batch, dropout, 1, &gradient, nullptr);
    CHECK(std::abs(loss - model.run(flat, batch, {}, 1, nullptr, nullptr)) > 1e-6);
    double worst = 0, largest = 1;
    for (std::size_t c = 0; c < flat.size(); c += 7) {  // every seventh parameter
      const double before = flat[c];
      const auto error = [&](double step) {
        const auto at = [&](double steps) {
          flat[c] = before + steps * step;
          const double value = model.run(flat, batch, dropout, 1, nullptr, nullptr);
          flat[c] = before;
          return value;
        };
        return std::abs((8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step) - gradient[c]);
      };
      // the second step decides where the first crosses a kink of ReLU
      worst = std::max(worst, std::min(error(2e-4), error(2e-6)));
      largest = std::max(largest, std::abs(gradient[c]));
    }
    CHECK(worst / largest < 1e-9);
  }
}

TEST_CASE("dropout: on average over many draws the model is the one without it",
          "[learning][law]") {
  // one layer without norms and with linear readout: logits are linear in the dropped pattern, so
  // their mean over draws is what the whole pattern gives; the loss, convex in them, is not below
  models::Kind kind = models::all_kinds()[2];
  kind.has_norms = false;
  ModelWeights w = models::model(kind);
  w.blocks.resize(1);
  const Batch batch = models::batch(2, 6, false);
  detail::Batched<double> model(w);
  const std::vector<double> flat = model.pack(w);
  const double whole = model.run(flat, batch, {}, 1, nullptr, nullptr);
  double mean = 0, kept = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    mean += model.run(flat, batch, {0.1, 0, seed}, 1, nullptr, nullptr) / 400;
    kept += model.run(flat, batch, {0, 0.5, seed}, 1, nullptr, nullptr) == whole ? 1 : 0;
  }
  CHECK(mean > whole);
  CHECK(mean < whole + 0.3);
  CHECK(kept < 40);  // with half of the heads dropped, hardly ever is none
}
