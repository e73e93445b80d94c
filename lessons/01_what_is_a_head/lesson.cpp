// Lesson 1: what an attention head is.   Report, section 1.
// A typed text in d_model = 8; one head with d_k = 4 and d_v = 3 and its rows of W_O; real models'
// sizes as data; PyTorch's layer of lesson 5; the trained models "grammar" and "induction".
#include <algorithm>
#include <cmath>
#include <headlight/analysis/ablation.hpp>
#include <headlight/analysis/path_edge.hpp>
#include <headlight/attention/block.hpp>
#include <headlight/attention/head.hpp>
#include <headlight/attention/model.hpp>
#include <headlight/core/random.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/recipes.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "05_self_attention_step_by_step/pytorch.hpp"
#include "support/configurations.hpp"
#include "support/models.hpp"
#include "support/page.hpp"

using namespace headlight;

namespace {

constexpr std::size_t d_model = 8, d_k = 4, d_v = 3;

double difference(const Matrix& a, const Matrix& b) {
  return compare(a, b).relative;
}

void one_head(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X,
              const HeadWeights& W, const Matrix& W_O) {
  const std::size_t n = tokens.size();
  page.step("One head: three projections, a pattern, a mixture of values");
  const HeadTrace head = attend(X, W);
  page.show("Q", "token, d_k", head.query, {.rows = tokens});
  page.show("V", "token, d_v", head.value, {.rows = tokens});
  page.show("A", "query, key", head.pattern, {tokens, tokens});
  page.show("Y", "token, d_v", head.output, {.rows = tokens});
  page.explore(head, tokens, tokens);

  Matrix q = xt::zeros<double>({n, d_k}), k = q, v = xt::zeros<double>({n, d_v});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t m = 0; m < d_model; ++m) {
      for (std::size_t c = 0; c < d_k; ++c)
        q(i, c) += X(i, m) * W.W_Q(m, c), k(i, c) += X(i, m) * W.W_K(m, c);
      for (std::size_t c = 0; c < d_v; ++c) v(i, c) += X(i, m) * W.W_V(m, c);
    }
  const auto queries = page.check_close(head.query, q, "q = x W_Q, token by token");
  const auto values = page.check_close(head.value, v, "v = x W_V, of a width of its own");
  page.claim("C01-08", queries);
  page.claim("C01-08", values);
  page.claim("C01-04", values);

  Matrix A = xt::zeros<double>({n, n}), Y = xt::zeros<double>({n, d_v});
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = n; j-- > 0;) {  // from the last key to the first: another order of summing
      double score = 0;
      for (std::size_t c = 0; c < d_k; ++c) score += q(i, c) * k(j, c);
      sum += A(i, j) = std::exp(score / std::sqrt(static_cast<double>(d_k)));
    }
    for (std::size_t j = 0; j < n; ++j) {
      A(i, j) /= sum;
      for (std::size_t c = 0; c < d_v; ++c) Y(i, c) += A(i, j) * v(j, c);
    }
  }
  page.claim("C01-03", page.check_close(head.pattern, A, "weights: softmax of q.k / sqrt(d_k)"));
  const auto formula =
      page.check_close(head.output, Y, "softmax(Q K^T / sqrt(d_k)) V, pair by pair");
  page.claim("C01-02", formula);
  page.claim("C01-06", formula);

  const Tensor3 bias = 100.0 * alibi_bias<double>(1, n, n);  // [1, n_query, n_key]
  page.claim("C01-07",
             page.check_greater(difference(attend(X, W, {.bias = &bias}).output, head.output), 1e-3,
                                "a head with a position bias computes something else"));
  page.claim("C01-07",
             page.check_greater(difference(attend(X, W, {.causal = true}).output, head.output),
                                1e-3, "so does one with a mask"));

  page.step("What a head writes");
  const Matrix contribution = matmul(head.output, W_O);  // [n, d_model]
  page.show("Y W_O", "token, d_model", contribution, {.rows = tokens});
  const Matrix QK = matmul(W.W_Q, transpose(W.W_K)), OV = matmul(W.W_V, W_O);  // [d_model, d_model]
  const Matrix S = matmul(matmul(X, QK), transpose(X)) / std::sqrt(static_cast<double>(d_k));
  page.claim("C01-01",
             page.check_close(matmul(matmul(softmax_rows(S), X), OV), contribution,
                              "two matrices say it all: W_Q W_K^T whom to look at, W_V W_O what "
                              "to write; so its rows of W_O belong to the head"));
  double outside = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d_v; ++c) {
      const Matrix column = xt::view(head.value, xt::all(), xt::range(c, c + 1));
      outside = std::max({outside, xt::amin(column)() - head.output(i, c),
                          head.output(i, c) - xt::amax(column)()});
    }
  page.claim("C01-10",
             page.check_less(outside, 1e-12, "the output stays within the range of the values"));
  BlockWeights block;
  block.attention = {1, W.W_Q, W.W_K, W.W_V, W_O};
  page.claim("C01-10", page.check_close(run_block(X, block).residual_post, Matrix(X + contribution),
                                        "and is added to the token; it does not replace it"));
}

