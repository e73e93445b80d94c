// Lesson 3: how the number of heads is set.   Report, section 3.
// Real models' sizes as data, their parameters counted two ways; ten tokens in d_model = 24, which
// 1, 2, 4, 8 or 24 heads share; 24 keys in a plane; the trained models "order-one-head",
// "order-two-heads", "induction", "induction-one-layer" and "wide" (2 layers of 16 heads).
#include <algorithm>
#include <cmath>
#include <headlight/attention/head_slice.hpp>
#include <headlight/core/random.hpp>
#include <headlight/file/safetensors.hpp>
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
  page.check_equal(
          names_where(uneven), std::vector<std::string>{"GPT-3 XL", "GPT-3 13B"},
          "h d_h = d_model (left blank) in all but two, and those are printed so in one table")
      .decides("C03-01", "C03-02");
  const Configuration& xl = configuration("GPT-3 XL");
  Configuration sixteen = xl;
  sixteen.heads = sixteen.kv_heads = 16;
  const auto relative_error = [](const Configuration& c) {
    return std::abs(static_cast<double>(lesson::parameters(c)) / static_cast<double>(c.published) -
                    1);
  };
  page.check_greater(
          relative_error(xl), 0.15,
          "GPT-3 XL: with 24 heads of 128 its 1.3 billion parameters are missed by a sixth")
      .controls("C03-01", "C03-02");
  page.check_less(relative_error(sixteen), 0.02,
                  "with 16, which divide its width, they are met: the 24 look like a misprint");
  const Configuration& base = configuration("Transformer base");
  page.check_equal(base.d_model / base.heads, base.d_head, "2017: 512 / 8 = 64").decides("C03-03");

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
  page.check_greater(off_by_root, 0.4, "the square root misses by half").decides("C03-07");
  page.check_less(off_by_width, 1e-12, "d_model / d_h does not miss").controls("C03-07");
  const auto usual = [](const Configuration& c) { return c.d_head == 64 || c.d_head == 128; };
  page.check_equal(names_where([&](const Configuration& c) { return !usual(c); }),
                   std::vector<std::string>{"GPT-3 large", "GPT-3 2.7B", "GPT-J 6B"},
                   "d_h is 64 or 128 in all but three")
      .decides("C03-08");
}

