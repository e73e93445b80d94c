// Lesson 13: positions: sinusoidal, learned, relative, rotary, ALiBi.   Report, section 13.
// Six tokens in d_model = d_head = 8, so that every matrix fits the page; 8 heads of ALiBi over 64
// and 1024 tokens; T5's 32 buckets over 128 distances.
#include <algorithm>
#include <cmath>
#include <headlight/attention/head.hpp>
#include <headlight/attention/model.hpp>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/random.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/learning/data.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/learned.hpp>
#include <headlight/position/relative.hpp>
#include <headlight/position/rope.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <headlight/position/t5_bias.hpp>
#include <numbers>
#include <span>
#include <tuple>

#include "support/models.hpp"
#include "support/page.hpp"

using namespace headlight;

namespace {

constexpr std::size_t n = 6, d = 8;  // tokens, d_model = d_head

double difference(const Matrix& a, const Matrix& b) {
  return compare(a, b).relative;
}

Matrix plus(const Matrix& a, const Matrix& b) {
  Matrix sum = a;
  for (std::size_t i = 0; i < a.size(); ++i) sum.data()[i] += b.data()[i];
  return sum;
}

Matrix scaled(double factor, const Matrix& a) {
  Matrix product = a;
  for (double& x : product) x *= factor;
  return product;
}

// Rows in another order: row i of the result is row order[i] of the argument.
Matrix reordered(const Matrix& a, const std::vector<std::size_t>& order) {
  Matrix result = a;
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < a.shape(1); ++j) result(i, j) = a(order[i], j);
  return result;
}

Matrix last_rows(const Matrix& a, std::size_t count) {
  Matrix rows = Matrix::from_shape({count, a.shape(1)});
  std::copy(a.end() - static_cast<std::ptrdiff_t>(rows.size()), a.end(), rows.begin());
  return rows;
}

// How far back the last query looks on average.
double mean_distance(const Tensor3& pattern, std::size_t head) {
  const std::size_t last = pattern.shape(2) - 1;
  double distance = 0;
  for (std::size_t j = 0; j <= last; ++j)
    distance += pattern(head, pattern.shape(1) - 1, j) * static_cast<double>(last - j);
  return distance;
}

// The share of queries (after the first `back`) whose largest score is `back` tokens before them.
double share_looking_back(const Matrix& scores, std::size_t back) {
  double hits = 0;
  for (std::size_t i = back; i < scores.shape(0); ++i) {
    std::size_t best = 0;
    for (std::size_t j = 1; j < scores.shape(1); ++j)
      if (scores(i, j) > scores(i, best)) best = j;
    hits += best + back == i ? 1 : 0;
  }
  return hits / static_cast<double>(scores.shape(0) - back);
}

// How much the numbers of one diagonal differ, at most.
double spread_along_diagonals(const Matrix& scores) {
  double widest = 0;
  for (std::size_t i = 1; i < scores.shape(0); ++i)
    for (std::size_t j = 1; j < scores.shape(1); ++j)
      widest = std::max(widest, std::abs(scores(i, j) - scores(i - 1, j - 1)));
  return widest;
}

