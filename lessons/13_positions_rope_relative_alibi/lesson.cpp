// Lesson 13: positions: sinusoidal, learned, relative, rotary, ALiBi.   Report, section 13.
// Six tokens in d_model = d_head = 8, so that every matrix fits the page; 8 heads of ALiBi over 64
// and 1024 tokens; T5's 32 buckets over 128 distances; seven trained models "positions-...".
#include <algorithm>
#include <cmath>
#include <complex>
#include <headlight/attention/head.hpp>
#include <headlight/attention/model.hpp>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/random.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/learning/data.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/learned.hpp>
#include <headlight/position/relative.hpp>
#include <headlight/position/rope.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <headlight/position/t5_bias.hpp>
#include <numbers>
#include <tuple>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "support/algebra.hpp"
#include "support/models.hpp"
#include "support/page.hpp"

using namespace headlight;

namespace {

constexpr std::size_t n = 6, d = 8;  // tokens, d_model = d_head
const double root_d = std::sqrt(static_cast<double>(d));

// How far back the last query looks on average.
double mean_distance(const Tensor3& pattern, std::size_t head) {
  const std::size_t last = pattern.shape(2) - 1;
  double distance = 0;
  for (std::size_t j = 0; j <= last; ++j)
    distance += pattern(head, pattern.shape(1) - 1, j) * static_cast<double>(last - j);
  return distance;
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
  const auto moved = [&](const Matrix& a) { return lesson::reordered(a, order); };
  const HeadTrace straight = attend(X, W);
  page.show("A", "query, key", straight.pattern);
  page.check_close(
          attend(moved(X), W).output, moved(straight.output),
          "reordering the tokens reorders the outputs in the same way and changes nothing else")
      .decides("C13-01");
  page.check_differs(straight.pattern, transpose(straight.pattern), 0.1,
                     "the pattern itself is not symmetric: what the report means is equivariance")
      .decides("C13-01");
  page.check_differs(attend(moved(X), W, {.causal = true}).output,
                     moved(attend(X, W, {.causal = true}).output), 0.1,
                     "a causal mask alone already tells tokens apart by their place")
      .controls("C13-01");
  const Matrix P = sinusoidal_positions<double>(n, d);  // [n, d_model]
  page.check_differs(attend(Matrix(moved(X) + P), W).output, moved(attend(Matrix(X + P), W).output),
                     0.1, "so do positions that are added")
      .controls("C13-01");

  page.step("Without positions, a decoder still knows the index");
  Matrix mark = xt::zeros<double>({n, d});                     // [n, d_model]
  Matrix reads_mark = xt::zeros<double>({d, std::size_t{1}});  // [d_model, d_v = 1]
  mark(0, 0) = reads_mark(0, 0) = 1;                           // the first token carries a one
  const Matrix nothing = xt::zeros<double>({d, d});  // [d_model, d_head]: asks for nothing
  const auto read = [&](bool causal) {
    return attend(mark, HeadWeights{nothing, W.W_K, reads_mark}, {.causal = causal}).output;
  };
  Matrix share = xt::zeros<double>({n, std::size_t{1}});  // [n, 1]
  for (std::size_t i = 0; i < n; ++i) share(i, 0) = 1 / static_cast<double>(i + 1);
  page.show("Y", "query, mark", read(true));
  page.check_close(read(true), share,
                   "a causal head without any position code reads the index of its token: 1/(i+1) "
                   "of the first token's mark")
      .decides("C13-39");
  page.check_close(read(false),
                   Matrix(xt::ones<double>({n, std::size_t{1}}) / static_cast<double>(n)),
                   "in an encoder every token reads the same 1/n: there the report is right")
      .controls("C13-39");
}

void absolute(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("Absolute: sines and cosines are added to the embeddings");
  const Matrix P = sinusoidal_positions<double>(n, d);  // [n, d_model]
  const Matrix XP = X + P;                              // [n, d_model]
  page.show("P", "pos, d_model", P);
  Matrix waves = P;  // [n, d_model]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t t = 0; t < d / 2; ++t) {
      const double angle = static_cast<double>(i) / std::pow(10000, 2 * static_cast<double>(t) / d);
      waves(i, 2 * t) = std::sin(angle), waves(i, 2 * t + 1) = std::cos(angle);
    }
  page.check_close(P, waves, "columns 2t and 2t + 1: sine and cosine of i / 10000^(2t/d)")
      .decides("C13-02");
  const Matrix Q = matmul(X, W.W_Q), K = matmul(X, W.W_K);      // [n, d_head], of the content
  const Matrix Q_P = matmul(P, W.W_Q), K_P = matmul(P, W.W_K);  // [n, d_head], of the position
  const Matrix content = matmul(Q, transpose(K));               // [n_query, n_key]
  const Matrix crossed = matmul(Q, transpose(K_P)) + matmul(Q_P, transpose(K));  // [n_query, n_key]
  const Matrix position = matmul(Q_P, transpose(K_P));                           // [n_query, n_key]
  page.check_close(attend(XP, W).raw_scores, Matrix(content + crossed + position),
                   "the score of x + p is content, two crossed terms and position")
      .decides("C13-02");
  page.check_differs(attend(XP, W).raw_scores, Matrix(content + position), 0.1,
                     "without the crossed terms it is not")
      .controls("C13-02");

