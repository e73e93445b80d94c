// Lesson 5: self-attention, step by step.   Report, section 5.
// A typed text of n tokens (six by default) in d_model = 8; one head of d_k = d_v = 4 by hand, then
// two heads by name; "The cat sat" with numbers chosen for checking on paper.
#include <algorithm>
#include <cmath>
#include <headlight/attention/block.hpp>
#include <headlight/attention/head.hpp>
#include <headlight/attention/model.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/reduce.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <limits>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "pytorch.hpp"
#include "support/page.hpp"

using namespace headlight;

namespace {

constexpr std::size_t d_model = 8, d_k = 4, n_heads = 2;
constexpr double hidden = -std::numeric_limits<double>::infinity();

double difference(const Matrix& a, const Matrix& b) {
  return compare(a, b).relative;
}

struct Head {  // of one head, by hand
  Matrix W_Q, W_K, W_V;
  Matrix Q, K, V, S_raw, S, S_masked, A, Y;
};

void steps_1_and_2(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& E,
                   Matrix& X, Head& h) {
  const std::size_t n = tokens.size();
  page.step("Input representations");
  const Matrix P = sinusoidal_positions<double>(n, d_model);  // [n, d_model]
  X = E + P;                                                  // [n, d_model]
  page.show("X", "token, d_model", X, {.rows = tokens});
  ModelWeights model;
  model.W_E = E;  // token i of this text has the id i
  model.blocks.resize(1);
  model.blocks[0].attention = {1, h.W_Q, h.W_K, h.W_V, transpose(h.W_V)};
  std::vector<std::size_t> ids(n);
  for (std::size_t i = 0; i < n; ++i) ids[i] = i;
  const auto enters = [&](Position position) {
    model.position = position;
    return run_model<double>(ids, model).blocks[0].residual_pre;
  };
  const auto added =
      page.check_close(enters(Position::sinusoidal), X,
                       "with sinusoids the first block reads embedding plus position");
  const auto bare = page.check_close(enters(Position::rope), E,
                                     "with rotary positions it reads the embedding alone");
  page.claim("C05-01", added);
  page.claim("C05-01", bare);

  page.step("Projections: query, key, value");
  h.Q = matmul(X, h.W_Q);  // [n, d_k]
  h.K = matmul(X, h.W_K);  // [n, d_k]
  h.V = matmul(X, h.W_V);  // [n, d_v]
  page.show("Q", "token, d_k", h.Q, {.rows = tokens});
  page.show("K", "token, d_k", h.K, {.rows = tokens});
  page.show("V", "token, d_v", h.V, {.rows = tokens});
  Matrix q = h.Q, k = h.K, v = h.V;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d_k; ++c) {
      q(i, c) = k(i, c) = v(i, c) = 0;
      for (std::size_t m = 0; m < d_model; ++m) {
        q(i, c) += X(i, m) * h.W_Q(m, c);
        k(i, c) += X(i, m) * h.W_K(m, c);
        v(i, c) += X(i, m) * h.W_V(m, c);
      }
    }
  const auto queries = page.check_close(h.Q, q, "queries: every token times W_Q, one by one");
  const auto keys = page.check_close(h.K, k, "keys: the same tokens times W_K");
  const auto values = page.check_close(h.V, v, "values: the same tokens times W_V");
  for (const auto check : {queries, keys, values}) page.claim("C05-03", check);
  page.claim("C05-04", queries);
  page.claim("C05-04", values);
}

