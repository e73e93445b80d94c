/// @file
/// The page that a lesson writes on: steps, stages, pictures, checks, claims.
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <headlight/attention/head.hpp>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/close.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/core/tensor.hpp>
#include <headlight/render/chart.hpp>
#include <headlight/render/html.hpp>
#include <headlight/render/text.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace lesson {

struct RetrainTalk;

/// The trained models that a lesson stands on.
struct TrainedModels {
  std::vector<std::string> names = {};                                     ///< of their recipes
  void (*retrain)(std::uint64_t seed, const RetrainTalk& talk) = nullptr;  ///< trains them anew
};

/// What a lesson is called.
struct About {
  int number = 0;             ///< of the report's section
  std::string title;          ///< in words
  TrainedModels models = {};  ///< that it stands on: use_models()
};

/// What the reader asked for on the command line.
struct Settings {
  headlight::render::Look look = {};  ///< width, characters, colour
  std::string text = {};              ///< --text; empty: the lesson's own
  std::uint64_t seed = 0;             ///< --seed; 0: the lesson's own
  bool quiet = false;                 ///< only checks that fail, and the tally
  bool silent = false;                ///< nothing at all (--json)
  bool pause = false;                 ///< wait after every step
  bool retrain = false;               ///< train the lesson's models anew instead of reading them
};

class Page;

/// A check that was made. It says itself which claims of the report it is about.
struct Check {
  std::size_t index = 0;  ///< counts from zero
  Page* page = nullptr;   ///< where it was made

  /// Ties the claims that this check decides. @param ids  "C13-25", ...  @return itself
  /// @throws std::out_of_range for an unknown id
  template <class... Ids>
  Check decides(Ids... ids) const {
    (tie(ids, false), ...);
    return *this;
  }
  /// Ties the claims whose deciding check could have failed, as this one shows: the same without
  /// what the claim speaks of. @param ids  "C13-25", ...  @return itself
  /// @throws std::out_of_range for an unknown id
  template <class... Ids>
  Check controls(Ids... ids) const {
    (tie(ids, true), ...);
    return *this;
  }

 private:
  void tie(std::string_view id, bool as_control) const;
};

/// Labels of a stage's rows and columns, for example tokens.
struct Labels {
  std::vector<std::string> rows = {};     ///< one a row, or empty
  std::vector<std::string> columns = {};  ///< one a column, or empty
};

/// The page. Everything written on it is printed at once and kept for --json and --html.
class Page {
 public:
  /// A check as kept: sentence, figure, bound, the claims it decides.
  struct MadeCheck {
    std::string id;                          ///< "L13.4"
    std::string text;                        ///< the sentence
    bool passed = false;                     ///< whether it holds
    std::string measured;                    ///< the figure, as printed
    std::string relation;                    ///< how the figure stands to the bound: "at most"
    std::string bound;                       ///< as printed
    std::vector<std::string> claims = {};    ///< ids that it decides
    std::vector<std::string> controls = {};  ///< ids that it is the control of
  };

  /// @param about  number and title  @param settings  from the command line
  Page(About about, Settings settings);

  /// Begins a step of the report. @param title  its name there
  void step(std::string_view title);
  /// A paragraph. @param words  plain text, wrapped to the width
  void say(std::string_view words);

