// Lesson 4: query, key, value.   Report, section 4.
// A typed text in d_model = 8, one head with d_k = 4 and d_v = 3; a dictionary of five orthonormal
// keys; small vectors of whole numbers; PyTorch's layer; the trained model "grammar".
#include <cmath>
#include <headlight/analysis/entropy.hpp>
#include <headlight/attention/cross.hpp>
#include <headlight/attention/head.hpp>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/reduce.hpp>
#include <headlight/layer/softmax.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "05_self_attention_step_by_step/pytorch.hpp"
#include "support/algebra.hpp"
#include "support/page.hpp"
#include "support/plain_head.hpp"
#include "support/trained.hpp"

using namespace headlight;

namespace {

constexpr std::size_t d_model = 8, d_k = 4, d_v = 3;

void mathematical_role(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X,
                       const HeadWeights& W) {
  const std::size_t n = tokens.size();
  page.step("Mathematical role: three projections of one input");
  const Matrix Q = matmul(X, W.W_Q);  // [n, d_k]
  const Matrix K = matmul(X, W.W_K);  // [n, d_k]
  const Matrix V = matmul(X, W.W_V);  // [n, d_v]
  page.show("Q", "token, d_k", Q, {.rows = tokens});
  page.show("K", "token, d_k", K, {.rows = tokens});
  page.show("V", "token, d_v", V, {.rows = tokens});
  const HeadTrace head = attend(X, W);
  const lesson::PlainHead sums = lesson::plain_head(X, W);  // one number at a time
  page.check_close(head.query, sums.query,
                   "the library's queries equal X W_Q, summed one number at a time")
      .decides("C04-01", "C04-02");
  page.check_close(head.key, sums.key,
                   "the library's keys equal X W_K, summed one number at a time")
      .decides("C04-01", "C04-02");
  page.check_close(
          head.value, sums.value,
          "the library's values, 3 wide where keys are 4, equal X W_V, summed one number at a time")
      .decides("C04-01", "C04-02");

  page.step("Mathematical role: weights from Q and K, content from V");
  page.show("Q K^T", "query, key", head.raw_scores, {tokens, tokens});
  page.heat_map("A: who looks at whom", head.pattern, {tokens, tokens});
  page.show("Y", "token, d_v", head.output, {.rows = tokens});
  page.check_close(head.raw_scores, sums.raw,
                   "the raw score of i and j equals q_i . k_j, a sum of d_k products")
      .decides("C04-03");
  page.check_close(head.output, sums.output,
                   "the output equals the values mixed in the proportions of exp(q.k / sqrt(d_k))")
      .decides("C04-03");
  page.check_differs(
      head.raw_scores, transpose(head.raw_scores), 1e-3,
      "what token i asks of j is not what j asks of i: the raw scores are not symmetric");
  const Matrix alike = attend(X, HeadWeights{W.W_Q, W.W_Q, W.W_V}).raw_scores;  // [n_query, n_key]
  page.check_close(alike, transpose(alike), "with W_K = W_Q the raw scores are symmetric");
  double least_on_self = 1;
  for (std::size_t i = 0; i < n; ++i) least_on_self = std::min(least_on_self, head.pattern(i, i));
  page.check_greater(least_on_self, 1e-6,
                     "every token gives some weight to itself too: each more than one in a million")
      .decides("C04-04");
  const HeadTrace causal = attend(X, W, {.causal = true});
  page.check_close(causal.pattern, lesson::plain_head(X, W, /*causal=*/true).pattern,
                   "in a decoder the weights equal those of a query compared with itself and "
                   "earlier keys only")
      .decides("C04-04", "C04-09");
  page.check_differs(head.pattern, causal.pattern, 1e-3,
                     "without the mask the same head has other weights than in a decoder")
      .controls("C04-09");

  Random random(page.seed(41));
  HeadWeights other = W;
  other.W_V = random_matrix(random, d_model, d_v);
  const HeadTrace fetched = attend(X, other);
  page.check_close(fetched.pattern, head.pattern,
                   "another W_V leaves every weight of the pattern as it was")
      .decides("C04-05");
  page.check_differs(fetched.output, head.output, 1e-3, "another W_V changes the output")
      .decides("C04-05");
  other = W;
  other.W_K = random_matrix(random, d_model, d_k);
  page.check_differs(attend(X, other).pattern, head.pattern, 1e-3,
                     "another W_K changes the weights of the pattern")
      .controls("C04-05");
}

void semantic_role(lesson::Page& page, const Matrix& X, const HeadWeights& W, const Matrix& W_O) {
  page.step("Semantic role: does a query mean something alone?");
  Random random(page.seed(42));
  const auto [M, M_inverse] = lesson::with_inverse(d_k, random);  // [d_k, d_k]
  const auto [N, N_inverse] = lesson::with_inverse(d_v, random);  // [d_v, d_v]
  HeadWeights turned = W;
  turned.W_Q = matmul(W.W_Q, M);                     // [d_model, d_k]
  turned.W_K = matmul(W.W_K, transpose(M_inverse));  // [d_model, d_k]
  turned.W_V = matmul(W.W_V, N);                     // [d_model, d_v]
  const Matrix turned_W_O = matmul(N_inverse, W_O);  // [d_v, d_model]
  const HeadTrace before = attend(X, W), after = attend(X, turned);
  page.check_differs(after.query, before.query, 1e-3,
                     "W_Q times an invertible matrix M gives other queries")
      .decides("C04-06");
  page.check_differs(after.key, before.key, 1e-3,
                     "W_K times M^-T, the inverse of M transposed, gives other keys")
      .decides("C04-06");
  page.check_differs(after.value, before.value, 1e-3,
                     "W_V times an invertible matrix N gives other values")
      .decides("C04-06");
  page.check_close(
          after.scores, before.scores,
          "W_Q M and W_K M^-T give the same scores as W_Q and W_K: their product alone matters",
          1e-10)
      .decides("C04-06");  // M is inverted in floating point
  page.check_close(matmul(after.output, turned_W_O), matmul(before.output, W_O),
                   "W_V N and N^-1 W_O write the same as W_V and W_O: their product alone matters",
                   1e-10)
      .decides("C04-06");  // so is N
  turned.W_K = W.W_K;
  page.check_differs(attend(X, turned).scores, before.scores, 1e-3,
                     "W_Q M with W_K left as it was gives other scores")
      .controls("C04-06");

  HeadWeights with_key_bias = W;
  with_key_bias.b_K = random_vector(random, d_k);
  Matrix shift = before.scores;  // [n_query, n_key], q . b_K / sqrt(d_k): the same in all of a row
  for (std::size_t i = 0; i < X.shape(0); ++i) {
    const Vector q = xt::view(before.query, i);  // [d_k]
    xt::view(shift, i) = xt::sum(q * with_key_bias.b_K)() / std::sqrt(static_cast<double>(d_k));
  }
  page.check_close(attend(X, with_key_bias).key, Matrix(before.key + with_key_bias.b_K),
                   "a key bias b_K makes the keys X W_K + b_K");
  page.check_close(attend(X, with_key_bias).scores, Matrix(before.scores + shift),
                   "a key bias b_K moves every score of a row by the same q . b_K / sqrt(d_k)");
  page.check_close(attend(X, with_key_bias).pattern, before.pattern,
                   "a key bias changes no weight of the pattern");
  HeadWeights with_query_bias = W;
  with_query_bias.b_Q = random_vector(random, d_k);
  page.check_differs(attend(X, with_query_bias).pattern, before.pattern, 0.01,
                     "a query bias changes the weights of the pattern");

  page.step("Semantic role: a database, softly");
  const std::size_t n = 5;
  const Matrix identity = xt::eye<double>(n);                // [n, n]
  const Matrix content = {{10}, {20}, {30}, {40}, {50}};     // [n_key, 1]
  const Matrix asked = xt::view(identity, xt::range(3, 4));  // [1, n], the fourth key
  // {.scale = beta} replaces 1 / sqrt(d_k): here it multiplies the raw scores Q K^T.
  const auto answer = [&](double beta, const Matrix& keys) {
    return matmul(
        attend(asked, keys, HeadWeights{identity, identity, identity}, {.scale = beta}).pattern,
        content)(0, 0);
  };
  std::vector<std::string> names;
  std::vector<double> found;
  for (const double beta : {1e-13, 1.0, 2.0, 4.0, 8.0, 40.0}) {
    names.push_back("scores times " + render::tick_text(beta));
    found.push_back(answer(beta, identity));
  }
  page.bars("five orthonormal keys, asked for the fourth value: 40", names, found);
  page.check_close(found.front(), 30,
                   "asked for the fourth of five keys, raw scores times 1e-13 give 30, the mean of "
                   "all values",
                   1e-12)
      .decides("C04-07");
  page.check_close(found.back(), 40,
                   "asked for the fourth of five keys, raw scores times 40 give its own value, 40, "
                   "to 12 digits")
      .decides("C04-07");
  page.check_greater(40 - found[1], 1,
                     "asked for the fourth of five keys, raw scores times 1 give a mixture, below "
                     "its 40 by more than 1")
      .controls("C04-07");
  Matrix twice = identity;
  xt::view(twice, 1) = xt::view(identity, 3);  // the second key is now a copy of the fourth
  page.check_close(answer(40, twice), 30,
                   "where the second key equals the fourth, asking for it gives 30: half of 20 and "
                   "half of 40")
      .controls("C04-07");
}

void mathematics(lesson::Page& page) {
  page.step("Mathematics: the more parallel, the higher?");
  const Matrix identity = {{1, 0}, {0, 1}};  // [d_k, d_k]
  const Matrix q = {{1, 0}};                 // [1, d_k]
  const Matrix k = {{1, 0}, {2, 2}};  // [n_key, d_k]: in line with q; at 45 degrees, but longer
  const Matrix S =
      attend(q, k, HeadWeights{identity, identity, identity}, {}).raw_scores;  // [1, n_key]
  page.show("Q K^T", "query, key", S);
  page.check_greater(S(0, 1), S(0, 0),
                     "for the query (1, 0) the key (2, 2), at 45 degrees but longer, scores higher "
                     "than (1, 0), in line")
      .decides("C04-10");
  const Matrix as_long = {{1, 0}, {std::sqrt(0.5), std::sqrt(0.5)}};  // [n_key, d_k]
  const Matrix S_unit =
      attend(q, as_long, HeadWeights{identity, identity, identity}, {}).raw_scores;  // [1, n_key]
  page.check_greater(S_unit(0, 0), S_unit(0, 1),
                     "of two keys of length 1 the one in line with the query scores higher than "
                     "the one at 45 degrees")
      .controls("C04-10");

  page.step("Mathematics: softmax makes probabilities");
  const Matrix S_row = {{0.3, -1.2, 2.0, 0.7}};        // [1, n_key]
  const Matrix p = softmax_rows(S_row);                // [1, n_key]
  Matrix J = xt::zeros<double>({4, 4}), measured = J;  // [n_key, n_key], dp_i / dS_j
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      J(i, j) = (i == j ? p(0, i) : 0) - p(0, i) * p(0, j);
      Matrix up = S_row, down = S_row;
      up(0, j) += 1e-5, down(0, j) -= 1e-5;
      measured(i, j) = (softmax_rows(up)(0, i) - softmax_rows(down)(0, i)) / 2e-5;
    }
  page.show("dp / dS", "weight, score", measured);
  page.check_close(p, Matrix(xt::exp(S_row) / xt::sum(xt::exp(S_row))()),
                   "softmax of a row of four scores equals exp(S) over the row's sum of exp(S)")
      .decides("C04-11");
  page.check_true(xt::amin(p)() > 0 && std::abs(xt::sum(p)() - 1) < 1e-15,
                  "softmax of a row of four scores gives four positive numbers that sum to one")
      .decides("C04-11");
  page.check_close(measured, J, "the measured slopes of softmax equal diag(p) - p p^T",
                   1e-9);  // differences
  page.check_less(
      xt::amax(xt::abs(xt::sum(measured, {0})))(), 1e-9,
      "what one weight gains the others lose: the slopes of the weights to any score sum to zero");
}

