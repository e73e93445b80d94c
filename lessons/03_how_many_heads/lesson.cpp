// Lesson 3: how the number of heads is set.   Report, section 3.
// Real models' sizes as data, their parameters counted two ways; ten tokens in d_model = 24, which
// 1, 2, 4, 8 or 24 heads share; 24 keys in a plane; the trained models "order-one-head",
// "order-two-heads", "induction", "induction-one-layer" and "wide" (2 layers of 16 heads).
#include <algorithm>
#include <cmath>
#include <headlight/attention/head_slice.hpp>
#include <headlight/core/random.hpp>
#include <headlight/file/safetensors.hpp>
#include <headlight/layer/cross_entropy.hpp>
#include <headlight/learning/backward.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/mechanism/full.hpp>
#include <numbers>
#include <numeric>
#include <set>
#include <xtensor/xadapt.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xview.hpp>

#include "support/algebra.hpp"
#include "support/configurations.hpp"
#include "support/hull.hpp"
#include "support/page.hpp"
#include "support/trained.hpp"

using namespace headlight;
using lesson::Configuration;
using lesson::configuration;

namespace {

using Counts = std::vector<std::size_t>;
constexpr std::size_t n = 10, d = 24;  // tokens, d_model
const Counts heads_tried = {1, 2, 4, 8, 24};

std::vector<std::string> names_where(const std::function<bool(const Configuration&)>& holds) {
  std::vector<std::string> names;
  for (const Configuration& c : lesson::configurations())
    if (holds(c)) names.push_back(c.name);
  return names;
}

void formula(lesson::Page& page) {
  page.step("Formula: h, d_h and the width");
  std::vector<std::vector<std::string>> rows;
  for (const Configuration& c : lesson::configurations()) {
    const std::uint64_t all = lesson::parameters(c);
    rows.push_back({c.name, std::to_string(c.layers), std::to_string(c.d_model),
                    std::to_string(c.heads), std::to_string(c.d_head),
                    c.heads * c.d_head == c.d_model ? "" : std::to_string(c.heads * c.d_head),
                    std::to_string(lesson::attention_parameters(c)),
                    all ? std::to_string(all) : ""});
  }
  page.text_table({"model", "L", "d_model", "h", "d_h", "h d_h", "attention", "parameters"}, rows);
  const auto uneven = [](const Configuration& c) { return c.heads * c.d_head != c.d_model; };
  page.check_equal(names_where(uneven), std::vector<std::string>{"GPT-3 XL", "GPT-3 13B"},
                   "h d_h is d_model in all listed models but GPT-3 XL and GPT-3 13B, two lines of "
                   "one printed table")
      .decides("C03-01", "C03-02");
  const Configuration& xl = configuration("GPT-3 XL");
  Configuration sixteen = xl;
  sixteen.heads = sixteen.kv_heads = 16;
  const auto relative_error = [](const Configuration& c) {
    return std::abs(static_cast<double>(lesson::parameters(c)) / static_cast<double>(c.published) -
                    1);
  };
  page.check_greater(relative_error(xl), 0.15,
                     "GPT-3 XL with 24 heads of 128, as printed, misses its 1.3 billion parameters "
                     "by more than 15%")
      .controls("C03-01", "C03-02");
  page.check_less(relative_error(sixteen), 0.02,
                  "GPT-3 XL with 16 heads of 128, which fill its width, meets its 1.3 billion "
                  "parameters within 2%");
  const Configuration& base = configuration("Transformer base");
  page.check_equal(base.d_model / base.heads, base.d_head,
                   "the base Transformer of 2017: 512 columns / 8 heads = 64 columns a head")
      .decides("C03-03");

  page.step("Formula: with the square root of the width, or with the width?");
  const Configuration& small = configuration("GPT-2 small");
  rows.clear();
  double off_by_root = 0, off_by_width = 0;
  for (const char* name : {"GPT-2 small", "GPT-2 XL", "GPT-3 175B"}) {
    const Configuration& c = configuration(name);
    // from GPT-2 small's 12 heads of 64
    const double wider = static_cast<double>(c.d_model) / static_cast<double>(small.d_model);
    const double by_root = 12 * std::sqrt(wider);
    const double by_width = 12 * wider * 64 / static_cast<double>(c.d_head);
    const double real = static_cast<double>(c.heads);
    off_by_root = std::max(off_by_root, std::abs(by_root / real - 1));
    off_by_width = std::max(off_by_width, std::abs(by_width / real - 1));
    rows.push_back(
        {name, std::to_string(c.heads), render::fixed(by_root, 1), render::fixed(by_width, 1)});
  }
  page.text_table({"model", "heads", "by the square root", "by the width"}, rows);
  page.check_greater(off_by_root, 0.4,
                     "scaled from GPT-2 small by the square root of d_model, the number of heads "
                     "is off by over 40% at worst")
      .decides("C03-07");
  page.check_less(off_by_width, 1e-12,
                  "scaled from GPT-2 small by d_model / d_h, the heads of GPT-2 XL and GPT-3 175B "
                  "are met exactly")
      .controls("C03-07");
  const auto usual = [](const Configuration& c) { return c.d_head == 64 || c.d_head == 128; };
  page.check_equal(names_where([&](const Configuration& c) { return !usual(c); }),
                   std::vector<std::string>{"GPT-3 large", "GPT-3 2.7B", "GPT-J 6B"},
                   "d_h is 64 or 128 in all listed models but GPT-3 large, GPT-3 2.7B and GPT-J 6B")
      .decides("C03-08");
}

// Heads that share d_model = 24: what they are made of.
void parameters_of_h(lesson::Page& page) {
  page.step("Formula: what depends on h, and what does not");
  Random random(page.seed(31));
  const Matrix X = random_matrix(random, n, d);  // [n, d_model]
  Counts in_all, of_one_W_Q, ranks;              // one entry for every h tried
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t h : heads_tried) {
    const MultiHeadWeights w = lesson::draw_heads(random, h, d);
    const HeadWeights first = head_weights(w, 0);
    const Matrix Q = matmul(X, first.W_Q), K = matmul(X, first.W_K);  // [n, d_h]
    std::size_t parameters = 0;
    for (std::size_t i = 0; i < h; ++i) {
      const HeadWeights one = head_weights(w, i);
      parameters += one.W_Q.size() + one.W_K.size() + one.W_V.size() + output_rows(w, i).size();
    }
    in_all.push_back(parameters);
    of_one_W_Q.push_back(first.W_Q.size());
    ranks.push_back(lesson::rank(matmul(Q, transpose(K))));
    rows.push_back({std::to_string(h), std::to_string(d / h), std::to_string(in_all.back()),
                    std::to_string(of_one_W_Q.back()), std::to_string(ranks.back())});
  }
  page.text_table({"heads", "d_h", "parameters", "of one W_Q", "rank of one head's scores"}, rows);
  page.check_equal(
          in_all, Counts(5, 4 * d * d),
          "1, 2, 4, 8 or 24 heads in d = 24 have 4 d^2 parameters in all, added up head by head")
      .decides("C03-04");
  page.check_equal(
          of_one_W_Q, Counts{576, 288, 144, 72, 24},
          "one head's W_Q shrinks as 1 / h: 576, 288, 144, 72, 24 numbers for 1, 2, 4, 8, 24 heads")
      .decides("C03-05");
  page.check_equal(ranks, Counts{10, 10, 6, 3, 1},
                   "one head's scores over ten tokens have rank min(n, d_h): 10, 10, 6, 3, 1 for "
                   "1, 2, 4, 8, 24 heads")
      .decides("C03-12");
}

