// Lesson 21: the table of ten mechanisms, run.   Report, the table behind section 20.
// One input of 48 tokens in d_model = 16; heads with d_k = 8 and d_v = 6, so that no two sizes are
// equal. Counters count at 128, 256 and 512 tokens; nothing is timed.
#include <algorithm>
#include <cmath>
#include <functional>
#include <headlight/analysis/entropy.hpp>
#include <headlight/attention/head.hpp>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/fourier.hpp>
#include <headlight/core/parallel.hpp>
#include <headlight/core/random.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/flash.hpp>
#include <headlight/mechanism/linear.hpp>
#include <headlight/mechanism/local.hpp>
#include <headlight/mechanism/performer.hpp>
#include <headlight/mechanism/selective_scan.hpp>
#include <headlight/mechanism/sparse.hpp>
#include <headlight/mechanism/state_space.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/relative.hpp>
#include <headlight/position/t5_bias.hpp>
#include <map>
#include <numeric>

#include "recall.hpp"
#include "rows.hpp"
#include "support/algebra.hpp"
#include "support/models.hpp"
#include "support/page.hpp"
#include "support/trained.hpp"
#include "trained.hpp"

using namespace headlight;
using namespace headlight::ten;

namespace {

void full_row(lesson::Page& page, const Input& in) {
  page.step("Row 1: full self-attention");
  const HeadTrace t = attend(in.X,
                             {columns(in.weights.W_Q, 0, d_k), columns(in.weights.W_K, 0, d_k),
                              columns(in.weights.W_V, 0, d_v)},
                             {.causal = true});
  Matrix A;
  const auto loops = page.check_close(t.output, plain(in.Q, in.K, in.V, causal, &A),
                                      "full attention is three loops around one softmax");
  page.claim("T01-01", loops);
  double smallest = 1;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) smallest = std::min(smallest, t.pattern(i, j));
  Matrix moved = in.X;
  moved(0, 0) += 1;
  const HeadTrace other = attend(moved,
                                 {columns(in.weights.W_Q, 0, d_k), columns(in.weights.W_K, 0, d_k),
                                  columns(in.weights.W_V, 0, d_v)},
                                 {.causal = true});
  page.claim("T01-03", page.check_greater(
                           smallest, 0,
                           "every visible weight of full attention is above zero, however small"));
  page.claim("T01-03",
             page.check_greater(std::abs(other.output(n - 1, 0) - t.output(n - 1, 0)), 1e-6,
                                "in full attention the first token reaches the last in one layer"));
}

void multi_head_row(lesson::Page& page, const Input& in) {
  page.step("Row 2: multi-head");
  const MultiHeadTrace t = multi_head_attention(in.X, in.weights, {.causal = true});
  Matrix sum = zeros(n, d), of_slices = zeros(n, n_heads * d_v);
  for (std::size_t h = 0; h < n_heads; ++h) {
    const HeadWeights W = {columns(in.weights.W_Q, h * d_k, d_k),
                           columns(in.weights.W_K, h * d_k, d_k),
                           columns(in.weights.W_V, h * d_v, d_v)};
    const Matrix z = attend(in.X, W, {.causal = true}).output;  // [n, d_v]
    const Matrix share = matmul(z, rows(in.weights.W_O, h * d_v, d_v));
    for (std::size_t i = 0; i < sum.size(); ++i) sum.data()[i] += share.data()[i];
    // The same head on its slice of the coordinates only, as the report's picture has it.
    Matrix sliced = zeros(n, d);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = h * d / n_heads; c < (h + 1) * d / n_heads; ++c)
        sliced(i, c) = in.X(i, c);
    const Matrix narrow = attend(sliced, W, {.causal = true}).output;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < d_v; ++c) of_slices(i, h * d_v + c) = narrow(i, c);
  }
  page.claim("T02-01", page.check_close(t.attention_output, sum,
                                        "multi-head attention is the sum of four separate "
                                        "attentions, each through its rows of W^O"));
  page.claim("T02-01", page.check_greater(difference(of_slices, t.concatenated), 0.1,
                                          "a head that is given only its slice of the coordinates "
                                          "of x gives something else than from all of x"));
  std::vector<std::size_t> parameters;
  for (const std::size_t h : {1u, 2u, 4u, 8u, 16u}) {
    const Matrix W = zeros(d, h * (d / h));
    const MultiHeadWeights all = {.n_heads = h, .W_Q = W, .W_K = W, .W_V = W, .W_O = transpose(W)};
    const MultiHeadTrace run = multi_head_attention(in.X, all);
    parameters.push_back(run.pattern.shape(0) == h
                             ? all.W_Q.size() + all.W_K.size() + all.W_V.size() + all.W_O.size()
                             : 0);
  }
  page.claim(
      "T02-05",
      page.check_equal(parameters, std::vector<std::size_t>(5, 4 * d * d),
                       "multi-head attention has 4 d^2 parameters with 1, 2, 4, 8 and 16 heads"));
  const std::vector<double> rises = losses_without_heads("induction");
  std::vector<std::string> names;
  for (std::size_t h = 0; h < rises.size(); ++h)
    names.push_back("layer " + std::to_string(h / 4 + 1) + ", head " + std::to_string(h % 4 + 1));
  page.bars("loss in nats that a trained model gains when one head is silent", names, rises);
  page.claim("T02-06", page.check_less(*std::min_element(rises.begin(), rises.end()), 0.05,
                                       "silencing the least needed head of the trained induction "
                                       "model costs less than 0.05 nats"));
  page.claim(
      "T02-06",
      page.check_greater(
          *std::max_element(rises.begin(), rises.end()), 1,
          "silencing the most needed head of the trained induction model costs more than one nat"));
}

