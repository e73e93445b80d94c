// Lesson 13: positions: sinusoidal, learned, relative, rotary, ALiBi.   Report, section 13.
// Six tokens in d_model = d_head = 8, so that every matrix fits the page; 8 heads of ALiBi over a
// typed text, 64 and 1024 tokens; T5's 32 buckets over 128 distances; seven trained models
// "positions-...".
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
#include <map>
#include <numbers>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "support/algebra.hpp"
#include "support/models.hpp"
#include "support/page.hpp"
#include "support/trained.hpp"

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
  page.say("What the report calls symmetric is equivariance: moved tokens give moved outputs.");
  page.check_close(
          attend(moved(X), W).output, moved(straight.output),
          "without positions, reordering the tokens reorders the outputs and changes nothing else")
      .decides("C13-01");
  page.check_differs(
          straight.pattern, transpose(straight.pattern), 0.1,
          "without positions, the pattern still differs from its transpose: it is not symmetric")
      .decides("C13-01");
  page.check_differs(attend(moved(X), W, {.causal = true}).output,
                     moved(attend(X, W, {.causal = true}).output), 0.1,
                     "with a causal mask, reordering the tokens does more than reorder the outputs")
      .controls("C13-01");
  const Matrix P = sinusoidal_positions<double>(n, d);  // [n, d_model]
  page.check_differs(
          attend(Matrix(moved(X) + P), W).output, moved(attend(Matrix(X + P), W).output), 0.1,
          "with sinusoidal positions, reordering the tokens does more than reorder the outputs")
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
                   "a causal head without positions reads the index i of its token: 1/(i+1) of the "
                   "first token's mark")
      .decides("C13-39");
  page.check_close(
          read(false), Matrix(xt::ones<double>({n, std::size_t{1}}) / static_cast<double>(n)),
          "without the causal mask every token reads the same 1/n of the mark, and no index")
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
  page.check_close(P, waves, "columns 2t and 2t + 1 of P are sine and cosine of i / 10000^(2t/d)")
      .decides("C13-02");
  const Matrix Q = matmul(X, W.W_Q), K = matmul(X, W.W_K);      // [n, d_head], of the content
  const Matrix Q_P = matmul(P, W.W_Q), K_P = matmul(P, W.W_K);  // [n, d_head], of the position
  const Matrix content = matmul(Q, transpose(K));               // [n_query, n_key]
  const Matrix crossed = matmul(Q, transpose(K_P)) + matmul(Q_P, transpose(K));  // [n_query, n_key]
  const Matrix position = matmul(Q_P, transpose(K_P));                           // [n_query, n_key]
  page.check_close(
          attend(XP, W).raw_scores, Matrix(content + crossed + position),
          "the raw score of x + p is a content term plus two crossed terms plus a position term")
      .decides("C13-02");
  page.check_differs(attend(XP, W).raw_scores, Matrix(content + position), 0.1,
                     "the content and position terms alone, without the crossed ones, are not the "
                     "raw score of x + p")
      .controls("C13-02");

  const std::size_t long_n = 40, width = 16;
  const Matrix places = sinusoidal_positions<double>(long_n, width);  // [n, d_model]
  const Matrix M3 = sinusoidal_shift<double>(width, 3);               // [d_model, d_model]
  page.check_close(matmul(places, M3), sinusoidal_positions<double>(long_n, width, 3),
                   "one matrix moves all 40 sinusoidal positions on by three: an offset is linear "
                   "in sinusoids")
      .decides("C13-13");
  const Matrix products = matmul(places, transpose(places));  // [pos, pos]
  page.check_less(spread_along_diagonals(products), 1e-12,
                  "the product p_i . p_j of two sinusoidal positions depends on i - j alone")
      .decides("C13-13");
  Random random(page.seed(1302));
  const Matrix learned = random_matrix(random, long_n, width);  // [n, d_model]
  page.check_greater(spread_along_diagonals(matmul(learned, transpose(learned))), 0.1,
                     "the product of two positions drawn at random does not depend on i - j alone")
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
  page.check_equal(share_looking(1, -1), 1.0,
                   "with a W_Q that shifts positions by -1 and W_K = 1, every query scores the "
                   "token before it highest")
      .decides("C13-21", "C13-37");
  page.check_equal(share_looking(2, -2), 1.0,
                   "with a W_Q that shifts positions by -2 and W_K = 1, every query scores the "
                   "token two back highest")
      .decides("C13-21", "C13-37");
  page.check_equal(share_looking(1, 0), 0.0,
                   "with W_Q = W_K = 1, no query scores the token before it highest")
      .controls("C13-21", "C13-37");

  page.step("Absolute: a learned table");
  const Matrix table = random_matrix(random, 2 * n, d);  // [n_context, d_model]
  page.show("W_pos", "pos, d_model", learned_positions(table, n));
  page.check_close(learned_positions(table, 2, 3), Matrix(xt::view(table, xt::range(3, 5))),
                   "two tokens at positions 3 and 4 get rows 3 and 4 of the learned table");
  page.check_refused([&] { learned_positions(table, 2 * n + 1); },
                     "one token more than the learned table has rows is refused")
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
  page.check_close(
          t.scores, S,
          "Shaw's score is q . (k + a^K) / sqrt(d), with a^K of the offset j - i, clipped to 2")
      .decides("C13-17", "C13-03");
  page.check_close(t.output, Y,
                   "Shaw's output is the weighted sum of v + a^V, with a^V of the offset j - i, "
                   "clipped to 2")
      .decides("C13-03");
  const Matrix R = matmul(Q, transpose(a.keys)) / root_d;  // [n_query, 2 reach + 1]
  Matrix gathered = S;                                     // [n_query, n_key]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) gathered(i, j) = R(i, row(i, j));
  page.check_close(t.position_scores, gathered,
                   "the products q a^K / sqrt(d) of all offsets, picked by j - i, are Shaw's "
                   "position scores")
      .decides("C13-17");
  page.check_greater(spread_along_diagonals(t.position_scores), 0.1,
                     "Shaw's position scores vary at equal distance: they depend on the query too")
      .decides("C13-03", "C13-18");
  const Mask causal = causal_mask(n, n);                               // [n_query, n_key]
  const Matrix seen = relative_attention(Q, K, V, a, &causal).output;  // [n, d_head]
  const Matrix last =
      relative_attention(Matrix(xt::view(Q, xt::range(n - 1, n))), K, V, a).output;  // [1, d_head]
  page.check_close(
      Matrix(xt::view(seen, xt::range(n - 1, n))), Matrix(xt::view(Y, xt::range(n - 1, n))),
      "Shaw's attention gives the last token the same output with a causal mask as without");
  page.check_close(
      Matrix(xt::view(seen, xt::range(0, 1))),
      Matrix(xt::view(V, xt::range(0, 1)) + xt::view(a.values, xt::range(reach, reach + 1))),
      "with a causal mask, Shaw's attention gives the first token its value plus a^V of offset 0");
  page.check_close(
      last, Matrix(xt::view(Y, xt::range(n - 1, n))),
      "Shaw's attention gives the last query, asked alone, the output that it has among all");
  const RelativeTrace on_keys = relative_attention(Q, K, V, RelativeWeights{reach, a.keys});
  page.check_close(on_keys.output,
                   matmul(softmax_rows(Matrix(matmul(Q, transpose(K)) / root_d + gathered)), V),
                   "without a^V, Shaw's attention is a bias on the scores and nothing else")
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
                   "buckets 0 to 15 of a T5 decoder start at 0 to 15, 16 to 31 where (r/16)^16 "
                   "reaches the powers of 8");
  page.check_equal(starts({}), in_powers(8, 3),
                   "a T5 encoder's buckets for earlier keys start at 0 to 7, then where (r/8)^8 "
                   "reaches the powers of 16");
  std::size_t apart = 0;  // distances whose two buckets are not 16 apart
  for (std::ptrdiff_t r = 1; r < 200; ++r)
    if (t5_bucket(r) != 16 + t5_bucket(-r)) ++apart;
  page.check_equal(
      apart, std::size_t{0},
      "in a T5 encoder a key r later has the bucket of a key r earlier, plus 16, for r = 1 to 199");

  Random random(page.seed(1304));
  // One table for all layers of T5.
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
                   "T5's bias is the same along every diagonal: it depends on distance alone")
      .controls("C13-03", "C13-18");
  page.check_close(
          B, picked,
          "T5's bias is the table's entry in the row of the distance and the column of the head")
      .decides("C13-19");
  page.check_close(Matrix(xt::view(t5_bias(table, 1, n, decoder), xt::all(), 0)),
                   Matrix(xt::view(picked, xt::all(), n - 1)),
                   "the last query, asked alone, has the last row of T5's bias");
  page.check_differs(Matrix(xt::view(B, 0)), Matrix(xt::view(B, 1)), 0.1,
                     "the T5 biases of two heads differ")
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
  page.check_close(trace.rotated_query, turned,
                   "Q' is Q with every pair of coordinates turned by the angle of its position")
      .decides("C13-04");
  page.check_close(trace.value, matmul(X, W.W_V), "values do not turn: they are X W_V")
      .controls("C13-04");
  page.explore(trace);
  page.check_close(Vector(xt::sum(xt::square(trace.rotated_query), {1})),
                   Vector(xt::sum(Q * Q, {1})),
                   "turning a query makes it neither longer nor shorter");
  page.check_close(rotate(rotate(Q, pairs, 2), pairs, 5), rotate(rotate(Q, pairs, 7), pairs),
                   "angles add: turning from position 2 on, then from 5 on, is turning from 7 on, "
                   "then from 0 on");

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
  page.check_close(
          trace.raw_scores, closed,
          "the rotary raw score is, pair by pair, q.k cos(theta(i-j)) plus q x k sin(theta(i-j))")
      .decides("C13-06");
  page.check_close(trace.raw_scores, as_complex,
                   "with a pair read as a complex number, the rotary raw score sums Re(q conj(k) "
                   "e^(i theta(i-j)))")
      .decides("C13-06");
  page.check_differs(
          cosines, trace.raw_scores, 0.01,
          "the cosine terms alone, without the sine terms, are not the rotary raw scores")
      .controls("C13-06");

  const std::size_t far = 1000;  // the same six tokens again, behind a thousand others
  Random random(page.seed(1306));
  Matrix long_Q = random_matrix(random, far + n, d), long_K = random_matrix(random, far + n, d);
  xt::view(long_Q, xt::range(far, far + n)) = Q, xt::view(long_K, xt::range(far, far + n)) = K;
  const Matrix Q_far = xt::view(rotate(long_Q, pairs), xt::range(far, far + n));  // [n, d_head]
  const Matrix K_far = xt::view(rotate(long_K, pairs), xt::range(far, far + n));  // [n, d_head]
  // 1e-11: sines of large angles
  page.check_close(matmul(Q_far, transpose(K_far)), trace.raw_scores,
                   "the same six tokens a thousand positions later have the same rotary raw scores",
                   1e-11)
      .decides("C13-07", "C13-40");
  page.check_close(rotate(Q, pairs, far), Q_far,
                   "six queries turned from position 1000 on are those turned in their place "
                   "behind a thousand others");
  const Matrix last =
      attend(Matrix(xt::view(X, xt::range(n - 1, n))), X, W, {.causal = true, .rope = pairs})
          .raw_scores;  // [1, n_key]
  page.check_close(
      last, Matrix(xt::view(trace.raw_scores, xt::range(n - 1, n))),
      "the last query, asked alone with all keys, has the rotary raw scores that it has among all");
  MultiHeadTrace layer;  // of one head; W_O needs only its shape, for scores are read
  multi_head_attention(Matrix(xt::view(X, xt::range(n - 1, n))), X,
                       MultiHeadWeights{1, W.W_Q, W.W_K, W.W_V, W.W_V},
                       {.causal = true, .rope = pairs}, layer);
  page.check_close(Matrix(xt::view(layer.raw_scores, 0)), last,
                   "in a multi-head layer of one head the last query, asked alone, has the same "
                   "rotary raw scores as among all");
  const auto added = [&](std::size_t first) {  // scores if the first token is at that position
    return attend(Matrix(X + sinusoidal_positions<double>(n, d, first)), W).scores;
  };
  page.check_differs(added(0), added(far), 0.1,
                     "with sinusoids added, the scores of the same six tokens a thousand positions "
                     "later are others")
      .controls("C13-07", "C13-40");

  page.step("Rotary: which coordinates pair, how many turn, how fast");
  // Coordinate t turns with t + d/2, as in LLaMA's files.
  const Rope halves = {.pairing = RopePairing::halves};
  const auto columns = [&](const Matrix& a) {
    return transpose(lesson::reordered(transpose(a), pairing_order(d)));
  };
  page.check_close(
      rotate(columns(Q), halves), columns(rotate(Q, pairs)),
      "pairing t with t + d/2 is pairing 2t with 2t + 1, with the coordinates in another order");
  page.check_differs(rotate(Q, halves), rotate(Q, pairs), 0.1,
                     "without reordering the coordinates, the two pairings give different queries");
  const auto part = [](const Matrix& a, std::size_t first) {  // [n, 4], four coordinates
    return Matrix(xt::view(a, xt::all(), xt::range(first, first + 4)));
  };
  for (const Rope& rope : {pairs, halves}) {
    const std::string which = rope.pairing == RopePairing::halves ? "halves" : "neighbours";
    const Matrix partial = rotate(Q, {.pairing = rope.pairing, .dimensions = 4});  // [n, d_head]
    page.check_close(
        part(partial, 4), part(Q, 4),
        "with only four dimensions turning, the other four stay as they were, pairing " + which);
    page.check_close(
        part(partial, 0), rotate(part(Q, 0), rope),
        "with only four dimensions turning, those four turn as in a head of width four, pairing " +
            which);
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
                   "interpolated four times, position 28 turns as far as position 7 did before");
  page.check_close(Vector{speeds(2, 0), speeds(2, 3)}, Vector{speeds(0, 0), speeds(0, 3) / 4},
                   "NTK-aware scaling by four keeps the speed of the fastest pair and quarters "
                   "that of the slowest");

  const std::size_t d_head = 64, step = 500;            // first every 500th token, then each
  Matrix hand = xt::zeros<double>({step + 1, d_head});  // [pos, d_head]
  xt::view(hand, xt::all(), 31) = 1;  // the slowest pair, 31 with 63, points ahead
  const auto back_at_its_start = [&](const Rope& rope, std::size_t first) {
    const Matrix clock = rotate(hand, rope, first);  // [pos, d_head]
    for (std::size_t p = 1; p <= step; ++p)
      if (clock(p, 63) >= 0 && clock(p - 1, 63) < 0) return p;
    return std::size_t{0};
  };
  const std::size_t after = step * (back_at_its_start({.position_scale = 1.0 * step}, 0) - 1);
  const std::size_t round_after = after + back_at_its_start(halves, after);
  const double wavelength = 2 * std::numbers::pi * std::pow(10000.0, 62.0 / 64.0);
  page.check_equal(round_after, static_cast<std::size_t>(std::ceil(wavelength)),
                   "with d_head 64 the slowest pair has gone round once at token 47,118, the first "
                   "after 2 pi 10000^(62/64)")
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
  page.check_close(m, powers, "the ALiBi slopes of eight heads are 1/2, 1/4, ... 1/256")
      .decides("C13-24");
  page.check_differs(m, Vector(2 * powers), 0.1,
                     "the ALiBi slopes of eight heads are not the report's 1, 1/2, 1/4, ...")
      .controls("C13-24");
  page.check_close(sixteen, halves, "the ALiBi slopes of sixteen heads are 2^-0.5, 2^-1, ... 2^-8")
      .decides("C13-24");
  Vector twelve =
      xt::concatenate(xt::xtuple(powers, Vector{halves(0), halves(2), halves(4), halves(6)}));
  page.check_close(alibi_slopes<double>(12), twelve,
                   "the ALiBi slopes of twelve heads are those of eight, then the 1st, 3rd, 5th "
                   "and 7th of sixteen");

  page.step("ALiBi: minus slope times distance is added to the score");
  const std::size_t length = 64, heads = 8;
  const Matrix flat = xt::zeros<double>({length, std::size_t{1}});  // content without a preference
  const Matrix W = xt::zeros<double>({std::size_t{1}, heads});      // [1, n_heads]
  const MultiHeadWeights weights = {heads, W, W, W, transpose(W)};
  const Tensor3 bias = alibi_bias<double>(heads, length, length);  // [n_heads, n_query, n_key]
  Tensor3 by_distance = bias, wrong = bias;                        // wrong: the report's sign
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t i = 0; i < length; ++i)
      for (std::size_t j = 0; j < length; ++j) {
        by_distance(h, i, j) = m(h) * (static_cast<double>(j) - static_cast<double>(i));
        wrong(h, i, j) = -by_distance(h, i, j);
      }
  const auto last_row = [](const Tensor3& b) { return Matrix(xt::view(b, xt::all(), -1)); };
  page.check_close(bias, by_distance, "the ALiBi bias is m (j - i), zero for the token itself")
      .decides("C13-05");
  page.check_close(last_row(alibi_bias<double>(heads, 1, length)), last_row(by_distance),
                   "the last query, asked alone, has the last row of the ALiBi bias")
      .decides("C13-05");

  // The reader's words, with content of their own, under the same eight slopes.
  const std::vector<std::string> words = page.tokens("The cat sat on the mat");
  const Matrix E = lesson::embed_words(words, d);  // [n, d_model]
  Random drawn(page.seed(1307));
  const MultiHeadWeights of_words = lesson::draw_heads(drawn, heads, d, 0.25);
  const Tensor3 near =
      alibi_bias<double>(heads, words.size(), words.size());  // [n_heads, n_query, n_key]
  Tensor3 per_key = near;                                     // [n_heads, n_query, n_key]
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t j = 0; j < words.size(); ++j)
      xt::view(per_key, h, xt::all(), j) = m(h) * static_cast<double>(j);
  const auto looked_at = [&](const Tensor3& b) {  // [n_heads, n_query, n_key]
    return multi_head_attention(E, of_words, {.causal = true, .bias = &b}).pattern;
  };
  const Mask seen = causal_mask(words.size(), words.size());  // [n_query, n_key]
  page.heat_map("head 0, slope 1/2", xt::view(looked_at(near), 0), {words, words}, &seen);
  page.heat_map("head 7, slope 1/256", xt::view(looked_at(near), 7), {words, words}, &seen);
  const Tensor3 none = xt::zeros<double>(near.shape());  // [n_heads, n_query, n_key]
  const auto write_penalties = [&](const StageOf<double>& stage) {
    if (stage.name == "attn.hook_bias") std::copy(near.begin(), near.end(), stage.values.begin());
  };
  const AttentionOptions written = {.causal = true, .bias = &none, .intervention = write_penalties};
  page.check_equal(multi_head_attention(E, of_words, written).pattern == looked_at(near), true,
                   "the ALiBi penalties, written by an intervention into a bias of zeros, give the "
                   "ALiBi pattern bit for bit");
  page.check_close(looked_at(near), looked_at(per_key),
                   "adding m j to every key gives the ALiBi pattern: what a whole row shares drops "
                   "out of the softmax")
      .decides("C13-05");
  const auto with = [&](const Tensor3& b) {  // content flat, 64 tokens
    return multi_head_attention(flat, weights, {.causal = true, .bias = &b}).pattern;
  };
  const Tensor3 A = with(bias);  // [n_heads, n_query, n_key]
  page.check_differs(Matrix(xt::view(A, 0)), Matrix(xt::view(A, 7)), 0.1,
                     "the ALiBi patterns of the first and the last head differ")
      .decides("C13-05");
  page.say(
      "ALiBi adds m (j - i) (Press et al. 2022, 3). The report subtracts it: a past key has j < i, "
      "so that would reward distance.");
  const double right_way = mean_distance(A, 0), wrong_way = mean_distance(with(wrong), 0);
  page.check_less(
          right_way, 2,
          "with slope 1/2 and flat content the last query looks less than 2 tokens back on average")
      .decides("C13-25");
  page.check_greater(wrong_way, 50,
                     "with the report's sign and slope 1/2 the last query looks more than 50 "
                     "tokens back on average")
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
  page.check_equal(farther, std::size_t{7},
                   "with flat content every ALiBi head after the first looks farther back than the "
                   "head before it")
      .decides("C13-26", "C13-28");
  page.check_close(mean_distance(with(0.0 * bias), 7), 31.5,
                   "with slope zero and flat content the last of 64 queries looks 31.5 tokens back "
                   "on average")
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
  page.check_close(
          nearest(0, wide - 1) + nearest(0, wide - 2), 1 - std::exp(-1.0),
          "with slope 1/2 and flat content 1 - 1/e of the weight, 63%, is on the last two tokens")
      .decides("C13-34");
  // 1e-10: 1024 terms
  page.check_close(mean_back, q / (1 - q) - wide * r / (1 - r),
                   "with slope 1/256 and flat content the mean distance is that of a geometric "
                   "series of 1024 terms",
                   1e-10)
      .decides("C13-35");
  page.check_less(mean_back, 0.5 * 511.5,
                  "with slope 1/256 over 1024 tokens the mean distance is less than half of 511.5, "
                  "that of an even head")
      .decides("C13-35");
  // Does position 0 win at distance 100, if content prefers it by `margin`?
  const auto first_wins = [&](double margin) {
    Matrix row = xt::view(alibi_bias<double>(heads, 1, 101), 7);  // [1, n_key]
    row(0, 0) += margin;
    const Matrix pattern = softmax_rows(row);  // [1, n_key]
    return pattern(0, 0) > pattern(0, 100);
  };
  page.check_true(first_wins(0.40),
                  "with slope 1/256 a score of 0.40 more lets position 0 win at distance 100")
      .decides("C13-41");
  page.check_true(!first_wins(0.38),
                  "with slope 1/256 a score of 0.38 more does not let position 0 win at distance "
                  "100, where the bias is 0.39")
      .controls("C13-41");

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
  page.check_close(last_logits(Position::none, swapped), last_logits(Position::none, ids),
                   "in one layer without positions, swapping two past tokens changes nothing for "
                   "the last one")
      .controls("C13-32");
  page.check_differs(
          last_logits(Position::alibi, swapped), last_logits(Position::alibi, ids), 1e-3,
          "in one layer with ALiBi, swapping two past tokens changes the logits of the last one")
      .decides("C13-32");
  model.position = Position::alibi;
  model.blocks.push_back(model.blocks[0]);  // a second layer like the first
  const Tensor3 of_second =
      run_model<double>(ids, model).blocks[1].attention.bias;  // [n_heads, n_query, n_key]
  page.check_equal(of_second == alibi_bias<double>(2, ids.size(), ids.size()), true,
                   "the second layer of a model with ALiBi has the ALiBi bias too");
  // Parameters beyond those of a model without positions.
  const auto learned_about_positions = [](const char* name) {
    return parameter_count(lesson::untrained_model(name)) -
           parameter_count(lesson::untrained_model("positions-none"));
  };
  page.check_equal(learned_about_positions("positions-alibi"), std::size_t{0},
                   "a model with ALiBi has as many parameters as one without positions: ALiBi has "
                   "nothing to learn")
      .decides("C13-27", "C13-30");
  page.check_equal(learned_about_positions("positions-learned"), std::size_t{256 * 32},
                   "a model with a learned table of 256 rows has 8192 parameters more than one "
                   "without positions")
      .controls("C13-27", "C13-30");
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
  std::map<std::string, std::vector<double>> loss;  // of a code, at the four lengths
  std::map<std::string, double> at_first;           // of an untrained model, at 32
  std::map<double, std::vector<Example>> texts;     // of every length
  for (const double length : lengths)
    texts[length] = lesson::repeats(static_cast<std::size_t>(length), 1000 * page.seed(1301));
  for (const std::string code : {"rope", "alibi", "sinusoidal", "learned", "none", "t5", "shaw",
                                 "rope, interpolated", "rope, NTK-aware"}) {
    const std::string name = "positions-" + code.substr(0, code.find(','));
    ModelWeightsF model = lesson::trained_model(name);
    const Rope trained = model.rope;
    render::Series line{code, lengths, {}};
    std::vector<std::string> row = {code};
    for (const double length : lengths) {
      // Interpolation slows the fast pairs too, which tell near tokens apart.
      if (code == "rope, interpolated") model.rope = interpolated(trained, length / 32);
      if (code == "rope, NTK-aware") model.rope = ntk_scaled(trained, 8, length / 32);  // d_head 8
      line.y.push_back(lesson::loss_on_repeats(model, texts.at(length)));
      row.push_back(render::fixed(line.y.back(), 2));
    }
    if (at_first.count(name) == 0)  // the variants of rope began alike
      at_first[name] = lesson::loss_on_repeats(lesson::untrained_model(name), texts.at(32));
    row.push_back(render::fixed(at_first.at(name), 2));
    rows.push_back(row);
    lines.push_back(line);
    loss[code] = line.y;
  }
  page.text_table({"code", "loss at 32", "64", "128", "256", "untrained, 32"}, rows);
  page.line_chart("loss where something repeats", {lines.begin(), lines.begin() + 7},
                  {.x_label = "tokens", .y_label = "nats", .log_x = true});
  const std::size_t at_32 = 0, at_64 = 1, at_256 = 3;  // of lengths
  page.check_greater(
          loss.at("rope")[at_64] / loss.at("rope")[at_32], 3,
          "with rotary positions the loss at 64 tokens is more than 3 times that at the trained 32")
      .decides("C13-14");
  page.check_greater(loss.at("rope")[at_256], 1.5,
                     "with rotary positions the loss at 256 tokens, 8 times the trained length, is "
                     "above 1.5 nats")
      .decides("C13-42")
      .controls("C13-47");
  page.check_greater(
          loss.at("learned")[at_256] / loss.at("learned")[at_32], 3,
          "with a learned table the loss at 256 tokens is more than 3 times that at the trained 32")
      .decides("C13-46");
  page.check_less(
          loss.at("alibi")[at_256], loss.at("rope")[at_256] / 2,
          "with ALiBi the loss at 256 tokens is less than half of that with rotary positions")
      .decides("C13-47");
  page.check_less(
          loss.at("t5")[at_256], 3 * loss.at("t5")[at_32],
          "with T5's buckets the loss at 256 tokens is less than 3 times that at the trained 32")
      .decides("C13-47", "T08-06");
  page.check_greater(loss.at("t5")[at_256] / loss.at("t5")[at_64], 1.2,
                     "with T5's buckets the loss at 256 tokens is more than 1.2 times that at 64")
      .decides("C13-47", "T08-06");
  page.check_less(
          loss.at("shaw")[at_256], 3 * loss.at("shaw")[at_32],
          "with Shaw's vectors the loss at 256 tokens is less than 3 times that at the trained 32")
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
  page.check_equal(shift("positions-shaw", 200), shift("positions-shaw", 16),
                   "in the trained Shaw model a key 200 tokens back is shifted as one 16 back, to "
                   "the last bit")
      .decides("C13-47", "T08-06");
  page.check_true(shift("positions-shaw", 15) != shift("positions-shaw", 16) &&
                      shift("positions-t5", 112) != shift("positions-t5", 113) &&
                      shift("positions-t5", 113) == shift("positions-t5", 200),
                  "Shaw's shifts 15 and 16 back differ, and T5's 112 and 113 back, but T5's 113 "
                  "and 200 back are equal");
  page.check_less(loss.at("rope, NTK-aware")[at_64], 0.75 * loss.at("rope")[at_64],
                  "at 64 tokens NTK-aware scaling takes more than a quarter off the rotary loss, "
                  "without further training");
  page.check_greater(
      loss.at("rope, interpolated")[at_64], loss.at("rope")[at_64],
      "at 64 tokens interpolation without further training makes the rotary loss greater");
  page.check_greater(loss.at("none")[at_32] / loss.at("alibi")[at_32], 2,
                     "without positions the loss at 32 tokens is more than twice that with ALiBi");

  page.step("Previous-token heads in the trained models");
  std::vector<std::vector<std::string>> heads;
  // The best head's weight one back, two back, and one back before training; by code.
  std::map<std::string, double> one, two, untrained;
  for (const std::string& code : codes) {
    const ModelWeightsF model = lesson::trained_model("positions-" + code);
    const ModelWeightsF before = lesson::untrained_model("positions-" + code);
    one[code] = best_head_looking_back(model, 1, page.seed(1302));
    two[code] = best_head_looking_back(model, 2, page.seed(1302));
    untrained[code] = best_head_looking_back(before, 1, page.seed(1302));
    heads.push_back({code, render::fixed(one[code], 2), render::fixed(two[code], 2),
                     render::fixed(untrained[code], 2)});
  }
  page.text_table({"code", "one back", "two back", "one back, untrained"}, heads);
  page.check_greater(
          one.at("rope"), 0.6,
          "in the trained rotary model a head gives over 0.6 of its weight to the previous token")
      .decides("C13-12");
  page.check_less(
          two.at("rope"), 0.5,
          "in the trained rotary model no head gives half of its weight to the token two back")
      .decides("C13-12");
  page.check_less(
          untrained.at("rope"), 0.3,
          "in the untrained rotary model no head gives 0.3 of its weight to the previous token")
      .controls("C13-12");
  page.check_less(one.at("none"), 0.3,
                  "in the trained model without positions no head gives 0.3 of its weight to the "
                  "previous token")
      .controls("C13-12");
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
