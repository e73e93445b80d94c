// Lesson 2: why many heads and not one large one.   Report, section 2.
// Six random tokens in d_model = 12, h = 3 heads of d_h = 4; two tokens that change places; real
// models' sizes as data; PyTorch's layer; the trained models "order-one-head", "order-two-heads"
// (equal parameters) and "grammar".
#include <algorithm>
#include <headlight/attention/head_slice.hpp>
#include <headlight/core/random.hpp>
#include <headlight/learning/backward.hpp>
#include <headlight/mechanism/full.hpp>
#include <set>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "05_self_attention_step_by_step/pytorch.hpp"
#include "support/algebra.hpp"
#include "support/configurations.hpp"
#include "support/page.hpp"
#include "support/trained.hpp"

using namespace headlight;
using lesson::configuration;

namespace {

constexpr std::size_t n = 6, d = 12, h = 3, d_h = 4;  // tokens, d_model, heads, width of a head

// The places of a head: its columns of W_Q, W_K and W_V, its rows of W_O.
auto of_head(std::size_t head) {
  return xt::range(head * d_h, (head + 1) * d_h);
}

// The heads `to` become copies of head 0 in the matrices `which`.
MultiHeadWeights with_copies(MultiHeadWeights W, std::vector<Matrix MultiHeadWeights::*> which,
                             std::vector<std::size_t> to) {
  for (const std::size_t head : to)
    for (const auto matrix : which) {
      const Matrix of_first = xt::view(W.*matrix, xt::all(), of_head(0));  // [d_model, d_h]
      xt::view(W.*matrix, xt::all(), of_head(head)) = of_first;
    }
  return W;
}

// What moves from every token to every token through every channel: the sum over heads of
// vec(A_h) vec(W_V,h W_O,h)^T. Its rank is how many mixtures happen at once.
std::size_t mixing_rank(const Matrix& X, const MultiHeadWeights& W) {
  const Tensor3 A = multi_head_attention(X, W).pattern;  // [n_heads, n_query, n_key]
  Matrix mixing = xt::zeros<double>({n * n, d * d});     // [n_query n_key, d_model d_model]
  for (std::size_t i = 0; i < W.n_heads; ++i) {
    const Matrix OV = matmul(head_weights(W, i).W_V, output_rows(W, i));  // [d_model, d_model]
    const Matrix A_i = xt::view(A, i);                                    // [n_query, n_key]
    for (std::size_t tokens = 0; tokens < n * n; ++tokens)                // a query and a key
      for (std::size_t channels = 0; channels < d * d; ++channels)        // one read, one written
        mixing(tokens, channels) += A_i.data()[tokens] * OV.data()[channels];
  }
  return lesson::rank(mixing);
}

void the_problem(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("The problem: why not one block?");
  const Tensor3 many = multi_head_attention(X, W).pattern;  // [n_heads, n_query, n_key]
  MultiHeadWeights single = W;  // the same numbers as one head of the whole width
  single.n_heads = 1;
  const Matrix one = xt::view(multi_head_attention(X, single).pattern, 0);  // [n_query, n_key]
  for (std::size_t i = 0; i < h; ++i)
    page.heat_map("head " + std::to_string(i), Matrix(xt::view(many, i)));
  page.heat_map("one head of the whole width", one);
  page.check_equal(mixing_rank(X, W), h,
                   "three heads with patterns of their own mix in three ways at once: pattern by "
                   "channel has rank 3")
      .decides("C02-24");
  page.check_equal(
          mixing_rank(X, single), std::size_t{1},
          "one head of the whole width 12, made of the same numbers, mixes in one way: rank 1")
      .decides("C02-24");
  const std::vector<Matrix MultiHeadWeights::*> makes_pattern = {&MultiHeadWeights::W_Q,
                                                                 &MultiHeadWeights::W_K};
  page.check_equal(mixing_rank(X, with_copies(W, makes_pattern, {1})), h - 1,
                   "three heads of which two are given the same pattern mix in two ways: rank 2")
      .controls("C02-24");
  page.check_equal(mixing_rank(X, with_copies(W, makes_pattern, {1, 2})), std::size_t{1},
                   "three heads that are all given the same pattern mix in one way: rank 1")
      .controls("C02-24");
  page.check_differs(Matrix(xt::view(one, xt::range(0, 1))), Matrix(xt::view(one, xt::range(1, 2))),
                     0.1,
                     "one head holds different patterns for different queries: its first two rows "
                     "differ by more than 0.1")
      .decides("C02-14");

  page.step("The problem: two sources for one query");
  // Columns 0 and 1 of a row are the token, columns 2 and 3 its place; the query carries a 1.
  const Matrix query = {{1, 0, 0, 0}};                    // [1, d_model]
  const Matrix a_b = {{3, 1, 1, 0}, {2, 7, 0, 1}};        // [n_key, d_model]: a, then b
  const Matrix b_a = {{2, 7, 1, 0}, {3, 1, 0, 1}};        // [n_key, d_model]: b, then a
  const Matrix token = {{1, 0}, {0, 1}, {0, 0}, {0, 0}};  // [d_model, 2]
  const Matrix place = {{0, 0}, {0, 0}, {1, 0}, {0, 1}};  // [d_model, 2]
  const Matrix ask_nothing = xt::zeros<double>({4, 2});   // [d_model, 2]: both weights are 1/2
  // Head 0 asks for the first place, head 1 for the second; 50 leaves nothing for the other.
  const Matrix ask_each_place = {
      {50, 0, 0, 50}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};  // [d_model, 2 heads of 2]
  const Matrix both_tokens = xt::concatenate(xt::xtuple(token, token), 1);  // [d_model, 4]
  const Matrix both_places = xt::concatenate(xt::xtuple(place, place), 1);  // [d_model, 4]
  const MultiHeadWeights one_head = {1, ask_nothing, place, token, xt::eye<double>(2)};
  const MultiHeadWeights two_heads = {2, ask_each_place, both_places, both_tokens,
                                      xt::eye<double>(4)};
  const auto output = [&](const Matrix& memory, const MultiHeadWeights& w) {
    MultiHeadTrace t;
    multi_head_attention(query, memory, w, {}, t);
    return t.attention_output;  // [1, d_model]
  };
  page.show("one head, a b", "query, d_v", output(a_b, one_head));
  page.show("two heads, a b", "query, 2 d_v", output(a_b, two_heads));
  page.show("two heads, b a", "query, 2 d_v", output(b_a, two_heads));
  const Matrix mean = {{2.5, 4}};  // of (3, 1) and (2, 7)
  page.check_true(output(a_b, one_head) == mean && output(b_a, one_head) == mean,
                  "one head with weights 1/2 and 1/2 gives (2.5, 4) for a b and for b a: the mean "
                  "forgets the order")
      .decides("C02-02", "C02-14");
  page.check_close(
          Matrix(xt::concatenate(xt::xtuple(output(a_b, two_heads), output(b_a, two_heads)))),
          Matrix{{3, 1, 2, 7}, {2, 7, 3, 1}},
          "two heads, one for each place, keep both tokens in order: (3, 1, 2, 7) for a b, (2, 7, "
          "3, 1) for b a")
      .controls("C02-02", "C02-14");
}

void architecture(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("Architecture: a projection for each head, then side by side, then W_O");
  const MultiHeadTrace many = multi_head_attention(X, W);
  page.explore(many);
  Matrix concatenated = xt::zeros<double>({n, d});  // [n, h d_h]
  for (std::size_t i = 0; i < h; ++i) {
    const HeadWeights head = {xt::view(W.W_Q, xt::all(), of_head(i)),
                              xt::view(W.W_K, xt::all(), of_head(i)),
                              xt::view(W.W_V, xt::all(), of_head(i))};
    xt::view(concatenated, xt::all(), of_head(i)) = attend(X, head).output;
  }
  page.check_close(many.attention_output, matmul(concatenated, W.W_O),
                   "each head on its own columns, the outputs side by side, times W_O: this is the "
                   "library's layer")
      .decides("C02-06", "C02-11");
  const Matrix fused = xt::concatenate(xt::xtuple(W.W_Q, W.W_K, W.W_V), 1);  // [d_model, 3 d_model]
  const Matrix QKV = matmul(X, fused);                                       // [n, 3 d_model]
  Matrix side_by_side = xt::zeros<double>({n, 3 * d});  // [n, 3 d_model]: all of Q, of K, of V
  for (std::size_t i = 0; i < h; ++i) {
    const std::size_t from = i * d_h, to = from + d_h;
    xt::view(side_by_side, xt::all(), xt::range(from, to)) = xt::view(many.query, i);
    xt::view(side_by_side, xt::all(), xt::range(d + from, d + to)) = xt::view(many.key, i);
    xt::view(side_by_side, xt::all(), xt::range(2 * d + from, 2 * d + to)) =
        xt::view(many.value, i);
  }
  page.check_close(QKV, side_by_side,
                   "one product X [W_Q W_K W_V] holds the queries, keys and values of all three "
                   "heads, side by side")
      .decides("C02-11");
  const Matrix K_1 =
      xt::view(QKV, xt::all(), xt::range(d + d_h, d + 2 * d_h));  // [n, d_h], after all of Q
  page.check_differs(K_1, Matrix(xt::view(many.key, 0)), 0.1,
                     "the columns of X [W_Q W_K W_V] with head 1's keys are not the keys of head 0")
      .controls("C02-11");

  page.step("Architecture: the narrow field of view of a head");
  const HeadWeights first = head_weights(W, 0);
  page.check_equal(lesson::rank(matmul(first.W_Q, transpose(first.W_K))), d_h,
                   "the form W_Q W_K^T of a head of width 4 has rank 4 in d_model = 12")
      .decides("C02-09");
  page.check_equal(lesson::rank(matmul(W.W_Q, transpose(W.W_K))), d,
                   "the form W_Q W_K^T of one head of the whole width has rank 12 in d_model = 12")
      .controls("C02-09");
  Random random(page.seed(21));
  const Matrix keys = random_matrix(random, 24, 2), queries = random_matrix(random, 500, 2);
  const Matrix S = matmul(queries, transpose(keys));  // [n_query, n_key]
  std::set<std::size_t> found;
  for (std::size_t i = 0; i < 500; ++i) found.insert(lesson::largest_in_row(S, i));
  page.check_greater(static_cast<double>(found.size()), 3,
                     "a head of width 2 is not bound to one key: random queries score more than 3 "
                     "of 24 keys highest")
      .decides("C02-09");
  page.check_equal(lesson::rank(W.W_V), d,
                   "drawn at random, the W_V of three heads of width 4 together have rank 12: the "
                   "whole space")
      .decides("C02-10");
  page.check_equal(
          lesson::rank(with_copies(W, {&MultiHeadWeights::W_V}, {1}).W_V), d - d_h,
          "with head 0's W_V copied to head 1, the W_V of three heads together have rank 8 of 12")
      .controls("C02-10");
}

void better(lesson::Page& page) {
  page.step("Why it is better: two questions at once, in trained models");
  double worse[2] = {};  // accuracy on the question that is answered worse
  std::size_t parameters[2] = {};
  std::vector<std::vector<std::string>> rows;
  const char* names[2] = {"order-one-head", "order-two-heads"};
  for (int i = 0; i < 2; ++i) {
    const ModelWeightsF model = lesson::trained_model(names[i]);
    const MultiHeadWeightsF& a = model.blocks[0].attention;
    parameters[i] = a.W_Q.size() + a.W_K.size() + a.W_V.size() + a.W_O.size();
    const lesson::OrderAnswers trained = lesson::order_answers(names[i], model),
                               untrained = lesson::order_answers(names[i],
                                                                 lesson::untrained_model(names[i]));
    worse[i] = trained.worse();
    rows.push_back({names[i], std::to_string(parameters[i]), render::fixed(trained.previous, 2),
                    render::fixed(trained.before_previous, 2),
                    render::fixed(untrained.before_previous, 2)});
  }
  page.say("Asked for the previous letter and, at the same time, for the one before it:");
  page.text_table({"model", "parameters", "previous", "before it", "untrained"}, rows);
  page.check_equal(
      parameters[0], parameters[1],
      "\"order-one-head\" and \"order-two-heads\" have equally many attention parameters");
  page.check_greater(worse[1], 0.95,
                     "two heads, asked two questions at once, answer each of them right in more "
                     "than 95 of 100")
      .decides("C02-01");
  page.check_less(worse[0], 0.6,
                  "one head of double width, asked two questions at once, answers one of them "
                  "right in less than 60 of 100")
      .controls("C02-01");  // 0.6, for its two accuracies never add up to 1.2: the recipe's note
}

void evolution(lesson::Page& page) {
  page.step("Evolution: which heads are needed");
  const lesson::Configuration &base = configuration("Transformer base"),
                              &big = configuration("Transformer big");
  page.check_true(
          base.heads == 8 && base.d_model == 512 && big.heads == 16 && big.d_model == 1024 &&
              base.d_model / base.heads == big.d_model / big.heads,
          "both Transformers of 2017 give a head 64 columns: 8 heads in 512 and 16 heads in 1024")
      .decides("C02-17");
  const ModelWeightsF grammar = lesson::trained_model("grammar");
  const std::vector<Example> examples = held_out(find_recipe("grammar"), 24);
  const Evaluation after = evaluate(grammar, examples, {.threads = lesson::threads}),
                   before = evaluate(lesson::untrained_model("grammar"), examples,
                                     {.threads = lesson::threads});
  const std::vector<std::string> relations = {"previous name", "list", "agreement", "reflexive",
                                              "induction"};
  lesson::show_relations(page, relations, after, before);
  std::set<std::string> takers;
  double weakest = 1, untrained = 0;
  for (const std::string& relation : relations) {
    takers.insert(lesson::head_name(lesson::best_head(after.relation.at(relation))));
    weakest = std::min(weakest, after.relation.at(relation).best());
    untrained = std::max(untrained, before.relation.at(relation).best());
  }
  page.check_greater(static_cast<double>(takers.size()), 2,
                     "the best heads for five near, far and syntactic relations are more than two "
                     "different ones")
      .decides("C02-03");
  page.check_greater(weakest, 0.5,
                     "in each of five relations some head of \"grammar\" gives the right token "
                     "over half of its weight, on average")
      .decides("C02-03");
  page.check_less(untrained, 0.3,
                  "before training no head gives the right token 0.3 of its weight in any of the "
                  "five relations, on average")
      .controls("C02-03");
  double least = 1e9, most = 0;  // loss added by taking one head away: the cheapest, the dearest
  for (const HeadId& id : lesson::all_heads(grammar)) {
    const double cost = lesson::loss_without(grammar, examples, {id}) - after.loss;
    least = std::min(least, cost);
    most = std::max(most, cost);
  }
  page.check_less(
          least, 0.05,
          "taken away alone, the cheapest head of \"grammar\" raises the loss by less than 0.05")
      .decides("C02-20");
  page.check_greater(most, 5 * std::max(least, 0.01),
                     "taken away alone, the dearest head of \"grammar\" raises the loss over five "
                     "times as much as the cheapest")
      .controls("C02-20");
}

void popular_models(lesson::Page& page) {
  page.step("Popular models: widths of heads");
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> uneven;
  std::set<std::uint64_t> widths;
  for (const lesson::Configuration& c : lesson::configurations()) {
    const bool is_even = c.heads * c.d_head == c.d_model;
    if (!is_even) uneven.push_back(c.name);
    if (c.name.starts_with("BERT") || c.name.starts_with("GPT")) widths.insert(c.d_head);
    rows.push_back({c.name, std::to_string(c.d_model), std::to_string(c.heads),
                    std::to_string(c.d_head),
                    is_even ? "" : "h d_h = " + std::to_string(c.heads * c.d_head)});
  }
  page.text_table({"model", "d_model", "heads", "d_h", "not d_model"}, rows);
  page.check_equal(uneven, std::vector<std::string>{"GPT-3 XL", "GPT-3 13B"},
                   "h d_h is d_model in all listed models but GPT-3 XL (24 x 128, not 2048) and "
                   "13B (40 x 128, not 5140)")
      .decides("C02-07");
  const lesson::Configuration& bert = configuration("BERT base");
  page.check_equal(bert.d_model / bert.heads, bert.d_head,
                   "BERT base: 768 columns / 12 heads = 64 columns a head")
      .decides("C02-08");
  page.check_equal(
          widths, std::set<std::uint64_t>{64, 80, 96, 128, 256},
          "heads of BERT and of the GPT models are 64, 80, 96, 128 or 256 wide, not only 64 or 128")
      .decides("C02-22");

  page.step("Popular models: does the layer split the embedding?");
  const MultiHeadWeights& layer = pytorch::layer;  // two heads of two in four columns
  MultiHeadWeights split_first = layer;  // a head that sees its own part of x only: diagonal blocks
  for (Matrix* M : {&split_first.W_Q, &split_first.W_K, &split_first.W_V})
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t j = 0; j < 4; ++j)
        if (i / 2 != j / 2) (*M)(i, j) = 0;
  const Matrix part = xt::view(pytorch::x, xt::all(), xt::range(2, 4));        // [n, d_h]
  const Matrix block = xt::view(layer.W_Q, xt::range(2, 4), xt::range(2, 4));  // [d_h, d_h]
  Matrix query = matmul(part, block);                                          // [n, d_h]
  for (std::size_t i = 0; i < 3; ++i) xt::view(query, i) += xt::view(layer.b_Q, xt::range(2, 4));
  page.check_close(Matrix(xt::view(multi_head_attention(pytorch::x, split_first).query, 1)), query,
                   "splitting x before projecting gives head 1 the queries of a W_Q with its "
                   "diagonal blocks only");
  page.check_differs(multi_head_attention(pytorch::x, split_first).attention_output,
                     pytorch::attn_output, 0.01,
                     "a layer that splits x before projecting does not give what PyTorch returned")
      .decides("C02-26");
  page.check_close(multi_head_attention(pytorch::x, layer).attention_output, pytorch::attn_output,
                   "a layer that projects all of x, then splits the projections, gives what "
                   "PyTorch returned")
      .controls("C02-26");

