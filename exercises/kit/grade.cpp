#include "kit/grade.hpp"

#include <cmath>
#include <cstring>
#include <headlight/core/shape.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kit/exercise.hpp"
#include "kit/runner.hpp"
#include "kit/verdict.hpp"
#include "support/catch.hpp"

namespace headlight::course {

namespace {

using nlohmann::json;

// ---- inputs

std::uint64_t mixed(std::uint64_t seed, const std::string& text) {
  for (const char letter : text) {
    seed ^= static_cast<unsigned char>(letter);
    seed *= 0x100000001b3ULL;
  }
  return seed;
}

std::string text_of(const Sizes& sizes) {
  std::string text;
  for (const auto& [name, size] : sizes)
    text += (text.empty() ? "" : ", ") + name + " = " + std::to_string(size);
  return text;
}

Input make_input(const Exercise& exercise, const std::string& flavour, const Sizes& sizes,
                 std::uint64_t seed) {
  Random random(mixed(seed + 0xcbf29ce484222325ULL, exercise.id + flavour + text_of(sizes)));
  Input input = exercise.make(random, sizes, flavour);
  input.sizes = sizes;
  return input;
}

// Equal bits: what "untouched" and "the same answer twice" mean.
bool same_bits(const double* a, const double* b, std::size_t count) {
  return count == 0 || std::memcmp(a, b, count * sizeof(double)) == 0;
}

template <class Tensors>
std::string touched(const Tensors& before, const Tensors& after) {
  for (const auto& [name, tensor] : before) {
    const auto& now = after.at(name);
    if (now.shape() != tensor.shape() || !same_bits(now.data(), tensor.data(), tensor.size()))
      return name;
  }
  return {};
}

std::string touched(const Input& before, const Input& after) {
  std::string name = touched(before.matrices, after.matrices);
  if (name.empty()) name = touched(before.vectors, after.vectors);
  if (name.empty()) name = touched(before.tensors, after.tensors);
  for (const auto& [list, heads] : before.lists) {
    const std::vector<Matrix>& now = after.lists.at(list);
    for (std::size_t h = 0; h < heads.size() && name.empty(); ++h)
      if (now.size() != heads.size() || now[h].shape() != heads[h].shape() ||
          !same_bits(now[h].data(), heads[h].data(), heads[h].size()))
        name = list;
  }
  return name;
}

// ---- one answer on one input

// On one line, without the places in xtensor's own files.
std::string on_one_line(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  for (std::string word; words >> word;)
    if (word[0] != '/') out += (out.empty() ? "" : " ") + word;
  return out;
}

// What the run-time texts of xtensor and the standard library mean for the learner.
std::string translated(const std::string& what) {
  const auto says = [&](const char* words) { return what.find(words) != std::string::npos; };
  if (says("bad_alloc"))
    return "memory ran out: often a row (an expression of one axis) was returned where a matrix is "
           "expected";
  if (says("Cannot change dimension"))
    return "the number of axes differs: for example a row (one axis) was assigned to a matrix "
           "(two)";
  if (says("ncompatible dimension") || says("broadcast"))
    return "two matrices whose shapes do not fit were combined: " + on_one_line(what);
  if (says("out of bounds") || says("out of range")) {
    const std::size_t last = what.find_last_of("\n\t");  // the library's own file comes first
    return "an index lies outside its matrix: " +
           (last == std::string::npos ? what : what.substr(last + 1));
  }
  return "the function threw: " + on_one_line(what);
}

struct Ran {
  bool todo = false;
  bool refused = false;     // threw std::invalid_argument
  std::string thrown = {};  // empty: it returned
  Stages stages = {};
};

Ran run(const Answer& answer, const Input& input) {
  Ran out;
  try {
    out.stages = answer(input);
  } catch (const Todo&) {
    out.todo = true;
  } catch (const std::invalid_argument& error) {
    out.refused = true;
    out.thrown = translated(error.what());
  } catch (const std::exception& error) {
    out.thrown = translated(error.what());
  } catch (...) {
    out.thrown = "the function threw something that is not a std::exception";
  }
  return out;
}

struct Examined {
  std::string status = "pass";
  std::string text = {};       // why, when no stage says it
  Stages got = {}, want = {};  // want: recomputed from the learner's own stages before it
  std::vector<Comparison> compared = {};
  std::vector<bool> judged = {};
  std::vector<bool> true_right = {};  // not only consistent with the stages before it
  std::size_t first_wrong = 0;        // index of a stage; stages.size() when none
  std::size_t right = 0;              // stages that agree
  bool unsteady = false;              // the same input gave two answers
  bool conduct = false;  // not the numbers are wrong: unsteady, or the input was changed
};

Stages reference(const Exercise& exercise, const Input& input) {
  Stages stages;
  for (const std::string& name : exercise.stages)
    stages.push_back({name, exercise.expected(input, stages, name)});
  return stages;
}

// Nothing or only zeros: what follows from it agrees with it without having been computed.
bool is_blank(const Values& stage) {
  return std::all_of(stage.data.begin(), stage.data.end(), [](double x) { return x == 0; });
}

bool has_nan(const Values& stage) {
  return std::any_of(stage.data.begin(), stage.data.end(), [](double x) { return std::isnan(x); });
}

void examine_stages(const Exercise& exercise, const Input& input, Examined& out) {
  const Stages right = reference(exercise, input);
  out.first_wrong = exercise.stages.size();
  Stages before;
  for (std::size_t k = 0; k < exercise.stages.size(); ++k) {
    const std::string& name = exercise.stages[k];
    const Values& got = stage_of(out.got, name);
    bool judged = true;
    double least_scale = 0;
    Values want = right[k].values;
    if (out.first_wrong < k) {  // from the learner's own stages, where that can be computed
      try {
        want = exercise.expected(input, before, name);
        judged = !has_nan(want) && !is_blank(got);
      } catch (const std::exception&) {
        judged = false;
      }
    } else {
      want = k == 0 ? want : exercise.expected(input, before, name);
    }
    if (judged && exercise.terms_size) least_scale = exercise.terms_size(input, before, name);
    out.compared.push_back(judged ? compare(got, want, exercise.tolerance, least_scale)
                                  : Comparison());
    out.judged.push_back(judged);
    // It may have gone another way than through the wrong stage, and be right all the same.
    const Comparison truth = compare(got, right[k].values, exercise.tolerance, least_scale);
    out.true_right.push_back(truth.same);
    if (truth.same && !is_blank(got) && !(judged && out.compared.back().same)) {
      out.compared.back() = truth;
      out.judged.back() = judged = true;
      want = right[k].values;
    }
    out.want.push_back({name, want});
    if (judged && out.compared.back().same)
      ++out.right;
    else if (out.first_wrong == exercise.stages.size())
      out.first_wrong = k;
    before.push_back({name, got});
  }
}

bool to_refuse(const Exercise& exercise, const Input& input) {
  return exercise.refuses && !exercise.refuses(input).empty();
}

Examined examine(const Exercise& exercise, const Answer& answer, const Input& pristine) {
  Examined out;
  Input input = pristine;  // an answer may change it
  const Ran ran = run(answer, input);
  out.first_wrong = exercise.stages.size();
  if (ran.todo) {
    out.status = "todo";
    return out;
  }
  if (to_refuse(exercise, input)) {
    out.right = ran.refused ? exercise.stages.size() : 0;
    if (ran.refused) return out;
    out.status = "fail";
    out.judged.assign(exercise.stages.size(), true);  // a wrong stage elsewhere tells more
    out.text = exercise.refuses(input) + ": wanted std::invalid_argument, " +
               (ran.thrown.empty() ? "but the function returned" : "but " + ran.thrown);
    return out;
  }
  if (!ran.thrown.empty()) {
    out.status = "fail";
    out.text = ran.thrown;
    return out;
  }
  if (const std::string name = touched(pristine, input); !name.empty()) {
    out.status = "fail";
    out.text = "the input " + name + " was changed: work on a copy";
    out.conduct = true;
    return out;
  }
  out.got = ran.stages;
  examine_stages(exercise, input, out);
  if (out.first_wrong < exercise.stages.size()) {
    out.status = "fail";
    return out;
  }
  const Ran again = run(answer, input);
  for (std::size_t k = 0; k < exercise.stages.size(); ++k)
    if (again.stages.size() != ran.stages.size() ||
        again.stages[k].values.shape != ran.stages[k].values.shape ||
        !same_bits(again.stages[k].values.data.data(), ran.stages[k].values.data.data(),
                   ran.stages[k].values.data.size())) {
      out.status = "fail";
      out.text =
          "called twice with the same input it gives two answers: something is kept between "
          "calls or not initialised";
      out.right = 0;
      out.unsteady = out.conduct = true;
      break;
    }
  return out;
}

// ---- which known mistake makes the same numbers

bool same_up_to(const Exercise& exercise, const Ran& a, const Ran& b, std::size_t last) {
  if (a.todo || b.todo) return false;
  if (a.thrown.empty() != b.thrown.empty() || a.refused != b.refused) return false;
  if (!a.thrown.empty()) return true;
  for (std::size_t k = 0; k <= last && k < exercise.stages.size(); ++k) {
    Values x = stage_of(a.stages, exercise.stages[k]), y = stage_of(b.stages, exercise.stages[k]);
    if (x.shape != y.shape) return false;
    for (std::size_t i = 0; i < x.data.size(); ++i)  // here, and only here, NaN equals NaN
      if (std::isnan(x.data[i]) && std::isnan(y.data[i])) x.data[i] = y.data[i] = 0;
    if (!compare(x, y, exercise.tolerance).same) return false;
  }
  return true;
}

// The law on an answer that already agrees on this input: whatever it throws on a changed one is
// the answer's.
std::optional<Broken> tried(const Law& law, const Answer& answer, const Input& input,
                            const Exercise& exercise) {
  try {
    return law(answer, input);
  } catch (const Todo&) {
    return Broken{exercise.stages.back(), "another input is not written yet"};
  } catch (const std::exception& error) {
    return Broken{exercise.stages.back(), "on a changed input " + translated(error.what())};
  }
}

// The mistake has to be refused here in the same way, and to make the same numbers on four more
// inputs.
json cause_of(const Exercise& exercise, const Answer& answer, const Input& failing,
              const Examined& examined, std::uint64_t seed, const Law& law = {}) {
  std::vector<Input> inputs = {failing};
  for (std::uint64_t round = 1; inputs.size() < 5; ++round)
    for (const Case& other : exercise.cases) {
      if (inputs.size() == 5 || other.sizes.empty()) break;
      inputs.push_back(make_input(exercise, other.flavour, other.sizes[round % other.sizes.size()],
                                  seed + round));
    }
  // Each on a copy: some answers change their input.
  std::vector<Ran> ours;
  for (const Input& input : inputs) ours.push_back(run(answer, Input(input)));
  json best = nullptr;
  std::size_t most = 0;
  json same = json::array();
  for (const Mutation& mutant : exercise.mutants) {
    if (mutant.cause.empty()) continue;
    const Examined theirs = examine(exercise, mutant.answer, failing);
    if (theirs.status != examined.status || theirs.first_wrong != examined.first_wrong ||
        theirs.text.empty() != examined.text.empty() ||
        (examined.conduct && theirs.text != examined.text) ||
        (law && !tried(law, mutant.answer, failing, exercise)))
      continue;
    std::size_t fits = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!same_up_to(exercise, ours[i], run(mutant.answer, Input(inputs[i])),
                      examined.first_wrong))
        break;
      ++fits;
    }
    if (fits < inputs.size()) continue;
    if (most == fits) {
      same.push_back(mutant.id);
    } else {
      most = fits;
      best = {{"id", mutant.id}, {"text", mutant.cause}, {"fits", {fits, inputs.size()}}};
    }
  }
  if (!best.is_null()) best["same"] = same;
  return best;
}