void local_row(lesson::Page& page, const Input& in) {
  page.step("Row 3: local, a window");
  const LocalTrace t = local_attention(in.Q, in.K, in.V, {.window = window});
  const auto in_window = [](std::size_t i, std::size_t j) {
    return j <= i && j + window > i ? 0 : hidden;
  };
  page.claim("T03-01",
             page.check_close(t.output, plain(in.Q, in.K, in.V, in_window),
                              "in a local window of 8 a token sees the last 8, itself included"));
  const Matrix itself = local_attention(in.Q, in.K, in.V, {.window = 1}).output;
  page.claim("T03-01",
             page.check_close(itself, in.V, "in a local window of one a token sees only itself"));
  // Three layers with the same weights: what reaches the last token.
  const auto change = [&](std::size_t from, std::size_t layers) {
    Matrix before = in.V, after = in.V;
    after(from, 0) += 1;
    for (std::size_t l = 0; l < layers; ++l) {
      before = local_attention(in.Q, in.K, before, {.window = window}).output;
      after = local_attention(in.Q, in.K, after, {.window = window}).output;
    }
    return std::abs(after(n - 1, 0) - before(n - 1, 0));
  };
  const std::size_t reach = 3 * (window - 1);
  const auto within =
      page.check_greater(change(n - 1 - reach, 3), 0,
                         "three layers of a window w = 8 reach 3 (w - 1) = 21 tokens back");
  const auto beyond = page.check_equal(
      change(n - 2 - reach, 3), 0.0,
      "three layers of a window w = 8 do not reach one token farther back than 3 (w - 1) = 21");
  page.claim("T03-05", within);
  page.claim("T03-05", beyond);
  const auto leader = [](std::size_t i, std::size_t j) { return i == 0 || j == 0; };
  const std::size_t alone = layers_needed(links(64, 4, false), 1);
  page.claim("T03-06",
             page.check_equal(layers_needed(links(64, 4, true, leader), 1), std::size_t{2},
                              "in a window of 4 both ways, a global token joins the second of 64 "
                              "tokens to the last in two layers"));
  page.claim("T03-06", page.check_equal(layers_needed(links(64, 4, false, leader), 1), alone,
                                        "in a causal window of 4 a leading global token helps "
                                        "nothing: 64 tokens take 21 layers, as without it"));
}

void sparse_row(lesson::Page& page, const Input& in) {
  page.step("Row 4: sparse, BigBird");
  const BlockPattern blocks = bigbird_pattern(n, big_bird);
  const Mask cells = visible_cells(blocks);
  page.check_close(sparse_attention(in.Q, in.K, in.V, blocks).output,
                   plain(in.Q, in.K, in.V, only(cells)),
                   "sparse attention on BigBird's cells is full attention with all others hidden");
  std::size_t near = 0, first = 0, elsewhere = 0, ahead = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      if (!cells(i, j)) continue;
      if (j > i)
        ++ahead;
      else if (i / 4 - j / 4 < 2)
        ++near;
      else if (j < 4)
        ++first;
      else
        ++elsewhere;
    }
  // 12 blocks of 4: a window of 2, the first block for the 10 rows beyond it, one more for 9.
  page.claim("T04-01",
             page.check_equal(std::vector<std::size_t>{near, first, elsewhere, ahead},
                              std::vector<std::size_t>{12 * 10 + 11 * 16, 10 * 16, 9 * 16, 0},
                              "BigBird sees the cells of the window, of the global block, of "
                              "random links, and none ahead"));
  const auto layers = [](const BigBirdOptions& options) {
    return layers_needed(visible_cells(bigbird_pattern(64, options)), 1);
  };
  const std::size_t alone = layers({.window = 4, .causal = true}),
                    with_global = layers({.window = 4, .global = 1}),
                    with_random = layers({.window = 4, .random = 1, .seed = 3, .causal = true});
  page.text_table({"64 tokens, window 4", "layers from the second token to the last"},
                  {{"window only", std::to_string(alone)},
                   {"one random link a token, causal", std::to_string(with_random)},
                   {"one global token, both ways", std::to_string(with_global)}});
  page.check_equal(alone, std::size_t{21},
                   "a causal window of 4 alone takes 62 / 3 layers, rounded up, from the second of "
                   "64 tokens to the last");
  page.claim("T04-04", page.check_equal(with_global, std::size_t{2},
                                        "a window of 4 with a global token takes two layers from "
                                        "the second of 64 tokens to the last"));
  page.claim("T04-04", page.check_less(static_cast<double>(with_random), 11,
                                       "a causal window of 4 with one random link a token takes "
                                       "less than half of the layers of the window alone"));
}