void step_3(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X, Head& h) {
  const std::size_t n = tokens.size();
  page.step("Scores");
  h.S_raw = matmul(h.Q, transpose(h.K));                // [n_query, n_key]
  h.S = h.S_raw / std::sqrt(static_cast<double>(d_k));  // [n_query, n_key]
  page.show("Q K^T", "query, key", h.S_raw, {tokens, tokens});
  page.show("S", "query, key", h.S, {tokens, tokens});
  Matrix sums = h.S_raw;  // [n_query, n_key]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      sums(i, j) = 0;
      for (std::size_t l = 0; l < d_k; ++l) sums(i, j) += h.Q(i, l) * h.K(j, l);
    }
  const auto by_sum = page.check_close(h.S_raw, sums, "score of i and j: a sum of d_k products");
  page.claim("C05-06", by_sum);
  page.claim("C05-08", by_sum);
  const Matrix form = matmul(h.W_Q, transpose(h.W_K));  // [d_model, d_model]
  page.claim("C05-07", page.check_close(h.S_raw, matmul(matmul(X, form), transpose(X)),
                                        "the score is the bilinear form x W_Q W_K^T x^T"));
  const auto not_similarity = page.check_greater(difference(h.S_raw, transpose(h.S_raw)), 0.1,
                                                 "it is no similarity: i to j differs from j to i");
  const Matrix same = attend(X, HeadWeights{h.W_Q, h.W_Q, h.W_V}).raw_scores;  // [n_query, n_key]
  const auto only_if_same =
      page.check_close(same, transpose(same), "only with W_K = W_Q would it be symmetric");
  page.claim("C05-07", not_similarity);
  page.claim("C05-31", not_similarity);
  page.claim("C05-31", only_if_same);

  page.step("Scaling");
  Random random(page.seed(55));
  const std::size_t wide = 512, keys = 16;
  const Matrix q = random_matrix(random, 64, wide), k = random_matrix(random, keys, wide);
  const Matrix S_wide = matmul(q, transpose(k));                        // [64, 16]
  const Matrix scaled = S_wide / std::sqrt(static_cast<double>(wide));  // [64, 16]
  const Matrix sharp = row_max(softmax_rows(S_wide)), soft = row_max(softmax_rows(scaled));
  const double sharpest = xt::mean(sharp)(), softest = xt::mean(soft)();
  page.text_table({"d_k = 512, 16 keys", "mean largest weight"},
                  {{"without scaling", render::fixed(sharpest)},
                   {"divided by sqrt(d_k)", render::fixed(softest)}});
  page.claim("C05-09", page.check_greater(sharpest, 0.85,
                                          "unscaled, one key takes nearly all: the "
                                          "softmax is saturated"));
  page.claim("C05-09", page.check_less(softest, 0.5, "scaled, it is not"));
  page.claim(
      "C05-09",
      page.check_close(softmax_rows(Matrix{{1001, 1002, 1003}}), softmax_rows(Matrix{{1, 2, 3}}),
                       "large scores do not make it explode: only differences count"));
}

void step_4(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X, Head& h) {
  const std::size_t n = tokens.size();
  page.step("Mask");
  Matrix visible = h.S;  // [n_query, n_key], 1 or 0
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) visible(i, j) = j <= i ? 1 : 0;
  h.S_masked = xt::where(visible > 0.0, h.S, hidden);  // [n_query, n_key]
  page.show("S masked", "query, key", h.S_masked, {tokens, tokens});
  const HeadWeights W = {h.W_Q, h.W_K, h.W_V};
  const HeadTrace trace = attend(X, W, {.causal = true});
  page.claim("C05-10", page.check_close(trace.masked_scores, h.S_masked,
                                        "minus infinity where j > i, the score elsewhere"));

  std::size_t wrong = 0;  // rows that change and should not, or do not and should
  for (std::size_t j = 0; j < n; ++j) {
    Matrix changed = X;
    for (std::size_t c = 0; c < d_model; ++c) changed(j, c) += 1;
    const Matrix after = attend(changed, W, {.causal = true}).output;  // [n, d_v]
    for (std::size_t i = 0; i < n; ++i) {
      bool same = true;
      for (std::size_t c = 0; c < d_k; ++c) same = same && after(i, c) == trace.output(i, c);
      wrong += same == (i >= j);
    }
  }
  page.claim("C05-11",
             page.check_equal(wrong, std::size_t{0},
                              "changing token j changes the outputs of j and later tokens, "
                              "and no bit of an earlier one"));

  Matrix padded = xt::zeros<double>({n + 2, d_model});  // two more rows of anything
  xt::view(padded, xt::range(0, n)) = X;
  std::vector<bool> is_token(n + 2, true);
  is_token[n] = is_token[n + 1] = false;
  const Matrix with_padding = attend(padded, W, {.is_token = is_token}).output;  // [n + 2, d_v]
  page.claim("C05-13",
             page.check_close(Matrix(xt::view(with_padding, xt::range(0, n))), attend(X, W).output,
                              "hidden padding does not change a token"));
  const HeadTrace nothing = attend(X, W, {.is_token = std::vector<bool>(n, false)});
  const Matrix zero = xt::zeros<double>({n, n});
  page.claim("C05-13", page.check_close(nothing.pattern, zero,
                                        "who sees nothing at all gets the pattern zero, not NaN"));
}