  const std::size_t long_n = 40, width = 16;
  const Matrix places = sinusoidal_positions<double>(long_n, width);  // [n, d_model]
  const Matrix M3 = sinusoidal_shift<double>(width, 3);               // [d_model, d_model]
  page.check_close(matmul(places, M3), sinusoidal_positions<double>(long_n, width, 3),
                   "one matrix moves every position by three: an offset is linear in sinusoids")
      .decides("C13-13");
  const Matrix products = matmul(places, transpose(places));  // [pos, pos]
  page.check_less(spread_along_diagonals(products), 1e-12, "and p_i . p_j depends on i - j alone")
      .decides("C13-13");
  Random random(page.seed(1302));
  const Matrix learned = random_matrix(random, long_n, width);  // [n, d_model]
  page.check_greater(spread_along_diagonals(matmul(learned, transpose(learned))), 0.1,
                     "those of drawn positions do not")
      .controls("C13-13");

  page.step("Absolute: one signal for all heads, read differently by each");
  const Matrix identity = xt::eye<double>(width);  // [d_model, d_head]
  // Share of queries whose highest score is `back` tokens back, with W_Q = M(shift).
  const auto share_looking = [&](std::size_t back, double shift) {
    const Matrix W_Q = sinusoidal_shift<double>(width, shift);  // [d_model, d_head]
    const Matrix S =
        attend(places, HeadWeights{W_Q, identity, identity}).scores;  // [n_query, n_key]
    double hits = 0;
    for (std::size_t i = back; i < long_n; ++i)
      if (lesson::largest_in_row(S, i) == i - back) hits += 1;
    return hits / static_cast<double>(long_n - back);
  };
  page.check_equal(
          share_looking(1, -1), 1.0,
          "W_Q = M(-1), W_K = 1: this head scores the previous token highest, from every place")
      .decides("C13-21", "C13-37");
  page.check_equal(share_looking(2, -2), 1.0,
                   "W_Q = M(-2) on the same positions: this one looks two back")
      .decides("C13-21", "C13-37");
  page.check_equal(share_looking(1, 0), 0.0, "W_Q = 1: it looks at its own place")
      .controls("C13-21", "C13-37");

  page.step("Absolute: a learned table");
  const Matrix table = random_matrix(random, 2 * n, d);  // [n_context, d_model]
  page.show("W_pos", "pos, d_model", learned_positions(table, n));
  page.check_close(learned_positions(table, 2, 3), Matrix(xt::view(table, xt::range(3, 5))),
                   "position i is row i of the table");
  page.check_refused([&] { learned_positions(table, 2 * n + 1); },
                     "one token more than the table has rows, and there is no answer")
      .controls("C13-47");
}

void shaw(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("Relative, after Shaw: a vector for every offset, on keys and on values");
  const std::size_t reach = 2;
  Random random(page.seed(1303));
  const RelativeWeights a = {reach, random_matrix(random, 2 * reach + 1, d),
                             random_matrix(random, 2 * reach + 1, d)};
  const Matrix Q = matmul(X, W.W_Q), K = matmul(X, W.W_K), V = matmul(X, W.W_V);  // [n, d_head]
  const RelativeTrace t = relative_attention(Q, K, V, a);
  page.show("q.a^K", "query, key", t.position_scores);
  const auto row = [&](std::size_t i, std::size_t j) {  // of offset j - i, clipped to the reach
    return i > j ? reach - std::min(i - j, reach) : reach + std::min(j - i, reach);
  };
  Matrix S = xt::zeros<double>({n, n});  // [n_query, n_key], by the paper's sum
  Matrix Y = xt::zeros<double>({n, d});  // [n, d_head], by the paper's sum
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t c = 0; c < d; ++c)
        S(i, j) += Q(i, c) * (K(j, c) + a.keys(row(i, j), c)) / root_d;
  const Matrix A = softmax_rows(S);  // [n_query, n_key]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t c = 0; c < d; ++c) Y(i, c) += A(i, j) * (V(j, c) + a.values(row(i, j), c));
  page.check_close(t.scores, S, "scores: keys shifted by a^K of j - i, clipped")
      .decides("C13-17", "C13-03");
  page.check_close(t.output, Y, "outputs: values shifted by a^V of j - i too").decides("C13-03");
  const Matrix R = matmul(Q, transpose(a.keys)) / root_d;  // [n_query, 2 reach + 1]
  Matrix gathered = S;                                     // [n_query, n_key]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) gathered(i, j) = R(i, row(i, j));
  page.check_close(t.position_scores, gathered,
                   "a second way: one product q a^K for every offset, then picked")
      .decides("C13-17");
  page.check_greater(spread_along_diagonals(t.position_scores), 0.1,
                     "Shaw's shift is no function of distance alone: it depends on the query")
      .decides("C13-03", "C13-18");
  const Mask causal = causal_mask(n, n);                               // [n_query, n_key]
  const Matrix seen = relative_attention(Q, K, V, a, &causal).output;  // [n, d_head]
  const Matrix last =
      relative_attention(Matrix(xt::view(Q, xt::range(n - 1, n))), K, V, a).output;  // [1, d_head]
  page.check_close(Matrix(xt::view(seen, xt::range(n - 1, n))),
                   Matrix(xt::view(Y, xt::range(n - 1, n))),
                   "masked, the last token sees what it saw");
  page.check_close(
      Matrix(xt::view(seen, xt::range(0, 1))),
      Matrix(xt::view(V, xt::range(0, 1)) + xt::view(a.values, xt::range(reach, reach + 1))),
      "and the first itself alone: its value plus a^V of distance 0");
  page.check_close(last, Matrix(xt::view(Y, xt::range(n - 1, n))),
                   "asked alone, the last query has the offsets of the last");
  const RelativeTrace on_keys = relative_attention(Q, K, V, RelativeWeights{reach, a.keys});
  page.check_close(on_keys.output,
                   matmul(softmax_rows(Matrix(matmul(Q, transpose(K)) / root_d + gathered)), V),
                   "without a^V it is a bias on scores, and no more")
      .controls("C13-03");
}

