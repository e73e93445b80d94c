/// @file
/// Judges an answer stage by stage: the first wrong stage, by how much, and which known mistake
/// makes the same numbers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kit/values.hpp"

namespace headlight::course {

/// An answer to an exercise: the learner's function, a mutant, the reference; by stages.
using Answer = std::function<Stages(const Input&)>;

/// A known mistake, and what it is called.
struct Mutation {
  std::string id;     ///< "no-scale"
  std::string stage;  ///< the first stage that it spoils
  std::string cause;  ///< one sentence for the learner; empty: not used to name causes
  Answer answer;      ///< the mistake as a function
};

/// A mutant as its file writes it: a function of the exercise's own type. Right but unusual answers
/// are written the same way, with an empty stage.
template <class Function>
struct Mutant {
  std::string id;      ///< "no-scale"
  std::string stage;   ///< the first stage that it spoils
  std::string cause;   ///< one sentence for the learner
  Function* function;  ///< the mistake
};

/// A law that an answer breaks: which stage shows it, and how.
struct Broken {
  std::string stage;  ///< where
  std::string text;   ///< one sentence with the numbers
};

/// A law: what has to be true of an answer whatever the numbers are.
using Law = std::function<std::optional<Broken>(const Answer&, const Input&)>;

/// One case of an exercise; course.toml gives its points.
struct Case {
  std::string name;          ///< "rect"
  std::string about;         ///< what it tries, a few words
  std::vector<Sizes> sizes;  ///< one input each
  std::string flavour = {};  ///< handed to Exercise::make: "", "worked", "extreme", ...
  Law law = {};              ///< tried after the stages agree
};

/// Numbers that the learner may look at before answering.
struct Exhibit {
  std::string title;  ///< "trace a"
  Stages stages;      ///< tables
};

/// Everything there is to know for judging one exercise.
struct Exercise {
  std::string id;                   ///< "05.1"
  std::vector<std::string> stages;  ///< names, in the order computed
  /// Makes an input of these sizes.
  std::function<Input(Random&, const Sizes&, const std::string& flavour)> make;
  /// The right numbers of a stage, from the input and the stages before it (the learner's own).
  std::function<Values(const Input&, const Stages& before, const std::string& stage)> expected;
  /// The arithmetic of one cell, term by term, from the input and the stages before it.
  std::function<std::string(const Input&, const Stages& before, const std::string& stage,
                            const std::vector<std::size_t>& cell)>
      terms;
  std::vector<Case> cases;        ///< in the order of course.toml
  Answer learner;                 ///< who is judged
  std::vector<Mutation> mutants;  ///< known mistakes
  /// Of a thing to repair: the mistake that the stub holds. Points are for what is right beyond it.
  std::string given = {};
  std::vector<Mutation> accepted = {};  ///< right but unusual answers; `cause` says what is unusual
  /// Whether an input of these sizes exists (for the search of the smallest failing one).
  std::function<bool(const Sizes&)> possible = [](const Sizes&) { return true; };
  double tolerance = 1e-6;  ///< times the scale of the expected stage; zero for counts
  /// How large the numbers are that a stage adds up, where they may cancel: an answer in float
  /// keeps their error, however small the sum. Empty, or zero: only the stage itself counts.
  std::function<double(const Input&, const Stages& before, const std::string& stage)> terms_size =
      {};
  /// Nothing is drawn: every case is a named thing and its stages are quantities (predict) or
  /// names (diagnose). There is no smaller input to look for.
  bool fixed = false;
  /// Why an input has to be refused with std::invalid_argument; empty where it is fine.
  std::function<std::string(const Input&)> refuses = {};
  /// Why the exercise itself cannot be judged by; empty when it can.
  std::function<std::string()> fault = {};
  /// What there is to say about an answer in words, in place of numbers (diagnose).
  std::function<std::string(const Input&, const Values& got)> against = {};
  std::function<std::vector<Exhibit>()> exhibits = {};  ///< shown by `compare` (diagnose)
};

/// Wraps mutants into answers. @param mutants  of an exercise  @param adapt  calls one of them
/// @return the same, by stages
template <class Function, class Adapt>
std::vector<Mutation> mutations(const std::vector<Mutant<Function>>& mutants, Adapt adapt) {
  std::vector<Mutation> out;
  for (const Mutant<Function>& mutant : mutants)
    out.push_back({mutant.id, mutant.stage, mutant.cause,
                   [adapt, function = mutant.function](const Input& input) {
                     return adapt(function, input);
                   }});
  return out;
}

/// How a stage stands to what it should be.
struct Comparison {
  bool same = false;                 ///< within the tolerance everywhere
  std::string shape_problem = {};    ///< when shapes differ: "[3, 2] instead of [2, 3]"
  std::vector<std::size_t> at = {};  ///< the worst cell
  double got = 0;                    ///< there
  double want = 0;                   ///< there
  double error = 0;                  ///< |got - want|; infinite where one of them is not finite
  double ratio = 0;                  ///< got / want when it is the same in every cell; else 0
};

/// Compares cell by cell.
/// @param got  the learner's
/// @param want  the right one; -infinity is also met by any number below -10,000 scales
/// @param tolerance  times the largest finite |want|
/// @param least_scale  the tolerance is at least times this
/// @return shapes first, then NaN and infinities, then the worst cell
Comparison compare(const Values& got, const Values& want, double tolerance, double least_scale = 0);

/// Judges one case and tells the runner.
/// @param exercise  whose
/// @param name  of the case
void judge(const Exercise& exercise, const std::string& name);

}  // namespace headlight::course
