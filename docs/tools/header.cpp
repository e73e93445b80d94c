#include <regex>
#include <stdexcept>

#include "commands.hpp"

namespace site {

void make_header(const fs::path& stock, const fs::path& head, const fs::path& out) {
  std::string page = read_file(stock);
  const auto swap = [&](const std::string& what, const std::string& by) {
    if (page.find(what) == std::string::npos)
      throw std::runtime_error("this Doxygen's header has no " + what +
                               "; docs/tools/header.cpp must learn it");
    page = replaced(page, what, by);
  };
  // Doxygen 1.9.4 writes a script from another host in place of $mathjax.
  swap("$mathjax", read_file(head));
  page = std::regex_replace(page, std::regex("<!DOCTYPE[^>]*>"), "<!DOCTYPE html>");
  page = std::regex_replace(page, std::regex("<html[^>]*>"), "<html lang=\"en\">");
  page = std::regex_replace(page, std::regex("<meta http-equiv=\"X-UA-Compatible\"[^>]*>"), "");
  page = std::regex_replace(page, std::regex("<meta http-equiv=\"Content-Type\"[^>]*>"),
                            "<meta charset=\"utf-8\"/>");
  page = std::regex_replace(page, std::regex("alt=\"Logo\""), "alt=\"\"");
  const std::string end = "  <!--END PROJECT_NAME-->\n  <!--BEGIN !PROJECT_NAME-->";
  swap(end, "  <td id=\"site-tools\"></td>\n" + end);
  swap("$projectname<!--BEGIN PROJECT_NUMBER-->",
       "<a href=\"$relpath^index.html\">$projectname</a><!--BEGIN PROJECT_NUMBER-->");
  write_file(out, page);
}

}  // namespace site