void why_root_d_k(lesson::Page& page) {
  page.step("Mathematics: why 1 / sqrt(d_k)");
  Random random(page.seed(43));
  std::vector<std::vector<std::string>> rows;
  double worst = 0;          // distance of a variance from d_k, in deviations
  double sharpest = 0;       // largest weight, unscaled; the last d_k's stays
  std::vector<double> soft;  // largest weight, scaled, for every d_k
  const std::size_t draws = 4000;
  for (const std::size_t width : {4u, 16u, 64u, 256u}) {
    double squares = 0;
    for (std::size_t i = 0; i < draws; ++i) {
      double product = 0;
      for (std::size_t c = 0; c < width; ++c) product += random.normal() * random.normal();
      squares += product * product;
    }
    const double variance = squares / draws, w = static_cast<double>(width);
    // an estimate from N draws of a variance of d_k is off by about sqrt((2 + 6 / d_k) / N) of it
    worst = std::max(worst, std::abs(variance / w - 1) / std::sqrt((2 + 6 / w) / draws));
    const Matrix queries = random_matrix(random, 50, width),
                 keys = random_matrix(random, 10, width);
    const Matrix one_to_one = xt::eye<double>(width);  // [d_k, d_k]
    std::vector<std::string> row = {std::to_string(width), render::fixed(variance, 1)};
    for (const double scale : {1.0, 0.0}) {  // 0: the library's own 1 / sqrt(d_k)
      const Matrix A =
          attend(queries, keys, HeadWeights{one_to_one, one_to_one, one_to_one}, {.scale = scale})
              .pattern;            // [50, 10]
      double nats = 0, slope = 0;  // mean entropy of a row; mean norm of diag(p) - p p^T
      for (std::size_t i = 0; i < 50; ++i) {
        const std::span<const double> p_i(A.data() + i * 10, 10);
        double squares_of_p = 0, jacobian_squares = 0;  // of p; of diag(p) - p p^T
        for (const double x : p_i) squares_of_p += x * x;
        for (const double x : p_i)
          jacobian_squares +=
              x * x * (squares_of_p - x * x) + x * x * (1 - x) * (1 - x);  // one row of it
        nats += entropy(p_i) / 50;
        slope += std::sqrt(jacobian_squares) / 50;
      }
      const Matrix peaks = row_max(A);  // [50, 1]
      if (scale == 1)
        sharpest = xt::mean(peaks)();
      else
        soft.push_back(xt::mean(peaks)());
      row.push_back(render::fixed(xt::mean(peaks)(), 2) + " " + render::fixed(nats, 2) + " " +
                    render::fixed(slope, 2));
    }
    rows.push_back(row);
  }
  page.say(
      "Of ten keys: the largest weight, the entropy of the weights in nats, the size of their "
      "slope.");
  page.text_table({"d_k", "variance of q.k", "unscaled", "scaled"}, rows);
  page.check_less(worst, 5,
                  "for d_k = 4, 16, 64, 256 the variance of q.k is d_k, within five deviations of "
                  "the estimate")
      .decides("C04-12");
  page.check_greater(sharpest, 0.85,
                     "unscaled, at d_k = 256, the largest of ten weights is above 0.85 on average")
      .decides("C04-12");
  page.check_less(std::abs(soft.back() - soft.front()), 0.1,
                  "scaled, the largest of ten weights at d_k = 256 is within 0.1 of that at d_k = "
                  "4, on average")
      .controls("C04-12");
}

