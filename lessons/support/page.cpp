#include "support/page.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <headlight/core/random.hpp>
#include <headlight/file/trace_file.hpp>
#include <headlight/render/heatmap.hpp>
#include <headlight/render/json.hpp>
#include <headlight/render/svg.hpp>
#include <headlight/render/table.hpp>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>
#include <xtensor/xview.hpp>

#include "support/claims.hpp"

namespace lesson {

using namespace headlight;
using namespace headlight::render;

namespace {

// Words broken into lines of the width, the first one after `first`, the others after `others`.
std::string wrapped(std::string_view words, std::size_t width, const std::string& first,
                    const std::string& others) {
  std::string out, line = first;
  bool empty = true;
  std::istringstream in{std::string(words)};
  for (std::string word; in >> word;) {
    if (!empty && display_width(line) + 1 + display_width(word) > width) {
      out += line + '\n';
      line = others, empty = true;
    }
    line += (empty ? "" : " ") + word;
    empty = false;
  }
  return out + line + '\n';
}

std::string list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? "," : "") + item;
  return out + ']';
}

std::vector<std::string> quoted(const std::vector<std::string>& items) {
  std::vector<std::string> out;
  for (const std::string& item : items) out.push_back(json_string(item));
  return out;
}

// A figure as printed, as JSON: a number where it is one.
std::string figure(const std::string& printed) {
  char* end = nullptr;
  const double value = std::strtod(printed.c_str(), &end);
  if (end == printed.c_str() || *end != '\0') return json_string(printed);
  return json_number(value);
}

// What the report's letters stand for.
std::string name_of(std::string_view symbol) {
  static const std::map<std::string_view, std::string_view> names = {
      {"X", "what comes in: one row a token"},
      {"Q", "queries"},
      {"K", "keys"},
      {"V", "values"},
      {"Q K^T", "raw scores"},
      {"S", "scores, scaled"},
      {"S masked", "scores with the hidden ones at -inf"},
      {"A", "the pattern: weights, rows sum to one"},
      {"Y", "what the head gives: values, mixed"},
      {"Y W_O", "what the head writes to the residual stream"},
      {"x + Y W_O", "the residual stream after it"},
      {"z", "the heads side by side"},
      {"Z", "what the layer gives"},
      {"concat", "the heads side by side"},
      {"P", "positions"},
      {"W_pos", "learned positions"},
      {"B", "bias, added to the scores"},
      {"m", "slopes"},
      {"theta", "radians a token"},
      {"angle", "radians"},
      {"q.a^K", "scores from positions"},
  };
  const auto found = names.find(symbol);
  return found == names.end() ? "" : std::string(found->second);
}

std::string plain(std::string_view words, bool ascii) {  // for lines that may not be shortened
  return shorten(words, static_cast<std::size_t>(-1), ascii);
}

}  // namespace

Page::Page(About about, Settings settings)
    : about_(std::move(about)), settings_(std::move(settings)) {
  const std::string title = "Lesson " + std::to_string(about_.number) + ": " + about_.title;
  html_.title = title;
  html_.sections.push_back({"Beginning", {}});
  if (!settings_.quiet) put(title + '\n' + std::string(display_width(title), '=') + '\n');
}

void Page::put(const std::string& lines) const {
  if (!settings_.silent) std::cout << lines;
}

void Page::step(std::string_view title) {
  if (settings_.pause && steps_ > 0) {
    std::cout << std::flush;
    std::cerr << "Enter shows the next step" << std::flush;
    std::string line;
    if (!std::getline(std::cin, line)) settings_.pause = false;  // nobody answers any more
  }
  if (steps_++ == 0 && html_.sections.front().parts.empty()) html_.sections.clear();
  html_.sections.push_back({std::string(title), {}});
  if (!settings_.quiet)
    put('\n' + wrapped(title, settings_.look.width, std::to_string(steps_) + ". ", "   ") + '\n');
}

void Page::say(std::string_view words) {
  html_.sections.back().parts.push_back(HtmlText{std::string(words)});
  if (!settings_.quiet)
    put(wrapped(plain(words, settings_.look.ascii), settings_.look.width, "  ", "  "));
}