// Products by which W_O turns the heads' outputs into the layer's: with half of W_O's columns half
// of them are saved, and no others.
std::size_t products_of_W_O(const Matrix& X, const MultiHeadWeights& w) {
  MultiHeadWeights half = w;
  half.W_O = xt::view(w.W_O, xt::all(), xt::range(0, d / 2));  // [n_heads d_h, d_model / 2]
  return 2 * (multi_head_counted(X, X, w).work.multiply_adds -
              multi_head_counted(X, X, half).work.multiply_adds);
}

// The same heads: what they do, counted in the inner loops.
void work_of_h(lesson::Page& page) {
  Random random(page.seed(31));
  const Matrix X = random_matrix(random, n, d);  // [n, d_model]
  // One entry for every h tried; of_scores has two, scores held and exponentials.
  Counts projected, batches, W_O_products, W_O_rows, of_scores;
  std::vector<double> per_number, expected;  // products of a head for every number it moves
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t h : heads_tried) {
    const std::size_t d_h = d / h;
    const MultiHeadWeights w = lesson::draw_heads(random, h, d);
    const HeadsTrace t = multi_head_counted(X, X, w);
    std::size_t in_heads = 0, rows_of_W_O = 0;
    for (std::size_t i = 0; i < h; ++i) {
      in_heads += t.head[i].work.multiply_adds;
      rows_of_W_O += output_rows(w, i).shape(0);
    }
    projected.push_back(t.work.multiply_adds - in_heads);
    batches.push_back(in_heads / (2 * n * n * d_h));  // Q K^T and A V of one head
    W_O_products.push_back(products_of_W_O(X, w));
    W_O_rows.push_back(rows_of_W_O);
    of_scores.push_back(t.work.largest_buffer);
    of_scores.push_back(t.work.exponentials);
    // a head's queries, keys, values and outputs are n by d_h, its scores and pattern n by n
    const std::size_t moved = 4 * n * d_h + 2 * t.head[0].pattern.size();
    per_number.push_back(static_cast<double>(t.head[0].work.multiply_adds) /
                         static_cast<double>(moved));
    expected.push_back(static_cast<double>(n * d_h) / static_cast<double>(2 * d_h + n));
    rows.push_back({std::to_string(h), std::to_string(t.work.multiply_adds),
                    std::to_string(t.work.exponentials), std::to_string(t.work.largest_buffer),
                    render::fixed(per_number.back(), 2)});
  }
  page.text_table({"heads", "products", "exponentials", "scores held", "products a number moved"},
                  rows);
  page.check_equal(projected, Counts(5, 4 * n * d * d),
                   "projections and W_O together take 4 n d^2 products, for 1, 2, 4, 8 or 24 heads")
      .decides("C03-11");
  page.check_equal(batches, heads_tried,
                   "Q K^T and A V are computed once a head: 1, 2, 4, 8 or 24 times")
      .controls("C03-11");
  page.check_equal(W_O_products, Counts(5, n * d * d),
                   "W_O alone takes n d^2 products, for 1, 2, 4, 8 or 24 heads")
      .decides("C03-27");
  page.check_equal(W_O_rows, Counts(5, d),
                   "the heads' rows of W_O are d = 24 together, for 1, 2, 4, 8 or 24 heads")
      .decides("C03-28");
  page.check_equal(of_scores, Counts{100, 100, 200, 200, 400, 400, 800, 800, 2400, 2400},
                   "h heads over ten tokens hold 100 h scores and take 100 h exponentials, both "
                   "counted for every h")
      .decides("C03-25");
  page.check_close(Vector(xt::adapt(per_number)), Vector(xt::adapt(expected)),
                   "products of a head for every number it moves: n d_h / (2 d_h + n)")
      .decides("C03-26");
  page.check_less(per_number.back(), per_number.front() / 4,
                  "a head of width 1 does less than a quarter of the products a number moved of a "
                  "head of width 24")
      .decides("C03-26");
  MultiHeadWeights kept{.n_heads = 2};  // two heads that keep d_h = 24
  for (Matrix* W : {&kept.W_Q, &kept.W_K, &kept.W_V})
    *W = random_matrix(random, d, 2 * d);      // [d_model, 2 d_h]
  kept.W_O = random_matrix(random, 2 * d, d);  // [2 d_h, d_model]
  page.check_equal(kept.W_Q.size() + kept.W_K.size() + kept.W_V.size() + kept.W_O.size(), 8 * d * d,
                   "two heads that each keep d_h = 24 have 8 d^2 parameters, twice those of heads "
                   "that share d = 24")
      .controls("C03-04", "C03-05");
  page.check_equal(products_of_W_O(X, kept), 2 * n * d * d,
                   "the W_O of two heads that each keep d_h = 24 takes 2 n d^2 products, twice "
                   "those of a shared width")
      .controls("C03-27", "C03-28");
}