  /// A stage: symbol, axes, numbers with four decimals.
  /// @param symbol  the report's letter  @param axes  "query, key"  @param values  any tensor
  /// @param labels  of rows and columns
  template <class Tensor>
  void show(std::string_view symbol, std::string_view axes, const Tensor& values,
            const Labels& labels = {}) {
    show_numbers(symbol, axes, std::vector<double>(values.begin(), values.end()),
                 {values.shape().begin(), values.shape().end()}, labels,
                 std::is_same_v<typename Tensor::value_type, bool>);
  }
  /// A matrix as a heat map. @param title  what it is  @param values  numbers, -inf is hidden
  /// @param labels  of rows and columns  @param mask  true where visible, or null
  void heat_map(std::string_view title, const headlight::Matrix& values, const Labels& labels = {},
                const headlight::Mask* mask = nullptr);
  /// Lines. @param title  what they are  @param series  names and points  @param style  labels
  void line_chart(std::string_view title, const std::vector<headlight::render::Series>& series,
                  headlight::render::ChartStyle style = {});
  /// Bars. @param title  what they are  @param labels  one a value  @param values  numbers
  void bars(std::string_view title, const std::vector<std::string>& labels,
            const std::vector<double>& values);
  /// A head that the reader of --html looks at cell by cell; the terminal shows nothing.
  /// @param trace  of one head  @param queries  one label a query; empty: numbered
  /// @param keys  one label a key; empty: numbered
  void explore(const headlight::HeadTrace& trace, std::vector<std::string> queries = {},
               std::vector<std::string> keys = {});
  /// The same for every head of a layer.
  /// @param trace  of all heads  @param queries  one label a query; empty: numbered
  /// @param keys  one label a key; empty: numbered
  void explore(const headlight::MultiHeadTrace& trace, std::vector<std::string> queries = {},
               std::vector<std::string> keys = {});
  /// Words and numbers under a heading. @param heading  one text a column  @param rows  cells
  void text_table(const std::vector<std::string>& heading,
                  const std::vector<std::vector<std::string>>& rows);

  /// Two ways to the same tensor. @param got  one  @param want  the other
  /// @param sentence  what is thereby shown  @param tolerance  relative, in the Euclidean norm
  /// @return to name in claim()
  template <class A, class B>
  requires requires(const A& a) { a.shape().data(); }
  Check check_close(const A& got, const B& want, std::string_view sentence,
                    double tolerance = 1e-12) {
    const headlight::Closeness found = headlight::compare(got, want, {.tolerance = tolerance});
    return made(found.close, number(found.relative), "at most", number(tolerance), sentence,
                found.reason);
  }
  /// Two ways to the same number: as a tensor with one cell. @param got  one  @param want  the
  /// other @param sentence  what is shown  @param tolerance  relative  @return to name in claim()
  Check check_close(double got, double want, std::string_view sentence, double tolerance = 1e-12) {
    return check_close(headlight::Vector{got}, headlight::Vector{want}, sentence, tolerance);
  }
  /// Two things that are not the same. @param got  one  @param other  the other
  /// @param least  their relative difference stays above  @param sentence  what is shown
  /// @return to name in claim()
  template <class A, class B>
  Check check_differs(const A& got, const B& other, double least, std::string_view sentence) {
    return check_greater(headlight::compare(got, other).relative, least, sentence);
  }
  /// A figure below a bound. @param measured  figure  @param bound  it stays below
  /// @param sentence  what is shown  @return to name in claim()
  Check check_less(double measured, double bound, std::string_view sentence) {
    return made(measured < bound, number(measured), "below", number(bound), sentence);
  }
  /// A figure above a bound. @param measured  figure  @param bound  it stays above
  /// @param sentence  what is shown  @return to name in claim()
  Check check_greater(double measured, double bound, std::string_view sentence) {
    return made(measured > bound && std::isfinite(measured), number(measured), "above",
                number(bound), sentence);
  }
  /// Equal to the last bit. @param got  one  @param want  the other  @param sentence  what is shown
  /// @return to name in claim()
  template <class A, class B>
  Check check_equal(const A& got, const B& want, std::string_view sentence) {
    return made(got == want, words(got), "equal to", words(want), sentence);
  }
  /// Something is so. @param holds  whether  @param sentence  what is shown  @return for claim()
  Check check_true(bool holds, std::string_view sentence) {
    return made(holds, holds ? "yes" : "no", "wanted", "yes", sentence);
  }

