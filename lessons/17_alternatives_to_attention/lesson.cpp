// Lesson 17: alternatives to attention.   Report, section 17.
// By hand: n = 7 tokens with d_k = 4 and d_v = 3. Errors: 64 tokens of width 16. Counters: 64, 128
// and 256 tokens; nothing is timed. The last picture: a sentence, which may be the reader's.
#include <algorithm>
#include <cmath>
#include <headlight/analysis/entropy.hpp>
#include <headlight/core/fourier.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/reduce.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/catalogue.hpp>
#include <headlight/mechanism/flash.hpp>
#include <headlight/mechanism/full.hpp>
#include <headlight/mechanism/hashing.hpp>
#include <headlight/mechanism/hydra.hpp>
#include <headlight/mechanism/linear.hpp>
#include <headlight/mechanism/local.hpp>
#include <headlight/mechanism/performer.hpp>
#include <headlight/mechanism/routing.hpp>
#include <headlight/mechanism/selective_scan.hpp>
#include <headlight/mechanism/sparse.hpp>
#include <headlight/mechanism/state_space.hpp>
#include <headlight/mechanism/token_mixing.hpp>
#include <numbers>
#include <numeric>
#include <set>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "random_features.hpp"
#include "recall.hpp"
#include "support/mechanisms.hpp"
#include "support/page.hpp"

using namespace headlight;
using namespace lesson;