void too_few_too_many(lesson::Page& page) {
  page.step("Formula: too few, too many");
  double accuracy[2];  // of one head and of two with as many parameters
  for (int i = 0; i < 2; ++i) {
    const char* name = i == 0 ? "order-one-head" : "order-two-heads";
    accuracy[i] = lesson::order_answers(name, lesson::trained_model(name)).before_previous;
  }
  page.check_greater(accuracy[1], accuracy[0] + 0.3,
                     "too few: one head names the letter before the previous one right 30 points "
                     "less often than two heads")
      .decides("C03-06");
  Random random(page.seed(32));
  std::vector<std::string> labels;
  std::vector<double> found;
  for (const std::size_t width : {1u, 2u, 3u, 8u}) {
    const Matrix keys = random_matrix(random, 24, width),
                 queries = random_matrix(random, 2000, width);
    const Matrix S = matmul(queries, transpose(keys));  // [n_query, n_key]
    std::set<std::size_t> best;
    for (std::size_t i = 0; i < 2000; ++i) best.insert(lesson::largest_in_row(S, i));
    labels.push_back("d_h = " + std::to_string(width));
    found.push_back(static_cast<double>(best.size()));
  }
  page.bars("keys of 24 that some query of 2000 scores highest", labels, found);
  page.check_equal(found[0], 2.0,
                   "too many: for a head of width 1 only two of 24 keys ever score highest, in "
                   "2000 random queries")
      .decides("C03-06", "C03-12");
  page.check_greater(found[3], 2 * found[1],
                     "for a head of width 8 over twice as many of 24 keys score highest for some "
                     "query as for width 2")
      .controls("C03-06", "C03-12");

  const Matrix keys = random_matrix(random, 24, 2);  // [n_key, d_h]
  // Two keys score the same where the query is perpendicular to their difference.
  std::vector<double> ties;  // the angles of such queries
  for (std::size_t a = 0; a < 24; ++a)
    for (std::size_t b = 0; b < 24; ++b)
      if (a != b) ties.push_back(std::atan2(keys(a, 0) - keys(b, 0), keys(b, 1) - keys(a, 1)));
  std::sort(ties.begin(), ties.end());
  ties.push_back(ties.front() + 2 * std::numbers::pi);
  Matrix queries = Matrix::from_shape({ties.size() - 1, 2});  // one between every two ties
  for (std::size_t q = 0; q + 1 < ties.size(); ++q) {
    const double angle = (ties[q] + ties[q + 1]) / 2;
    queries(q, 0) = std::cos(angle), queries(q, 1) = std::sin(angle);
  }
  const Matrix identity = xt::eye<double>(2);  // [d_h, d_h]
  const Matrix S = attend(queries, keys, HeadWeights{identity, identity, identity}, {})
                       .raw_scores;  // [n_query, n_key]
  std::set<std::size_t> reached;
  for (std::size_t q = 0; q < S.shape(0); ++q) reached.insert(lesson::largest_in_row(S, q));
  page.check_equal(reached, lesson::hull_corners(keys),
                   "of 24 keys in a plane those that some query scores highest are exactly their "
                   "convex hull's corners")
      .decides("C03-12");
}

