#include "say.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace headlight::course {

using nlohmann::json;

namespace {

std::string list_of(const json& names) {
  std::string text;
  for (const json& name : names) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  return text;
}

// Whether both are whole numbers: counts are written without decimals, to the last digit.
bool are_counts(const json& a, const json& b) {
  for (const json* number : {&a, &b}) {
    if (!number->is_number()) return false;
    const double x = number->get<double>();
    if (x != std::floor(x) || std::abs(x) > 9e15) return false;
  }
  return true;
}

std::string number_text(const json& number, bool is_count) {
  if (number.is_string()) return number.get<std::string>();
  char text[64];
  const double x = number.get<double>();
  if (is_count) {
    std::snprintf(text, sizeof text, "%.0f", x);
    return text;
  }
  std::snprintf(text, sizeof text,
                std::abs(x) < 1e6 && (x == 0 || std::abs(x) >= 1e-3) ? "%.4f" : "%.3e", x);
  return text;
}

std::string cell_text(const json& stage, const json& at) {
  std::string text = stage.get<std::string>();
  if (at.empty()) return text;
  text += "[";
  for (std::size_t axis = 0; axis < at.size(); ++axis)
    text += (axis == 0 ? "" : ", ") + std::to_string(at[axis].get<std::size_t>());
  return text + "]";
}

// For numbers that look alike with four decimals.
std::string all_digits(const json& number) {
  if (number.is_string()) return number.get<std::string>();
  char text[64];
  std::snprintf(text, sizeof text, "%.10g", number.get<double>());
  return text;
}

// How far a prediction is from what was computed.
std::string distance(const json& got, const json& want, bool is_count) {
  if (!got.is_number() || !want.is_number()) return {};
  const double off = got.get<double>() - want.get<double>();
  std::string text =
      " (" + number_text(std::abs(off), is_count) + (off > 0 ? " too much" : " too little");
  char times[48];
  const double ratio = want.get<double>() != 0 ? got.get<double>() / want.get<double>() : 1;
  std::snprintf(times, sizeof times, ", ×%.4g", ratio);
  return text + (std::abs(ratio - 1) > 1e-3 ? times : "") + ")";
}

// The three remarks about the telling case.
std::string remarks(const CaseReport& one, const Report& report, const Entry& entry) {
  const json& v = one.verdict;
  std::string text;
  const bool staged = v.contains("stage");
  if (entry.kind == "diagnose" && staged) {
    text += "  wrong: " + v.value("about", one.id);
    std::string others;
    for (const CaseReport& other : report.cases)
      if (&other != &one && other.status == "fail")
        others += (others.empty() ? "" : ", ") + other.verdict.value("about", other.id);
    text += (others.empty() ? ""
                            : "; " + others +
                                  (others.find(',') == std::string::npos ? " is wrong too"
                                                                         : " are wrong too")) +
            "\n";
  } else if (staged) {
    text += "  first wrong stage: " + v["stage"].get<std::string>();
    json right = v.value("right", json::array());
    for (const json& name : v.value("right_too", json::array())) right.push_back(name);
    if (!right.empty())
      text += "; " + list_of(right) + (right.size() == 1 ? " is right" : " are right");
    text += "   (case " + one.id.substr(5) +
            (v.contains("about") ? ": " + v["about"].get<std::string>() : "") + ")\n";
  } else {
    text += "  case " + one.id.substr(5) + ": " + (one.text.empty() ? one.status : one.text) + "\n";
  }
  const bool open = entry.kind == "predict" && v.value("got", json()) == "nan";
  if (v.contains("against"))
    text += "  " + v["against"].get<std::string>() + "\n";
  else if (v.contains("shape"))
    text += "  by how much: the shape is " + v["shape"].get<std::string>() + "\n";
  else if (open) {
    text += "  by how much: nothing is filled in for " + v["stage"].get<std::string>() + "\n";
  } else if (v.contains("at")) {
    const bool counts = are_counts(v["got"], v["want"]);
    std::string got = number_text(v["got"], counts), want = number_text(v["want"], counts);
    if (got == want) got = all_digits(v["got"]), want = all_digits(v["want"]);
    text += std::string("  by how much: ") + (v["at"].empty() ? "" : "worst cell ") +
            cell_text(v["stage"], v["at"]) + ": got " + got + ", expected " + want;
    if (v["at"].empty()) text += distance(v["got"], v["want"], counts);
    const double ratio = v.value("ratio", 0.0);
    char times[48];
    std::snprintf(times, sizeof times, "; every cell is ×%.3f", ratio);
    if (ratio != 0 && std::abs(ratio - 1) > 1e-3) text += times;
    text += "\n";
  } else if (staged && !one.text.empty()) {
    text += "  what is broken: " + one.text + "\n";
  }
  const bool drawn = entry.kind == "write" || entry.kind == "fix";  // inputs, from the seed
  const bool known = v.contains("cause") && v["cause"].is_object();
  if (known) {
    const json& cause = v["cause"];
    text += "  probable cause: " + cause["text"].get<std::string>() + "   [" +
            cause["id"].get<std::string>() +
            (drawn ? ", " + std::to_string(cause["fits"][0].get<int>()) + " of " +
                         std::to_string(cause["fits"][1].get<int>()) + " inputs"
                   : "") +
            "]\n";
  } else if (!open && v.contains("terms") && !v["terms"].get<std::string>().empty()) {
    text += "  no known mistake makes these numbers; the first wrong cell term by term:\n    " +
            v["terms"].get<std::string>() + "\n";
  }
  if (v.contains("sizes"))
    text += "  smallest failing input: " + v["sizes"].get<std::string>() + "\n";
  if (v.contains("consequence") && !v["consequence"].empty())
    text += "  consequence only: " + list_of(v["consequence"]) + " — consistent with your " +
            v["stage"].get<std::string>() + "\n";
  if (v.contains("wrong_too") && !v["wrong_too"].empty())
    text += "  wrong by itself too: " + list_of(v["wrong_too"]) + "\n";
  text += "  next: " + entry.see + " · headlight hint " + entry.id;
  if (drawn)
    text += " · replay: headlight check " + entry.id + " --seed " + std::to_string(report.seed);
  else if (entry.kind == "diagnose")
    text += " · headlight compare " + entry.id;
  text += "\n";
  return text;
}

}  // namespace