void without_positions(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("Without positions, order is invisible");
  const std::vector<std::size_t> order = {3, 0, 5, 1, 4, 2};
  const Matrix PX = reordered(X, order);  // [n, d_model]
  const HeadTrace straight = attend(X, W), shuffled = attend(PX, W);
  page.show("A", "query, key", straight.pattern);
  const auto equivariant = page.check_close(
      shuffled.output, reordered(straight.output, order),
      "reordering the tokens reorders the outputs in the same way and changes nothing else");
  const auto not_symmetric = page.check_greater(
      difference(straight.pattern, transpose(straight.pattern)), 0.1,
      "the pattern itself is not symmetric: what the report means is equivariance");
  page.check_greater(difference(attend(PX, W, {.causal = true}).output,
                                reordered(attend(X, W, {.causal = true}).output, order)),
                     0.1, "a causal mask alone already tells tokens apart by their place");
  page.claim("C13-01", equivariant);
  page.claim("C13-01", not_symmetric);

  const Matrix nothing = scaled(0, W.W_Q);    // [d_model, d_head]
  Matrix mark = Matrix::from_shape({n, d});   // the first token carries a one
  Matrix share = Matrix::from_shape({n, 1});  // 1 / (i + 1)
  for (double& x : mark) x = 0;
  mark(0, 0) = 1;
  for (std::size_t i = 0; i < n; ++i) share(i, 0) = 1.0 / static_cast<double>(i + 1);
  Matrix first_column = W.W_V;
  for (std::size_t i = 0; i < d * d; ++i) first_column.data()[i] = i == 0 ? 1 : 0;
  const HeadTrace reader = attend(mark, {nothing, W.W_K, first_column}, {.causal = true});
  Matrix read_out = share;
  for (std::size_t i = 0; i < n; ++i) read_out(i, 0) = reader.output(i, 0);
  page.show("Y", "query, mark", read_out);
  page.claim("C13-39",
             page.check_close(read_out, share,
                              "a causal head without any position code reads the index of its "
                              "token: 1/(i+1) of the first token's mark"));
}

void absolute(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("Absolute: sines and cosines are added to the embeddings");
  const Matrix P = sinusoidal_positions<double>(n, d);  // [n, d_model]
  page.show("P", "pos, d_model", P);
  const Matrix Q = matmul(X, W.W_Q), K = matmul(X, W.W_K);    // [n, d_head]
  const Matrix Qp = matmul(P, W.W_Q), Kp = matmul(P, W.W_K);  // [n, d_head]
  const Matrix content = matmul(Q, transpose(K));             // [n_query, n_key]
  const Matrix crossed = plus(matmul(Q, transpose(Kp)), matmul(Qp, transpose(K)));
  const Matrix position = matmul(Qp, transpose(Kp));  // [n_query, n_key]
  page.claim("C13-02", page.check_close(
                           attend(plus(X, P), W).raw_scores, plus(content, plus(crossed, position)),
                           "the score of x + p is content, two crossed terms and position"));

  const std::size_t long_n = 40, width = 16;
  const Matrix places = sinusoidal_positions<double>(long_n, width);  // [n, d_model]
  const Matrix M3 = sinusoidal_shift<double>(width, 3);               // [d_model, d_model]
  const auto linear = page.check_close(
      matmul(places, M3), sinusoidal_positions<double>(long_n, width, 3),
      "one matrix moves every position by three: an offset is linear in sinusoids");
  page.claim("C13-13", linear);

  page.step("One signal for all heads, read differently by each");
  Matrix identity = Matrix::from_shape({width, width});  // [d_model, d_head]
  for (std::size_t i = 0; i < width * width; ++i) identity.data()[i] = i % (width + 1) ? 0 : 1;
  const Matrix one_back =
      attend(places, {sinusoidal_shift<double>(width, -1), identity, identity}).scores;
  const Matrix two_back =
      attend(places, {sinusoidal_shift<double>(width, -2), identity, identity}).scores;
  const auto previous =
      page.check_equal(share_looking_back(one_back, 1), 1.0,
                       "W_Q = M(-1), W_K = 1: this head scores the previous token "
                       "highest, from every place");
  const auto before =
      page.check_equal(share_looking_back(two_back, 2), 1.0,
                       "W_Q = M(-2) on the same positions: this one looks two back");
  page.claim("C13-21", previous);
  page.claim("C13-21", before);
  page.claim("C13-37", before);

  page.step("Absolute: a learned table");
  Random random(2);
  const Matrix table = random_matrix(random, 2 * n, d);  // [n_context, d_model]
  page.show("W_pos", "pos, d_model", learned_positions(table, n));
  bool refused = false;
  try {
    learned_positions(table, 2 * n + 1);
  } catch (const ShapeError&) {
    refused = true;
  }
  page.check_true(refused, "one token more than the table has rows, and there is no answer");
}

