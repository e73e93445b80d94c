/// @file
/// Makes the documentation site around Doxygen: header, captured lessons, pages, search index,
/// checks.
#include <iostream>

#include "code_links.hpp"
#include "commands.hpp"
#include "formulas.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const auto is = [&](const char* command, std::size_t count) {
    return args.size() == count + 1 && args[0] == command;
  };
  try {
    if (is("header", 3)) {
      site::make_header(args[1], args[2], args[3]);
    } else if (is("capture", 2)) {
      site::capture_lesson(args[1], args[2]);
    } else if (is("pages", 3)) {
      site::expand_pages({args[1], args[2], args[3]});
    } else if (is("index", 1)) {
      site::make_index(args[1]);
    } else if (is("links", 2)) {
      site::repair_code_links(args[1], args[2]);
    } else if (is("check", 2) || is("formulas", 4)) {
      const std::vector<std::string> faults =
          is("check", 2) ? site::check_site(args[1], args[2])
                         : site::check_formulas(args[1], args[2], args[3], args[4]);
      for (const std::string& fault : faults) std::cerr << "docs: " << fault << "\n";
      return faults.empty() ? 0 : 1;
    } else {
      std::cerr << "headlight_site: wanted one of\n"
                   "  header STOCK HEAD OUT | capture PROGRAM FOLDER | pages SOURCE WORK CAPTURES\n"
                   "  links HTML LESSONS | index HTML | check HTML HEADERS | formulas HTML KATEX "
                   "ENGINE WORK\n";
      return 2;
    }
  } catch (const std::exception& error) {
    std::cerr << "docs: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