// ---- the smallest failing input

// Smaller sizes worth trying: all that are small, and half of a large one.
std::vector<std::size_t> smaller_than(std::size_t size) {
  std::vector<std::size_t> all;
  for (std::size_t one = 1; one < size && one <= 16; ++one) all.push_back(one);
  if (size / 2 > 16) all.push_back(size / 2);
  return all;
}

// Tries smaller sizes, one axis at a time, as long as the same stage stays the first wrong one; not
// for ever.
Sizes smallest_failing(const Exercise& exercise, const Answer& answer, const Case& chosen,
                       Sizes sizes, const Examined& examined, std::uint64_t seed) {
  if (exercise.fixed || chosen.flavour == "worked")
    return sizes;  // written out, there is no smaller one
  const bool refusing = to_refuse(exercise, make_input(exercise, chosen.flavour, sizes, seed));
  std::size_t tries = 0;
  for (bool shrunk = true; shrunk;) {
    shrunk = false;
    for (const auto& [name, size] : sizes) {
      for (const std::size_t smaller : smaller_than(size)) {
        if (shrunk || ++tries > 1000) break;
        Sizes trial = sizes;
        trial[name] = smaller;
        if (!exercise.possible(trial)) continue;
        const Input input = make_input(exercise, chosen.flavour, trial, seed);
        if (to_refuse(exercise, input) != refusing) continue;
        const Examined again = examine(exercise, answer, input);
        if (again.status == "fail" && again.first_wrong == examined.first_wrong &&
            again.text.empty() == examined.text.empty()) {
          sizes = trial;
          shrunk = true;
        }
      }
      if (shrunk) break;
    }
  }
  return sizes;
}

