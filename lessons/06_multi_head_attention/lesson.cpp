// Lesson 6: multi-head attention, assembly and aggregation.   Report, section 6.
// A typed text in d_model = 12, h = 3 heads of d_h = 4; two bits for what a linear map cannot do;
// numbered cells for the layout; the trained models "order-one-head", "order-two-heads",
// "induction".
#include <algorithm>
#include <array>
#include <cmath>
#include <headlight/attention/head_slice.hpp>
#include <headlight/core/random.hpp>
#include <headlight/layer/norm.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/full.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <numeric>
#include <xtensor/xarray.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "support/algebra.hpp"
#include "support/configurations.hpp"
#include "support/page.hpp"
#include "support/trained.hpp"

using namespace headlight;

namespace {

constexpr std::size_t d = 12, h = 3, d_h = 4;  // d_model, heads, width of a head
// The members whose columns are divided among heads: W.*member is W_Q, W_K, W_V in turn.
constexpr std::array projections = {&MultiHeadWeights::W_Q, &MultiHeadWeights::W_K,
                                    &MultiHeadWeights::W_V};

auto of_head(std::size_t head) {  // its columns of W_Q, W_K, W_V, its rows of W_O
  return xt::range(head * d_h, (head + 1) * d_h);
}

std::size_t numbers_in(const MultiHeadWeights& w) {
  return w.W_Q.size() + w.W_K.size() + w.W_V.size() + w.W_O.size() + w.b_Q.size() + w.b_K.size() +
         w.b_V.size() + w.b_O.size();
}

void definition(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X,
                const MultiHeadWeights& W) {
  const std::size_t n = tokens.size();
  page.step("Definition: heads in parallel, each with its own projections");
  const MultiHeadTrace all = multi_head_attention(X, W);
  Matrix concat = xt::zeros<double>({n, d});  // [n, h d_h]
  double apart = 0;  // largest difference between a head in the layer and alone
  for (std::size_t i = 0; i < h; ++i) {
    const HeadWeights W_i = {xt::view(W.W_Q, xt::all(), of_head(i)),
                             xt::view(W.W_K, xt::all(), of_head(i)),
                             xt::view(W.W_V, xt::all(), of_head(i))};  // [d_model, d_h] each
    const HeadTrace head = attend(X, W_i);
    page.heat_map("head " + std::to_string(i), head.pattern, {tokens, tokens});
    xt::view(concat, xt::all(), of_head(i)) = head.output;
    apart = std::max(apart, compare(Matrix(xt::view(all.output, i)), head.output).relative);
  }
  page.explore(all, tokens, tokens);
  page.check_less(
          apart, 1e-12,
          "every head of the layer gives what Attention(X W_Q,i, X W_K,i, X W_V,i) gives alone")
      .decides("C06-01", "C06-02");
  double closest = 1;  // smallest difference of two heads
  for (std::size_t i = 0; i < h; ++i)
    for (std::size_t other = 0; other < i; ++other)
      closest = std::min(
          closest,
          compare(Matrix(xt::view(all.output, i)), Matrix(xt::view(all.output, other))).relative);
  page.check_greater(closest, 1e-3, "no two heads of the layer have the same output")
      .controls("C06-01", "C06-02");

  page.step("Assembly: side by side");
  page.show("concat", "token, h d_h", concat, {.rows = tokens});
  page.check_close(
          all.concatenated, concat,
          "the layer joins h outputs of d_model / h columns side by side to d_model columns")
      .decides("C06-03", "C06-05");
  const lesson::Configuration& bert = lesson::configuration("BERT base");
  page.check_equal(bert.heads * bert.d_head, bert.d_model,
                   "BERT base joins 12 vectors of 64 numbers to one of 768, its d_model")
      .decides("C06-14");
}

void aggregation(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X,
                 const MultiHeadWeights& W) {
  page.step("Aggregation: times W_O");
  const std::size_t n = tokens.size();
  const MultiHeadTrace all = multi_head_attention(X, W);
  const Matrix& concat = all.concatenated;      // [n, h d_h]
  const Matrix Z = matmul(concat, W.W_O);       // [n, d_model]
  Matrix sum = xt::zeros<double>({n, d});       // [n, d_model]: head by head
  Matrix by_terms = xt::zeros<double>({n, d});  // [n, d_model]: number by number
  for (std::size_t i = 0; i < h; ++i)
    sum += matmul(Matrix(xt::view(concat, xt::all(), of_head(i))), output_rows(W, i));
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t m = 0; m < d; ++m)
      for (std::size_t c = d; c-- > 0;)  // the last term first: another order than the library's
        by_terms(t, m) += concat(t, c) * W.W_O(c, m);
  page.show("Z", "token, d_model", Z, {.rows = tokens});
  page.check_close(all.attention_output, Z,
                   "the layer's output is [h_1 || ... || h_h] W_O, with W_O of h d_h rows and "
                   "d_model columns")
      .decides("C06-03", "C06-07");
  page.check_close(all.attention_output, by_terms,
                   "the layer's output is [h_1 || ... || h_h] W_O, added number by number from the "
                   "last column on")
      .decides("C06-03");
  page.check_close(all.attention_output, sum,
                   "the layer's output is the sum over heads of h_i times its d_h rows of W_O: the "
                   "merge is linear")
      .decides("C06-31");
  std::vector<std::vector<std::string>> rows;
  const auto norm = [](const Matrix& a) { return std::sqrt(xt::sum(a * a)()); };
  double squares = 0;     // of the heads' norms, summed
  double difference = 0;  // largest between a recorded contribution and the one by hand
  for (std::size_t i = 0; i < h; ++i) {
    const Matrix part = xt::view(all.contribution, i);  // [n, d_model]
    const Matrix by_hand =
        matmul(Matrix(xt::view(concat, xt::all(), of_head(i))), output_rows(W, i));
    squares += norm(part) * norm(part);
    difference = std::max(difference, compare(part, by_hand).relative);
    rows.push_back({"head " + std::to_string(i), render::fixed(norm(part), 2),
                    render::fixed(xt::sum(part * Z)() / norm(part) / norm(Z), 2)});
  }
  rows.push_back({"all", render::fixed(norm(Z), 2), "1.00"});
  page.text_table({"what is written", "norm", "cosine to Z"}, rows);
  page.say("The heads' squares sum to " + render::fixed(squares, 2) + ", Z has " +
           render::fixed(norm(Z) * norm(Z), 2) + ": what they write is not at right angles.");
  page.check_less(difference, 1e-12,
                  "the trace's contribution of every head is h_i times its d_h rows of W_O");
  Random random(page.seed(61));
  MultiHeadWeights rectangular = W;
  rectangular.W_O = random_matrix(random, d, 20);  // [h d_h, 20]
  page.check_close(multi_head_attention(X, rectangular).attention_output,
                   matmul(concat, rectangular.W_O),
                   "W_O need not be square: with 12 rows and 20 columns the output is [h_1 || ... "
                   "|| h_h] W_O")
      .decides("C06-08");

