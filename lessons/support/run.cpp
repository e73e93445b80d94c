#include <malloc.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxopts.hpp>
#include <filesystem>
#include <headlight/file/whole_file.hpp>
#include <headlight/render/text.hpp>
#include <iostream>
#include <stdexcept>

#include "support/models.hpp"
#include "support/page.hpp"

namespace lesson {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool reads_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = variable(name);
    if (!value.empty())
      return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos ||
             value.find("UTF8") != std::string::npos;
  }
  return false;
}

std::size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
    return std::min<std::size_t>(size.ws_col, 100);
  return 80;
}

// Trains the lesson's models anew, talking to stderr: lines always, progress at a terminal only.
void train_anew(const TrainedModels& models, const std::string& program, std::uint64_t seed) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double shown = 0;
  bool unfinished = false;  // a line of progress stands at the cursor
  models.retrain(seed, {[&](const std::string& line) {
                          if (unfinished) std::cerr << "\r\033[K";
                          unfinished = false;
                          std::cerr << program << ": " << line << std::endl;
                        },
                        [&](const std::string& line) {
                          if (!terminal || seconds() - shown < 0.1) return;
                          shown = seconds(), unfinished = true;
                          std::cerr << "\r" << line << "  " << std::flush;
                        },
                        seconds});
}

// Traces come and go, each as large as the last. Their memory is kept for the next one: fresh pages
// cost as much as the arithmetic.
void keep_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);   // bytes
  mallopt(M_TRIM_THRESHOLD, 512 << 20);  // bytes
#endif
}

int refuse(const std::string& program, const std::string& reason) {
  std::cerr << program << ": " << reason << ". Try --help.\n";
  return 2;
}

}  // namespace

int run(int argc, char** argv, const About& about, void (*tell)(Page&)) {
  const std::string program = "lesson " + std::to_string(about.number);
  try {
    cxxopts::Options options(program,
                             "Lesson " + std::to_string(about.number) + ": " + about.title);
    options.set_width(80);
    options.add_options()("text", "a text of your own, where the lesson reads one",
                          cxxopts::value<std::string>(), "T")(
        "seed", "another seed for what is drawn", cxxopts::value<std::uint64_t>(), "S")(
        "step", "wait after every step (at a terminal)")("quiet",
                                                         "only failing checks and the tally")(
        "retrain",
        "train the lesson's models anew instead of reading the shipped ones (--seed "
        "then is the seed of the training too)")("json",
                                                 "one JSON object on stdout instead of the page")(
        "export", "write the stages to FILE: .npz, .safetensors or .json",
        cxxopts::value<std::string>(),
        "FILE")("html", "write the page to FILE", cxxopts::value<std::string>(), "FILE")(
        "color", "auto, always or never", cxxopts::value<std::string>()->default_value("auto"),
        "WHEN")("help", "this text")("version", "the version");
    const cxxopts::ParseResult given = options.parse(argc, argv);
    if (given.count("help")) {
      std::cout << options.help();
      return 0;
    }
    if (given.count("version")) {
      std::cout << program << " (headlight " HEADLIGHT_VERSION ")\n";
      return 0;
    }
    if (!given.unmatched().empty())
      return refuse(program, "wanted options only, got \"" + given.unmatched().front() + "\"");
    const std::string when = given["color"].as<std::string>();
    if (when != "auto" && when != "always" && when != "never")
      return refuse(program, "--color: wanted auto, always or never, got \"" + when + "\"");
    const std::string file = given.count("export") ? given["export"].as<std::string>() : "";
    const std::string ending = std::filesystem::path(file).extension().string();
    if (!file.empty() && ending != ".npz" && ending != ".safetensors" && ending != ".json")
      return refuse(
          program,
          "--export: wanted a name that ends in .npz, .safetensors or .json, got \"" + file + "\"");

    const bool terminal = isatty(STDOUT_FILENO) != 0;
    const bool plain = !variable("NO_COLOR").empty() || variable("TERM") == "dumb";
    Settings settings;
    settings.look = {terminal_width(), !reads_utf8(),
                     when == "always" || (when == "auto" && terminal && !plain)};
    if (given.count("text")) {
      settings.text = given["text"].as<std::string>();
      if (!headlight::render::is_utf8(settings.text))
        return refuse(program, "--text: wanted UTF-8, got other bytes");
      if (split_words(settings.text).empty())
        return refuse(program, "--text: wanted at least one word, got none");
    }
    if (given.count("seed")) settings.seed = given["seed"].as<std::uint64_t>();
    settings.silent = given.count("json") > 0;
    settings.quiet = given.count("quiet") > 0;
    settings.retrain = given.count("retrain") > 0;
    if (settings.retrain && about.models.names.empty())
      return refuse(program, "--retrain: this lesson stands on no trained model");
    settings.pause =
        given.count("step") > 0 && terminal && isatty(STDIN_FILENO) != 0 && !settings.silent;

    keep_memory();
    if (settings.retrain) train_anew(about.models, program, settings.seed);
    Page page(about, settings);
    tell(page);
    const bool passed = page.finish();
    if (settings.silent) std::cout << page.json();
    if (!file.empty()) page.export_stages(file);
    if (given.count("html"))
      headlight::write_whole_file(given["html"].as<std::string>(), page.html());
    std::cout << std::flush;
    if (!std::cout)
      throw headlight::FileError("the output could not be written: is the disk full?");
    return passed ? 0 : 1;
  } catch (const cxxopts::exceptions::exception& wrong) {
    return refuse(program, wrong.what());
  } catch (const headlight::FileError& wrong) {
    std::cerr << program << ": " << wrong.what() << '\n';  // no option would help
    return 2;
  } catch (const std::exception& wrong) {
    return refuse(program, wrong.what());
  }
}

}  // namespace lesson