void shaw(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("Relative, after Shaw: a vector for every offset, on keys and on values");
  const std::size_t reach = 2;
  Random random(3);
  const RelativeWeights a = {reach, random_matrix(random, 2 * reach + 1, d),
                             random_matrix(random, 2 * reach + 1, d)};
  const Matrix Q = matmul(X, W.W_Q), K = matmul(X, W.W_K), V = matmul(X, W.W_V);  // [n, d_head]
  const RelativeTrace t = relative_attention(Q, K, V, a);
  page.show("q.a^K", "query, key", t.position_scores);
  Matrix S = t.scores;                                  // [n_query, n_key], by the paper's sum
  Matrix Y = t.output;                                  // [n_query, d_value]
  const auto row = [&](std::size_t i, std::size_t j) {  // offset j - i, clipped to the reach
    return i > j ? reach - std::min(i - j, reach) : reach + std::min(j - i, reach);
  };
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      S(i, j) = 0;
      for (std::size_t c = 0; c < d; ++c) S(i, j) += Q(i, c) * (K(j, c) + a.keys(row(i, j), c));
      S(i, j) /= std::sqrt(static_cast<double>(d));
    }
  const Matrix A = softmax_rows(S);  // [n_query, n_key]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d; ++c) {
      Y(i, c) = 0;
      for (std::size_t j = 0; j < n; ++j) Y(i, c) += A(i, j) * (V(j, c) + a.values(row(i, j), c));
    }
  page.claim("C13-17",
             page.check_close(t.scores, S, "scores: keys shifted by a^K of j - i, clipped"));
  page.claim("C13-03",
             page.check_close(t.output, Y, "outputs: values shifted by a^V of j - i too"));
  const auto by_content =
      page.check_greater(spread_along_diagonals(t.position_scores), 0.1,
                         "Shaw's shift is no function of distance alone: it depends on the query");
  page.claim("C13-03", by_content);
  page.claim("C13-18", by_content);
}

void t5(lesson::Page& page) {
  page.step("Relative, as in T5: a learned number for every bucket of distances");
  const T5Buckets decoder = {.bidirectional = false};  // 32 buckets, 16 of them exact, up to 128
  std::vector<std::size_t> starts, in_powers;
  for (std::ptrdiff_t r = 0; r < 200; ++r)
    if (r == 0 || t5_bucket(-r, decoder) != t5_bucket(1 - r, decoder))
      starts.push_back(static_cast<std::size_t>(r));
  for (std::size_t r = 0; r < 16; ++r) in_powers.push_back(r);
  for (int t = 0; t < 16; ++t) {  // bucket 16 + t starts where (r/16)^16 reaches (128/16)^t
    std::size_t r = 16;
    while (std::pow(static_cast<double>(r), 16) < std::exp2(64 + 3 * t)) ++r;
    in_powers.push_back(r);
  }
  Vector first = Vector::from_shape({starts.size()});
  for (std::size_t b = 0; b < starts.size(); ++b) first(b) = static_cast<double>(starts[b]);
  page.show("first distance", "bucket", first);
  page.check_equal(starts, in_powers, "32 buckets start where (r/16)^16 passes the powers of 8");
  page.check_equal(t5_bucket(7), 16 + t5_bucket(-7),
                   "an encoder keeps later keys in buckets apart");

  Random random(4);
  const Matrix table = random_matrix(random, 32, 3);  // [n_buckets, n_heads]
  const Tensor3 B = t5_bias(table, n, n, decoder);    // [n_heads, n_query, n_key]
  page.show("B", "head, query, key", B);
  double widest = 0, apart = 0;
  for (std::size_t h = 0; h < 3; ++h) {
    Matrix of_head = Matrix::from_shape({n, n});
    for (std::size_t i = 0; i < n * n; ++i) of_head.data()[i] = B.data()[h * n * n + i];
    widest = std::max(widest, spread_along_diagonals(of_head));
  }
  for (std::size_t i = 0; i < n; ++i) apart = std::max(apart, std::abs(B(0, i, 0) - B(1, i, 0)));
  const auto by_distance = page.check_equal(
      widest, 0.0, "T5's shift is a function of distance alone, the same for every content");
  page.claim("C13-18", by_distance);
  page.claim("C13-19", page.check_greater(apart, 0.1,
                                          "every head has its own column of the table (which all "
                                          "layers of T5 share)"));
}

