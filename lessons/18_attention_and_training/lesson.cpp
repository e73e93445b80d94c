// Lesson 18: attention and training.   Report, section 18.
// Gradients of every parameter of a one-layer model, softmax under growing scores, copies of a
// head, counters of work and path length; checkpoints of a trained two-layer model.
#include <algorithm>
#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/random.hpp>
#include <headlight/layer/cross_entropy.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/learning/backward.hpp>
#include <headlight/learning/evaluate.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/learning/recipes.hpp>

#include "support/models.hpp"
#include "support/page.hpp"

using namespace headlight;

namespace {

std::string fixed(double x, std::size_t decimals = 3) {
  return render::fixed(x, decimals);
}

Matrix zeros(std::size_t rows, std::size_t columns) {
  Matrix m = Matrix::from_shape({rows, columns});
  std::fill(m.begin(), m.end(), 0.0);
  return m;
}

double length_of(const Matrix& a) {
  double squares = 0;
  for (const double x : a) squares += x * x;
  return std::sqrt(squares);
}

// diag(p) - p p^T: how a pattern answers to its scores.
Matrix jacobian(const Vector& p) {
  Matrix J = zeros(p.size(), p.size());  // [key, key]
  for (std::size_t i = 0; i < p.size(); ++i)
    for (std::size_t j = 0; j < p.size(); ++j) J(i, j) = (i == j ? p(i) : 0.0) - p(i) * p(j);
  return J;
}

// How far the gradients of a model lie from two other ways to them.
struct GradientErrors {
  std::size_t numbers = 0;    // compared
  double by_differences = 0;  // largest distance from central differences of the loss
  double by_trainer = 0;      // largest distance from what TrainerOf gets for the batch
};

GradientErrors gradient_errors(const SmallModel& shape, std::vector<std::vector<std::string>>* rows,
                               NormPlace place = NormPlace::before) {
  ModelWeights w = model_cast<double>(initial_weights(shape, 3));
  for (BlockWeights& b : w.blocks) b.place = place;
  const std::vector<std::size_t> ids = {1, 4, 2, 6, 1, 4}, targets = {4, 2, 6, 1, 4, 2};
  const ModelTrace trace = run_model<double>(ids, w);
  const CrossEntropy loss = cross_entropy<double>(trace.logits, targets);
  ModelWeights gradient = zeros_like(w);
  run_model_backward(trace, w, loss.of_logits, gradient);
  ModelWeights of_batch = TrainerOf<double>(w, {}).gradient({1, 6, ids, targets, {}}).gradients;
  std::vector<std::span<double>> of, in_batch;
  for_each_parameter<double>(gradient,
                             [&](const ParameterOf<double>& p) { of.push_back(p.values); });
  for_each_parameter<double>(of_batch,
                             [&](const ParameterOf<double>& p) { in_batch.push_back(p.values); });
  GradientErrors errors;
  std::size_t which = 0;
  for_each_parameter<double>(w, [&](const ParameterOf<double>& p) {
    double largest = 0;
    for (std::size_t c = 0; c < p.values.size(); ++c) {
      const auto at = [&](double step) {
        const double before = p.values[c];
        p.values[c] = before + step;
        const double l = cross_entropy<double>(run_model<double>(ids, w).logits, targets).loss;
        p.values[c] = before;
        return l;
      };
      const double g = of[which][c], slope = (at(1e-5) - at(-1e-5)) / 2e-5;
      errors.by_differences = std::max(errors.by_differences, std::abs(slope - g));
      errors.by_trainer = std::max(errors.by_trainer, std::abs(in_batch[which][c] - g));
      largest = std::max(largest, std::abs(g));
    }
    if (rows) rows->push_back({p.name, std::to_string(p.values.size()), fixed(largest)});
    errors.numbers += p.values.size(), ++which;
  });
  return errors;
}

void gradients(lesson::Page& page) {
  page.step("The gradient of softmax");
  const Matrix S = {{0.5, -1.0, 2.0, 0.3}};  // [1, key]
  const Matrix A = softmax_rows(S);          // [1, key]
  const Matrix J = jacobian(Vector{A(0, 0), A(0, 1), A(0, 2), A(0, 3)});
  Matrix differences = zeros(4, 4);  // [score, weight], central
  for (std::size_t j = 0; j < 4; ++j) {
    Matrix up = S, down = S;
    up(0, j) += 1e-5, down(0, j) -= 1e-5;
    const Matrix a = softmax_rows(up), b = softmax_rows(down);
    for (std::size_t i = 0; i < 4; ++i) differences(j, i) = (a(0, i) - b(0, i)) / 2e-5;
  }
  page.show("A", "query, key", A);
  page.show("dA/dS", "score, weight", J);
  page.check_close(J, differences,
                   "the Jacobian of softmax, diag(p) - p p^T, is what finite differences say",
                   1e-9);
  const Matrix dA = {{1.0, 0.0, -2.0, 0.5}};  // [1, key]
  page.check_close(softmax_backward(A, dA), matmul(dA, J),
                   "softmax_backward multiplies by the Jacobian diag(p) - p p^T");

  page.step("The gradient of a whole model, parameter by parameter");
  SmallModel shape;
  shape.vocabulary = 7, shape.d_model = 8, shape.n_heads = 2, shape.n_layers = 1;
  shape.d_hidden = 9, shape.n = 8;
  std::vector<std::vector<std::string>> rows;
  const GradientErrors rotary = gradient_errors(shape, &rows);
  page.text_table({"parameter", "numbers", "largest gradient"}, rows);
  page.check_less(rotary.by_differences, 1e-7,
                  "attention, norms, feed-forward layer, embeddings, cross-entropy: all " +
                      std::to_string(rotary.numbers) + " gradients agree with finite differences");

  page.step("The same, with every position code and the norm on either side");
  shape.buckets = {6, 5, false}, shape.reach = 2;
  std::vector<std::vector<std::string>> codes;
  double worst = 0, worst_trainer = 0;
  for (const auto& [position, name] :
       {std::pair{Position::learned, "learned"}, std::pair{Position::sinusoidal, "sinusoidal"},
        std::pair{Position::rope, "rotary"}, std::pair{Position::alibi, "ALiBi"},
        std::pair{Position::t5, "T5"}, std::pair{Position::shaw, "Shaw"},
        std::pair{Position::none, "none"}})
    for (const NormPlace place : {NormPlace::before, NormPlace::after}) {
      shape.position = position;
      const GradientErrors e = gradient_errors(shape, nullptr, place);
      codes.push_back({name, place == NormPlace::before ? "before" : "after",
                       std::to_string(e.numbers), fixed(e.by_differences * 1e9, 2),
                       fixed(e.by_trainer * 1e15, 2)});
      worst = std::max(worst, e.by_differences);
      worst_trainer = std::max(worst_trainer, e.by_trainer);
    }
  page.text_table(
      {"positions", "norm", "gradients", "off differences, 1e-9", "off the trainer, 1e-15"}, codes);
  page.check_less(worst, 1e-7,
                  "seven position codes, pre-norm and post-norm: every gradient agrees with finite "
                  "differences");
  page.check_less(worst_trainer, 1e-12,
                  "the trainer, which runs batches and keeps no trace, has the gradients of the "
                  "pass that keeps one");
}

void saturation(lesson::Page& page) {
  page.step("Large scores saturate softmax");
  Random random(page.seed(18));
  std::vector<std::vector<std::string>> rows;
  std::vector<double> unscaled, scaled, variances;
  const std::size_t draws = 4000, keys = 8;
  double most_deviant = 0, most_deviant_scaled = 0;
  for (const std::size_t d_k : {16, 64, 256, 1024}) {
    double variance = 0, norm_plain = 0, norm_scaled = 0;
    for (std::size_t draw = 0; draw < draws / keys; ++draw) {
      const Matrix q = random_matrix(random, 1, d_k), k = random_matrix(random, keys, d_k);
      const Matrix raw = matmul(q, transpose(k));  // [1, key]
      Matrix S = raw;                              // [1, key]
      for (double& s : S) s /= std::sqrt(static_cast<double>(d_k));
      for (const double s : raw) variance += s * s / static_cast<double>(draws);
      const auto norm = [&](const Matrix& scores) {
        const Matrix A = softmax_rows(scores);
        Vector p = Vector::from_shape({keys});
        std::copy(A.begin(), A.end(), p.begin());
        return length_of(jacobian(p)) * static_cast<double>(keys) / static_cast<double>(draws);
      };
      norm_plain += norm(raw), norm_scaled += norm(S);
    }
    unscaled.push_back(norm_plain), scaled.push_back(norm_scaled);
    const double d = static_cast<double>(d_k);
    // a sum of d products of unit normals: the mean of `draws` squares has a standard error below
    // sqrt(2 + 6/d) / sqrt(draws) of it, and queries are shared by eight keys
    const double sigma = std::sqrt((2 + 6 / d) / static_cast<double>(draws)) * 1.6;
    most_deviant = std::max(most_deviant, std::abs(variance / d - 1) / sigma);
    most_deviant_scaled = std::max(most_deviant_scaled, std::abs(variance / d - 1));
    rows.push_back(
        {std::to_string(d_k), fixed(variance, 1), fixed(norm_plain), fixed(norm_scaled)});
  }
  page.text_table({"d_k", "variance of q.k", "Jacobian, unscaled", "divided by sqrt(d_k)"}, rows);
  const auto variance =
      page.check_less(most_deviant, 4, "the variance of q.k is d_k, within four standard errors");
  page.claim("C18-24", variance);
  page.claim("C18-24", page.check_less(std::abs(scaled.back() / scaled.front() - 1), 0.15,
                                       "the Jacobian of softmax at d_k = 1024 is within 15% of "
                                       "that at 16 if scores are divided by sqrt(d_k)"));
  page.claim("C18-23", page.check_less(unscaled.back(), unscaled.front() / 2,
                                       "the Jacobian of softmax at d_k = 1024 is less than half of "
                                       "that at 16 if scores are left undivided"));

  const std::size_t n = 6, d = 6;
  const Matrix x = random_matrix(random, n, d);  // [n, d_model]
  MultiHeadWeights W{2, random_matrix(random, d, d), random_matrix(random, d, d),
                     random_matrix(random, d, d), random_matrix(random, d, d)};
  const Matrix dY = random_matrix(random, n, d);  // [n, d_model]
  const auto of_queries = [&](const MultiHeadWeights& w) {
    const MultiHeadTrace t = multi_head_attention(x, w);
    MultiHeadWeights g = w;
    for (Matrix* m : {&g.W_Q, &g.W_K, &g.W_V, &g.W_O}) std::fill(m->begin(), m->end(), 0.0);
    multi_head_attention_backward(x, x, t, w, {}, dY, g);
    std::vector<double> length(2, 0.0);  // of W_Q's gradient, head by head
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j) length[j / 3] += g.W_Q(i, j) * g.W_Q(i, j);
    return Vector{std::sqrt(length[0]), std::sqrt(length[1])};
  };
  const Vector before = of_queries(W);
  MultiHeadWeights saturated = W;
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < 3; ++j) saturated.W_K(i, j) *= 1000;
  const Vector after = of_queries(saturated);
  page.show("|dW_Q| before, and with head 0 saturated", "run, head",
            Matrix{{before(0), before(1)}, {after(0), after(1)}});
  page.claim("C18-11", page.check_less(after(0), 1e-6 * before(0),
                                       "W_K made a thousand times larger in head 0 leaves its W_Q "
                                       "less than a millionth of its gradient"));
  page.claim("C18-11", page.check_equal(after(1), before(1),
                                        "W_K made a thousand times larger in head 0 leaves the "
                                        "gradient of head 1's W_Q as it was, to the last bit"));

  Matrix far = {{0.0, 0.0, 0.0}};
  const double hidden = -std::numeric_limits<double>::infinity();
  far(0, 1) = 30, far(0, 2) = hidden;
  const Matrix p = softmax_rows(far);
  page.show("A", "query, key", p);
  page.claim("C18-17",
             page.check_less(p(0, 0), 1e-12,
                             "a score 30 below another leaves a weight smaller than 1e-12"));
  page.claim("C18-17", page.check_true(p(0, 0) > 0 && p(0, 2) == 0,
                                       "a score 30 below another leaves a weight above zero; only "
                                       "a hidden key gets exactly zero"));
}

