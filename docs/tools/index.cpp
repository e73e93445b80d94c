#include <set>

#include "commands.hpp"
#include "ledger.hpp"

namespace site {

namespace {

struct Entry {
  std::string title, page, url, text;
  int weight = 0;
};

bool indexed(const std::string& name) {
  for (const char* part : {"_source.html", "-members.html"})
    if (name.find(part) != std::string::npos) return false;
  for (const char* start :
       {"dir_", "functions", "globals", "namespacemembers", "classes", "annotated", "files",
        "namespaces", "hierarchy", "pages", "run_", "doxygen_crawl"})
    if (name.rfind(start, 0) == 0) return false;
  return true;
}

void add_words(std::string& out, const std::string& text) {
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
}

// The headings of a page cut it into entries; a claim's row is an entry of its own.
std::vector<Entry> entries_of(const fs::path& file) {
  const std::string name = file.filename().string();
  const std::vector<Token> tokens = parse_html(read_file(file));
  std::vector<Entry> entries;
  Entry now;
  now.url = name;
  std::string title, heading, anchor;
  bool inside = false, in_title = false, in_heading = false, in_row = false;
  int hidden = 0;
  const auto flush = [&] {
    now.text = trimmed(now.text);
    now.title = trimmed(now.title);
    if (!now.title.empty()) entries.push_back(now);
  };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    const auto attr = [&](const char* key) {
      const auto it = token.attr.find(key);
      return it == token.attr.end() ? std::string() : it->second;
    };
    if (token.kind == Token::Kind::open) {
      const std::string cls = attr("class");
      if (token.name == "script" || token.name == "style") ++hidden;
      if (!attr("id").empty()) anchor = attr("id");
      if (token.name == "a" && !attr("name").empty()) anchor = attr("name");
      if (token.name == "div" && cls == "title") in_title = true;
      if (token.name == "div" && cls == "contents") inside = true;
      if (token.name == "div" && cls == "toc interactive") inside = true;
      if (attr("id") == "nav-path") inside = false;
      const bool is_heading = token.name.size() == 2 && token.name[0] == 'h' &&
                              token.name[1] >= '1' && token.name[1] <= '4';
      if (inside && is_heading && cls != "groupheader") {
        flush();
        now = {};
        now.page = title;
        now.url = name + (anchor.empty() ? "" : "#" + anchor);
        now.weight = cls == "memtitle" ? 6 : 2;
        in_heading = true;
      }
      if (inside && token.name == "tr" && cls == "claim") {
        flush();
        now = {};
        now.page = title;
        now.url = name + "#" + anchor;
        now.title = anchor;
        in_row = true;
      }
      if (inside && !in_heading && (token.name == "td" || token.name == "p" || token.name == "li"))
        add_words(now.text, " ");
    } else if (token.kind == Token::Kind::close) {
      if (token.name == "script" || token.name == "style") --hidden;
      if (in_title && token.name == "div") {
        in_title = false;
        now.title = title = trimmed(title);
        now.page = title;
        now.weight = name.rfind("lesson_", 0) == 0 || name.find('_') == std::string::npos ? 4 : 3;
      }
      if (in_heading && token.name.size() == 2 && token.name[0] == 'h') in_heading = false;
      if (in_row && token.name == "table") {
        flush();
        now = {};
        in_row = false;
      }
    } else if (token.kind == Token::Kind::text && hidden == 0) {
      if (in_title)
        add_words(title, token.text);
      else if (in_heading)
        add_words(now.title, replaced(token.text, "◆", ""));
      else if (inside)
        add_words(now.text, token.text);
    }
  }
  flush();
  return entries;
}

}  // namespace

void make_index(const fs::path& html) {
  std::string out =
      "// Every page of the site in words: title, page, address, text, "
      "weight.\nwindow.headlightIndex = [\n";
  std::set<std::string> seen;
  for (const fs::path& file : files_below(html, ".html")) {
    if (!indexed(file.filename().string())) continue;
    for (const Entry& entry : entries_of(file)) {
      if (!seen.insert(entry.url).second) continue;
      if (entry.weight == 6 && !seen.insert(entry.title + entry.text).second)
        continue;  // told on two pages
      out += "{\"t\":" + json_string(entry.title) + ",\"p\":" + json_string(entry.page) +
             ",\"u\":" + json_string(entry.url) + ",\"x\":" + json_string(entry.text) +
             ",\"w\":" + std::to_string(entry.weight) + "},\n";
    }
  }
  out += "];\n";
  write_file(html / "search_index.js", out);
}

}  // namespace site
