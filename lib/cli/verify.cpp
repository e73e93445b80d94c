#include "verify.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

// Nothing of the library is included here: these loops are the other way to the same numbers.

namespace headlight::verify {
namespace {

using Doubles = std::vector<double>;
constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

class Verifier {
 public:
  Verifier(const PlainModel& model, const std::vector<std::size_t>& ids, const Find& find,
           const std::function<bool(const std::string&)>& was_changed, double tolerance)
      : model_(model), ids_(ids), find_(find), was_changed_(was_changed), tolerance_(tolerance) {}

  Verdict run() {
    embeddings();
    for (std::size_t layer = 0; layer < model_.blocks.size(); ++layer) block(layer);
    unembedding();
    return verdict_;
  }

 private:
  // A recorded stage in double; empty when it was not recorded.
  Doubles recorded(const std::string& name) const {
    const Recorded r = find_(name);
    if (!r.values) return {};
    std::size_t count = 1;
    for (const std::size_t size : r.shape) count *= size;
    return Doubles(r.values, r.values + count);
  }

  std::vector<std::size_t> shape(const std::string& name) const { return find_(name).shape; }

  // Compares a recomputed stage with what was recorded. No recomputed numbers: an input was
  // missing.
  void check(const std::string& name, const Doubles& want) {
    const Recorded r = find_(name);
    if (!r.values || was_changed_(name) || !verdict_.agrees) return;
    std::size_t count = 1;
    for (const std::size_t size : r.shape) count *= size;
    if (want.empty()) {
      ++verdict_.without_inputs;
      return;
    }
    ++verdict_.checked;
    double differences = 0, squares = 0, worst = -1;
    std::size_t worst_cell = 0;
    bool same_special = want.size() == count;
    for (std::size_t c = 0; c < count && c < want.size(); ++c) {
      const double got = static_cast<double>(r.values[c]);
      if (std::isfinite(got) && std::isfinite(want[c])) {
        const double difference = std::abs(got - want[c]);
        differences += difference * difference, squares += want[c] * want[c];
        if (same_special && difference > worst) worst = difference, worst_cell = c;
      } else if (!(got == want[c] || (std::isnan(got) && std::isnan(want[c]))) && same_special) {
        same_special = false, worst_cell = c;
      }
    }
    const double relative = std::sqrt(differences) / std::max(std::sqrt(squares), 1e-30);
    const bool agrees = same_special && relative <= tolerance_;
    if (agrees && relative <= verdict_.worst) return;
    verdict_.agrees = agrees;
    verdict_.worst = same_special ? relative : std::numeric_limits<double>::infinity();
    verdict_.stage = name;
    verdict_.got = static_cast<double>(r.values[worst_cell]);
    verdict_.want = worst_cell < want.size() ? want[worst_cell] : 0;
    verdict_.where.assign(r.shape.size(), 0);
    for (std::size_t axis = r.shape.size(); axis-- > 0;) {
      verdict_.where[axis] = worst_cell % r.shape[axis];
      worst_cell /= r.shape[axis];
    }
  }

  // y = x W + b, one dot product a cell. x has rows of W.rows numbers.
  static Doubles affine(const Doubles& x, const Numbers& W, const float* b) {
    if (x.empty()) return {};
    const std::size_t n = x.size() / W.rows;
    Doubles y(n * W.columns);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < W.columns; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k < W.rows; ++k)
          sum += x[i * W.rows + k] * static_cast<double>(W.data[k * W.columns + j]);
        y[i * W.columns + j] = sum + (b ? static_cast<double>(b[j]) : 0.0);
      }
    return y;
  }

  static Doubles sum(const Doubles& a, const Doubles& b) {
    if (a.empty() || b.empty()) return {};
    Doubles c(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) c[i] = a[i] + b[i];
    return c;
  }

