#include "formulas.hpp"

#include <set>

#include "ledger.hpp"
#include "process.hpp"

namespace site {

namespace {

struct Formula {
  std::string text, place;
  bool display = false;
};

struct Delimiter {
  const char *left, *right;
  bool display, kept;  ///< kept: the delimiters are part of the formula
};

// The delimiters of theme/site.js.
constexpr Delimiter delimiters[] = {{"\\[", "\\]", true, false},
                                    {"\\(", "\\)", false, false},
                                    {"\\begin{align*}", "\\end{align*}", true, true},
                                    {"\\begin{align}", "\\end{align}", true, true}};

void cut(const std::string& text, const std::string& place, std::vector<Formula>& formulas,
         std::vector<std::string>& faults) {
  for (std::size_t at = 0; at < text.size();) {
    const Delimiter* next = nullptr;
    std::size_t begin = std::string::npos;
    for (const Delimiter& one : delimiters)
      if (const std::size_t found = text.find(one.left, at); found < begin)
        begin = found, next = &one;
    if (next == nullptr) return;
    const std::size_t inside = begin + std::string_view(next->left).size();
    const std::size_t end = text.find(next->right, inside);
    if (end == std::string::npos) {
      faults.push_back(place + "a formula that is not closed: " + text.substr(begin, 60));
      return;
    }
    const std::size_t after = end + std::string_view(next->right).size();
    formulas.push_back(
        {next->kept ? text.substr(begin, after - begin) : text.substr(inside, end - inside), place,
         next->display});
    at = after;
  }
}

// The texts in which the browser looks for formulas: everything but code, scripts and the like.
void collect(const fs::path& file, const std::string& name, std::vector<Formula>& formulas,
             std::vector<std::string>& faults) {
  static const std::set<std::string> ignored = {"pre", "code", "textarea", "option", "noscript"};
  int quiet = 0;
  std::string text;
  std::size_t line = 0;
  const auto flush = [&] {
    cut(text, name + ":" + std::to_string(line) + ": ", formulas, faults);
    text.clear();
  };
  bool raw = false;  // inside script or style, which come as one text
  for (const Token& token : parse_html(read_file(file))) {
    if (token.kind == Token::Kind::text) {
      if (quiet > 0 || raw) continue;
      if (text.empty()) line = token.line;
      text += token.text;
      continue;
    }
    flush();
    if (token.name == "script" || token.name == "style")
      raw = token.kind == Token::Kind::open && !token.empty;
    if (ignored.count(token.name) != 0 && !token.empty)
      quiet += token.kind == Token::Kind::open ? 1 : token.kind == Token::Kind::close ? -1 : 0;
  }
  flush();
}

}  // namespace

std::vector<std::string> check_formulas(const fs::path& html, const fs::path& katex,
                                        const fs::path& engine, const fs::path& work) {
  std::vector<std::string> faults;
  std::vector<Formula> formulas;
  for (const fs::path& file : files_below(html, ".html")) {
    const std::string name = fs::relative(file, html).string();
    if (name.rfind("run_", 0) != 0) collect(file, name, formulas, faults);
  }
  std::set<std::string> seen;
  std::size_t count = 0;
  std::string script =  // duk has no Array.fill, all else that KaTeX needs
      "if (!Array.prototype.fill) Array.prototype.fill = function (x) {\n"
      "  for (var i = 0; i < this.length; i++) this[i] = x;\n"
      "  return this;\n};\n" +
      read_file(katex) + "\n;(function () {\nvar all = [\n";
  for (const Formula& formula : formulas) {
    const std::string display = formula.display ? "true" : "false";
    if (!seen.insert(display + formula.text).second) continue;
    ++count;
    script +=
        "[" + json_string(formula.text) + "," + display + "," + json_string(formula.place) + "],\n";
  }
  script +=
      "];\n"
      "var engine = typeof katex !== \"undefined\" ? katex : module.exports;\n"
      "var say = typeof print === \"function\" ? print : console.log;\n"
      "for (var i = 0; i < all.length; i++)\n"
      "  try {\n"
      "    engine.renderToString(all[i][0], {displayMode: all[i][1], throwOnError: true, strict: "
      "\"error\"});\n"
      "  } catch (error) {\n"
      "    say(\"wrong\\t\" + all[i][2] + error.message + \" in \" + all[i][0]);\n"
      "  }\n"
      "say(\"tried\\t\" + all.length);\n"
      "})();\n";
  write_file(work / "formulas.js", script);
  const int code = run(engine, {(work / "formulas.js").string()}, work / "formulas.txt");
  bool finished = false;
  for (const std::string& line : lines_of(read_file(work / "formulas.txt"))) {
    if (line.rfind("wrong\t", 0) == 0) faults.push_back(replaced(line.substr(6), "\n", " "));
    if (line == "tried\t" + std::to_string(count)) finished = true;
  }
  if (!finished || code != 0)
    faults.push_back("formulas: " + engine.string() + " cannot run " + katex.string() +
                     " (status " + std::to_string(code) +
                     "); install duktape (Debian 12), quickjs (Debian 13) or nodejs");
  return faults;
}

}  // namespace site