void addressing(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("A memory with soft addresses");
  const HeadTrace soft = attend(X, W), hard = attend(X, W, {.scale = 1e4});
  const HeadTrace even = attend(X, W, {.scale = 1e-13});
  Matrix best = hard.output, mean = hard.output;
  for (std::size_t i = 0; i < X.shape(0); ++i) {
    std::size_t top = 0;
    for (std::size_t j = 1; j < X.shape(0); ++j)
      if (soft.scores(i, j) > soft.scores(i, top)) top = j;
    xt::view(best, i) = xt::view(soft.value, top);
    xt::view(mean, i) = xt::mean(soft.value, {0});
  }
  page.claim("C01-09", page.check_close(hard.output, best,
                                        "scores times 10,000: exactly the value of the "
                                        "best key"));
  page.claim("C01-09",
             page.check_close(even.output, mean, "scores times nothing: the mean of all values",
                              1e-10));  // 1e-13 is not zero
  page.claim("C01-09",
             page.check_greater(difference(soft.output, best), 1e-2, "as they are: a mixture"));

  page.step("May a head look at the next word?");
  const std::size_t n = 12, width = 16;
  const Matrix places = sinusoidal_positions<double>(n, width), one = xt::eye<double>(width);
  const HeadWeights next = {40 * sinusoidal_shift<double>(width, 1), one, one};
  const auto weight_on_next = [&](bool causal) {
    const Matrix A = attend(places, next, {.causal = causal}).pattern;
    double weight = 0;
    for (std::size_t i = 0; i + 1 < n; ++i) weight += A(i, i + 1) / static_cast<double>(n - 1);
    return weight;
  };
  page.claim("C01-12",
             page.check_greater(weight_on_next(false), 0.9, "without a mask: yes, nearly always"));
  page.claim("C01-12",
             page.check_equal(weight_on_next(true), 0.0, "the same head in a decoder: never"));
}

void real_models(lesson::Page& page) {
  page.step("Heads of real models");
  std::vector<std::vector<std::string>> rows;
  for (const char* name : {"BERT base", "GPT-3 175B", "LLaMA-2 7B", "LLaMA-2 13B", "LLaMA-2 70B"}) {
    const lesson::Configuration& c = lesson::configuration(name);
    rows.push_back({c.name, std::to_string(c.layers), std::to_string(c.heads),
                    std::to_string(c.d_model), std::to_string(c.d_head), c.source});
  }
  page.text_table({"model", "layers", "heads", "d_model", "d_head", "source"}, rows);
  const lesson::Configuration &bert = lesson::configuration("BERT base"),
                              &gpt3 = lesson::configuration("GPT-3 175B"),
                              &llama = lesson::configuration("LLaMA-2 13B");
  std::uint64_t parameters =
      (30522 + 512 + 2) * bert.d_model + 2 * bert.d_model;  // embeddings, norm
  parameters += bert.layers * (4 * (bert.d_model + 1) * bert.heads * bert.d_head +
                               (bert.d_model + 1) * bert.d_hidden +
                               (bert.d_hidden + 1) * bert.d_model + 4 * bert.d_model);
  parameters += (bert.d_model + 1) * bert.d_model;  // pooler
  page.claim("C01-19", page.check_equal(parameters, std::uint64_t{109482240},
                                        "BERT base: 12 layers of 12 heads give its 109,482,240 "
                                        "parameters"));
  const std::uint64_t d = gpt3.d_model;
  const std::uint64_t gpt3_parameters =
      gpt3.layers * (12 * d * d + 13 * d) + (50257 + 2048) * d + 2 * d;
  page.claim("C01-20",
             page.check_close(static_cast<double>(gpt3_parameters) / 1e9, 175.0,
                              "GPT-3: 96 layers of 96 heads of 128 give 175 billion", 0.005));
  page.claim("C01-21",
             page.check_equal(llama.d_model / llama.d_head, std::uint64_t{40},
                              "LLaMA-2 13B: 5120 / 128 = 40 heads. 32 heads are the 7B model "
                              "(Touvron et al. 2023)"));
}