void Page::show_numbers(std::string_view symbol, std::string_view axes, std::vector<double> values,
                        std::vector<std::size_t> shape, const Labels& labels, bool is_mask) {
  std::vector<std::string> names = axis_names(axes);
  if (names.size() != shape.size())
    throw std::logic_error("the stage " + std::string(symbol) + " of shape " + shape_string(shape) +
                           " has the axes " + std::string(axes));
  if (!settings_.quiet) {
    std::string sizes;
    for (std::size_t a = 0; a < names.size(); ++a)
      sizes += (a > 0 ? ", " : "") + names[a] + ' ' + std::to_string(shape[a]);
    const std::string name = name_of(symbol);
    put("  " + std::string(symbol) + (name.empty() ? "" : ", " + name) + "  [" + sizes + "]\n");
    put(table(values, shape,
              {.look = settings_.look,
               .decimals = is_mask ? std::size_t{0} : std::size_t{4},
               .row_labels = labels.rows,
               .column_labels = labels.columns,
               .slice_name = names.empty() ? std::string("head") : names.front()}) +
        '\n');
  }
  HtmlStage stage{std::string(symbol), name_of(symbol), std::move(names), std::move(shape),
                  std::move(values),   labels.rows,     labels.columns};
  stages_.push_back({stage, html_.sections.back().title, std::string(axes), is_mask});
  html_.sections.back().parts.push_back(std::move(stage));
}

void Page::heat_map(std::string_view title, const Matrix& values, const Labels& labels,
                    const Mask* mask) {
  if (!settings_.quiet)
    put("  " + std::string(title) + '\n' +
        heatmap(
            values, mask,
            {.look = settings_.look, .row_labels = labels.rows, .column_labels = labels.columns}) +
        '\n');
  const std::string name(title);
  html_.sections.back().parts.push_back(
      HtmlPicture{svg_heatmap(values, mask, {name, "heat map, " + shape_string(values)},
                              {.row_labels = labels.rows, .column_labels = labels.columns}),
                  name});
}

void Page::line_chart(std::string_view title, const std::vector<Series>& series, ChartStyle style) {
  style.look = settings_.look;
  if (!settings_.quiet)
    put("  " + std::string(title) + '\n' + render::line_chart(series, style) + '\n');
  const std::string name(title);
  html_.sections.back().parts.push_back(HtmlPicture{
      svg_line_chart(series, {name, style.y_label + " against " + style.x_label}, style), name});
}

void Page::bars(std::string_view title, const std::vector<std::string>& labels,
                const std::vector<double>& values) {
  if (!settings_.quiet)
    put("  " + std::string(title) + '\n' + bar_chart(labels, values, settings_.look) + '\n');
  const std::string name(title);
  html_.sections.back().parts.push_back(
      HtmlPicture{svg_bar_chart(labels, values, {name, "one bar a value"}), name});
}

namespace {

std::vector<std::string> labels_or_numbers(std::vector<std::string> labels, std::size_t count) {
  if (labels.empty())
    for (std::size_t i = 0; i < count; ++i) labels.push_back("token " + std::to_string(i));
  return labels;
}

}  // namespace

void Page::explore(const HeadTrace& t, std::vector<std::string> queries,
                   std::vector<std::string> keys) {
  const bool turned = t.rotated_query.size() > 0;
  html_.sections.back().parts.push_back(HtmlHeads{
      {{"the head", labels_or_numbers(std::move(queries), t.pattern.shape(0)),
        labels_or_numbers(std::move(keys), t.pattern.shape(1)), turned ? t.rotated_query : t.query,
        turned ? t.rotated_key : t.key, t.value, t.scores, t.masked_scores, t.pattern, t.output}}});
}

void Page::explore(const MultiHeadTrace& t, std::vector<std::string> queries,
                   std::vector<std::string> keys) {
  const Tensor3& query = t.rotated_query.size() > 0 ? t.rotated_query : t.query;
  const Tensor3& key = t.rotated_key.size() > 0 ? t.rotated_key : t.key;
  queries = labels_or_numbers(std::move(queries), t.pattern.shape(1));
  keys = labels_or_numbers(std::move(keys), t.pattern.shape(2));
  HtmlHeads all;
  for (std::size_t h = 0; h < t.pattern.shape(0); ++h)
    all.heads.push_back({"head " + std::to_string(h), queries, keys, xt::view(query, h),
                         xt::view(key, h), xt::view(t.value, h), xt::view(t.scores, h),
                         xt::view(t.masked_scores, h), xt::view(t.pattern, h),
                         xt::view(t.output, h)});
  html_.sections.back().parts.push_back(std::move(all));
}

void Page::text_table(const std::vector<std::string>& heading,
                      const std::vector<std::vector<std::string>>& rows) {
  if (!settings_.quiet) put(render::text_table(heading, rows, settings_.look) + '\n');
  html_.sections.back().parts.push_back(HtmlTable{heading, rows});
}

std::string Page::number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, x != 0 && std::abs(x) < 1e-4 ? "%.2g" : "%.6g", x);
  return text;
}

