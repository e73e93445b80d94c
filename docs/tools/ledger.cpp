#include "ledger.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

namespace site {

namespace {

using nlohmann::json;

std::string text_of(const json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto it = object.find(key);
    if (it != object.end() && it->is_string()) return it->get<std::string>();
  }
  return {};
}

std::string figure(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number()) return {};
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.3g", value.get<double>());
  return buffer;
}

void flatten(const json& value, std::vector<double>& out) {
  if (value.is_array()) {
    for (const json& item : value) flatten(item, out);
  } else if (value.is_string()) {
    const std::string text = value.get<std::string>();
    const double infinity = std::numeric_limits<double>::infinity();
    out.push_back(text == "inf" ? infinity : text == "-inf" ? -infinity : std::nan(""));
  } else if (value.is_boolean()) {
    out.push_back(value.get<bool>() ? 1 : 0);
  } else {
    out.push_back(value.get<double>());
  }
}

}  // namespace

std::vector<Claim> read_claims(const fs::path& folder) {
  // ledger.json holds all claims whose lesson does not exist yet; NN.json, written with lesson NN,
  // stands above it.
  std::vector<fs::path> files;
  for (const fs::path& file : files_below(folder, ".json"))
    file.filename() == "ledger.json" ? files.push_back(file)
                                     : (void)files.insert(files.begin(), file);
  std::vector<Claim> claims;
  std::map<std::string, std::size_t> ids;
  for (const fs::path& file : files) {
    const json data = json::parse(read_file(file));
    const bool ledger = file.filename() == "ledger.json";
    for (const json& item : data.is_array() ? data : data.at("claims")) {
      Claim claim;
      claim.id = text_of(item, {"id"});
      claim.section = text_of(item, {"section"});
      if (claim.section.empty()) claim.section = file.stem().string();
      claim.text = text_of(item, {"claim", "text"});
      claim.kind = text_of(item, {"kind"});
      claim.verdict = text_of(item, {"verdict"});
      claim.note = text_of(item, {"note"});
      claim.evidence = text_of(item, {"evidence"});
      claim.fails_when = text_of(item, {"fails_when"});
      claim.planted_faults = item.value("planted_faults", std::vector<std::string>());
      claim.measured_before = item.value("measured_before", false);
      claim.executable = item.value("executable", false);
      if (claim.id.empty() || claim.text.empty() || claim.verdict.empty())
        throw std::runtime_error(file.string() + ": a claim without id, text or verdict");
      const auto [place, fresh] = ids.insert({claim.id, claims.size()});
      if (fresh)
        claims.push_back(claim);
      else if (!ledger)
        throw std::runtime_error(file.string() + ": " + claim.id + " twice");
      else if (claims[place->second].evidence.empty())
        claims[place->second].evidence = claim.evidence;
    }
  }
  std::sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
    return std::tie(a.section, a.id) < std::tie(b.section, b.id);
  });
  return claims;
}

LessonRun read_lesson_json(const fs::path& file) {
  const json data = json::parse(read_file(file));
  LessonRun run;
  run.number = data.at("lesson").get<int>();
  run.title = data.at("title").get<std::string>();
  run.passed = data.at("passed").get<bool>();
  for (const json& item : data.at("checks")) {
    Check check;
    check.id = text_of(item, {"id"});
    check.text = text_of(item, {"text"});
    check.passed = item.value("passed", false);
    check.relation = text_of(item, {"relation"});
    if (item.contains("measured")) check.measured = figure(item["measured"]);
    if (item.contains("bound")) check.bound = figure(item["bound"]);
    run.checks[check.id] = check;
    if (item.contains("claims"))
      for (const json& id : item["claims"])
        run.claim_checks[id.get<std::string>()].push_back(check.id);
  }
  for (const json& item : data.at("claims")) {
    std::vector<std::string>& checks = run.claim_checks[text_of(item, {"id"})];
    if (item.contains("checks"))
      for (const json& id : item["checks"])
        if (std::find(checks.begin(), checks.end(), id.get<std::string>()) == checks.end())
          checks.push_back(id.get<std::string>());
  }
  for (const json& item : data.at("stages")) {
    LessonRun::Stage stage;
    stage.step = text_of(item, {"step"});
    stage.symbol = text_of(item, {"symbol"});
    stage.name = text_of(item, {"name"});
    if (item.contains("axes") && item["axes"].is_array())
      for (const json& axis : item["axes"]) stage.axes.push_back(axis.get<std::string>());
    if (item.contains("shape")) stage.shape = item["shape"].get<std::vector<std::size_t>>();
    if (item.contains("values")) flatten(item["values"], stage.values);
    run.stages.push_back(stage);
  }
  return run;
}

BenchRun read_bench(const fs::path& file) {
  const json data = json::parse(read_file(file));
  BenchRun run;
  run.n = data.at("n").get<double>();
  run.d = data.at("d").get<double>();
  run.heads = data.at("heads").get<double>();
  run.threads = data.at("threads").get<double>();
  run.runs = data.at("runs").get<double>();
  run.roofline_share = data.at("roofline_share").get<double>();
  for (const json& item : data.at("contenders"))
    run.contenders.push_back({item.at("name").get<std::string>(), item.at("median").get<double>(),
                              item.at("spread").get<double>(), item.at("ratio").get<double>()});
  return run;
}

GrowthRun read_growth(const fs::path& file) {
  const json data = json::parse(read_file(file));
  GrowthRun run;
  run.d_head = data.at("d_head").get<double>();
  for (const json& item : data.at("mechanisms")) {
    GrowthRun::Mechanism one{item.at("id").get<std::string>(),
                             item.at("name").get<std::string>(),
                             {},
                             {},
                             item.at("time_growth").get<double>(),
                             item.at("time_growth_wanted").get<double>(),
                             item.at("memory_growth").get<double>(),
                             item.at("memory_growth_wanted").get<double>()};
    for (const json& size : item.at("sizes")) {
      one.tokens.push_back(size.at("tokens").get<double>());
      one.seconds.push_back(size.at("seconds").get<double>());
    }
    run.mechanisms.push_back(one);
  }
  return run;
}

std::string json_string(std::string_view text) {
  return replaced(json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace), "<",
                  "\\u003c");
}

}  // namespace site