void rotary(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  Random random(6);
  page.step("Rotary: queries and keys turn by an angle that grows with their position");
  const Rope pairs = {.pairing = RopePairing::interleaved};  // the paper's: 2i turns with 2i + 1
  const Vector theta = rope_frequencies(d, pairs);           // [d/2], radians a token
  page.show("theta", "pair", theta);
  Matrix angle = Matrix::from_shape({n, d / 2});  // [pos, pair]
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t t = 0; t < d / 2; ++t) angle(p, t) = static_cast<double>(p) * theta(t);
  page.show("angle", "pos, pair", angle);
  const Matrix Q = matmul(X, W.W_Q), K = matmul(X, W.W_K);  // [n, d_head]
  Matrix turned = Q;                                        // [n, d_head], pair by pair
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t t = 0; t < d / 2; ++t) {
      const double c = std::cos(angle(p, t)), s = std::sin(angle(p, t));
      turned(p, 2 * t) = c * Q(p, 2 * t) - s * Q(p, 2 * t + 1);
      turned(p, 2 * t + 1) = s * Q(p, 2 * t) + c * Q(p, 2 * t + 1);
    }
  const HeadTrace trace = attend(X, W, {.rope = pairs});
  page.claim("C13-04",
             page.check_close(trace.rotated_query, turned, "Q' is Q, pair by pair turned"));
  page.check_close(trace.value, matmul(X, W.W_V), "values do not turn");
  page.explore(trace);

  Matrix cosines = trace.raw_scores, closed = trace.raw_scores;  // [n_query, n_key]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      cosines(i, j) = closed(i, j) = 0;
      for (std::size_t t = 0; t < d / 2; ++t) {
        const double a = angle(i, t) - angle(j, t);  // theta (i - j)
        const double along = Q(i, 2 * t) * K(j, 2 * t) + Q(i, 2 * t + 1) * K(j, 2 * t + 1);
        const double across = Q(i, 2 * t) * K(j, 2 * t + 1) - Q(i, 2 * t + 1) * K(j, 2 * t);
        cosines(i, j) += along * std::cos(a);
        closed(i, j) += along * std::cos(a) + across * std::sin(a);
      }
    }
  const auto both = page.check_close(trace.raw_scores, closed,
                                     "the score is q.k cos(theta(i-j)) plus q x k sin(theta(i-j)), "
                                     "pair by pair");
  page.claim("C13-06", both);
  page.claim("C13-06", page.check_greater(difference(cosines, trace.raw_scores), 0.1,
                                          "with the cosine alone the scores would be others"));

  const std::size_t far = 1000;  // the same six tokens again, behind a thousand others
  Matrix long_Q = random_matrix(random, far + n, d), long_K = random_matrix(random, far + n, d);
  std::copy(Q.begin(), Q.end(), long_Q.begin() + far * d);
  std::copy(K.begin(), K.end(), long_K.begin() + far * d);
  const Matrix Q_far = last_rows(rotate(long_Q, pairs), n),
               K_far = last_rows(rotate(long_K, pairs), n);
  const auto relative = page.check_close(matmul(Q_far, transpose(K_far)), trace.raw_scores,
                                         "a thousand tokens later the scores are the same", 1e-11);
  page.check_close(rotate(Q, pairs, far), Q_far,
                   "turning six rows from position 1000 on is turning them in their place");
  const Matrix here = sinusoidal_positions<double>(n, d),
               there = sinusoidal_positions<double>(n, d, 1000);
  page.check_greater(difference(attend(plus(X, here), W).scores, attend(plus(X, there), W).scores),
                     0.1, "with sinusoids added they are not");
  page.claim("C13-07", relative);
  page.claim("C13-40", relative);

  page.step("Rotary: which coordinates pair, how many turn, how fast");
  const Rope halves = {.pairing =
                           RopePairing::halves};  // i turns with i + d/2, as in LLaMA's files
  const std::vector<std::size_t> order = pairing_order(d);
  const auto columns = [&](const Matrix& a) { return transpose(reordered(transpose(a), order)); };
  page.check_close(rotate(columns(Q), halves), columns(rotate(Q, pairs)),
                   "both pairings are one rotation, with the coordinates in another order");
  page.check_greater(difference(rotate(Q, halves), rotate(Q, pairs)), 0.1,
                     "without reordering the weights they do not agree");
  const Matrix partial = rotate(Q, {.dimensions = 4});  // [n, d_head]
  double untouched = 0;
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t c = 4; c < d; ++c)
      untouched = std::max(untouched, std::abs(partial(p, c) - Q(p, c)));
  page.check_equal(untouched, 0.0, "with four dimensions turning, the other four stay");

  const Rope trained = {}, squeezed = interpolated(trained, 4), ntk = ntk_scaled(trained, d, 4);
  Matrix speeds = Matrix::from_shape({3, d / 2});  // [scheme, pair]
  for (std::size_t t = 0; t < d / 2; ++t) {
    speeds(0, t) = rope_frequencies(d, trained)(t);
    speeds(1, t) = rope_frequencies(d, squeezed)(t);
    speeds(2, t) = rope_frequencies(d, ntk)(t);
  }
  page.show("as trained, interpolated 4 times, NTK-aware 4 times", "scheme, pair", speeds);
  Matrix one = Matrix::from_shape({1, d});
  for (double& x : one) x = 1;
  page.check_close(rotate(one, squeezed, 28), rotate(one, trained, 7),
                   "interpolated four times, position 28 turns as far as 7 did");
  page.check_close(Vector{speeds(2, 0), speeds(2, 3)}, Vector{speeds(0, 0), speeds(0, 3) / 4},
                   "NTK-aware: the fastest pair keeps its speed, the slowest has a quarter of it");

  const std::size_t many = 50000, d_head = 64;
  Matrix hand = Matrix::from_shape({many, d_head});  // the slowest pair of every row points ahead
  for (std::size_t i = 0; i < hand.size(); ++i) hand.data()[i] = i % d_head == 31 ? 1 : 0;
  const Matrix clock = rotate(hand, halves);  // [pos, d_head]
  std::size_t round_after = 0;                // the first token where the hand is past its start
  for (std::size_t p = 1; p < many && round_after == 0; ++p)
    if (clock(p, 63) >= 0 && clock(p - 1, 63) < 0) round_after = p;
  const double wavelength = 2 * std::numbers::pi * std::pow(10000.0, 62.0 / 64.0);
  page.claim("C13-45",
             page.check_equal(round_after, static_cast<std::size_t>(std::ceil(wavelength)),
                              "d_head 64: the slowest pair is round once after 47,117 "
                              "tokens, as 2 pi 10000^(62/64) says"));
}