// Heads that share d_model = 24, and what each number of them costs, counted in the inner loops.
void what_depends_on_h(lesson::Page& page) {
  page.step("Formula: what depends on h, and what does not");
  Random random(page.seed(31));
  const Matrix X = random_matrix(random, n, d);  // [n, d_model]
  // One entry for every h tried: parameters, products, heads, cells, ranks.
  Counts of_one_W_Q, in_all, projected, batches, W_O_products, W_O_rows, cells, ranks;
  std::vector<double> per_number, expected;  // products for every number moved
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t h : heads_tried) {
    const MultiHeadWeights w = lesson::draw_heads(random, h, d);
    MultiHeadWeights half = w;  // half of W_O's columns: saves half of its products, and only those
    half.W_O = xt::view(w.W_O, xt::all(), xt::range(0, d / 2));
    const HeadsTrace t = multi_head_counted(X, X, w);
    const HeadWeights first = head_weights(w, 0);
    std::size_t parameters = 0, in_heads = 0, rows_of_W_O = 0;
    for (std::size_t i = 0; i < h; ++i) {
      const HeadWeights one = head_weights(w, i);
      parameters += one.W_Q.size() + one.W_K.size() + one.W_V.size() + output_rows(w, i).size();
      rows_of_W_O += output_rows(w, i).shape(0);
      in_heads += t.head[i].work.multiply_adds;
    }
    const double d_h = static_cast<double>(d / h), tokens = static_cast<double>(n);
    const std::size_t moved = 4 * n * (d / h) + 2 * t.head[0].pattern.size();  // q, k, v, z; S, A
    of_one_W_Q.push_back(first.W_Q.size());
    in_all.push_back(parameters);
    projected.push_back(t.work.multiply_adds - in_heads);
    batches.push_back(in_heads / (2 * n * n * (d / h)));  // Q K^T and A V of one head
    W_O_products.push_back(
        2 * (t.work.multiply_adds - multi_head_counted(X, X, half).work.multiply_adds));
    W_O_rows.push_back(rows_of_W_O);
    cells.push_back(t.work.largest_buffer);
    ranks.push_back(lesson::rank(matmul(matmul(X, first.W_Q), transpose(matmul(X, first.W_K)))));
    per_number.push_back(static_cast<double>(t.head[0].work.multiply_adds) /
                         static_cast<double>(moved));
    expected.push_back(tokens * d_h / (2 * d_h + tokens));
    rows.push_back({std::to_string(h), std::to_string(d / h), std::to_string(in_all.back()),
                    std::to_string(t.work.multiply_adds), std::to_string(t.work.exponentials),
                    std::to_string(cells.back()), render::fixed(per_number.back(), 2)});
  }
  page.text_table({"heads", "d_h", "parameters", "products", "exponentials", "scores held",
                   "products a number"},
                  rows);
  page.check_equal(in_all, Counts(5, 4 * d * d),
                   "head by head added up: 4 d^2 parameters for every h")
      .decides("C03-04");
  page.check_equal(of_one_W_Q, Counts{576, 288, 144, 72, 24},
                   "a single head's W_Q does not stay: it shrinks as 1 / h")
      .decides("C03-05");
  page.check_equal(ranks, Counts{10, 10, 6, 3, 1},
                   "and with it the rank of a head's scores: min(n, d_h)")
      .decides("C03-12");
  page.check_equal(projected, Counts(5, 4 * n * d * d),
                   "projections and W_O are the same 4 n d^2 products for every h")
      .decides("C03-11");
  page.check_equal(batches, heads_tried, "only the batch of n by n products grows")
      .controls("C03-11");
  page.check_equal(W_O_products, Counts(5, n * d * d),
                   "W_O alone: n d^2 products, from 1 head to 24")
      .decides("C03-27");
  page.check_equal(W_O_rows, Counts(5, d), "the heads' rows of W_O are d rows together")
      .decides("C03-28");
  page.check_equal(cells, Counts{100, 200, 400, 800, 2400},
                   "but n^2 scores for every head, and as many exponentials")
      .decides("C03-25");
  page.check_close(Vector(xt::adapt(per_number)), Vector(xt::adapt(expected)),
                   "products for every number moved: n d_h / (2 d_h + n)")
      .decides("C03-26");
  page.check_less(
          per_number.back(), per_number.front() / 4,
          "24 narrow heads do less than a quarter of one wide head's: that is not what makes "
          "hardware fast")
      .decides("C03-26");
  MultiHeadWeights kept = {2, {}, {}, {}, {}};  // two heads that keep d_h = 24
  for (Matrix* W : {&kept.W_Q, &kept.W_K, &kept.W_V}) *W = random_matrix(random, d, 2 * d);
  kept.W_O = random_matrix(random, 2 * d, d);
  MultiHeadWeights half = kept;
  half.W_O = xt::view(kept.W_O, xt::all(), xt::range(0, d / 2));
  const std::size_t W_O_kept = 2 * (multi_head_counted(X, X, kept).work.multiply_adds -
                                    multi_head_counted(X, X, half).work.multiply_adds);
  page.check_equal(kept.W_Q.size() + kept.W_K.size() + kept.W_V.size() + kept.W_O.size(), 8 * d * d,
                   "two heads that kept d_h = 24 would have twice the parameters")
      .controls("C03-04", "C03-05");
  page.check_equal(W_O_kept, 2 * n * d * d, "and a W_O of 2 d rows, with twice the products")
      .controls("C03-27", "C03-28");
}

