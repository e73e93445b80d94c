// Lesson 3: how the number of heads is set.   Report, section 3.
// Real models' sizes as data, their parameters counted two ways; heads of width 1, 2, 4 over 24
// keys; the trained models "order", "induction", "induction-one-layer" and "wide" (2 layers of 16
// heads).
#include <algorithm>
#include <cmath>
#include <headlight/analysis/ablation.hpp>
#include <headlight/attention/model.hpp>
#include <headlight/core/random.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/recipes.hpp>
#include <numeric>
#include <set>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "support/configurations.hpp"
#include "support/models.hpp"
#include "support/page.hpp"

using namespace headlight;
using lesson::Configuration;
using lesson::configuration;

namespace {

using Count = std::uint64_t;

// GPT-2's parameters by a formula.
Count by_formula(const Configuration& c, Count vocabulary, Count context) {
  const Count d = c.d_model;
  return (vocabulary + context) * d + c.layers * (12 * d * d + 13 * d) + 2 * d;
}

// The same as the list of its tensors.
Count by_tensors(const Configuration& c, Count vocabulary, Count context) {
  const Count d = c.d_model, f = c.d_hidden;
  Count total = 0;
  const auto tensor = [&](Count rows, Count columns) { total += rows * columns; };
  tensor(vocabulary, d), tensor(context, d);  // wte, wpe
  for (Count layer = 0; layer < c.layers; ++layer) {
    tensor(1, d), tensor(1, d);          // ln_1
    tensor(d, 3 * d), tensor(1, 3 * d);  // attn.c_attn
    tensor(d, d), tensor(1, d);          // attn.c_proj
    tensor(1, d), tensor(1, d);          // ln_2
    tensor(d, f), tensor(1, f);          // mlp.c_fc
    tensor(f, d), tensor(1, d);          // mlp.c_proj
  }
  tensor(1, d), tensor(1, d);  // ln_f; the unembedding is wte again
  return total;
}

void real_models(lesson::Page& page) {
  page.step("Heads and widths of real models");
  std::vector<std::vector<std::string>> rows;
  std::size_t usual = 0, even = 0;
  bool all_128 = true;
  for (const Configuration& c : lesson::configurations()) {
    usual += c.d_head == 64 || c.d_head == 128;
    even += c.d_model % c.heads == 0 && c.heads * c.d_head == c.d_model;
    if (c.name.rfind("GPT-3", 0) == 0 || c.name.rfind("LLaMA", 0) == 0)
      all_128 = all_128 && c.d_head == 128 && c.heads == c.d_model / 128;
    rows.push_back({c.name, std::to_string(c.layers), std::to_string(c.heads),
                    std::to_string(c.d_model), std::to_string(c.d_head),
                    std::to_string(4 * c.d_model * c.heads * c.d_head)});
  }
  page.text_table({"model", "layers", "heads", "d_model", "d_h", "4 d h d_h"}, rows);
  const double models = static_cast<double>(lesson::configurations().size());
  const auto divide = page.check_greater(static_cast<double>(even) / models, 0.9,
                                         "in nearly all h divides d_model, and d_h = d_model / h");
  page.claim("C03-01", divide);
  page.claim("C03-02", divide);
  const Configuration& base = configuration("Transformer base");
  page.claim("C03-03",
             page.check_equal(base.d_model / base.heads, base.d_head, "2017: 512 / 8 = 64"));
  page.claim("C03-08", page.check_greater(static_cast<double>(usual) / models, 0.8,
                                          "four of five have heads of 64 or 128"));
  page.claim("C03-14", page.check_equal(configuration("GPT-J 6B").d_head, Count{256},
                                        "GPT-J has heads of 256: wider than 128 is in use"));
  page.claim("C03-30", page.check_true(!all_128,
                                       "not all of GPT-3's family have h = d / 128: see 64, 80 and "
                                       "24 heads of 128 in 2048"));
  page.claim("C03-30", page.check_equal(configuration("LLaMA-2 13B").d_model / 128,
                                        configuration("LLaMA-2 13B").heads, "LLaMA-2 13B has: 40"));
  Count common = 0;
  for (const char* name : {"BERT base", "GPT-2 XL", "LLaMA-2 13B", "Qwen2 7B"})
    common = std::gcd(common, configuration(name).heads);
  page.claim("C03-31", page.check_equal(common, Count{1},
                                        "12, 25, 40 and 28 heads: no block size divides all"));

  page.step("With the square root of the width, or with the width?");
  const Configuration &small = configuration("GPT-2 small"), &xl = configuration("GPT-2 XL"),
                      &big = configuration("GPT-3 175B");
  const auto heads_if = [&](const Configuration& c, double power) {
    return 12 *
           std::pow(static_cast<double>(c.d_model) / static_cast<double>(small.d_model), power);
  };
  rows.clear();
  double off_by_root = 0, off_by_width = 0;
  for (const Configuration* c : {&small, &xl, &big}) {
    const double real = static_cast<double>(c->heads);
    off_by_root = std::max(off_by_root, std::abs(heads_if(*c, 0.5) / real - 1));
    off_by_width = std::max(
        off_by_width, std::abs(heads_if(*c, 1) * 64 / static_cast<double>(c->d_head) / real - 1));
    rows.push_back({c->name, std::to_string(c->heads), render::fixed(heads_if(*c, 0.5), 1),
                    render::fixed(heads_if(*c, 1) * 64 / static_cast<double>(c->d_head), 1)});
  }
  page.text_table({"model", "heads", "by the square root", "by the width"}, rows);
  page.claim("C03-07", page.check_greater(off_by_root, 0.4, "the square root misses by half"));
  page.claim("C03-07", page.check_less(off_by_width, 1e-12, "the width over d_h is exact"));
  std::set<Count> gpt2, llama;
  std::set<Count> widths;
  for (const Configuration& c : lesson::configurations()) {
    if (c.name.rfind("GPT-2", 0) == 0) gpt2.insert(c.d_head), widths.insert(c.d_model);
    if (c.name.rfind("LLaMA", 0) == 0) llama.insert(c.d_head), widths.insert(c.d_model);
  }
  page.claim("C03-29",
             page.check_true(gpt2.size() == 1 && llama.size() == 1 && widths.size() == 7,
                             "families grow in width and keep d_h: 64 in GPT-2, 128 in LLaMA-2"));
}

void parameters(lesson::Page& page) {
  page.step("Parameters, counted two ways");
  std::vector<std::vector<std::string>> rows;
  bool same = true;
  for (const char* name : {"GPT-2 small", "GPT-2 medium", "GPT-2 large", "GPT-2 XL"}) {
    const Configuration& c = configuration(name);
    same = same && by_formula(c, 50257, 1024) == by_tensors(c, 50257, 1024);
    rows.push_back({name, std::to_string(by_tensors(c, 50257, 1024))});
  }
  page.text_table({"model", "parameters"}, rows);
  page.check_true(same, "a formula and a list of tensors agree");
  page.claim("C03-09", page.check_equal(
                           by_tensors(configuration("GPT-2 small"), 50257, 1024), Count{124439808},
                           "GPT-2 small has 124,439,808; the label 117M was corrected later"));
  page.claim("C03-10",
             page.check_equal(by_tensors(configuration("GPT-2 XL"), 50257, 1024), Count{1557611200},
                              "GPT-2 XL, 25 heads of 64: 1,557,611,200"));

  page.step("What depends on h, and what does not");
  const std::size_t n = 10, d = 24;
  Random random(page.seed(31));
  const Matrix X = random_matrix(random, n, d);
  MultiHeadWeights W = {1, random_matrix(random, d, d, 0.3), random_matrix(random, d, d, 0.3),
                        random_matrix(random, d, d, 0.3), random_matrix(random, d, d, 0.3)};
  rows.clear();
  std::set<std::size_t> totals, projections, output_products;
  std::vector<std::size_t> per_head, cells;
  for (const std::size_t h : {1u, 2u, 4u, 8u, 24u}) {
    W.n_heads = h;
    const MultiHeadTrace t = multi_head_attention(X, W);
    const std::size_t width = t.query.shape(2);
    per_head.push_back(d * width), cells.push_back(t.pattern.size());
    totals.insert(3 * h * per_head.back() + W.W_O.size());
    projections.insert(3 * t.query.size() * d);
    output_products.insert(t.concatenated.size() * t.attention_output.shape(1));
    rows.push_back(
        {std::to_string(h), std::to_string(width), std::to_string(per_head.back()),
         std::to_string(*totals.rbegin()), std::to_string(t.pattern.size()),
         render::fixed(static_cast<double>(n * width) / static_cast<double>(2 * n * width + n * n),
                       3)});
  }
  page.text_table(
      {"heads", "d_h", "of one W_Q", "in all", "weights n n h", "products a number moved"}, rows);
  page.claim("C03-04", page.check_true(totals.size() == 1 && *totals.begin() == 4 * d * d,
                                       "4 d^2 in all, for every h"));
  page.claim("C03-05", page.check_equal(per_head[0], 24 * per_head[4],
                                        "one head's matrix shrinks as 1/h; the sum stays"));
  page.claim("C03-11", page.check_equal(projections.size(), std::size_t{1},
                                        "the projections are the same products for every h"));
  const auto w_o =
      page.check_equal(output_products.size(), std::size_t{1}, "so is W_O: n d^2, with W_O d by d");
  page.claim("C03-27", w_o);
  page.claim("C03-28", w_o);
  const auto grows =
      page.check_equal(cells[4], 24 * cells[0], "scores, weights and exponentials grow with h");
  page.claim("C03-25", grows);
  const auto intensity = [&](double width) { return width / (2 * width + static_cast<double>(n)); };
  page.claim("C03-26",
             page.check_less(intensity(1), intensity(24) / 2,
                             "narrow heads do fewer products for every number moved: that is not "
                             "what makes hardware fast"));
  const auto linear = [](double tokens) { return 4 * tokens * 768 * 768; };
  const auto quadratic = [](double tokens) { return 2 * tokens * tokens * 768; };
  double crossing = 1;
  while (quadratic(crossing) < linear(crossing)) ++crossing;
  page.claim("C03-24", page.check_equal(crossing, 1536.0,
                                        "4 n d^2 + 2 n^2 d: for d = 768 the quadratic part leads "
                                        "from n = 1536 = 2 d on"));
}

void too_few_too_many(lesson::Page& page) {
  page.step("Too few, too many");
  double accuracy[2];
  const char* names[2] = {"order-one-head", "order-two-heads"};
  for (int i = 0; i < 2; ++i)
    accuracy[i] = evaluate(lesson::trained_model(names[i]), held_out(find_recipe(names[i]), 64))
                      .relation.at("before previous")
                      .accuracy;
  page.claim("C03-06", page.check_greater(
                           accuracy[1], accuracy[0] + 0.3,
                           "trained on two questions at once, one head of double width falls short "
                           "of two"));
  Random random(page.seed(32));
  std::vector<std::string> labels;
  std::vector<double> reached;
  for (const std::size_t width : {1u, 2u, 3u, 8u}) {
    const Matrix keys = random_matrix(random, 24, width),
                 queries = random_matrix(random, 2000, width);
    const Matrix S = matmul(queries, transpose(keys));  // [n_query, n_key]
    std::set<std::size_t> best;
    for (std::size_t i = 0; i < 2000; ++i)
      best.insert(static_cast<std::size_t>(std::max_element(&S(i, 0), &S(i, 0) + 24) - &S(i, 0)));
    labels.push_back("d_h = " + std::to_string(width));
    reached.push_back(static_cast<double>(best.size()));
  }
  page.bars("keys of 24 that some query of 2000 scores highest", labels, reached);
  page.claim("C03-12", page.check_equal(reached[0], 2.0,
                                        "a head of width 1 reaches two keys, whatever the query"));
  page.claim("C03-12", page.check_greater(reached[3], reached[1], "wider heads reach more"));
  page.claim("C03-06", page.check_less(reached[1], 16, "too narrow heads cannot reach most"));
}

void trained(lesson::Page& page) {
  page.step("Trained: thirty-two narrow heads, taken away");
  const ModelWeightsF wide = lesson::trained_model("wide");
  const std::vector<Example> examples = held_out(find_recipe("wide"), 12);
  const double whole = evaluate(wide, examples).loss;
  const double untrained = evaluate(lesson::untrained_model("wide"), examples).loss;
  const auto loss_without = [&](const std::vector<HeadId>& heads) {
    const InterventionOf<float> off = ablate<float>(heads, Ablation::zero);
    return evaluate(wide, examples, [&](std::size_t) { return off; }).loss;
  };
  struct Scored {
    HeadId id;
    double cost, slope;
  };
  std::vector<Scored> heads;
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t i = 0; i < 16; ++i) {
      const HeadId id{l, i};
      double slope = 0;  // mean over sequences of |dL/dgate| at 1: a gate multiplies the head's z
      const std::string name = "blocks." + std::to_string(l) + ".attn.hook_z";
      const auto gated = [&](float gate) -> InterventionOf<float> {
        return [=](const StageOf<float>& stage) {
          if (stage.name != name) return;
          const std::size_t size = stage.values.size() / 16;
          for (std::size_t c = i * size; c < (i + 1) * size; ++c) stage.values[c] *= gate;
        };
      };
      for (std::size_t e = 0; e < 6; ++e) {
        const std::span<const Example> one(&examples[e], 1);
        const InterventionOf<float> up = gated(1.05f), down = gated(0.95f);
        slope += std::abs(evaluate(wide, one, [&](std::size_t) { return up; }).loss -
                          evaluate(wide, one, [&](std::size_t) { return down; }).loss) /
                 0.1 / 6;
      }
      heads.push_back({id, loss_without({id}) - whole, slope});
    }
  std::sort(heads.begin(), heads.end(),
            [](const Scored& a, const Scored& b) { return a.cost < b.cost; });
  std::vector<std::vector<std::string>> rows;
  std::vector<double> share, loss;
  std::vector<HeadId> gone;
  const auto row = [&] {
    share.push_back(static_cast<double>(gone.size()) / 32),
        loss.push_back(gone.empty() ? whole : loss_without(gone));
    rows.push_back({std::to_string(gone.size()), render::fixed(share.back(), 2),
                    render::fixed(loss.back(), 3)});
  };
  row();
  for (std::size_t i = 0; i < 32; ++i) {
    gone.push_back(heads[i].id);
    if (gone.size() == 3 || gone.size() == 6 || gone.size() == 13 || gone.size() == 26) row();
  }
  page.text_table({"heads removed, cheapest first", "share", "loss"}, rows);
  page.say("Untrained: " + render::fixed(untrained, 3) + ".");
  page.claim("C03-16",
             page.check_less(loss[1] - loss[0], 0.1 * (untrained - whole),
                             "some heads go almost free (Michel et al. 2019: about 20% in "
                             "translation, 40% in BERT)"));
  page.claim("C03-18", page.check_greater(loss[4] - loss[0], 10 * std::max(loss[3] - loss[0], 0.01),
                                          "four fifths cost ten times what two fifths do: the 38 "
                                          "of 48 are from Voita et al. 2019, the "
                                          "encoder alone, with gates that were trained"));
  const double least = heads.front().cost, middle = heads[16].cost;
  page.claim("C03-20", page.check_less(std::abs(least), 0.02,
                                       "at least one of the 32 does next to nothing alone"));
  page.claim("C03-20",
             page.check_greater(middle, 0.003, "but half of them are missed when gone: few sleep"));
  std::size_t other_order = 0;  // pairs that the two measures put in opposite order
  for (std::size_t a = 0; a < 32; ++a)
    for (std::size_t b = a + 1; b < 32; ++b) other_order += heads[a].slope > heads[b].slope;
  page.claim("C03-17",
             page.check_greater(static_cast<double>(other_order) / (32 * 31 / 2), 0.05,
                                "the slope of a gate at 1, Michel's score, orders pairs of heads "
                                "otherwise than taking them away does"));