// ---- the verdict

json number(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  return x;
}

json numbers(const Values& stage) {
  json data = json::array();
  for (const double x : stage.data) data.push_back(number(x));
  return {{"shape", stage.shape}, {"data", data}};
}

// A stage that the learner has wrong may leave nothing to work out a later one from.
std::string terms_of(const Exercise& exercise, const Input& input, const Stages& before,
                     const std::string& stage, const std::vector<std::size_t>& cell) {
  if (!exercise.terms) return "";
  try {
    return exercise.terms(input, before, stage, cell);
  } catch (const std::exception&) {
    return "your stages before " + stage + " do not allow to work it out: put them right first";
  }
}

void describe(const Exercise& exercise, const Input& input, const Examined& examined,
              json& verdict) {
  const std::size_t k = examined.first_wrong;
  json right = json::array(), wrong = json::array(), consequence = json::array(),
       unjudged = json::array(), right_too = json::array();
  for (std::size_t i = 0; i < examined.judged.size(); ++i) {
    const std::string& name = exercise.stages[i];
    if (i < k)
      right.push_back(name);
    else if (i > k)
      (!examined.judged[i]          ? unjudged
       : !examined.compared[i].same ? wrong
       : examined.true_right[i]     ? right_too
                                    : consequence)
          .push_back(name);
  }
  verdict["right"] = right;
  verdict["right_too"] = right_too;
  verdict["consequence"] = consequence;
  verdict["wrong_too"] = wrong;
  verdict["unjudged"] = unjudged;
  if (k >= exercise.stages.size() || examined.compared.empty()) return;
  const Comparison& worst = examined.compared[k];
  verdict["stage"] = exercise.stages[k];
  if (exercise.against) {  // the right answer is not given away
    verdict["against"] = verdict["text"] =
        exercise.against(input, stage_of(examined.got, exercise.stages[k]));
    return;
  }
  verdict["tol"] = exercise.tolerance;
  if (!worst.shape_problem.empty()) {
    verdict["shape"] = worst.shape_problem;
    return;
  }
  verdict["at"] = worst.at;
  verdict["got"] = number(worst.got);
  verdict["want"] = number(worst.want);
  verdict["err"] = number(worst.error);
  verdict["ratio"] = worst.ratio;
  Stages before(examined.got.begin(), examined.got.begin() + static_cast<std::ptrdiff_t>(k));
  verdict["terms"] = terms_of(exercise, input, before, exercise.stages[k], worst.at);
}