Check Page::made(bool passed, std::string measured, std::string relation, std::string bound,
                 std::string_view sentence, const std::string& reason) {
  const std::string id = "L" + std::string(about_.number < 10 ? "0" : "") +
                         std::to_string(about_.number) + "." + std::to_string(checks_.size() + 1);
  checks_.push_back({id, std::string(sentence), passed, measured, relation, bound, {}});
  const bool same = passed && measured == bound;
  html_.sections.back().parts.push_back(HtmlCheck{id,
                                                  std::string(sentence),
                                                  passed,
                                                  measured + (same ? ", as wanted" : ""),
                                                  same ? "" : relation + ' ' + bound,
                                                  {}});
  if (!settings_.quiet || !passed) {
    const bool ascii = settings_.look.ascii, colour = settings_.look.colour;
    const std::string tick = passed ? (ascii ? "ok  " : "✓ ") : (ascii ? "FAIL" : "✗ ");
    const std::string code = colour ? (passed ? "\x1b[32m" : "\x1b[31m") : "";
    std::string text = wrapped(std::string(sentence), settings_.look.width, "  " + tick + " ",
                               std::string(tick == "✓ " || tick == "✗ " ? 5 : 7, ' '));
    if (colour) text.insert(2 + tick.size(), "\x1b[0m"), text.insert(2, code);
    const std::string margin(ascii ? 7 : 5, ' ');
    std::string figures = id + ": measured " + shorten(measured, same ? 56 : 400, ascii) + ", " +
                          (same ? "as wanted" : relation + ' ' + bound);
    put(text + wrapped(figures, settings_.look.width, margin, margin));
    if (!passed && !reason.empty()) put(wrapped(reason, settings_.look.width, margin, margin));
    put("\n");
  }
  return {checks_.size() - 1, this};
}

void Check::tie(std::string_view id, bool as_control) const {
  as_control ? page->control(id, *this) : page->claim(id, *this);
}

void Page::claim(std::string_view id, Check check) {
  const std::string name = claim_of(id).id;
  if (std::find(claims_.begin(), claims_.end(), name) == claims_.end()) claims_.push_back(name);
  MadeCheck& made = checks_.at(check.index);
  made.claims.push_back(name);
  for (HtmlSection& section : html_.sections)
    for (HtmlPart& part : section.parts)
      if (auto* c = std::get_if<HtmlCheck>(&part); c && c->id == made.id) c->claims.push_back(name);
}

void Page::control(std::string_view id, Check check) {
  checks_.at(check.index).controls.push_back(claim_of(id).id);
}

std::vector<std::string> Page::tokens(std::string_view otherwise, std::size_t least) const {
  std::vector<std::string> words = split_words(settings_.text.empty() ? otherwise : settings_.text);
  const std::size_t different = std::set<std::string>(words.begin(), words.end()).size();
  if (different < least)
    throw std::invalid_argument("--text: wanted at least " + std::to_string(least) +
                                " different words, got " + std::to_string(different));
  return words;
}

std::uint64_t Page::seed(std::uint64_t otherwise) const {
  return settings_.seed == 0 ? otherwise : settings_.seed;
}

std::vector<std::string> Page::checks_of(const std::string& claim,
                                         std::vector<std::string> MadeCheck::*tied) const {
  std::vector<std::string> ids;
  for (const MadeCheck& c : checks_)
    if (std::count((c.*tied).begin(), (c.*tied).end(), claim) > 0) ids.push_back(c.id);
  return ids;
}

bool Page::finish() {
  std::vector<std::string> sorted = claims_;
  std::sort(sorted.begin(), sorted.end());
  std::size_t holds = 0, condition = 0, not_so = 0;
  if (!settings_.quiet && !sorted.empty()) put("\nWhat the report says\n\n");
  const std::size_t width = settings_.look.width;
  for (const std::string& id : sorted) {
    const Claim& c = claim_of(id);
    holds += c.verdict == "true", condition += c.verdict == "imprecise",
        not_so += c.verdict == "false";
    const std::vector<std::string> ids = checks_of(id, &MadeCheck::claims);
    const std::vector<std::string> controls = checks_of(id, &MadeCheck::controls);
    html_.claims.push_back(
        {id, in_words(c.verdict), c.text, c.verdict == "true" ? "" : c.note, ids});
    if (settings_.quiet) continue;
    std::string by;
    for (const std::string& check : ids) by += (by.empty() ? "" : ", ") + check;
    for (const std::string& check : controls)
      by += (check == controls.front() ? "; control " : ", ") + check;
    const bool ascii = settings_.look.ascii;
    put(wrapped(
        plain(c.text + (ascii ? " -- " : " \xE2\x80\x94 ") + in_words(c.verdict) + " (" + by + ")",
              ascii),
        width, "  " + id + "  ", "          "));
    if (c.verdict != "true" && !c.note.empty())
      put(wrapped(plain(c.note, ascii), width, "            ", "            "));
  }
  std::size_t passed = 0;
  for (const MadeCheck& c : checks_) passed += c.passed;
  put('\n' + wrapped("Claims tried: " + std::to_string(sorted.size()) + "; " +
                         std::to_string(holds) + " hold, " + std::to_string(condition) +
                         " hold with a condition, " + std::to_string(not_so) + " do not hold.",
                     width, "", ""));
  put("Checks: " + std::to_string(passed) + " of " + std::to_string(checks_.size()) + " hold.\n");
  return passed == checks_.size();
}

