#include "code_links.hpp"

#include <set>

namespace site {

namespace {

struct Link {
  std::size_t begin, text, close, end;  ///< "<a ...>", what it says, "</a>", what follows
  std::string kind, name;               ///< "function", "matmul"
};

std::vector<Link> links_of(const std::string& page) {
  static const std::string start = "<a class=\"code hl_";
  std::vector<Link> links;
  for (std::size_t at = page.find(start); at != std::string::npos; at = page.find(start, at + 1)) {
    const std::size_t quote = page.find('"', at + 10), text = page.find('>', at) + 1;
    const std::size_t close = page.find("</a>", text);
    if (quote == std::string::npos || text == 0 || close == std::string::npos) break;
    links.push_back({at, text, close, close + 4,
                     page.substr(at + start.size(), quote - at - start.size()),
                     page.substr(text, close - text)});
  }
  return links;
}

bool follows(const std::string& page, const Link& link, std::string_view what) {
  return page.compare(link.end, what.size(), what) == 0;
}

bool precedes(const std::string& page, const Link& link, std::string_view what) {
  return link.begin >= what.size() &&
         page.compare(link.begin - what.size(), what.size(), what) == 0;
}

bool is_qualified(const std::string& name) {
  return name.find("::") != std::string::npos;
}

// "auto name = [&]", "auto name(", or a function of its own at the beginning of a line.
bool defines(const std::string& source, const std::string& name) {
  for (const char* end : {"(", " = "})
    if (source.find("auto " + name + end) != std::string::npos) return true;
  for (std::size_t at = source.find(" " + name + "("); at != std::string::npos;
       at = source.find(" " + name + "(", at + 1)) {
    const std::size_t begin = source.rfind('\n', at) + 1;
    if (source[begin] != ' ' && source[begin] != '/' && source[begin] != '#' &&
        source.find_first_of("(=", begin) > at)
      return true;
  }
  return false;
}

}  // namespace

std::string without_false_links(const std::string& page, const std::string& source) {
  const std::vector<Link> links = links_of(page);
  std::set<std::string> local;  // names that this page's code gives to something of its own
  for (const Link& link : links)
    if (!is_qualified(link.name) && (follows(page, link, " = ") || follows(page, link, " : ")) &&
        !precedes(page, link, "."))
      local.insert(link.name);
    else if (local.count(link.name) == 0 && defines(source, link.name))
      local.insert(link.name);
  std::string out;
  std::size_t at = 0;
  for (const Link& link : links) {
    bool right = link.name.rfind("xt::", 0) != 0 && link.name.rfind("std::", 0) != 0 &&
                 !precedes(page, link, "xt::") && !precedes(page, link, "std::");
    const bool of_something = is_qualified(link.name) || precedes(page, link, "::");
    if (link.kind == "function")
      right = right && local.count(link.name) == 0 &&
              (of_something || follows(page, link, "(") || follows(page, link, "&lt;"));
    if (link.kind == "enumvalue") right = right && of_something;
    if (link.kind == "variable") right = right && (of_something || precedes(page, link, "."));
    if (right) continue;
    out += page.substr(at, link.begin - at) + link.name;
    at = link.end;
  }
  return out + page.substr(at);
}

void repair_code_links(const fs::path& html, const fs::path& lessons) {
  std::map<std::string, std::string> sources;  // "lesson_05.html": the program
  for (const fs::path& file : files_below(lessons, "lesson.cpp"))
    sources["lesson_" + file.parent_path().filename().string().substr(0, 2) + ".html"] =
        read_file(file);
  for (const fs::path& file : files_below(html, ".html")) {
    const std::string name = file.filename().string();
    if (name.ends_with("_source.html")) continue;  // there a name stands where it is declared
    const std::string page = read_file(file), repaired = without_false_links(page, sources[name]);
    if (repaired != page) write_file(file, repaired);
  }
}

}  // namespace site