void explain(const Exercise& exercise, const Input& input, const Examined& examined,
             json& verdict) {
  std::size_t k = examined.first_wrong;
  if (!asked().stage.empty())
    for (std::size_t i = 0; i < exercise.stages.size(); ++i)
      if (exercise.stages[i] == asked().stage) k = i;
  if (k >= exercise.stages.size()) k = exercise.stages.size() - 1;
  if (examined.want.size() <= k || examined.compared.size() <= k) return;
  const Values& want = examined.want[k].values;
  const Values& got = stage_of(examined.got, exercise.stages[k]);
  if (exercise.against) {
    verdict["explain"] = {{"stage", exercise.stages[k]}, {"words", exercise.against(input, got)}};
    return;
  }
  std::vector<std::size_t> cell = asked().cell;
  if (cell.empty()) cell = examined.compared[k].at;
  cell.resize(want.shape.size(), 0);
  std::size_t at = 0;
  for (std::size_t axis = 0; axis < want.shape.size(); ++axis) {
    if (cell[axis] >= want.shape[axis]) {
      verdict["no_cell"] =
          "stage " + exercise.stages[k] + " has the shape " + shape_string(want.shape);
      return;
    }
    at = at * want.shape[axis] + cell[axis];
  }
  Stages before(examined.got.begin(), examined.got.begin() + static_cast<std::ptrdiff_t>(k));
  verdict["explain"] = {{"stage", exercise.stages[k]},
                        {"cell", cell},
                        {"want", number(want.data.at(at))},
                        {"got", got.shape == want.shape ? number(got.data.at(at)) : json("-")},
                        {"terms", terms_of(exercise, input, before, exercise.stages[k], cell)}};
}