  rectangular.W_O = random_matrix(random, d + 1, 20);  // [h d_h + 1, 20]: a row too many
  page.check_refused([&] { multi_head_attention(X, rectangular); },
                     "a W_O with one row more than h d_h is refused")
      .controls("C06-07", "C06-08");
  const NormWeights plain = {xt::ones<double>({d}), {}};  // gain one, no bias
  Matrix normed_one_by_one = xt::zeros<double>({n, d});   // [n, d_model]
  for (std::size_t i = 0; i < h; ++i)
    normed_one_by_one += normalise(Matrix(xt::view(all.contribution, i)), plain).output;
  page.check_differs(normed_one_by_one, normalise(Z, plain).output, 1e-3,
                     "the LayerNorm of the heads' sum is not the sum of the heads' LayerNorms")
      .controls("C06-31", "C06-12");
}

void biases(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("Aggregation: biases, as BERT and GPT-2 have them");
  Random random(page.seed(65));
  MultiHeadWeights biased = W, longer = W;
  biased.b_Q = random_vector(random, d), biased.b_K = random_vector(random, d);
  biased.b_V = random_vector(random, d), biased.b_O = random_vector(random, d);
  const auto with_row = [](const Matrix& a, const Vector& row) {  // one row more
    Matrix result = Matrix::from_shape({a.shape(0) + 1, a.shape(1)});
    xt::view(result, xt::range(std::size_t{0}, a.shape(0))) = a;
    xt::view(result, a.shape(0)) = row;
    return result;
  };
  // A column of ones beside X.
  const Matrix X_and_one =
      transpose(with_row(transpose(X), xt::ones<double>({X.shape(0)})));  // [n, d_model + 1]
  longer.W_Q = with_row(W.W_Q, biased.b_Q), longer.W_K = with_row(W.W_K, biased.b_K);
  longer.W_V = with_row(W.W_V, biased.b_V);  // [d_model + 1, h d_h] each
  const MultiHeadTrace layer = multi_head_attention(X, biased),
                       one = multi_head_attention(X_and_one, longer);
  page.check_close(
      layer.query, one.query,
      "adding a bias b_Q to the queries is one more row of W_Q, for an input that is always one");
  page.check_close(
      layer.key, one.key,
      "adding a bias b_K to the keys is one more row of W_K, for an input that is always one");
  page.check_close(
      layer.value, one.value,
      "adding a bias b_V to the values is one more row of W_V, for an input that is always one");
  Matrix Z = matmul(one.concatenated, W.W_O);  // [n, d_model]
  for (std::size_t i = 0; i < X.shape(0); ++i) xt::view(Z, i) += biased.b_O;
  page.check_close(layer.attention_output, Z, "b_O is added once, after all heads");
}