void linear_row(lesson::Page& page, const Input& in) {
  page.step("Row 5: linear attention");
  const Matrix q = elu_plus_one(in.Q), k = elu_plus_one(in.K);
  const LinearTrace t = linear_attention(q, k, in.V, true);
  const Matrix quadratic = linear_attention_quadratic(q, k, in.V, true);
  page.check_close(t.output, quadratic,
                   "linear attention's recurrence gives what its n x n matrix gives");
  Matrix bare = t.output;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d_v; ++c) bare(i, c) *= t.normaliser(i);
  page.claim("T05-01", page.check_greater(
                           difference(bare, quadratic), 1,
                           "phi(Q) (phi(K)^T V), as the report has it, lacks the normaliser and "
                           "is far off"));
  const std::size_t few = 64, wide = 256;
  Random random(5);
  const Matrix a = elu_plus_one(random_matrix(random, few, wide)),
               b = random_matrix(random, few, wide);
  const std::size_t linear = linear_attention(a, a, b, false).work.multiply_adds;
  page.claim("T05-03", page.check_equal(linear, few * wide * (2 * wide + 1),
                                        "linear attention with 256 features makes n m (2 d + 1) "
                                        "products for 64 tokens all the same"));
  page.claim(
      "T05-03",
      page.check_greater(static_cast<double>(linear) / static_cast<double>(few * few * 2 * wide), 4,
                         "linear attention with 256 features makes over four times full "
                         "attention's n^2 2d products for 64 tokens"));
  const auto spread = [&](double factor) {  // mean entropy of rows that see everyone
    Matrix A, L;
    plain(scaled(factor, in.Q), scaled(factor, in.K), in.V, everyone, &A);
    linear_attention_quadratic(elu_plus_one(scaled(factor, in.Q)),
                               elu_plus_one(scaled(factor, in.K)), in.V, false, &L);
    double soft = 0, flat = 0;
    for (std::size_t i = 0; i < n; ++i) {
      soft += entropy({A.data() + i * n, n}) / static_cast<double>(n);
      flat += entropy({L.data() + i * n, n}) / static_cast<double>(n);
    }
    return std::pair{soft, flat};
  };
  const auto [soft, flat] = spread(4);
  page.text_table({"scores times 16", "mean entropy, nats"},
                  {{"softmax", render::fixed(soft, 2)},
                   {"elu + 1", render::fixed(flat, 2)},
                   {"uniform", render::fixed(std::log(static_cast<double>(n)), 2)}});
  page.claim("T05-07", page.check_less(soft, 0.5,
                                       "with queries and keys four times as long softmax chooses: "
                                       "its mean entropy is below 0.5 nats"));
  page.claim("T05-07", page.check_greater(flat, 3,
                                          "with queries and keys four times as long elu + 1 stays "
                                          "flat: its mean entropy is above 3 nats"));
}

void performer_row(lesson::Page& page, const Input& in) {
  page.step("Row 5: Performer, which does approach softmax");
  const Matrix Q = scaled(0.25, in.Q), K = scaled(0.25, in.K);  // small: its variance grows
                                                                // exponentially with the norms
  const Matrix want = plain(Q, K, in.V, causal);
  std::vector<std::vector<std::string>> table;
  std::vector<double> counts, errors;
  for (const std::size_t features : {16u, 64u, 256u, 1024u}) {
    std::vector<double> of_draw(8);
    parallel_for(of_draw.size(), lesson::threads, [&](std::size_t draw) {
      const Matrix directions = orthogonal_directions(features, d_k, draw + 1);
      of_draw[draw] = difference(performer_attention(Q, K, in.V, directions, true).output, want);
    });
    const double error = std::accumulate(of_draw.begin(), of_draw.end(), 0.0) / 8;
    counts.push_back(static_cast<double>(features)), errors.push_back(error);
    table.push_back({std::to_string(features), render::fixed(error, 3)});
  }
  page.text_table({"features", "relative error, mean of 8 draws"}, table);
  const double power = growth(counts, errors);
  page.claim("T05-06", page.check_less(std::abs(power + 0.5), 0.15,
                                       "Performer's error falls with the root of the number of its "
                                       "random features, about m^-1/2"));
  page.claim(
      "T05-06",
      page.check_greater(
          difference(linear_attention(elu_plus_one(Q), elu_plus_one(K), in.V, true).output, want),
          2 * errors.back(),
          "elu + 1 errs over twice as much as 1024 random features and has nothing to tune"));
}

void flash_row(lesson::Page& page, const Input& in) {
  page.step("Row 6: FlashAttention");
  const Matrix want = plain(in.Q, in.K, in.V, causal);
  double worst = 0;
  for (const auto& [rows_of, columns_of] : {std::pair{1u, 1u}, {7u, 5u}, {16u, 16u}, {64u, 3u}})
    worst = std::max(
        worst,
        difference(
            slice(flash_attention(one_head(in.Q), one_head(in.K), one_head(in.V),
                                  {.causal = true, .query_block = rows_of, .key_block = columns_of})
                      .output,
                  0),
            want));
  page.claim("T06-01", page.check_less(worst, 1e-12,
                                       "FlashAttention in tiles of 1 x 1, 7 x 5, 16 x 16 and 64 x "
                                       "3 is full attention to rounding"));
}

void cross_row(lesson::Page& page, const Input& in) {
  page.step("Row 7: cross-attention");
  Random random(7);
  const std::size_t n_target = 5, n_source = 9;
  const Matrix Xt = random_matrix(random, n_target, d), Xs = random_matrix(random, n_source, d);
  const HeadWeights W = {columns(in.weights.W_Q, 0, d_k), columns(in.weights.W_K, 0, d_k),
                         columns(in.weights.W_V, 0, d_v)};
  const HeadTrace t = attend(Xt, Xs, W, {});
  page.claim(
      "T07-01",
      page.check_close(
          t.output, plain(matmul(Xt, W.W_Q), matmul(Xs, W.W_K), matmul(Xs, W.W_V), everyone),
          "in cross-attention queries come from the target, keys and values from the source"));
  std::vector<std::size_t> around;
  for (std::size_t i = 0; i < n_source; ++i) around.push_back((4 * i + 2) % n_source);
  page.check_close(attend(Xt, reordered(Xs, around), W, {}).output, t.output,
                   "reordering the source does not change cross-attention's output");
  page.claim(
      "T07-05",
      page.check_close(
          attend(scaled(3, Xt), Xs, W, {}).value, t.value,
          "cross-attention goes one way: the values of the source do not depend on the target", 0));
  page.claim("T07-05",
             page.check_greater(difference(attend(Xt, scaled(3, Xs), W, {}).output, t.output), 0.1,
                                "cross-attention's output at the target depends on the source: "
                                "another source, another output"));
  const Matrix latents = random_matrix(random, 3, d);  // learned numbers, no decoder
  const HeadTrace perceiver = attend(latents, in.X, W, {});
  page.claim("T07-04",
             page.check_close(
                 perceiver.output, plain(matmul(latents, W.W_Q), in.K, in.V, everyone),
                 "three latents read 48 raw tokens, as in Perceiver: no encoder made the keys"));
}