void steps_5_and_6(lesson::Page& page, const std::vector<std::string>& tokens, Head& h) {
  const std::size_t n = tokens.size();
  page.step("Softmax turns scores into a pattern");
  const Matrix weight = xt::exp(h.S_masked - row_max(h.S_masked));  // [n_query, n_key]
  h.A = weight / row_sum(weight);                                   // [n_query, n_key]
  page.show("A", "query, key", h.A, {tokens, tokens});
  const Mask mask = causal_mask(n, n);  // [n_query, n_key]
  page.heat_map("A: who looks at whom", h.A, {tokens, tokens}, &mask);
  Matrix plain = h.A;  // [n_query, n_key], the formula as it stands
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j <= i; ++j) sum += std::exp(h.S(i, j));
    for (std::size_t j = 0; j < n; ++j) plain(i, j) = j <= i ? std::exp(h.S(i, j)) / sum : 0;
  }
  page.claim("C05-14",
             page.check_close(softmax_rows(h.S_masked), plain,
                              "softmax: exponential over the sum of those that are seen"));
  const Matrix ones = xt::ones<double>({n, std::size_t{1}});
  page.claim("C05-15", page.check_close(row_sum(softmax_rows(h.S_masked)), ones,
                                        "every row is a distribution: it sums to one"));

  Matrix zeroed = softmax_rows(h.S), leaking = h.S_masked;  // mask after softmax; mask by score 0
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) zeroed(i, j) = leaking(i, j) = 0;
  const Matrix left = row_sum(zeroed), renormalised = zeroed / left;  // [n_query, n_key]
  page.claim("C05-39", page.check_close(renormalised, h.A,
                                        "masking after softmax is the same, if rows are divided by "
                                        "their sum again"));
  page.claim("C05-39", page.check_greater(difference(zeroed, h.A), 1e-3,
                                          "without dividing again the first rows are too small"));
  const Matrix leaked = softmax_rows(leaking);  // [n_query, n_key]
  page.check_greater(leaked(0, n - 1), 1e-3,
                     "a masked score of 0 instead of -inf lets the future in");

  page.step("Weighted values");
  h.Y = matmul(h.A, h.V);  // [n, d_v]
  page.show("Y", "token, d_v", h.Y, {.rows = tokens});
  double outside = 0;  // how far an output leaves the range of the values it may see
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d_k; ++c) {
      double low = h.V(0, c), high = low;
      for (std::size_t j = 0; j <= i; ++j)
        low = std::min(low, h.V(j, c)), high = std::max(high, h.V(j, c));
      outside = std::max({outside, low - h.Y(i, c), h.Y(i, c) - high});
    }
  page.claim("C05-17",
             page.check_less(outside, 1e-12, "every output is a mean of the values it sees"));
  const Matrix first_Y = xt::view(h.Y, xt::range(0, 1)), first_V = xt::view(h.V, xt::range(0, 1));
  page.claim("C05-18",
             page.check_close(first_Y, first_V,
                              "the first token of a decoder gets its own value and nothing "
                              "of the others"));
}