void order_of_heads(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("Aggregation: what the order of heads means");
  const MultiHeadTrace all = multi_head_attention(X, W);
  const Matrix& Z = all.attention_output;            // [n, d_model]
  const std::vector<std::size_t> order = {1, 2, 0};  // which head stands where
  MultiHeadWeights moved = W;
  for (std::size_t i = 0; i < h; ++i)
    for (const auto member : projections)
      xt::view(moved.*member, xt::all(), of_head(i)) =
          xt::view(W.*member, xt::all(), of_head(order[i]));
  page.check_differs(multi_head_attention(X, moved).attention_output, all.attention_output, 1e-3,
                     "heads moved without their rows of W_O give another output");
  for (std::size_t i = 0; i < h; ++i)
    xt::view(moved.W_O, of_head(i)) = xt::view(W.W_O, of_head(order[i]));
  page.check_close(
      multi_head_attention(X, moved).attention_output, all.attention_output,
      "heads moved together with their rows of W_O give the same output: heads have no order");
  MultiHeadWeights cloned = W;  // the last head twice, with half of its rows of W_O each
  cloned.n_heads = h + 1;
  for (const auto member : projections)
    cloned.*member =
        xt::concatenate(xt::xtuple(W.*member, xt::view(W.*member, xt::all(), of_head(h - 1))), 1);
  const Matrix half = 0.5 * output_rows(W, h - 1);  // [d_h, d_model]
  cloned.W_O = xt::concatenate(
      xt::xtuple(xt::view(W.W_O, xt::range(std::size_t{0}, d - d_h)), half, half), 0);
  page.check_close(
      multi_head_attention(X, cloned).attention_output, all.attention_output,
      "a head cloned, each clone with half of its rows of W_O, leaves the layer's output the same");
  // The second clone writes nothing any more: it is switched off.
  cloned.W_O = xt::concatenate(
      xt::xtuple(xt::view(W.W_O, xt::range(std::size_t{0}, d - d_h)), half, 0.0 * half), 0);
  page.check_close(
      multi_head_attention(X, cloned).attention_output,
      Matrix(Z - 0.5 * xt::view(all.contribution, h - 1)),
      "switching off one of two clones of a head takes half of that head's contribution away");
}