// The loss of a trained model where a text repeats itself.
double loss_at(const ModelWeightsF& model, std::size_t length) {
  return lesson::loss_on_repeats(model, lesson::repeats(length, 210900));
}

void relative_positions(lesson::Page& page, const Input& in, double rotary) {
  page.step("Row 8: relative positions");
  Random random(8);
  const std::size_t reach = 4;
  const RelativeWeights a = {reach, random_matrix(random, 2 * reach + 1, d_k),
                             random_matrix(random, 2 * reach + 1, d_v)};
  const Mask mask = causal_mask(n, n);
  const RelativeTrace t = relative_attention(in.Q, in.K, in.V, a, &mask);
  const RelativeTrace none = relative_attention(
      in.Q, in.K, in.V, {reach, zeros(2 * reach + 1, d_k), zeros(2 * reach + 1, d_v)}, &mask);
  page.check_close(none.output, plain(in.Q, in.K, in.V, causal),
                   "relative attention with tables of zeros is full attention");
  const Matrix table = random_matrix(random, 32, 1);  // [n_buckets, n_heads]
  page.claim("T08-02", page.check_equal(spread_along_diagonals(slice(t5_bias(table, n, n), 0)), 0.0,
                                        "T5's shift of the scores depends on distance alone"));
  page.claim("T08-02", page.check_greater(spread_along_diagonals(t.position_scores), 0.1,
                                          "Shaw's shift of the scores does not depend on distance "
                                          "alone: it is the query's product with a vector"));
  const std::size_t skipped = 5;
  const RelativeTrace later =
      relative_attention(rows(in.Q, skipped, n - skipped), rows(in.K, skipped, n - skipped),
                         rows(in.V, skipped, n - skipped), a);
  Matrix want = zeros(n - skipped, n - skipped);
  for (std::size_t i = 0; i < want.shape(0); ++i)
    for (std::size_t j = 0; j < want.shape(1); ++j) want(i, j) = t.scores(i + skipped, j + skipped);
  page.claim("T08-05",
             page.check_close(
                 later.scores, want,
                 "relative attention gives the same tokens, five places earlier, the same scores"));
  Matrix mark = zeros(n, 1), share = zeros(n, 1);
  mark(0, 0) = 1;
  for (std::size_t i = 0; i < n; ++i) share(i, 0) = 1.0 / static_cast<double>(i + 1);
  const Matrix nothing = zeros(n, d_k);
  const RelativeTrace reader =
      relative_attention(nothing, nothing, mark, {reach, zeros(2 * reach + 1, d_k), {}}, &mask);
  page.claim("T08-08", page.check_close(reader.output, share,
                                        "under a causal mask the index is not lost: token i reads "
                                        "1/(i+1) of a mark on the first token"));
  const ModelWeightsF t5 = lesson::trained_model("positions-t5"),
                      shaw = lesson::trained_model("positions-shaw");
  const double t5_far = loss_at(t5, 256), shaw_far = loss_at(shaw, 256);
  page.claim("T08-06", page.check_less(std::max(t5_far, shaw_far), 0.5 * rotary,
                                       "T5 and Shaw, trained on 32 tokens and read at 256, have "
                                       "less than half of the rotary model's loss"));
  page.claim("T08-06",
             page.check_greater(
                 t5_far, 1.2 * loss_at(t5, 64),
                 "T5's loss rises with length: at 256 tokens it is over 1.2 times that at 64"));
  page.claim(
      "T08-06",
      page.check_less(
          shaw_far, 3 * loss_at(shaw, 32),
          "Shaw's loss, with offsets clipped, is at 256 tokens less than three times that at 32"));
}

