// Lesson 4: query, key, value.   Report, section 4.
// A typed text in d_model = 8, one head with d_k = 4 and d_v = 3; a dictionary of five orthonormal
// keys; small vectors of whole numbers; the model "grammar" of lessons/models.
#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/reduce.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/recipes.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "support/models.hpp"
#include "support/page.hpp"

using namespace headlight;

namespace {

constexpr std::size_t d_model = 8, d_k = 4, d_v = 3;

double difference(const Matrix& a, const Matrix& b) {
  return compare(a, b).relative;
}

Matrix identity(std::size_t n) {
  Matrix one = xt::zeros<double>({n, n});
  for (std::size_t i = 0; i < n; ++i) one(i, i) = 1;
  return one;
}

// A matrix and its inverse: elementary steps one way, then undone in the other order.
std::pair<Matrix, Matrix> with_inverse(std::size_t n, Random& random) {
  Matrix m = identity(n), inverse = identity(n);
  for (std::size_t step = 0; step < 3 * n; ++step) {
    const std::size_t a = random.below(n), b = (a + 1 + random.below(n - 1)) % n;
    const double f = random.normal();
    for (std::size_t c = 0; c < n; ++c) m(c, b) += f * m(c, a);              // m times (1 + f e_ab)
    for (std::size_t c = 0; c < n; ++c) inverse(a, c) -= f * inverse(b, c);  // its inverse times
  }
  return {m, inverse};
}

void projections(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X,
                 const HeadWeights& W) {
  const std::size_t n = tokens.size();
  page.step("Three projections of one input");
  const HeadTrace head = attend(X, W);
  page.show("Q", "token, d_k", head.query, {.rows = tokens});
  page.show("K", "token, d_k", head.key, {.rows = tokens});
  page.show("V", "token, d_v", head.value, {.rows = tokens});
  Matrix q = xt::zeros<double>({n, d_k}), v = xt::zeros<double>({n, d_v});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t m = 0; m < d_model; ++m) {
      for (std::size_t c = 0; c < d_k; ++c) q(i, c) += X(i, m) * W.W_Q(m, c);
      for (std::size_t c = 0; c < d_v; ++c) v(i, c) += X(i, m) * W.W_V(m, c);
    }
  const auto queries =
      page.check_close(head.query, q, "queries are a linear map of the input: X W_Q");
  const auto values =
      page.check_close(head.value, v, "so are values, here of another width than keys");
  page.claim("C04-01", queries);
  page.claim("C04-01", values);
  page.claim("C04-02", values);

  Matrix S = xt::zeros<double>({n, n}), Y = xt::zeros<double>({n, d_v});
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t c = 0; c < d_k; ++c) S(i, j) += head.query(i, c) * head.key(j, c);
      sum += std::exp(S(i, j) / std::sqrt(static_cast<double>(d_k)));
    }
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t c = 0; c < d_v; ++c)
        Y(i, c) += std::exp(S(i, j) / std::sqrt(static_cast<double>(d_k))) / sum * head.value(j, c);
  }
  page.heat_map("A: who looks at whom", head.pattern, {tokens, tokens});
  page.claim("C04-03",
             page.check_close(head.output, Y,
                              "output: values in the proportions of exp(q.k / sqrt(d_k))"));
  double self = 0;
  for (std::size_t i = 0; i < n; ++i) self += head.pattern(i, i) / static_cast<double>(n);
  page.claim("C04-04",
             page.check_greater(self, 1e-3, "a token looks at itself too, not at others only"));
  const HeadTrace causal = attend(X, W, {.causal = true});
  double future = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) future += causal.pattern(i, j);
  page.claim("C04-09",
             page.check_equal(future, 0.0, "in a decoder the query meets earlier keys only"));
  const Matrix ones = xt::ones<double>({n, std::size_t{1}});
  page.claim("C04-11", page.check_close(row_sum(head.pattern), ones,
                                        "softmax makes of every row numbers that sum to one"));

  page.step("Whom to look at, and what to fetch");
  Random random(page.seed(41));
  HeadWeights other = W;
  other.W_V = random_matrix(random, d_model, d_v);
  const HeadTrace fetched = attend(X, other);
  page.claim("C04-05", page.check_close(fetched.pattern, head.pattern,
                                        "another W_V leaves every weight as it was"));
  page.claim("C04-05", page.check_greater(difference(fetched.output, head.output), 0.1,
                                          "and changes what is fetched"));
}