void copies(lesson::Page& page) {
  page.step("Copies of a head, and how many parameters heads cost");
  SmallModel shape;
  shape.vocabulary = 10, shape.n = 12, shape.d_model = 8, shape.n_heads = 2, shape.n_layers = 1;
  const auto start = [&](double difference) {
    ModelWeights w = model_cast<double>(initial_weights(shape, 2));
    MultiHeadWeights& a = w.blocks[0].attention;
    for (Matrix* m : {&a.W_Q, &a.W_K, &a.W_V})
      for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t j = 0; j < 4; ++j) (*m)(i, 4 + j) = (*m)(i, j);
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t j = 0; j < 8; ++j) a.W_O(4 + i, j) = a.W_O(i, j);
    a.W_V(0, 4) += difference;
    return w;
  };
  const auto gap_after = [&](double difference, std::size_t steps, std::size_t threads) {
    TrainingPlan plan;
    plan.schedule = {1e-2, 20, 300, 0.1};
    plan.threads = threads;
    TrainerOf<double> trainer(start(difference), plan);
    for (std::size_t s = 0; s < steps; ++s) {
      Random random(s);
      std::vector<Example> examples;
      for (int e = 0; e < 8; ++e) examples.push_back(repeated_example({10, 12, 3, 5}, random));
      trainer.step(batch_of(examples));
    }
    const ModelWeights w = trainer.weights();
    double squares = 0;
    const MultiHeadWeights& a = w.blocks[0].attention;
    for (const Matrix* m : {&a.W_Q, &a.W_K, &a.W_V})
      for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t j = 0; j < 4; ++j) {
          const double apart = (*m)(i, j) - (*m)(i, j + 4);
          squares += apart * apart;
        }
    return std::pair(std::sqrt(squares), parameter_hash(w));
  };
  const auto [same, hash] = gap_after(0, 300, 1);
  const auto [parted, other_hash] = gap_after(1e-3, 300, 1);
  page.text_table(
      {"two copies of a head, 300 steps", "distance of their weights"},
      {{"equal at the start", fixed(same, 6)}, {"0.001 apart in one entry", fixed(parted, 6)}});
  page.claim("C18-13",
             page.check_equal(
                 same, 0.0, "two equal heads stay equal to the last bit in 300 steps of training"));
  page.claim(
      "C18-13",
      page.check_greater(
          parted, 1.5e-3,
          "two heads 0.001 apart in one entry are over 0.0015 apart after 300 steps of training"));
  page.check_equal(gap_after(0, 300, 2).second, hash,
                   "a training run on two threads has the same bits as on one");
  page.check_true(other_hash != hash, "a training run from another beginning has other bits");

  std::vector<std::size_t> counts;
  for (const std::size_t heads : {1, 2, 4, 8}) {
    shape.n_heads = heads;
    counts.push_back(parameter_count(initial_weights(shape, 1)));
  }
  page.claim("C18-15", page.check_equal(counts, std::vector<std::size_t>(4, counts[0]),
                                        "a model has the same number of parameters with 1, 2, 4 or "
                                        "8 heads of one width together"));
}

