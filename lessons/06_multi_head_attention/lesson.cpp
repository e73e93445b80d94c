// Lesson 6: multi-head attention, assembly and aggregation.   Report, section 6.
// A typed text in d_model = 12, h = 3 heads of d_h = 4; numbered cells for the layout; two bits for
// what a linear map cannot do; the trained models "order" and "grammar" of lessons/models.
#include <algorithm>
#include <array>
#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/attention/model.hpp>
#include <headlight/core/linalg.hpp>
#include <headlight/core/random.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/recipes.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <numeric>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "support/configurations.hpp"
#include "support/models.hpp"
#include "support/page.hpp"

using namespace headlight;

namespace {

constexpr std::size_t d = 12, h = 3, d_h = 4;  // d_model, heads, width of a head

double difference(const Matrix& a, const Matrix& b) {
  return compare(a, b).relative;
}

HeadWeights one_head(const MultiHeadWeights& w, std::size_t head) {
  auto columns = xt::range(head * d_h, (head + 1) * d_h);
  return {xt::view(w.W_Q, xt::all(), columns), xt::view(w.W_K, xt::all(), columns),
          xt::view(w.W_V, xt::all(), columns)};
}

std::size_t count(const MultiHeadWeights& w) {
  return w.W_Q.size() + w.W_K.size() + w.W_V.size() + w.W_O.size() + w.b_Q.size() + w.b_K.size() +
         w.b_V.size() + w.b_O.size();
}

void assembly(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X,
              const MultiHeadWeights& W) {
  const std::size_t n = tokens.size();
  page.step("Heads in parallel, each with its own projections");
  const MultiHeadTrace all = multi_head_attention(X, W);
  Matrix concatenated = xt::zeros<double>({n, d});  // [n, h * d_h]
  Matrix sum = xt::zeros<double>({n, d});           // [n, d_model]
  double worst = 0;
  for (std::size_t i = 0; i < h; ++i) {
    const HeadTrace head = attend(X, one_head(W, i));
    page.heat_map("head " + std::to_string(i), head.pattern, {tokens, tokens});
    const Matrix output = xt::view(all.output, i);  // [n, d_h]
    worst = std::max(worst, difference(output, head.output));
    xt::view(concatenated, xt::all(), xt::range(i * d_h, (i + 1) * d_h)) = head.output;
    const Matrix W_O_i = xt::view(W.W_O, xt::range(i * d_h, (i + 1) * d_h));  // [d_h, d_model]
    sum += matmul(head.output, W_O_i);
  }
  page.explore(all, tokens, tokens);
  const auto alone =
      page.check_less(worst, 1e-12, "every head computes what it would compute alone");
  page.claim("C06-01", alone);
  page.claim("C06-02", alone);

  page.step("Concatenation and W_O");
  page.show("concat", "token, h d_h", concatenated, {.rows = tokens});
  const auto by_concat = page.check_close(all.attention_output, matmul(concatenated, W.W_O),
                                          "the layer gives the concatenation times W_O");
  page.claim("C06-03", by_concat);
  page.claim("C06-07", by_concat);
  page.claim("C06-05",
             page.check_equal(all.concatenated.shape(1), d, "h heads of d / h: d columns again"));
  const auto by_sum = page.check_close(all.attention_output, sum,
                                       "the same as a sum: head i times its d_h rows of W_O");
  page.claim("C06-03", by_sum);
  page.claim("C06-31", by_sum);

  MultiHeadWeights relabelled = W, half = W;
  for (std::size_t i = 0; i < h; ++i) {
    const std::size_t from = (i + 1) % h;
    for (auto member : {&MultiHeadWeights::W_Q, &MultiHeadWeights::W_K, &MultiHeadWeights::W_V})
      xt::view(relabelled.*member, xt::all(), xt::range(i * d_h, (i + 1) * d_h)) =
          xt::view(W.*member, xt::all(), xt::range(from * d_h, (from + 1) * d_h));
    half = relabelled;
  }
  for (std::size_t i = 0; i < h; ++i) {
    const std::size_t from = (i + 1) % h;
    xt::view(relabelled.W_O, xt::range(i * d_h, (i + 1) * d_h)) =
        xt::view(W.W_O, xt::range(from * d_h, (from + 1) * d_h));
  }
  page.check_close(multi_head_attention(X, relabelled).attention_output, all.attention_output,
                   "heads have no order: exchanged with their rows of W_O they give the same");
  page.check_greater(
      difference(multi_head_attention(X, half).attention_output, all.attention_output), 0.1,
      "exchanged without those rows they do not");

  const std::size_t wide = 20;  // d_model of a layer whose W_O is not square
  Random random(page.seed(61));
  MultiHeadWeights rectangular = W;
  rectangular.W_O = random_matrix(random, d, wide);
  page.claim("C06-08",
             page.check_equal(multi_head_attention(X, rectangular).attention_output.shape(1), wide,
                              "W_O need not be square"));
}

void layout(lesson::Page& page) {
  page.step("Reshape, transpose, fold");
  const std::size_t n = 6, heads = 4,
                    width = 3;  // cells are numbered so that each can be found again
  Matrix P = xt::zeros<double>({n, heads * width});
  std::iota(P.begin(), P.end(), 0.0);
  Tensor3 right = xt::zeros<double>({heads, n, width}), glued = right;
  std::copy(P.begin(), P.end(), glued.begin());  // reshape alone, no transpose
  double misplaced = 0;
  for (std::size_t i = 0; i < heads; ++i)
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t c = 0; c < width; ++c) {
        right(i, t, c) = P(t, i * width + c);
        misplaced += glued(i, t, c) != right(i, t, c) ? 1.0 / static_cast<double>(P.size()) : 0;
      }
  page.show("numbered cells", "token, h d_h", P);
  page.show("split", "head, token, d_h", right);
  const Matrix one = xt::eye<double>(heads * width);  // projections that change nothing
  page.check_close(multi_head_attention(P, MultiHeadWeights{heads, one, one, one, one}).query,
                   right, "the library splits its projections like that");
  page.claim("C06-06", page.check_greater(misplaced, 0.9,
                                          "a reshape without a transpose puts more than "
                                          "nine of ten cells into wrong heads"));
  Matrix merged = xt::zeros<double>({n, heads * width});
  for (std::size_t i = 0; i < heads; ++i)
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t c = 0; c < width; ++c) merged(t, i * width + c) = right(i, t, c);
  page.claim("C06-27",
             page.check_equal(difference(merged, P), 0.0, "the inverse transpose brings it back"));
  page.claim("C06-25",
             page.check_true(right.shape() == std::array{heads, n, width},
                             "after transpose_qkv heads stand with the batch, [batch h, n, "
                             "d_h]; [batch, n, h, d_h] is the step before (Zhang et al., Dive "
                             "into Deep Learning, 11.5)"));
  Random random(page.seed(62));  // two sequences of three heads each, folded into one batch of six
  const std::size_t batch = 2;
  double worst = 0;
  for (std::size_t b = 0; b < batch; ++b) {
    const Matrix X = random_matrix(random, n, d);
    const MultiHeadWeights W = {h, random_matrix(random, d, d, 0.4),
                                random_matrix(random, d, d, 0.4), random_matrix(random, d, d, 0.4),
                                random_matrix(random, d, d, 0.4)};
    const MultiHeadTrace t = multi_head_attention(X, W);
    for (std::size_t i = 0; i < h; ++i) {
      const Matrix q = xt::view(t.query, i), k = xt::view(t.key, i), S = xt::view(t.raw_scores, i);
      const Matrix A = xt::view(t.pattern, i), v = xt::view(t.value, i), z = xt::view(t.output, i);
      worst =
          std::max({worst, difference(S, matmul(q, transpose(k))), difference(z, matmul(A, v))});
    }
  }
  const auto folded = page.check_less(worst, 1e-12,
                                      "each of the folded products [n, d_h] [d_h, n] and "
                                      "[n, n] [n, d_h] is one head of one sequence");
  page.claim("C06-26", folded);
  page.claim("C06-28", folded);
}