void in_pytorch(lesson::Page& page) {
  page.step("A head in PyTorch");
  const std::size_t n = 3, width = 4;
  const MultiHeadWeights& layer = pytorch::layer;
  Matrix in_proj = xt::zeros<double>({3 * width, width});  // [3 E, E], as PyTorch keeps it
  for (std::size_t r = 0; r < width; ++r)
    for (std::size_t c = 0; c < width; ++c) {
      in_proj(r, c) = layer.W_Q(c, r), in_proj(width + r, c) = layer.W_K(c, r);
      in_proj(2 * width + r, c) = layer.W_V(c, r);
    }
  Matrix sum = xt::zeros<double>({n, width}), split = sum;
  for (std::size_t h = 0; h < 2; ++h) {
    const auto rows_of = [&](std::size_t part) {
      const std::size_t first = part * width + 2 * h;
      return transpose(Matrix(xt::view(in_proj, xt::range(first, first + 2))));
    };
    const auto part_of = [&](const Vector& b) {
      return Vector(xt::view(b, xt::range(2 * h, 2 * h + 2)));
    };
    const HeadWeights head = {rows_of(0),         rows_of(1),         rows_of(2),
                              part_of(layer.b_Q), part_of(layer.b_K), part_of(layer.b_V)};
    sum += matmul(attend(pytorch::x, head).output,
                  Matrix(xt::view(layer.W_O, xt::range(2 * h, 2 * h + 2))));
  }
  for (std::size_t i = 0; i < n; ++i) xt::view(sum, i) += layer.b_O;
  const auto slices = page.check_close(sum, pytorch::attn_output,
                                       "head h is d_h rows of in_proj_weight and d_h columns of "
                                       "out_proj.weight: the sum of both is what PyTorch returned");
  page.claim("C01-22", slices);
  page.claim("C01-23", slices);
  MultiHeadWeights three = layer;
  three.n_heads = 3;
  bool refused = false;
  try {
    multi_head_attention(pytorch::x, three);
  } catch (const ShapeError&) {
    refused = true;
  }
  page.claim("C01-23",
             page.check_true(refused, "nothing is thinned out: 4 columns do not make 3 heads"));
  std::size_t counts[3], at = 0;
  for (const std::size_t heads : {1u, 2u, 4u}) {
    three.n_heads = heads;
    const MultiHeadTrace t = multi_head_attention(pytorch::x, three);
    counts[at++] = 3 * heads * width * t.query.shape(2) + heads * t.output.shape(2) * width;
  }
  page.claim("C01-31", page.check_true(counts[0] == counts[1] && counts[1] == counts[2],
                                       "1, 2 or 4 heads in the same width: as many parameters, no "
                                       "capacity added"));
}