// Attention by loops, counting products: n queries times n keys, scores and mixing.
std::size_t attention_products(std::size_t n, std::size_t d, Matrix* result = nullptr) {
  std::size_t products = 0;
  Random random(4);
  const Matrix Q = random_matrix(random, n, d), K = random_matrix(random, n, d);
  const Matrix V = random_matrix(random, n, d);
  Matrix S = zeros(n, n), Y = zeros(n, d);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t c = 0; c < d; ++c) S(i, j) += Q(i, c) * K(j, c), ++products;
  for (double& s : S) s /= std::sqrt(static_cast<double>(d));
  const Matrix A = softmax_rows(S);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t c = 0; c < d; ++c) Y(i, c) += A(i, j) * V(j, c), ++products;
  if (result) *result = Y;
  return products;
}

// A recurrent net by loops: h = tanh(x U + h W), d states, counting products. Returns the last h.
std::size_t recurrent_products(std::size_t n, std::size_t d) {
  std::size_t products = 0;
  std::vector<double> h(d, 0.0);
  for (std::size_t t = 0; t < n; ++t) {
    std::vector<double> next(d, 0.0);
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j) {
        const double weight = std::sin(static_cast<double>(i + 3 * j + 1));
        next[j] += weight * std::cos(static_cast<double>(t + i)), ++products;  // x U
        next[j] += weight * h[i] / 4, ++products;                              // h W
      }
    for (std::size_t j = 0; j < d; ++j) h[j] = std::tanh(next[j]);
  }
  return products;
}