void what_W_O_does(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("Is W_O what makes heads interact?");
  const Matrix with = multi_head_attention(X, W).attention_output;
  Matrix without = xt::zeros<double>({X.shape(0), d});
  for (std::size_t i = 0; i < h; ++i) {
    HeadWeights folded = one_head(W, i);  // W_V W_O,i instead of W_V: this head writes by itself
    folded.W_V = matmul(folded.W_V, Matrix(xt::view(W.W_O, xt::range(i * d_h, (i + 1) * d_h))));
    without += attend(X, folded).output;
  }
  const auto folded = page.check_close(with, without,
                                       "W_O folded into each W_V: no W_O is left, and the "
                                       "sum is the same");
  page.claim("C06-10", folded);
  Random random(page.seed(63));
  const MultiHeadTrace z = multi_head_attention(X, W);
  const Matrix next_W = random_matrix(random, d, d);
  const Matrix next_query =
      matmul(z.concatenated, next_W);  // a layer that reads the heads directly
  Matrix only_first = z.concatenated;
  xt::view(only_first, xt::all(), xt::range(d_h, d)) = 0.0;
  page.claim("C06-10",
             page.check_greater(difference(matmul(only_first, next_W), next_query), 0.1,
                                "without W_O the next layer's queries still read all heads"));
  page.claim("C06-12", page.check_close(matmul(z.attention_output, next_W),
                                        matmul(z.concatenated, matmul(W.W_O, next_W)),
                                        "what the next layer reads is linear in the heads"));

  page.step("Two bits");
  const Matrix bits = {{0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {1, 1, 1}};  // of two heads, and a constant
  const Matrix either = {{0}, {1}, {1}, {0}};                        // one of them, not both
  double best = 1;
  Matrix w = {{0}, {0}, {0}};
  for (double a = -1; a <= 1; a += 0.25)
    for (double b = -1; b <= 1; b += 0.25)
      for (double c = -1; c <= 1; c += 0.25) {
        const Matrix guess = matmul(bits, Matrix{{a}, {b}, {c}});
        const Matrix miss = guess - either;
        const double error = xt::mean(miss * miss)();
        if (error < best) best = error, w = {{a}, {b}, {c}};
      }
  page.claim("C06-11", page.check_close(best, 0.25,
                                        "the best affine map of two bits misses \"one but "
                                        "not both\" by 1/4, as saying 1/2 always does"));
  const Matrix hidden_layer =
      xt::maximum(matmul(bits, Matrix{{1, 1}, {1, 1}, {0, -1}}), 0.0);  // ReLU
  page.claim("C06-11", page.check_close(matmul(hidden_layer, Matrix{{1}, {-2}}), either,
                                        "one layer of ReLU after it does it exactly"));
}

void parameters(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("Parameters and arithmetic");
  const auto four_squares =
      page.check_equal(count(W), 3 * h * d * d_h + h * d_h * d, "3 h d d_h + h d_h d parameters");
  page.claim("C06-17", four_squares);
  page.claim("C06-17", page.check_equal(count(W), 4 * d * d, "which is 4 d^2"));
  MultiHeadWeights single = W;
  single.n_heads = 1;
  const auto equal = page.check_equal(count(single), count(W), "as many as one head of width d");
  page.claim("C06-18", equal);
  page.claim("C06-20", equal);
  const MultiHeadTrace many = multi_head_attention(X, W), one = multi_head_attention(X, single);
  page.claim("C06-29", page.check_equal(many.pattern.size(), h * one.pattern.size(),
                                        "but h times as many scores and weights"));
  const lesson::Configuration& bert = lesson::configuration("BERT base");
  page.claim("C06-14",
             page.check_equal(bert.d_model / bert.d_head, bert.heads,
                              "BERT base: 768 columns in heads of 64 are its 12 vectors"));

  const std::size_t n = X.shape(0);
  const auto rank_of = [&](const MultiHeadTrace& t,
                           std::size_t heads) {  // of the patterns, as rows
    Matrix rows = xt::zeros<double>({heads, n * n});
    for (std::size_t i = 0; i < heads; ++i)
      std::copy_n(t.pattern.data() + i * n * n, n * n, rows.data() + i * n * n);
    std::size_t rank = 0;  // Gauss with the largest pivot
    for (std::size_t c = 0; c < n * n && rank < heads; ++c) {
      std::size_t pivot = rank;
      for (std::size_t i = rank; i < heads; ++i)
        if (std::abs(rows(i, c)) > std::abs(rows(pivot, c))) pivot = i;
      if (std::abs(rows(pivot, c)) < 1e-9) continue;
      for (std::size_t k = 0; k < n * n; ++k) std::swap(rows(rank, k), rows(pivot, k));
      for (std::size_t i = rank + 1; i < heads; ++i) {
        const double f = rows(i, c) / rows(rank, c);
        for (std::size_t k = 0; k < n * n; ++k) rows(i, k) -= f * rows(rank, k);
      }
      ++rank;
    }
    return rank;
  };
  page.claim("C06-19", page.check_equal(rank_of(many, h), h,
                                        "three heads: three independent patterns for "
                                        "the same query"));
  page.claim("C06-19",
             page.check_equal(rank_of(one, 1), std::size_t{1}, "one head of width d has one"));
}

void in_models(lesson::Page& page) {
  page.step("Trained: one head or two for \"the last two letters, in order\"");
  std::vector<std::vector<std::string>> rows;
  double accuracy[2] = {0, 0};
  const char* names[2] = {"order-one-head", "order-two-heads"};
  for (int i = 0; i < 2; ++i) {
    const std::vector<Example> examples = held_out(find_recipe(names[i]), 64);
    const Evaluation after = evaluate(lesson::trained_model(names[i]), examples);
    const Evaluation before = evaluate(lesson::untrained_model(names[i]), examples);
    accuracy[i] = after.relation.at("before previous").accuracy;
    for (const char* relation : {"previous", "before previous"})
      rows.push_back({i == 0 ? "one head" : "two heads", relation,
                      render::fixed(after.relation.at(relation).accuracy, 2),
                      render::fixed(before.relation.at(relation).accuracy, 2)});
  }
  page.text_table({"model", "asked for", "right", "untrained"}, rows);
  page.claim("C06-21",
             page.check_greater(accuracy[1] - accuracy[0], 0.3,
                                "at equal parameters two heads name the letter before the "
                                "previous one far more often (for translation: about 0.9 BLEU, "
                                "Vaswani et al. 2017, table 3 A)"));

  page.step("Trained: narrow heads and broad heads");
  const std::vector<Example> examples = held_out(find_recipe("grammar"), 32);
  const Evaluation grammar = evaluate(lesson::trained_model("grammar"), examples);
  page.show("entropy of a row over its maximum", "layer, head", grammar.entropy);
  const double narrowest = xt::amin(grammar.entropy)(), broadest = xt::amax(grammar.entropy)();
  page.claim("C06-23", page.check_greater(broadest - narrowest, 0.3,
                                          "some heads look at one token, others at many"));
}

void tell(lesson::Page& page) {
  const std::vector<std::string> tokens = page.tokens("The bank of the river", 2);
  const std::size_t n = tokens.size();
  Random random(page.seed(6));
  const Matrix X =
      lesson::embed_words(tokens, d) + sinusoidal_positions<double>(n, d);  // [n, d_model]
  const MultiHeadWeights W = {h, random_matrix(random, d, d, 0.4), random_matrix(random, d, d, 0.4),
                              random_matrix(random, d, d, 0.4), random_matrix(random, d, d, 0.4)};
  assembly(page, tokens, X, W);
  layout(page);
  what_W_O_does(page, X, W);
  parameters(page, X, W);
  in_models(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, {.number = 6, .title = "Multi-head attention"}, tell);
}