  page.step("Popular models: what splitting costs");
  Random random(page.seed(22));
  const std::size_t width = 16;
  const Matrix wide_X = random_matrix(random, n, width);  // [n, d_model]
  rows.clear();
  std::vector<std::size_t> products, exponentials, cells;
  for (const std::size_t heads : {1u, 2u, 4u, 8u, 16u}) {
    const MultiHeadWeights w = lesson::draw_heads(random, heads, width);
    const HeadsTrace counted = multi_head_counted(wide_X, wide_X, w);  // counts in its inner loops
    products.push_back(counted.work.multiply_adds);
    exponentials.push_back(counted.work.exponentials);
    cells.push_back(counted.work.largest_buffer);
    rows.push_back({std::to_string(heads), std::to_string(products.back()),
                    std::to_string(exponentials.back()), std::to_string(cells.back())});
  }
  page.text_table({"heads in d_model = 16", "products", "exponentials", "scores held"}, rows);
  page.check_equal(products, std::vector<std::size_t>(5, 4 * n * width * width + 2 * n * n * width),
                   "1, 2, 4, 8 or 16 heads in one width take 4 n d^2 + 2 n^2 d products each time: "
                   "splitting saves none")
      .decides("C02-25");
  page.check_equal(exponentials, std::vector<std::size_t>{36, 72, 144, 288, 576},
                   "h heads take h n^2 exponentials: 36, 72, 144, 288 and 576 for n = 6 and h = 1, "
                   "2, 4, 8 and 16")
      .decides("C02-25");
  page.check_equal(
          cells, exponentials,
          "h heads hold h n^2 scores: every head has n by n of its own, so none is smaller")
      .decides("C02-32");
}