// Fewest steps from the first to the last of n tokens when a step leads `reach` ahead at most.
std::size_t path_length(std::size_t n, std::size_t reach) {
  std::vector<std::size_t> steps(n, n);
  steps[0] = 0;
  for (std::size_t from = 0; from < n; ++from)
    for (std::size_t to = from + 1; to < std::min(n, from + reach + 1); ++to)
      steps[to] = std::min(steps[to], steps[from] + 1);
  return steps[n - 1];
}

// Rank by elimination with full pivoting.
std::size_t rank(Matrix a) {
  std::size_t found = 0;
  const double largest_at_all = length_of(a);
  std::vector<bool> used(a.shape(0), false);
  for (std::size_t column = 0; column < a.shape(1); ++column) {
    std::size_t pivot = a.shape(0);
    for (std::size_t i = 0; i < a.shape(0); ++i)
      if (!used[i] && (pivot == a.shape(0) || std::abs(a(i, column)) > std::abs(a(pivot, column))))
        pivot = i;
    if (pivot == a.shape(0) || std::abs(a(pivot, column)) < 1e-10 * largest_at_all) continue;
    used[pivot] = true, ++found;
    for (std::size_t i = 0; i < a.shape(0); ++i) {
      if (i == pivot) continue;
      const double factor = a(i, column) / a(pivot, column);
      for (std::size_t j = 0; j < a.shape(1); ++j) a(i, j) -= factor * a(pivot, j);
    }
  }
  return found;
}