Voice voice_of(const std::string& colour) {
  Voice voice;
  struct winsize size = {};
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
    voice.look.width = size.ws_col;
  std::string locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(name); locale.empty() && value != nullptr) locale = value;
  const bool utf8 =
      locale.find("UTF-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  voice.look.ascii = !utf8;
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  const bool dumb = term == nullptr || std::strcmp(term, "dumb") == 0;
  voice.look.colour = colour == "always" || (colour != "never" && terminal && !dumb &&
                                             (no_colour == nullptr || *no_colour == '\0'));
  return voice;
}

std::string points_text(double points) {
  char text[32];
  std::snprintf(text, sizeof text, points == std::floor(points) ? "%.0f" : "%.1f", points);
  return text;
}

std::string plain(std::string text, const Voice& voice) {
  if (!voice.look.ascii) return text;
  const std::pair<const char*, const char*> signs[] = {
      {"—", "-"}, {"·", "|"}, {"×", "x"}, {"█", "#"}, {"░", "."}, {"→", "->"}, {"…", "..."}};
  for (const auto& [from, to] : signs)
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at))
      text.replace(at, std::strlen(from), to);
  return text;
}

std::string wrapped(const std::string& text, const Voice& voice) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    std::string current(indent, ' ');
    std::size_t width = indent;
    std::istringstream words(line);
    bool first = true;
    for (std::string word; std::getline(words, word, ' ');) {
      if (first && word.empty()) continue;
      const std::size_t size = render::display_width(word);
      if (!first && width + 1 + size > voice.look.width) {
        out += current + "\n";
        current = std::string(indent + 4, ' ');
        width = indent + 4;
        first = true;
      }
      if (!first) current += ' ';
      width += size + (first ? 0 : 1);
      current += word;
      first = false;
    }
    out += current + "\n";
  }
  return out;
}

std::string tinted(const Voice& voice, const char* code, const std::string& text) {
  return voice.look.colour ? std::string("\033[") + code + "m" + text + "\033[0m" : text;
}

std::string bar(double share, const Voice& voice) {
  const int cells = static_cast<int>(std::floor(share * 20 + 1e-9));
  std::string text;
  for (int i = 0; i < 20; ++i) text += i < cells ? "█" : "░";
  return plain(text, voice);
}