void t5(lesson::Page& page) {
  page.step("Relative, as in T5: a learned number for every bucket of distances");
  const T5Buckets decoder = {.bidirectional = false};  // 32 buckets, 16 of them exact, up to 128
  // The first distance of every bucket, looking back.
  const auto starts = [](const T5Buckets& buckets) {
    std::vector<std::size_t> first;
    for (std::ptrdiff_t r = 0; r < 200; ++r)
      if (r == 0 || t5_bucket(-r, buckets) != t5_bucket(1 - r, buckets))
        first.push_back(static_cast<std::size_t>(r));
    return first;
  };
  // Bucket e + t of 2 e starts where (r / e)^e reaches (128 / e)^t, here both times e^e: r^e and
  // 2^(e log2 e + t (7 - log2 e)), for 128 is 2^7.
  const auto in_powers = [](std::size_t exact, double log2_exact) {
    std::vector<std::size_t> first;
    for (std::size_t r = 0; r < exact; ++r) first.push_back(r);
    for (std::size_t t = 0; t < exact; ++t) {
      std::size_t r = exact;
      while (std::pow(static_cast<double>(r), static_cast<double>(exact)) <
             std::exp2(log2_exact * static_cast<double>(exact) +
                       (7 - log2_exact) * static_cast<double>(t)))
        ++r;
      first.push_back(r);
    }
    return first;
  };
  Vector shown = Vector::from_shape({32});
  std::ranges::copy(starts(decoder), shown.begin());
  page.show("first distance", "bucket", shown);
  page.check_equal(starts(decoder), in_powers(16, 4),
                   "a decoder's 32 buckets start where (r/16)^16 passes the powers of 8");
  page.check_equal(starts({}), in_powers(8, 3),
                   "an encoder's 16 for earlier keys where (r/8)^8 passes the powers of 16");
  page.check_equal(t5_bucket(7), 16 + t5_bucket(-7), "and later keys have 16 of their own");

  Random random(page.seed(1304));
  const Matrix table = random_matrix(random, 32, 3);  // [n_buckets, n_heads]
  const Tensor3 B = t5_bias(table, n, n, decoder);    // [n_heads, n_query, n_key]
  page.show("B", "head, query, key", B);
  double widest = 0;
  Tensor3 picked = B;  // [n_heads, n_query, n_key]; below 16 a distance is its own bucket
  for (std::size_t h = 0; h < 3; ++h) {
    widest = std::max(widest, spread_along_diagonals(xt::view(B, h)));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) picked(h, i, j) = table(j < i ? i - j : 0, h);
  }
  page.check_equal(widest, 0.0,
                   "T5's shift is a function of distance alone, the same for every content")
      .controls("C13-03", "C13-18");
  page.check_close(B, picked,
                   "the row of the distance, the column of the head: every head has its own bias "
                   "(and all layers of T5 share the table)")
      .decides("C13-19");
  page.check_close(Matrix(xt::view(t5_bias(table, 1, n, decoder), xt::all(), 0)),
                   Matrix(xt::view(picked, xt::all(), n - 1)),
                   "asked alone, the last query has the last row");
  page.check_differs(Matrix(xt::view(B, 0)), Matrix(xt::view(B, 1)), 0.1,
                     "which is not another head's")
      .controls("C13-19");
}