void show_stages(const Exercise& exercise, const Examined& examined, json& verdict) {
  json stages = json::array();
  for (std::size_t k = 0; k < examined.want.size(); ++k)
    stages.push_back({{"name", exercise.stages[k]},
                      {"got", numbers(stage_of(examined.got, exercise.stages[k]))},
                      {"want", numbers(examined.want[k].values)}});
  verdict["stages"] = stages;
}

const Case& case_named(const Exercise& exercise, const std::string& name) {
  for (const Case& one : exercise.cases)
    if (one.name == name) return one;
  throw std::logic_error("exercise " + exercise.id + " has no case " + name);
}

Answer answer_named(const Exercise& exercise, const std::string& id) {
  for (const Mutation& mutant : exercise.mutants)
    if (mutant.id == id) return mutant.answer;
  for (const Mutation& right : exercise.accepted)
    if (right.id == id) return right.answer;
  throw std::logic_error("exercise " + exercise.id + " has no mutant " + id);
}

// Which part of a case's points is earned on one input: the share of stages that are right; where
// something is to be repaired, of those that were wrong before.
double earned(const Exercise& exercise, const Examined& examined, const Input& input) {
  const auto all = static_cast<double>(exercise.stages.size());
  const auto right = static_cast<double>(examined.right);
  if (exercise.given.empty()) return right / all;
  const Answer given = answer_named(exercise, exercise.given);
  const auto before = static_cast<double>(examine(exercise, given, input).right);
  return before < all ? std::max(0.0, (right - before) / (all - before)) : 0;
}