void alibi_row(lesson::Page& page, const Input& in, double rotary) {
  page.step("Row 9: ALiBi");
  const std::size_t heads = 8;
  const Vector m = alibi_slopes<double>(heads);       // [n_heads]
  const Tensor3 B = alibi_bias<double>(heads, n, n);  // [n_heads, n_query, n_key]
  Tensor3 Q = Tensor3::from_shape({heads, n, d_k}), distances = Tensor3::from_shape({1, 1, heads});
  double apart = 0;
  std::vector<double> distance;
  Matrix flat;
  for (std::size_t h = 0; h < heads; ++h) {
    const Matrix with = plain(in.Q, in.K, in.V, [&](std::size_t i, std::size_t j) {
      return j <= i ? B(h, i, j) : hidden;
    });
    const Matrix by_key = plain(in.Q, in.K, in.V, [&](std::size_t i, std::size_t j) {
      return j <= i ? m(h) * static_cast<double>(j) : hidden;
    });
    apart = std::max(apart, difference(with, by_key));
    plain(
        zeros(n, d_k), zeros(n, d_k), in.V,
        [&](std::size_t i, std::size_t j) { return j <= i ? B(h, i, j) : hidden; }, &flat);
    distance.push_back(0);
    for (std::size_t j = 0; j < n; ++j)
      distance.back() += flat(n - 1, j) * static_cast<double>(n - 1 - j);
  }
  page.claim(
      "T09-01",
      page.check_less(
          apart, 1e-12,
          "ALiBi's penalty of m for every token of distance is the same as m j added to key j"));
  page.check_close(
      full_attention(in.Q, in.K, in.V, {.causal = true, .alibi_slope = m(0)}).output,
      plain(in.Q, in.K, in.V,
            [&](std::size_t i, std::size_t j) { return j <= i ? B(0, i, j) : hidden; }),
      "full_attention with a slope is full attention with ALiBi's bias");
  page.bars("mean distance of the last query, flat content, by head",
            {"m = 1/2", "1/4", "1/8", "1/16", "1/32", "1/64", "1/128", "1/256"}, distance);
  page.claim("T09-03", page.check_true(std::is_sorted(distance.begin(), distance.end()),
                                       "with flat content ALiBi's heads look the farther back on "
                                       "average, the smaller their slope is"));
  // Two keys, the last and the first of 100: how much more the far one must score.
  const auto far_weight = [&](double margin) {
    Matrix row = zeros(1, 100);
    for (std::size_t j = 0; j < 100; ++j)
      row(0, j) = -m(7) * static_cast<double>(99 - j) + (j == 0 ? margin : 0);
    const Matrix A = softmax_rows(row);
    return A(0, 0) / A(0, 99);
  };
  page.claim("T09-06", page.check_close(far_weight(99.0 / 256), 1.0,
                                        "in ALiBi's flattest head 99/256 more of score makes a "
                                        "token 99 back as heavy as the last"));
  const auto heavier = page.check_greater(
      far_weight(1), 1,
      "in ALiBi's flattest head 1 more of score makes a token 99 back outweigh the last");
  page.claim("T09-06", heavier);
  page.claim("T09-03", heavier);
  const ModelWeightsF trained = lesson::trained_model("positions-alibi"),
                      first = lesson::untrained_model("positions-alibi");
  page.claim("T09-05", page.check_true(trained.W_pos.size() == 0 && first.W_pos.size() == 0,
                                       "ALiBi learns nothing about positions: the trained model "
                                       "has no table, as the untrained one"));
  const double near = loss_at(trained, 32), far = loss_at(trained, 256);
  page.claim("T09-04", page.check_less(far, 0.5 * rotary,
                                       "ALiBi, trained on 32 tokens and read at 256, has less than "
                                       "half of the rotary model's loss"));
  page.claim("T09-04", page.check_less(far, near + 1,
                                       "ALiBi's loss at 256 tokens is less than a nat above its "
                                       "loss at 32, the length of its training"));
}