void architecture(lesson::Page& page) {
  page.step("Architecture: GPT-2's heads, and its parameters counted two ways");
  std::vector<std::vector<std::string>> rows;
  Counts by_tensors, by_formula;
  for (const char* name : {"GPT-2 small", "GPT-2 medium", "GPT-2 large", "GPT-2 XL"}) {
    const Configuration& c = configuration(name);
    by_tensors.push_back(lesson::parameters(c));
    by_formula.push_back((c.vocabulary + c.context) * c.d_model +
                         c.layers * (12 * c.d_model * c.d_model + 13 * c.d_model) + 2 * c.d_model);
    rows.push_back({name, std::to_string(c.heads) + " of " + std::to_string(c.d_head),
                    std::to_string(lesson::tensors(c).size()), std::to_string(by_tensors.back())});
  }
  page.text_table({"model", "heads", "tensors", "parameters"}, rows);
  page.check_equal(by_tensors, by_formula,
                   "named tensors and 12 d^2 + 13 d a layer count the same parameters for each of "
                   "four GPT-2 models");
  page.check_equal(by_tensors[0], std::size_t{124439808},
                   "GPT-2 small, 12 heads of 64 in 768, has 124,439,808 parameters")
      .decides("C03-09");
  page.check_greater(static_cast<double>(by_tensors[0]) / 117e6, 1.06,
                     "GPT-2 small has over 6% more parameters than its first label, 117M, said")
      .decides("C03-09");
  page.check_equal(by_tensors[3], std::size_t{1557611200},
                   "GPT-2 XL, 25 heads of 64 in 1600, has 1,557,611,200 parameters")
      .decides("C03-10");
  page.check_equal(names_where([](const Configuration& c) {
                     return c.published % 1000 != 0 && lesson::parameters(c) == c.published;
                   }).size(),
                   std::size_t{11},
                   "the listed tensors of eleven models, from BERT to Qwen2, add up exactly to the "
                   "published sizes");
  std::size_t in_file = 0;
  for (const StoredTensor& t :
       read_safetensors(lesson::model_folder("wide") / "model.safetensors").tensors)
    in_file += t.bytes.size() / sizeof(float);
  page.check_equal(in_file, parameter_count(lesson::trained_model("wide")),
                   "the file of \"wide\", counted tensor by tensor, holds as many numbers as the "
                   "model loaded from it");

  page.step("Architecture: wider than 128?");
  page.check_equal(names_where([](const Configuration& c) { return c.d_head > 128; }),
                   std::vector<std::string>{"GPT-J 6B"},
                   "of the listed models GPT-J 6B alone has heads wider than 128")
      .decides("C03-14");
}