json verdict_of(const Exercise& exercise, const Case& chosen) {
  const Answer answer = asked().as.empty() ? exercise.learner : answer_named(exercise, asked().as);
  json verdict = {{"case", exercise.id + "." + chosen.name},
                  {"about", chosen.about},
                  {"status", "pass"},
                  {"fraction", 1.0}};
  double fraction = 1;
  std::optional<std::size_t> failed;  // index of the first failing input
  Examined worst;
  // Every size twice, with other numbers: an answer kept from the first call shows in the second.
  const std::uint64_t seeds[] = {asked().seed, asked().seed + 1000003};
  std::uint64_t seed = seeds[0];
  for (std::size_t i = 0; i < 2 * chosen.sizes.size(); ++i) {
    const Input input = make_input(exercise, chosen.flavour, chosen.sizes[i / 2], seeds[i % 2]);
    const Examined examined = examine(exercise, answer, input);
    if (examined.status == "todo")
      return {{"case", verdict["case"]},
              {"about", chosen.about},
              {"status", "todo"},
              {"fraction", 0.0}};
    if (examined.status == "fail") fraction = std::min(fraction, earned(exercise, examined, input));
    const bool earlier = failed && examined.first_wrong < worst.first_wrong;
    if (examined.status == "fail" && (!failed || earlier)) {
      failed = i / 2;
      seed = seeds[i % 2];
      worst = examined;
    }
    if (examined.unsteady) break;  // it remembers its calls: the next one tells less
  }
  Sizes sizes = chosen.sizes.at(failed.value_or(0));
  if (failed && worst.unsteady) {  // another run would give yet another answer
    verdict["status"] = "fail";
    verdict["fraction"] = 0.0;
    verdict["text"] = worst.text;
    verdict["cause"] =
        cause_of(exercise, answer, make_input(exercise, chosen.flavour, sizes, seed), worst, seed);
  } else if (failed) {
    sizes = smallest_failing(exercise, answer, chosen, sizes, worst, seed);
    Input input = make_input(exercise, chosen.flavour, sizes, seed);
    Examined shown = examine(exercise, answer, input);
    const bool comes_and_goes = shown.status != "fail";
    if (comes_and_goes) {  // then what was seen first is told
      sizes = chosen.sizes[*failed];
      input = make_input(exercise, chosen.flavour, sizes, seed);
      shown = worst;
      shown.text =
          "asked again with the same input it is right: something is kept between calls or not "
          "initialised";
    }
    verdict["status"] = "fail";
    verdict["fraction"] = fraction;
    verdict["text"] = shown.text;
    describe(exercise, input, shown, verdict);
    if (comes_and_goes)  // the text says more than one cell would
      for (const char* key : {"at", "terms"}) verdict.erase(key);
    if (worst.first_wrong <
        worst.compared.size())  // of the larger input: one cell alone has no pattern
      verdict["ratio"] = worst.compared[worst.first_wrong].ratio;
    verdict["cause"] =
        cause_of(exercise, answer, make_input(exercise, chosen.flavour, sizes, seed), shown, seed);
  } else if (chosen.law) {
    for (const Sizes& one : chosen.sizes) {
      const Input input = make_input(exercise, chosen.flavour, one, seed);
      if (const std::optional<Broken> broken = tried(chosen.law, answer, input, exercise)) {
        verdict["status"] = "fail";
        verdict["fraction"] = 0.0;
        verdict["stage"] = broken->stage;
        verdict["text"] = broken->text;
        Examined shown = examine(exercise, answer, input);
        verdict["cause"] = cause_of(exercise, answer, input, shown, seed, chosen.law);
        sizes = one;
        break;
      }
    }
  }
  if (exercise.fixed)
    verdict["fixed"] = true;
  else
    verdict["sizes"] = text_of(sizes);
  const Input input = make_input(exercise, chosen.flavour, sizes, seed);
  if (asked().mode != "judge") {
    const Examined shown = examine(exercise, answer, input);
    if (asked().mode == "explain") explain(exercise, input, shown, verdict);
    if (asked().mode == "stages") show_stages(exercise, shown, verdict);
  }
  return verdict;
}

