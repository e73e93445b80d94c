#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/attention/head_slice.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/relative.hpp>
#include <limits>

#include "example.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace example;

namespace {

Matrix slice(const Tensor3& heads, std::size_t h) {
  Matrix one = Matrix::from_shape({heads.shape(1), heads.shape(2)});
  std::copy_n(heads.data() + h * one.size(), one.size(), one.data());
  return one;
}

}  // namespace

TEST_CASE("multi_head_attention: every head equals the plain single head",
          "[multi_head][two-ways]") {
  Random random(1);
  const MultiHeadWeights w = multi_head(random);
  const Matrix x = random_matrix(random, 6, 7), memory = random_matrix(random, 9, 7);
  for (const bool rotary : {false, true}) {
    AttentionOptions options{.causal = true, .is_token = std::vector<bool>(9, true)};
    options.is_token[2] = false;
    if (rotary) options.rope = Rope{};
    MultiHeadTrace trace;
    multi_head_attention(x, memory, w, options, trace);
    for (std::size_t h = 0; h < 3; ++h) {
      const HeadTrace head = attend(x, memory, head_weights(w, h), options);
      CHECK_THAT(slice(trace.query, h), IsClose(head.query));
      CHECK_THAT(slice(trace.key, h), IsClose(head.key));
      CHECK_THAT(slice(trace.value, h), IsClose(head.value));
      CHECK_THAT(slice(trace.raw_scores, h), IsClose(head.raw_scores));
      CHECK_THAT(slice(trace.masked_scores, h), IsClose(head.masked_scores));
      CHECK_THAT(slice(trace.softmax_exp, h), IsClose(head.softmax_exp));
      CHECK_THAT(slice(trace.pattern, h), IsClose(head.pattern));
      CHECK_THAT(slice(trace.output, h), IsClose(head.output));
    }
  }
}

TEST_CASE("multi_head_attention: the heads' contributions and the bias add up to the output",
          "[multi_head][law]") {
  Random random(2);
  const MultiHeadWeights w = multi_head(random);
  const MultiHeadTrace trace = multi_head_attention(random_matrix(random, 5, 7), w);
  Matrix sum = Matrix::from_shape({5, 7});
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 7; ++j) {
      sum(i, j) = w.b_O(j);
      for (std::size_t h = 0; h < 3; ++h) sum(i, j) += trace.contribution(h, i, j);
    }
  CHECK_THAT(trace.attention_output, IsClose(sum));
}

TEST_CASE("multi_head_attention: heads stand side by side in the concatenation", "[multi_head]") {
  Random random(3);
  const MultiHeadTrace trace =
      multi_head_attention(random_matrix(random, 5, 7), multi_head(random));
  CHECK(trace.concatenated.shape() == std::array<std::size_t, 2>{5, 15});
  for (std::size_t h = 0; h < 3; ++h)
    for (std::size_t j = 0; j < 5; ++j)
      CHECK(trace.concatenated(4, h * 5 + j) == trace.output(h, 4, j));
}

TEST_CASE("multi_head_attention: more rows than a block, the same numbers as the plain head",
          "[multi_head][two-ways]") {
  Random random(4);
  const Sizes sizes{.n_heads = 2, .d_model = 6, .d_head = 4, .d_value = 3};
  const MultiHeadWeights w = multi_head(random, sizes);
  const Matrix x = random_matrix(random, 301, 6);
  const MultiHeadTrace trace = multi_head_attention(x, w, {.causal = true});
  for (std::size_t h = 0; h < 2; ++h)
    CHECK_THAT(slice(trace.output, h),
               IsClose(attend(x, head_weights(w, h), {.causal = true}).output));
}

TEST_CASE("multi_head_attention: the same bits with one and two threads", "[multi_head][law]") {
  Random random(5);
  const MultiHeadWeightsF w = multi_head<float>(random);
  const MatrixF x = random_matrix<float>(random, 200, 7);
  const auto one = numbers(multi_head_attention(x, w, {.causal = true, .threads = 1}));
  CHECK((one == numbers(multi_head_attention(x, w, {.causal = true, .threads = 2}))));
}

TEST_CASE("multi_head_attention: the essential record holds the same bits", "[multi_head][law]") {
  Random random(6);
  const MultiHeadWeights w = multi_head(random);
  const Matrix x = random_matrix(random, 140, 7);
  const auto all = numbers(multi_head_attention(x, w, {.causal = true}));
  const auto essential =
      numbers(multi_head_attention(x, w, {.causal = true, .record = Record::essential}));
  CHECK(essential.count("attn.hook_scores_raw") == 0);
  CHECK(essential.count("attn.hook_pattern") == 1);
  for (const auto& [name, values] : essential) CHECK((values == all.at(name)));
}