void in_code(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("In code: one tensor three times");
  MultiHeadTrace three_times;
  multi_head_attention(pytorch::x, pytorch::x, pytorch::layer, {}, three_times);
  page.check_close(three_times.attention_output, pytorch::attn_output,
                   "the library's layer, given x three times, returns what PyTorch's layer(x, x, "
                   "x) returned")
      .decides("C04-18");
  page.check_differs(three_times.query, three_times.key, 1e-3,
                     "a layer given one tensor three times makes queries that differ from its keys")
      .decides("C04-18");

  page.step("In code: two tensors, cross-attention");
  Random random(page.seed(44));
  const std::size_t n_memory = 7;
  const Matrix memory =
      random_matrix(random, n_memory, d_model);  // [n_key, d_model], an encoder's output
  const HeadTrace decoder = attend(X, memory, W, {});
  page.explore(decoder);
  page.check_close(decoder.raw_scores, matmul(matmul(X, W.W_Q), transpose(matmul(memory, W.W_K))),
                   "in cross-attention the raw scores are decoder queries (rows) times encoder "
                   "keys (columns)")
      .decides("C04-19");
  page.check_close(decoder.value, matmul(memory, W.W_V),
                   "in cross-attention the values are the encoder's tokens times W_V")
      .decides("C04-19");
  const Matrix moved = lesson::reordered(memory, {3, 4, 5, 6, 0, 1, 2});  // [n_key, d_model]
  page.check_close(
          attend(X, moved, W, {}).output, decoder.output,
          "the encoder's tokens in another order, keys and values alike, give the same output")
      .decides("C04-19");
  page.check_differs(matmul(attend(X, moved, W, {}).pattern, decoder.value), decoder.output, 1e-3,
                     "the encoder's keys in another order, its values not, give another output")
      .controls("C04-19");
  MultiHeadWeights heads = lesson::draw_heads(random, 2, d_model);
  heads.b_K = random_vector(random, d_model), heads.b_V = random_vector(random, d_model);
  page.check_close(cross_attention(X, keep_source(memory, heads), heads).attention_output,
                   cross_attention(X, memory, heads).attention_output,
                   "the encoder's keys and values, made once and kept, give the same as made anew")
      .decides("C04-19");
}

