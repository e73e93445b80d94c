#include <headlight/attention/block.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>

#include "example.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace example;

namespace {

BlockWeights silent(BlockWeights w) {  // both sublayers write nothing
  std::fill(w.attention.W_O.begin(), w.attention.W_O.end(), 0.0);
  std::fill(w.attention.b_O.begin(), w.attention.b_O.end(), 0.0);
  std::fill(w.feed_forward->W_out.begin(), w.feed_forward->W_out.end(), 0.0);
  std::fill(w.feed_forward->b_out.begin(), w.feed_forward->b_out.end(), 0.0);
  return w;
}

}  // namespace

TEST_CASE("run_block: a silent pre-norm block is the identity", "[block][law]") {
  Random random(1);
  const Matrix x = random_matrix(random, 4, 7);
  CHECK((run_block(x, silent(block(random))).residual_post == x));
}

TEST_CASE("run_block: a silent post-norm block normalises twice", "[block][law]") {
  Random random(2);
  const BlockWeights w = silent(block(random, {}, NormPlace::after));
  const Matrix x = random_matrix(random, 4, 7);
  CHECK_THAT(run_block(x, w).residual_post,
             IsClose(normalise(normalise(x, *w.norm1).output, *w.norm2).output));
}

TEST_CASE("run_block: the residual stream is a sum of what the sublayers write", "[block][law]") {
  Random random(3);
  const Matrix x = random_matrix(random, 5, 7);
  const BlockTrace t = run_block(x, block(random), {.causal = true});
  Matrix sum = x;
  for (std::size_t c = 0; c < x.size(); ++c)
    sum.data()[c] += t.attention.attention_output.data()[c] + t.feed_forward.output.data()[c];
  CHECK_THAT(t.residual_post, IsClose(sum));
}

TEST_CASE("run_block: without norms and feed-forward it is x plus attention", "[block]") {
  Random random(4);
  BlockWeights w = block(random);
  w.norm1.reset(), w.norm2.reset(), w.feed_forward.reset();
  const Matrix x = random_matrix(random, 5, 7);
  const BlockTrace t = run_block(x, w);
  Matrix want = multi_head_attention(x, w.attention).attention_output;
  for (std::size_t c = 0; c < x.size(); ++c) want.data()[c] += x.data()[c];
  CHECK_THAT(t.residual_post, IsClose(want));
  CHECK(numbers(t).count("hook_resid_mid") == 0);
}

TEST_CASE("run_block: each sublayer reads the normalised rows of what came before it", "[block]") {
  Random random(9);
  const BlockWeights w = block(random);
  const Matrix x = random_matrix(random, 5, 7);
  const BlockTrace t = run_block(x, w, {.causal = true});
  CHECK_THAT(
      t.attention.attention_output,
      IsClose(multi_head_attention(normalise(x, *w.norm1).output, w.attention, {.causal = true})
                  .attention_output));
  Matrix pre = matmul(normalise(t.residual_mid, *w.norm2).output, w.feed_forward->W_in);
  for (std::size_t i = 0; i < pre.shape(0); ++i)
    for (std::size_t c = 0; c < pre.shape(1); ++c) pre(i, c) += w.feed_forward->b_in(c);
  CHECK_THAT(t.feed_forward.pre, IsClose(pre));
}

TEST_CASE("run_block: an intervention at any stage of either norm order reaches the result",
          "[block]") {
  for (const NormPlace place : {NormPlace::before, NormPlace::after}) {
    Random random(5);
    const BlockWeights w = block(random, {}, place);
    const Matrix x = random_matrix(random, 5, 7);
    const BlockTrace plain = run_block(x, w, {.causal = true});
    for (const auto& [name, values] : numbers(plain)) {
      if (values.empty() || name == "attn.hook_softmax_max") continue;
      AttentionOptions options{.causal = true};
      options.intervention = [&, wanted = name](const StageOf<double>& stage) {
        if (stage.name == wanted) stage.values.back() += 0.75;
      };
      INFO(name);
      CHECK_FALSE(compare(run_block(x, w, options).residual_post, plain.residual_post).close);
    }
  }
}

TEST_CASE("run_block: an intervention that changes nothing changes no bit", "[block][law]") {
  for (const NormPlace place : {NormPlace::before, NormPlace::after}) {
    Random random(6);
    const BlockWeights w = block(random, {}, place);
    const Matrix x = random_matrix(random, 130, 7);
    AttentionOptions options{.causal = true};
    const auto plain = numbers(run_block(x, w, options));
    options.intervention = [](const StageOf<double>&) {};
    CHECK((plain == numbers(run_block(x, w, options))));
  }
}

TEST_CASE("run_block: refuses attention of another width than the residual stream",
          "[block][error]") {
  Random random(7);
  BlockWeights w = block(random);
  w.attention.W_O = random_matrix(random, 15, 6);
  w.attention.b_O = {};
  CHECK_THROWS_WITH(run_block(random_matrix(random, 4, 7), w),
                    "run_block: attention returns [4, 6] for a residual stream [4, 7]");
}
