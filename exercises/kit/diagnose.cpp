#include "kit/diagnose.hpp"

#include <cmath>
#include <memory>

#include "kit/reference.hpp"

namespace headlight::course {

namespace {

// Where two traces differ most: "first[0, 1]", with both numbers.
struct Apart {
  double by = 0;
  std::string cell = {};
  double a = 0, b = 0;
};

Apart apart(const Stages& a, const Stages& b) {
  Apart out;
  for (const Stage& stage : a) {
    const Values& x = stage.values;
    const Values& y = stage_of(b, stage.name);
    if (x.shape != y.shape) return {INFINITY, stage.name, 0, 0};
    for (std::size_t i = 0; i < x.data.size(); ++i) {
      const double by = std::abs(x.data[i] - y.data[i]);
      if (by <= out.by) continue;  // a NaN is never written down
      std::vector<std::size_t> at(x.shape.size());
      for (std::size_t axis = at.size(), rest = i; axis-- > 0; rest /= x.shape[axis])
        at[axis] = rest % x.shape[axis];
      out = {by, cell_text(stage.name, at), x.data[i], y.data[i]};
    }
  }
  return out;
}

// Why the recordings cannot be judged by; empty when they can.
std::string fault_of(const Diagnosis& diagnosis) {
  for (const Recording& one : diagnosis.recordings)
    for (std::size_t p = 0; p < diagnosis.programs.size(); ++p) {
      const Program& program = diagnosis.programs[p];
      const Apart most = apart(program.run(diagnosis.input), one.stages);
      if (p + 1 == one.program && !(most.by <= diagnosis.rounding))
        return "trace " + one.name + " was not made by " + program.name + ": it makes " +
               most.cell + " = " + text(most.a) + ", written is " + text(most.b);
      if (p + 1 != one.program && !(most.by > 0.02))
        return "trace " + one.name + " may also be from " + program.name;
    }
  return {};
}

std::string against(const Diagnosis& diagnosis, const Input& input, const Values& got) {
  const Recording& one = diagnosis.recordings.at(static_cast<std::size_t>(input.number("trace")));
  const double said = got.data.empty() ? 0 : got.data[0];
  if (said == 0) return "nothing is filled in for trace " + one.name;
  if (!(said >= 1 && said <= static_cast<double>(diagnosis.programs.size())))
    return "there is no program number " + std::to_string(static_cast<long>(said));
  const std::size_t claimed = static_cast<std::size_t>(said);
  const Program& program = diagnosis.programs[claimed - 1];
  if (claimed == one.program)
    return "trace " + one.name + " is from " + program.name + ": " + program.mark;
  const Apart most = apart(program.run(diagnosis.input), one.stages);
  return "you say " + program.name + ": it would have made " + most.cell + " = " + text(most.a) +
         ", trace " + one.name + " has " + text(most.b) + ". What distinguishes " + program.name +
         ": " + program.mark;
}

}  // namespace

Exercise exercise_of(Diagnosis diagnosis) {
  const auto all = std::make_shared<const Diagnosis>(std::move(diagnosis));
  Exercise out;
  out.id = all->id;
  out.stages = {"program"};
  out.fixed = true;
  out.tolerance = 0;
  out.make = [all](Random&, const Sizes&, const std::string& flavour) {
    Input input;
    for (std::size_t i = 0; i < all->recordings.size(); ++i)
      if (all->recordings[i].name == flavour) input.numbers["trace"] = static_cast<double>(i);
    return input;
  };
  out.expected = [all](const Input& input, const Stages&, const std::string&) {
    const auto which = static_cast<std::size_t>(input.number("trace"));
    return values(static_cast<double>(all->recordings.at(which).program));
  };
  // The case itself is right here; the name must not have been given to another trace as well.
  const Law once = [all](const Answer& of, const Input& input) -> std::optional<Broken> {
    Input other = input;
    const double mine = stage_of(of(input), "program").data.at(0);
    for (std::size_t i = 0; i < all->recordings.size(); ++i) {
      other.numbers["trace"] = static_cast<double>(i);
      if (static_cast<double>(i) != input.number("trace") &&
          stage_of(of(other), "program").data.at(0) == mine)
        return Broken{"program", "trace " + all->recordings[i].name +
                                     " bears the same name: every program made one trace"};
    }
    return std::nullopt;
  };
  for (const Recording& one : all->recordings)
    out.cases.push_back({one.name, "trace " + one.name, {{}}, one.name, once});
  out.fault = [all] { return fault_of(*all); };
  out.against = [all](const Input& input, const Values& got) { return against(*all, input, got); };
  out.exhibits = [all] {
    std::vector<Exhibit> shown = {{"given to every program", {}}};
    for (const auto& [name, tensor] : all->input.matrices)
      shown[0].stages.push_back({name, values(tensor)});
    for (const Recording& one : all->recordings) shown.push_back({"trace " + one.name, one.stages});
    return shown;
  };
  return out;
}

Stages said_of(const std::vector<std::size_t>& said, const Input& input) {
  return {{"program",
           values(static_cast<double>(said.at(static_cast<std::size_t>(input.number("trace")))))}};
}

}  // namespace headlight::course