TEST_CASE("multi_head_attention: an intervention that changes nothing changes no bit",
          "[multi_head][law]") {
  Random random(7);
  const MultiHeadWeights w = multi_head(random);
  const Matrix x = random_matrix(random, 200, 7);
  AttentionOptions options{.causal = true, .rope = Rope{}};
  const auto plain = numbers(multi_head_attention(x, w, options));
  std::size_t seen = 0;
  options.intervention = [&](const StageOf<double>&) { ++seen; };
  CHECK((plain == numbers(multi_head_attention(x, w, options))));
  CHECK(seen == plain.size() - 1);  // all but the mask, which holds no numbers
}

TEMPLATE_TEST_CASE("multi_head_attention: with a bias in one sweep the bits of stage by stage",
                   "[multi_head][law]", float, double) {
  Random random(23);
  MultiHeadWeightsOf<TestType> w = multi_head<TestType>(random);
  const MatrixOf<TestType> x = random_matrix<TestType>(random, 133, 7);
  const Tensor3Of<TestType> bias = alibi_bias<TestType>(3, 133, 133);
  AttentionOptionsOf<TestType> options{.causal = true};
  for (const bool learned : {false, true}) {
    if (learned) {
      w.relative_keys = random_matrix<TestType>(random, 5, 3 * 4);
      w.relative_values = random_matrix<TestType>(random, 5, 3 * 5);
    }
    options.bias = &bias;
    options.intervention = {};
    const auto in_one_sweep = numbers(multi_head_attention(x, w, options));
    options.intervention = [](const StageOf<TestType>&) {};
    CHECK((in_one_sweep == numbers(multi_head_attention(x, w, options))));
    options.bias = nullptr;
    CHECK((in_one_sweep != numbers(multi_head_attention(x, w, options))));
  }
}

TEST_CASE("multi_head_attention: an intervention at any stage reaches the output", "[multi_head]") {
  Random random(8);
  const MultiHeadWeights w = multi_head(random);
  const Matrix x = random_matrix(random, 6, 7);
  AttentionOptions options{.causal = true, .rope = Rope{}};
  const MultiHeadTrace plain = multi_head_attention(x, w, options);
  for (const auto& [name, values] : numbers(plain)) {
    if (values.empty()) continue;
    options.intervention = [&, wanted = name](const StageOf<double>& stage) {
      if (stage.name == wanted) stage.values.back() += 0.75;
    };
    INFO(name);
    const bool shifts_only = name == "attn.hook_softmax_max";  // exp(s - m) / sum: m cancels
    CHECK(compare(multi_head_attention(x, w, options).attention_output, plain.attention_output)
              .close == shifts_only);
  }
}

TEST_CASE("multi_head_attention: a trace handed in again keeps its memory", "[multi_head]") {
  Random random(9);
  const MultiHeadWeights w = multi_head(random);
  const Matrix x = random_matrix(random, 6, 7);
  MultiHeadTrace trace;
  multi_head_attention(x, x, w, {}, trace);
  const double* pattern = trace.pattern.data();
  const double* query = trace.query.data();
  multi_head_attention(x, x, w, {.causal = true}, trace);
  CHECK(trace.pattern.data() == pattern);
  CHECK(trace.query.data() == query);
  CHECK((numbers(trace) == numbers(multi_head_attention(x, w, {.causal = true}))));
}

TEST_CASE("multi_head_attention: a null key takes weight and gives nothing", "[multi_head]") {
  Random random(10);
  MultiHeadWeights w = multi_head(random);
  const Matrix x = random_matrix(random, 4, 7);
  const MultiHeadTrace plain = multi_head_attention(x, w, {.causal = true, .rope = Rope{}});
  w.null_key = random_matrix(random, 3, 4);
  const MultiHeadTrace trace = multi_head_attention(x, w, {.causal = true, .rope = Rope{}});
  CHECK(trace.pattern.shape() == std::array<std::size_t, 3>{3, 4, 5});
  for (std::size_t h = 0; h < 3; ++h)
    for (std::size_t i = 0; i < 4; ++i) {
      double null_score = 0;  // scored with the query before it is turned
      for (std::size_t j = 0; j < 4; ++j) null_score += plain.query(h, i, j) * w.null_key(h, j) / 2;
      CHECK(std::abs(trace.scores(h, i, 0) - null_score) < 1e-12);
      const double left = 1 - trace.pattern(h, i, 0);
      for (std::size_t j = 0; j < 5; ++j)
        CHECK(std::abs(trace.output(h, i, j) - left * plain.output(h, i, j)) < 1e-12);
    }
}

