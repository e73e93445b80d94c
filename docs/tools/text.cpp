#include "text.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace site {

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_file(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<fs::path> files_below(const fs::path& folder, std::string_view ending) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && name.size() >= ending.size() &&
        std::string_view(name).substr(name.size() - ending.size()) == ending)
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

namespace {

void append_utf8(std::string& out, unsigned long code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

std::string resolved(std::string_view text) {
  static const std::map<std::string, std::string, std::less<>> known = {
      {"amp", "&"},   {"lt", "<"},    {"gt", ">"},     {"quot", "\""},  {"nbsp", " "},
      {"apos", "'"},  {"ndash", "–"}, {"mdash", "—"},  {"hellip", "…"}, {"times", "×"},
      {"minus", "−"}, {"infin", "∞"}, {"le", "≤"},     {"ge", "≥"},     {"rarr", "→"},
      {"sect", "§"},  {"copy", "©"},  {"lsquo", "‘"},  {"rsquo", "’"},  {"ldquo", "“"},
      {"rdquo", "”"}, {"zwj", ""},    {"middot", "·"}, {"thinsp", " "}};
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end = text[i] == '&' ? text.find(';', i) : std::string_view::npos;
    if (end == std::string_view::npos || end - i > 10) {
      out += text[i];
      continue;
    }
    const std::string name(text.substr(i + 1, end - i - 1));
    if (name.size() > 1 && name[0] == '#') {
      const bool hex = name[1] == 'x' || name[1] == 'X';
      const unsigned long code = std::stoul(name.substr(hex ? 2 : 1), nullptr, hex ? 16 : 10);
      append_utf8(out, code == 160 ? ' ' : code);
    } else if (const auto it = known.find(name); it != known.end()) {
      out += it->second;
    } else {
      out += ' ';
    }
    i = end;
  }
  return out;
}

}  // namespace

std::vector<Token> parse_html(std::string_view page) {
  std::vector<Token> tokens;
  std::size_t at = 0, line = 1;
  const auto advance = [&](std::size_t to) {
    to = std::min(to, page.size());
    line +=
        static_cast<std::size_t>(std::count(page.begin() + static_cast<std::ptrdiff_t>(at),
                                            page.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    at = to;
  };
  const auto add_text = [&](std::size_t end) {
    if (end > at) {
      Token token;
      token.line = line;
      token.text = resolved(page.substr(at, end - at));
      tokens.push_back(token);
    }
    advance(end);
  };
  const auto is_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == ':';
  };
  while (at < page.size()) {
    const std::size_t tag = page.find('<', at);
    if (tag == std::string_view::npos) {
      add_text(page.size());
      break;
    }
    add_text(tag);
    if (page.substr(at, 4) == "<!--") {
      const std::size_t end = page.find("-->", at);
      advance(end == std::string_view::npos ? page.size() : end + 3);
      continue;
    }
    Token token;
    token.line = line;
    std::size_t i = at + 1;
    token.kind = Token::Kind::open;
    if (i < page.size() && page[i] == '/') {
      token.kind = Token::Kind::close;
      ++i;
    }
    if (i < page.size() && (page[i] == '!' || page[i] == '?')) {
      token.kind = Token::Kind::other;
      ++i;
    }
    while (i < page.size() && is_name(page[i]))
      token.name += static_cast<char>(std::tolower(static_cast<unsigned char>(page[i++])));
    if (token.name.empty()) {  // a lone '<'
      token.kind = Token::Kind::text;
      token.text = "<";
      tokens.push_back(token);
      advance(at + 1);
      continue;
    }
    while (i < page.size() && page[i] != '>') {
      if (!is_name(page[i])) {
        if (page[i] == '/' && i + 1 < page.size() && page[i + 1] == '>') token.empty = true;
        ++i;
        continue;
      }
      std::string name, value;
      while (i < page.size() && is_name(page[i]))
        name += static_cast<char>(std::tolower(static_cast<unsigned char>(page[i++])));
      while (i < page.size() && std::isspace(static_cast<unsigned char>(page[i])) != 0) ++i;
      if (i < page.size() && page[i] == '=') {
        ++i;
        while (i < page.size() && std::isspace(static_cast<unsigned char>(page[i])) != 0) ++i;
        if (i < page.size() && (page[i] == '"' || page[i] == '\'')) {
          const std::size_t end = page.find(page[i], i + 1);
          const std::size_t stop = end == std::string_view::npos ? page.size() : end;
          value = resolved(page.substr(i + 1, stop - i - 1));
          i = stop + 1;
        } else {
          while (i < page.size() && page[i] != '>' &&
                 std::isspace(static_cast<unsigned char>(page[i])) == 0)
            value += page[i++];
        }
      }
      if (token.kind != Token::Kind::other) token.attr[name] = value;
    }
    const bool raw = token.kind == Token::Kind::open && !token.empty &&
                     (token.name == "script" || token.name == "style");
    const std::string name = token.name;
    tokens.push_back(token);
    advance(i + 1);
    if (raw) {
      const std::size_t end = page.find("</" + name, at);
      advance(end == std::string_view::npos ? page.size() : end);
    }
  }
  return tokens;
}

}  // namespace site