// How fast the loss of a sequence rises with a gate that multiplies a head's z, at a gate of 1. The
// head's part of the output is gate z W_O, so that dL/dgate = sum of W_O dL/dW_O over its rows.
Matrix slopes_at_gates(const ModelWeightsF& model, const std::vector<Example>& examples) {
  const std::size_t n_heads = model.blocks[0].attention.n_heads;
  Matrix slopes = xt::zeros<double>({examples.size(), model.blocks.size() * n_heads});
  for (std::size_t s = 0; s < examples.size(); ++s) {
    const Example& e = examples[s];
    const ModelTraceF trace = run_model<float>(e.ids, model, {.record = Record::essential});
    ModelWeightsF gradient = zeros_like(model);
    run_model_backward(trace, model, cross_entropy(trace.logits, e.targets, e.counts).of_logits,
                       gradient);
    for (std::size_t l = 0; l < model.blocks.size(); ++l) {
      const MatrixF &W_O = model.blocks[l].attention.W_O,
                    &dW_O = gradient.blocks[l].attention.W_O;  // [n_heads d_head, d_model]
      const std::size_t size = W_O.size() / n_heads;           // of the rows of a head
      for (std::size_t c = 0; c < W_O.size(); ++c)
        slopes(s, l * n_heads + c / size) +=
            static_cast<double>(W_O.data()[c]) * static_cast<double>(dW_O.data()[c]);
    }
  }
  return slopes;
}