void rotary(lesson::Page& page, const Matrix& X, const HeadWeights& W) {
  page.step("Rotary: queries and keys turn by an angle that grows with their position");
  const Rope pairs = {.pairing = RopePairing::interleaved};  // the paper's: 2t turns with 2t + 1
  const Vector theta = rope_frequencies(d, pairs);           // [d/2], radians a token
  Matrix angle = xt::zeros<double>({n, d / 2});              // [pos, pair]
  for (std::size_t p = 0; p < n; ++p) xt::view(angle, p) = static_cast<double>(p) * theta;
  page.show("theta", "pair", theta);
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
  page.check_close(trace.rotated_query, turned, "Q' is Q, pair by pair turned").decides("C13-04");
  page.check_close(trace.value, matmul(X, W.W_V), "values do not turn").controls("C13-04");
  page.explore(trace);
  page.check_close(Vector(xt::sum(xt::square(trace.rotated_query), {1})),
                   Vector(xt::sum(Q * Q, {1})), "no vector gets longer or shorter");
  page.check_close(rotate(rotate(Q, pairs, 2), pairs, 5), rotate(rotate(Q, pairs, 7), pairs),
                   "turning by 2 tokens and by 5 is turning by 7");

  Matrix closed = xt::zeros<double>({n, n});      // [n_query, n_key]: cosine and sine terms
  Matrix cosines = xt::zeros<double>({n, n});     // [n_query, n_key]: cosine terms alone
  Matrix as_complex = xt::zeros<double>({n, n});  // [n_query, n_key]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t t = 0; t < d / 2; ++t) {
        const double a = angle(i, t) - angle(j, t);  // theta_t (i - j)
        const std::complex<double> q(Q(i, 2 * t), Q(i, 2 * t + 1)), k(K(j, 2 * t), K(j, 2 * t + 1));
        const double along = q.real() * k.real() + q.imag() * k.imag();
        const double across = q.real() * k.imag() - q.imag() * k.real();
        as_complex(i, j) += std::real(q * std::conj(k) * std::polar(1.0, a));
        closed(i, j) += along * std::cos(a) + across * std::sin(a);
        cosines(i, j) += along * std::cos(a);
      }
  page.check_close(trace.raw_scores, closed,
                   "the score is q.k cos(theta(i-j)) plus q x k sin(theta(i-j)), pair by pair")
      .decides("C13-06");
  page.check_close(trace.raw_scores, as_complex,
                   "or Re(q conj(k) e^(i theta(i-j))), a pair read as a complex number")
      .decides("C13-06");
  page.check_differs(cosines, trace.raw_scores, 0.01,
                     "with the cosine alone the scores would be others")
      .controls("C13-06");

  const std::size_t far = 1000;  // the same six tokens again, behind a thousand others
  Random random(page.seed(1306));
  Matrix long_Q = random_matrix(random, far + n, d), long_K = random_matrix(random, far + n, d);
  xt::view(long_Q, xt::range(far, far + n)) = Q, xt::view(long_K, xt::range(far, far + n)) = K;
  const Matrix Q_far = xt::view(rotate(long_Q, pairs), xt::range(far, far + n));  // [n, d_head]
  const Matrix K_far = xt::view(rotate(long_K, pairs), xt::range(far, far + n));  // [n, d_head]
  // 1e-11: sines of large angles
  page.check_close(matmul(Q_far, transpose(K_far)), trace.raw_scores,
                   "a thousand tokens later the scores are the same", 1e-11)
      .decides("C13-07", "C13-40");
  page.check_close(rotate(Q, pairs, far), Q_far,
                   "turning six rows from position 1000 on is turning them in their place");
  const Matrix last =
      attend(Matrix(xt::view(X, xt::range(n - 1, n))), X, W, {.causal = true, .rope = pairs})
          .raw_scores;  // [1, n_key]
  page.check_close(last, Matrix(xt::view(trace.raw_scores, xt::range(n - 1, n))),
                   "asked alone, with all keys kept, the last token turns as the last");
  MultiHeadTrace layer;  // of one head; W_O needs only its shape, for scores are read
  multi_head_attention(Matrix(xt::view(X, xt::range(n - 1, n))), X,
                       MultiHeadWeights{1, W.W_Q, W.W_K, W.W_V, W.W_V},
                       {.causal = true, .rope = pairs}, layer);
  page.check_close(Matrix(xt::view(layer.raw_scores, 0)), last, "in a layer of heads too");
  const auto added = [&](std::size_t first) {  // scores if the first token is at that position
    return attend(Matrix(X + sinusoidal_positions<double>(n, d, first)), W).scores;
  };
  page.check_differs(added(0), added(far), 0.1, "with sinusoids added they are not")
      .controls("C13-07", "C13-40");

  page.step("Rotary: which coordinates pair, how many turn, how fast");
  // Coordinate t turns with t + d/2, as in LLaMA's files.
  const Rope halves = {.pairing = RopePairing::halves};
  const auto columns = [&](const Matrix& a) {
    return transpose(lesson::reordered(transpose(a), pairing_order(d)));
  };
  page.check_close(rotate(columns(Q), halves), columns(rotate(Q, pairs)),
                   "both pairings are one rotation, with the coordinates in another order");
  page.check_differs(rotate(Q, halves), rotate(Q, pairs), 0.1,
                     "without reordering the weights they do not agree");
  const auto part = [](const Matrix& a, std::size_t first) {  // [n, 4], four coordinates
    return Matrix(xt::view(a, xt::all(), xt::range(first, first + 4)));
  };
  for (const Rope& rope : {pairs, halves}) {
    const std::string which = rope.pairing == RopePairing::halves ? "halves" : "neighbours";
    const Matrix partial = rotate(Q, {.pairing = rope.pairing, .dimensions = 4});  // [n, d_head]
    page.check_close(part(partial, 4), part(Q, 4),
                     "with four dimensions turning, the other four stay, pairing " + which);
    page.check_close(part(partial, 0), rotate(part(Q, 0), rope),
                     "and the four turn as a head of width four does, pairing " + which);
  }

  const Rope trained = {}, squeezed = interpolated(trained, 4), ntk = ntk_scaled(trained, d, 4);
  Matrix speeds = xt::zeros<double>({std::size_t{3}, d / 2});  // [scheme, pair]
  xt::view(speeds, 0) = rope_frequencies(d, trained);
  xt::view(speeds, 1) = rope_frequencies(d, squeezed);
  xt::view(speeds, 2) = rope_frequencies(d, ntk);
  page.show("theta, for 4 times the length", "scheme, pair", speeds,
            {{"as trained", "interpolated", "NTK-aware"}, {}});
  const Matrix ones = xt::ones<double>({std::size_t{1}, d});  // [1, d_head]
  page.check_close(rotate(ones, squeezed, 28), rotate(ones, trained, 7),
                   "interpolated four times, position 28 turns as far as 7 did");
  page.check_close(Vector{speeds(2, 0), speeds(2, 3)}, Vector{speeds(0, 0), speeds(0, 3) / 4},
                   "NTK-aware: the fastest pair keeps its speed, the slowest has a quarter of it");

  const std::size_t many = 50000, d_head = 64;
  Matrix hand = xt::zeros<double>({many, d_head});  // [pos, d_head]
  xt::view(hand, xt::all(), 31) = 1;                // the slowest pair, 31 with 63, points ahead
  const Matrix clock = rotate(hand, halves);        // [pos, d_head]
  std::size_t round_after = 0;  // the first token where the hand is past its start
  for (std::size_t p = 1; p < many && round_after == 0; ++p)
    if (clock(p, 63) >= 0 && clock(p - 1, 63) < 0) round_after = p;
  const double wavelength = 2 * std::numbers::pi * std::pow(10000.0, 62.0 / 64.0);
  page.check_equal(round_after, static_cast<std::size_t>(std::ceil(wavelength)),
                   "d_head 64: the slowest pair is round once after 47,117 tokens, as 2 pi "
                   "10000^(62/64) says")
      .decides("C13-45");
}

