// The program that runs one case of one exercise in a process of its own. Catch2 finds and runs the
// case; the verdict goes through descriptor 3, line by line, and counts only with the nonce and the
// closing END line.
#define CATCH_CONFIG_RUNNER
#include "kit/runner.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "support/catch.hpp"

namespace headlight::course {

namespace {

constexpr int verdict_pipe = 3;
std::string nonce;
std::size_t delivered = 0;

void send(const std::string& line) {
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t count = write(verdict_pipe, line.data() + sent, line.size() - sent);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

std::vector<std::size_t> cell_of(const std::string& text) {
  std::vector<std::size_t> cell;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) cell.push_back(std::stoul(word));
  return cell;
}

}  // namespace

Asked& asked() {
  static Asked wish;
  return wish;
}

void deliver(nlohmann::json verdict) {
  verdict["nonce"] = nonce;
  send(verdict.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  ++delivered;
}

}  // namespace headlight::course

// usage: runner CASE SEED MODE STAGE CELL AS, with "-" for what is not given; the nonce comes on
// descriptor 3
int main(int argc, char** argv) {
  using namespace headlight::course;
  if (argc == 2 && std::string(argv[1]) == "--list-tests") return Catch::Session().run(argc, argv);
  if (argc != 7) {
    std::cerr << "runner: wanted CASE SEED MODE STAGE CELL AS; use ./headlight check\n";
    return 2;
  }
  for (char letter = 0; read(verdict_pipe, &letter, 1) == 1 && letter != '\n';) nonce += letter;
  const auto word = [&](int i) { return std::string(argv[i]) == "-" ? std::string() : argv[i]; };
  asked().seed = std::stoull(argv[2]);
  asked().mode = word(3);
  asked().stage = word(4);
  asked().cell = cell_of(word(5));
  asked().as = word(6);

  Catch::Session session;
  const char* words[] = {argv[0], argv[1], "--warn", "NoTests"};
  const int count = HEADLIGHT_CATCH2_MAJOR == 2 ? 4 : 2;
  if (session.applyCommandLine(count, words) != 0) return 2;
  std::ostringstream quiet;  // Catch2's own report is not the verdict
  std::streambuf* const screen = std::cout.rdbuf(quiet.rdbuf());
  session.run();
  std::cout.rdbuf(screen);
  const std::size_t cases = delivered;
  deliver({{"end", true}, {"lines", cases}});
  return 0;
}