void state_space_row(lesson::Page& page, const Input& in) {
  page.step("Row 10: state space, S4");
  Random random(10);
  const std::size_t d_state = 16;
  const StateSpace continuous = {
      hippo_legs(d_state), hippo_legs_input(d_state), random_matrix(random, d, d_state), {}};
  const StateSpace s4 = discretise(continuous, 0.02, Discretisation::bilinear);
  const StateSpaceTrace loop = state_space(in.X, s4, StateSpaceOrder::recurrence),
                        sum = state_space(in.X, s4, StateSpaceOrder::convolution),
                        fast = state_space(in.X, s4, StateSpaceOrder::fourier);
  page.show("HiPPO, four by four", "state, state", hippo_legs(4));
  const auto as_sum =
      page.check_close(sum.output, loop.output, "S4's recurrence is a convolution with C A^k B");
  const auto as_fast = page.check_close(
      fast.output, loop.output, "S4's recurrence is a product of transforms, padded with zeros");
  Matrix wrapped = loop.output;
  for (std::size_t c = 0; c < d; ++c) {
    std::vector<double> kernel(n), signal(n);
    for (std::size_t i = 0; i < n; ++i) kernel[i] = sum.kernel(c, i), signal[i] = in.X(i, c);
    const std::vector<double> ring = convolve_circular(kernel, signal);
    for (std::size_t i = 0; i < n; ++i) wrapped(i, c) = ring[i];
  }
  page.check_greater(
      difference(wrapped, loop.output), 0.1,
      "S4's transform, left without padding, wraps the end round onto the beginning");
  Matrix later = zeros(n, d);  // the input three tokens later
  for (std::size_t i = 3; i < n; ++i)
    for (std::size_t c = 0; c < d; ++c) later(i, c) = in.X(i - 3, c);
  page.claim("T10-01", page.check_close(
                           rows(state_space(later, s4, StateSpaceOrder::fourier).output, 3, n - 3),
                           rows(loop.output, 0, n - 3),
                           "S4 is a filter: three tokens later in, three tokens later out"));
  page.claim("T10-02", as_sum);
  page.claim("T10-02", as_fast);
  const double radius = spectral_radius(s4.A);
  Matrix impulse = zeros(800, d);
  for (std::size_t c = 0; c < d; ++c) impulse(0, c) = 1;
  const Matrix answer = state_space(impulse, s4, StateSpaceOrder::recurrence).output;
  double last = 0, start = 0;
  for (std::size_t c = 0; c < d; ++c)
    last = std::max(last, std::abs(answer(799, c))),
    start = std::max(start, std::abs(answer(0, c)));
  page.claim(
      "T10-03",
      page.check_less(radius, 1, "S4's state matrix in steps has a spectral radius below one"));
  page.claim(
      "T10-03",
      page.check_less(
          last, 1e-5 * start,
          "S4's trace of the first token has faded over a hundred-thousandfold after 800 tokens"));
  // A smooth signal sampled at three rates; the same continuous system.
  const auto at_one = [&](std::size_t steps, Discretisation method) {
    Matrix wave = zeros(steps, d);
    const double step = 1.0 / static_cast<double>(steps);
    for (std::size_t i = 0; i < steps; ++i)
      for (std::size_t c = 0; c < d; ++c)
        wave(i, c) = std::sin(3 * (static_cast<double>(i) + 0.5) * step);
    return rows(
        state_space(wave, discretise(continuous, step, method), StateSpaceOrder::recurrence).output,
        steps - 1, 1);
  };
  const Matrix fine = at_one(4096, Discretisation::bilinear);
  const double coarse_error = difference(at_one(64, Discretisation::bilinear), fine),
               finer_error = difference(at_one(256, Discretisation::bilinear), fine);
  page.claim(
      "T10-05",
      page.check_less(
          finer_error, 0.2 * coarse_error,
          "S4 in 256 steps errs less than a fifth as much as in 64, measured against 4096 steps"));
  page.claim("T10-05", page.check_greater(coarse_error, 1e-6,
                                          "S4 in 64 steps errs by over a millionth, measured "
                                          "against 4096 steps: steps do some harm"));

  page.step("Row 10: state space, Mamba");
  const SelectiveWeights weights = {s4d_real(d, d_state),
                                    random_matrix(random, d, 2, 0.3),
                                    random_matrix(random, 2, d, 0.3),
                                    random_vector(random, d, 0.3),
                                    random_matrix(random, d, d_state, 0.3),
                                    random_matrix(random, d, d_state, 0.3),
                                    {}};
  const SelectiveSystem system = select(in.X, weights);
  const SelectiveTrace scan = selective_scan(in.X, system),
                       tree = selective_scan(in.X, system, {.order = ScanOrder::associative});
  page.check_close(tree.output, scan.output, "Mamba's associative scan gives what its loop gives");
  const Tensor3 M = selective_matrix(system);  // [d_model, n, n]
  Matrix by_matrix = zeros(n, d);
  for (std::size_t c = 0; c < d; ++c)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j <= i; ++j) by_matrix(i, c) += M(c, i, j) * in.X(j, c);
  page.claim("T10-09",
             page.check_close(
                 by_matrix, scan.output,
                 "each channel of Mamba's scan is a matrix that mixes tokens, like a pattern"));
  const Matrix corner = [&] {
    Matrix below = zeros(24, 24);
    for (std::size_t i = 0; i < 24; ++i)
      for (std::size_t j = 0; j < 24; ++j) below(i, j) = M(0, 24 + i, j);
    return below;
  }();
  page.claim("T10-09", page.check_true(lesson::rank(corner) <= d_state,
                                       "a block below the diagonal of Mamba's matrix has rank 16 "
                                       "at most, the size of the state"));
  const auto no_filter = page.check_greater(spread_along_diagonals(slice(M, 0)), 0.01,
                                            "Mamba's matrix has diagonals that are not constant: "
                                            "no fixed filter, nothing that a transform can run");
  page.claim("T10-01", no_filter);
  page.claim("T10-02", no_filter);
  const SelectiveTrace twice = selective_scan(scaled(2, in.X), select(scaled(2, in.X), weights));
  page.check_greater(difference(twice.output, scaled(2, scan.output)), 0.1,
                     "Mamba's scan is not linear: twice the input is not twice the output");
}

void recall(lesson::Page& page) {
  page.step("What each can recall");
  page.say(
      "512 tokens, among them pairs of a key and one of eight letters; the last 128 ask for a key. "
      "Keys are 16 numbers: 8 keys can be orthogonal, 128 cannot. Everything is built by hand, so "
      "what fails here fails by construction. Guessing gives 0.12.");
  const Recall few = recall_task(8), many = recall_task(128);
  const std::vector<std::pair<std::string, Way>> ways = recall_ways();
  std::vector<std::vector<std::string>> table;
  std::vector<double> of_few(ways.size()), of_many(ways.size());
  std::vector<Matrix> answers(ways.size());
  parallel_for(ways.size(), lesson::threads, [&](std::size_t w) {
    answers[w] = ways[w].second(many);
    of_few[w] = right_answers(few, ways[w].second(few));
    of_many[w] = right_answers(many, answers[w]);
  });
  for (std::size_t w = 0; w < ways.size(); ++w)
    table.push_back({ways[w].first, render::fixed(of_few[w], 2), render::fixed(of_many[w], 2)});
  page.text_table({"mechanism", "8 pairs", "128 pairs"}, table);
  const auto of = [&](const std::string& name) {
    for (std::size_t w = 0; w < ways.size(); ++w)
      if (ways[w].first == name) return w;
    throw std::logic_error("no mechanism is called " + name);
  };
  page.check_true(of_few[of("full")] == 1 && of_many[of("full")] == 1 && of_many[of("flash")] == 1,
                  "full softmax finds every answer, of 8 pairs and of 128; FlashAttention finds "
                  "every one of 128");
  page.check_less(of_many[of("multi-head, 4 of width 4")], 0.9,
                  "four heads of width 4, which see a quarter of a key each, miss over a tenth of "
                  "the answers of 128 pairs");
  const Matrix& of_window = answers[of("local, window 64")];
  const auto inside = page.check_equal(
      right_answers(many, of_window, [](std::size_t back) { return back < recall_window; }), 1.0,
      "a window of 64 finds all answers that lie within it");
  const auto outside = page.check_less(
      right_answers(many, of_window, [](std::size_t back) { return back >= recall_window; }), 0.15,
      "a window of 64 guesses beyond itself: less than 0.15 of the answers there are right");
  page.claim("T03-05", inside);
  page.claim("T03-05", outside);
  page.check_equal(of_few[of("linear, elu + 1")], 1.0,
                   "linear attention finds 8 orthogonal keys among 512 tokens");
  page.claim(
      "T05-08",
      page.check_less(
          of_many[of("linear, elu + 1")], 0.5,
          "linear attention with 16 features finds less than half of the answers of 128 pairs"));
  page.check_equal(of_many[of("ALiBi, slope 1/256")], 1.0,
                   "the flattest head of ALiBi finds all answers of 128 pairs");
  page.claim("T09-05",
             page.check_less(
                 of_many[of("ALiBi, slope 1/2")], 0.3,
                 "the steepest head of ALiBi finds less than 0.3 of the answers of 128 pairs"));
  page.claim(
      "T10-01",
      page.check_less(std::max(of_few[of("state space, S4")], of_many[of("state space, S4")]), 0.2,
                      "S4 finds less than 0.2 of the answers of 8 pairs and of 128: a filter asks "
                      "no question"));
  page.check_equal(of_few[of("state space, Mamba")], 1.0,
                   "Mamba, which writes and reads by content, finds 8 keys in a state of 16");
  page.claim(
      "T10-07",
      page.check_less(of_many[of("state space, Mamba")], 0.6,
                      "Mamba with a state of 16 finds less than 0.6 of the answers of 128 pairs"));
}