void too_few_too_many(lesson::Page& page) {
  page.step("Formula: too few, too many");
  double accuracy[2];  // of one head and of two with as many parameters
  for (int i = 0; i < 2; ++i) {
    const char* name = i == 0 ? "order-one-head" : "order-two-heads";
    accuracy[i] = evaluate(lesson::trained_model(name), held_out(find_recipe(name), 64))
                      .relation.at("before previous")
                      .accuracy;
  }
  page.check_greater(
          accuracy[1], accuracy[0] + 0.3,
          "too few: trained on two questions at once, one head falls short of two half as wide")
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
  page.check_equal(found[0], 2.0, "too many: a head of width 1 finds two keys, whatever the query")
      .decides("C03-06", "C03-12");
  page.check_greater(found[3], 2 * found[1], "a head of width 8 finds most")
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
                   "exactly, for width 2: a query in every direction reaches the corners of the "
                   "keys' convex hull, and no other key")
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
                   "a list of named tensors and 12 d^2 + 13 d a layer agree");
  page.check_equal(by_tensors[0], std::size_t{124439808},
                   "768 = 12 heads of 64: 124,439,808 parameters")
      .decides("C03-09");
  page.check_greater(static_cast<double>(by_tensors[0]) / 117e6, 1.06,
                     "the label 117M was too small by 6% and corrected later")
      .decides("C03-09");
  page.check_equal(by_tensors[3], std::size_t{1557611200}, "1600 = 25 heads of 64: 1,557,611,200")
      .decides("C03-10");
  page.check_equal(names_where([](const Configuration& c) {
                     return c.published % 1000 != 0 && lesson::parameters(c) == c.published;
                   }).size(),
                   std::size_t{11},
                   "eleven models with exact figures, from BERT to Qwen2: the tensors of every one "
                   "add up to what was published");
  std::size_t in_file = 0;
  for (const StoredTensor& t :
       read_safetensors(lesson::model_folder("wide") / "model.safetensors").tensors)
    in_file += t.bytes.size() / sizeof(float);
  page.check_equal(in_file, parameter_count(lesson::trained_model("wide")),
                   "a file counted tensor by tensor holds what the model loaded from it has");

  page.step("Architecture: wider than 128?");
  page.check_equal(names_where([](const Configuration& c) { return c.d_head > 128; }),
                   std::vector<std::string>{"GPT-J 6B"},
                   "GPT-J has heads of 256: wider ones are in use")
      .decides("C03-14");
}