std::string Page::json() const {
  std::size_t passed = 0;
  for (const MadeCheck& c : checks_) passed += c.passed;
  std::string out = "{\"lesson\":" + std::to_string(about_.number) +
                    ",\"title\":" + json_string(about_.title) +
                    ",\"passed\":" + (passed == checks_.size() ? "true" : "false");
  std::vector<std::string> parts;
  for (const Shown& s : stages_) {
    std::vector<std::string> sizes;
    for (const std::size_t size : s.stage.shape) sizes.push_back(std::to_string(size));
    std::string item = "{\"step\":" + json_string(s.step) +
                       ",\"symbol\":" + json_string(s.stage.symbol) +
                       ",\"name\":" + json_string(s.stage.name) +
                       ",\"axes\":" + list(quoted(s.stage.axes)) + ",\"shape\":" + list(sizes);
    if (s.stage.values.size() <= 4096)
      item += ",\"values\":" + json_values<double>(s.stage.values, s.stage.shape);
    parts.push_back(item + '}');
  }
  out += ",\"stages\":" + list(parts);
  parts.clear();
  for (const MadeCheck& c : checks_)
    parts.push_back("{\"id\":" + json_string(c.id) + ",\"text\":" + json_string(c.text) +
                    ",\"passed\":" + (c.passed ? "true" : "false") +
                    ",\"measured\":" + figure(c.measured) +
                    ",\"relation\":" + json_string(c.relation) + ",\"bound\":" + figure(c.bound) +
                    ",\"claims\":" + list(quoted(c.claims)) + '}');
  out += ",\"checks\":" + list(parts);
  parts.clear();
  for (const HtmlClaim& c : html_.claims) {
    const Claim& claim = claim_of(c.id);
    parts.push_back("{\"id\":" + json_string(c.id) + ",\"verdict\":" + json_string(claim.verdict) +
                    ",\"checks\":" + list(quoted(c.checks)) +
                    ",\"controls\":" + list(quoted(checks_of(c.id, &MadeCheck::controls))) +
                    ",\"text\":" + json_string(claim.text) + '}');
  }
  return out + ",\"claims\":" + list(parts) + "}\n";
}

std::string Page::html() const {
  return html_page(html_);
}

void Page::export_stages(const std::filesystem::path& path) const {
  std::map<std::string, std::size_t> met;  // how often a symbol came
  std::deque<Mask> masks;                  // stages look into them: they have to stay in place
  std::vector<StageOf<const double>> stages;
  std::vector<std::string> steps;
  for (const Shown& s : stages_) {
    const std::size_t count = ++met[s.stage.symbol];
    const std::string name = s.stage.symbol + (count > 1 ? ' ' + std::to_string(count) : "");
    StageOf<const double> stage{
        name, s.stage.symbol, s.stage.name, s.axes, s.stage.shape, s.stage.values, {}};
    if (s.is_mask) {
      Mask& mask = masks.emplace_back(Mask::from_shape({1, s.stage.values.size()}));
      for (std::size_t c = 0; c < mask.size(); ++c) mask.data()[c] = s.stage.values[c] != 0;
      stage.values = {}, stage.flags = {mask.data(), mask.size()};
    }
    stages.push_back(stage);
    steps.push_back(json_string(name) + ':' + json_string(s.step));
  }
  std::string in_steps;
  for (const std::string& step : steps) in_steps += (in_steps.empty() ? "" : ",") + step;
  write_trace<double>(path, stages,
                      "{\"format\":1,\"tool\":\"headlight " HEADLIGHT_VERSION "\",\"lesson\":" +
                          std::to_string(about_.number) + ",\"title\":" +
                          json_string(about_.title) + ",\"steps\":{" + in_steps + "}}");
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ') {
      finish();
    } else if (byte < 0x80 && std::ispunct(byte) && c != '\'' && c != '-' && c != '_') {
      finish();
      words.emplace_back(1, c);
    } else {
      word += c;
    }
  }
  finish();
  return words;
}

Matrix embed_words(const std::vector<std::string>& tokens, std::size_t d_model,
                   std::uint64_t seed) {
  Matrix rows = Matrix::from_shape({tokens.size(), d_model});
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::uint64_t hash = 14695981039346656037u;  // FNV-1a of the word
    for (const char c : tokens[i]) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    Random random(hash + seed);
    for (std::size_t j = 0; j < d_model; ++j) rows(i, j) = random.normal();
  }
  return rows;
}

}  // namespace lesson