TEST_CASE("multi_head_attention: with Shaw's tables every head is relative_attention",
          "[multi_head][two-ways]") {
  Random random(21);
  MultiHeadWeights w = multi_head(random);
  const MultiHeadWeights bare = w;
  w.relative_keys = random_matrix(random, 5, 3 * 4);    // reach 2
  w.relative_values = random_matrix(random, 5, 3 * 5);  // d_value 5
  const auto columns_of = [](const Matrix& table, std::size_t h) {
    Matrix part = Matrix::from_shape({table.shape(0), table.shape(1) / 3});
    for (std::size_t i = 0; i < part.shape(0); ++i)
      for (std::size_t j = 0; j < part.shape(1); ++j) part(i, j) = table(i, h * part.shape(1) + j);
    return part;
  };
  const Matrix x = random_matrix(random, 4, 7), memory = random_matrix(random, 6, 7);
  const Mask mask = causal_mask(4, 6);
  MultiHeadTrace trace;
  multi_head_attention(x, memory, w, {.causal = true}, trace);
  for (std::size_t h = 0; h < 3; ++h) {
    const RelativeTrace head = relative_attention(
        slice(trace.query, h), slice(trace.key, h), slice(trace.value, h),
        {2, columns_of(w.relative_keys, h), columns_of(w.relative_values, h)}, &mask);
    CHECK_THAT(slice(trace.bias, h), IsClose(head.position_scores));
    CHECK_THAT(slice(trace.pattern, h), IsClose(head.pattern));
    CHECK_THAT(slice(trace.relative_output, h), IsClose(head.position_output));
    CHECK_THAT(slice(trace.output, h), IsClose(head.output));
  }
  // a key far to the left has the row of the farthest, and without tables nothing is added
  MultiHeadTrace plain;
  multi_head_attention(x, memory, bare, {.causal = true}, plain);
  CHECK(plain.bias.size() == 0);
  CHECK(plain.relative_output.size() == 0);
  CHECK(compare(plain.output, trace.output).relative > 1e-2);
}

TEST_CASE("multi_head_attention: Shaw's stages may be changed before the next one reads them",
          "[multi_head][law]") {
  Random random(22);
  MultiHeadWeights w = multi_head(random);
  const Matrix x = random_matrix(random, 5, 7);
  const MultiHeadTrace bare = multi_head_attention(x, w, {.causal = true});
  w.relative_keys = random_matrix(random, 5, 3 * 4);
  w.relative_values = random_matrix(random, 5, 3 * 5);
  AttentionOptions options{.causal = true};
  options.intervention = [](const StageOf<double>& stage) {
    if (stage.name == "attn.hook_bias" || stage.name == "attn.hook_z_relative")
      std::fill(stage.values.begin(), stage.values.end(), 0.0);
  };
  CHECK((multi_head_attention(x, w, options).attention_output == bare.attention_output));
}

TEST_CASE("multi_head_attention: an unseen NaN does not reach those who do not see it",
          "[multi_head][law]") {
  Random random(11);
  const MultiHeadWeights w = multi_head(random);
  Matrix x = random_matrix(random, 4, 7);
  const MultiHeadTrace plain = multi_head_attention(x, w, {.causal = true});
  x(3, 0) = std::numeric_limits<double>::quiet_NaN();
  const MultiHeadTrace trace = multi_head_attention(x, w, {.causal = true});
  for (std::size_t h = 0; h < 3; ++h)
    CHECK(std::abs(trace.output(h, 2, 1) - plain.output(h, 2, 1)) < 1e-12);
  CHECK(std::isnan(trace.output(0, 3, 0)));
}

TEST_CASE("multi_head_attention: float agrees with double", "[multi_head][two-ways]") {
  Random random(12);
  const MultiHeadWeightsF w = multi_head<float>(random);
  const MatrixF x = random_matrix<float>(random, 20, 7);
  const MultiHeadWeights wide{w.n_heads, w.W_Q, w.W_K, w.W_V, w.W_O, w.b_Q, w.b_K, w.b_V, w.b_O};
  const MultiHeadTraceF narrow = multi_head_attention(x, w, {.causal = true});
  const MultiHeadTrace exact = multi_head_attention(Matrix(x), wide, {.causal = true});
  CHECK_THAT(narrow.attention_output, IsCloseInFloat(exact.attention_output));
}