void evidence(lesson::Page& page) {
  page.step("Evidence: thirty-two narrow heads, taken away");
  const ModelWeightsF wide = lesson::trained_model("wide");
  const std::vector<Example> examples = held_out(find_recipe("wide"), 12);
  const double whole = evaluate(wide, examples).loss,
               untrained = evaluate(lesson::untrained_model("wide"), examples).loss;
  struct Scored {
    HeadId id;
    double cost, slope;
  };
  std::vector<Scored> heads;
  for (const HeadId& id : lesson::all_heads(wide)) {
    double slope = 0;  // Michel's score: mean over sequences of |dL/dgate|; a gate multiplies z
    const std::string z = "blocks." + std::to_string(id.layer) + ".attn.hook_z";
    const auto loss_at_gate = [&](std::size_t sequence, float gate) {
      const InterventionOf<float> gated = [&](const StageOf<float>& stage) {
        if (stage.name != z) return;
        const std::size_t size = stage.values.size() / 16;  // of one head's z: n d_head
        for (std::size_t c = 0; c < size; ++c) stage.values[id.head * size + c] *= gate;
      };
      return evaluate(wide, {&examples[sequence], 1}, [&](std::size_t) { return gated; }).loss;
    };
    for (std::size_t s = 0; s < 6; ++s)  // central differences around a gate of 1
      slope += std::abs(loss_at_gate(s, 1.05f) - loss_at_gate(s, 0.95f)) / 0.1 / 6;
    heads.push_back({id, lesson::loss_without(wide, examples, {id}) - whole, slope});
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
  page.say("Untrained: " + render::fixed(untrained, 3) + ".");
  page.check_less(fifth, 0.1 * (untrained - whole),
                  "a fifth of the heads goes almost free (Michel et al. 2019: about 20% in "
                  "translation, 40% in BERT)")
      .decides("C03-16");
  page.check_greater(four_fifths, 10 * std::max(two_fifths, 0.01),
                     "four fifths cost ten times what two fifths do: 38 of 48 heads went in Voita "
                     "et al. 2019, in the encoder alone, with gates that were trained")
      .decides("C03-18");
  page.check_less(two_fifths, 0.1 * (untrained - whole), "up to two fifths it was cheap")
      .controls("C03-18");
  page.check_less(std::abs(heads.front().cost), 0.02,
                  "at least one of the 32 does next to nothing alone")
      .decides("C03-20");
  page.check_greater(heads[16].cost, 0.003, "but half of them are missed when gone: few sleep")
      .controls("C03-20");
  std::vector<HeadId> dearest;
  for (std::size_t i = 26; i < 32; ++i) dearest.push_back(heads[i].id);
  page.check_greater(lesson::loss_without(wide, examples, dearest) - whole,
                     10 * std::max(fifth, 0.01),
                     "any fifth will not do: the six dearest cost ten times as much")
      .controls("C03-16");
  double other_order = 0;  // share of pairs that the two measures put in opposite order
  for (std::size_t a = 0; a < 32; ++a)
    for (std::size_t b = a + 1; b < 32; ++b)
      other_order += heads[a].slope > heads[b].slope ? 2.0 / (32 * 31) : 0;
  page.check_greater(other_order, 0.05,
                     "Michel's score is the slope of a gate at 1; it orders pairs of heads "
                     "otherwise than taking them away does")
      .decides("C03-17");
  page.check_less(other_order, 0.45,
                  "though it is no coin toss, which would turn round half of them")
      .controls("C03-17");

  page.step("Evidence: more heads, or one more layer");
  const auto right = [](const ModelWeightsF& model, const char* recipe) {
    return evaluate(model, held_out(find_recipe(recipe), 24)).relation.at("induction").accuracy;
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
                     "two layers: a head of the second reads what a head of the first wrote")
      .decides("C03-22", "C03-23");
  page.check_less(
          one_layer, 0.5,
          "with as many heads in one layer nobody reads: they do not do a second layer's work")
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
                   "4 n d^2 + 2 n^2 d: counted in d = 16, the quadratic part leads from n = 32 = 2 "
                   "d on; in d = 768 from 1536")
      .decides("C03-24");
  std::set<std::uint64_t> gpt2, gpt3, llama, widths;
  for (const Configuration& c : lesson::configurations()) {
    if (c.name.starts_with("GPT-3")) gpt3.insert(c.d_head);
    if (c.name.starts_with("GPT-2")) gpt2.insert(c.d_head);
    if (c.name.starts_with("LLaMA")) llama.insert(c.d_head);
    if (c.name.starts_with("GPT-2") || c.name.starts_with("LLaMA")) widths.insert(c.d_model);
  }
  page.check_equal(gpt2, std::set<std::uint64_t>{64}, "GPT-2 grew in width and kept d_h = 64")
      .decides("C03-29");
  page.check_equal(llama, std::set<std::uint64_t>{128}, "LLaMA-2 grew in width and kept d_h = 128")
      .decides("C03-29");
  page.check_equal(widths, std::set<std::uint64_t>{768, 1024, 1280, 1600, 4096, 5120, 8192},
                   "in seven widths from 768 to 8192");
  page.check_equal(gpt3, std::set<std::uint64_t>{64, 80, 96, 128}, "GPT-3 did not keep it")
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
                   "not in GPT-3's family: of eight models six differ")
      .decides("C03-30");
  page.check_equal(names_where([&](const Configuration& c) {
                     return c.name.starts_with("LLaMA") && !by_128(c);
                   }).size(),
                   std::size_t{0}, "in LLaMA-2 it is so; with 5120 / 128 = 40 for the 13B model")
      .controls("C03-30");
  std::uint64_t common = 0;
  for (const char* name : {"BERT base", "GPT-2 XL", "LLaMA-2 13B", "Qwen2 7B"})
    common = std::gcd(common, configuration(name).heads);
  page.check_equal(common, std::uint64_t{1}, "12, 25, 40 and 28 heads: no block size divides all")
      .decides("C03-31");
}

void tell(lesson::Page& page) {
  formula(page);
  what_depends_on_h(page);
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