void costs(lesson::Page& page, const Input& in) {
  page.step("One input through all ten");
  const std::vector<std::size_t> lengths = {128, 256, 512};
  const std::vector<double> x(lengths.begin(), lengths.end());
  const Matrix full = plain(in.Q, in.K, in.V, causal);
  std::vector<std::vector<std::string>> table, report;
  std::vector<render::Series> products, buffers;
  std::map<std::string, double> power, storage;
  const std::vector<Row> all = table_rows();
  std::vector<std::vector<std::size_t>> got(all.size()), want(all.size());
  std::vector<Work> counted(all.size() * lengths.size());
  parallel_for(counted.size(), lesson::threads, [&](std::size_t task) {
    const std::size_t length = lengths[task % lengths.size()];
    counted[task] = all[task / lengths.size()].run(input_of(length)).work;
  });
  for (const Row& row : all) {
    const Measured here = row.run(in);
    render::Series time{row.name, x, {}}, memory{row.name, x, {}};
    for (std::size_t k = 0; k < lengths.size(); ++k) {
      const Work work = counted[report.size() * lengths.size() + k],
                 formula = row.formula(lengths[k]);
      for (const auto& [w, list] : {std::pair{work, &got}, {formula, &want}})
        for (const std::size_t figure : {w.multiply_adds, w.exponentials, w.largest_buffer})
          (*list)[report.size()].push_back(figure);
      time.y.push_back(static_cast<double>(work.multiply_adds));
      memory.y.push_back(static_cast<double>(work.largest_buffer));
    }
    power[row.name] = growth(x, time.y), storage[row.name] = growth(x, memory.y);
    const bool same_shape = here.output.shape() == full.shape();
    table.push_back({row.name, std::to_string(here.work.multiply_adds),
                     std::to_string(here.work.exponentials),
                     std::to_string(here.work.largest_buffer),
                     same_shape ? render::fixed(difference(here.output, full), 4) : "another"});
    report.push_back({row.name, row.report, "n^" + render::fixed(power[row.name], 2),
                      "n^" + render::fixed(storage[row.name], 2)});
    products.push_back(time), buffers.push_back(memory);
  }
  page.text_table({"48 tokens", "products", "exponentials", "largest buffer", "from full"}, table);
  page.say(
      "From full: how far the output is from full softmax attention, relative. Another: the row "
      "mixes other things (whole layers, other sources, channels of x).");
  page.text_table({"128 to 512 tokens", "the report", "products", "largest buffer"}, report);
  page.line_chart("products against tokens", {products[0], products[1], products[2], products[11]},
                  {.x_label = "tokens", .y_label = "products", .log_x = true, .log_y = true});
  page.line_chart("largest buffer against tokens",
                  {buffers[0], buffers[2], buffers[4], buffers[5], buffers[10]},
                  {.x_label = "tokens", .y_label = "numbers", .log_x = true, .log_y = true});
  page.say(
      "Counted in the loops at 128, 256 and 512 tokens: products, exponentials and the largest "
      "buffer are those of a closed formula.");
  const std::vector<std::string> decided = {"T01-02", "T02-02", "T03-02", "T04-02",
                                            "T05-02", "T06-02", "T07-02", "T08-04",
                                            "T09-02", "T10-02", "T10-02", "T10-02"};
  for (std::size_t r = 0; r < all.size(); ++r)
    page.claim(decided[r], page.check_equal(got[r], want[r], all[r].formula_in_words));
  const auto near = [&](const std::string& name, double slope, std::string_view sentence) {
    return page.check_less(std::abs(power[name] - slope), 0.1, sentence);
  };
  const auto of_full =
      near("1 full", 2, "full attention: products grow with the square of the length");
  page.claim("T01-05", of_full);
  page.claim(
      "T01-02",
      page.check_less(std::abs(storage["1 full"] - 2), 0.01,
                      "full attention: the largest buffer grows with the square of the length"));
  page.claim("T02-02", page.check_equal(all[1].run(in).work.largest_buffer, n_heads * n * n,
                                        "four heads hold four times the scores of one"));
  page.claim("T03-03", near("3 local", 1, "local attention: products grow with the length itself"));
  page.claim("T04-03",
             near("4 sparse", 1, "sparse attention: products grow with the length itself"));
  const auto of_linear =
      near("5 linear", 1, "linear attention: products grow with the length itself");
  page.claim("T05-04", of_linear);
  page.claim("T05-04",
             page.check_less(
                 std::abs(storage["5 linear"]), 1e-9,
                 "linear attention: the largest buffer, its state, does not grow with the length"));
  const auto of_flash =
      near("6 flash", 2, "FlashAttention: products still grow with the square of the length");
  page.claim("T06-02", of_flash);
  page.claim("T06-07", of_flash);
  page.claim("T06-03", page.check_less(std::abs(storage["6 flash"]), 1e-9,
                                       "FlashAttention: the largest buffer does not grow with the "
                                       "length, another order than n^2"));
  page.claim("T09-02",
             page.check_true(all[0].run(in).work.multiply_adds == all[8].run(in).work.multiply_adds,
                             "ALiBi does not one product more than full attention"));
  // The naive way keeps k_j + a^K of j - i for every pair.
  const RelativeWeights a = shaw_tables();
  Tensor3 vectors = Tensor3::from_shape({n, n, d_k});  // [query, key, d_k]
  Matrix scores = zeros(n, n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t c = 0; c < d_k; ++c) {
        const auto offset = static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(i);
        vectors(i, j, c) = in.K(j, c) + a.keys(relative_row(offset, a.reach), c);
        scores(i, j) += in.Q(i, c) * vectors(i, j, c) / std::sqrt(static_cast<double>(d_k));
      }
  const FullTrace by_tables = relative_attention_counted(in.Q, in.K, in.V, a, false);
  page.check_close(by_tables.masked_scores, scores,
                   "Shaw's scores: each query meets the 9 vectors of the table once, and a vector "
                   "for every pair gives the same");
  page.claim(
      "T08-04",
      page.check_equal(by_tables.work.largest_buffer, n * n,
                       "Shaw's attention by the table has no larger buffer than the n^2 scores"));
  page.claim("T08-04",
             page.check_equal(
                 vectors.size(), n * n * d_k,
                 "Shaw's scores by a vector for every pair, the naive way, need n^2 d_k numbers"));
  page.claim("T10-02",
             near("10 Mamba, scan", 1, "Mamba's scan: products grow with the length itself"));
  page.claim("T10-02",
             near("10 S4, recurrence", 1,
                  "S4's recurrence: products grow with the length itself, without any transform"));
  page.claim("T10-02",
             page.check_true(
                 power["10 S4, transform"] > 1 && power["10 S4, transform"] < 1.2,
                 "S4's transform: products grow a little faster than the length, like n log n"));
}