void interpretation(lesson::Page& page) {
  page.step("Interpretation: a head for duplicates, built by hand");
  const std::vector<std::string> words = {"a", "b", "c", "a", "d", "b", "a"};
  const Matrix E = xt::eye<double>(4);                           // [vocabulary, d_model]
  const Matrix X = lesson::reordered(E, {0, 1, 2, 0, 3, 1, 0});  // [n, d_model], one-hot
  const HeadTrace duplicates = attend(X, HeadWeights{60 * E, E, E}, {.causal = true});
  page.heat_map("equal queries and keys meet", duplicates.pattern, {words, words},
                &duplicates.mask);
  const auto on_equal = [&](const Matrix& A) {  // mean weight on tokens equal to the query's
    double weight = 0;
    for (std::size_t i = 0; i < words.size(); ++i)
      for (std::size_t j = 0; j < words.size(); ++j)
        if (words[i] == words[j]) weight += A(i, j) / static_cast<double>(words.size());
    return weight;
  };
  const Matrix on_the_as = {
      {duplicates.pattern(6, 0), duplicates.pattern(6, 3), duplicates.pattern(6, 6)}};  // [1, 3]
  page.check_greater(on_equal(duplicates.pattern), 0.999,
                     "a head with W_Q = 60 I, W_K = I on one-hot tokens gives equal tokens over "
                     "0.999 of its weight")
      .decides("C04-21");
  page.check_close(
          on_the_as, Matrix(xt::ones<double>({1, 3}) / 3.0),
          "in \"a b c a d b a\" the last a gives each of the three a's a third of its weight",
          1e-9)
      .decides("C04-21");  // exp(-30) of it is elsewhere
  page.check_less(on_equal(attend(X, HeadWeights{0 * E, E, E}, {.causal = true}).pattern), 0.7,
                  "a head with W_Q = 0, which asks for nothing, gives equal tokens less than 0.7 "
                  "of its weight")
      .controls("C04-21");

  page.step("Interpretation: who looks at whom in a trained model");
  const std::vector<Example> examples = held_out(find_recipe("grammar"), 32);
  const Evaluation after =
      evaluate(lesson::trained_model("grammar"), examples, {.threads = lesson::threads});
  const Evaluation before =
      evaluate(lesson::untrained_model("grammar"), examples, {.threads = lesson::threads});
  lesson::show_relations(page, {"pronoun", "reflexive", "agreement", "bracket"}, after, before);
  const double bracket = after.relation.at("bracket").best(),
               pronoun = after.relation.at("pronoun").best();
  page.check_greater(bracket, 0.8,
                     "just before a closing bracket some head of \"grammar\" gives the opening one "
                     "over 0.8 of its weight")
      .decides("C04-20");
  page.check_less(
          before.relation.at("bracket").best(), 0.3,
          "just before a closing bracket no untrained head gives the opening one 0.3 of its weight")
      .controls("C04-20");
  page.check_greater(pronoun, 3 * before.relation.at("pronoun").best(),
                     "some head of \"grammar\" gives a pronoun's name over three times the weight "
                     "the best untrained head gives it")
      .decides("C04-23");
  page.check_less(pronoun, 0.9, "no head of \"grammar\" gives a pronoun's name 0.9 of its weight")
      .decides("C04-23");
  page.check_less(before.relation.at("pronoun").best(), 0.2,
                  "no untrained head gives a pronoun's name 0.2 of its weight")
      .controls("C04-23");
}

void tell(lesson::Page& page) {
  const std::vector<std::string> tokens = page.tokens("The cat eats the fish", 2);
  Random random(page.seed(4));
  const Matrix X = lesson::embed_words(tokens, d_model);             // [n, d_model]
  const HeadWeights W = {random_matrix(random, d_model, d_k, 0.4),   // [d_model, d_k]
                         random_matrix(random, d_model, d_k, 0.4),   // [d_model, d_k]
                         random_matrix(random, d_model, d_v, 0.4)};  // [d_model, d_v]
  const Matrix W_O = random_matrix(random, d_v, d_model, 0.4);       // [d_v, d_model]
  mathematical_role(page, tokens, X, W);
  semantic_role(page, X, W, W_O);
  mathematics(page);
  why_root_d_k(page);
  in_code(page, X, W);
  interpretation(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(
      argc, argv,
      {.number = 4, .title = "Query, key, value", .models = lesson::use_models({"grammar"})}, tell);
}
