#include <headlight/layer/mask.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/relative.hpp>
#include <headlight/position/rope.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <headlight/position/t5_bias.hpp>

#include "read.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

// positions.json was made by PyTorch in float64 (make_positions.py beside it).

using namespace headlight;
using namespace headlight_test;

namespace {

const json& position_golden(const std::string& name) {
  static const json all = read("positions.json");
  return all.at(name);
}

}  // namespace

TEST_CASE("golden rope: complex numbers and rotate_half", "[golden]") {
  const json& g = position_golden("rope");
  const Matrix x = matrix(g["x"]);
  const auto first = g["first"].get<std::size_t>();
  Rope rope{.base = g["base"].get<double>(), .pairing = RopePairing::interleaved};
  CHECK_THAT(rotate(x, rope, first), IsClose(matrix(g["interleaved"])));
  rope.pairing = RopePairing::halves;
  CHECK_THAT(rotate(x, rope, first), IsClose(matrix(g["halves"])));
}

TEST_CASE("golden sinusoidal: the table", "[golden]") {
  CHECK_THAT(sinusoidal_positions<double>(9, 10),
             IsClose(matrix(position_golden("sinusoidal")["table"])));
}

TEST_CASE("golden relative: Shaw's attention with keys and values", "[golden]") {
  const json& g = position_golden("relative");
  const RelativeWeights w{g["reach"].get<std::size_t>(), matrix(g["keys"]), matrix(g["values"])};
  const Mask mask = causal_mask(6, 6);
  const RelativeTrace t =
      relative_attention(matrix(g["q"]), matrix(g["k"]), matrix(g["v"]), w, &mask);
  CHECK_THAT(t.scores, IsClose(matrix(g["scores"])));
  CHECK_THAT(t.pattern, IsClose(matrix(g["pattern"])));
  CHECK_THAT(t.output, IsClose(matrix(g["output"])));
}

TEST_CASE("golden t5: the bucket of every offset from -200 to 200", "[golden]") {
  const json& g = position_golden("t5");
  for (std::size_t i = 0; i < g["offsets"].size(); ++i) {
    const auto offset = g["offsets"][i].get<std::ptrdiff_t>();
    CHECK(t5_bucket(offset) == g["encoder"][i].get<std::size_t>());
    CHECK(t5_bucket(offset, {.bidirectional = false}) == g["decoder"][i].get<std::size_t>());
    CHECK(t5_bucket(offset, {.n_buckets = 12, .max_distance = 50}) ==
          g["small"][i].get<std::size_t>());
  }
}

TEST_CASE("golden alibi: the slopes of eight head counts", "[golden]") {
  for (const auto& [count, slopes] : position_golden("alibi").items())
    CHECK_THAT(alibi_slopes<double>(std::stoul(count)), IsClose(vector(slopes)));
}