void pictures(lesson::Page& page, const Input& in, const std::vector<std::string>& words) {
  page.step("Who looks at whom");
  const std::size_t count = words.size();
  const Matrix X = lesson::embed_words(words, d);
  const Matrix Q = matmul(X, columns(in.weights.W_Q, 0, d_k)),
               K = matmul(X, columns(in.weights.W_K, 0, d_k)), V = zeros(count, d_v);
  const Mask past = causal_mask(count, count);
  double apart = 0;
  const auto draw = [&](const std::string& title, const Matrix& pattern, const Mask& seen) {
    page.heat_map(title, pattern, {words, words}, &seen);
    for (std::size_t i = 0; i < count; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < count; ++j) sum += pattern(i, j);
      apart = std::max(apart, std::abs(sum - 1));
    }
  };
  const auto draw_cells = [&](const std::string& title, const Mask& seen) {
    Matrix A;
    plain(Q, K, V, only(seen), &A);
    draw(title, A, seen);
  };
  draw_cells("full", past);
  draw_cells("local, window 4", links(count, 4, false));
  draw_cells("sparse: window 2, one global token, one random link",
             visible_cells(bigbird_pattern(
                 count, {.window = 2, .global = 1, .random = 1, .seed = 3, .causal = true})));
  Matrix A;
  linear_attention_quadratic(elu_plus_one(Q), elu_plus_one(K), V, true, &A);
  draw("linear, elu + 1: the matrix that is never formed", A, past);
  plain(
      Q, K, V,
      [](std::size_t i, std::size_t j) {
        return j <= i ? -0.5 * static_cast<double>(i - j) : hidden;
      },
      &A);
  draw("ALiBi, slope 1/2", A, past);
  page.check_less(apart, 1e-12,
                  "the rows of full, local, sparse, linear and ALiBi patterns sum to one");
  page.heat_map("Mamba, one channel: no weights, they may be negative",
                slice(selective_matrix(select(X, mamba_weights())), 0), {words, words}, &past);
}

void tell(lesson::Page& page) {
  const std::vector<std::string> words =
      page.tokens("the old lamp in the hall went out and the lamp in the yard stayed on", 2);
  const Input in = input_of(n);
  costs(page, in);
  pictures(page, in, words);
  full_row(page, in);
  multi_head_row(page, in);
  local_row(page, in);
  sparse_row(page, in);
  linear_row(page, in);
  performer_row(page, in);
  flash_row(page, in);
  cross_row(page, in);
  const double rotary = loss_at(lesson::trained_model("positions-rope"), 256);
  relative_positions(page, in, rotary);
  alibi_row(page, in, rotary);
  state_space_row(page, in);
  recall(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(
      argc, argv,
      {.number = 21,
       .title = "The table of ten mechanisms, run",
       .models = lesson::use_models(
           {"induction", "positions-alibi", "positions-rope", "positions-t5", "positions-shaw"})},
      tell);
}