namespace {

constexpr std::size_t n = 7, d_k = 4, d_v = 3;

struct Input {
  Matrix Q, K, V;  // [n, d_k], [n, d_k], [n, d_v]
};

Input drawn(std::size_t tokens, std::size_t width, std::size_t value_width, double scale = 1) {
  Random random(17);
  const Matrix Q = random_matrix(random, tokens, width, scale);
  const Matrix K = random_matrix(random, tokens, width, scale);
  return {Q, K, random_matrix(random, tokens, value_width)};
}

std::string fixed(double x, std::size_t decimals = 3) {
  return render::fixed(x, decimals);
}

void bottleneck(lesson::Page& page, const Input& in) {
  page.step("The bottleneck: every query meets every key");
  const Matrix S = matmul(in.Q, transpose(in.K)) / std::sqrt(double{d_k});  // [n_query, n_key]
  page.show("S", "query, key", S);
  const FullTrace full = full_attention(in.Q, in.K, in.V);
  page.check_close(full.output, matmul(softmax_rows(S), in.V), "full attention is softmax(S) V");
  const Input twice = drawn(2 * n, d_k, d_v);
  const Work work = full_attention(twice.Q, twice.K, twice.V).work;
  page.claim("C17-01",
             page.check_equal(work.multiply_adds, 4 * full.work.multiply_adds,
                              "full attention: twice the tokens, four times the products"));
  page.claim("C17-01",
             page.check_equal(work.largest_buffer, 4 * full.work.largest_buffer,
                              "full attention: twice the tokens, four times the scores held"));
}

void linear(lesson::Page& page, const Input& in) {
  page.step("Linear attention: a product of features, not an exponential");
  const Matrix F_Q = xt::where(in.Q > 0.0, in.Q + 1.0, xt::exp(in.Q));  // [n, m], phi = elu + 1
  const Matrix F_K = xt::where(in.K > 0.0, in.K + 1.0, xt::exp(in.K));  // [n, m], here m = d_k
  const Matrix weights = matmul(F_Q, transpose(F_K));                   // [n_query, n_key]
  const Matrix A = weights / row_sum(weights);                          // [n_query, n_key]
  const Matrix state = matmul(transpose(F_K), in.V);                    // [m, d_v]
  const Matrix z = row_sum(transpose(F_K));                             // [m, 1]
  const Matrix above = matmul(F_Q, state), below = matmul(F_Q, z);      // [n, d_v], [n, 1]
  const Matrix O = matmul(A, in.V);                                     // [n, d_v]
  page.show("phi(K)^T V", "feature, d_v", state);
  page.show("A, never formed", "query, key", A);
  page.claim("C17-06", page.check_close(Matrix(above / below), O,
                                        "phi(Q) (phi(K)^T V) over phi(Q) (phi(K)^T 1) is the "
                                        "normalised phi(Q) phi(K)^T times V"));
  page.claim("C17-05", page.check_greater(difference(above, O), 1,
                                          "phi(Q) (phi(K)^T V), left undivided by phi(Q) (phi(K)^T "
                                          "1), is far from linear attention's output"));
  page.claim(
      "C17-10",
      page.check_less(
          largest_size(row_sum(A) - 1.0), 1e-12,
          "every row of linear attention's pattern, divided by its denominator, sums to one"));
  page.claim("C17-10",
             page.check_greater(xt::amin(A)(), 0,
                                "every weight of linear attention with elu + 1 is above zero"));
  page.check_close(linear_attention(elu_plus_one(in.Q), elu_plus_one(in.K), in.V, false).output, O,
                   "linear_attention gives what the normalised n x n matrix gives");

  page.step("Linear attention, causal: a recurrent net");
  Matrix S = zeros(d_k, d_v), s = zeros(d_k, 1), Y = zeros(n, d_v);  // the state: two running sums
  for (std::size_t i = 0; i < n; ++i) {
    const Matrix phi_q = rows(F_Q, i, 1), phi_k = transpose(rows(F_K, i, 1));  // [1, m], [m, 1]
    S += matmul(phi_k, rows(in.V, i, 1));                                      // [m, d_v]
    s += phi_k;                                                                // [m, 1]
    xt::view(Y, i) = xt::view(matmul(phi_q, S), 0) / matmul(phi_q, s)(0, 0);   // after itself
  }
  const Matrix past = weights * xt::tril(xt::ones<double>({n, n}));  // [n_query, n_key]
  page.check_close(
      Y, matmul(Matrix(past / row_sum(past)), in.V),
      "causal linear attention: the sums of the past give what the masked matrix gives");
  page.check_close(linear_attention(F_Q, F_K, in.V, true).output, Y,
                   "causal linear_attention gives what the loop of running sums gives");
  std::vector<std::size_t> counted, formula;
  for (const std::size_t m : {4u, 8u, 32u})
    for (const std::size_t tokens : {64u, 128u, 256u}) {
      const Input wide = drawn(tokens, m, d_v);
      const Matrix q = elu_plus_one(wide.Q), k = elu_plus_one(wide.K);
      counted.push_back(linear_attention(q, k, wide.V, true).work.multiply_adds);
      formula.push_back(tokens * m * (2 * d_v + 1));
    }
  const auto products = page.check_equal(counted, formula,
                                         "linear attention makes n m (2 d_v + 1) products, for 4, "
                                         "8, 32 features and 64, 128, 256 tokens");
  page.claim("C17-07", products);
  page.claim("C17-08", products);

  page.step("Many relevant tokens");
  std::vector<std::size_t> order(n + 8, 0);  // the key that token 0 likes best, eight more times
  std::iota(order.begin(), order.begin() + n, std::size_t{0});
  for (std::size_t j = 0; j < n; ++j)
    if (A(0, j) > A(0, order.back())) std::fill(order.begin() + n, order.end(), j);
  const Matrix F_many = reordered(F_K, order), V_many = reordered(in.V, order);  // [n + 8, ...]
  const Matrix crowd = linear_attention(F_Q, F_many, V_many, false).output;      // [n, d_v]
  const Matrix bare = matmul(F_Q, matmul(transpose(F_many), V_many));            // [n, d_v]
  const Matrix largest = transpose(row_max(transpose(in.V)));                    // [1, d_v]
  const Matrix smallest = -transpose(row_max(Matrix(-transpose(in.V))));         // [1, d_v]
  const Matrix outside = xt::maximum(crowd - largest, smallest - crowd);         // [n, d_v]
  page.claim("C17-11", page.check_less(largest_size(xt::where(outside < 0.0, 0.0, outside)), 1e-15,
                                       "eight more copies of a favourite key leave linear "
                                       "attention's outputs between smallest and largest value"));
  page.claim("C17-11", page.check_greater(largest_size(bare) / largest_size(above), 2,
                                          "eight more copies of a favourite key more than double "
                                          "the largest output left without its denominator"));

  page.step("The true weakness: weights stay flat");
  const Input wide = drawn(64, 16, d_v);
  std::vector<std::vector<std::string>> table;
  Matrix soft, flat;  // [n_query, n_key]
  const auto mean_entropy_of = [](const Matrix& pattern) {
    double sum = 0;
    for (std::size_t i = 0; i < 64; ++i) sum += entropy({pattern.data() + i * 64, 64}) / 64;
    return sum;
  };
  for (const double factor : {1.0, 2.0, 4.0}) {  // of queries and of keys
    const Matrix Q = factor * wide.Q, K = factor * wide.K;
    plain(Q, K, wide.V, everyone, &soft);
    linear_attention_quadratic(elu_plus_one(Q), elu_plus_one(K), wide.V, false, &flat);
    table.push_back({fixed(factor * factor, 0), fixed(mean_entropy_of(soft), 2),
                     fixed(mean_entropy_of(flat), 2)});
  }
  page.text_table({"scores times", "entropy, softmax", "entropy, elu + 1 (uniform: 4.16)"}, table);
  const auto chooses = page.check_less(mean_entropy_of(soft), 0.3,
                                       "with queries and keys four times as long softmax chooses: "
                                       "its mean entropy is below 0.3 nats");
  const auto stays = page.check_greater(mean_entropy_of(flat), 3.8,
                                        "with queries and keys four times as long elu + 1 hardly "
                                        "chooses: its mean entropy is above 3.8 nats");
  for (const char* claim : {"C17-12", "C17-53"})
    page.claim(claim, chooses), page.claim(claim, stays);

  page.step("Heads remain");
  const Matrix W_0 = matmul(columns(F_Q, 0, 2), transpose(columns(F_K, 0, 2)));  // of head 0
  const Matrix W_1 = matmul(columns(F_Q, 2, 2), transpose(columns(F_K, 2, 2)));  // of head 1
  page.claim(
      "C17-49",
      page.check_close(
          Matrix(W_0 + W_1), weights,
          "the feature products of two heads of width 2 add up to those of one head of width 4"));
  page.claim("C17-49",
             page.check_greater(
                 difference(W_0 / row_sum(W_0), W_1 / row_sum(W_1)), 0.1,
                 "two heads of linear attention normalise patterns of their own, which differ"));
}

void performer(lesson::Page& page, const Input& in) {
  page.step("Performer: random features of the exponential");
  const double m = 8;
  const Matrix W = orthogonal_directions(8, d_k, 1);            // [m, d_k]
  const Matrix x = in.Q / std::pow(double{d_k}, 0.25);          // [n, d_k]
  const Matrix length = row_sum(Matrix(x * x));                 // [n, 1]
  const Matrix along = matmul(x, transpose(W));                 // [n, m]
  const Matrix F = xt::exp(along - length / 2) / std::sqrt(m);  // [n, m]
  page.show("phi(Q)", "query, feature", F);
  page.check_close(favor_features(in.Q, W), F,
                   "favor_features is exp(W x' - |x'|^2 / 2) / sqrt(m)");
  const Matrix block = rows(W, 0, d_k), G = matmul(block, transpose(block));  // [d_k, d_k]
  page.check_less(largest_size(G - G * xt::eye<double>(d_k)), 1e-12,
                  "the first d_k of Performer's random directions are orthogonal to each other");
  page.claim("C17-04", page.check_less(random_features::bias(in.Q / 2, in.K / 2, 8, 400), 4,
                                       "400 draws of random features average exp(q.k / sqrt(d_k)), "
                                       "within four standard errors in every cell"));

  page.step("How many features it takes");
  std::vector<std::vector<std::string>> table;
  std::map<double, double> at_256;  // error by the size of queries and keys
  const auto elu_error = [](const Input& i, const Matrix& want) {
    return difference(linear_attention(elu_plus_one(i.Q), elu_plus_one(i.K), i.V, false).output,
                      want);
  };
  for (const double size : {0.25, 0.5, 1.0, 2.0}) {
    const Input i = drawn(64, 16, d_v, size);
    const Matrix want = plain(i.Q, i.K, i.V, everyone);  // [n, d_v]
    table.push_back({fixed(size, 2)});
    for (const std::size_t features : {16u, 64u, 256u}) {
      const double error = random_features::output_error(i.Q, i.K, i.V, want, features, 4);
      if (features == 256) at_256[size] = error;
      table.back().push_back(fixed(error));
    }
    table.back().push_back(fixed(elu_error(i, want)));
  }
  page.say(
      "Error against softmax attention, relative, mean of four draws, by the size of queries "
      "and keys:");
  page.text_table({"size", "16 features", "64", "256", "elu + 1"}, table);
  page.claim("C17-09", page.check_less(at_256[0.25], 0.1,
                                       "256 random features come within a tenth of softmax "
                                       "attention where queries and keys are short"));
  page.claim("C17-09", page.check_greater(at_256[2], 0.8,
                                          "256 random features miss softmax attention by over 0.8 "
                                          "of its size where queries and keys are long"));
  const Input half = drawn(64, 16, d_v, 0.5);
  const Matrix want = plain(half.Q, half.K, half.V, everyone);  // [n, d_v]
  render::Series error{"Performer", {16, 64, 256, 1024, 4096}, {}}, root{"m^-1/2", error.x, {}};
  for (const double features : error.x) {
    error.y.push_back(random_features::output_error(half.Q, half.K, half.V, want,
                                                    static_cast<std::size_t>(features), 4));
    root.y.push_back(error.y[0] * 4 / std::sqrt(features));
  }
  page.line_chart("error against features, size 0.5", {error, root},
                  {.x_label = "features", .y_label = "error", .log_x = true, .log_y = true});
  page.claim("C17-02",
             page.check_less(std::abs(growth(error.x, error.y) + 0.5), 0.15,
                             "Performer's error falls like m^-1/2 with the number of features m"));
  page.claim("C17-02", page.check_greater(elu_error(half, want), 3 * error.y.back(),
                                          "elu + 1 errs over three times as much as 4096 random "
                                          "features: it has no number to raise"));

  page.step("What keeps it stable");
  const Input unit = drawn(64, 16, d_v);
  const Matrix directions = orthogonal_directions(256, 16, 1);                         // [m, d_k]
  const Matrix mass = row_sum(random_features::estimate(unit.Q, unit.K, directions));  // [n, 1]
  page.claim("C17-03",
             page.check_greater(
                 xt::amin(mass)(), 10,
                 "every row of Performer's phi(Q) phi(K)^T, left undivided, sums to more than 10"));
  const random_features::BadRows bad = random_features::bad_denominators(unit.Q, unit.K, 100);
  page.say("Of 6400 rows, 16 features each, so many have a denominator of zero or below:");
  page.text_table({"features", "rows"}, {{"sines and cosines", std::to_string(bad.trigonometric)},
                                         {"positive", std::to_string(bad.positive)}});
  const auto safe = page.check_equal(
      bad.positive, std::size_t{0},
      "positive random features give none of 6400 rows a denominator of zero or below");
  page.claim("C17-51", safe);
  page.claim("C17-51", page.check_greater(static_cast<double>(bad.trigonometric), 640,
                                          "sines and cosines as random features give over a tenth "
                                          "of 6400 rows a denominator of zero or below"));
  const auto errors = random_features::kernel_errors(unit.Q / 4, unit.K / 4, 100);
  page.claim("C17-52", safe);
  page.claim("C17-52",
             page.check_less(errors.orthogonal, 0.95 * errors.independent,
                             "orthogonal random directions err less than independent ones"));
}

void recall_experiment(lesson::Page& page) {
  page.step("Recall, trained: softmax against elu + 1");
  page.say(
      "Pairs of a key and a letter, then one key again. Two tables are trained: what each of 64 "
      "keys is as a query and as a key; the same start and steps for both. Shares of right "
      "answers:");
  std::vector<std::vector<std::string>> table;
  std::map<std::size_t, double> soft, flat;  // by pairs, at d_k = 4
  for (const auto& [width, pairs] : {std::pair{8u, 8u}, {4u, 4u}, {4u, 8u}, {4u, 16u}}) {
    table.push_back({std::to_string(width), std::to_string(pairs)});
    for (const recall::Kernel kernel : {recall::Kernel::softmax, recall::Kernel::elu_plus_one}) {
      const recall::Memory first = recall::untrained(kernel, width);
      const double share = recall::share_right(recall::train(first, pairs), pairs);
      table.back().push_back(fixed(recall::share_right(first, pairs)));
      table.back().push_back(fixed(share));
      (kernel == recall::Kernel::softmax ? soft : flat)[pairs] = share;
    }
  }
  page.text_table({"d_k", "pairs", "softmax untrained", "trained", "elu + 1 untrained", "trained"},
                  table);
  page.claim("C17-12",
             page.check_greater(
                 soft[8], 0.9,
                 "softmax, trained with d_k = 4 and eight pairs, recalls over 0.9 of the answers"));
  page.claim(
      "C17-12",
      page.check_less(
          flat[8], 0.5,
          "elu + 1, trained with d_k = 4 and eight pairs, recalls less than half of the answers"));
  page.claim("C17-53", page.check_less(flat[16], flat[4] - 0.2,
                                       "elu + 1 with d_k = 4 recalls 16 pairs worse than 4 by over "
                                       "0.2: a state of fixed size fills up"));
}

void flash(lesson::Page& page, const Input& in) {
  page.step("FlashAttention: the same softmax, three keys at a time");
  const std::size_t tile = 3;
  Matrix m = zeros(n, 1) + hidden, l = zeros(n, 1), acc = zeros(n, d_v);  // running, of every query
  Matrix record = zeros(9, n);  // [m, l, rescale of 3 tiles, query]
  for (std::size_t first = 0, t = 0; first < n; first += tile, ++t) {
    const std::size_t count = std::min(tile, n - first);
    const Matrix S = matmul(in.Q, transpose(rows(in.K, first, count))) / 2;  // [n, tile]
    const Matrix m_new = xt::maximum(m, row_max(S));                         // [n, 1]
    const Matrix rescale = xt::exp(m - m_new);                               // [n, 1]
    const Matrix P = xt::exp(S - m_new);                                     // [n, tile]
    l = rescale * l + row_sum(P);                                            // [n, 1]
    acc = rescale * acc + matmul(P, rows(in.V, first, count));               // [n, d_v]
    m = m_new;
    for (std::size_t i = 0; i < n; ++i)
      record(t, i) = m(i, 0), record(3 + t, i) = l(i, 0), record(6 + t, i) = rescale(i, 0);
  }
  const Matrix want = plain(in.Q, in.K, in.V, everyone);  // [n, d_v]
  page.show("running maximum", "tile, query", rows(record, 0, 3));
  page.show("running sum", "tile, query", rows(record, 3, 3));
  page.show("rescale", "tile, query", rows(record, 6, 3));
  page.claim("C17-16", page.check_close(Matrix(acc / l), want,
                                        "keys taken three at a time, with a running maximum, sum "
                                        "and rescale, give the softmax output"));
  const Tensor3 q = one_head(in.Q), k = one_head(in.K), v = one_head(in.V);
  std::vector<FlashTileOf<double>> tiles;
  const FlashOptions whole = {.query_block = n, .key_block = tile};
  const FlashResult by_name = flash_attention(q, k, v, whole, &tiles);
  Matrix recorded = zeros(9, n);
  for (std::size_t t = 0; t < tiles.size(); ++t)
    for (std::size_t i = 0; i < n; ++i)
      recorded(t, i) = tiles[t].max(i), recorded(3 + t, i) = tiles[t].sum(i),
                  recorded(6 + t, i) = tiles[t].rescale(i);
  page.claim("C17-16", page.check_close(recorded, record,
                                        "flash_attention records the running maximum, sum and "
                                        "rescale that were computed by hand"));
  page.claim("C17-16", page.check_equal(by_name.work.largest_buffer, n * tile,
                                        "flash_attention holds one tile of scores, never n x n"));

  page.step("FlashAttention: exact, whatever the tiles");
  const Input many = drawn(257, 16, 8);
  const Matrix causal_want = plain(many.Q, many.K, many.V, causal);  // [n, d_v]
  double worst = 0, same_bits = 0;
  for (const auto& [r, c] : {std::pair{1u, 1u}, {16u, 16u}, {64u, 7u}, {32u, 64u}, {300u, 300u}}) {
    const FlashOptions options = {.causal = true, .query_block = r, .key_block = c};
    const Matrix got = slice(
        flash_attention(one_head(many.Q), one_head(many.K), one_head(many.V), options).output, 0);
    worst = std::max(worst, difference(got, causal_want)), same_bits += got == causal_want;
  }
  const auto exact = page.check_less(
      worst, 1e-14,
      "FlashAttention gives full attention's output for 257 tokens in five tilings, to 1e-14");
  page.claim("C17-15", exact);
  page.claim("C17-19", exact);
  page.claim(
      "C17-19",
      page.check_equal(same_bits, 0.0,
                       "FlashAttention gives full attention's very bits in none of five tilings"));
  const Matrix one = xt::ones<double>({n, std::size_t{1}});
  const Matrix Q_1 = xt::concatenate(xt::xtuple(in.Q, one), 1);                 // [n, d_k + 1]
  const Matrix K_1 = xt::concatenate(xt::xtuple(in.K, Matrix(2000 * one)), 1);  // adds 1000
  FlashOptions small = {.query_block = 2, .key_block = tile, .scale = 0.5};
  page.check_close(
      slice(flash_attention(one_head(Q_1), one_head(K_1), v, small).output, 0), want,
      "scores 1000 higher do not change FlashAttention's output, though e^1000 is infinite",
      1e-11);  // scores near 1000 keep 13 digits behind the point
  const FlashGradientOf<double> back = flash_backward(q, k, v, by_name, one_head(want), small);
  Matrix A;
  plain(in.Q, in.K, in.V, everyone, &A);
  const Matrix dA = matmul(want, transpose(in.V));       // [n_query, n_key], for dO = O
  const Matrix dS = A * (dA - row_sum(Matrix(dA * A)));  // [n_query, n_key]
  const double apart = std::max({difference(slice(back.query, 0), matmul(dS, in.K) / 2),
                                 difference(slice(back.key, 0), matmul(transpose(dS), in.Q) / 2),
                                 difference(slice(back.value, 0), matmul(transpose(A), want))});
  page.check_less(apart, 1e-12,
                  "flash_backward, which computes A again tile by tile: dQ = dS K / 2, dK = dS^T Q "
                  "/ 2, dV = A^T dO");
  small.is_token = {false, false, false, true, true, true, true};
  page.check_close(slice(flash_attention(q, k, v, small).output, 0),
                   plain(in.Q, rows(in.K, 3, n - 3), rows(in.V, 3, n - 3), everyone),
                   "FlashAttention with its first tile hidden altogether is attention to the rest, "
                   "without a NaN");
}

void sparse(lesson::Page& page, const Input& in) {
  page.step("Local windows: a mask gives the numbers, a gather the saving");
  const std::size_t w = 3;
  const LocalTrace local = local_attention(in.Q, in.K, in.V, {.window = w});
  page.show("A, in a band", "query, key of the window", local.pattern);
  page.check_close(local.output, plain(in.Q, in.K, in.V, only(links(n, w, false))),
                   "local attention is full attention with the keys outside the window hidden");
  const Input many = drawn(256, 16, 8);
  const Matrix band = xt::where(links(256, w, false), 0.0, hidden);  // [n_query, n_key]
  FullOptions mask;
  mask.bias = &band;
  const Work masked = full_attention(many.Q, many.K, many.V, mask).work;
  const Work gathered = local_attention(many.Q, many.K, many.V, {.window = w}).work;
  page.claim("C17-25",
             page.check_equal(masked.largest_buffer, std::size_t{256 * 256},
                              "a window made by a mask still holds n^2 scores for 256 tokens"));
  page.claim(
      "C17-25",
      page.check_greater(
          static_cast<double>(masked.multiply_adds),
          20.0 * static_cast<double>(gathered.multiply_adds),
          "a window of 3 made by a mask takes over 20 times the products of one made by a gather"));
  page.claim("C17-22",
             page.check_equal(
                 gathered.multiply_adds, (256 * w - 3) * (16 + 8),
                 "a window made by a gather takes (n w - w (w - 1) / 2) (d_k + d_v) products"));
  page.claim("C17-22", page.check_equal(gathered.largest_buffer, 256 * w,
                                        "a window made by a gather holds n w scores"));
  Matrix A;
  plain(
      in.Q, in.K, in.V,
      [](std::size_t i, std::size_t j) { return causal(i, j) - 0.5 * double(i) + 0.5 * double(j); },
      &A);
  page.claim("C17-27", page.check_greater(A(n - 1, 0), 0,
                                          "ALiBi leaves the first token a weight above zero at the "
                                          "last; only a window makes it zero"));

  page.step("Global tokens, blocks, random links");
  const auto leader = [](std::size_t i, std::size_t j) { return i == 0 || j == 0; };
  const std::size_t alone = layers_needed(links(64, 4, false), 1);
  page.claim("C17-28", page.check_equal(alone, std::size_t{21},
                                        "in a causal window of 4 the second of 64 tokens reaches "
                                        "the last in 21 layers, 3 tokens a layer"));
  page.claim("C17-29",
             page.check_equal(layers_needed(links(64, 4, true, leader), 1), std::size_t{2},
                              "in a window of 4 both ways, a global token joins the second of 64 "
                              "tokens to the last in 2 layers"));
  page.claim("C17-29", page.check_equal(layers_needed(links(64, 4, false, leader), 1), alone,
                                        "in a causal window of 4 a leading global token saves none "
                                        "of the 21 layers that 64 tokens need"));
  const BlockPattern longformer = longformer_pattern(n, 2, {3}, false);
  const Mask cells =
      links(n, 2, true, [](std::size_t i, std::size_t j) { return i == 3 || j == 3; });
  page.show("Longformer, token 3 global", "query, key", visible_cells(longformer));
  page.check_close(sparse_attention(in.Q, in.K, in.V, longformer).output,
                   plain(in.Q, in.K, in.V, only(cells)),
                   "Longformer is a softmax over a window, a global row and a global column");
  const Input middle = drawn(64, 16, 8);
  const BlockPattern bird =
      bigbird_pattern(64, {.block = 4, .window = 2, .global = 1, .random = 1, .seed = 17});
  const SparseTrace blocks = sparse_attention(middle.Q, middle.K, middle.V, bird);
  page.claim("C17-54",
             page.check_close(blocks.output,
                              plain(middle.Q, middle.K, middle.V, only(visible_cells(bird))),
                              "BigBird is one exact softmax over window, global and random blocks; "
                              "no part of it is linear attention"));
  page.check_equal(blocks.work.multiply_adds, (16 + 4 + 13 * 5 + 4) * 16 * std::size_t{16 + 8},
                   "BigBird multiplies in a global row of 16 blocks, in 4 or 5 blocks of each "
                   "other row, and nowhere else");
}

void learned_sparse(lesson::Page& page, const Input& in) {
  page.step("Routing Transformer: attention inside clusters");
  const Matrix unit = unit_rows(in.Q);                      // [n, d_k]
  const Matrix centres = spherical_k_means(in.Q, 2, 5, 3);  // [cluster, d_k]
  const Matrix cosines = matmul(centres, transpose(unit));  // [cluster, token]
  page.show("cosine of centre and token", "cluster, token", cosines);
  Matrix sum = zeros(n, d_v), times = zeros(n, 1);
  for (std::size_t c = 0; c < 2; ++c) {
    std::vector<double> nearest(cosines.data() + c * n, cosines.data() + (c + 1) * n);
    std::sort(nearest.rbegin(), nearest.rend());
    const auto member = [&](std::size_t i) { return cosines(c, i) >= nearest[3]; };
    sum += plain(in.Q, in.Q, in.V,
                 [&](std::size_t i, std::size_t j) { return member(i) && member(j) ? 0 : hidden; });
    for (std::size_t i = 0; i < n; ++i) times(i, 0) += member(i);
  }
  page.check_close(
      routing_attention(in.Q, in.Q, in.V, centres, {.members = 4, .causal = false}).output,
      Matrix(sum / xt::maximum(times, 1.0)),
      "routing attention is a softmax among the four tokens nearest to each centre, averaged over "
      "clusters");
  page.check_close(
      routing_attention(in.Q, in.K, in.V, spherical_k_means(in.Q, 1, 1, 1), {.causal = true})
          .output,
      plain(in.Q, in.K, in.V, causal), "routing attention with one cluster is full attention");
  const Matrix start = rows(unit, 0, 2);  // [cluster, d_k]
  Matrix mean = zeros(2, d_k), members = zeros(2, 1);
  for (std::size_t i = 0; i < n; ++i) {
    const Matrix near = matmul(start, transpose(rows(unit, i, 1)));  // [cluster, 1]
    const std::size_t c = near(0, 0) >= near(1, 0) ? 0 : 1;
    xt::view(mean, c) += xt::view(unit, i), members(c, 0) += 1;
  }
  page.claim("C17-32", page.check_close(update_centroids(start, in.Q, 0.9),
                                        unit_rows(Matrix(0.9 * start + 0.1 * (mean / members))),
                                        "a centre of routing attention goes a tenth of its way a "
                                        "training step; nothing is clustered anew"));

  page.step("Reformer: attention inside hash buckets");
  HashingOptions options = {.n_buckets = 2, .chunk = n, .seed = 4, .causal = false};
  const HashingTrace hashed = hashing_attention(in.Q, in.V, options);
  const Matrix r = xt::view(hashed.rotations, 0);  // [d_k, 1], a random direction
  const Matrix side = matmul(in.Q, r);             // [n, 1]
  page.show("x . r", "query, direction", side);
  page.check_close(hashed.output,
                   plain(in.Q, unit, in.V,
                         [&](std::size_t i, std::size_t j) {
                           return i != j && (side(i, 0) > 0) == (side(j, 0) > 0) ? 0 : hidden;
                         }),
                   "hashing attention: keys are queries of length one, a token sees the others on "
                   "its side of a direction r");
  page.check_close(
      hashing_attention(in.Q, in.V, {.n_buckets = 1, .chunk = n, .causal = false}).output,
      plain(in.Q, unit, in.V, [](std::size_t i, std::size_t j) { return i == j ? hidden : 0; }),
      "hashing attention with one bucket is full attention of shared queries and keys to all other "
      "tokens");
  page.claim(
      "C17-34",
      page.check_true(
          hashing_attention(in.Q, in.V, options).output == hashed.output,
          "hashing attention with the same seed gives the same bits: random by choice only"));
  options.seed = 5;
  page.claim("C17-34", page.check_greater(
                           difference(hashing_attention(in.Q, in.V, options).output, hashed.output),
                           0.01, "hashing attention with another seed gives another output"));
}

void state_spaces(lesson::Page& page) {
  page.step("State spaces: a differential equation in steps");
  const std::size_t N = 4, length = 20;
  Random random(10);
  const Matrix A = hippo_legs(N);  // [state, state]
  const Matrix B = transpose(Matrix{{1, std::sqrt(3), std::sqrt(5), std::sqrt(7)}});  // [state, 1]
  const Matrix C = random_matrix(random, 2, N);       // [channel, state]
  const Matrix U = random_matrix(random, length, 2);  // [token, channel]
  const double step = 0.1;
  const StateSpace continuous = {A, hippo_legs_input(N), C, {}};
  const StateSpace s4 = discretise(continuous, step, Discretisation::bilinear);
  page.show("A, HiPPO", "state, state", A);
  const Matrix I = xt::eye<double>(N);
  const Matrix B_step = xt::view(s4.B, xt::all(), xt::newaxis());  // [state, 1]
  page.check_close(
      matmul(Matrix(I - step / 2 * A), Matrix(xt::concatenate(xt::xtuple(s4.A, B_step), 1))),
      Matrix(xt::concatenate(xt::xtuple(Matrix(I + step / 2 * A), Matrix(step * B)), 1)),
      "S4 by the bilinear rule: (I - step A / 2) A' = I + step A / 2, (I - step A / 2) B' = step "
      "B");
  Matrix h = zeros(N, 2), Y = zeros(length, 2), K = Y, impulse = B_step;
  for (std::size_t t = 0; t < length; ++t) {
    h = matmul(s4.A, h) + matmul(B_step, rows(U, t, 1));  // [state, channel]
    for (std::size_t c = 0; c < 2; ++c)                   // y = C h
      Y(t, c) = xt::sum(xt::view(C, c) * xt::view(h, xt::all(), c))();
    xt::view(K, t) = xt::view(matmul(C, impulse), xt::all(), 0);  // C A'^t B'
    impulse = matmul(s4.A, impulse);                              // [state, 1]
  }
  page.check_close(state_space(U, s4, StateSpaceOrder::recurrence).output, Y,
                   "state_space is the recurrence h = A' h + B' u, y = C h");
  Matrix convolved = zeros(length, 2);
  for (std::size_t i = 0; i < length; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      xt::view(convolved, i) += xt::view(K, i - j) * xt::view(U, j);
  page.claim("C17-37",
             page.check_close(convolved, Y, "S4's recurrence is a convolution with C A'^k B'"));
  page.claim("C17-37",
             page.check_close(state_space(U, s4, StateSpaceOrder::fourier).output, Y,
                              "S4's recurrence is a product of spectra, padded with zeros"));
  const Matrix taps = transpose(K), signal = transpose(U);  // [channel, token]
  page.check_greater(
      std::abs(convolve_circular<double>({taps.begin(), taps.begin() + length},
                                         {signal.begin(), signal.begin() + length})[0] -
               Y(0, 0)),
      0.01, "S4 as a product of spectra, left without padding, leaks the end into the beginning");
  Matrix x = zeros(N, 2);  // h' = A h + B u in 500 small steps a token, u standing still
  for (std::size_t t = 0; t < length; ++t)
    for (int small = 0; small < 500; ++small)
      x += step / 500 * (matmul(A, x) + matmul(B, rows(U, t, 1)));
  const StateSpace held = discretise(continuous, step, Discretisation::zero_order_hold);
  page.claim("C17-37",
             page.check_close(state_space(U, held, StateSpaceOrder::recurrence).state, transpose(x),
                              "S4 in steps of a held input follows h' = A h + B u",
                              1e-3));  // the small steps' own error

  page.step("State spaces: linear time, one filter a channel");
  const auto products = [&](std::size_t tokens, StateSpaceOrder order) {
    return static_cast<double>(
        state_space(random_matrix(random, tokens, 2), s4, order).work.multiply_adds);
  };
  page.claim("C17-38", page.check_equal(products(1024, StateSpaceOrder::recurrence),
                                        2 * products(512, StateSpaceOrder::recurrence),
                                        "S4's recurrence: twice the tokens, twice the products"));
  const double more =
      products(1024, StateSpaceOrder::fourier) / products(512, StateSpaceOrder::fourier);
  page.claim("C17-38", page.check_greater(
                           more, 2.02,
                           "S4 by the transform: twice the tokens, more than twice the products"));
  page.claim("C17-38", page.check_less(more, 2.4,
                                       "S4 by the transform: twice the tokens, less than 2.4 times "
                                       "the products, as for n log n"));
  std::vector<render::Series> filters;
  for (std::size_t c = 0; c < 2; ++c)
    filters.push_back({"channel " + std::to_string(c + 1), {}, {}});
  for (std::size_t t = 0; t < length; ++t)
    for (std::size_t c = 0; c < 2; ++c)
      filters[c].x.push_back(static_cast<double>(t)), filters[c].y.push_back(K(t, c));
  page.line_chart("the filters", filters, {.x_label = "tokens ago", .y_label = "weight"});
  Matrix other = U;
  for (std::size_t t = 0; t < length; ++t) other(t, 1) += 1;
  const Matrix changed = state_space(other, s4, StateSpaceOrder::recurrence).output;
  page.claim("C17-50",
             page.check_close(columns(changed, 0, 1), columns(Y, 0, 1),
                              "another input of S4's channel 2 leaves channel 1 as it was"));
  page.claim("C17-50", page.check_greater(difference(columns(K, 0, 1), columns(K, 1, 1)), 0.1,
                                          "each of two channels of S4 has a filter of its own"));
  page.check_close(state_space(Matrix(U + other), s4, StateSpaceOrder::recurrence).output,
                   Matrix(Y + changed), "S4 is linear: the answer to a sum is the sum of answers");
}

void mamba(lesson::Page& page) {
  page.step("Mamba: step, input and reading chosen by the token");
  const std::size_t N = 3, length = 9, d = 4;
  Random random(11);
  const Matrix X = random_matrix(random, length, d), gate = random_matrix(random, length, d);
  const Matrix taps = random_matrix(random, 4, d);  // [tokens ago, channel]
  const SelectiveWeights W = {s4d_real(d, N),
                              random_matrix(random, d, 2),
                              random_matrix(random, 2, d),
                              random_vector(random, d),
                              random_matrix(random, d, N),
                              random_matrix(random, d, N),
                              {}};
  const auto convolution = [&](const Matrix& input) {  // short, the same for every content
    Matrix u = zeros(length, d);
    for (std::size_t i = 0; i < length; ++i)
      for (std::size_t k = 0; k < 4 && k <= i; ++k)
        xt::view(u, i) += xt::view(taps, k) * xt::view(input, i - k);
    return u;
  };
  const auto silu = [](const Matrix& a) { return Matrix(a / (1.0 + xt::exp(-a))); };
  const Matrix U = silu(convolution(X));         // [token, channel]
  const SelectiveSystem s = select(U, W);        // delta [token, channel], B, C [token, state]
  Matrix h = zeros(d, N), Y = zeros(length, d);  // [channel, state], [token, channel]
  for (std::size_t t = 0; t < length; ++t)
    for (std::size_t c = 0; c < d; ++c)
      for (std::size_t k = 0; k < N; ++k) {
        const double step = s.delta(t, c);
        h(c, k) = std::exp(step * s.A(c, k)) * h(c, k) + step * s.B(t, k) * U(t, c);
        Y(t, c) += s.C(t, k) * h(c, k);
      }
  page.show("step", "token, channel", s.delta);
  page.show("output, gated", "token, channel", Matrix(Y * silu(gate)));
  page.check_close(selective_scan(U, s).output, Y,
                   "selective_scan is the recurrence h = exp(delta A) h + delta B u, y = C h");
  const Matrix doubled = selective_scan(scaled(2, U), select(scaled(2, U), W)).output;
  page.check_greater(
      difference(doubled, scaled(2, Y)), 0.1,
      "Mamba's scan is, unlike S4, not linear: twice the input is not twice the output");
  Matrix attention = zeros(length, d);  // linear, features C and B, causal, no denominator
  for (std::size_t i = 0; i < length; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      xt::view(attention, i) +=
          xt::sum(xt::view(s.C, i) * xt::view(s.B, j))() * xt::view(s.delta, j) * xt::view(U, j);
  SelectiveSystem still = s;
  still.A = zeros(d, N);
  page.claim(
      "C17-40",
      page.check_close(
          selective_scan(U, still).output, attention,
          "Mamba's scan with states that never decay is linear attention without a denominator"));
  page.claim(
      "C17-40",
      page.check_greater(
          difference(Y, attention), 0.1,
          "Mamba's scan with states that decay is not linear attention without a denominator"));
  Matrix nudged = X;
  xt::view(nudged, 2) += 1;
  const Matrix felt = row_max(Matrix(xt::abs(convolution(nudged) - convolution(X))));  // [token, 1]
  page.claim("C17-42", page.check_true(felt(5, 0) > 0 && felt(6, 0) == 0,
                                       "Mamba's local part is a short convolution: the third token "
                                       "is felt by the sixth, not by the seventh"));
  page.claim("C17-42", page.check_close(convolution(Matrix(X + nudged)),
                                        Matrix(convolution(X) + convolution(nudged)),
                                        "Mamba's convolution has the same weights for all "
                                        "contents: the answer to a sum is the sum of answers"));
  SelectiveSystem passing = s;
  xt::view(passing.delta, 4) = 0;
  const Tensor3 states = selective_scan(U, passing, {.record_states = true}).states;
  page.claim(
      "C17-44",
      page.check_close(
          Matrix(xt::view(states, 4)), Matrix(xt::view(states, 3)),
          "Mamba's gating: a step of zero passes a token over and leaves the state as it was", 0));
  page.claim("C17-44",
             page.check_equal(
                 selective_scan(rows(U, 0, 5), select(rows(U, 0, 5), W)).work.largest_buffer,
                 selective_scan(U, s).work.largest_buffer,
                 "Mamba's largest buffer, its state, has one size for five tokens and for nine"));
}

void mixing(lesson::Page& page) {
  page.step("Mixing without comparison: MLP-Mixer, FNet, Hydra");
  const std::size_t d = 3, d_hidden = 5;
  Random random(12);
  const Matrix X = random_matrix(random, n, d);  // [n, d_model]
  TokenMixingWeights W;
  W.norm.gain = xt::ones<double>({d});
  W.mixer = {random_matrix(random, n, d_hidden),
             {},
             random_matrix(random, d_hidden, n),
             {},
             Activation::relu};
  const TokenMixingTrace mixer = token_mixing(X, W);
  const Matrix inner = xt::maximum(matmul(transpose(mixer.norm.output), W.mixer.W_in), 0.0);
  page.claim("C17-46",
             page.check_close(mixer.output, Matrix(X + transpose(matmul(inner, W.mixer.W_out))),
                              "MLP-Mixer is a small network over places, one for all channels"));
  const std::vector<std::size_t> order = {1, 0, 2, 3, 4, 5, 6};
  const Matrix swapped = reordered(X, order);  // [n, d_model]
  page.check_greater(
      difference(token_mixing(swapped, W).output, reordered(mixer.output, order)), 0.1,
      "two tokens exchanged do more to MLP-Mixer's outputs than exchange two of them");
  page.check_close(full_attention(swapped, swapped, swapped).output,
                   reordered(full_attention(X, X, X).output, order),
                   "two tokens exchanged exchange two outputs of full attention and do no more");
  Matrix spectrum = zeros(n, d);  // real part of the transform over tokens and channels
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < d; ++b)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < d; ++c) {
          const double turns = double(a * i) / double{n} + double(b * c) / double{d};
          spectrum(a, b) += X(i, c) * std::cos(2 * std::numbers::pi * turns);
        }
  page.check_close(
      fourier_mixing(X).output, spectrum,
      "FNet is the real part of a Fourier transform over tokens and channels, without weights");
  const Matrix Q = random_matrix(random, n, d), K = random_matrix(random, n, d);  // [n, d_model]
  Matrix state = zeros(1, d), gated = zeros(n, d);  // d heads of one feature, causal
  for (std::size_t i = 0; i < n; ++i) {
    state += rows(unit_rows(K), i, 1) * rows(X, i, 1);
    xt::view(gated, i) = xt::view(rows(unit_rows(Q), i, 1) * state, 0);
  }
  page.check_close(
      hydra_attention(Q, K, X, true).output, gated,
      "Hydra attention has as many heads as channels, with a state of one number each");
}

void all_of_them(lesson::Page& page, const std::vector<std::string>& words) {
  page.step("One sequence through all of them");
  const std::vector<std::size_t> lengths = {64, 128, 256};
  const std::vector<double> x(lengths.begin(), lengths.end());
  const std::set<std::string_view> in_chart = {"full", "bigbird", "linear", "routing",
                                               "s4_fourier"};
  const std::set<std::string_view> weighs = {"linear", "hashing", "routing"};
  std::vector<std::vector<std::string>> table;
  std::vector<render::Series> chart;
  std::vector<std::size_t> counted, formula;
  const auto add = [](std::vector<std::size_t>& to, const Work& work) {
    to.insert(to.end(), {work.multiply_adds, work.exponentials, work.largest_buffer});
  };
  const Input in = drawn(lengths.back(), 16, 8);
  const Matrix want = plain(in.Q, in.K, in.V, causal);  // [n, d_v]
  for (const Mechanism& mechanism : mechanisms()) {
    render::Series products{std::string(mechanism.name), x, {}};
    MechanismRun run;
    for (const std::size_t tokens : lengths) {
      const Input here = drawn(tokens, 16, 8);
      run = mechanism.run({here.Q, here.K, here.V}, {});
      add(counted, run.work), add(formula, mechanism.formula(tokens, 16, 8, {}));
      products.y.push_back(static_cast<double>(run.work.multiply_adds));
    }
    const bool comparable = mechanism.relation != Relation::other || weighs.contains(mechanism.id);
    table.push_back({products.name, std::to_string(run.work.multiply_adds),
                     std::to_string(run.work.exponentials), std::to_string(run.work.largest_buffer),
                     "n^" + fixed(growth(x, products.y), 2),
                     comparable ? fixed(difference(run.output, want), 2) : "another"});
    if (in_chart.contains(mechanism.id)) chart.push_back(products);
  }
  page.say(
      "256 tokens, d_k = 16, d_v = 8, causal; growth of products from 64 to 256 tokens; "
      "distance from full softmax attention, relative. Another: no weights on values, or of "
      "other sources.");
  page.text_table({"mechanism", "products", "exp", "buffer", "growth", "from full"}, table);
  page.line_chart("products against tokens", chart,
                  {.x_label = "tokens", .y_label = "products", .log_x = true, .log_y = true});
  page.check_true(counted == formula, "products, exponentials and largest buffers of " +
                                          std::to_string(table.size()) +
                                          " mechanisms at three "
                                          "lengths are those of closed formulas");

  page.step("What the last token takes from each");
  const std::vector<std::string> ids = {"full",    "flash", "local",     "longformer", "bigbird",
                                        "hashing", "alibi", "performer", "linear"};
  const Matrix X = 0.7 * embed_words(words, 16);    // [n, d_head], queries and keys
  Matrix shares = zeros(ids.size(), words.size());  // [mechanism, key]
  for (std::size_t row = 0; row < ids.size(); ++row)
    for (std::size_t j = 0; j < words.size(); ++j) {
      Matrix mark = zeros(words.size(), 1);  // [n, d_v = 1], one on token j
      mark(j, 0) = 1;
      shares(row, j) =
          mechanism(ids[row])
              .run({X, X, mark}, {.window = 4, .block = 2, .features = 256, .tile = 4, .chunk = 8})
              .output(words.size() - 1, 0);
    }
  page.heat_map("shares of the last token", shares, {ids, words});
  page.check_less(largest_size(row_sum(shares) - 1.0), 1e-12,
                  "the last token's shares sum to one in each of nine mechanisms");
  page.check_close(rows(shares, 1, 1), rows(shares, 0, 1),
                   "the last token's shares in FlashAttention are those in full attention");
}

void tell(lesson::Page& page) {
  std::vector<std::string> words =
      page.tokens("the old lamp in the hall went out and the lamp in the yard stayed on", 2);
  if (words.size() > 24) words.resize(24);  // as many as a line holds
  const Input in = drawn(n, d_k, d_v);
  bottleneck(page, in);
  linear(page, in);
  performer(page, in);
  recall_experiment(page);
  flash(page, in);
  sparse(page, in);
  learned_sparse(page, in);
  state_spaces(page);
  mamba(page);
  mixing(page);
  all_of_them(page, words);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, {.number = 17, .title = "Alternatives to attention"}, tell);
}
