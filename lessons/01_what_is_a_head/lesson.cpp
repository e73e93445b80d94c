// Lesson 1: what an attention head is.   Report, section 1.
// A typed text in d_model = 8; one head with d_k = 4 and d_v = 3 and its rows of W_O; three keys on
// paper; real models' sizes as data; PyTorch's layer; the trained models "grammar", "induction".
#include <algorithm>
#include <cmath>
#include <headlight/analysis/path_edge.hpp>
#include <headlight/attention/block.hpp>
#include <headlight/attention/head_slice.hpp>
#include <headlight/core/reduce.hpp>
#include <headlight/file/safetensors.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <ranges>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "05_self_attention_step_by_step/pytorch.hpp"
#include "support/algebra.hpp"
#include "support/configurations.hpp"
#include "support/fingerprints.hpp"
#include "support/page.hpp"
#include "support/plain_head.hpp"
#include "support/trained.hpp"

using namespace headlight;
using lesson::configuration;

namespace {

constexpr std::size_t d_model = 8, d_k = 4, d_v = 3;
const double root_d_k = std::sqrt(static_cast<double>(d_k));

void architecture(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X,
                  const HeadWeights& W) {
  page.step("Architecture: one head, from X to its output");
  const Matrix Q = matmul(X, W.W_Q);                    // [n, d_k]
  const Matrix K = matmul(X, W.W_K);                    // [n, d_k]
  const Matrix V = matmul(X, W.W_V);                    // [n, d_v]
  const Matrix S = matmul(Q, transpose(K)) / root_d_k;  // [n_query, n_key]
  const Matrix weight = xt::exp(S - row_max(S));        // [n_query, n_key]
  const Matrix A = weight / row_sum(weight);            // [n_query, n_key]
  const Matrix Y = matmul(A, V);                        // [n, d_v]
  page.show("X", "token, d_model", X, {.rows = tokens});
  page.show("S", "query, key", S, {tokens, tokens});
  page.show("A", "query, key", A, {tokens, tokens});
  page.show("Y", "token, d_v", Y, {.rows = tokens});
  page.say(
      "The report's pseudocode calls A \"scores\". Here scores go into the softmax (raw, scaled or "
      "masked); what comes out is the pattern A. All stages of the library's trace:");
  const HeadTrace head = attend(X, W);
  lesson::fingerprints(page, head);
  page.explore(head, tokens, tokens);

  const lesson::PlainHead sums = lesson::plain_head(X, W);  // one number at a time
  page.check_close(head.query, sums.query,
                   "the library's q = x W_Q equals sums taken one number at a time")
      .decides("C01-08");
  page.check_close(head.key, sums.key,
                   "the library's k = x W_K equals sums taken one number at a time")
      .decides("C01-04", "C01-08");
  page.check_close(head.value, sums.value,
                   "the library's v = x W_V, 3 wide where q and k are 4, equals sums taken one "
                   "number at a time")
      .decides("C01-04", "C01-08");
  page.check_close(
          head.pattern, sums.pattern,
          "the library's weights equal exp(q.k / sqrt(d_k)) over the row's sum, pair by pair")
      .decides("C01-03");
  page.check_close(head.output, sums.output,
                   "the library's output equals softmax(Q K^T / sqrt(d_k)) V, summed pair by pair")
      .decides("C01-02", "C01-06");
  page.check_close(Y, head.output,
                   "seven lines, from Q = X W_Q to Y = A V, give the library's output");

  page.step("Architecture: three keys on paper");
  // One query. Its three scores are ln 1, ln 2, ln 5; columns 1 and 2 hold the values.
  // d_k = 2: scores are divided by r, so column 0 holds r times them.
  const double r = std::sqrt(2.0);
  const Matrix query = {{1, 0, 0}};  // [1, 3]
  const Matrix memory = {
      {0, 8, 0}, {r * std::log(2.0), 0, 16}, {r * std::log(5.0), 16, 8}};  // [3, 3]
  const Matrix column_0 = {{1, 0}, {0, 0}, {0, 0}};     // [3, 2], for queries and keys
  const Matrix columns_1_2 = {{0, 0}, {1, 0}, {0, 1}};  // [3, 2], for values
  const HeadTrace paper = attend(query, memory, HeadWeights{column_0, column_0, columns_1_2}, {});
  page.show("A", "query, key", paper.pattern);
  page.show("Y", "query, d_v", paper.output);
  page.check_close(paper.pattern, Matrix{{1 / 8.0, 2 / 8.0, 5 / 8.0}},
                   "scores ln 1, ln 2, ln 5 give the weights 1/8, 2/8, 5/8")
      .decides("C01-03");
  page.check_close(
          paper.output, Matrix{{11, 9}},
          "values (8, 0), (0, 16), (16, 8) with the weights 1/8, 2/8, 5/8 give the output (11, 9)")
      .decides("C01-02", "C01-06");
}

void what_it_writes(lesson::Page& page, const std::vector<std::string>& tokens, const Matrix& X,
                    const HeadWeights& W, const Matrix& W_O, const Matrix& other_W_O) {
  page.step("Architecture: what a head writes");
  const HeadTrace head = attend(X, W);
  const Matrix contribution = matmul(head.output, W_O);  // [n, d_model]
  const Matrix after = X + contribution;                 // [n, d_model]
  page.show("Y W_O", "token, d_model", contribution, {.rows = tokens});
  page.show("x + Y W_O", "token, d_model", after, {.rows = tokens});
  const Matrix QK = matmul(W.W_Q, transpose(W.W_K));                // [d_model, d_model]
  const Matrix OV = matmul(W.W_V, W_O);                             // [d_model, d_model]
  const Matrix S = matmul(matmul(X, QK), transpose(X)) / root_d_k;  // [n_query, n_key]
  page.check_close(matmul(matmul(softmax_rows(S), X), OV), contribution,
                   "W_Q W_K^T (whom to look at) and W_V W_O (what to write) alone give what the "
                   "head writes, Y W_O")
      .decides("C01-01");
  page.check_close(matmul(lesson::plain_head(X, W).output, W_O), contribution,
                   "Y W_O equals the same writing summed one pair of tokens after the other");
  page.check_differs(matmul(head.output, other_W_O), contribution, 1e-3,
                     "with another head's rows of W_O the same Q, K and V write something else")
      .controls("C01-01");
  BlockWeights block;
  block.attention = {1, W.W_Q, W.W_K, W.W_V, W_O};
  page.check_close(
          run_block(X, block).residual_post, after,
          "a block whose only part is this head gives x + Y W_O: a token is added to, not replaced")
      .decides("C01-10");
  double outside = 0;  // how far an output leaves the range of the values, coordinate by coordinate
  for (std::size_t i = 0; i < X.shape(0); ++i)
    for (std::size_t d = 0; d < d_v; ++d) {
      const Matrix coordinate = xt::view(head.value, xt::all(), xt::range(d, d + 1));  // [n, 1]
      outside = std::max({outside, xt::amin(coordinate)() - head.output(i, d),
                          head.output(i, d) - xt::amax(coordinate)()});
    }
  page.check_less(
          outside, 1e-12,
          "the output is a mean of values: none of its coordinates leaves the range of theirs")
      .decides("C01-10");
}

void a_memory(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("Mathematics: a memory with soft addresses");
  // {.scale = beta} replaces 1 / sqrt(d_k): here it multiplies the raw scores Q K^T.
  const HeadTrace soft = attend(X, W);
  Matrix best = soft.output, mean = soft.output;  // [n, d_v]
  for (std::size_t i = 0; i < X.shape(0); ++i) {
    xt::view(best, i) = xt::view(soft.value, lesson::largest_in_row(soft.scores, i));
    xt::view(mean, i) = xt::mean(soft.value, {0});
  }
  page.check_close(
          attend(X, W, {.scale = 1e4}).output, best,
          "with raw scores times 10,000 every output is the value of the key that scores highest")
      .decides("C01-09");
  page.check_close(attend(X, W, {.scale = 1e-13}).output, mean,
                   "with raw scores times 1e-13 every output is the mean of all values", 1e-10)
      .decides("C01-09");  // 1e-10, for a scale of 1e-13 is not quite zero
  page.check_differs(soft.output, best, 1e-2,
                     "with raw scores over sqrt(d_k), as usual, the outputs are not the values of "
                     "the best keys")
      .controls("C01-09");
  std::vector<std::string> names;
  std::vector<double> largest;  // mean over the queries of the largest weight
  std::size_t rises = 0;        // steps at which the mean did not fall
  for (const double beta : {0.0625, 0.25, 1.0, 4.0, 16.0, 64.0}) {
    const Matrix peak = row_max(attend(X, W, {.scale = beta}).pattern);  // [n, 1]
    names.push_back("scores times " + render::tick_text(beta));
    largest.push_back(xt::mean(peak)());
  }
  for (std::size_t i = 1; i < largest.size(); ++i)
    if (largest[i] >= largest[i - 1]) ++rises;
  page.bars("largest weight of a query, on average", names, largest);
  page.check_equal(rises, std::size_t{5},
                   "from scores times 0.0625 to scores times 64 no step makes the mean largest "
                   "weight smaller")
      .decides("C01-09");

  page.step("Mathematics: does every head compute exactly this?");
  // ALiBi's slope for a single head is 2^-8 a place: times 100 so that it is felt.
  const Tensor3 bias =
      100.0 * alibi_bias<double>(1, X.shape(0), X.shape(0));  // [1, n_query, n_key]
  page.check_differs(
          attend(X, W, {.bias = &bias}).output, soft.output, 1e-3,
          "a head with a position bias gives another output than the same head without it")
      .decides("C01-07");
  page.check_differs(attend(X, W, {.causal = true}).output, soft.output, 1e-3,
                     "a head with a causal mask gives another output than the same head without it")
      .decides("C01-07");
  page.check_close(attend(X, W).output, lesson::plain_head(X, W).output,
                   "a head without bias and mask gives the formula's output, summed pair by pair")
      .controls("C01-07");
  const Matrix reached =
      lesson::reached(X, [&](const Matrix& x) { return attend(x, W, {.causal = true}).output; });
  page.heat_map("masked: changing a token (column) changes these outputs (rows)", reached);
  page.check_close(reached, Matrix(xt::tril(xt::ones<double>(reached.shape()))),
                   "in a decoder a change of token j changes the outputs of j and of all later "
                   "tokens, and no bit of another");

  const std::size_t n = 12, width = 16;
  const Matrix places = sinusoidal_positions<double>(n, width);  // [n, width]
  const Matrix identity = xt::eye<double>(width);                // [width, width]
  // W_Q turns a place into the next one; 40 makes the pattern sharp.
  const HeadWeights look_ahead = {40 * sinusoidal_shift<double>(width, 1), identity, identity};
  const auto weight_on_next = [&](bool causal) {
    const Matrix A = attend(places, look_ahead, {.causal = causal}).pattern;  // [n_query, n_key]
    return xt::sum(xt::diagonal(A, 1))() / static_cast<double>(n - 1);
  };
  page.check_greater(
          weight_on_next(false), 0.9,
          "a head built to look at the next word gives it more than 0.9 of its weight, on average")
      .decides("C01-12");
  page.check_equal(
          weight_on_next(true), 0.0,
          "with a causal mask the head built to look at the next word gives it no weight at all")
      .controls("C01-12");
}

void history(lesson::Page& page) {
  page.step("History: the only way between tokens");
  const ModelWeightsF grammar = lesson::trained_model("grammar");
  const std::vector<std::size_t> ids = held_out(find_recipe("grammar"), 1)[0].ids;
  const auto most_changed = [&](const InterventionOf<float>& intervention) {
    const ModelOptionsOf<float> options = {.intervention = intervention};
    const MatrixF before = run_model<float>(ids, grammar, options).logits;  // [n, vocabulary]
    double most = 0;  // of a logit, when another token than its own is exchanged
    for (std::size_t j = 0; j < ids.size(); ++j) {
      std::vector<std::size_t> exchanged = ids;
      exchanged[j] = (ids[j] + 1) % grammar.W_E.shape(0);
      const MatrixF after = run_model<float>(exchanged, grammar, options).logits;
      for (std::size_t i = 0; i < ids.size(); ++i)
        for (std::size_t v = 0; v < before.shape(1); ++v)
          if (i != j)
            most = std::max(most, static_cast<double>(std::abs(after(i, v) - before(i, v))));
    }
    return most;
  };
  page.check_equal(most_changed(ablate<float>(lesson::all_heads(grammar), Ablation::zero)), 0.0,
                   "with all heads of a trained model off, exchanging a token changes no bit of "
                   "another token's logits")
      .decides("C01-18");
  const InterventionOf<float> nothing_off = {};
  page.check_greater(
          most_changed(nothing_off), 0.1,
          "with all heads on, exchanging a token changes some other token's logit by more than 0.1")
      .controls("C01-18");
}

void popular_models(lesson::Page& page) {
  page.step("Popular models: how many heads");
  std::vector<std::vector<std::string>> rows;
  for (const char* name : {"BERT base", "GPT-3 175B", "LLaMA-2 7B", "LLaMA-2 13B", "LLaMA-2 70B"}) {
    const lesson::Configuration& c = configuration(name);
    rows.push_back({name, std::to_string(c.layers), std::to_string(c.heads),
                    std::to_string(c.d_head), std::to_string(lesson::parameters(c)), c.source});
  }
  page.text_table({"model", "layers", "heads", "d_head", "parameters", "source"}, rows);
  const auto with_heads = [](const char* name, std::uint64_t heads) {
    lesson::Configuration c = configuration(name);
    c.heads = c.kv_heads = heads;
    return lesson::parameters(c);
  };
  page.check_equal(lesson::parameters(configuration("BERT base")), std::uint64_t{109482240},
                   "BERT base: 12 layers of 12 heads of 64 make its 109,482,240 parameters")
      .decides("C01-19");
  page.check_true(with_heads("BERT base", 16) != 109482240,
                  "BERT base with 16 heads of 64 a layer would not have 109,482,240 parameters")
      .controls("C01-19");
  const auto billions = [&](std::uint64_t heads) {
    return static_cast<double>(with_heads("GPT-3 175B", heads)) / 1e9;
  };
  page.check_close(
          billions(configuration("GPT-3 175B").heads), 175,
          "GPT-3: 96 layers of 96 heads of 128 make 175 billion parameters, within half a percent",
          0.005)
      .decides("C01-20");  // as rounded as the name
  page.check_greater(175 - billions(64), 10,
                     "GPT-3 with 64 heads of 128 a layer would fall short of 175 billion "
                     "parameters by more than 10 billion")
      .controls("C01-20");
  page.check_equal(lesson::parameters(configuration("LLaMA-2 13B")), std::uint64_t{13015864320},
                   "LLaMA-2 13B: 40 heads of 128 a layer make its 13,015,864,320 parameters "
                   "(Touvron et al. 2023)")
      .decides("C01-21");
  page.check_true(with_heads("LLaMA-2 13B", 32) != 13015864320,
                  "LLaMA-2 13B with 32 heads of 128 a layer, as the report has it, would not have "
                  "13,015,864,320 parameters")
      .controls("C01-21");
}

void in_pytorch(lesson::Page& page) {
  page.step("Popular models: a head is a slice, in PyTorch");
  const MultiHeadWeights& layer = pytorch::layer;  // two heads
  const std::size_t E = 4, d_h = 2;                // PyTorch's embed_dim, width of a head
  const Matrix fused = xt::concatenate(xt::xtuple(layer.W_Q, layer.W_K, layer.W_V), 1);  // [E, 3 E]
  const Matrix in_proj = transpose(fused);  // [3 E, E], as PyTorch keeps in_proj_weight
  // Parts 0, 1, 2 are W_Q, W_K, W_V.
  const auto rows = [&](std::size_t part, std::size_t h) {  // [E, d_h]
    const std::size_t from = E * part + d_h * h;
    return transpose(Matrix(xt::view(in_proj, xt::range(from, from + d_h))));
  };
  const auto columns = [&](std::size_t part, std::size_t h) {  // [E, d_h]
    return Matrix(
        xt::view(in_proj, xt::range(E * part, E * part + E), xt::range(d_h * h, d_h * h + d_h)));
  };
  const auto all_heads = [&](const auto& slice) {
    Matrix sum = xt::zeros<double>({3, 4});  // [n, E]
    for (std::size_t h = 0; h < 2; ++h) {
      HeadWeights head = head_weights(layer, h);  // for its biases
      head.W_Q = slice(0, h);
      head.W_K = slice(1, h);
      head.W_V = slice(2, h);
      sum += matmul(attend(pytorch::x, head).output, output_rows(layer, h));
    }
    for (std::size_t i = 0; i < 3; ++i) xt::view(sum, i) += layer.b_O;
    return sum;
  };
  page.check_close(all_heads(rows), pytorch::attn_output,
                   "heads cut as d_h rows of in_proj_weight and d_h columns of out_proj.weight add "
                   "up to PyTorch's output")
      .decides("C01-22", "C01-23");
  page.check_differs(
          all_heads(columns), pytorch::attn_output, 1e-3,
          "heads cut as columns of in_proj_weight, not rows, do not add up to PyTorch's output")
      .controls("C01-22");
  MultiHeadWeights three_heads = layer;
  three_heads.n_heads = 3;
  page.check_refused(
          [&] { multi_head_attention(pytorch::x, three_heads); },
          "four columns are refused as three heads: the columns are split, nothing is thinned out")
      .controls("C01-23");
}

void in_a_file(lesson::Page& page) {
  page.step("Popular models: a head is a slice, in a file laid out like GPT-2's");
  const SafetensorsFile file =
      read_safetensors(lesson::model_folder("grammar") / "model.safetensors");
  const StoredTensor& stored = *file.find("h.0.attn.c_attn.weight");
  const std::size_t d = stored.shape[0], d_h = 16;  // [d, 3 d]: a block of d columns for q, k, v
  MatrixF c_attn = MatrixF::from_shape({d, 3 * d}), as_linear = MatrixF::from_shape({3 * d, d});
  std::ranges::copy(numbers_of<float>(stored), c_attn.begin());
  std::ranges::copy(c_attn, as_linear.begin());  // the same numbers, taken for PyTorch's layout
  const auto columns = [&](std::size_t part, std::size_t h) {  // [d, d_h]
    return MatrixF(
        xt::view(c_attn, xt::all(), xt::range(part * d + h * d_h, part * d + h * d_h + d_h)));
  };
  const auto rows = [&](std::size_t part, std::size_t h) {  // [d, d_h]
    return transpose(
        MatrixF(xt::view(as_linear, xt::range(part * d + h * d_h, part * d + h * d_h + d_h))));
  };
  const ModelWeightsF grammar = lesson::trained_model("grammar");
  const BlockTraceOf<float> block =
      run_model<float>(held_out(find_recipe("grammar"), 1)[0].ids, grammar).blocks[0];
  const auto apart = [&](const auto& slice) {  // the heads' patterns from the model's, at most
    double most = 0;
    for (std::size_t h = 0; h < d / d_h; ++h) {
      const HeadWeightsOf<float> head = {slice(0, h), slice(1, h), slice(2, h)};
      const MatrixF A =
          attend<float>(block.norm1.output, head, {.causal = true, .rope = grammar.rope})
              .pattern;  // [n_query, n_key]
      most = std::max(most, compare(A, MatrixF(xt::view(block.attention.pattern, h))).relative);
    }
    return most;
  };
  page.check_less(apart(columns), 1e-5,
                  "every head cut as d_h columns from c_attn.weight has the pattern of the model's "
                  "own head")
      .decides("C01-22");  // 1e-5, for these numbers are float
  page.check_greater(apart(rows), 0.1,
                     "heads cut as d_h rows of c_attn.weight, as from PyTorch's layer, do not have "
                     "the model's patterns")
      .controls("C01-22");
}

void smallest_unit(lesson::Page& page) {
  page.step("Popular models: the smallest thing one can act on");
  const ModelWeightsF induction = lesson::trained_model("induction");
  const std::vector<Example> repeats = held_out(find_recipe("induction"), 24);
  const Evaluation whole = evaluate(induction, repeats, {.threads = lesson::threads});
  Matrix looks_back =
      xt::view(whole.relation.at("previous").mass, xt::range(0, 1));  // [1, n_heads]
  const HeadId head = {0, lesson::largest_in_row(looks_back, 0)};     // the previous-token head
  const auto cut = [&](PathEdge edge) {  // from that head to all heads of layer 1
    const auto off = [&](std::size_t) { return cut_edge<float>(induction, {head}, edge, 1); };
    return evaluate(induction, repeats, {.intervention = off, .threads = lesson::threads}).loss -
           whole.loss;
  };
  const double key = cut(PathEdge::key);
  const double query = cut(PathEdge::query);
  const double value = cut(PathEdge::value);
  page.bars(
      "loss added when head " + lesson::head_name(head) + " is kept from one input of layer 1",
      {"queries", "keys", "values"}, {query, key, value});
  page.check_greater(key, 2 * std::max(query, value),
                     "kept from layer 1's keys, the previous-token head is missed over twice as "
                     "much as from queries or values")
      .decides("C01-24");
}

void evidence(lesson::Page& page) {
  page.step("Evidence: what training made of the heads");
  const ModelWeightsF grammar = lesson::trained_model("grammar");
  const std::vector<Example> examples = held_out(find_recipe("grammar"), 24);
  const Evaluation after = evaluate(grammar, examples, {.threads = lesson::threads});
  const Evaluation before =
      evaluate(lesson::untrained_model("grammar"), examples, {.threads = lesson::threads});
  const std::vector<std::string> relations = {"bracket",   "list",      "reflexive",
                                              "agreement", "induction", "previous name"};
  lesson::show_relations(page, relations, after, before);
  double weakest = 1, untrained = 0;
  // For each of the 12 heads: to how many relations it gives more than half its weight.
  Matrix serves = xt::zeros<double>({1, 12});  // [1, n_layers n_heads]
  for (const std::string& relation : relations) {
    weakest = std::min(weakest, after.relation.at(relation).best());
    untrained = std::max(untrained, before.relation.at(relation).best());
    for (std::size_t h = 0; h < 12; ++h)
      if (after.relation.at(relation).mass.data()[h] > 0.5) serves(0, h) += 1;
  }
  page.check_greater(weakest, 0.5,
                     "in each of six relations some head of \"grammar\" gives the right token over "
                     "half of its weight, on average")
      .decides("C01-28");
  page.check_less(untrained, 0.3,
                  "before training no head gives the right token 0.3 of its weight in any of the "
                  "six relations")
      .controls("C01-28", "C01-11");
  page.check_greater(xt::amax(serves)(), 1,
                     "some head of \"grammar\" gives the right token over half of its weight in "
                     "more than one relation")
      .decides("C01-11");

  page.step("Evidence: taking heads away");
  struct Cost {
    HeadId id;
    double loss;
  };
  std::vector<Cost> costs;
  std::vector<std::string> names;
  std::vector<double> losses;
  for (const HeadId& id : lesson::all_heads(grammar)) {
    costs.push_back({id, lesson::loss_without(grammar, examples, {id}) - after.loss});
    names.push_back("head " + lesson::head_name(id));
    losses.push_back(costs.back().loss);
  }
  page.bars("loss added when one head is taken away", names, losses);
  std::sort(costs.begin(), costs.end(),
            [](const Cost& a, const Cost& b) { return a.loss < b.loss; });
  std::vector<HeadId> cheap;  // the cheaper half
  double added_up = 0;
  for (std::size_t i = 0; i < costs.size() / 2; ++i) {
    cheap.push_back(costs[i].id);
    added_up += costs[i].loss;
  }
  const double together = lesson::loss_without(grammar, examples, cheap) - after.loss;
  page.check_greater(
          costs.back().loss, 0.1,
          "taken away alone, the dearest head of \"grammar\" raises the loss by more than 0.1")
      .decides("C01-25");
  page.check_greater(costs.back().loss / std::max(costs.front().loss, 1e-3), 5,
                     "taken away alone, the dearest head of \"grammar\" raises the loss over five "
                     "times as much as the cheapest")
      .decides("C01-29");
  page.check_greater(together, 1.3 * added_up,
                     "taken away together, the cheaper six of the 12 heads cost over 1.3 times "
                     "their single costs added up")
      .decides("C01-29", "C01-30");
  page.check_less(costs.front().loss, 0.05,
                  "taken away alone, the cheapest head of \"grammar\" raises the loss by less than "
                  "0.05, as one not needed would")
      .controls("C01-30");
}

void comment(lesson::Page& page) {
  page.step("Comment: is capacity extended by more heads?");
  Random random(page.seed(11));
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> parameters, ranks;
  for (const std::size_t heads : {1u, 2u, 4u}) {
    const MultiHeadWeights w = lesson::draw_heads(random, heads, d_model);
    const HeadWeights one = head_weights(w, 0);
    ranks.push_back(
        lesson::rank(matmul(one.W_Q, transpose(one.W_K))));  // of the form of the scores
    parameters.push_back(
        heads * (one.W_Q.size() + one.W_K.size() + one.W_V.size() + output_rows(w, 0).size()));
    rows.push_back(
        {std::to_string(heads), std::to_string(parameters.back()), std::to_string(ranks.back())});
  }
  page.text_table({"heads in the same width", "parameters", "rank of one head's scores"}, rows);
  page.check_equal(
          parameters, std::vector<std::size_t>(3, 4 * d_model * d_model),
          "1, 2 or 4 heads that share d_model = 8 have 4 d_model^2 = 256 parameters in all")
      .decides("C01-31");
  page.check_equal(
          ranks, std::vector<std::size_t>{8, 4, 2},
          "the rank of one head's W_Q W_K^T is 8, 4 or 2 where 1, 2 or 4 heads share d_model = 8")
      .decides("C01-31");
  // Four heads that keep d_h = 8: their columns are 32.
  const MultiHeadWeights wider = {
      4, random_matrix(random, d_model, 32), random_matrix(random, d_model, 32),
      random_matrix(random, d_model, 32), random_matrix(random, 32, d_model)};
  page.check_equal(wider.W_Q.size() + wider.W_K.size() + wider.W_V.size() + wider.W_O.size(),
                   4 * parameters[0],
                   "four heads that each keep d_h = 8 have four times the parameters of one head "
                   "in d_model = 8")
      .controls("C01-31");
}

void tell(lesson::Page& page) {
  const std::vector<std::string> tokens = page.tokens("The cat sat on the mat", 2);
  Random random(page.seed(1));
  const Matrix X = lesson::embed_words(tokens, d_model) +
                   sinusoidal_positions<double>(tokens.size(), d_model);  // [n, d_model]
  const HeadWeights W = {random_matrix(random, d_model, d_k, 0.4),        // [d_model, d_k]
                         random_matrix(random, d_model, d_k, 0.4),        // [d_model, d_k]
                         random_matrix(random, d_model, d_v, 0.4)};       // [d_model, d_v]
  const Matrix W_O = random_matrix(random, d_v, d_model, 0.4);  // [d_v, d_model], the head's rows
  const Matrix other_W_O =
      random_matrix(random, d_v, d_model, 0.4);  // [d_v, d_model], another head's
  architecture(page, tokens, X, W);
  what_it_writes(page, tokens, X, W, W_O, other_W_O);
  a_memory(page, X, W);
  history(page);
  popular_models(page);
  in_pytorch(page);
  in_a_file(page);
  smallest_unit(page);
  evidence(page);
  comment(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv,
                     {.number = 1,
                      .title = "What is an attention head",
                      .models = lesson::use_models({"grammar", "induction"})},
                     tell);
}