void alibi(lesson::Page& page) {
  page.step("ALiBi: every head has a slope");
  const Vector m = alibi_slopes<double>(8);  // [head]
  page.show("m", "head", m);
  page.claim("C13-24", page.check_true(m(0) == 0.5 && m(7) == 1.0 / 256,
                                       "eight heads: 1/2, 1/4, ... 1/256; not 1.0, 0.5, 0.25"));
  const Vector twelve = alibi_slopes<double>(12);
  page.show("m of 12 heads", "head", twelve);
  page.check_close(Vector{twelve(8), twelve(9), twelve(10), twelve(11)},
                   Vector{std::exp2(-0.5), std::exp2(-1.5), std::exp2(-2.5), std::exp2(-3.5)},
                   "twelve heads: those of eight, then every other one of sixteen");
  page.show("B", "head, query, key", alibi_bias<double>(8, n, n));

  page.step("ALiBi: minus slope times distance is added to the score");
  const std::size_t length = 64, heads = 8;
  Matrix flat = Matrix::from_shape({length, 1});  // content without a preference: all scores zero
  for (double& x : flat) x = 0;
  const Matrix W = {{0, 0, 0, 0, 0, 0, 0, 0}};
  const MultiHeadWeights weights = {heads, W, W, W, transpose(W)};
  const Tensor3 bias = alibi_bias<double>(heads, length, length);  // [n_heads, n_query, n_key]
  Tensor3 per_key = bias, wrong = bias;
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t i = 0; i < length; ++i)
      for (std::size_t j = 0; j < length; ++j) {
        per_key(h, i, j) = m(h) * static_cast<double>(j);
        wrong(h, i, j) = -m(h) * (static_cast<double>(j) - static_cast<double>(i));
      }
  const auto with = [&](const Tensor3& b) {
    return multi_head_attention(flat, weights, {.causal = true, .bias = &b}).pattern;
  };
  const Tensor3 A = with(bias);  // [n_heads, n_query, n_key]
  page.claim("C13-05", page.check_close(A, with(per_key),
                                        "the same pattern as adding m j to every key: what a whole "
                                        "row shares drops out of the softmax"));
  page.say("The report subtracts m (j - i). A past key has j < i, so that would reward distance:");
  const double right_way = mean_distance(A, 0), wrong_way = mean_distance(with(wrong), 0);
  page.claim("C13-25",
             page.check_less(right_way, wrong_way / 10,
                             "head 0 looks close by; with the report's sign it would look "
                             "at the far end. ALiBi adds m (j - i) (Press et al. 2022, 3)"));
  double steps = 0;
  std::vector<std::string> names;
  std::vector<double> distances;
  for (std::size_t h = 0; h < heads; ++h) {
    names.push_back("head " + std::to_string(h) + ", slope 1/" + std::to_string(2 << h));
    distances.push_back(mean_distance(A, h));
    if (h > 0) steps += distances[h] > distances[h - 1] ? 1 : 0;
  }
  page.bars("mean distance of the last query, 64 tokens, flat content", names, distances);
  const auto ordered =
      page.check_equal(steps, 7.0, "the smaller the slope, the farther a head looks");
  page.claim("C13-26", ordered);
  page.claim("C13-28", ordered);

  page.step("ALiBi: how near is near, how even is even");
  const std::size_t wide = 1024;
  Tensor3 last = alibi_bias<double>(heads, 1, wide);  // [n_heads, 1, n_key], the last query's row
  double near = 0, far = 0;
  for (const std::size_t h : {std::size_t{0}, std::size_t{7}}) {
    Matrix row = Matrix::from_shape({1, wide});
    for (std::size_t j = 0; j < wide; ++j) row(0, j) = last(h, 0, j);
    const Matrix pattern = softmax_rows(row);  // [1, n_key]
    for (std::size_t j = 0; j < wide; ++j) last(h, 0, j) = pattern(0, j);
  }
  near = last(0, 0, wide - 1) + last(0, 0, wide - 2);
  far = mean_distance(last, 7);
  const double q = std::exp(-1.0 / 256), r = std::pow(q, wide);  // a cut geometric series
  page.claim("C13-34",
             page.check_close(near, 1 - std::exp(-1.0),
                              "slope 1/2, flat content: 63% of the mass is on the last two "
                              "tokens, 1 - 1/e"));
  page.check_close(far, q / (1 - q) - wide * r / (1 - r),
                   "slope 1/256: the mean distance is that of a geometric series", 1e-10);
  page.claim("C13-35", page.check_less(far, 0.5 * 511.5,
                                       "236 tokens back on average where even would be 511.5: the "
                                       "flattest head is not even"));
  const auto first_of_101 = [&](double margin) {  // content prefers position 0 by the margin
    Matrix row = Matrix::from_shape({1, 101});
    for (std::size_t j = 0; j < 101; ++j)
      row(0, j) = m(7) * static_cast<double>(j) + (j == 0 ? margin : 0);
    const Matrix pattern = softmax_rows(row);
    return pattern(0, 0) > pattern(0, 100);
  };
  page.claim("C13-41",
             page.check_true(first_of_101(0.40) && !first_of_101(0.38),
                             "at distance 100 a score of 100/256 = 0.39 more is enough for "
                             "position 0 to win in the flattest head"));

  page.step("ALiBi: no position parameters, and yet an order");
  Random random(5);
  ModelWeights model;
  model.W_E = random_matrix(random, 7, d);  // [vocabulary, d_model]
  model.blocks.resize(1);
  model.blocks[0].attention = {2, random_matrix(random, d, d), random_matrix(random, d, d),
                               random_matrix(random, d, d), random_matrix(random, d, d)};
  const std::vector<std::size_t> ids = {1, 4, 2, 6, 3}, swapped = {1, 2, 4, 6, 3};
  const auto change = [&](Position position) {  // of the last logits, when two past tokens swap
    model.position = position;
    const ModelTrace a = run_model<double>(ids, model), b = run_model<double>(swapped, model);
    double most = 0;
    for (std::size_t v = 0; v < 7; ++v)
      most = std::max(most, std::abs(a.logits(4, v) - b.logits(4, v)));
    return most;
  };
  page.check_less(
      change(Position::none), 1e-12,
      "one layer without positions: swapping two past tokens changes nothing at the end");
  const auto order = page.check_greater(change(Position::alibi), 0.01, "with ALiBi it does");
  const std::size_t parameters =
      model.W_pos.size() + run_model<double>(ids, model).pos_embed.size();
  const auto none = page.check_equal(
      parameters, std::size_t{0}, "and there is no table, no embedding, nothing learned about it");
  page.claim("C13-32", order);
  page.claim("C13-27", none);
  page.claim("C13-30", none);
}

