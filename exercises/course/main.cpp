// The learner's tool: the table of its commands, their options, their errors.
#include <csignal>
#include <cstdio>
#include <iostream>

#include "commands.hpp"
#include "sandbox.hpp"

namespace {

using namespace headlight::course;

struct Known {
  const char* name;
  int (*run)(Call&, const cxxopts::ParseResult&);
  const char* words;
  const char* sentence;
  void (*options)(cxxopts::OptionAdder&);
};

void no_options(cxxopts::OptionAdder&) {}
void json_option(cxxopts::OptionAdder& add) {
  add("json", "one JSON object on stdout");
}
void seed_option(cxxopts::OptionAdder& add) {
  add("seed", "seed of the fresh inputs", cxxopts::value<std::uint64_t>());
}

const Known commands[] = {
    {"list", list, "", "the exercises in order, with minutes, points and state",
     [](cxxopts::OptionAdder& add) {
       json_option(add);
       add("lesson", "only this lesson", cxxopts::value<int>()->default_value("0"));
     }},
    {"next", next, "", "the first exercise that is not done", no_options},
    {"check", check_command, "[ID...]", "builds and grades; without ID the current exercise",
     [](cxxopts::OptionAdder& add) {
       json_option(add);
       seed_option(add);
       add("all", "every exercise")("changed", "those whose file changed since their last check")(
           "strict", "with sanitizers, warnings as errors");
     }},
    {"watch", watch, "[ID]",
     "a verdict at every save; keys: n next, h hint, s solution, r run, q quit",
     [](cxxopts::OptionAdder& add) {
       seed_option(add);
       add("poll", "look at the file instead of waiting for the system's word");
     }},
    {"hint", hint, "[ID]",
     "1 where to look, 2 which idea, 3 pseudo-code, 4 the numbers of the wrong cell",
     [](cxxopts::OptionAdder& add) { add("level", "which, 1 to 4", cxxopts::value<int>()); }},
    {"explain", explain, "[ID]", "one cell term by term, yours and expected",
     [](cxxopts::OptionAdder& add) {
       add("cell", "which, for example 2,0", cxxopts::value<std::string>()->default_value(""))(
           "stage", "of which stage", cxxopts::value<std::string>()->default_value(""));
     }},
    {"compare", compare_command, "[ID]",
     "your stages against the reference, as heat maps of the error", no_options},
    {"reset", reset, "ID", "the empty stub again; your file is kept",
     [](cxxopts::OptionAdder& add) { add("undo", "bring the last kept file back"); }},
    {"solution", solution, "ID", "ours, after yours passed or after hint 3",
     [](cxxopts::OptionAdder& add) { add("reveal", "although it has not passed"); }},
    {"progress", progress, "", "points by lesson", json_option},
    {"grade", grade, "DIR...", "for teachers: grades whole submissions, each by itself",
     [](cxxopts::OptionAdder& add) {
       json_option(add);
       seed_option(add);
       add("gradescope", "as Gradescope reads it (one DIR)")(
           "jobs", "submissions at once", cxxopts::value<int>()->default_value("1"));
     }},
    {"init", init, "DIR", "writes the stubs into a folder of your own", no_options},
    {"bench", bench, "", "time from save to verdict, over all solutions",
     [](cxxopts::OptionAdder& add) {
       json_option(add);
       add("runs", "for each solution", cxxopts::value<int>()->default_value("3"));
     }},
    {"doctor", doctor, "", "what the course needs, and whether its runner withstands misbehaviour",
     [](cxxopts::OptionAdder& add) { add("faults", "run the misbehaving programs"); }},
};

void help() {
  std::puts("usage: headlight COMMAND [options]\n");
  for (const Known& one : commands)
    std::printf("  %-9s %-8s %s\n", one.name, one.words, one.sentence);
}

int run(const Known& known, int argc, char** argv) {
  cxxopts::Options options(std::string("headlight ") + known.name, known.sentence);
  options.custom_help("[options]");
  options.positional_help(known.words);
  cxxopts::OptionAdder add = options.add_options();
  add("h,help", "this text")("version", "the version")(
      "color", "auto, always or never", cxxopts::value<std::string>()->default_value("auto"))(
      "dir", "folder of the learner's files", cxxopts::value<std::string>()->default_value(""))(
      "words", "", cxxopts::value<std::vector<std::string>>());
  known.options(add);
  options.parse_positional("words");
  cxxopts::ParseResult parsed;
  try {
    parsed = options.parse(argc, argv);
  } catch (const std::exception& error) {
    throw Usage(error.what());
  }
  if (parsed.count("help") != 0) {
    std::fputs(options.help().c_str(), stdout);
    return 0;
  }
  if (parsed.count("version") != 0) {
    std::puts("headlight " HEADLIGHT_VERSION);
    return 0;
  }
  const std::string colour = parsed["color"].as<std::string>();
  if (colour != "auto" && colour != "always" && colour != "never")
    throw Usage("--color: wanted auto, always or never, got '" + colour + "'");
  Call call{find_setup(), voice_of(colour)};
  if (parsed.count("words") != 0) call.ids = parsed["words"].as<std::vector<std::string>>();
  const std::string folder = parsed["dir"].as<std::string>();
  if (!folder.empty()) {
    if (!std::filesystem::is_directory(folder))
      throw Usage("--dir: there is no folder '" + folder + "'; headlight init makes one");
    call.setup.exercises = std::filesystem::absolute(folder);
    call.setup.state = call.setup.exercises / ".headlight";
  }
  return known.run(call, parsed);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "--help";
  if (wanted == "--help" || wanted == "-h") return help(), 0;
  if (wanted == "--version") return std::puts("headlight " HEADLIGHT_VERSION), 0;
  struct sigaction on_interrupt = {};
  on_interrupt.sa_handler = [](int) { interrupt_run(); };
  sigaction(SIGINT, &on_interrupt, nullptr);
  sigaction(SIGTERM, &on_interrupt, nullptr);
  signal(SIGPIPE, SIG_IGN);
  for (const Known& one : commands) {
    if (wanted != one.name) continue;
    try {
      const int status = run(one, argc - 1, argv + 1);
      std::cout.flush();
      return was_interrupted() ? 130 : status;
    } catch (const Usage& error) {
      std::cerr << "headlight " << wanted << ": " << error.what() << "\n";
      return 2;
    } catch (const std::invalid_argument& error) {
      std::cerr << "headlight " << wanted << ": " << error.what() << "\n";
      return 2;
    } catch (const std::exception& error) {
      if (was_interrupted()) return 130;
      std::cerr << "headlight " << wanted << ": " << error.what() << "\n";
      const std::string what = error.what();
      return what.find("graders") != std::string::npos ||
                     what.find("course.toml") != std::string::npos
                 ? 5
                 : 6;
    }
  }
  std::cerr << "headlight: there is no command '" << wanted
            << "' of the course; try headlight --help\n";
  return 2;
}