  /// Something that cannot be done and is refused. @param call  throws a ShapeError
  /// @param sentence  what is shown  @return for claim()
  template <class Call>
  Check check_refused(const Call& call, std::string_view sentence) {
    try {
      call();
    } catch (const headlight::ShapeError&) {
      return check_true(true, sentence);
    }
    return check_true(false, sentence);
  }

  /// Ties a claim of the report to the check that decides it. @param id  "C13-25"
  /// @param check  what check_...() returned  @throws std::out_of_range for an unknown id
  void claim(std::string_view id, Check check);
  /// Ties a claim to the check that shows how the deciding one could fail. @param id  "C13-25"
  /// @param check  what check_...() returned  @throws std::out_of_range for an unknown id
  void control(std::string_view id, Check check);

  /// The reader's text, or the lesson's own, split into words and punctuation.
  /// @param otherwise  when the reader gave none  @param least  how many different ones the
  /// lesson needs
  /// @return tokens
  /// @throws std::invalid_argument when there are fewer
  std::vector<std::string> tokens(std::string_view otherwise, std::size_t least = 1) const;
  /// @param otherwise  the lesson's own  @return the reader's seed, or that
  std::uint64_t seed(std::uint64_t otherwise) const;

  /// Prints the tally. @return true when every check holds
  bool finish();
  /// @return everything as one JSON object
  std::string json() const;
  /// @return everything as a page that stands alone
  std::string html() const;
  /// Writes the stages as a trace file: a stage is named by its symbol, and the second of that
  /// symbol "A 2". @param path  ends in .npz, .safetensors or .json
  /// @throws headlight::FileError  with the reason
  void export_stages(const std::filesystem::path& path) const;

 private:
  struct Shown {
    headlight::render::HtmlStage stage;
    std::string step, axes;
    bool is_mask = false;
  };

  static std::string number(double x);
  template <class T>
  static std::string words(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      return value ? "yes" : "no";
    } else if constexpr (std::is_floating_point_v<T>) {
      return number(value);
    } else if constexpr (requires { std::to_string(value); }) {
      return std::to_string(value);
    } else if constexpr (std::is_convertible_v<T, std::string>) {
      return value;
    } else {
      std::string list;
      for (const auto& each : value) list += (list.empty() ? "" : " ") + words(each);
      return list;
    }
  }
  Check made(bool passed, std::string measured, std::string relation, std::string bound,
             std::string_view sentence, const std::string& reason = {});
  void show_numbers(std::string_view symbol, std::string_view axes, std::vector<double> values,
                    std::vector<std::size_t> shape, const Labels& labels, bool is_mask);
  void put(const std::string& lines) const;
  std::vector<std::string> checks_of(const std::string& claim,
                                     std::vector<std::string> MadeCheck::*tied) const;

  About about_;
  Settings settings_;
  std::size_t steps_ = 0;
  headlight::render::HtmlPage html_;
  std::vector<Shown> stages_;
  std::vector<MadeCheck> checks_;
  std::vector<std::string> claims_;  // ids in the order first tied
};

/// An embedding by a formula for lessons without a model: every word has its own row of normal
/// numbers, drawn from a generator seeded by the word, so equal words have equal rows.
/// @param tokens  words  @param d_model  width  @param seed  another seed, another embedding
/// @return @shape{n, d_model}
headlight::Matrix embed_words(const std::vector<std::string>& tokens, std::size_t d_model,
                              std::uint64_t seed = 1);

/// Splits a text at spaces and punctuation; a punctuation mark is a token of its own.
/// @param text  UTF-8  @return tokens
std::vector<std::string> split_words(std::string_view text);

/// Runs a lesson: reads the command line, tells it, prints the tally.
/// @param argc  of main  @param argv  of main  @param about  number and title
/// @param tell  the lesson
/// @return exit status: 0 all checks hold, 1 one fails, 2 wrong usage
int run(int argc, char** argv, const About& about, void (*tell)(Page&));

}  // namespace lesson