TEST_CASE("multi_head_attention: every query sees the null key, whose value is zero",
          "[multi_head]") {
  const Matrix x = {{1}, {2}};  // scores 1 2 / 2 4
  MultiHeadWeights w{1, {{1}}, {{1}}, {{1}}, {{1}}};
  w.null_key = {{0}};  // a score of 0
  const MultiHeadTrace t = multi_head_attention(x, w, {.causal = true});
  const double e = std::exp(1), e2 = std::exp(2), e4 = std::exp(4);
  const double first = 1 + e, second = 1 + e2 + e4;
  CHECK_THAT(t.pattern,
             IsClose(Tensor3{{{1 / first, e / first, 0}, {1 / second, e2 / second, e4 / second}}}));
  CHECK_THAT(t.attention_output, IsClose(Matrix{{e / first}, {(e2 + 2 * e4) / second}}));
}

TEST_CASE("multi_head_attention: says which shapes do not fit", "[multi_head][error]") {
  Random random(13);
  MultiHeadWeights w = multi_head(random);
  const Matrix x = random_matrix(random, 3, 7);
  const auto with = [&](auto change) {
    MultiHeadWeights wrong = w;
    change(wrong);
    return [&x, wrong] { return multi_head_attention(x, wrong); };
  };
  CHECK_THROWS_WITH(
      with([](auto& v) { v.n_heads = 5; })(),
      "multi_head_attention: W_Q has shape [7, 12], its columns do not split into 5 heads");
  CHECK_THROWS_WITH(with([](auto& v) {
                      v.W_K = Matrix::from_shape({6, 12});
                    })(),
                    "multi_head_attention: W_K has shape [6, 12] for inputs of width 7");
  CHECK_THROWS_WITH(with([](auto& v) {
                      v.W_O = Matrix::from_shape({14, 7});
                    })(),
                    "multi_head_attention: W_O has shape [14, 7] after W_V [7, 15]");
  CHECK_THROWS_WITH(with([](auto& v) {
                      v.b_V = Vector{1, 2};
                    })(),
                    "multi_head_attention: b_V has shape [2] for W_V [7, 15]");
  CHECK_THROWS_WITH(with([](auto& v) {
                      v.null_key = Matrix::from_shape({2, 4});
                    })(),
                    "multi_head_attention: null_key has shape [2, 4] for 3 heads of 4");
  CHECK_THROWS_WITH(with([](auto& v) {
                      v.relative_keys = Matrix::from_shape({4, 12});
                    })(),
                    "multi_head_attention: relative_keys has shape [4, 12], wanted an odd number "
                    "of rows of 12");
  CHECK_THROWS_WITH(with([](auto& v) {
                      v.relative_keys = Matrix::from_shape({5, 12});
                      v.relative_values = Matrix::from_shape({3, 15});
                    })(),
                    "multi_head_attention: relative_values has shape [3, 15], wanted [5, 15]");
  CHECK_THROWS_WITH(with([](auto& v) {
                      v.relative_keys = Matrix::from_shape({5, 12});
                      v.null_key = Matrix::from_shape({3, 4});
                    })(),
                    "multi_head_attention: relative positions with a null key are not defined");
}

TEST_CASE("head_weights, output_rows: number by number, and no head that is not there",
          "[head_slice][error]") {
  MultiHeadWeights w;
  w.n_heads = 2;
  w.W_Q = {{0, 1, 2, 3}, {10, 11, 12, 13}};
  w.W_K = {{20, 21, 22, 23}, {30, 31, 32, 33}};
  w.W_V = {{40, 41}, {50, 51}};
  w.W_O = {{60, 61, 62}, {70, 71, 72}};
  w.b_Q = {80, 81, 82, 83};
  const HeadWeights second = head_weights(w, 1);
  CHECK_THAT(second.W_Q, IsClose(Matrix{{2, 3}, {12, 13}}));
  CHECK_THAT(second.W_K, IsClose(Matrix{{22, 23}, {32, 33}}));
  CHECK_THAT(second.W_V, IsClose(Matrix{{41}, {51}}));
  CHECK_THAT(second.b_Q, IsClose(Vector{82, 83}));
  CHECK(second.b_V.size() == 0);
  CHECK_THAT(output_rows(w, 1), IsClose(Matrix{{70, 71, 72}}));
  CHECK_THROWS_WITH(head_weights(w, 2), "head_weights: wanted a head below 2, got 2");
  CHECK_THROWS_WITH(output_rows(w, 2), "output_rows: wanted a head below 2, got 2");
}