void work(lesson::Page& page) {
  page.step("Work and path length, beside a recurrent net");
  const std::size_t n = 24, d = 8, window = 5;
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t length : {4, 8, 16, 32})
    rows.push_back(
        {std::to_string(length), std::to_string(attention_products(length, d)),
         std::to_string(recurrent_products(length, d)), std::to_string(path_length(length, length)),
         std::to_string(path_length(length, window - 1)), std::to_string(path_length(length, 1))});
  page.say("Products counted while they are made, d = 8; path from the first to the last token:");
  page.text_table({"n", "products", "of an RNN", "path", "in a window of 5", "in an RNN"}, rows);
  Matrix Y;
  attention_products(n, d, &Y);
  Random random(4);
  const Matrix Q = random_matrix(random, n, d), K = random_matrix(random, n, d);
  const Matrix V = random_matrix(random, n, d);
  Matrix x = zeros(n, 3 * d), W_Q = zeros(3 * d, d), W_K = W_Q, W_V = W_Q;  // x = [Q K V]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d; ++c)
      x(i, c) = Q(i, c), x(i, d + c) = K(i, c), x(i, 2 * d + c) = V(i, c);
  for (std::size_t c = 0; c < d; ++c) W_Q(c, c) = 1, W_K(d + c, c) = 1, W_V(2 * d + c, c) = 1;
  page.check_close(Y, attend(x, {W_Q, W_K, W_V}).output,
                   "the attention loops that count products compute what the library computes");
  page.claim("C18-34", page.check_equal(attention_products(2 * n, d), 4 * attention_products(n, d),
                                        "attention: twice the tokens, four times the products"));
  page.claim("C18-34", page.check_equal(recurrent_products(2 * n, d), 2 * recurrent_products(n, d),
                                        "a recurrent net: twice the tokens, twice the products"));
  page.check_equal(attention_products(d, d), recurrent_products(d, d),
                   "attention and a recurrent net take equally many products at n = d");
  const auto direct =
      page.check_equal(path_length(n, n), std::size_t{1},
                       "attention leads from the first token to the last in one step");
  const auto chain =
      page.check_equal(path_length(n, 1), n - 1,
                       "a recurrent net leads from the first token to the last in n - 1 steps");
  page.claim("C18-06", direct);
  page.claim("C18-06", chain);
  page.claim("C18-41", direct);
  page.claim("C18-41",
             page.check_equal(path_length(n, window - 1), (n - 1 + window - 2) / (window - 1),
                              "a window of w tokens leads from the first token to the last in (n - "
                              "1) / (w - 1) steps, rounded up"));

  // A linear recurrent net: the last state is a linear map of all n x d inputs.
  const std::size_t states = 3, inputs = 4, tokens = 6;
  const Matrix U = random_matrix(random, inputs, states);
  const Matrix R = random_matrix(random, states, states, 0.6);
  Matrix map = zeros(tokens * inputs, states);  // [token input, state]
  Matrix power = U;                             // U R^(n-1-t)
  for (std::size_t t = tokens; t-- > 0;) {
    for (std::size_t i = 0; i < inputs; ++i)
      for (std::size_t j = 0; j < states; ++j) map(t * inputs + i, j) = power(i, j);
    power = matmul(power, R);
  }
  Matrix mixed = zeros(tokens * inputs, tokens * inputs);  // [token input, token output]
  const Matrix pattern = softmax_rows(random_matrix(random, tokens, tokens));
  for (std::size_t i = 0; i < tokens; ++i)
    for (std::size_t j = 0; j < tokens; ++j)
      for (std::size_t c = 0; c < inputs; ++c)
        mixed(j * inputs + c, i * inputs + c) = pattern(i, j);
  page.claim("C18-19", page.check_equal(rank(map), states,
                                        "a linear recurrent net of three states passes on three of "
                                        "24 numbers: the rank of its map"));
  page.claim(
      "C18-19",
      page.check_equal(rank(mixed), tokens * inputs,
                       "attention, whose map has full rank, keeps all 24 of 24 numbers at hand"));
}