void the_cat_sat(lesson::Page& page) {
  page.step("\"The cat sat\", checked on paper");
  const std::vector<std::string> words = {"The", "cat", "sat"};
  const double r = std::sqrt(2.0);  // d_k = 2; the scaled scores of "sat" become ln 1, ln 5, ln 2
  const Matrix identity = {{1, 0}, {0, 1}};
  const Matrix query = {{0, 0}, {0, 0}, {1, 0}};                                // [3, d_k]
  const Matrix key = {{0, 0}, {r * std::log(5.0), 0}, {r * std::log(2.0), 0}};  // [3, d_k]
  const HeadTrace cat = attend(query, key, {identity, identity, identity}, {.causal = true});
  page.show("A", "query, key", cat.pattern, {words, words});
  const Matrix V = {{8, 0}, {0, 16}, {4, 4}};       // [3, d_v]
  const Matrix Y = matmul(cat.pattern, V);          // [3, d_v]
  const Matrix sat = xt::view(Y, xt::range(2, 3));  // [1, d_v]
  page.show("y of sat", "token, d_v", sat);
  const Matrix by_hand = {{8 / 8.0 + 4 * 2 / 8.0, 16 * 5 / 8.0 + 4 * 2 / 8.0}};
  page.claim("C05-24",
             page.check_close(sat, by_hand, "1/8 of The, 5/8 of cat, 2/8 of sat: (2, 11)"));
}

void steps_7_and_8(lesson::Page& page, const Matrix& X, Random& random) {
  page.step("Several heads: concatenation and W_O");
  const std::size_t n = X.shape(0);
  MultiHeadWeights W = {n_heads, random_matrix(random, d_model, d_model, 0.5),
                        random_matrix(random, d_model, d_model, 0.5),
                        random_matrix(random, d_model, d_model, 0.5),
                        random_matrix(random, d_model, d_model, 0.5)};
  const MultiHeadTrace all = multi_head_attention(X, W, {.causal = true});
  Matrix concatenated = xt::zeros<double>({n, d_model});  // [n, n_heads * d_v]
  double apart = 0;
  for (std::size_t h = 0; h < n_heads; ++h) {
    auto columns = xt::range(h * d_k, (h + 1) * d_k);  // of this head
    const HeadWeights of_head = {xt::view(W.W_Q, xt::all(), columns),
                                 xt::view(W.W_K, xt::all(), columns),
                                 xt::view(W.W_V, xt::all(), columns)};
    const HeadTrace one = attend(X, of_head, {.causal = true});
    xt::view(concatenated, xt::all(), columns) = one.output;
    const Matrix in_all = xt::view(all.pattern, h);  // [n_query, n_key]
    apart = std::max(apart, difference(in_all, one.pattern));
  }
  page.show("z", "token, d_model", concatenated);
  page.claim("C05-16",
             page.check_less(apart, 1e-12, "every head has an n by n pattern of its own"));
  page.claim("C05-19",
             page.check_equal(all.output.shape(2), d_model / n_heads, "d_v is d_model / h"));
  page.claim("C05-20", page.check_close(all.concatenated, concatenated,
                                        "head by head side by side: d_model columns again"));
  page.claim("C05-21", page.check_close(all.attention_output, matmul(concatenated, W.W_O),
                                        "times W_O [d_model, d_model] is what the layer gives"));

  page.step("Residual and LayerNorm");
  const double epsilon = 1e-5;
  const auto norm = [&](const Matrix& x) -> Matrix {              // by hand, gain 1 and bias 0
    const Matrix centred = x - row_mean(x);                       // [n, d_model]
    const Matrix variance = row_mean(Matrix(centred * centred));  // [n, 1]
    return centred / xt::sqrt(variance + epsilon);                // [n, d_model]
  };
  const NormWeights plain = {xt::ones<double>({d_model}), xt::zeros<double>({d_model}), epsilon};
  BlockWeights block;
  block.attention = W;
  block.norm1 = plain;
  const auto run = [&](NormPlace place) {
    block.place = place;
    return run_block(X, block, {.causal = true}).residual_post;
  };
  const Matrix of_normed = multi_head_attention(norm(X), W, {.causal = true}).attention_output;
  page.claim("C05-22", page.check_close(run(NormPlace::before), Matrix(X + of_normed),
                                        "GPT-2 and later: x + attention(norm(x))"));
  page.claim("C05-22",
             page.check_close(run(NormPlace::after), norm(Matrix(X + all.attention_output)),
                              "the original, as the report has it: norm(x + attention(x))"));
  block.attention.W_O.fill(0);
  page.check_close(run(NormPlace::before), X,
                   "with W_O = 0 a block with the norm before does nothing at all");
  page.check_greater(difference(run(NormPlace::after), X), 0.01,
                     "with the norm after, it still changes x");

  page.step("What follows outside: the feed-forward layer");
  block.norm2 = plain;
  block.feed_forward = {
      random_matrix(random, d_model, 3 * d_model), random_vector(random, 3 * d_model),
      random_matrix(random, 3 * d_model, d_model), random_vector(random, d_model)};
  block.place = NormPlace::before;
  const BlockTrace whole = run_block(X, block, {.causal = true});
  Matrix hidden_layer =
      matmul(norm(whole.residual_mid), block.feed_forward->W_in);  // [n, d_hidden]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < 3 * d_model; ++c) {
      const double x = hidden_layer(i, c) + block.feed_forward->b_in(c);
      hidden_layer(i, c) =
          x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    }
  Matrix after =
      whole.residual_mid + matmul(hidden_layer, block.feed_forward->W_out);  // [n, d_model]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d_model; ++c) after(i, c) += block.feed_forward->b_out(c);
  page.check_close(whole.residual_post, after,
                   "GPT-2's: x + W_out gelu(W_in norm(x)), every token by itself");
}

