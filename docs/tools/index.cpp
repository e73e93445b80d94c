#include <set>

#include "commands.hpp"
#include "ledger.hpp"

namespace site {

namespace {

struct SearchEntry {
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

// A formula is found by its letters, without its delimiters.
std::string without_delimiters(std::string text) {
  for (const char* delimiter : {"\\(", "\\)", "\\[", "\\]"}) text = replaced(text, delimiter, "");
  return text;
}

// How far up a page's entries stand: text before interface, interface before lists of files.
int weight_of(const std::string& name) {
  if (name.rfind("lesson_", 0) == 0) return 5;
  if (name.find("8hpp.html") != std::string::npos) return -4;
  return name.find("_1_1") != std::string::npos ? 0 : 4;
}

// What a lesson printed, without its numbers and rules: nobody looks for 0.7035.
std::string without_numbers(const std::string& text) {
  std::string out, word;
  const auto finish = [&] {
    if (word.find_first_not_of("0123456789.-+e%,") != std::string::npos &&
        word.rfind("\xE2\x94\x80", 0) != 0)
      out += word + ' ';
    word.clear();
  };
  for (const char c : text)
    if (c == ' ' || c == '\n')
      finish();
    else
      word += c;
  finish();
  return out;
}

// What is not read: scripts, pictures, contents, Doxygen's short lists of what it tells in full
// below, and the claims wherever they stand besides their own page.
bool is_left_out(const std::string& page, const std::string& tag, const std::string& cls) {
  return tag == "script" || tag == "style" || tag == "svg" ||
         (tag == "div" && cls.rfind("toc", 0) == 0) || (tag == "table" && cls == "memberdecls") ||
         (page != "claims.html" &&
          ((tag == "table" && cls == "claims") || (tag == "ul" && cls == "claim-list")));
}

// The headings of a page cut it into entries; a claim's row is an entry of its own.
std::vector<SearchEntry> entries_of(const fs::path& file) {
  const std::string name = file.filename().string();
  std::vector<SearchEntry> entries;
  SearchEntry now;
  now.url = name;
  std::string title, anchor, left_out;
  int depth = 0;  // of elements called `left_out`
  bool inside = false, in_title = false, in_heading = false, in_row = false, in_output = false;
  const auto flush = [&] {
    now.text = trimmed(now.text);
    now.title = trimmed(now.title);
    if (!now.title.empty()) entries.push_back(now);
    now = {};
    now.page = title;
  };
  for (const Token& token : parse_html(read_file(file))) {
    const auto attr = [&](const char* key) {
      const auto it = token.attr.find(key);
      return it == token.attr.end() ? std::string() : it->second;
    };
    const bool opens = token.kind == Token::Kind::open, closes = token.kind == Token::Kind::close;
    const std::string cls = attr("class");
    if (depth > 0) {
      if (token.name == left_out && !token.empty) depth += opens ? 1 : closes ? -1 : 0;
      continue;
    }
    if (opens && is_left_out(name, token.name, cls)) {
      if (token.empty) continue;
      left_out = token.name;
      depth = 1;
      continue;
    }
    if (opens) {
      if (token.name == "a" && !attr("id").empty()) {
        anchor = attr("id");
        if (in_heading) now.url = name + "#" + anchor;
      }
      if (token.name == "div" && cls == "title") in_title = true;
      if (token.name == "div" && cls == "contents") inside = true;
      if (attr("id") == "nav-path") inside = false;
      in_output = in_output || (token.name == "pre" && cls == "output");
      const bool is_heading = token.name.size() == 2 && token.name[0] == 'h' &&
                              token.name[1] >= '1' && token.name[1] <= '4';
      if (inside && is_heading && cls != "groupheader") {
        flush();
        if (!attr("id").empty()) anchor = attr("id");
        now.url = name + (anchor.empty() ? "" : "#" + anchor);
        now.weight = cls == "memtitle" ? 6 : weight_of(name) - 1;
        in_heading = true;
      }
      if (inside && token.name == "tr" && cls == "claim") {
        flush();
        now.title = attr("id");
        now.url = name + "#" + now.title;
        in_row = true;
      }
      if (inside && !in_heading && (token.name == "td" || token.name == "p" || token.name == "li"))
        add_words(now.text, " ");
    } else if (closes) {
      if (token.name == "pre") in_output = false;
      if (in_title && token.name == "div") {
        in_title = false;
        now.title = title = trimmed(title);
        now.page = title;
        now.weight = weight_of(name);
      }
      if (in_heading && token.name.size() == 2 && token.name[0] == 'h') in_heading = false;
      if (in_row && token.name == "table") {
        flush();
        in_row = false;
      }
    } else if (token.kind == Token::Kind::text) {
      if (in_title)
        add_words(title, token.text);
      else if (in_heading)
        add_words(now.title, replaced(token.text, "◆", ""));
      else if (inside)
        add_words(now.text,
                  in_output ? without_numbers(token.text) : without_delimiters(token.text));
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
    for (const SearchEntry& entry : entries_of(file)) {
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