  page.step("Trained: more heads, or one more layer");
  const std::vector<Example> repeats = held_out(find_recipe("induction"), 24);
  const double one_layer = evaluate(lesson::trained_model("induction-one-layer"),
                                    held_out(find_recipe("induction-one-layer"), 24))
                               .relation.at("induction")
                               .accuracy;
  const double two_layers =
      evaluate(lesson::trained_model("induction"), repeats).relation.at("induction").accuracy;
  const double chance =
      evaluate(lesson::untrained_model("induction"), repeats).relation.at("induction").accuracy;
  page.text_table(
      {"continues what repeats", "right answers"},
      {{"one layer, " + std::to_string(find_recipe("induction-one-layer").model.n_heads) + " heads",
        render::fixed(one_layer, 2)},
       {"two layers, " + std::to_string(find_recipe("induction").model.n_heads) + " heads each",
        render::fixed(two_layers, 2)},
       {"untrained", render::fixed(chance, 2)}});
  const auto depth = page.check_greater(two_layers - one_layer, 0.5,
                                        "what needs one head to read another's output "
                                        "needs a second layer");
  page.claim("C03-22", depth);
  page.claim("C03-23", depth);
}

void tell(lesson::Page& page) {
  real_models(page);
  parameters(page);
  too_few_too_many(page);
  trained(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(
      argc, argv,
      {.number = 3,
       .title = "How many heads",
       .models = {"order-one-head", "order-two-heads", "wide", "induction", "induction-one-layer"}},
      tell);
}
