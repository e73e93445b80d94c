#include <algorithm>
#include <cctype>
#include <set>

#include "commands.hpp"

namespace site {

namespace {

bool remote(const std::string& url) {
  return url.rfind("http:", 0) == 0 || url.rfind("https:", 0) == 0 || url.rfind("//", 0) == 0;
}

std::string decoded(const std::string& url) {
  std::string out;
  for (std::size_t i = 0; i < url.size(); ++i) {
    if (url[i] == '%' && i + 2 < url.size()) {
      out += static_cast<char>(std::stoi(url.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += url[i];
    }
  }
  return out;
}

struct Page {
  std::set<std::string> anchors;
  std::vector<std::pair<std::string, std::size_t>> links;  ///< href and line
};

}  // namespace

std::vector<std::string> check_site(const fs::path& html, const fs::path& headers) {
  std::vector<std::string> faults;
  std::map<std::string, Page> pages;

  for (const fs::path& file : files_below(headers, ".hpp"))
    if (read_file(file).find("@file") == std::string::npos)
      faults.push_back(file.string() +
                       ": a header without @file: Doxygen would leave it out silently");

  for (const fs::path& file : files_below(html, ".html")) {
    const std::string name = fs::relative(file, html).string();
    const bool own = name.rfind("run_", 0) == 0;  // a page written by a lesson, complete in itself
    Page& page = pages[name];
    std::vector<std::string> quiet;  // open tags inside which a name needs no link
    std::vector<std::string> shown;  // open tags inside which text is code
    for (const Token& token : parse_html(read_file(file))) {
      const std::string place = name + ":" + std::to_string(token.line) + ": ";
      const auto attr = [&](const char* key) {
        const auto it = token.attr.find(key);
        return it == token.attr.end() ? std::string() : it->second;
      };
      if (token.kind == Token::Kind::open) {
        for (const char* key : {"id", "name"})
          if (!attr(key).empty()) page.anchors.insert(attr(key));
        if (token.name == "a" && token.attr.count("href") != 0)
          page.links.emplace_back(attr("href"), token.line);
        const bool loads = token.name == "script" || token.name == "img" ||
                           token.name == "iframe" || token.name == "link" ||
                           token.name == "object" || token.name == "source";
        if (loads)
          for (const char* key : {"src", "href", "data"})
            if (const std::string url = attr(key); !url.empty() && url.rfind("data:", 0) != 0) {
              if (remote(url))
                faults.push_back(place + "loads from another host: " + url);
              else
                page.links.emplace_back(url, token.line);
            }
        if (token.name == "img" && token.attr.count("alt") == 0 && !own)
          faults.push_back(place + "a picture without alt text: " + attr("src"));
        const std::string cls = attr("class");
        const bool code = token.name == "pre" || token.name == "code" || token.name == "script" ||
                          (token.name == "div" && (cls.find("fragment") != std::string::npos ||
                                                   cls.find("line") != std::string::npos));
        const bool no_link = code || token.name == "a" || token.name == "title" ||
                             token.name == "h2" || token.name == "h3" || token.name == "td" ||
                             (token.name == "div" && cls.find("title") != std::string::npos);
        static const std::set<std::string> alone = {"br", "img", "input", "hr", "link", "meta"};
        if (!token.empty && alone.count(token.name) == 0) {
          if (no_link || !quiet.empty()) quiet.push_back(token.name);
          if (code || !shown.empty()) shown.push_back(token.name);
        }
      } else if (token.kind == Token::Kind::close) {
        for (std::vector<std::string>* open : {&quiet, &shown}) {
          const auto it = std::find(open->rbegin(), open->rend(), token.name);
          if (it != open->rend()) open->erase(std::prev(it.base()), open->end());
        }
      } else if (token.kind == Token::Kind::text && !own) {
        for (const char* formula : {"\\f$", "\\f[", "\\f("})
          if (shown.empty() && token.text.find(formula) != std::string::npos)
            faults.push_back(place + "a formula that was left as text: " +
                             trimmed(token.text.substr(token.text.find(formula))).substr(0, 60));
        if (!quiet.empty()) continue;
        for (std::size_t at = token.text.find("headlight::"); at != std::string::npos;
             at = token.text.find("headlight::", at + 1)) {
          if (at > 0 && token.text[at - 1] == ':') continue;
          const std::string before = token.text.substr(0, at);  // Doxygen's own headings and lists
          if (before.ends_with("struct ") || before.ends_with("class ") || name == "classes.html")
            continue;
          const std::size_t end =
              std::min(token.text.find_first_of(" \n,;", at), token.text.size());
          faults.push_back(place + "a name that leads nowhere: " + token.text.substr(at, end - at));
        }
        if (token.text.find("\\[") != std::string::npos ||
            token.text.find("\\(") != std::string::npos)
          continue;
        for (const char* bad : {"{{", "}}", "@ref ", "\\ref ", "@snippet", "@htmlinclude"})
          if (token.text.find(bad) != std::string::npos)
            faults.push_back(
                place + "a directive that was not expanded: " + trimmed(token.text).substr(0, 60));
      }
    }
  }

  for (const auto& [name, page] : pages) {
    for (const auto& [link, line] : page.links) {
      if (link.empty() || remote(link) || link.rfind("javascript:", 0) == 0 ||
          link.rfind("mailto:", 0) == 0 || link.rfind("data:", 0) == 0)
        continue;
      const std::size_t hash = link.find('#');
      const std::string path = decoded(link.substr(0, hash));
      const std::string anchor = hash == std::string::npos ? "" : decoded(link.substr(hash + 1));
      const fs::path target =
          path.empty() ? fs::path(name) : (fs::path(name).parent_path() / path).lexically_normal();
      const std::string place = name + ":" + std::to_string(line) + ": ";
      if (link == "#nested-classes")
        continue;  // Doxygen 1.9.4 names a section that holds only private classes
      if (!fs::is_regular_file(html / target)) {
        faults.push_back(place + "a link to nothing: " + link);
        continue;
      }
      const auto it = pages.find(target.string());
      if (!anchor.empty() && it != pages.end() && it->second.anchors.count(anchor) == 0)
        faults.push_back(place + "no such place on the page: " + link);
    }
  }
  std::sort(faults.begin(), faults.end());
  return faults;
}

}  // namespace site