void gauge(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("What a query means alone");
  Random random(page.seed(42));
  const auto [M, M_inverse] = with_inverse(d_k, random);
  HeadWeights turned = W;
  turned.W_Q = matmul(W.W_Q, M);                     // [d_model, d_k]
  turned.W_K = matmul(W.W_K, transpose(M_inverse));  // [d_model, d_k]
  const HeadTrace before = attend(X, W), after = attend(X, turned);
  const auto moved = page.check_greater(difference(after.query, before.query), 0.1,
                                        "W_Q M and W_K M^-T: all queries and keys are others now");
  const auto same =
      page.check_close(after.pattern, before.pattern,
                       "and every weight is the same: only the product W_Q W_K^T means "
                       "something",
                       1e-10);  // M is inverted in floating point
  page.claim("C04-06", moved);
  page.claim("C04-06", same);

  HeadWeights with_bias = W;
  with_bias.b_K = random_vector(random, d_k);
  const HeadTrace key_bias = attend(X, with_bias);
  page.check_greater(difference(key_bias.scores, before.scores), 0.01,
                     "a bias on keys changes scores");
  page.check_close(key_bias.pattern, before.pattern,
                   "but no weight: every score of a row moves by the same amount");
  with_bias = W;
  with_bias.b_Q = random_vector(random, d_k);
  page.check_greater(difference(attend(X, with_bias).pattern, before.pattern), 0.01,
                     "a bias on queries does change weights");
}

void lookup(lesson::Page& page) {
  page.step("A dictionary, softly");
  const std::size_t n = 5;
  const Matrix keys = identity(n);  // orthonormal
  const Matrix values = {{10}, {20}, {30}, {40}, {50}};
  const Matrix asked = xt::view(keys, xt::range(3, 4));  // the fourth key
  const auto answer = [&](double beta, const Matrix& all_keys) {
    const Matrix scores = beta * matmul(asked, transpose(all_keys));  // [1, n]
    return matmul(softmax_rows(scores), values)(0, 0);
  };
  std::vector<std::string> names;
  std::vector<double> found;
  for (const double beta : {0.0, 1.0, 2.0, 4.0, 8.0, 40.0}) {
    names.push_back("beta " + render::tick_text(beta));
    found.push_back(answer(beta, keys));
  }
  page.bars("asked for the fourth value, 40", names, found);
  page.claim("C04-07", page.check_close(found.front(), 30, "beta 0: the mean of all values"));
  page.claim("C04-07",
             page.check_close(found.back(), 40, "beta 40: the value itself, to 12 digits"));
  page.claim("C04-07",
             page.check_greater(std::abs(found[1] - 40), 1, "beta 1: a mixture, no lookup"));
  Matrix twice = keys;
  xt::view(twice, 1) = xt::view(keys, 3);  // the second key is now a copy of the fourth
  page.check_close(answer(40, twice), 30, "two equal keys: half of 20 and half of 40");

  page.step("Parallel is not enough");
  const Matrix q = {{1, 0}}, parallel = {{1, 0}}, oblique = {{2, 2}};
  page.claim(
      "C04-10",
      page.check_greater(matmul(q, transpose(oblique))(0, 0), matmul(q, transpose(parallel))(0, 0),
                         "(2, 2) at 45 degrees scores higher than (1, 0) in line: the "
                         "product knows length too"));
}

void scaling(lesson::Page& page) {
  page.step("Why 1 / sqrt(d_k)");
  Random random(page.seed(43));
  std::vector<std::vector<std::string>> rows;
  double worst = 0, sharpest = 0, softest = 0;
  const std::size_t draws = 4000;
  for (const std::size_t width : {4u, 16u, 64u, 256u}) {
    double squares = 0;
    for (std::size_t i = 0; i < draws; ++i) {
      double product = 0;
      for (std::size_t c = 0; c < width; ++c) product += random.normal() * random.normal();
      squares += product * product;
    }
    const double variance = squares / draws / static_cast<double>(width);
    // Var(q.k) is d_k; its estimate from N draws deviates by about sqrt((2 + 6/d_k) / N) of it
    const double sigma = std::sqrt((2 + 6 / static_cast<double>(width)) / draws);
    worst = std::max(worst, std::abs(variance - 1) / sigma);
    const Matrix S =
        matmul(random_matrix(random, 50, width), transpose(random_matrix(random, 10, width)));
    const Matrix scaled = S / std::sqrt(static_cast<double>(width));
    const Matrix raw_peak = row_max(softmax_rows(S)), peak = row_max(softmax_rows(scaled));
    sharpest = xt::mean(raw_peak)(), softest = xt::mean(peak)();
    rows.push_back({std::to_string(width), render::fixed(variance * static_cast<double>(width), 1),
                    render::fixed(sharpest, 3), render::fixed(softest, 3)});
  }
  page.text_table({"d_k", "variance of q.k", "largest weight, unscaled", "scaled"}, rows);
  page.claim("C04-12",
             page.check_less(worst, 5, "the variance of q.k is d_k, within five deviations"));
  page.claim("C04-12", page.check_greater(sharpest / softest, 1.8,
                                          "at d_k = 256 the unscaled softmax is all but decided"));
  const Matrix p = softmax_rows(Matrix{{0.3, -1.2, 2.0, 0.7}});  // [1, n]
  Matrix jacobian = xt::zeros<double>({4, 4}), measured = jacobian;
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      jacobian(i, j) = (i == j ? p(0, i) : 0) - p(0, i) * p(0, j);
      Matrix up = {{0.3, -1.2, 2.0, 0.7}}, down = up;
      up(0, j) += 1e-5, down(0, j) -= 1e-5;
      measured(i, j) = (softmax_rows(up)(0, i) - softmax_rows(down)(0, i)) / 2e-5;
    }
  page.check_close(measured, jacobian, "softmax changes by diag(p) - p p^T", 1e-9);  // differences
}