// Mean loss where something repeats, so that it can be known: sequences of `length` tokens.
double loss_at(const ModelWeightsF& model, std::size_t length, std::uint64_t seed) {
  Random random(seed);
  double loss = 0, count = 0;
  for (int sequence = 0; sequence < 8; ++sequence) {
    const Example e = repeated_example({24, length, 5, 12}, random);
    const ModelTraceF trace = run_model<float>(e.ids, model, {.record = Record::essential});
    for (const GoldEdge& edge : e.edges)
      if (edge.relation == "induction" && edge.has_answer) {
        loss -=
            std::log(static_cast<double>(trace.probabilities(edge.query, e.targets[edge.query])));
        count += 1;
      }
  }
  return loss / count;
}

// The largest mean weight that a head gives to the token `back` places before.
double best_head_looking_back(const ModelWeightsF& model, std::size_t back, std::uint64_t seed) {
  Random random(seed);
  double best = 0;
  const Example e = repeated_example({24, 32, 5, 12}, random);
  for (const BlockTraceOf<float>& block : run_model<float>(e.ids, model).blocks)
    for (std::size_t h = 0; h < 4; ++h) {
      double weight = 0;
      for (std::size_t i = back; i < 32; ++i) weight += block.attention.pattern(h, i, i - back);
      best = std::max(best, weight / static_cast<double>(32 - back));
    }
  return best;
}

