#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/mechanism/catalogue.hpp>
#include <headlight/mechanism/stages.hpp>
#include <memory>
#include <stdexcept>

namespace headlight {
namespace {

using Settings = MechanismSettings;

std::size_t all_pairs(std::size_t n, const Settings& s) {
  return s.causal ? n * (n + 1) / 2 : n * n;
}

std::size_t log2_of(std::size_t n) {
  std::size_t log = 0;
  while ((std::size_t{2} << log) <= n) ++log;
  return log;
}

// Routing: about sqrt(n) members in about sqrt(n) clusters.
std::size_t members(std::size_t n) {
  return std::size_t{1} << (log2_of(n) / 2);
}

BlockPattern bigbird(std::size_t n, const Settings& s) {
  return bigbird_pattern(n, {.block = s.block,
                             .window = 2,
                             .global = s.global,
                             .random = s.random,
                             .seed = s.seed,
                             .causal = s.causal});
}

BlockPattern longformer(std::size_t n, const Settings& s) {
  std::vector<std::size_t> globals;
  for (std::size_t g = 0; g < std::min(s.global, n); ++g) globals.push_back(g);
  return longformer_pattern(n, s.window, globals, s.causal);
}

template <class T>
MatrixOf<T> some_rows(const MatrixOf<T>& x, std::size_t count) {
  MatrixOf<T> some = MatrixOf<T>::from_shape({count, x.shape(1)});
  std::copy_n(x.data(), some.size(), some.data());
  return some;
}

template <class T>
MatrixOf<T> some_columns(const MatrixOf<T>& x, std::size_t count) {
  MatrixOf<T> some = MatrixOf<T>::from_shape({x.shape(0), count});
  for (std::size_t i = 0; i < x.shape(0); ++i)
    std::copy_n(x.data() + i * x.shape(1), count, some.data() + i * count);
  return some;
}

// A matrix whose product with a vector of unit entries has unit entries too.
template <class T>
MatrixOf<T> drawn(Random& random, std::size_t rows, std::size_t columns) {
  return random_matrix<T>(random, rows, columns, 1 / std::sqrt(static_cast<double>(rows)));
}

template <class T, class Trace>
MechanismRunOf<T> finished(Trace trace, std::string_view id) {
  auto kept = std::make_shared<Trace>(std::move(trace));
  return {kept->output, kept->work,
          [kept, prefix = std::string(id) + "."](const StageVisitorOf<T>& visit) {
            for_each_stage(*kept, prefix, visit);
          }};
}

// One head as a tensor of heads.
template <class T>
Tensor3Of<T> one_head(const MatrixOf<T>& x) {
  Tensor3Of<T> head = Tensor3Of<T>::from_shape({1, x.shape(0), x.shape(1)});
  std::copy(x.begin(), x.end(), head.data());
  return head;
}

template <class T>
FlashTraceOf<T> flash(const MechanismInputOf<T>& x, const Settings& s) {
  FlashTraceOf<T> t;
  t.result = flash_attention(one_head(x.query), one_head(x.key), one_head(x.value),
                             {.causal = s.causal, .query_block = s.tile, .key_block = s.tile},
                             s.record_tiles ? &t.tiles : nullptr);
  t.output = MatrixOf<T>::from_shape({x.query.shape(0), x.value.shape(1)});
  std::copy(t.result.output.begin(), t.result.output.end(), t.output.data());
  t.work = t.result.work;
  return t;
}

template <class T>
HeadsTraceOf<T> several_heads(const MechanismInputOf<T>& x, const Settings& s) {
  const std::size_t d = x.query.shape(1);
  Random random(s.seed);
  MultiHeadWeightsOf<T> w;
  w.n_heads = s.heads;
  w.W_Q = drawn<T>(random, d, d), w.W_K = drawn<T>(random, d, d), w.W_V = drawn<T>(random, d, d);
  w.W_O = drawn<T>(random, d, x.value.shape(1));
  FullOptionsOf<T> options;
  options.causal = s.causal;
  return multi_head_counted(x.query, x.query, w, options);
}

template <class T>
FullTraceOf<T> shaw(const MechanismInputOf<T>& x, const Settings& s) {
  Random random(s.seed);
  RelativeWeightsOf<T> w;
  w.reach = s.reach;
  w.keys = random_matrix<T>(random, 2 * s.reach + 1, x.query.shape(1));
  w.values = random_matrix<T>(random, 2 * s.reach + 1, x.value.shape(1));
  return relative_attention_counted(x.query, x.key, x.value, w, s.causal);
}

template <class T>
DiagonalStateSpaceOf<T> s4d(std::size_t channels, const Settings& s) {
  Random random(s.seed);
  DiagonalStateSpaceOf<T> system;
  system.A = s4d_lin<T>(channels, s.states);
  system.B = system.C = system.A;
  for (auto& b : system.B) b = 1;
  for (auto& c : system.C) c = {static_cast<T>(random.normal()), static_cast<T>(random.normal())};
  system.skip = VectorOf<T>::from_shape({channels});
  std::fill(system.skip.begin(), system.skip.end(), T(1));
  VectorOf<T> step = VectorOf<T>::from_shape({channels});
  std::fill(step.begin(), step.end(), T(0.1));
  return discretise(system, step, Discretisation::zero_order_hold);
}

// Mamba with its input chosen as in attention: keys say how a token enters, queries how it reads,
// and softplus of the value how long a step it takes.
template <class T>
SelectiveTraceOf<T> mamba(const MechanismInputOf<T>& x, const Settings&) {
  SelectiveSystemOf<T> system;
  system.A = s4d_real<T>(x.value.shape(1), x.key.shape(1));
  system.B = x.key, system.C = x.query, system.delta = x.value;
  for (T& step : system.delta)
    step = std::max(step, T(0)) + std::log1p(std::exp(-std::abs(step)));  // softplus
  SelectiveTraceOf<T> t = selective_scan(x.value, system);
  t.work.exponentials += x.value.size();
  return t;
}

template <class T>
RoutingTraceOf<T> routing(const MechanismInputOf<T>& x, const Settings& s) {
  const std::size_t n = x.query.shape(0), n_clusters = (n + members(n) - 1) / members(n);
  return routing_attention(x.query, x.query, x.value,
                           spherical_k_means(x.query, n_clusters, 3, s.seed),
                           {.members = std::min(n, members(n)), .causal = s.causal});
}

template <class T>
TokenMixingTraceOf<T> mixer(const MechanismInputOf<T>& x, const Settings& s) {
  const std::size_t n = x.value.shape(0);
  Random random(s.seed);
  TokenMixingWeightsOf<T> w;
  w.norm.gain = VectorOf<T>::from_shape({x.value.shape(1)});
  std::fill(w.norm.gain.begin(), w.norm.gain.end(), T(1));
  w.mixer.W_in = drawn<T>(random, n, s.hidden), w.mixer.W_out = drawn<T>(random, s.hidden, n);
  w.mixer.activation = Activation::gelu;
  return token_mixing(x.value, w);
}

template <class T>
FullTraceOf<T> full(const MechanismInputOf<T>& x, const Settings& s, double slope) {
  FullOptionsOf<T> options;
  options.causal = s.causal, options.alibi_slope = slope;
  return full_attention(x.query, x.key, x.value, options);
}

Work full_formula(std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
  return {all_pairs(n, s) * (d + v), all_pairs(n, s), n * n};
}

Work pairs_formula(std::size_t pairs, std::size_t d, std::size_t v, std::size_t buffer) {
  return {pairs * (d + v), pairs, buffer};
}

Mask full_cells(std::size_t n, const Settings& s) {
  return s.causal ? causal_mask(n, n) : full_mask(n, n);
}

template <class T>
std::vector<MechanismOf<T>> table() {
  using Input = MechanismInputOf<T>;
  std::vector<MechanismOf<T>> rows;
  const auto add = [&](MechanismOf<T> row) { rows.push_back(std::move(row)); };

  add({"full", "Full self-attention", 1, "O(n^2 d)", "pairs (d + d_v)", Relation::exact, 2, 2,
       [](const Input& x, const Settings& s) { return finished<T>(full(x, s, 0), "full"); },
       full_formula, full_cells});
  add({"multi_head", "Multi-head", 2, "O(h n^2 d/h)", "pairs 2 d + n d (3 d + d_v)",
       Relation::other, 2, 2,
       [](const Input& x, const Settings& s) {
         return finished<T>(several_heads(x, s), "multi_head");
       },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
         return Work{all_pairs(n, s) * 2 * d + n * d * (3 * d + v), s.heads * all_pairs(n, s),
                     s.heads * n * n};
       },
       full_cells});
  add({"local", "Local window", 3, "O(n w d)", "(n w - w (w - 1) / 2) (d + d_v)",
       Relation::restricted, 1, 1,
       [](const Input& x, const Settings& s) {
         return finished<T>(
             local_attention(x.query, x.key, x.value, {.window = s.window, .causal = s.causal}),
             "local");
       },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
         const std::size_t w = s.window;
         return s.causal ? pairs_formula(n * w - w * (w - 1) / 2, d, v, n * w)
                         : pairs_formula(n * (2 * w - 1) - w * (w - 1), d, v, n * (2 * w - 1));
       },
       [](std::size_t n, const Settings& s) {
         return visible_cells(longformer_pattern(n, s.window, {}, s.causal));
       }});
  add({"bigbird", "Sparse (BigBird)", 4, "O(n k d)", "seen pairs (d + d_v)", Relation::restricted,
       1, 1,
       [](const Input& x, const Settings& s) {
         return finished<T>(sparse_attention(x.query, x.key, x.value, bigbird(x.query.shape(0), s)),
                            "bigbird");
       },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
         const std::size_t b = s.block, B = n / b, g = s.global, w = 2, rest = B - g;
         const std::size_t near = std::min(w + s.random, rest);  // rows soon see that many
         std::size_t pairs = (g * B + rest * (g + 2 * w - 1 + s.random) - w * (w - 1)) * b * b;
         if (s.causal) {
           const std::size_t blocks = g * (g + 1) / 2 + rest * (g + near) - near * (near - 1) / 2;
           pairs = (blocks - B) * b * b + B * b * (b + 1) / 2;
         }
         return pairs_formula(pairs, d, v, pairs);
       },
       [](std::size_t n, const Settings& s) { return visible_cells(bigbird(n, s)); }});
  add({"performer",
       "Linear (Performer)",
       5,
       "O(n d^2)",
       "n m (2 d_v + 1) + 2 n d (m + 1)",
       Relation::estimate,
       1,
       1,
       [](const Input& x, const Settings& s) {
         return finished<T>(
             performer_attention(x.query, x.key, x.value,
                                 orthogonal_directions<T>(s.features, x.query.shape(1), s.seed),
                                 s.causal),
             "performer");
       },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
         const std::size_t m = s.features;
         return Work{n * m * (2 * v + 1) + 2 * n * d * (m + 1), 2 * n * m, std::max(n, v) * m};
       },
       {}});
  add({"flash", "FlashAttention", 6, "O(n^2)", "pairs of tiles (d + d_v)", Relation::exact, 2, 1,
       [](const Input& x, const Settings& s) { return finished<T>(flash(x, s), "flash"); },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
         const std::size_t b = s.tile, B = n / b, tiles = s.causal ? B * (B + 1) / 2 : B * B;
         return Work{tiles * b * b * (d + v), all_pairs(n, s) + tiles * b, b * b};
       },
       full_cells});
  add({"cross", "Cross-attention", 7, "O(n_src n_tgt)", "n n_src (d + d_v)", Relation::other, 2, 2,
       [](const Input& x, const Settings&) {
         const std::size_t n_source = x.key.shape(0) / 2;
         return finished<T>(
             full_attention(x.query, some_rows(x.key, n_source), some_rows(x.value, n_source)),
             "cross");
       },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings&) {
         return pairs_formula(n * (n / 2), d, v, n * (n / 2));
       },
       [](std::size_t n, const Settings&) {
         Mask mask = full_mask(n, n);
         for (std::size_t i = 0; i < n; ++i)
           for (std::size_t j = n / 2; j < n; ++j) mask(i, j) = false;
         return mask;
       }});
  add({"relative", "Relative (Shaw)", 8, "O(n^2)", "(pairs + n (2 k + 1)) (d + d_v)",
       Relation::restricted, 2, 2,
       [](const Input& x, const Settings& s) { return finished<T>(shaw(x, s), "relative"); },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
         const std::size_t offsets = 2 * s.reach + 1;
         return Work{(all_pairs(n, s) + n * offsets) * (d + v), all_pairs(n, s),
                     n * std::max(n, offsets)};
       },
       full_cells});
  add({"alibi", "ALiBi", 9, "O(n^2)", "pairs (d + d_v)", Relation::restricted, 2, 2,
       [](const Input& x, const Settings& s) { return finished<T>(full(x, s, s.slope), "alibi"); },
       full_formula, full_cells});
  add({"s4",
       "State space (S4D)",
       10,
       "O(n log n) or O(n)",
       "n d_v (8 N + 1)",
       Relation::other,
       1,
       1,
       [](const Input& x, const Settings& s) {
         return finished<T>(
             state_space(x.value, s4d<T>(x.value.shape(1), s), StateSpaceOrder::recurrence), "s4");
       },
       [](std::size_t n, std::size_t, std::size_t v, const Settings& s) {
         return Work{n * v * (8 * s.states + 1), 0, v * s.states};
       },
       {}});
  add({"s4_fourier",
       "State space by FFT",
       10,
       "O(n log n) or O(n)",
       "6 n d_v log2 n + ...",
       Relation::other,
       1,
       1,
       [](const Input& x, const Settings& s) {
         return finished<T>(
             state_space(x.value, s4d<T>(x.value.shape(1), s), StateSpaceOrder::fourier),
             "s4_fourier");
       },
       [](std::size_t n, std::size_t, std::size_t v, const Settings& s) {
         // three transforms of 2n real numbers as n complex ones, halves apart and together
         const std::size_t fast = 3 * (n / 2 * log2_of(n)) + 2 * (n + 1) + n + (n + 1);
         return Work{4 * v * s.states * (n + 1) + 4 * v * fast + n * v, 0, v * n};
       },
       {}});
  add({"mamba",
       "Mamba",
       10,
       "O(n log n) or O(n)",
       "5 n d_v N",
       Relation::other,
       1,
       1,
       [](const Input& x, const Settings& s) { return finished<T>(mamba(x, s), "mamba"); },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings&) {
         return Work{5 * n * v * d, n * v * (d + 1), v * d};
       },
       {}});
  add({"longformer", "Longformer", 0, "", "seen pairs (d + d_v)", Relation::restricted, 1, 1,
       [](const Input& x, const Settings& s) {
         return finished<T>(
             sparse_attention(x.query, x.key, x.value, longformer(x.query.shape(0), s)),
             "longformer");
       },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
         const std::size_t w = s.window, g = s.global;  // globals are the first tokens, g <= w
         std::size_t pairs = 0;
         if (s.causal) {  // token i sees min(i + 1, w), and of the globals those before its window
           pairs = n * w - w * (w - 1) / 2 + g * (n - w) - g * (g - 1) / 2;
         } else {
           const std::size_t beyond = g * (n - w) - g * (g - 1) / 2;  // globals left of a window
           pairs = n * (2 * w - 1) - w * (w - 1) + 2 * beyond;
         }
         return pairs_formula(pairs, d, v, pairs);
       },
       [](std::size_t n, const Settings& s) { return visible_cells(longformer(n, s)); }});
  add({"linear",
       "Linear (elu + 1)",
       0,
       "",
       "n d (2 d_v + 1)",
       Relation::other,
       1,
       1,
       [](const Input& x, const Settings& s) {
         return finished<T>(
             linear_attention(elu_plus_one(x.query), elu_plus_one(x.key), x.value, s.causal),
             "linear");
       },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings&) {
         return Work{n * d * (2 * v + 1), 0, d * v};
       },
       {}});
  add({"hashing",
       "Reformer",
       0,
       "",
       "rounds n (d b / 2 + 2 chunk (d + d_v)) + ...",
       Relation::other,
       1,
       1,
       [](const Input& x, const Settings& s) {
         return finished<T>(hashing_attention(x.query, x.value,
                                              {.n_buckets = s.buckets,
                                               .n_rounds = s.rounds,
                                               .chunk = s.chunk,
                                               .seed = s.seed,
                                               .causal = s.causal}),
                            "hashing");
       },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
         const std::size_t m = s.chunk, pairs = s.rounds * (n * m + (n - m) * m);
         return Work{
             n * d + s.rounds * n * d * (s.buckets / 2) + pairs * (d + v) + s.rounds * n * v,
             pairs + s.rounds * n, 2 * m};
       },
       {}});
  add({"routing",
       "Routing Transformer",
       0,
       "",
       "about n sqrt(n) (3 d + d_v)",
       Relation::other,
       1.5,
       1.5,
       [](const Input& x, const Settings& s) { return finished<T>(routing(x, s), "routing"); },
       [](std::size_t n, std::size_t d, std::size_t v, const Settings& s) {
         const std::size_t w = members(n), clusters = n / w, pairs = clusters * all_pairs(w, s);
         return Work{2 * n * d * (clusters + 1) + pairs * (d + v), pairs, w};
       },
       {}});
  add({"mixer",
       "MLP-Mixer",
       0,
       "",
       "2 n d_v hidden",
       Relation::other,
       1,
       1,
       [](const Input& x, const Settings& s) { return finished<T>(mixer(x, s), "mixer"); },
       [](std::size_t n, std::size_t, std::size_t v, const Settings& s) {
         return Work{2 * n * v * s.hidden, 0, v * s.hidden};
       },
       {}});
  add({"fourier",
       "FNet",
       0,
       "",
       "2 n d_v (log2 n + log2 d_v)",
       Relation::other,
       1,
       1,
       [](const Input& x, const Settings&) {
         return finished<T>(fourier_mixing(x.value), "fourier");
       },
       [](std::size_t n, std::size_t, std::size_t v, const Settings&) {
         return Work{4 * (n * v * (log2_of(n) + log2_of(v)) / 2), 0, 2 * n * v};
       },
       {}});
  add({"hydra",
       "Hydra",
       0,
       "",
       "4 n d_v",
       Relation::other,
       1,
       1,
       [](const Input& x, const Settings& s) {
         const std::size_t width = x.value.shape(1);
         return finished<T>(hydra_attention(some_columns(x.query, width),
                                            some_columns(x.key, width), x.value, s.causal),
                            "hydra");
       },
       [](std::size_t n, std::size_t, std::size_t v, const Settings&) {
         return Work{4 * n * v, 0, v};
       },
       {}});
  for (MechanismOf<T>& row : rows)
    row.run = [run = std::move(row.run)](const Input& x, const Settings& s) {
      require_shape(x.query.shape() == x.key.shape() && x.value.shape(0) == x.key.shape(0) &&
                        x.value.shape(1) <= x.key.shape(1),
                    "mechanism",
                    "wanted as many keys and values as queries, values not wider, got " +
                        shape_string(x.query) + ", " + shape_string(x.key) + ", " +
                        shape_string(x.value));
      return run(x, s);
    };
  return rows;
}

}  // namespace

template <class T>
const std::vector<MechanismOf<T>>& mechanisms() {
  static const std::vector<MechanismOf<T>> rows = table<T>();
  return rows;
}

template <class T>
const MechanismOf<T>& mechanism(std::string_view id) {
  for (const MechanismOf<T>& row : mechanisms<T>())
    if (row.id == id) return row;
  throw std::out_of_range("mechanism: none is called " + std::string(id));
}

template const std::vector<MechanismOf<double>>& mechanisms();
template const std::vector<MechanismOf<float>>& mechanisms();
template const MechanismOf<double>& mechanism(std::string_view);
template const MechanismOf<float>& mechanism(std::string_view);

}  // namespace headlight