void cross(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("One tensor three times, or two tensors");
  MultiHeadWeights heads = {1, W.W_Q, W.W_K, W.W_V, identity(d_v)};
  MultiHeadTrace three_times;
  multi_head_attention(X, X, heads, {}, three_times);
  page.claim("C04-18", page.check_close(three_times.attention_output, attend(X, W).output,
                                        "attention(X, X, X) is self-attention"));
  Random random(page.seed(44));
  const Matrix memory = random_matrix(random, 7, d_model);  // an encoder's output
  const HeadTrace decoder = attend(X, memory, W, {});
  page.check_equal(decoder.scores.shape(1), memory.shape(0),
                   "scores have a column for every memory");
  page.explore(decoder);
  Matrix shuffled = memory;
  for (std::size_t i = 0; i < 7; ++i) xt::view(shuffled, i) = xt::view(memory, (i + 3) % 7);
  page.claim("C04-19",
             page.check_close(attend(X, shuffled, W, {}).output, decoder.output,
                              "queries from the decoder, pairs of keys and values from the "
                              "encoder, in any order"));
  Matrix mixed_up = xt::zeros<double>({X.shape(0), d_v});
  mixed_up = matmul(attend(X, shuffled, W, {}).pattern, decoder.value);
  page.claim("C04-19", page.check_greater(difference(mixed_up, decoder.output), 0.1,
                                          "shuffling keys without their values is something else"));
}

void in_models(lesson::Page& page) {
  page.step("A head for duplicates, built by hand");
  const std::vector<std::size_t> ids = {0, 1, 2, 0, 3, 1, 0};
  const Matrix E = identity(4);
  Matrix X = xt::zeros<double>({ids.size(), std::size_t{4}});  // one-hot tokens
  for (std::size_t i = 0; i < ids.size(); ++i) xt::view(X, i) = xt::view(E, ids[i]);
  const HeadTrace duplicates = attend(X, {60 * E, E, E}, {.causal = true});
  const std::vector<std::string> words = {"a", "b", "c", "a", "d", "b", "a"};
  page.heat_map("equal queries and keys meet", duplicates.pattern, {words, words},
                &duplicates.mask);
  double on_equal = 0;
  for (std::size_t i = 0; i < ids.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j)
      if (ids[i] == ids[j]) on_equal += duplicates.pattern(i, j) / static_cast<double>(ids.size());
  page.claim("C04-21", page.check_greater(on_equal, 0.999,
                                          "W_Q = 60, W_K = 1 on one-hot tokens: all "
                                          "weight is on equal tokens"));
  page.check_close(duplicates.pattern(6, 0), 1.0 / 3, "a third copy shares it among three", 1e-9);

  page.step("A trained model: who looks at whom");
  const std::vector<Example> examples = held_out(find_recipe("grammar"), 32);
  const Evaluation after = evaluate(lesson::trained_model("grammar"), examples);
  const Evaluation before = evaluate(lesson::untrained_model("grammar"), examples);
  std::vector<std::vector<std::string>> rows;
  for (const char* relation : {"pronoun", "reflexive", "agreement", "bracket"}) {
    const RelationFigures &a = after.relation.at(relation), &b = before.relation.at(relation);
    rows.push_back({relation, render::fixed(a.best(), 2), render::fixed(b.best(), 2),
                    render::fixed(a.uniform, 2), render::fixed(a.accuracy, 2)});
  }
  page.text_table(
      {"relation", "best head's weight", "untrained", "looking at all", "right answers"}, rows);
  page.claim("C04-20",
             page.check_greater(after.relation.at("bracket").best(), 0.8,
                                "a closing bracket's query finds the key of the opening one"));
  page.claim("C04-23",
             page.check_greater(after.relation.at("pronoun").best(),
                                3 * before.relation.at("pronoun").best(),
                                "a pronoun's query finds its name, three times the untrained "
                                "weight"));
  page.claim("C04-23", page.check_less(after.relation.at("pronoun").best(), 0.9,
                                       "but no head gives it everything"));
}

void tell(lesson::Page& page) {
  const std::vector<std::string> tokens = page.tokens("The cat eats the fish", 2);
  Random random(page.seed(4));
  const Matrix X = lesson::embed_words(tokens, d_model);  // [n, d_model]
  const HeadWeights W = {random_matrix(random, d_model, d_k, 0.4),
                         random_matrix(random, d_model, d_k, 0.4),
                         random_matrix(random, d_model, d_v, 0.4)};
  projections(page, tokens, X, W);
  gauge(page, X, W);
  lookup(page);
  scaling(page);
  cross(page, X, W);
  in_models(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, {.number = 4, .title = "Query, key, value"}, tell);
}