void alibi(lesson::Page& page) {
  page.step("ALiBi: every head has a slope");
  const Vector m = alibi_slopes<double>(8);  // [head]
  page.show("m", "head", m);
  page.show("B", "head, query, key", alibi_bias<double>(8, n, n));
  const Vector sixteen = alibi_slopes<double>(16);  // [head]
  Vector powers = m, halves = sixteen;              // [head]: powers of 1/2, in steps of 1, of 1/2
  for (std::size_t h = 0; h < 8; ++h) powers(h) = 1 / static_cast<double>(2 << h);
  for (std::size_t h = 0; h < 16; ++h) halves(h) = std::exp2(-0.5 * static_cast<double>(h + 1));
  page.check_close(m, powers, "eight heads: 1/2, 1/4, ... 1/256").decides("C13-24");
  page.check_differs(m, Vector(2 * powers), 0.1, "not 1.0, 0.5, 0.25").controls("C13-24");
  page.check_close(sixteen, halves, "sixteen heads: 2^-0.5, 2^-1, ... 2^-8").decides("C13-24");
  Vector twelve =
      xt::concatenate(xt::xtuple(powers, Vector{halves(0), halves(2), halves(4), halves(6)}));
  page.check_close(alibi_slopes<double>(12), twelve,
                   "twelve: those of eight, then every other one of sixteen");

  page.step("ALiBi: minus slope times distance is added to the score");
  const std::size_t length = 64, heads = 8;
  const Matrix flat = xt::zeros<double>({length, std::size_t{1}});  // content without a preference
  const Matrix W = xt::zeros<double>({std::size_t{1}, heads});      // [1, n_heads]
  const MultiHeadWeights weights = {heads, W, W, W, transpose(W)};
  const Tensor3 bias = alibi_bias<double>(heads, length, length);  // [n_heads, n_query, n_key]
  Tensor3 per_key = bias, by_distance = bias, wrong = bias;        // wrong: the report's sign
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t i = 0; i < length; ++i)
      for (std::size_t j = 0; j < length; ++j) {
        per_key(h, i, j) = m(h) * static_cast<double>(j);
        by_distance(h, i, j) = m(h) * (static_cast<double>(j) - static_cast<double>(i));
        wrong(h, i, j) = -by_distance(h, i, j);
      }
  const auto last_row = [](const Tensor3& b) { return Matrix(xt::view(b, xt::all(), -1)); };
  page.check_close(bias, by_distance, "the bias is m (j - i), zero for the token itself")
      .decides("C13-05");
  page.check_close(last_row(alibi_bias<double>(heads, 1, length)), last_row(by_distance),
                   "asked alone, the last query has the last row")
      .decides("C13-05");
  const auto with = [&](const Tensor3& b) {
    return multi_head_attention(flat, weights, {.causal = true, .bias = &b}).pattern;
  };
  const Tensor3 A = with(bias);  // [n_heads, n_query, n_key]
  page.check_close(A, with(per_key),
                   "the same pattern as adding m j to every key: what a whole row shares drops out "
                   "of the softmax")
      .decides("C13-05");
  page.check_differs(Matrix(xt::view(A, 0)), Matrix(xt::view(A, 7)), 0.1,
                     "and another one for every head")
      .decides("C13-05");
  page.say("The report subtracts m (j - i). A past key has j < i, so that would reward distance:");
  const double right_way = mean_distance(A, 0), wrong_way = mean_distance(with(wrong), 0);
  page.check_less(right_way, 2,
                  "head 0 looks 1.5 tokens back. ALiBi adds m (j - i) (Press et al. 2022, 3)")
      .decides("C13-25");
  page.check_greater(wrong_way, 50, "with the report's sign it would look at the far end")
      .controls("C13-25");
  std::vector<std::string> names;
  std::vector<double> distances;
  std::size_t farther = 0;  // heads that look farther than the one before
  for (std::size_t h = 0; h < heads; ++h) {
    names.push_back("head " + std::to_string(h) + ", slope 1/" + std::to_string(2 << h));
    distances.push_back(mean_distance(A, h));
    if (h > 0 && distances[h] > distances[h - 1]) ++farther;
  }
  page.bars("mean distance of the last query, 64 tokens, flat content", names, distances);
  page.check_equal(
          farther, std::size_t{7},
          "the smaller the slope, the farther a head looks: from the first head to the last")
      .decides("C13-26", "C13-28");
  page.check_close(mean_distance(with(0.0 * bias), 7), 31.5,
                   "without a slope it would look at all 64 alike, 31.5 back")
      .controls("C13-26", "C13-28");

  page.step("ALiBi: how near is near, how even is even");
  const std::size_t wide = 1024;
  const Tensor3 last = alibi_bias<double>(heads, 1, wide);  // [n_heads, 1, n_key], the last query
  const auto pattern_of = [&](std::size_t h) {              // [1, n_key], content flat
    return softmax_rows(Matrix(xt::view(last, h)));
  };
  const Matrix nearest = pattern_of(0), flattest = pattern_of(7);
  double mean_back = 0;  // how far back the flattest head looks, on average
  for (std::size_t j = 0; j < wide; ++j)
    mean_back += flattest(0, j) * static_cast<double>(wide - 1 - j);
  const double q = std::exp(-1.0 / 256);  // the weight one token farther back, relative
  const double r = std::pow(q, wide);     // what a series cut after 1024 terms lacks
  page.check_close(nearest(0, wide - 1) + nearest(0, wide - 2), 1 - std::exp(-1.0),
                   "slope 1/2, flat content: 63% of the mass is on the last two tokens, 1 - 1/e")
      .decides("C13-34");
  // 1e-10: 1024 terms
  page.check_close(mean_back, q / (1 - q) - wide * r / (1 - r),
                   "slope 1/256: the mean distance is that of a geometric series", 1e-10)
      .decides("C13-35");
  page.check_less(
          mean_back, 0.5 * 511.5,
          "236 tokens back on average where even would be 511.5: the flattest head is not even")
      .decides("C13-35");
  // Does position 0 win at distance 100, if content prefers it by `margin`?
  const auto first_wins = [&](double margin) {
    Matrix row = xt::view(alibi_bias<double>(heads, 1, 101), 7);  // [1, n_key]
    row(0, 0) += margin;
    const Matrix pattern = softmax_rows(row);  // [1, n_key]
    return pattern(0, 0) > pattern(0, 100);
  };
  page.check_true(first_wins(0.40),
                  "at distance 100 a score of 0.40 more is enough for position 0 to win in the "
                  "flattest head")
      .decides("C13-41");
  page.check_true(!first_wins(0.38), "0.38 is not: the bias is 100/256 = 0.39").controls("C13-41");

  page.step("ALiBi: no position parameters, and yet an order");
  Random random(page.seed(1305));
  ModelWeights model;
  model.W_E = random_matrix(random, 7, d);  // [vocabulary, d_model]
  model.blocks.resize(1);
  model.blocks[0].attention = lesson::draw_heads(random, 2, d, 1);
  const std::vector<std::size_t> ids = {1, 4, 2, 6, 3}, swapped = {1, 2, 4, 6, 3};
  const auto last_logits = [&](Position position, const std::vector<std::size_t>& tokens) {
    model.position = position;
    return Matrix(
        xt::view(run_model<double>(tokens, model).logits, xt::range(4, 5)));  // [1, vocabulary]
  };
  page.check_close(
          last_logits(Position::none, swapped), last_logits(Position::none, ids),
          "one layer without positions: swapping two past tokens changes nothing at the end")
      .controls("C13-32");
  page.check_differs(last_logits(Position::alibi, swapped), last_logits(Position::alibi, ids), 1e-3,
                     "with ALiBi it does")
      .decides("C13-32");
  model.position = Position::alibi;
  model.blocks.push_back(model.blocks[0]);  // a second layer like the first
  const Tensor3 of_second =
      run_model<double>(ids, model).blocks[1].attention.bias;  // [n_heads, n_query, n_key]
  page.check_equal(of_second == alibi_bias<double>(2, ids.size(), ids.size()), true,
                   "and every layer has it anew");
  // Parameters beyond those of a model without positions.
  const auto learned_about_positions = [](const char* name) {
    return parameter_count(lesson::untrained_model(name)) -
           parameter_count(lesson::untrained_model("positions-none"));
  };
  page.check_equal(
          learned_about_positions("positions-alibi"), std::size_t{0},
          "ALiBi has nothing to learn: a model with it has the parameters of one without positions")
      .decides("C13-27", "C13-30");
  page.check_equal(learned_about_positions("positions-learned"), std::size_t{256 * 32},
                   "a learned table of 256 rows has 8192 more")
      .controls("C13-27", "C13-30");
}