  // [n, total] with heads side by side to [heads, skip + n, total / heads]; skipped rows are zero
  static Doubles heads_first(const Doubles& rows, std::size_t total, std::size_t heads,
                             std::size_t skip) {
    const std::size_t n = rows.size() / total, width = total / heads;
    Doubles result(heads * (n + skip) * width, 0.0);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t h = 0; h < heads; ++h)
        for (std::size_t c = 0; c < width; ++c)
          result[(h * (n + skip) + skip + i) * width + c] = rows[i * total + h * width + c];
    return result;
  }

  void embeddings() {
    const std::size_t n = ids_.size(), d = model_.W_E.columns;
    Doubles embed(n * d), position(n * d);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < d; ++j) {
        embed[i * d + j] = static_cast<double>(model_.W_E.data[ids_[i] * d + j]);
        if (model_.position == 'l')
          position[i * d + j] = static_cast<double>(model_.W_pos.data[i * d + j]);
        if (model_.position == 's') {
          const double angle =
              static_cast<double>(i) /
              std::pow(10000.0, static_cast<double>(j / 2 * 2) / static_cast<double>(d));
          position[i * d + j] = j % 2 ? std::cos(angle) : std::sin(angle);
        }
      }
    check("hook_embed", embed);
    check("hook_pos_embed", position);
    Doubles first = recorded("hook_embed");
    if (model_.position == 'l' || model_.position == 's')
      first = sum(first, recorded("hook_pos_embed"));
    residual_ = first;
  }

  void norm(const std::string& name, const Doubles& x, const PlainNorm& w) {
    if (!w.gain) return;
    const std::size_t n = ids_.size(), d = model_.W_E.columns;
    Doubles mean, scale, normalised, output;
    const Doubles recorded_mean = recorded(name + ".hook_mean"),
                  recorded_scale = recorded(name + ".hook_scale");
    const Doubles recorded_normalised = recorded(name + ".hook_normalized");
    for (std::size_t i = 0; i < n && !x.empty(); ++i) {
      double total = 0;
      for (std::size_t j = 0; j < d; ++j) total += x[i * d + j];
      mean.push_back(total / static_cast<double>(d));
      if (!w.is_rms && recorded_mean.empty()) continue;
      const double centre = w.is_rms ? 0 : recorded_mean[i];
      double squares = 0;
      for (std::size_t j = 0; j < d; ++j)
        squares += (x[i * d + j] - centre) * (x[i * d + j] - centre);
      scale.push_back(std::sqrt(squares / static_cast<double>(d) + w.epsilon));
      if (recorded_scale.empty()) continue;
      for (std::size_t j = 0; j < d; ++j)
        normalised.push_back((x[i * d + j] - centre) / recorded_scale[i]);
    }
    for (std::size_t c = 0; c < recorded_normalised.size(); ++c)
      output.push_back(recorded_normalised[c] * static_cast<double>(w.gain[c % d]) +
                       (w.bias ? static_cast<double>(w.bias[c % d]) : 0.0));
    check(name + ".hook_mean", mean);
    check(name + ".hook_scale", scale);
    check(name + ".hook_normalized", normalised);
    check(name + ".hook_out", output);
  }

  static Doubles project(const Doubles& x, const Numbers& W, const float* b, std::size_t heads,
                         std::size_t skip) {
    const Doubles rows = affine(x, W, b);
    return rows.empty() ? rows : heads_first(rows, W.columns, heads, skip);
  }

  Doubles turned(const Doubles& x, std::size_t rows, std::size_t width, std::size_t skip) const {
    Doubles y = x;
    const std::size_t turning = model_.rope_dimensions ? model_.rope_dimensions : width;
    for (std::size_t r = 0; r < x.size() / width; ++r) {
      const std::size_t row = r % rows;
      if (row < skip) continue;
      const double position = static_cast<double>(row - skip) * model_.rope_scale;
      for (std::size_t k = 0; k < turning / 2; ++k) {
        const double angle =
            position /
            std::pow(model_.rope_base, 2.0 * static_cast<double>(k) / static_cast<double>(turning));
        const std::size_t a = model_.rope_interleaved ? 2 * k : k;
        const std::size_t b = model_.rope_interleaved ? 2 * k + 1 : k + turning / 2;
        y[r * width + a] = x[r * width + a] * std::cos(angle) - x[r * width + b] * std::sin(angle);
        y[r * width + b] = x[r * width + a] * std::sin(angle) + x[r * width + b] * std::cos(angle);
      }
    }
    return y;
  }

  // T5's bucket of a key so many tokens back: half of the buckets hold one distance each, the
  // other half grow by the same factor up to max_distance.
  std::size_t bucket(std::size_t distance) const {
    const std::size_t count = model_.relative_bias.rows, exact = count / 2;
    if (distance < exact) return distance;
    std::size_t place = exact;  // the last bucket that begins at this distance or before
    for (std::size_t b = exact + 1; b < count; ++b) {
      const double share = static_cast<double>(b - exact) / static_cast<double>(count - exact);
      const double begins =
          static_cast<double>(exact) *
          std::pow(static_cast<double>(model_.max_distance) / static_cast<double>(exact), share);
      if (static_cast<double>(distance) >= begins - 1e-6) place = b;
    }
    return place;
  }

  // Shaw's row for query i and key j: their offset, no farther than the table reaches.
  static const float* row_of(const Numbers& table, std::size_t i, std::size_t j) {
    const std::size_t reach = table.rows / 2;
    const std::size_t row =
        j >= i ? reach + std::min(j - i, reach) : reach - std::min(i - j, reach);
    return table.data + row * table.columns;
  }

  void attention(const std::string& prefix, const PlainBlock& w, const Doubles& x) {
    const std::string at = prefix + "attn.";
    const std::size_t n = ids_.size(), h = w.n_heads, skip = w.null_key.data ? 1 : 0, m = n + skip;
    const std::size_t d_head = w.W_Q.columns / h, d_value = w.W_V.columns / h;
    Doubles key = project(x, w.W_K, w.b_K, h, skip);
    for (std::size_t head = 0; head < h && skip && !key.empty(); ++head)
      for (std::size_t c = 0; c < d_head; ++c)
        key[head * m * d_head + c] = static_cast<double>(w.null_key.data[head * d_head + c]);
    check(at + "hook_q", project(x, w.W_Q, w.b_Q, h, 0));
    check(at + "hook_k", key);
    check(at + "hook_v", project(x, w.W_V, w.b_V, h, skip));

    const Doubles q = recorded(at + "hook_q"), k = recorded(at + "hook_k");
    Doubles query = q, keys = k;
    if (model_.position == 'r') {
      check(at + "hook_rot_q", q.empty() ? Doubles{} : turned(q, n, d_head, 0));
      check(at + "hook_rot_k", k.empty() ? Doubles{} : turned(k, m, d_head, skip));
      query = recorded(at + "hook_rot_q"), keys = recorded(at + "hook_rot_k");
    }
    Doubles raw;
    if (!query.empty() && !keys.empty() && !q.empty())
      for (std::size_t head = 0; head < h; ++head)
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < m; ++j) {
            const double* a = (j < skip ? q.data() : query.data()) + (head * n + i) * d_head;
            const double* b = keys.data() + (head * m + j) * d_head;
            double dot = 0;
            for (std::size_t c = 0; c < d_head; ++c) dot += a[c] * b[c];
            raw.push_back(dot);
          }
    check(at + "hook_scores_raw", raw);
    Doubles scaled = recorded(at + "hook_scores_raw");
    for (double& score : scaled) score /= std::sqrt(static_cast<double>(d_head));
    check(at + "hook_scores_scaled", scaled);

    Doubles bias, biased = recorded(at + "hook_scores_scaled");
    if (model_.position == 'a') {
      std::size_t power = 1;
      while (2 * power <= h) power *= 2;
      for (std::size_t head = 0; head < h; ++head) {
        const double slope =
            head < power
                ? std::pow(2.0, -8.0 * static_cast<double>(head + 1) / static_cast<double>(power))
                : std::pow(2.0, -4.0 * static_cast<double>(2 * (head - power) + 1) /
                                    static_cast<double>(power));
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < m; ++j)
            bias.push_back(-slope * (static_cast<double>(i) - static_cast<double>(j)));
      }
    }
    for (std::size_t head = 0; head < h && model_.position == 't'; ++head)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j)
          bias.push_back(
              static_cast<double>(model_.relative_bias.data[bucket(j < i ? i - j : 0) * h + head]));
    for (std::size_t head = 0; head < h && model_.position == 'k' && !q.empty(); ++head)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) {
          const float* a = row_of(w.relative_keys, i, j) + head * d_head;
          double dot = 0;
          for (std::size_t c = 0; c < d_head; ++c)
            dot += q[(head * n + i) * d_head + c] * static_cast<double>(a[c]);
          bias.push_back(dot / std::sqrt(static_cast<double>(d_head)));
        }
    check(at + "hook_bias", bias);
    if (model_.position == 'a' || model_.position == 't' || model_.position == 'k')
      biased = sum(biased, recorded(at + "hook_bias"));
    for (std::size_t c = 0; c < biased.size(); ++c)
      if (const std::size_t j = c % m, i = c / m % n; j >= skip && j - skip > i)
        biased[c] = minus_infinity;
    check(at + "hook_attn_scores", biased);
    softmax(at, h * n, m);

    const Doubles pattern = recorded(at + "hook_pattern"), value = recorded(at + "hook_v");
    Doubles z;
    if (!pattern.empty() && !value.empty())
      for (std::size_t head = 0; head < h; ++head)
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t c = 0; c < d_value; ++c) {
            double mixed = 0;  // what has weight zero is not looked at, be it NaN
            for (std::size_t j = 0; j < m; ++j)
              if (const double weight = pattern[(head * n + i) * m + j]; weight != 0)
                mixed += weight * value[(head * m + j) * d_value + c];
            z.push_back(mixed);
          }
    if (w.relative_values.data) {
      Doubles shifts;
      for (std::size_t head = 0; head < h && !pattern.empty(); ++head)
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t c = 0; c < d_value; ++c) {
            double mixed = 0;
            for (std::size_t j = 0; j < n; ++j)
              mixed += pattern[(head * n + i) * n + j] *
                       static_cast<double>(row_of(w.relative_values, i, j)[head * d_value + c]);
            shifts.push_back(mixed);
          }
      check(at + "hook_z_relative", shifts);
      z = sum(z, recorded(at + "hook_z_relative"));
    }
    check(at + "hook_z", z);
    output(prefix, w, d_value);
  }

  void softmax(const std::string& at, std::size_t rows, std::size_t columns) {
    const Doubles masked = recorded(at + "hook_attn_scores");
    const Doubles recorded_max = recorded(at + "hook_softmax_max"),
                  recorded_exp = recorded(at + "hook_softmax_exp");
    const Doubles recorded_sum = recorded(at + "hook_softmax_sum");
    Doubles max, exponentials, total, pattern;
    for (std::size_t r = 0; r < rows; ++r) {
      double top = minus_infinity, weight = 0;
      for (std::size_t j = 0; j < columns; ++j) {
        if (!masked.empty() && masked[r * columns + j] > top) top = masked[r * columns + j];
        if (!masked.empty() && !recorded_max.empty())
          exponentials.push_back(masked[r * columns + j] == minus_infinity
                                     ? 0.0
                                     : std::exp(masked[r * columns + j] - recorded_max[r]));
        if (!recorded_exp.empty()) weight += recorded_exp[r * columns + j];
        if (!recorded_exp.empty() && !recorded_sum.empty())
          pattern.push_back(recorded_sum[r] == 0 ? 0.0
                                                 : recorded_exp[r * columns + j] / recorded_sum[r]);
      }
      if (!masked.empty()) max.push_back(top);
      if (!recorded_exp.empty()) total.push_back(weight);
    }
    check(at + "hook_softmax_max", max);
    check(at + "hook_softmax_exp", exponentials);
    check(at + "hook_softmax_sum", total);
    check(at + "hook_pattern", pattern);
  }

  void output(const std::string& prefix, const PlainBlock& w, std::size_t d_value) {
    const std::string at = prefix + "attn.";
    const std::size_t n = ids_.size(), h = w.n_heads, d = w.W_O.columns;
    const Doubles z = recorded(at + "hook_z");
    Doubles concat(z.size()), result;
    for (std::size_t head = 0; head < h && !z.empty(); ++head)
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t c = 0; c < d_value; ++c)
          concat[i * h * d_value + head * d_value + c] = z[(head * n + i) * d_value + c];
        for (std::size_t j = 0; j < d; ++j) {
          double share = 0;
          for (std::size_t c = 0; c < d_value; ++c)
            share += z[(head * n + i) * d_value + c] *
                     static_cast<double>(w.W_O.data[(head * d_value + c) * d + j]);
          result.push_back(share);
        }
      }
    check(at + "hook_z_concat", concat);
    check(at + "hook_result", result);
    // the output is the heads' shares together: from the recorded shares when they were changed
    const Doubles shares = recorded(at + "hook_result");
    Doubles together;
    if (was_changed_(at + "hook_result") && !shares.empty()) {
      together.assign(n * d, 0.0);
      for (std::size_t c = 0; c < shares.size(); ++c) together[c % (n * d)] += shares[c];
    } else {
      together = affine(recorded(at + "hook_z_concat"), w.W_O, nullptr);
    }
    check(at + "hook_out_nobias", together);
    Doubles with_bias = recorded(at + "hook_out_nobias");
    for (std::size_t c = 0; c < with_bias.size() && w.b_O; ++c)
      with_bias[c] += static_cast<double>(w.b_O[c % d]);
    check(prefix + "hook_attn_out", with_bias);
  }

  static double activated(char kind, double x) {
    if (kind == 'r') return x < 0 ? 0 : x;
    if (kind == 'e') return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    return 0.5 * x *
           (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * std::pow(x, 3))));
  }

  void block(std::size_t layer) {
    const PlainBlock& w = model_.blocks[layer];
    const std::string prefix = "blocks." + std::to_string(layer) + ".";
    check(prefix + "hook_resid_pre", residual_);
    const Doubles pre = recorded(prefix + "hook_resid_pre");
    const bool post1 = w.post_norm && w.norm1.gain, post2 = w.post_norm && w.norm2.gain;
    if (!w.post_norm) norm(prefix + "ln1", pre, w.norm1);
    attention(prefix, w, !w.post_norm && w.norm1.gain ? recorded(prefix + "ln1.hook_out") : pre);
    Doubles mid = sum(pre, recorded(prefix + "hook_attn_out"));
    if (post1) {
      check(prefix + "ln1.hook_in", mid);
      norm(prefix + "ln1", recorded(prefix + "ln1.hook_in"), w.norm1);
      mid = recorded(prefix + "ln1.hook_out");
    }
    if (!w.W_in.data) {
      check(prefix + "hook_resid_post", mid);
    } else {
      check(prefix + "hook_resid_mid", mid);
      const Doubles middle = recorded(prefix + "hook_resid_mid");
      if (!w.post_norm) norm(prefix + "ln2", middle, w.norm2);
      check(prefix + "mlp.hook_pre",
            affine(!w.post_norm && w.norm2.gain ? recorded(prefix + "ln2.hook_out") : middle,
                   w.W_in, w.b_in));
      Doubles post = recorded(prefix + "mlp.hook_pre");
      for (double& u : post) u = activated(w.activation, u);
      check(prefix + "mlp.hook_post", post);
      check(prefix + "hook_mlp_out", affine(recorded(prefix + "mlp.hook_post"), w.W_out, w.b_out));
      Doubles out = sum(middle, recorded(prefix + "hook_mlp_out"));
      if (post2) {
        check(prefix + "ln2.hook_in", out);
        norm(prefix + "ln2", recorded(prefix + "ln2.hook_in"), w.norm2);
        out = recorded(prefix + "ln2.hook_out");
      }
      check(prefix + "hook_resid_post", out);
    }
    residual_ = recorded(prefix + "hook_resid_post");
  }

  void unembedding() {
    norm("ln_final", residual_, model_.norm_final);
    check("unembed.hook_in", model_.norm_final.gain ? recorded("ln_final.hook_out") : residual_);
    const Doubles y = recorded("unembed.hook_in");
    const std::size_t d = model_.W_U.columns, v = model_.W_U.rows;
    Doubles logits;
    for (std::size_t i = 0; i < y.size() / d; ++i)
      for (std::size_t t = 0; t < v; ++t) {
        double dot = 0;
        for (std::size_t j = 0; j < d; ++j)
          dot += y[i * d + j] * static_cast<double>(model_.W_U.data[t * d + j]);
        logits.push_back(dot);
      }
    check("unembed.hook_out", logits);
    Doubles p = recorded("unembed.hook_out");
    for (std::size_t i = 0; i < p.size() / v; ++i) {
      double top = minus_infinity, total = 0;
      for (std::size_t t = 0; t < v; ++t) top = std::max(top, p[i * v + t]);
      for (std::size_t t = 0; t < v; ++t)
        p[i * v + t] = std::exp(p[i * v + t] - top), total += p[i * v + t];
      for (std::size_t t = 0; t < v; ++t) p[i * v + t] /= total;
    }
    check("unembed.hook_probs", p);
  }

  const PlainModel& model_;
  const std::vector<std::size_t>& ids_;
  const Find& find_;
  const std::function<bool(const std::string&)>& was_changed_;
  double tolerance_;
  Doubles residual_;
  Verdict verdict_;
};

}  // namespace

Verdict verify_trace(const PlainModel& model, const std::vector<std::size_t>& ids, const Find& find,
                     const std::function<bool(const std::string&)>& was_changed, double tolerance) {
  return Verifier(model, ids, find, was_changed, tolerance).run();
}

}  // namespace headlight::verify
