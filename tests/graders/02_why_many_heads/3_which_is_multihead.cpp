// 02.3 which_is_multihead: who made the four traces; they are made again before anything is judged.
#include "02_why_many_heads/exercises.hpp"
#include "02_why_many_heads/traces.hpp"
#include "kit/diagnose.hpp"
#include "support/catch.hpp"

namespace headlight::course {

using Function = decltype(exercise::which_is_multihead);
extern const std::vector<Mutant<Function>> mutants_02_3, accepted_02_3;
extern const std::vector<Program> programs_02_3;

namespace {

std::size_t number_of(exercise::Program program) {
  return static_cast<std::size_t>(program);
}

Stages answer(Function* function, const Input& input) {
  const exercise::Traces who = function();
  return said_of({number_of(who.a), number_of(who.b), number_of(who.c), number_of(who.d)}, input);
}

Recording recording(const char* name, exercise::Program program,
                    const exercise::trace::Trace& trace) {
  return {name,
          number_of(program),
          {{"left", values(trace.left)},
           {"right", values(trace.right)},
           {"output", values(trace.output)}}};
}

const Exercise& exercise_02_3() {
  static const Exercise exercise = [] {
    Diagnosis diagnosis;
    diagnosis.id = "02.3";
    diagnosis.input.matrices = {{"X", exercise::trace::X},
                                {"W_Q", exercise::trace::W_Q},
                                {"W_K", exercise::trace::W_K},
                                {"W_V", exercise::trace::W_V}};
    diagnosis.programs = programs_02_3;
    using exercise::Program;
    diagnosis.recordings = {recording("a", Program::split_first, exercise::trace::a),
                            recording("b", Program::shared_pattern, exercise::trace::b),
                            recording("c", Program::multi_head, exercise::trace::c),
                            recording("d", Program::one_wide_head, exercise::trace::d)};
    Exercise out = exercise_of(diagnosis);
    out.learner = [](const Input& input) { return answer(exercise::which_is_multihead, input); };
    out.mutants = mutations(mutants_02_3, answer);
    out.accepted = mutations(accepted_02_3, answer);
    return out;
  }();
  return exercise;
}

}  // namespace

TEST_CASE("02.3.a") {
  judge(exercise_02_3(), "a");
}
TEST_CASE("02.3.b") {
  judge(exercise_02_3(), "b");
}
TEST_CASE("02.3.c") {
  judge(exercise_02_3(), "c");
}
TEST_CASE("02.3.d") {
  judge(exercise_02_3(), "d");
}

}  // namespace headlight::course