// Mean loss where something repeats, so that it can be known: sequences of `length` tokens.
double loss_at(const ModelWeightsF& model, std::size_t length, std::uint64_t seed) {
  double loss = 0, count = 0;
  for (std::uint64_t sequence = 0; sequence < 24; ++sequence) {
    Random random(1000 * seed + sequence);  // the same beginnings at every length
    const Example e =
        repeated_example({.vocabulary = 24, .n = length, .shortest = 5, .longest = 12}, random);
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
  const Example e =
      repeated_example({.vocabulary = 24, .n = 32, .shortest = 5, .longest = 12}, random);
  for (const BlockTraceOf<float>& block : run_model<float>(e.ids, model).blocks)
    for (std::size_t h = 0; h < 4; ++h) {  // four heads
      double weight = 0;
      for (std::size_t i = back; i < 32; ++i) weight += block.attention.pattern(h, i, i - back);
      best = std::max(best, weight / static_cast<double>(32 - back));
    }
  return best;
}

void beyond_training(lesson::Page& page) {
  page.step("Beyond the trained length: seven small models, trained on 32 tokens");
  page.say(
      "Two layers of four heads learned to continue what repeats; they differ in the position "
      "code only. Chance is ln 24 = 3.18 nats.");
  const std::vector<std::string> codes = {"rope", "alibi", "sinusoidal", "learned",
                                          "none", "t5",    "shaw"};
  const std::vector<double> lengths = {32, 64, 128, 256};
  std::vector<std::vector<std::string>> rows;
  std::vector<render::Series> lines;
  for (const std::string code : {"rope", "alibi", "sinusoidal", "learned", "none", "t5", "shaw",
                                 "rope, interpolated", "rope, NTK-aware"}) {
    const std::string name = "positions-" + code.substr(0, code.find(','));
    ModelWeightsF model = lesson::trained_model(name);
    const Rope trained = model.rope;
    render::Series line{code, lengths, {}};
    std::vector<std::string> row = {code};
    for (const double length : lengths) {
      if (code == "rope, interpolated") model.rope = interpolated(trained, length / 32);
      if (code == "rope, NTK-aware") model.rope = ntk_scaled(trained, 8, length / 32);  // d_head 8
      line.y.push_back(loss_at(model, static_cast<std::size_t>(length), page.seed(1301)));
      row.push_back(render::fixed(line.y.back(), 2));
    }
    row.push_back(render::fixed(loss_at(lesson::untrained_model(name), 32, page.seed(1301)), 2));
    rows.push_back(row);
    lines.push_back(line);
  }
  page.text_table({"code", "loss at 32", "64", "128", "256", "untrained, 32"}, rows);
  page.line_chart("loss where something repeats", {lines.begin(), lines.begin() + 7},
                  {.x_label = "tokens", .y_label = "nats", .log_x = true});
  const auto& [rope, alibi, sinusoidal, learned, none, t5, shaw, interpolated_rope, ntk_rope] =
      std::tie(lines[0], lines[1], lines[2], lines[3], lines[4], lines[5], lines[6], lines[7],
               lines[8]);
  page.check_greater(rope.y[1] / rope.y[0], 3, "rotary: the loss rises steeply at twice the length")
      .decides("C13-14");
  page.check_greater(rope.y[3], 1.5, "and is no better at eight times")
      .decides("C13-42")
      .controls("C13-47");
  page.check_greater(learned.y[3] / learned.y[0], 3,
                     "learned: rows that training never reached say nothing")
      .decides("C13-46");
  page.check_less(alibi.y[3], rope.y[3] / 2,
                  "ALiBi: at eight times the length less than half of rotary's loss")
      .decides("C13-47");
  page.check_less(t5.y[3], 3 * t5.y[0],
                  "T5's buckets: less than three times the loss at eight times the length")
      .decides("C13-47", "T08-06");
  page.check_greater(t5.y[3] / t5.y[1], 1.2, "but it rises from 64 tokens to 256, moderately")
      .decides("C13-47", "T08-06");
  page.check_less(shaw.y[3], 3 * shaw.y[0],
                  "Shaw's vectors: less than three times the loss at eight times the length")
      .decides("C13-47", "T08-06");
  // what the trained models add to the scores of one far query, head 0 of layer 0
  const auto shift = [&](const char* name, std::size_t back) {
    Random random(page.seed(1303));
    const Example e =
        repeated_example({.vocabulary = 24, .n = 256, .shortest = 5, .longest = 12}, random);
    return run_model<float>(e.ids, lesson::trained_model(name))
        .blocks[0]
        .attention.bias(0, 250, 250 - back);
  };
  page.check_equal(
          shift("positions-shaw", 200), shift("positions-shaw", 16),
          "because it is clipped: a key 200 tokens back is shifted as one 16 back, to the last bit")
      .decides("C13-47", "T08-06");
  page.check_true(shift("positions-shaw", 15) != shift("positions-shaw", 16) &&
                      shift("positions-t5", 112) != shift("positions-t5", 113) &&
                      shift("positions-t5", 113) == shift("positions-t5", 200),
                  "nearer ones are told apart; T5 tells distances apart up to 113");
  page.check_less(ntk_rope.y[1], 0.75 * rope.y[1],
                  "NTK-aware scaling helps the rotary model at twice the length, untrained for it");
  page.check_greater(
      interpolated_rope.y[1], rope.y[1],
      "interpolation, which slows the fast pairs too, needs further training: without "
      "it the previous token is no longer found");
  page.check_greater(none.y[0] / alibi.y[0], 2, "without positions the task is hardly learned");

  page.step("Previous-token heads in the trained models");
  std::vector<std::vector<std::string>> heads;
  const std::size_t rope_code = 0, no_code = 4;  // of codes
  std::vector<double> one, two, untrained;       // one back, two back, one back before training
  for (const std::string& code : codes) {
    const ModelWeightsF model = lesson::trained_model("positions-" + code);
    const ModelWeightsF before = lesson::untrained_model("positions-" + code);
    one.push_back(best_head_looking_back(model, 1, page.seed(1302)));
    two.push_back(best_head_looking_back(model, 2, page.seed(1302)));
    untrained.push_back(best_head_looking_back(before, 1, page.seed(1302)));
    heads.push_back({code, render::fixed(one.back(), 2), render::fixed(two.back(), 2),
                     render::fixed(untrained.back(), 2)});
  }
  page.text_table({"code", "one back", "two back", "one back, untrained"}, heads);
  page.check_greater(one[rope_code], 0.6, "rotary: a head for the previous token grew")
      .decides("C13-12");
  page.check_less(two[rope_code], 0.5, "no rotary head looks two back as firmly").decides("C13-12");
  page.check_less(untrained[rope_code], 0.3,
                  "before training there was no head for the previous token")
      .controls("C13-12");
  page.check_less(one[no_code], 0.3, "and without positions none grew").controls("C13-12");
}

void tell(lesson::Page& page) {
  Random random(page.seed(13));
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
  return lesson::run(argc, argv,
                     {.number = 13,
                      .title = "Positions: rotary, relative, ALiBi",
                      .models = lesson::use_models(
                          {"positions-rope", "positions-alibi", "positions-t5", "positions-shaw",
                           "positions-sinusoidal", "positions-learned", "positions-none"})},
                     tell);
}