void evidence(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("Evidence: heads that begin alike stay alike");
  const Matrix target = 0.5 * X;  // [n, d_model], anything to learn
  const std::vector<Matrix MultiHeadWeights::*> projections = {
      &MultiHeadWeights::W_Q, &MultiHeadWeights::W_K, &MultiHeadWeights::W_V};
  const auto apart_after = [&](MultiHeadWeights w, std::size_t steps) {  // heads 0 and 1
    for (std::size_t step = 0; step < steps; ++step) {
      const MultiHeadTrace trace = multi_head_attention(X, w);
      MultiHeadWeights gradient = w;
      for (Matrix* M : {&gradient.W_Q, &gradient.W_K, &gradient.W_V, &gradient.W_O}) M->fill(0);
      // the loss is half the squared distance to the target
      multi_head_attention_backward<double>(X, X, trace, w, {}, trace.attention_output - target,
                                            gradient);
      for (const auto matrix : projections) w.*matrix -= 0.003 * gradient.*matrix;
      w.W_O -= 0.003 * gradient.W_O;
    }
    const HeadWeights first = head_weights(w, 0), second = head_weights(w, 1);
    return std::max({compare(second.W_Q, first.W_Q).relative,
                     compare(second.W_K, first.W_K).relative,
                     compare(second.W_V, first.W_V).relative});
  };
  MultiHeadWeights twins = with_copies(W, projections, {1});
  xt::view(twins.W_O, of_head(1)) = xt::view(W.W_O, of_head(0));
  MultiHeadWeights nearly = twins;
  nearly.W_Q(0, d_h) += 1e-3;
  page.check_less(
          apart_after(twins, 300), 1e-9,
          "two heads begun alike have equal W_Q, W_K and W_V after 300 training steps, to 1e-9")
      .decides("C02-28");
  page.check_greater(apart_after(nearly, 300), 1e-4,
                     "two heads begun alike but for 0.001 in one number still differ by more than "
                     "0.0001 after 300 steps")
      .controls("C02-28");
}