std::string in_words(const Report& report, const Entry& entry, const Voice& voice, double before) {
  std::string head = report.id + " " + report.title + " — ";
  const std::string sum = points_text(report.points) + " of " + points_text(report.max) + " points";
  if (report.status == "pass")
    head += tinted(voice, "32", "passed, " + sum);
  else if (report.status == "todo")
    head += tinted(voice, "33", "not written yet, 0 of " + points_text(report.max) + " points");
  else if (report.status == "compile")
    head += tinted(voice, "31", "does not compile");
  else if (report.status == "interrupted")
    head += "interrupted";
  else if (report.status == "course")
    head += tinted(voice, "31", "the course is at fault");
  else
    head += tinted(voice, "31", sum);
  if (before >= 0 && report.points != before && report.status != "compile" &&
      report.status != "interrupted")
    head += " (" + points_text(before) + " before)";
  std::string text = head + "\n";
  if (report.status == "compile") text += "  " + report.text + "\n";
  if (report.status == "todo")
    text += "  fill the region in exercises/" + entry.path() + " · " + entry.about + " · " +
            std::to_string(entry.minutes) + " minutes\n";
  if (report.status == "pass")
    text += "  seed " + std::to_string(report.seed) + " · headlight solution " + entry.id +
            " shows ours · headlight next\n";
  if (report.status == "course" || report.status == "crash" || report.status == "partial") {
    if (report.status == "course" && !report.text.empty()) text += "  " + report.text + "\n";
    const CaseReport* const telling = telling_case(report);
    if (telling != nullptr) text += remarks(*telling, report, entry);
    if (!report.advice.empty()) text += "  note: " + report.advice + "\n";
    for (const CaseReport& one : report.cases)
      if (&one != telling && one.status != "pass" && one.status != "fail" && one.status != "todo")
        text += "  case " + one.id.substr(5) + ": " + one.status + ", " + one.text + "\n";
    for (const CaseReport& one : report.cases)
      if (!one.output.empty()) {
        text += "  it printed: " + one.output.substr(0, one.output.find('\n')).substr(0, 70) + "\n";
        break;
      }
  }
  return wrapped(plain(text, voice), voice);
}

json as_json(const Setup& setup, const std::vector<Report>& reports, std::uint64_t seed) {
  json exercises = json::array();
  double points = 0, most = 0;
  for (const Report& report : reports) {
    points += report.points;
    most += report.max;
    json cases = json::array();
    for (const CaseReport& one : report.cases) {
      const json& v = one.verdict;
      json item = {{"id", one.id},
                   {"status", one.status},
                   {"points", one.points},
                   {"max", one.max},
                   {"text", one.text}};
      for (const char* key : {"stage", "err", "tol", "at", "got", "want", "sizes", "shape"})
        if (v.contains(key)) item[key] = v[key];
      if (!one.output.empty()) item["output"] = one.output;
      cases.push_back(item);
    }
    json item = {{"id", report.id},
                 {"title", report.title},
                 {"status", report.status},
                 {"points", report.points},
                 {"max", report.max},
                 {"build_s", report.build_s},
                 {"run_s", report.run_s},
                 {"src", report.source},
                 {"hint_level", report.hint_level},
                 {"revealed", report.revealed},
                 {"cases", cases}};
    if (!report.text.empty()) item["text"] = report.text;
    if (const CaseReport* telling = telling_case(report)) {
      const json& v = telling->verdict;
      if (v.contains("stage")) item["first_wrong_stage"] = v["stage"];
      if (v.contains("cause") && v["cause"].is_object()) {
        item["cause"] = v["cause"]["id"];
        item["cause_text"] = v["cause"]["text"];
        item["cause_fits"] = v["cause"]["fits"];
      }
    }
    exercises.push_back(item);
  }
  return {{"schema", 1},
          {"course", setup.manifest.version},
          {"tool", HEADLIGHT_VERSION},
          {"host", {{"cxx", setup.compiler_name}, {"catch2", setup.catch2}}},
          {"seed", seed},
          {"exercises", exercises},
          {"total", {{"points", points}, {"max", most}}}};
}

}  // namespace headlight::course
