#include "digest.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

namespace headlight::course {

namespace {

std::vector<std::string> lines_of(const std::string& log) {
  std::vector<std::string> lines;
  std::istringstream text(log);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// The number after "file:" in a line; 0 when it is not about that file.
std::size_t line_number(const std::string& line, const std::string& file) {
  const std::size_t at = line.find(file + ":");
  if (at == std::string::npos) return 0;
  std::size_t number = 0, i = at + file.size() + 1;
  for (; i < line.size() && std::isdigit(static_cast<unsigned char>(line[i])) != 0; ++i)
    number = number * 10 + static_cast<std::size_t>(line[i] - '0');
  return number;
}

std::string without(std::string text, const std::string& part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part))
    text.erase(at, part.size());
  return text;
}

// Type names as the learner writes them.
std::string readable(std::string message) {
  for (const char* part : {"headlight::exercise::", "headlight::", "std::__cxx11::"})
    message = without(message, part);
  for (std::size_t at = message.find("{aka"); at != std::string::npos; at = message.find("{aka")) {
    const std::size_t close = message.find('}', at);
    if (close == std::string::npos) break;
    message.erase(at, close - at + 1);
  }
  for (std::size_t at = message.find("xt::xtensor_container<"); at != std::string::npos;
       at = message.find("xt::xtensor_container<")) {
    std::size_t depth = 0, end = at;
    for (; end < message.size(); ++end) {
      depth += message[end] == '<';
      if (message[end] == '>' && --depth == 0) break;
    }
    message.replace(at, end - at + 1, "Matrix");
  }
  if (const std::size_t flag = message.rfind(" [-W"); flag != std::string::npos)
    message.erase(flag);
  if (message.size() > 200) message = message.substr(0, 197) + "...";
  return message;
}

}  // namespace

std::string digest(const std::string& log, const std::string& file) {
  const std::vector<std::string> lines = lines_of(log);
  const auto more = [&] {
    return lines.size() > 1
               ? "; " + std::to_string(lines.size() - 1) + " more lines in .headlight/last.log"
               : std::string();
  };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool missing = lines[i].find("undefined reference to") != std::string::npos;
    const std::size_t error = lines[i].find("error: ");
    if (missing)
      return "a function is missing or has another name or other parameters: " +
             readable(lines[i].substr(lines[i].find("undefined reference to"))) + more();
    if (error == std::string::npos) continue;
    std::size_t number = line_number(lines[i], file);
    // an error inside a header: the learner's line is in the trail before or after it
    for (std::size_t step = 1; number == 0 && step < lines.size(); ++step) {
      if (i >= step) number = line_number(lines[i - step], file);
      if (number == 0 && i + step < lines.size()) number = line_number(lines[i + step], file);
    }
    return (number == 0 ? std::string() : "line " + std::to_string(number) + ": ") +
           readable(lines[i].substr(error + 7)) + more();
  }
  return (lines.empty() ? std::string("the compiler failed without a word")
                        : readable(lines.front())) +
         more();
}

std::string sanitizer_digest(const std::string& log, const std::string& file) {
  std::string found;
  std::size_t number = 0;
  for (const std::string& line : lines_of(log)) {
    const std::size_t undefined = line.find("runtime error: ");
    const std::size_t address = line.find("ERROR: AddressSanitizer: ");
    if (found.empty() && undefined != std::string::npos) found = line.substr(undefined + 15);
    if (found.empty() && address != std::string::npos) {
      found = line.substr(address + 25);
      found = found.substr(0, found.find(" on "));
    }
    if (!found.empty() && number == 0) number = line_number(line, file);
  }
  if (found.empty()) return {};
  return "sanitizers say: " + found.substr(0, 160) +
         (number == 0 ? "" : " (line " + std::to_string(number) + ")");
}

}  // namespace headlight::course