void one_call(lesson::Page& page) {
  page.step("One call of PyTorch");
  const MultiHeadTrace ours = multi_head_attention(pytorch::x, pytorch::layer);
  const Matrix Z = ours.attention_output;  // [n, d_model]
  page.show("attn_output", "token, d_model", pytorch::attn_output);
  page.show("attn_weights", "batch, query, key", pytorch::attn_weights);
  page.claim("C05-28",
             page.check_close(Z, pytorch::attn_output,
                              "attn_output is what step 7 gives, after W_O and its bias"));
  page.claim("C05-28", page.check_greater(difference(ours.concatenated, pytorch::attn_output), 0.1,
                                          "it is not Y of step 6"));
  page.claim(
      "C05-26",
      page.check_greater(
          difference(
              multi_head_attention(pytorch::x, pytorch::layer, {.causal = true}).attention_output,
              pytorch::attn_output),
          0.01, "nothing was masked: the call has to be told to"));
  Tensor3 mean = xt::zeros<double>({1, 3, 3});  // [batch, n_query, n_key]
  xt::view(mean, 0) = xt::mean(ours.pattern, {0});
  page.claim("C05-27",
             page.check_close(mean, pytorch::attn_weights,
                              "attn_weights is the mean over the heads, [batch, n, n]: one "
                              "pattern a head comes with average_attn_weights=False"));
}