void along_training(lesson::Page& page) {
  page.step("Along training: loss, entropy, the circuit");
  const Recipe& recipe = find_recipe("induction");
  const std::vector<Example> examples = held_out(recipe, 32, 18);
  const std::vector<std::size_t> steps = {0, 60, 100, 120, 140, 160, 200, 300, 600};
  std::vector<double> x, loss, prefix, lower, upper;
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t step : steps) {
    std::string name = std::to_string(step);
    name = "induction-step-" + std::string(3 - name.size(), '0') + name;
    const Evaluation e = evaluate(lesson::trained_model(step == 600 ? "induction" : name), examples,
                                  {.entropy = true, .threads = lesson::threads});
    const RelationFigures& f = e.relation.at("induction");
    x.push_back(static_cast<double>(step));
    loss.push_back(f.loss);
    prefix.push_back(std::max(f.mass(1, 0), f.mass(1, 1)));
    lower.push_back((e.entropy(0, 0) + e.entropy(0, 1)) / 2);
    upper.push_back((e.entropy(1, 0) + e.entropy(1, 1)) / 2);
    rows.push_back({std::to_string(step), fixed(loss.back()), fixed(prefix.back()),
                    fixed(lower.back()), fixed(upper.back())});
  }
  page.text_table({"step", "loss on repeats", "induction", "entropy, layer 0", "entropy, layer 1"},
                  rows);
  page.line_chart("entropy of the patterns, over that of a uniform head",
                  {{"layer 0", x, lower}, {"layer 1", x, upper}}, {.x_label = "step"});
  page.claim("C18-07", page.check_greater(std::min(lower[0], upper[0]), 0.7,
                                          "untrained, both layers look almost everywhere alike: "
                                          "entropies are over 0.7 of a uniform head's"));
  page.claim(
      "C18-07",
      page.check_less(upper.back(), 0.5,
                      "trained, the upper layer's entropy is less than half of a uniform head's"));
  page.claim("C18-21",
             page.check_greater(
                 upper.front() - upper.back(), 0.3,
                 "the upper layer's entropy falls in training by over 0.3 of a uniform head's"));
  // falls of the loss beside rises of the score, per step
  double mean_fall = 0, mean_rise = 0;
  std::vector<double> fall, rise;
  for (std::size_t i = 1; i < x.size(); ++i) {
    fall.push_back((loss[i - 1] - loss[i]) / (x[i] - x[i - 1]));
    rise.push_back((prefix[i] - prefix[i - 1]) / (x[i] - x[i - 1]));
    mean_fall += fall.back(), mean_rise += rise.back();
  }
  mean_fall /= static_cast<double>(fall.size()), mean_rise /= static_cast<double>(fall.size());
  double both = 0, falls = 0, rises = 0;
  for (std::size_t i = 0; i < fall.size(); ++i) {
    both += (fall[i] - mean_fall) * (rise[i] - mean_rise);
    falls += (fall[i] - mean_fall) * (fall[i] - mean_fall);
    rises += (rise[i] - mean_rise) * (rise[i] - mean_rise);
  }
  page.check_greater(both / std::sqrt(falls * rises), 0.5,
                     "the loss on repeats falls when the induction head appears: both speeds "
                     "correlate by over 0.5");
  const Evaluation one_layer = evaluate(lesson::trained_model("induction-one-layer"), examples,
                                        {.threads = lesson::threads});
  page.check_less(loss.back(), 0.5, "two layers: the loss on repeats falls below one half");
  page.check_greater(one_layer.relation.at("induction").loss, 1.5,
                     "one layer, the control: the loss on repeats stays above one and a half");
}

void tell(lesson::Page& page) {
  gradients(page);
  saturation(page);
  copies(page);
  work(page);
  along_training(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv,
                     {.number = 18,
                      .title = "Attention and training",
                      .models = lesson::use_models({"induction", "induction-one-layer"})},
                     tell);
}