void comment(lesson::Page& page) {
  page.step("Comment: expressive without more parameters?");
  Random random(page.seed(23));
  std::vector<std::size_t> counts;
  for (const std::size_t width : {d, 2 * d})
    for (const std::size_t heads : {1u, 3u, 12u}) {
      const MultiHeadWeights w = lesson::draw_heads(random, heads, width);
      std::size_t count = 0;  // head by head: its columns of W_Q, W_K, W_V and its rows of W_O
      for (std::size_t i = 0; i < heads; ++i) {
        const HeadWeights head = head_weights(w, i);
        count += head.W_Q.size() + head.W_K.size() + head.W_V.size() + output_rows(w, i).size();
      }
      counts.push_back(count);
    }
  page.check_equal(counts, std::vector<std::size_t>{576, 576, 576, 2304, 2304, 2304},
                   "1, 3 or 12 heads have 4 d^2 parameters in all: 576 in d = 12, 2304 in d = 24")
      .decides("C02-31");
  MultiHeadWeights kept{.n_heads = h};  // heads as wide as the model
  for (Matrix* W : {&kept.W_Q, &kept.W_K, &kept.W_V})
    *W = random_matrix(random, d, h * d);      // [d_model, h d_model]
  kept.W_O = random_matrix(random, h * d, d);  // [h d_model, d_model]
  std::size_t wide = 0;
  for (std::size_t i = 0; i < h; ++i) {
    const HeadWeights head = head_weights(kept, i);
    wide += head.W_Q.size() + head.W_K.size() + head.W_V.size() + output_rows(kept, i).size();
  }
  page.check_equal(wide, h * 4 * d * d,
                   "three heads that each keep the whole width d have 3 times 4 d^2 parameters")
      .controls("C02-31");
}

void tell(lesson::Page& page) {
  Random random(page.seed(2));
  const Matrix X = random_matrix(random, n, d);                 // [n, d_model]
  const MultiHeadWeights W = lesson::draw_heads(random, h, d);  // [d_model, h d_h] each
  the_problem(page, X, W);
  architecture(page, X, W);
  better(page);
  evolution(page);
  popular_models(page);
  evidence(page, X, W);
  comment(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(
      argc, argv,
      {.number = 2,
       .title = "Why many heads and not one large one",
       .models = lesson::use_models({"order-one-head", "order-two-heads", "grammar"})},
      tell);
}