void evidence(lesson::Page& page) {
  page.step("Evidence: thirty-two narrow heads, taken away");
  const ModelWeightsF wide = lesson::trained_model("wide");
  const std::vector<Example> examples = held_out(find_recipe("wide"), 12);
  const auto loss_of = [&](const ModelWeightsF& model) {
    return evaluate(model, examples, {.threads = lesson::threads}).loss;
  };
  const double whole = loss_of(wide), untrained = loss_of(lesson::untrained_model("wide"));
  struct Scored {
    HeadId id;
    double cost, slope;
  };
  std::vector<Scored> heads;
  const Matrix slopes = slopes_at_gates(wide, examples);  // [sequences, heads]
  for (const HeadId& id : lesson::all_heads(wide)) {
    double score = 0;  // Michel's: mean over sequences of |dL/dgate|
    for (std::size_t s = 0; s < examples.size(); ++s)
      score += std::abs(slopes(s, heads.size())) / static_cast<double>(examples.size());
    heads.push_back({id, lesson::loss_without(wide, examples, {id}) - whole, score});
  }
  std::sort(heads.begin(), heads.end(),
            [](const Scored& a, const Scored& b) { return a.cost < b.cost; });
  std::vector<std::vector<std::string>> rows = {{"0", "0.00", render::fixed(whole, 3)}};
  std::vector<double> added = {0};  // loss without the cheapest 0, 3, 6, 13, 26
  for (const std::size_t count : {3u, 6u, 13u, 26u}) {
    std::vector<HeadId> gone;
    for (std::size_t i = 0; i < count; ++i) gone.push_back(heads[i].id);
    added.push_back(lesson::loss_without(wide, examples, gone) - whole);
    rows.push_back({std::to_string(count), render::fixed(static_cast<double>(count) / 32, 2),
                    render::fixed(whole + added.back(), 3)});
  }
  page.text_table({"heads removed, cheapest first", "share", "loss"}, rows);
  const double fifth = added[2], two_fifths = added[3], four_fifths = added[4];
  page.say("Untrained: " + render::fixed(untrained, 3) +
           ". Michel et al. 2019 took away about 20% of the heads in translation and 40% in BERT "
           "before quality fell; in Voita et al. 2019 38 of 48 heads went, in the encoder alone, "
           "with gates that were trained.");
  page.check_less(fifth, 0.1 * (untrained - whole),
                  "without the cheapest 6 of 32 heads the loss of \"wide\" rises by under a tenth "
                  "of what training gained")
      .decides("C03-16");
  page.check_greater(four_fifths, 10 * std::max(two_fifths, 0.01),
                     "taking away the cheapest 26 of 32 heads costs over ten times what taking "
                     "away the cheapest 13 costs")
      .decides("C03-18");
  page.check_less(two_fifths, 0.1 * (untrained - whole),
                  "without the cheapest 13 of 32 heads the loss of \"wide\" rises by under a tenth "
                  "of what training gained")
      .controls("C03-18");
  page.check_less(
          std::abs(heads.front().cost), 0.003,
          "taken away alone, the cheapest of the 32 heads changes the loss by less than 0.003")
      .decides("C03-20");
  page.check_greater(heads[16].cost, 0.003,
                     "taken away alone, each head of the dearer half of the 32 raises the loss by "
                     "more than 0.003")
      .controls("C03-20");
  std::vector<HeadId> dearest;
  for (std::size_t i = 26; i < 32; ++i) dearest.push_back(heads[i].id);
  page.check_greater(lesson::loss_without(wide, examples, dearest) - whole,
                     10 * std::max(fifth, 0.01),
                     "taking away the dearest 6 of 32 heads costs over ten times what taking away "
                     "the cheapest 6 costs")
      .controls("C03-16");
  double other_order = 0;  // share of pairs that the two measures put in opposite order
  for (std::size_t a = 0; a < 32; ++a)
    for (std::size_t b = a + 1; b < 32; ++b)
      other_order += heads[a].slope > heads[b].slope ? 2.0 / (32 * 31) : 0;
  const HeadId dear = heads.back().id;  // its gate a twentieth up and down, on the first sequence
  const auto loss_at_gate = [&](float gate) {
    const auto gated = [&](std::size_t) {
      return [&](const StageOf<float>& stage) {
        if (stage.name != "blocks." + std::to_string(dear.layer) + ".attn.hook_z") return;
        const std::size_t size = stage.values.size() / stage.shape[0];
        for (std::size_t c = 0; c < size; ++c) stage.values[dear.head * size + c] *= gate;
      };
    };
    return evaluate(wide, {&examples[0], 1}, {.intervention = gated}).loss;
  };
  const double slope = slopes(0, dear.layer * 16 + dear.head);
  const double difference = (loss_at_gate(1.05f) - loss_at_gate(0.95f)) / 0.1;
  page.check_less(std::abs(slope - difference), 0.05 * std::abs(difference),
                  "the slope of the loss at the dearest head's gate, sum of W_O dL/dW_O over its "
                  "rows, is within 5% of that between gates of 0.95 and 1.05")
      .decides("C03-17");
  page.check_greater(other_order, 0.05,
                     "Michel's score (slope of the loss at a head's gate) orders over 5% of pairs "
                     "of heads otherwise than cost")
      .decides("C03-17");
  page.check_less(other_order, 0.45,
                  "Michel's score orders under 45% of pairs of heads otherwise than cost; a coin "
                  "would turn round half")
      .controls("C03-17");

  page.step("Evidence: more heads, or one more layer");
  const auto right = [](const ModelWeightsF& model, const char* recipe) {
    return evaluate(model, held_out(find_recipe(recipe), 24), {.threads = lesson::threads})
        .relation.at("induction")
        .accuracy;
  };
  const double one_layer =
      right(lesson::trained_model("induction-one-layer"), "induction-one-layer");
  const double two_layers = right(lesson::trained_model("induction"), "induction");
  const double chance = right(lesson::untrained_model("induction"), "induction");
  page.text_table(
      {"continues what repeats", "right answers"},
      {{"one layer, " + std::to_string(find_recipe("induction-one-layer").model.n_heads) + " heads",
        render::fixed(one_layer, 2)},
       {"two layers, " + std::to_string(find_recipe("induction").model.n_heads) + " heads each",
        render::fixed(two_layers, 2)},
       {"untrained", render::fixed(chance, 2)}});
  page.check_greater(two_layers, 0.9,
                     "two layers of two heads continue what repeats: over 90% right")
      .decides("C03-22", "C03-23");
  page.check_less(one_layer, 0.5,
                  "one layer of four heads, as many as two layers of two, continues what repeats "
                  "less than 50% right")
      .controls("C03-22", "C03-23");
}