void history(lesson::Page& page, const Matrix& X, const Head& h) {
  page.step("All at once, one by one, and without the n by n matrix");
  const std::size_t n = X.shape(0);
  const HeadWeights W = {h.W_Q, h.W_K, h.W_V};
  Matrix grown = h.Y;  // [n, d_v]
  for (std::size_t i = 0; i < n; ++i) {
    const Matrix now = xt::view(X, xt::range(i, i + 1)), so_far = xt::view(X, xt::range(0, i + 1));
    const Matrix last = attend(now, so_far, W, {.causal = true}).output;  // [1, d_v]
    xt::view(grown, i) = xt::view(last, 0);
  }
  page.claim("C05-32",
             page.check_close(grown, attend(X, W, {.causal = true}).output,
                              "all tokens in parallel give what one after the other gives"));

  double worst = 0;
  std::size_t most_cells = 0;
  for (std::size_t block = 1; block <= n; ++block) {  // keys a block, as in FlashAttention
    Matrix streamed = xt::zeros<double>({n, d_k});    // [n, d_v]
    for (std::size_t i = 0; i < n; ++i) {
      double max = hidden, sum = 0;
      for (std::size_t start = 0; start <= i; start += block) {
        std::vector<double> scores;  // of this block only
        for (std::size_t j = start; j <= std::min(i, start + block - 1); ++j)
          scores.push_back(h.S(i, j));
        most_cells = std::max(most_cells, block == 1 ? scores.size() : 0);
        const double higher = std::max(max, *std::max_element(scores.begin(), scores.end()));
        const double shrink =
            std::exp(max - higher);  // what was summed shrinks with the new maximum
        sum *= shrink, max = higher;
        for (std::size_t c = 0; c < d_k; ++c) streamed(i, c) *= shrink;
        for (std::size_t j = start; j < start + scores.size(); ++j) {
          const double e = std::exp(scores[j - start] - max);
          sum += e;
          for (std::size_t c = 0; c < d_k; ++c) streamed(i, c) += e * h.V(j, c);
        }
      }
      for (std::size_t c = 0; c < d_k; ++c) streamed(i, c) /= sum;
    }
    worst = std::max(worst, difference(attend(X, W, {.causal = true}).output, streamed));
  }
  const auto fused = page.check_less(worst, 1e-12,
                                     "blocks of 1 to n keys with a running maximum give "
                                     "the same outputs");
  page.claim("C05-34", fused);
  page.claim("C05-33", fused);
  page.claim("C05-33",
             page.check_equal(most_cells, std::size_t{1},
                              "with blocks of one key a single score is held at a time, not "
                              "n by n"));

  page.step("Symmetric?");
  std::vector<std::size_t> order(n);  // every token one place on, the last one first
  for (std::size_t i = 0; i < n; ++i) order[i] = (i + 1) % n;
  const auto reordered = [&](const Matrix& a) {
    Matrix b = a;
    for (std::size_t i = 0; i < n; ++i) xt::view(b, i) = xt::view(a, order[i]);
    return b;
  };
  page.claim("C05-36",
             page.check_close(attend(reordered(X), W).output, reordered(attend(X, W).output),
                              "without a mask the outputs move with the tokens"));
  page.claim("C05-36",
             page.check_greater(difference(attend(reordered(X), W, {.causal = true}).output,
                                           reordered(attend(X, W, {.causal = true}).output)),
                                1e-3, "with a causal mask they do not: there is an order"));
}

void tell(lesson::Page& page) {
  const std::vector<std::string> tokens = page.tokens("The cat sat on the mat", 2);
  Random random(page.seed(5));
  Head h;
  h.W_Q = random_matrix(random, d_model, d_k, 0.5);  // [d_model, d_k]
  h.W_K = random_matrix(random, d_model, d_k, 0.5);  // [d_model, d_k]
  h.W_V = random_matrix(random, d_model, d_k, 0.5);  // [d_model, d_v]
  Matrix X;                                          // [n, d_model]
  steps_1_and_2(page, tokens, lesson::embed_words(tokens, d_model), X, h);
  step_3(page, tokens, X, h);
  step_4(page, tokens, X, h);
  steps_5_and_6(page, tokens, h);
  the_cat_sat(page);
  steps_7_and_8(page, X, random);
  one_call(page);
  history(page, X, h);

  page.step("The library records the same stages");
  const HeadTrace trace = attend(X, HeadWeights{h.W_Q, h.W_K, h.W_V}, {.causal = true});
  page.check_close(trace.raw_scores, h.S_raw, "trace.raw_scores is Q K^T");
  page.check_close(trace.scores, h.S, "trace.scores is S");
  page.check_close(trace.pattern, h.A, "trace.pattern is A");
  page.check_close(trace.output, h.Y, "trace.output is Y");
  page.explore(trace, tokens, tokens);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, {.number = 5, .title = "Self-attention, step by step"}, tell);
}