// What there is to look at before answering.
json exhibits(const Exercise& exercise, const std::string& name) {
  json all = json::array();
  if (exercise.exhibits)
    for (const Exhibit& one : exercise.exhibits()) {
      json stages = json::array();
      for (const Stage& stage : one.stages)
        stages.push_back({{"name", stage.name}, {"numbers", numbers(stage.values)}});
      all.push_back({{"title", one.title}, {"stages", stages}});
    }
  return {
      {"case", exercise.id + "." + name}, {"status", "pass"}, {"fraction", 1.0}, {"exhibits", all}};
}

// What there is to try on this exercise, for the course's own tests.
json contents(const Exercise& exercise, const std::string& name) {
  json mutants = json::array(), accepted = json::array(), cases = json::array();
  for (const Mutation& one : exercise.mutants)
    mutants.push_back({{"id", one.id}, {"stage", one.stage}, {"cause", one.cause}});
  for (const Mutation& one : exercise.accepted)
    accepted.push_back({{"id", one.id}, {"stage", one.stage}, {"cause", one.cause}});
  for (const Case& one : exercise.cases) cases.push_back(one.name);
  return {{"case", exercise.id + "." + name},
          {"status", "pass"},
          {"fraction", 1.0},
          {"mutants", mutants},
          {"accepted", accepted},
          {"given", exercise.given},
          {"cases", cases}};
}

}  // namespace

Comparison compare(const Values& got, const Values& want, double tolerance, double least_scale) {
  Comparison out;
  if (got.shape != want.shape || got.data.size() != want.data.size()) {
    out.shape_problem = shape_string(got.shape) + " instead of " + shape_string(want.shape);
    return out;
  }
  double scale = 0;
  for (const double x : want.data)
    if (std::isfinite(x)) scale = std::max(scale, std::abs(x));
  scale = std::max(scale, least_scale);
  if (scale == 0) scale = 1;
  const double hidden = -1e4 * std::max(scale, 1.0);
  std::size_t worst = 0;
  double largest = -1, low = std::numeric_limits<double>::infinity(), high = -low;
  for (std::size_t i = 0; i < want.data.size(); ++i) {
    const double x = got.data[i], y = want.data[i];
    double error = std::abs(x - y);
    if (std::isinf(y) && y < 0 && x <= hidden)
      error = 0;
    else if (!std::isfinite(x) || !std::isfinite(y))
      error = x == y ? 0 : std::numeric_limits<double>::infinity();
    if (error > largest) {
      largest = error;
      worst = i;
    }
    if (std::isfinite(y) && std::abs(y) > tolerance * scale) {
      const double ratio = x / y;
      low = std::min(low, ratio);
      high = std::isnan(ratio) ? std::numeric_limits<double>::infinity() : std::max(high, ratio);
    }
  }
  out.same = !(largest > tolerance * scale);
  if (want.data.empty()) return out;
  out.error = largest;
  out.got = got.data[worst];
  out.want = want.data[worst];
  out.at.resize(want.shape.size());
  for (std::size_t axis = want.shape.size(), rest = worst; axis-- > 0; rest /= want.shape[axis])
    out.at[axis] = rest % want.shape[axis];
  if (std::isfinite(low) && std::isfinite(high) && high - low <= 1e-6 * std::abs(high) &&
      want.data.size() > 1)
    out.ratio = high;
  return out;
}

json verdict_on(const Exercise& exercise, const std::string& name) {
  if (asked().mode == "list") return contents(exercise, name);
  try {
    const std::string fault = exercise.fault ? exercise.fault() : "";
    if (!fault.empty()) throw std::logic_error(fault);
    if (asked().mode == "exhibits") return exhibits(exercise, name);
    return verdict_of(exercise, case_named(exercise, name));
  } catch (const std::exception& error) {
    return {{"case", exercise.id + "." + name},
            {"status", "course"},
            {"fraction", 0.0},
            {"text", error.what()}};
  }
}

void judge(const Exercise& exercise, const std::string& name) {
  const json verdict = verdict_on(exercise, name);
  deliver(verdict);
  CHECK(verdict["status"] == "pass");
}

}  // namespace headlight::course
