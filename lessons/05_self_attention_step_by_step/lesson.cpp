// Lesson 5: self-attention, step by step.   Report, section 5.
// A typed text of n tokens (six by default) in d_model = 8; one head of d_k = d_v = 4 by hand, then
// two heads by name; "The cat sat" with numbers chosen for paper; what PyTorch's layer returned.
#include <algorithm>
#include <cmath>
#include <headlight/attention/head_slice.hpp>
#include <headlight/attention/model.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/reduce.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/flash.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>
#include <set>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "pytorch.hpp"
#include "support/algebra.hpp"
#include "support/page.hpp"
#include "support/plain_head.hpp"

using namespace headlight;

namespace {

constexpr std::size_t d_model = 8, d_k = 4, n_heads = 2;
constexpr double hidden = -std::numeric_limits<double>::infinity();
const double root_d_k = std::sqrt(static_cast<double>(d_k));

// One head as the report walks through it; every step adds its letters.
struct Walk {
  std::vector<std::string> tokens;
  HeadWeights weights;     // W_Q, W_K, W_V: [d_model, d_k]
  Matrix X;                // [n, d_model]
  Matrix Q, K, V;          // [n, d_k], V: [n, d_v]
  Matrix S, S_masked, A;   // [n_query, n_key]
  Matrix Y;                // [n, d_v]
  MultiHeadWeights layer;  // of two heads, for steps 7 and 8
};

void step_1(lesson::Page& page, Walk& w, Random& random) {
  page.step("Step 1: input representations");
  const std::size_t n = w.tokens.size();
  const Matrix E = lesson::embed_words(w.tokens, d_model);    // [n, d_model]
  const Matrix P = sinusoidal_positions<double>(n, d_model);  // [n, d_model]
  w.X = E + P;                                                // [n, d_model]
  page.show("X", "token, d_model", w.X, {.rows = w.tokens});
  ModelWeights model;  // of one block; token i of this text has the id i
  model.W_E = E;
  model.blocks.resize(1);
  // transpose(W_V) stands for W_O: what enters the block is looked at, not what leaves it.
  model.blocks[0].attention = {1, w.weights.W_Q, w.weights.W_K, w.weights.W_V,
                               transpose(w.weights.W_V)};
  std::vector<std::size_t> ids(n);
  std::iota(ids.begin(), ids.end(), std::size_t{0});
  const auto enters = [&](Position position) {
    model.position = position;
    return run_model<double>(ids, model).blocks[0].residual_pre;  // [n, d_model]
  };
  page.check_close(enters(Position::sinusoidal), w.X,
                   "with sinusoidal positions the first block reads embedding plus position")
      .decides("C05-01");
  model.W_pos = random_matrix(random, n + 3, d_model);  // more rows than tokens
  page.check_close(enters(Position::learned), Matrix(E + xt::view(model.W_pos, xt::range(0, n))),
                   "with a learned table of positions the first block reads embedding plus the "
                   "table's first n rows")
      .decides("C05-01");
  page.check_close(enters(Position::rope), E,
                   "with rotary positions the first block reads the embedding alone")
      .controls("C05-01");
}

void step_2(lesson::Page& page, Walk& w) {
  page.step("Step 2: projections Q, K, V");
  w.Q = matmul(w.X, w.weights.W_Q);  // [n, d_k]
  w.K = matmul(w.X, w.weights.W_K);  // [n, d_k]
  w.V = matmul(w.X, w.weights.W_V);  // [n, d_v]
  page.show("Q", "token, d_k", w.Q, {.rows = w.tokens});
  page.show("K", "token, d_k", w.K, {.rows = w.tokens});
  page.show("V", "token, d_v", w.V, {.rows = w.tokens});
  const HeadTrace head = attend(w.X, w.weights);
  const lesson::PlainHead sums = lesson::plain_head(w.X, w.weights);  // one number at a time
  page.check_close(head.query, sums.query,
                   "the query of a token is x_i W_Q, summed number by number")
      .decides("C05-03", "C05-04");
  page.check_close(head.key, sums.key,
                   "the key of a token is x_i W_K, from the same x_i as its query")
      .decides("C05-03", "C05-04");
  page.check_close(head.value, sums.value,
                   "the value of a token is x_i W_V, from the same x_i as its query")
      .decides("C05-03", "C05-04");
}

void step_3(lesson::Page& page, Walk& w, Random& random) {
  page.step("Step 3: attention scores");
  const Matrix raw = matmul(w.Q, transpose(w.K));  // [n_query, n_key]
  w.S = raw / root_d_k;                            // [n_query, n_key]
  page.show("Q K^T", "query, key", raw, {w.tokens, w.tokens});
  page.show("S", "query, key", w.S, {w.tokens, w.tokens});
  const HeadTrace head = attend(w.X, w.weights);
  page.check_close(
          head.raw_scores, lesson::plain_head(w.X, w.weights).raw,
          "the raw scores are n by n numbers, each the sum of the d_k products of q_i and k_j")
      .decides("C05-06", "C05-08");
  const Matrix others = random_matrix(random, 3, d_model);  // [3, d_model]
  page.check_equal(attend(w.X, others, w.weights, {}).raw_scores.shape(1), std::size_t{3},
                   "with three other tokens as keys, every query has three raw scores")
      .controls("C05-08");
  const Matrix form = matmul(w.weights.W_Q, transpose(w.weights.W_K));  // [d_model, d_model]
  page.check_close(head.raw_scores, matmul(matmul(w.X, form), transpose(w.X)),
                   "the raw score of i and j is the bilinear form x_i W_Q W_K^T x_j^T")
      .decides("C05-07");
  page.check_differs(
          head.raw_scores, transpose(head.raw_scores), 1e-3,
          "the raw scores Q K^T differ from their transpose: a score is no measure of similarity")
      .decides("C05-07", "C05-31");
  const Matrix alike = attend(w.X, HeadWeights{w.weights.W_Q, w.weights.W_Q, w.weights.W_V})
                           .raw_scores;  // [n_query, n_key]
  page.check_close(alike, transpose(alike), "with W_K = W_Q the raw scores are symmetric")
      .controls("C05-07", "C05-31");

  page.step("Step 3: scaling");
  const std::size_t wide = 512;
  const Matrix identity = xt::eye<double>(wide);     // [d_k, d_k]
  const Matrix q = random_matrix(random, 64, wide);  // [n_query, d_k]
  const Matrix k = random_matrix(random, 16, wide);  // [n_key, d_k]
  const auto mean_largest = [&](double scale) {      // a query's largest weight, on average
    const Matrix peaks =
        row_max(attend(q, k, HeadWeights{identity, identity, identity}, {.scale = scale})
                    .pattern);  // [n_query, 1]
    return xt::mean(peaks)();
  };
  const double unscaled = mean_largest(1);
  const double scaled = mean_largest(0);  // 0: the library's own 1 / sqrt(d_k)
  page.text_table({"d_k = 512, 16 keys", "mean largest weight"},
                  {{"without scaling", render::fixed(unscaled)},
                   {"divided by sqrt(d_k)", render::fixed(scaled)}});
  page.check_greater(unscaled, 0.85,
                     "unscaled scores of d_k = 512 saturate the softmax: the largest of 16 weights "
                     "is above 0.85 on average")
      .decides("C05-09");
  page.check_less(scaled, 0.5,
                  "divided by sqrt(512), scores of d_k = 512 leave the largest of 16 weights below "
                  "0.5 on average")
      .controls("C05-09");
  const Matrix large = {{1001, 1002, 1003}}, small = {{1, 2, 3}};  // [1, n_key]
  page.check_close(
          softmax_rows(large), softmax_rows(small),
          "the softmax of 1001, 1002, 1003 is the softmax of 1, 2, 3: only differences count")
      .decides("C05-09");
  page.check_close(softmax_rows(Matrix(large - 2004.0)), softmax_rows(small),
                   "the softmax of -1003, -1002, -1001 is the softmax of 1, 2, 3")
      .decides("C05-09");
  const Matrix naive = xt::exp(large) / xt::sum(xt::exp(large))();  // [1, n_key]
  page.check_true(xt::all(xt::isnan(naive)),
                  "the softmax of 1001, 1002, 1003 without subtracting the maximum is NaN: "
                  "exp(1001) overflows")
      .controls("C05-09");
}

// Every number of a trace, stage by stage.
using Numbers = std::map<std::string, std::vector<double>>;
StageVisitorOf<double> keep_in(Numbers& stages) {
  return [&stages](const StageOf<const double>& stage) {
    std::vector<double>& kept = stages[stage.name];
    kept.assign(stage.values.begin(), stage.values.end());
    kept.insert(kept.end(), stage.flags.begin(), stage.flags.end());
  };
}
Numbers numbers(const HeadTrace& trace) {
  Numbers stages;
  for_each_stage<double>(trace, keep_in(stages));
  return stages;
}
Numbers numbers(const MultiHeadTrace& trace) {
  Numbers stages;
  for_each_stage<double>(trace, "", keep_in(stages));
  return stages;
}

void step_4(lesson::Page& page, Walk& w) {
  page.step("Step 4: the mask");
  const std::size_t n = w.tokens.size();
  const Matrix visible = xt::tril(xt::ones<double>({n, n}));  // [n_query, n_key], 1 or 0
  w.S_masked = xt::where(visible > 0.0, w.S, hidden);         // [n_query, n_key]
  page.show("S masked", "query, key", w.S_masked, {w.tokens, w.tokens});
  const HeadTrace causal = attend(w.X, w.weights, {.causal = true});
  page.check_close(
          causal.masked_scores, w.S_masked,
          "under the causal mask a score is minus infinity where j > i and unchanged elsewhere")
      .decides("C05-10");
  const Matrix reached = lesson::reached(
      w.X, [&](const Matrix& x) { return attend(x, w.weights, {.causal = true}).output; });
  page.check_close(reached, visible,
                   "under the causal mask, changing token j changes the outputs from j on and no "
                   "bit of an earlier one")
      .decides("C05-11");
  std::set<std::string> changed;  // stages in which an earlier row sees a later token
  const auto before = numbers(causal);
  for (std::size_t j = 1; j < n; ++j) {
    Matrix other = w.X;
    xt::view(other, j) += 1.0;
    for (const auto& [name, after] : numbers(attend(other, w.weights, {.causal = true}))) {
      const std::size_t in_earlier_rows = after.size() / n * j;  // n rows, j of them before token j
      const auto end = after.begin() + static_cast<std::ptrdiff_t>(in_earlier_rows);
      if (!std::equal(after.begin(), end, before.at(name).begin())) changed.insert(name);
    }
  }
  page.check_equal(changed,
                   std::set<std::string>{"attn.hook_scores_raw", "attn.hook_scores_scaled"},
                   "raw and scaled scores, before the mask, are the only stages where a later "
                   "token changes an earlier row")
      .controls("C05-11");

  Matrix padded = 3 * xt::ones<double>({n + 2, d_model});  // two more rows, of anything
  xt::view(padded, xt::range(0, n)) = w.X;
  std::vector<bool> is_token(n + 2, true);
  is_token[n] = is_token[n + 1] = false;
  const auto first_n = [&](const Matrix& a) { return Matrix(xt::view(a, xt::range(0, n))); };
  page.check_close(first_n(attend(padded, w.weights, {.is_token = is_token}).output),
                   attend(w.X, w.weights).output,
                   "padding that is hidden does not change a token's output")
      .decides("C05-13");
  page.check_differs(first_n(attend(padded, w.weights).output), attend(w.X, w.weights).output, 1e-4,
                     "padding that is not hidden changes the tokens' outputs")
      .controls("C05-13");
  // The same two rows before the text, where the causal mask alone would show them.
  Matrix in_front = 3 * xt::ones<double>({n + 2, d_model});  // [n + 2, d_model]
  xt::view(in_front, xt::range(std::size_t{2}, n + 2)) = w.X;
  std::vector<bool> is_text(n + 2, true);
  is_text[0] = is_text[1] = false;
  const HeadTrace both = attend(in_front, w.weights, {.causal = true, .is_token = is_text});
  page.check_close(
          Matrix(xt::view(both.output, xt::range(std::size_t{2}, n + 2))), causal.output,
          "with hidden padding before the text, the causal mask gives every token the output it "
          "has without padding")
      .decides("C05-13");
  const HeadTrace nothing = attend(w.X, w.weights, {.is_token = std::vector<bool>(n, false)});
  page.check_close(nothing.pattern, Matrix(xt::zeros<double>({n, n})),
                   "a query that sees no key gets a pattern of zeros, not NaN");
  std::vector<std::size_t> every_query(n);
  std::iota(every_query.begin(), every_query.end(), std::size_t{0});
  page.check_equal(nothing.fully_hidden_rows, every_query,
                   "the trace lists every query that sees no key");
}

void step_5(lesson::Page& page, Walk& w) {
  page.step("Step 5: softmax turns scores into weights");
  const std::size_t n = w.tokens.size();
  const Matrix weight = xt::exp(w.S_masked - row_max(w.S_masked));  // [n_query, n_key]
  w.A = weight / row_sum(weight);                                   // [n_query, n_key]
  page.show("A", "query, key", w.A, {w.tokens, w.tokens});
  const Mask mask = causal_mask(n, n);  // [n_query, n_key]
  page.heat_map("A: who looks at whom", w.A, {w.tokens, w.tokens}, &mask);
  // The library's softmax is checked here, and in the last step that A is the library's pattern.
  page.check_close(softmax_rows(w.S_masked), lesson::plain_head(w.X, w.weights, true).pattern,
                   "the weight of key j is exp(q_i . k_j / sqrt(d_k)), divided by the sum over all "
                   "keys that i sees")
      .decides("C05-14");
  page.check_close(row_sum(softmax_rows(w.S_masked)), Matrix(xt::ones<double>({n, std::size_t{1}})),
                   "every row of the pattern sums to one")
      .decides("C05-15");
  double least_on_self = 1;
  const Matrix pattern = attend(w.X, w.weights, {.causal = true}).pattern;  // [n_query, n_key]
  for (std::size_t i = 0; i < n; ++i) least_on_self = std::min(least_on_self, pattern(i, i));
  page.check_greater(least_on_self, 0, "every token gives itself a weight above zero")
      .decides("C05-15");
}

void four_ways_to_mask(lesson::Page& page, const Walk& w) {
  page.step("Step 5: four ways to mask");
  const std::size_t n = w.tokens.size();
  const Matrix visible = xt::tril(xt::ones<double>({n, n}));  // [n_query, n_key]
  Matrix other = w.X;                                         // [n, d_model], another last token
  xt::view(other, n - 1) *= -1.0;
  // Outputs of the earlier tokens, [n - 1, d_v].
  const auto output = [&](const Matrix& X, const auto& pattern_of) {
    const Matrix S = matmul(matmul(X, w.weights.W_Q), transpose(matmul(X, w.weights.W_K))) /
                     root_d_k;  // [n_query, n_key]
    return Matrix(xt::view(matmul(pattern_of(S), matmul(X, w.weights.W_V)), xt::range(0, n - 1)));
  };
  // Four ways from scores to a pattern, both [n_query, n_key].
  const auto before_softmax = [&](const Matrix& S) {
    return softmax_rows(Matrix(xt::where(visible > 0.0, S, hidden)));
  };
  const auto zeroed = [&](const Matrix& S) { return Matrix(softmax_rows(S) * visible); };
  const auto renormalised = [&](const Matrix& S) { return Matrix(zeroed(S) / row_sum(zeroed(S))); };
  const auto score_zero = [&](const Matrix& S) { return softmax_rows(Matrix(S * visible)); };
  std::vector<std::vector<std::string>> rows;
  std::vector<double> leaks;
  const auto add = [&](const std::string& name, const auto& way) {
    const Matrix sum = row_sum(Matrix(way(w.S)));  // [n_query, 1]
    leaks.push_back(compare(output(other, way), output(w.X, way)).relative);
    rows.push_back({name, render::fixed(sum(0, 0), 2),
                    leaks.back() < 1e-12 ? "0" : render::fixed(leaks.back(), 2)});
  };
  add("score -inf, before softmax", before_softmax);             // leaks[0]
  add("weight 0, after softmax", zeroed);                        // leaks[1]
  add("weight 0, then divided by the row's sum", renormalised);  // leaks[2]
  add("score 0", score_zero);                                    // leaks[3]
  page.say("Leak: how much earlier outputs change when the last token does.");
  page.text_table({"hidden by", "row 1 sums to", "leak"}, rows);
  page.check_close(renormalised(w.S), before_softmax(w.S),
                   "masking after the softmax gives the same pattern if every row is divided by "
                   "its sum again")
      .decides("C05-39");
  page.check_less(std::max(leaks[0], leaks[2]), 1e-12,
                  "masked before the softmax, or after it and divided again, the last token "
                  "changes no earlier output")
      .decides("C05-39");
  page.check_greater(std::min(leaks[1], leaks[3]), 1e-6,
                     "with weights zeroed but not divided, or scores set to zero, the last token "
                     "changes earlier outputs")
      .controls("C05-39");
}

void step_6(lesson::Page& page, Walk& w) {
  page.step("Step 6: values, weighted and summed");
  w.Y = matmul(w.A, w.V);  // [n, d_v]
  page.show("Y", "token, d_v", w.Y, {.rows = w.tokens});
  const HeadTrace causal = attend(w.X, w.weights, {.causal = true});
  page.check_close(causal.output, lesson::plain_head(w.X, w.weights, true).output,
                   "the output y_i is the sum over j of A_ij v_j")
      .decides("C05-17");
  double outside = 0;  // how far an output leaves the range of the values it may see
  for (std::size_t i = 0; i < w.tokens.size(); ++i)
    for (std::size_t c = 0; c < d_k; ++c) {
      const Matrix seen = xt::view(w.V, xt::range(0, i + 1), xt::range(c, c + 1));  // [i + 1, 1]
      outside = std::max({outside, xt::amin(seen)() - causal.output(i, c),
                          causal.output(i, c) - xt::amax(seen)()});
    }
  page.check_less(outside, 1e-12,
                  "every number of an output lies between the least and the greatest in its column "
                  "of the values seen")
      .decides("C05-17");
  const auto first = [](const Matrix& a) {  // [1, d_v]
    return Matrix(xt::view(a, xt::range(0, 1)));
  };
  page.check_close(first(causal.output), first(w.V),
                   "the first token of a causal head gets its own value and nothing else")
      .decides("C05-18");
  page.check_differs(
          first(attend(w.X, w.weights).output), first(w.V), 1e-3,
          "without the causal mask the first token gets something else than its own value")
      .controls("C05-18");
}

void step_7(lesson::Page& page, const Walk& w, Random& random) {
  page.step("Step 7: the heads joined");
  const std::size_t n = w.tokens.size();
  const MultiHeadWeights& W = w.layer;
  const MultiHeadTrace all = multi_head_attention(w.X, W, {.causal = true});
  Matrix z = xt::zeros<double>({n, d_model});  // [n, n_heads d_v]
  const Numbers stages = numbers(all);
  double apart = 0;  // largest difference between a stage of a head in the layer and of it alone
  for (std::size_t h = 0; h < n_heads; ++h) {
    const HeadTrace one = attend(w.X, head_weights(W, h), {.causal = true});
    xt::view(z, xt::all(), xt::range(h * d_k, (h + 1) * d_k)) = one.output;
    for (const auto& [name, alone] : numbers(one)) {
      // A stage of the layer holds its heads one after the other; the mask is one for all heads.
      const double* in_layer =
          stages.at(name).data() + (name == "attn.hook_mask" ? 0 : h * alone.size());
      const std::size_t shape[] = {alone.size()};
      apart = std::max(
          apart, compare<double, double>({in_layer, alone.size()}, shape, alone, shape).relative);
    }
  }
  page.show("z", "token, h d_v", z, {.rows = w.tokens});
  page.check_less(apart, 1e-12,
                  "every stage of a head in the layer, its n by n pattern too, is what that head "
                  "computes alone")
      .decides("C05-16");
  page.check_differs(Matrix(xt::view(all.pattern, 0)), Matrix(xt::view(all.pattern, 1)), 1e-3,
                     "the two heads of the layer have different patterns")
      .controls("C05-16");
  page.check_close(
          all.concatenated, z,
          "the layer joins h outputs of d_v = d_model / h columns side by side to d_model columns")
      .decides("C05-19", "C05-20");
  page.check_close(all.attention_output, matmul(z, W.W_O),
                   "the layer's output is the joined heads times W_O, [d_model, d_model]")
      .decides("C05-21");

  MultiHeadWeights wide = W;                               // d_v = 6 for d_k = 4
  wide.W_V = random_matrix(random, d_model, n_heads * 6);  // [d_model, h d_v]
  wide.W_O = random_matrix(random, n_heads * 6, d_model);  // [h d_v, d_model]
  Matrix by_head = xt::zeros<double>({n, d_model});        // [n, d_model]
  for (std::size_t h = 0; h < n_heads; ++h)
    by_head +=
        matmul(attend(w.X, head_weights(wide, h), {.causal = true}).output, output_rows(wide, h));
  page.check_close(multi_head_attention(w.X, wide, {.causal = true}).attention_output, by_head,
                   "d_v need not be d_model / h: with d_v = 6 the output is the sum of heads times "
                   "their rows of W_O [12, d_model]")
      .controls("C05-19", "C05-20", "C05-21");

  Matrix padded = Matrix::from_shape({n + 2, d_model});  // two more rows, no numbers at all
  padded.fill(std::numeric_limits<double>::quiet_NaN());
  xt::view(padded, xt::range(std::size_t{0}, n)) = w.X;
  std::vector<bool> is_token(n + 2, true);
  is_token[n] = is_token[n + 1] = false;
  const Matrix beside =
      multi_head_attention(padded, W, {.is_token = is_token}).attention_output;  // [n + 2, d_model]
  page.check_close(Matrix(xt::view(beside, xt::range(std::size_t{0}, n))),
                   multi_head_attention(w.X, W).attention_output,
                   "hidden padding made of NaN changes no token's output")
      .decides("C05-13");

  MultiHeadWeights resting = W;  // a head may look at nobody: a key of no token, its value zero
  resting.null_key = random_matrix(random, n_heads, d_k);  // [n_heads, d_k]
  Matrix rested = z;                                       // [n, h d_v]
  for (std::size_t h = 0; h < n_heads; ++h) {
    const HeadTrace one = attend(w.X, head_weights(W, h), {.causal = true});
    for (std::size_t i = 0; i < n; ++i) {
      const double null_score =
          xt::sum(xt::view(one.query, i) * xt::view(resting.null_key, h))() / root_d_k;
      double of_tokens = 0;  // the softmax's denominator without the null key
      for (std::size_t j = 0; j <= i; ++j) of_tokens += std::exp(one.scores(i, j));
      xt::view(rested, i, xt::range(h * d_k, (h + 1) * d_k)) *=
          of_tokens / (of_tokens + std::exp(null_score));
    }
  }
  page.check_close(multi_head_attention(w.X, resting, {.causal = true}).concatenated, rested,
                   "a null key of value zero beside the tokens shrinks each head's output by the "
                   "weight it takes");
}

void step_8(lesson::Page& page, const Walk& w, Random& random) {
  page.step("Step 8: residual and LayerNorm");
  const MultiHeadWeights& W = w.layer;
  const MultiHeadTrace all = multi_head_attention(w.X, W, {.causal = true});
  const double epsilon = 1e-5;
  const auto draw = [&] {
    return NormWeights{random_vector(random, d_model), random_vector(random, d_model), epsilon};
  };
  const auto norm = [&](const Matrix& x, const NormWeights& w_norm) {
    const Matrix centred = x - row_mean(x);                       // [n, d_model]
    const Matrix variance = row_mean(Matrix(centred * centred));  // [n, 1]
    const Matrix hat = centred / xt::sqrt(variance + epsilon);    // [n, d_model]
    return Matrix(hat * w_norm.gain + w_norm.bias);               // [n, d_model]
  };
  BlockWeights block;
  block.attention = W, block.norm1 = draw();
  const auto run = [&](NormPlace place) {
    block.place = place;
    return run_block(w.X, block, {.causal = true}).residual_post;  // [n, d_model]
  };
  const Matrix of_normed = multi_head_attention(norm(w.X, *block.norm1), W, {.causal = true})
                               .attention_output;  // [n, d_model]
  page.check_close(run(NormPlace::before), Matrix(w.X + of_normed),
                   "a block with the norm before, as in GPT-2, gives x + attention(norm(x))")
      .decides("C05-22");
  page.check_close(run(NormPlace::after), norm(Matrix(w.X + all.attention_output), *block.norm1),
                   "a block with the norm after, as the report and the original have it, gives "
                   "norm(x + attention(x))")
      .decides("C05-22");
  block.attention.W_O.fill(0);
  page.check_close(run(NormPlace::before), w.X,
                   "with W_O = 0 a block with the norm before gives x back")
      .controls("C05-22");
  page.check_close(run(NormPlace::after), norm(w.X, *block.norm1),
                   "with W_O = 0 a block with the norm after gives norm(x)")
      .controls("C05-22");
  const NormWeights rms = {random_vector(random, d_model), {}, epsilon, Norm::rms};
  const Matrix length = xt::sqrt(row_mean(Matrix(w.X * w.X)) + epsilon);  // [n, 1]
  page.check_close(
      normalise(w.X, rms).output, Matrix(w.X / length * rms.gain),
      "LLaMA's RMSNorm gives x / sqrt(mean(x^2) + epsilon) times a gain, with no mean subtracted");

  page.step("After step 8: the feed-forward layer");
  const std::size_t n = w.tokens.size();
  block.attention = W, block.norm2 = draw(), block.place = NormPlace::before;
  block.feed_forward = {
      random_matrix(random, d_model, 3 * d_model), random_vector(random, 3 * d_model),
      random_matrix(random, 3 * d_model, d_model), random_vector(random, d_model)};
  const FeedForwardWeights& ffn = *block.feed_forward;
  const BlockTrace whole = run_block(w.X, block, {.causal = true});
  Matrix u = matmul(norm(whole.residual_mid, *block.norm2), ffn.W_in);  // [n, d_hidden]
  for (std::size_t i = 0; i < n; ++i) xt::view(u, i) += ffn.b_in;
  const double r = std::sqrt(2 / std::numbers::pi);
  const Matrix gelu = u / 2.0 * (1.0 + xt::tanh(r * (u + 0.044715 * u * u * u)));  // [n, d_hidden]
  const auto residual_after = [&](const Matrix& active) {
    Matrix after = whole.residual_mid + matmul(active, ffn.W_out);  // [n, d_model]
    for (std::size_t i = 0; i < n; ++i) xt::view(after, i) += ffn.b_out;
    return after;
  };
  page.check_close(whole.residual_post, residual_after(gelu),
                   "GPT-2's feed-forward layer gives x + W_out gelu(W_in norm(x)), gelu by the "
                   "formula with tanh");
  block.feed_forward->activation = Activation::gelu;
  const Matrix exact = u / 2.0 * (1.0 + xt::erf(u / std::sqrt(2.0)));  // [n, d_hidden]
  page.check_close(run_block(w.X, block, {.causal = true}).residual_post, residual_after(exact),
                   "BERT's gelu(u) is u (1 + erf(u / sqrt(2))) / 2: with it the block gives x + "
                   "W_out gelu(W_in norm(x))");
  block.feed_forward->activation = Activation::relu, block.place = NormPlace::after;
  const BlockTrace original = run_block(w.X, block, {.causal = true});
  Matrix inner = matmul(original.residual_mid, ffn.W_in);  // [n, d_hidden]
  for (std::size_t i = 0; i < n; ++i) xt::view(inner, i) += ffn.b_in;
  Matrix added = matmul(Matrix(xt::maximum(inner, 0.0)), ffn.W_out);  // [n, d_model]
  for (std::size_t i = 0; i < n; ++i) xt::view(added, i) += ffn.b_out;
  page.check_close(original.residual_post,
                   norm(Matrix(original.residual_mid + added), *block.norm2),
                   "the original's feed-forward layer gives norm(x + W_out relu(W_in x)), with a "
                   "norm of its own");
}

void example(lesson::Page& page) {
  page.step("Example: \"The cat sat\", checked on paper");
  const std::vector<std::string> words = {"The", "cat", "sat"};
  const double root_2 = std::sqrt(2.0);      // d_k = 2; scaled scores of "sat": ln 1, ln 5, ln 2
  const Matrix identity = {{1, 0}, {0, 1}};  // queries and keys are given: nothing to project
  const Matrix query = {{0, 0}, {0, 0}, {1, 0}};  // [3, d_k]
  const Matrix key = {
      {0, 0}, {root_2 * std::log(5.0), 0}, {root_2 * std::log(2.0), 0}};  // [3, d_k]
  const Matrix value = {{8, 0}, {0, 16}, {4, 4}};                         // [3, d_v]
  const HeadTrace trace =
      attend(query, key, HeadWeights{identity, identity, identity}, {.causal = true});
  const Matrix Y = matmul(trace.pattern, value);  // [3, d_v]: the trace's own value is the key
  page.show("A", "query, key", trace.pattern, {words, words});
  page.show("Y", "token, d_v", Y, {.rows = words});
  page.check_close(Matrix(xt::view(trace.pattern, xt::range(2, 3))),
                   Matrix{{1 / 8.0, 5 / 8.0, 2 / 8.0}},
                   "\"sat\" looks at The, cat, sat with weights 1/8, 5/8, 2/8")
      .decides("C05-24");
  page.check_close(Matrix(xt::view(Y, xt::range(2, 3))), Matrix{{2, 11}},
                   "the output of \"sat\" is 1/8 (8, 0) + 5/8 (0, 16) + 2/8 (4, 4) = (2, 11)")
      .decides("C05-24");
}

void in_pytorch(lesson::Page& page) {
  page.step("Implementation: one call of PyTorch");
  const MultiHeadTrace ours = multi_head_attention(pytorch::x, pytorch::layer);
  const auto output = [](const Matrix& x, bool causal) {
    return multi_head_attention(x, pytorch::layer, {.causal = causal}).attention_output;
  };
  page.show("attn_output", "token, d_model", pytorch::attn_output);
  page.show("attn_weights", "batch, query, key", pytorch::attn_weights);
  page.check_close(ours.attention_output, pytorch::attn_output,
                   "PyTorch's attn_output is the output of step 7, after W_O and its bias")
      .decides("C05-28");
  page.check_differs(ours.concatenated, pytorch::attn_output, 1e-3,
                     "PyTorch's attn_output is not Y of step 6, the joined heads before W_O")
      .controls("C05-28");
  page.check_close(
          output(pytorch::x, true), pytorch::causal_output,
          "with a causal attn_mask PyTorch returns the output of step 7 under the mask of step 4")
      .decides("C05-26");
  page.check_differs(output(pytorch::x, true), pytorch::attn_output, 0.01,
                     "without attn_mask PyTorch returns something else than the output under the "
                     "mask of step 4")
      .controls("C05-26");
  Matrix alone = pytorch::x;  // [n, d_model]: every token as a sequence of its own
  for (std::size_t i = 0; i < 3; ++i)
    xt::view(alone, i) =
        xt::view(output(Matrix(xt::view(pytorch::x, xt::range(i, i + 1))), false), 0);
  page.check_close(alone, pytorch::misread_output,
                   "without batch_first=True PyTorch takes a batch of one for three sequences of "
                   "one token each")
      .decides("C05-26");
  Tensor3 mean = xt::zeros<double>({1, 3, 3});  // [batch, n_query, n_key]
  xt::view(mean, 0) = xt::mean(ours.pattern, {0});
  page.check_close(
          mean, pytorch::attn_weights,
          "PyTorch's attn_weights is the mean of the patterns over the heads, [batch, n, n]")
      .decides("C05-27");
  page.check_close(ours.pattern, pytorch::attn_weights_per_head,
                   "with average_attn_weights=False batch 0 of PyTorch's [batch, heads, n, n] is "
                   "one pattern per head")
      .controls("C05-27");
}

// Steps 3 to 6 for blocks of keys, with a running maximum and sum, as in FlashAttention; `held` is
// how many scores there were at a time.
Matrix streamed(const Matrix& Q, const Matrix& K, const Matrix& V, std::size_t block, bool rescale,
                std::size_t& held) {
  const std::size_t n = Q.shape(0);
  Matrix Y = xt::zeros<double>({n, d_k});  // [n, d_v]
  std::vector<double> scores;              // of one query and one block
  for (std::size_t i = 0; i < n; ++i) {
    double max = hidden, sum = 0;
    for (std::size_t first = 0; first <= i; first += block) {
      scores.clear();
      for (std::size_t j = first; j <= std::min(i, first + block - 1); ++j) {
        scores.push_back(0);
        for (std::size_t c = 0; c < d_k; ++c) scores.back() += Q(i, c) * K(j, c) / root_d_k;
      }
      held = std::max(held, scores.size());
      const double higher = std::max(max, *std::max_element(scores.begin(), scores.end()));
      const double shrink = rescale ? std::exp(max - higher) : 1;  // of what was summed so far
      max = higher;
      sum *= shrink;
      xt::view(Y, i) *= shrink;
      for (std::size_t j = first; j < first + scores.size(); ++j) {
        const double e = std::exp(scores[j - first] - max);
        sum += e;
        xt::view(Y, i) += e * xt::view(V, j);
      }
    }
    xt::view(Y, i) /= sum;
  }
  return Y;
}

void history(lesson::Page& page, const Walk& w) {
  page.step("History: in parallel, or one token after the other");
  const std::size_t n = w.tokens.size();
  const Matrix all_at_once = attend(w.X, w.weights, {.causal = true}).output;    // [n, d_v]
  Matrix K_kept = xt::zeros<double>({n, d_k}), V_kept = K_kept, grown = K_kept;  // [n, d_k]
  // Only the new token is projected; keys and values are kept.
  for (std::size_t i = 0; i < n; ++i) {
    const Matrix x = xt::view(w.X, xt::range(i, i + 1));  // [1, d_model]
    xt::view(K_kept, i) = xt::view(matmul(x, w.weights.W_K), 0);
    xt::view(V_kept, i) = xt::view(matmul(x, w.weights.W_V), 0);
    const Matrix K = xt::view(K_kept, xt::range(0, i + 1)),
                 V = xt::view(V_kept, xt::range(0, i + 1));                      // [i + 1, d_k]
    const Matrix S = matmul(matmul(x, w.weights.W_Q), transpose(K)) / root_d_k;  // [1, i + 1]
    xt::view(grown, i) = xt::view(matmul(softmax_rows(S), V), 0);
  }
  page.check_close(all_at_once, grown,
                   "all tokens in parallel give what one token after the other gives, with keys "
                   "and values kept")
      .decides("C05-32");
  // The library, asked for the last query alone, again and again.
  Matrix step_by_step = xt::zeros<double>({n, d_k});  // [n, d_v]
  for (std::size_t i = 0; i < n; ++i)
    xt::view(step_by_step, i) =
        xt::view(attend(Matrix(xt::view(w.X, xt::range(i, i + 1))),
                        Matrix(xt::view(w.X, xt::range(0, i + 1))), w.weights, {.causal = true})
                     .output,
                 0);
  page.check_close(
          all_at_once, step_by_step,
          "the library's causal mask takes a lone query for the last of the tokens it is given")
      .decides("C05-32");

  page.step("History: steps 3 to 6 without the n by n matrix");
  const auto one_head = [&](const Matrix& a) {  // [1, n, d_k]
    Tensor3 heads = xt::zeros<double>({std::size_t{1}, n, d_k});
    xt::view(heads, 0) = a;
    return heads;
  };
  double worst = 0, worst_of_library = 0;
  std::vector<std::size_t> held(n, 0), blocks(n);  // scores at a time; keys in a block
  for (std::size_t block = 1; block <= n; ++block) {
    blocks[block - 1] = block;
    worst = std::max(
        worst,
        compare(streamed(w.Q, w.K, w.V, block, true, held[block - 1]), all_at_once).relative);
    const Tensor3 tiled =
        flash_attention(one_head(w.Q), one_head(w.K), one_head(w.V),
                        {.causal = true, .query_block = block, .key_block = block})
            .output;  // [1, n, d_v]
    worst_of_library = std::max(worst_of_library, compare(tiled, one_head(all_at_once)).relative);
  }
  page.check_less(worst, 1e-12,
                  "steps 3 to 6 in blocks of 1 to n keys, with a running maximum, give the outputs "
                  "of the whole matrix")
      .decides("C05-33", "C05-34");
  page.check_less(worst_of_library, 1e-12,
                  "the library's FlashAttention in blocks of 1 to n keys gives the outputs of the "
                  "whole matrix")
      .decides("C05-33", "C05-34");
  // Queries, keys and values at once; scores rise, so the running maximum does.
  const Matrix rising = {{0, 0, 0, 0}, {2, 0, 0, 0}, {4, 0, 0, 0}};  // [3, d_k]
  std::size_t ignored = 0;
  page.check_differs(streamed(rising, rising, rising, 1, false, ignored),
                     streamed(rising, rising, rising, 1, true, ignored), 1e-2,
                     "if the sums are not shrunk when the maximum grows, blocks give other outputs")
      .controls("C05-33", "C05-34");
  page.check_equal(held, blocks,
                   "steps 3 to 6 in blocks hold at most one query's scores of one block at a time, "
                   "not n by n")
      .decides("C05-33");
}

void comment(lesson::Page& page, const Walk& w) {
  page.step("Comment: symmetric, without an order?");
  const std::size_t n = w.tokens.size();
  const Matrix P = sinusoidal_positions<double>(n, d_model);  // [n, d_model]
  const Matrix E = w.X - P;                                   // [n, d_model], without positions
  std::vector<std::size_t> order(n);                          // every token one place on
  for (std::size_t i = 0; i < n; ++i) order[i] = (i + 1) % n;
  const auto moved = [&](const Matrix& a) { return lesson::reordered(a, order); };
  const auto output = [&](const Matrix& x, bool causal) {
    return attend(x, w.weights, {.causal = causal}).output;
  };
  page.check_close(
          output(moved(E), false), moved(output(E, false)),
          "without mask and positions, moving the tokens moves the outputs in the same way")
      .decides("C05-36");
  page.check_differs(
          output(moved(E), true), moved(output(E, true)), 1e-3,
          "with a causal mask, moved tokens do not give the moved outputs: there is an order")
      .controls("C05-36");
  page.check_differs(output(moved(E) + P, false), moved(output(E + P, false)), 1e-3,
                     "with sinusoidal positions, moved tokens do not give the moved outputs: there "
                     "is an order")
      .controls("C05-36");
}

void by_name(lesson::Page& page, const Walk& w) {
  page.step("By name: the library records the same stages");
  const HeadTrace trace = attend(w.X, w.weights, {.causal = true});
  page.explore(trace, w.tokens, w.tokens);
  page.check_close(trace.query, w.Q, "trace.query is Q");
  page.check_close(trace.key, w.K, "trace.key is K");
  page.check_close(trace.value, w.V, "trace.value is V");
  page.check_close(trace.scores, w.S, "trace.scores is S");
  page.check_close(trace.masked_scores, w.S_masked, "trace.masked_scores is S masked");
  page.check_close(trace.pattern, w.A, "trace.pattern is A");
  page.check_close(trace.output, w.Y, "trace.output is Y");
  MultiHeadTrace again;
  multi_head_attention(w.X, w.X, w.layer, {.causal = true}, again);
  multi_head_attention(Matrix(2.0 * w.X), Matrix(2.0 * w.X), w.layer, {},
                       again);  // into the same memory
  page.check_true(numbers(again) == numbers(multi_head_attention(Matrix(2.0 * w.X), w.layer)),
                  "a trace that is used again holds the same numbers as a new one");
  const MultiHeadWeightsF in_float = {n_heads, w.layer.W_Q, w.layer.W_K, w.layer.W_V, w.layer.W_O};
  page.check_close(
      multi_head_attention<float>(MatrixF(w.X), in_float, {.causal = true}).attention_output,
      multi_head_attention(w.X, w.layer, {.causal = true}).attention_output,
      "the layer's output in float is its output in double to six digits", 1e-6);
}

void tell(lesson::Page& page) {
  Walk w;
  w.tokens = page.tokens("The cat sat on the mat", 2);
  Random random(page.seed(5));
  for (Matrix* W : {&w.weights.W_Q, &w.weights.W_K, &w.weights.W_V})
    *W = random_matrix(random, d_model, d_k, 0.5);
  w.layer = lesson::draw_heads(random, n_heads, d_model, 0.5);
  step_1(page, w, random);
  step_2(page, w);
  step_3(page, w, random);
  step_4(page, w);
  step_5(page, w);
  four_ways_to_mask(page, w);
  step_6(page, w);
  step_7(page, w, random);
  step_8(page, w, random);
  example(page);
  in_pytorch(page);
  history(page, w);
  comment(page, w);
  by_name(page, w);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, {.number = 5, .title = "Self-attention, step by step"}, tell);
}