void in_trained_models(lesson::Page& page) {
  page.step("The only way between tokens");
  const ModelWeightsF grammar = lesson::trained_model("grammar");
  const std::vector<Example> examples = held_out(find_recipe("grammar"), 24);
  std::vector<HeadId> every;
  for (std::size_t l = 0; l < 3; ++l)
    for (std::size_t head = 0; head < 4; ++head) every.push_back({l, head});
  const auto changes = [&](const InterventionOf<float>& intervention) {
    std::vector<std::size_t> ids = examples[0].ids, other = ids;
    other[1] = (other[1] + 1) % grammar.W_E.shape(0);
    const ModelOptionsOf<float> options = {.intervention = intervention};
    const ModelTraceF a = run_model<float>(ids, grammar, options),
                      b = run_model<float>(other, grammar, options);
    double most = 0;
    for (std::size_t i = 2; i < ids.size(); ++i)
      for (std::size_t v = 0; v < a.logits.shape(1); ++v)
        most = std::max(most, static_cast<double>(std::abs(a.logits(i, v) - b.logits(i, v))));
    return most;
  };
  page.claim("C01-18",
             page.check_equal(changes(ablate<float>(every, Ablation::zero)), 0.0,
                              "all heads off: another word leaves no bit of later logits changed"));
  page.claim("C01-18", page.check_greater(changes({}), 0.1, "heads on: it does"));

  page.step("What training made of the heads");
  const Evaluation after = evaluate(grammar, examples),
                   before = evaluate(lesson::untrained_model("grammar"), examples);
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> best_for(12, 0);
  double most_above = 0;
  for (const char* relation :
       {"bracket", "list", "reflexive", "agreement", "induction", "previous name"}) {
    const RelationFigures& f = after.relation.at(relation);
    std::size_t best = 0;
    for (std::size_t c = 1; c < 12; ++c)
      if (f.mass.data()[c] > f.mass.data()[best]) best = c;
    for (std::size_t c = 0; c < 12; ++c) best_for[c] += f.mass.data()[c] > 0.5;
    most_above = std::max(most_above, f.best() - before.relation.at(relation).best());
    rows.push_back({relation, std::to_string(best / 4) + "." + std::to_string(best % 4),
                    render::fixed(f.best(), 2),
                    render::fixed(before.relation.at(relation).best(), 2)});
  }
  page.text_table({"relation", "best head", "its weight", "untrained"}, rows);
  page.claim("C01-28",
             page.check_greater(most_above, 0.5,
                                "nobody told the heads what to look for; predicting the next word "
                                "did"));
  page.claim("C01-11",
             page.check_greater(
                 static_cast<double>(*std::max_element(best_for.begin(), best_for.end())), 1,
                 "one head serves several relations: a definite function for each "
                 "head is too much said"));

  page.step("Taking heads away");
  const auto cost = [&](const std::vector<HeadId>& heads) {
    const InterventionOf<float> off = ablate<float>(heads, Ablation::zero);
    return evaluate(grammar, examples, [&](std::size_t) { return off; }).loss - after.loss;
  };
  std::vector<std::string> names;
  std::vector<double> costs;
  std::vector<HeadId> cheap;
  double together_if_added = 0;
  for (const HeadId& id : every) {
    names.push_back("head " + std::to_string(id.layer) + "." + std::to_string(id.head));
    costs.push_back(cost({id}));
    if (costs.back() < 0.16) cheap.push_back(id), together_if_added += costs.back();
  }
  page.bars("loss added when one head is taken away (grammar)", names, costs);
  const double largest = *std::max_element(costs.begin(), costs.end());
  const double smallest = *std::min_element(costs.begin(), costs.end());
  page.claim("C01-25", page.check_greater(largest, 0.1,
                                          "switching heads off one by one shows what each is "
                                          "worth"));
  page.claim("C01-29", page.check_greater(largest / std::max(smallest, 1e-3), 5,
                                          "some cost much more than others"));
  const double together = cost(cheap);
  page.claim("C01-29",
             page.check_greater(together, 1.3 * together_if_added,
                                "but all " + std::to_string(cheap.size()) +
                                    " that cost little alone cost more together than added up"));
  page.claim("C01-30", page.check_greater(together, 0.5,
                                          "so a small cost alone is no proof that a head is "
                                          "redundant"));

  page.step("Smaller than a head");
  const ModelWeightsF induction = lesson::trained_model("induction");
  const std::vector<Example> repeats = held_out(find_recipe("induction"), 24);
  const Evaluation whole = evaluate(induction, repeats);
  const auto cut = [&](PathEdge edge) {
    const InterventionOf<float> off = cut_edge<float>(induction, {HeadId{0, 0}}, edge, 1);
    return evaluate(induction, repeats, [&](std::size_t) { return off; }).loss - whole.loss;
  };
  const double key = cut(PathEdge::key), query = cut(PathEdge::query), value = cut(PathEdge::value);
  page.bars("loss added when head 0.0 is kept from one input of layer 1",
            {"queries", "keys", "values"}, {query, key, value});
  page.claim("C01-24",
             page.check_greater(key, 2 * std::max(query, value),
                                "its edge to the keys matters more than twice as much as either "
                                "other one: less than a head can be acted on"));
}

void tell(lesson::Page& page) {
  const std::vector<std::string> tokens = page.tokens("The cat sat on the mat", 2);
  const std::size_t n = tokens.size();
  Random random(page.seed(1));
  const Matrix X = lesson::embed_words(tokens, d_model) + sinusoidal_positions<double>(n, d_model);
  const HeadWeights W = {random_matrix(random, d_model, d_k, 0.4),
                         random_matrix(random, d_model, d_k, 0.4),
                         random_matrix(random, d_model, d_v, 0.4)};
  const Matrix W_O = random_matrix(random, d_v, d_model, 0.4);  // the head's rows
  one_head(page, tokens, X, W, W_O);
  addressing(page, X, W);
  real_models(page);
  in_pytorch(page);
  in_trained_models(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, {.number = 1, .title = "What is an attention head"}, tell);
}
