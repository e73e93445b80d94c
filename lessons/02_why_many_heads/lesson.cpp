// Lesson 2: why many heads and not one large one.   Report, section 2.
// Six random tokens in d_model = 12, h = 3 heads of 4; real models' sizes as data; the trained
// models "order-one-head", "order-two-heads" (equal parameters) and "grammar".
#include <algorithm>
#include <cmath>
#include <headlight/analysis/ablation.hpp>
#include <headlight/attention/head.hpp>
#include <headlight/attention/model.hpp>
#include <headlight/core/random.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/recipes.hpp>
#include <set>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "support/algebra.hpp"
#include "support/configurations.hpp"
#include "support/models.hpp"
#include "support/page.hpp"

using namespace headlight;

namespace {

constexpr std::size_t n = 6, d = 12, h = 3, d_h = 4;  // tokens, d_model, heads, width of a head

double difference(const Matrix& a, const Matrix& b) {
  return compare(a, b).relative;
}

MultiHeadWeights draw(Random& random) {
  return {h, random_matrix(random, d, d, 0.4), random_matrix(random, d, d, 0.4),
          random_matrix(random, d, d, 0.4), random_matrix(random, d, d, 0.4)};
}

auto columns(std::size_t head) {
  return xt::range(head * d_h, (head + 1) * d_h);
}

// What moves from every token to every token through every channel: sum of vec(A_h) vec(OV_h)^T.
std::size_t mixing_rank(const Matrix& X, const MultiHeadWeights& W) {
  const MultiHeadTrace t = multi_head_attention(X, W);
  const std::size_t heads = W.n_heads, width = d / heads;
  Matrix mixing = xt::zeros<double>({n * n, d * d});
  for (std::size_t i = 0; i < heads; ++i) {
    const Matrix V = xt::view(W.W_V, xt::all(), xt::range(i * width, (i + 1) * width));
    const Matrix OV = matmul(V, Matrix(xt::view(W.W_O, xt::range(i * width, (i + 1) * width))));
    for (std::size_t a = 0; a < n * n; ++a)
      for (std::size_t b = 0; b < d * d; ++b)
        mixing(a, b) += t.pattern.data()[i * n * n + a] * OV.data()[b];
  }
  return lesson::rank(mixing);
}

void one_and_many(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("One distribution a query, or several");
  const MultiHeadTrace many = multi_head_attention(X, W);
  MultiHeadWeights single = W, alike = W;
  single.n_heads = 1;
  for (std::size_t i = 1; i < h; ++i) {
    xt::view(alike.W_Q, xt::all(), columns(i)) = xt::view(W.W_Q, xt::all(), columns(0));
    xt::view(alike.W_K, xt::all(), columns(i)) = xt::view(W.W_K, xt::all(), columns(0));
  }
  for (std::size_t i = 0; i < h; ++i)
    page.heat_map("head " + std::to_string(i), Matrix(xt::view(many.pattern, i)));
  page.explore(many);
  page.heat_map("one head of the whole width",
                Matrix(xt::view(multi_head_attention(X, single).pattern, 0)));
  const auto three = page.check_equal(
      mixing_rank(X, W), h, "three heads: what is mixed has rank three, pattern by channel");
  const auto one = page.check_equal(mixing_rank(X, single), std::size_t{1},
                                    "one head of the whole width: rank one");
  page.check_equal(mixing_rank(X, alike), std::size_t{1},
                   "three heads that look alike: rank one again");
  for (const auto check : {three, one}) page.claim("C02-24", check);
  page.claim("C02-02", one);
  const Matrix A = xt::view(multi_head_attention(X, single).pattern, 0);  // [n_query, n_key]
  page.claim("C02-14", page.check_greater(
                           difference(Matrix(xt::view(A, xt::range(0, 1))),
                                      Matrix(xt::view(A, xt::range(1, 2)))),
                           0.1, "one head does hold different patterns for different queries"));
  page.claim("C02-14", three);
  page.claim("C02-32", page.check_equal(many.pattern.size(), h * n * n,
                                        "and many heads have h matrices of n "
                                        "by n, each of full size"));

  page.step("Their own projections, then concatenation and a mixture");
  Matrix by_hand = xt::zeros<double>({n, d});
  for (std::size_t i = 0; i < h; ++i) {
    const HeadWeights head = {xt::view(W.W_Q, xt::all(), columns(i)),
                              xt::view(W.W_K, xt::all(), columns(i)),
                              xt::view(W.W_V, xt::all(), columns(i))};
    xt::view(by_hand, xt::all(), columns(i)) = attend(X, head).output;
  }
  const auto assembled = page.check_close(many.attention_output, matmul(by_hand, W.W_O),
                                          "head by head, side by side, times W_O");
  page.claim("C02-06", assembled);
  page.claim("C02-11", assembled);
  Matrix fused = xt::zeros<double>({d, 3 * d});  // one product for all projections of all heads
  xt::view(fused, xt::all(), xt::range(0, d)) = W.W_Q;
  xt::view(fused, xt::all(), xt::range(d, 2 * d)) = W.W_K;
  xt::view(fused, xt::all(), xt::range(2 * d, 3 * d)) = W.W_V;
  const Matrix QKV = matmul(X, fused);  // [n, 3 d]
  const Matrix second_key = xt::view(many.key, 1);
  page.claim("C02-11",
             page.check_close(Matrix(xt::view(QKV, xt::all(), xt::range(d + d_h, d + 2 * d_h))),
                              second_key,
                              "one product X [W_Q W_K W_V] holds every projection of every head"));
  const Matrix part_of_X = xt::view(X, xt::all(), columns(1));
  const Matrix part_of_W = xt::view(W.W_K, columns(1), columns(1));
  page.claim("C02-26",
             page.check_greater(difference(matmul(part_of_X, part_of_W), second_key), 0.1,
                                "splitting the embedding first gives other keys: a head reads "
                                "all of it"));
  Matrix diagonal = xt::zeros<double>({d, d});
  for (std::size_t i = 0; i < h; ++i)
    xt::view(diagonal, columns(i), columns(i)) = xt::view(W.W_K, columns(i), columns(i));
  page.check_close(matmul(part_of_X, part_of_W),
                   Matrix(xt::view(matmul(X, diagonal), xt::all(), columns(1))),
                   "only a block-diagonal projection would be the same");
}

void narrow(lesson::Page& page, const MultiHeadWeights& W) {
  page.step("Narrow heads");
  const Matrix Q = xt::view(W.W_Q, xt::all(), columns(0)),
               K = xt::view(W.W_K, xt::all(), columns(0));
  page.claim("C02-09", page.check_equal(lesson::rank(matmul(Q, transpose(K))), d_h,
                                        "a width of d_h bounds the rank of the scores, no more"));
  Random random(page.seed(21));
  const Matrix keys = random_matrix(random, 24, 2), queries = random_matrix(random, 500, 2);
  std::set<std::size_t> reached_by_two, reached_by_one;
  for (std::size_t i = 0; i < 500; ++i) {
    std::size_t two = 0, one = 0;
    for (std::size_t j = 1; j < 24; ++j) {
      const auto score = [&](std::size_t key) {
        return queries(i, 0) * keys(key, 0) + queries(i, 1) * keys(key, 1);
      };
      if (score(j) > score(two)) two = j;
      if (queries(i, 0) * keys(j, 0) > queries(i, 0) * keys(one, 0)) one = j;
    }
    reached_by_two.insert(two), reached_by_one.insert(one);
  }
  page.claim("C02-09",
             page.check_greater(static_cast<double>(reached_by_two.size()), 3,
                                "a head of width 2 still finds different keys for different "
                                "queries"));
  page.check_equal(reached_by_one.size(), std::size_t{2},
                   "a head of width 1 reaches two of 24 keys");
  MultiHeadWeights overlapping = W;
  xt::view(overlapping.W_V, xt::all(), columns(1)) = xt::view(W.W_V, xt::all(), columns(0));
  page.claim("C02-10", page.check_equal(lesson::rank(W.W_V), d,
                                        "drawn at random, the heads' values cover "
                                        "the whole space"));
  page.claim("C02-10", page.check_equal(lesson::rank(overlapping.W_V), d - d_h,
                                        "two heads on one subspace leave a part of it unread"));
}

void cost(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("What it costs");
  std::vector<std::vector<std::string>> rows;
  std::set<std::size_t> products, parameters;
  std::size_t exponentials[3] = {}, at = 0;
  for (const std::size_t heads : {1u, 3u, 12u}) {
    MultiHeadWeights w = W;
    w.n_heads = heads;
    const MultiHeadTrace t = multi_head_attention(X, w);
    const std::size_t width = t.query.shape(2);
    std::size_t multiplications = 0;            // counted where they happen: one a cell and a term
    multiplications += 3 * t.query.size() * d;  // projections
    multiplications += t.raw_scores.size() * width + t.output.size() * n;  // scores, mixture
    multiplications += t.attention_output.size() * d;                      // W_O
    products.insert(multiplications);
    parameters.insert(w.W_Q.size() + w.W_K.size() + w.W_V.size() + w.W_O.size());
    exponentials[at++] = t.softmax_exp.size();
    rows.push_back({std::to_string(heads), std::to_string(width), std::to_string(multiplications),
                    std::to_string(t.softmax_exp.size()), std::to_string(*parameters.begin())});
  }
  page.text_table({"heads", "width", "multiplications", "exponentials", "parameters"}, rows);
  page.claim("C02-25", page.check_equal(*products.begin(), 4 * n * d * d + 2 * n * n * d,
                                        "4 n d^2 + 2 n^2 d multiplications"));
  page.claim("C02-25",
             page.check_true(products.size() == 1 && exponentials[1] == 3 * exponentials[0],
                             "for any number of heads; but h times the exponentials"));
  page.claim("C02-31",
             page.check_true(parameters.size() == 1 && *parameters.begin() == 4 * d * d,
                             "parameters: 4 d^2 for any number of heads, so quadratic in d"));
}

void real_models(lesson::Page& page) {
  page.step("Real models");
  std::vector<std::vector<std::string>> rows;
  std::size_t even = 0;
  std::set<std::uint64_t> widths;
  for (const lesson::Configuration& c : lesson::configurations()) {
    const bool divides = c.heads * c.d_head == c.d_model;
    even += divides;
    if (c.name.rfind("BERT", 0) == 0 || c.name.rfind("GPT", 0) == 0) widths.insert(c.d_head);
    rows.push_back({c.name, std::to_string(c.d_model), std::to_string(c.heads),
                    std::to_string(c.d_head),
                    divides ? "" : "h d_h = " + std::to_string(c.heads * c.d_head)});
  }
  page.text_table({"model", "d_model", "heads", "d_h", "not d_model"}, rows);
  page.claim("C02-07",
             page.check_equal(lesson::configurations().size() - even, std::size_t{1},
                              "all of these split d_model evenly but GPT-3 XL (24 heads of 128 "
                              "in 2048)"));
  page.claim("C02-08", page.check_equal(lesson::configuration("BERT base").d_model / 12,
                                        std::uint64_t{64}, "768 / 12 = 64"));
  const lesson::Configuration &base = lesson::configuration("Transformer base"),
                              &big = lesson::configuration("Transformer big");
  page.claim("C02-17", page.check_true(base.heads * 64 == 512 && big.heads * 64 == 1024,
                                       "2017: 8 heads of 64 in 512, 16 of 64 in 1024"));
  page.claim("C02-22",
             page.check_greater(static_cast<double>(widths.size()), 2,
                                "BERT and GPT heads: 64 and 128 are not the only widths"));
}

void trained(lesson::Page& page) {
  page.step("Trained: the previous letter and the one before it, asked at once");
  double before_previous[2] = {}, size[2] = {};
  std::vector<std::vector<std::string>> rows;
  const char* names[2] = {"order-one-head", "order-two-heads"};
  for (int i = 0; i < 2; ++i) {
    const ModelWeightsF model = lesson::trained_model(names[i]);
    const std::vector<Example> examples = held_out(find_recipe(names[i]), 64);
    const Evaluation after = evaluate(model, examples),
                     first = evaluate(lesson::untrained_model(names[i]), examples);
    const MultiHeadWeightsF& a = model.blocks[0].attention;
    size[i] = static_cast<double>(a.W_Q.size() + a.W_K.size() + a.W_V.size() + a.W_O.size());
    before_previous[i] = after.relation.at("before previous").accuracy;
    rows.push_back({names[i], render::tick_text(size[i]),
                    render::fixed(after.relation.at("previous").accuracy, 2),
                    render::fixed(before_previous[i], 2),
                    render::fixed(first.relation.at("before previous").accuracy, 2)});
  }
  page.text_table({"model", "parameters", "previous", "before it", "untrained"}, rows);
  page.check_equal(size[0], size[1], "equally many attention parameters");
  page.claim("C02-01",
             page.check_greater(before_previous[1], 0.95, "two heads answer both questions"));
  page.claim("C02-01", page.check_less(before_previous[0], 0.75,
                                       "one head of double width does not: it has one "
                                       "distribution for both"));

  page.step("Trained: near, far and syntactic");
  const ModelWeightsF grammar = lesson::trained_model("grammar");
  const std::vector<Example> examples = held_out(find_recipe("grammar"), 24);
  const Evaluation all = evaluate(grammar, examples),
                   untrained = evaluate(lesson::untrained_model("grammar"), examples);
  std::set<std::size_t> best_heads;
  rows.clear();
  for (const char* relation : {"previous name", "list", "agreement", "reflexive", "induction"}) {
    const RelationFigures& f = all.relation.at(relation);
    const std::size_t best =
        static_cast<std::size_t>(std::max_element(f.mass.begin(), f.mass.end()) - f.mass.begin());
    best_heads.insert(best);
    rows.push_back({relation, std::to_string(best / 4) + "." + std::to_string(best % 4),
                    render::fixed(f.best(), 2),
                    render::fixed(untrained.relation.at(relation).best(), 2)});
  }
  page.text_table({"relation", "best head", "weight", "untrained"}, rows);
  page.claim("C02-03", page.check_greater(static_cast<double>(best_heads.size()), 2,
                                          "different heads took them"));
  HeadId cheapest;
  double least = 1e9;
  for (std::size_t l = 0; l < 3; ++l)
    for (std::size_t i = 0; i < 4; ++i) {
      const InterventionOf<float> off = ablate<float>({HeadId{l, i}}, Ablation::zero);
      const double loss =
          evaluate(grammar, examples, [&](std::size_t) { return off; }).loss - all.loss;
      if (loss < least) least = loss, cheapest = {l, i};
    }
  page.claim("C02-20",
             page.check_less(least, 0.05,
                             "head " + std::to_string(cheapest.layer) + "." +
                                 std::to_string(cheapest.head) + " can go at nearly no cost"));
}

void symmetry(lesson::Page& page, const Matrix& X, const MultiHeadWeights& W) {
  page.step("Equal heads stay equal");
  const Matrix target = 0.5 * X;
  const auto loss = [&](const MultiHeadWeights& w) {
    const Matrix miss = multi_head_attention(X, w).attention_output - target;
    return xt::sum(miss * miss)();
  };
  const auto slope = [&](MultiHeadWeights w, std::size_t row, std::size_t column) {  // of W_Q
    const double step = 1e-5;
    w.W_Q(row, column) += step;
    const double up = loss(w);
    w.W_Q(row, column) -= 2 * step;
    return (up - loss(w)) / (2 * step);
  };
  MultiHeadWeights twins = W;
  for (auto member : {&MultiHeadWeights::W_Q, &MultiHeadWeights::W_K, &MultiHeadWeights::W_V})
    xt::view(twins.*member, xt::all(), columns(1)) = xt::view(W.*member, xt::all(), columns(0));
  xt::view(twins.W_O, columns(1)) = xt::view(W.W_O, columns(0));
  Vector first = xt::zeros<double>({d_h}), second = first, other = first;
  for (std::size_t c = 0; c < d_h; ++c) {
    first(c) = slope(twins, 2, c), second(c) = slope(twins, 2, d_h + c);
    other(c) = slope(W, 2, d_h + c);
  }
  page.claim("C02-28", page.check_close(second, first,
                                        "two heads begun alike have the same gradient: no "
                                        "step tells them apart",
                                        1e-6));  // differences of sums
  page.claim("C02-28", page.check_greater(compare(other, first).relative, 0.1,
                                          "begun differently they do not"));
}

void tell(lesson::Page& page) {
  Random random(page.seed(2));
  const Matrix X = random_matrix(random, n, d);  // [n, d_model]
  const MultiHeadWeights W = draw(random);
  one_and_many(page, X, W);
  narrow(page, W);
  symmetry(page, X, W);
  cost(page, X, W);
  real_models(page);
  trained(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, {.number = 2, .title = "Why many heads and not one large one"},
                     tell);
}