void scaling(lesson::Page& page) {
  page.step("Scaling: n^2 d, and the rest");
  Random random(page.seed(33));
  const std::size_t width = 16;
  const MultiHeadWeights w = lesson::draw_heads(random, 4, width);
  std::size_t crossing = 0;  // tokens from which scores and mixing cost as much as the projections
  for (std::size_t tokens = 1; crossing == 0; ++tokens) {
    const Matrix X = random_matrix(random, tokens, width);
    const HeadsTrace t = multi_head_counted(X, X, w);
    std::size_t in_heads = 0;
    for (const FullTrace& head : t.head) in_heads += head.work.multiply_adds;
    if (2 * in_heads >= t.work.multiply_adds) crossing = tokens;
  }
  page.check_equal(crossing, 2 * width,
                   "counted in d = 16, Q K^T and A V cost as much as the projections from n = 32 = "
                   "2 d tokens on")
      .decides("C03-24");
  std::set<std::uint64_t> gpt2, gpt3, llama, widths;
  for (const Configuration& c : lesson::configurations()) {
    if (c.name.starts_with("GPT-3")) gpt3.insert(c.d_head);
    if (c.name.starts_with("GPT-2")) gpt2.insert(c.d_head);
    if (c.name.starts_with("LLaMA")) llama.insert(c.d_head);
    if (c.name.starts_with("GPT-2") || c.name.starts_with("LLaMA")) widths.insert(c.d_model);
  }
  page.check_equal(gpt2, std::set<std::uint64_t>{64}, "all listed GPT-2 models have d_h = 64")
      .decides("C03-29");
  page.check_equal(llama, std::set<std::uint64_t>{128}, "all listed LLaMA-2 models have d_h = 128")
      .decides("C03-29");
  page.check_equal(
      widths, std::set<std::uint64_t>{768, 1024, 1280, 1600, 4096, 5120, 8192},
      "the listed GPT-2 and LLaMA-2 models have seven widths d_model, from 768 to 8192");
  page.check_equal(gpt3, std::set<std::uint64_t>{64, 80, 96, 128},
                   "the listed GPT-3 models do not share one d_h: they have 64, 80, 96 or 128")
      .controls("C03-29");
}

void balance(lesson::Page& page) {
  page.step("Balance: h = d_model / 128 everywhere?");
  const auto by_128 = [](const Configuration& c) {
    return c.d_head == 128 && 128 * c.heads == c.d_model;
  };
  page.check_equal(names_where([&](const Configuration& c) {
                     return c.name.starts_with("GPT-3") && !by_128(c);
                   }),
                   std::vector<std::string>{"GPT-3 small", "GPT-3 medium", "GPT-3 large",
                                            "GPT-3 XL", "GPT-3 2.7B", "GPT-3 13B"},
                   "six of the eight GPT-3 models do not have h = d_model / 128 heads of 128")
      .decides("C03-30");
  page.check_equal(names_where([&](const Configuration& c) {
                     return c.name.starts_with("LLaMA") && !by_128(c);
                   }).size(),
                   std::size_t{0}, "all listed LLaMA-2 models have h = d_model / 128 heads of 128")
      .controls("C03-30");
  std::uint64_t common = 0;
  for (const char* name : {"BERT base", "GPT-2 XL", "LLaMA-2 13B", "Qwen2 7B"})
    common = std::gcd(common, configuration(name).heads);
  page.check_equal(common, std::uint64_t{1},
                   "12, 25, 40 and 28 heads (BERT base, GPT-2 XL, LLaMA-2 13B, Qwen2 7B) have no "
                   "common divisor but 1")
      .decides("C03-31");
}

void tell(lesson::Page& page) {
  formula(page);
  parameters_of_h(page);
  work_of_h(page);
  too_few_too_many(page);
  architecture(page);
  evidence(page);
  scaling(page);
  balance(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv,
                     {.number = 3,
                      .title = "How many heads",
                      .models = lesson::use_models({"order-one-head", "order-two-heads", "wide",
                                                    "induction", "induction-one-layer"})},
                     tell);
}