void why_W_O(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("Why W_O: is it what lets heads interact?");
  const MultiHeadTrace t = multi_head_attention(X, W);
  Matrix without = xt::zeros<double>({X.shape(0), d});  // [n, d_model]
  for (std::size_t i = 0; i < h; ++i) {
    HeadWeights folded = head_weights(W, i);
    // This head writes to the residual itself.
    folded.W_V = matmul(folded.W_V, output_rows(W, i));  // [d_model, d_model]
    without += attend(X, folded).output;
  }
  page.check_close(t.attention_output, without,
                   "with W_O folded into every W_V and no W_O left, the sum over heads is the same")
      .decides("C06-10");
  Random random(page.seed(63));
  const Matrix next_W_Q = random_matrix(random, d, d);   // [d_model, d_k], of the next layer
  const Matrix read = matmul(t.concatenated, next_W_Q);  // [n, d_k]: without any W_O
  for (std::size_t i = 0; i < h; ++i) {
    Matrix lacking = t.concatenated;  // [n, h d_h]
    xt::view(lacking, xt::all(), of_head(i)) = 0.0;
    page.check_differs(matmul(lacking, next_W_Q), read, 1e-3,
                       "without W_O the next layer's queries change if head " + std::to_string(i) +
                           " is set to zero")
        .decides("C06-10");
  }
  Matrix linear = xt::zeros<double>({X.shape(0), d});  // [n, d_k]
  for (std::size_t i = 0; i < h; ++i)
    linear += matmul(Matrix(xt::view(t.output, i)), matmul(output_rows(W, i), next_W_Q));
  page.check_close(matmul(t.attention_output, next_W_Q), linear,
                   "with W_O the next layer's queries are a linear combination of all heads")
      .decides("C06-12");

  page.step("Why W_O: features that matter only in combination");
  // A bit of one head, a bit of another, and a constant.
  const Matrix bits = {{0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {1, 1, 1}};  // [4, 3]
  // The mean squared error is convex in an affine map: where it has no slope it is least.
  const Matrix either = {{0}, {1}, {1}, {0}};    // [4, 1]: one of them, not both
  const Matrix w = {{0}, {0}, {0.5}};            // [3, 1]: says 1/2, always
  const Matrix miss = matmul(bits, w) - either;  // [4, 1]
  page.check_close(matmul(transpose(bits), miss), Matrix{{0}, {0}, {0}},
                   "no affine map of two bits is nearer to \"one, not both\" than the constant "
                   "1/2: its error has no slope there")
      .decides("C06-11");
  page.check_close(xt::mean(miss * miss)(), 0.25,
                   "the constant 1/2 misses \"one, not both\" by a mean square of 1/4")
      .decides("C06-11");
  // relu(a + b) - 2 relu(a + b - 1) is 0, 1, 1, 0
  const Matrix relu = xt::maximum(matmul(bits, Matrix{{1, 1}, {1, 1}, {0, -1}}), 0.0);  // [4, 2]
  page.check_close(matmul(relu, Matrix{{1}, {-2}}), either,
                   "a layer of two ReLUs on the two bits gives \"one, not both\" exactly")
      .controls("C06-11");
}

void parameters(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("Parameters: as many as one head of the whole width");
  std::size_t by_head = 0;
  for (std::size_t i = 0; i < h; ++i) {
    const HeadWeights head = head_weights(W, i);
    by_head += head.W_Q.size() + head.W_K.size() + head.W_V.size() + output_rows(W, i).size();
  }
  MultiHeadWeights with_biases = W;
  for (Vector* b : {&with_biases.b_Q, &with_biases.b_K, &with_biases.b_V, &with_biases.b_O})
    *b = xt::zeros<double>({d});
  page.check_equal(by_head, 3 * h * d * d_h + h * d_h * d,
                   "counted head by head, the parameters are 3 h d d_h + h d_h d")
      .decides("C06-17");
  MultiHeadWeights single = W;  // the same matrices, read as one head
  single.n_heads = 1;
  const HeadWeights wide = head_weights(single, 0);  // [d_model, d_model] each
  const std::size_t of_wide =
      wide.W_Q.size() + wide.W_K.size() + wide.W_V.size() + output_rows(single, 0).size();
  page.check_equal(std::vector{by_head, of_wide}, std::vector<std::size_t>(2, 4 * d * d),
                   "h heads of width d / h and one head of width d both have 4 d^2 parameters")
      .decides("C06-17", "C06-18", "C06-20");
  page.check_equal(numbers_in(with_biases), 4 * d * d + 4 * d,
                   "with biases the layer has 4 d^2 + 4 d parameters")
      .controls("C06-17");
  Random random(page.seed(64));
  MultiHeadWeights full_width{.n_heads = h};  // no head narrowed
  for (Matrix* matrix : {&full_width.W_Q, &full_width.W_K, &full_width.W_V})
    *matrix = random_matrix(random, d, h * d);       // [d_model, h d_model]
  full_width.W_O = random_matrix(random, h * d, d);  // [h d_model, d_model]
  std::size_t by_full_head = 0;
  for (std::size_t i = 0; i < h; ++i) {
    const HeadWeights head = head_weights(full_width, i);
    by_full_head +=
        head.W_Q.size() + head.W_K.size() + head.W_V.size() + output_rows(full_width, i).size();
  }
  page.check_equal(by_full_head, h * by_head,
                   "h heads of width d have h times as many parameters as h heads of width d / h")
      .controls("C06-18", "C06-20");

  page.step("Parameters: more expressive, at no cost?");
  const MultiHeadTrace many = multi_head_attention(X, W), one = multi_head_attention(X, single);
  const std::size_t cells = X.shape(0) * X.shape(0);
  Matrix patterns = Matrix::from_shape({h, cells});  // [h, n_query n_key]: a head a row
  std::copy(many.pattern.begin(), many.pattern.end(), patterns.begin());
  page.check_equal(lesson::rank(patterns), h,
                   "three heads give three linearly independent patterns for the same queries")
      .decides("C06-19");
  page.check_equal(one.pattern.shape(0), std::size_t{1},
                   "the matrices of three heads, read as one head, give one pattern")
      .decides("C06-19");
  const HeadWeights narrow = head_weights(W, 0);
  page.check_equal(lesson::rank(matmul(narrow.W_Q, transpose(narrow.W_K))), d_h,
                   "W_Q W_K^T of one head of width 4 has rank 4")
      .controls("C06-19");
  page.check_equal(lesson::rank(matmul(W.W_Q, transpose(W.W_K))), d,
                   "W_Q W_K^T of one head of width 12 has rank 12")
      .controls("C06-19");
  page.say("Three heads have more patterns, one wide head compares more: neither holds the other.");
}

void evidence(lesson::Page& page) {
  page.step("Evidence: one head or two, at equal parameters");
  std::vector<std::vector<std::string>> rows;
  double accuracy[2] = {};  // of one head, of two: on the letter it knows less
  for (int i = 0; i < 2; ++i) {
    const char* name = i == 0 ? "order-one-head" : "order-two-heads";
    const lesson::OrderAnswers after = lesson::order_answers(name, lesson::trained_model(name)),
                               before = lesson::order_answers(name, lesson::untrained_model(name));
    accuracy[i] = after.worse();
    rows.push_back(
        {name, "previous", render::fixed(after.previous, 2), render::fixed(before.previous, 2)});
    rows.push_back({name, "before previous", render::fixed(after.before_previous, 2),
                    render::fixed(before.before_previous, 2)});
  }
  page.text_table({"model", "asked for", "right", "untrained"}, rows);
  page.check_greater(accuracy[1], 0.95,
                     "asked for two letters at once, two heads get each of them right more than 95 "
                     "times in 100")
      .decides("C06-21");
  page.check_less(accuracy[0], 0.75,
                  "asked for two letters at once, one head of double width gets one right less "
                  "than 75 times in 100")
      .controls("C06-21");

  page.say(
      "For translation one head was 0.9 BLEU worse than the best number of heads (Vaswani et al. "
      "2017, table 3 A).");

  page.step("Evidence: diagonal heads and broad ones");
  const std::vector<Example> examples = held_out(find_recipe("induction"), 24);
  const Evaluation after = evaluate(lesson::trained_model("induction"), examples,
                                    {.entropy = true, .threads = lesson::threads}),
                   before = evaluate(lesson::untrained_model("induction"), examples,
                                     {.entropy = true, .threads = lesson::threads});
  // Entropy over the log of the visible keys: 0 is one token, 1 is all alike.
  page.show("entropy of a row", "layer, head", after.entropy);
  page.show("on the token before", "layer, head", after.relation.at("previous").mass);
  page.check_greater(after.relation.at("previous").best(), 0.5,
                     "in the trained model one head has over half of its weight on the token "
                     "before: a diagonal head")
      .decides("C06-23");
  page.check_greater(xt::amax(after.entropy)(), 0.3,
                     "in the trained model one head has over 0.3 of the largest possible entropy "
                     "on average: a broad head")
      .decides("C06-23");
  page.check_less(before.relation.at("previous").best(), 0.3,
                  "in the untrained model no head has 0.3 of its weight on the token before")
      .controls("C06-23");
}

using Array = xt::xarray<double>;

Array reshaped(const Array& a, const std::vector<std::size_t>& shape) {
  Array b = a;
  b.reshape(shape);
  return b;
}

// "Dive into Deep Learning", 11.5: [batch, n, h d_h] to [batch h, n, d_h], and back.
Array transpose_qkv(const Array& X, std::size_t heads) {
  const std::size_t batch = X.shape(0), n = X.shape(1), width = X.shape(2) / heads;
  const Array apart = reshaped(X, {batch, n, heads, width});  // [batch, n, h, d_h]
  const Array forward = xt::transpose(apart, {0, 2, 1, 3});   // [batch, h, n, d_h]
  return reshaped(forward, {batch * heads, n, width});        // [batch h, n, d_h]
}
Array transpose_output(const Array& Z, std::size_t heads) {
  const std::size_t batch = Z.shape(0) / heads, n = Z.shape(1), width = Z.shape(2);
  const Array apart = reshaped(Z, {batch, heads, n, width});  // [batch, h, n, d_h]
  const Array back = xt::transpose(apart, {0, 2, 1, 3});      // [batch, n, h, d_h]
  return reshaped(back, {batch, n, heads * width});           // [batch, n, h d_h]
}

void layout(lesson::Page& page) {
  page.step("Engineering: reshape, transpose, fold");
  const std::size_t n = 6, heads = 4, width = 3;
  // Every cell has a number by which it is found again.
  Array P = xt::arange<double>(0, n * heads * width);
  P.reshape({std::size_t{1}, n, heads * width});       // [batch, n, h d_h]
  const Array split = transpose_qkv(P, heads);         // [batch h, n, d_h]
  const Array glued = reshaped(P, {heads, n, width});  // [batch h, n, d_h]: reshape alone
  page.show("numbered cells", "batch, token, h d_h", P);
  page.show("split", "head, token, d_h", split);
  const Matrix one = xt::eye<double>(heads * width);     // projections that change nothing
  const Matrix cells = reshaped(P, {n, heads * width});  // [n, h d_h]
  page.check_close(multi_head_attention(cells, MultiHeadWeights{heads, one, one, one, one}).query,
                   Tensor3(split),
                   "the library splits its queries into heads as reshape and transpose do")
      .decides("C06-06");
  page.check_close(xt::mean(xt::cast<double>(xt::not_equal(glued, split)))(), 66.0 / 72,
                   "a reshape without the transpose puts 66 of 72 cells into the wrong place")
      .controls("C06-06");
  page.check_close(transpose_output(split, heads), P,
                   "the inverse transpose brings every cell back to its place")
      .decides("C06-27");
}

void folded_batch(lesson::Page& page, const MultiHeadWeights& W) {
  page.step("Engineering: two sequences of three heads as one batch of six");
  const std::size_t n = 6;  // tokens of each
  Random random(page.seed(62));
  const std::size_t batch = 2;
  Array Q = xt::zeros<double>({batch, n, d}), K = Q, V = Q, want = Q;  // [batch, n, h d_h]
  Array want_query = xt::zeros<double>({batch, h, n, d_h});            // [batch, h, n, d_h]
  for (std::size_t b = 0; b < batch; ++b) {
    const Matrix X = random_matrix(random, n, d);  // [n, d_model]
    const MultiHeadTrace t = multi_head_attention(X, W);
    xt::view(Q, b) = matmul(X, W.W_Q);
    xt::view(K, b) = matmul(X, W.W_K);
    xt::view(V, b) = matmul(X, W.W_V);
    xt::view(want, b) = t.concatenated;
    xt::view(want_query, b) = t.query;
  }
  const auto attended = [&](const Array& q, const Array& k, const Array& v) {
    Array z = v;  // [batch h, n, d_h]
    for (std::size_t i = 0; i < q.shape(0); ++i) {
      const Matrix S = matmul(Matrix(xt::view(q, i)), transpose(Matrix(xt::view(k, i)))) /
                       std::sqrt(static_cast<double>(d_h));  // [n, n]
      xt::view(z, i) = matmul(softmax_rows(S), Matrix(xt::view(v, i)));
    }
    return z;
  };
  const Array q = transpose_qkv(Q, h), k = transpose_qkv(K, h), v = transpose_qkv(V, h);
  page.check_close(q, reshaped(want_query, {batch * h, n, d_h}),
                   "transpose_qkv returns [batch h, n, d_h], one head of one sequence after the "
                   "other, not [batch, n, h, d_h]")
      .decides("C06-25");
  page.check_close(transpose_output(attended(q, k, v), h), want,
                   "attention on [batch h, n, d_h], brought back to [batch, n, h d_h], gives the "
                   "library's joined heads")
      .decides("C06-26", "C06-27", "C06-28");
  const auto glue = [&](const Array& a) { return reshaped(a, {batch * h, n, d_h}); };
  page.check_differs(
          reshaped(attended(glue(Q), glue(K), glue(V)), {batch, n, d}), want, 1e-3,
          "attention on [batch, n, h, d_h] folded without the transpose gives other outputs")
      .controls("C06-25", "C06-26", "C06-27", "C06-28");
  std::vector<std::size_t> products, scores_and_exponentials;  // of 1, 3 and 12 heads
  const Matrix X = random_matrix(random, n, d);                // [n, d_model]
  for (const std::size_t count : {1u, 3u, 12u}) {
    MultiHeadWeights w = W;
    w.n_heads = count;
    const Work work = multi_head_counted(X, X, w).work;  // counted in its inner loops
    products.push_back(work.multiply_adds);
    scores_and_exponentials.push_back(work.largest_buffer);  // h n n, with n n = 36
    scores_and_exponentials.push_back(work.exponentials);
  }
  page.check_equal(products, std::vector<std::size_t>(3, 4 * n * d * d + 2 * n * n * d),
                   "1, 3 and 12 heads of the same total width take equally many multiply-adds")
      .decides("C06-29");
  page.check_equal(scores_and_exponentials, std::vector<std::size_t>{36, 36, 108, 108, 432, 432},
                   "1, 3 and 12 heads hold h n^2 scores and take h n^2 exponentials")
      .decides("C06-29");
}

void tell(lesson::Page& page) {
  const std::vector<std::string> tokens = page.tokens("The bank of the river", 2);
  Random random(page.seed(6));
  const Matrix X = lesson::embed_words(tokens, d) +
                   sinusoidal_positions<double>(tokens.size(), d);  // [n, d_model]
  const MultiHeadWeights W = lesson::draw_heads(random, h, d);  // W_Q, W_K, W_V: [d_model, h d_h]
  definition(page, tokens, X, W);
  aggregation(page, tokens, X, W);
  biases(page, X, W);
  order_of_heads(page, X, W);
  why_W_O(page, X, W);
  parameters(page, X, W);
  evidence(page);
  layout(page);
  folded_batch(page, W);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(
      argc, argv,
      {.number = 6,
       .title = "Multi-head attention",
       .models = lesson::use_models({"order-one-head", "order-two-heads", "induction"})},
      tell);
}