void beyond_training(lesson::Page& page) {
  page.step("Beyond the trained length: five small models, trained on 32 tokens");
  page.say(
      "Two layers of four heads learned to continue what repeats; they differ in the position "
      "code only. Chance is ln 24 = 3.18 nats.");
  const std::vector<std::string> codes = {"rope", "alibi", "sinusoidal", "learned", "none"};
  const std::vector<double> lengths = {32, 64, 128, 256};
  std::vector<std::vector<std::string>> rows;
  std::vector<render::Series> lines;
  for (const std::string code : {"rope", "alibi", "sinusoidal", "learned", "none",
                                 "rope, interpolated", "rope, NTK-aware"}) {
    const std::string name = "positions-" + code.substr(0, code.find(','));
    ModelWeightsF model = lesson::trained_model(name);
    const Rope trained = model.rope;
    render::Series line{code, lengths, {}};
    std::vector<std::string> row = {code};
    for (const double length : lengths) {
      if (code == "rope, interpolated") model.rope = interpolated(trained, length / 32);
      if (code == "rope, NTK-aware") model.rope = ntk_scaled(trained, 8, length / 32);
      line.y.push_back(loss_at(model, static_cast<std::size_t>(length), page.seed(1301)));
      row.push_back(render::fixed(line.y.back(), 2));
    }
    row.push_back(render::fixed(loss_at(lesson::untrained_model(name), 32, 1301), 2));
    rows.push_back(row);
    lines.push_back(line);
  }
  page.text_table({"code", "loss at 32", "64", "128", "256", "untrained, 32"}, rows);
  page.line_chart("loss where something repeats", lines,
                  {.x_label = "tokens", .y_label = "nats", .log_x = true});
  const auto& [rope, alibi, sinusoidal, learned, none] =
      std::tie(lines[0], lines[1], lines[2], lines[3], lines[4]);
  page.claim("C13-14", page.check_greater(rope.y[1] / rope.y[0], 3,
                                          "rotary: the loss rises steeply at twice the length"));
  page.claim("C13-42", page.check_greater(rope.y[3], 1.5, "and is no better at eight times"));
  page.claim("C13-46", page.check_greater(learned.y[3] / learned.y[0], 3,
                                          "learned: rows that training never reached say nothing"));
  page.claim("C13-47",
             page.check_less(alibi.y[3], rope.y[3] / 2,
                             "ALiBi: at eight times the length less than half of rotary's loss"));
  page.check_less(lines[6].y[1], 0.75 * rope.y[1],
                  "NTK-aware scaling helps the rotary model at twice the length, untrained for it");
  page.check_greater(
      lines[5].y[1], rope.y[1],
      "interpolation, which slows the fast pairs too, needs further training: without "
      "it the previous token is no longer found");
  page.check_greater(none.y[0] / alibi.y[0], 2, "without positions the task is hardly learned");

  page.step("Previous-token heads in the trained models");
  std::vector<std::vector<std::string>> heads;
  std::vector<double> one, two;
  for (const std::string& code : codes) {
    const ModelWeightsF model = lesson::trained_model("positions-" + code);
    const ModelWeightsF before = lesson::untrained_model("positions-" + code);
    one.push_back(best_head_looking_back(model, 1, 1302));
    two.push_back(best_head_looking_back(model, 2, 1302));
    heads.push_back({code, render::fixed(one.back(), 2), render::fixed(two.back(), 2),
                     render::fixed(best_head_looking_back(before, 1, 1302), 2)});
  }
  page.text_table({"code", "one back", "two back", "one back, untrained"}, heads);
  page.claim("C13-12",
             page.check_greater(one[0], 0.6, "rotary: a head for the previous token grew"));
  page.claim("C13-12", page.check_less(one[4], 0.3, "without positions none did"));
  page.claim("C13-12", page.check_less(two[0], 0.5, "no rotary head looks two back as firmly"));
}

void tell(lesson::Page& page) {
  Random random(1);
  const Matrix X = random_matrix(random, n, d);  // [n, d_model]
  const HeadWeights W = {random_matrix(random, d, d), random_matrix(random, d, d),
                         random_matrix(random, d, d)};
  without_positions(page, X, W);
  absolute(page, X, W);
  shaw(page, X, W);
  t5(page);
  rotary(page, X, W);
  alibi(page);
  beyond_training(page);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, {.number = 13, .title = "Positions: rotary, relative, ALiBi"},
                     tell);
}
