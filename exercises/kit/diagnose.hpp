/// @file
/// The kind "diagnose": traces recorded from programs are shown, the learner says who made which.
#pragma once

#include <string>
#include <vector>

#include "kit/grade.hpp"

namespace headlight::course {

/// A program that a trace may come from.
struct Program {
  std::string name;  ///< as the learner's enumeration calls it
  std::string mark;  ///< what gives it away, one sentence
  Answer run;        ///< makes a trace
};

/// A trace as the learner sees it: rounded numbers that were written down.
struct Recording {
  std::string name;     ///< "a"; its case is called the same
  std::size_t program;  ///< who made it, counted from one
  Stages stages;        ///< the numbers
};

/// What such an exercise consists of. Every recording is a case.
struct Diagnosis {
  std::string id;                 ///< "02.3"
  Input input;                    ///< what every program was given
  std::vector<Program> programs;  ///< in the order of the learner's enumeration, after "unknown"
  std::vector<Recording> recordings;  ///< in the order of course.toml's cases
  double rounding = 5.1e-5;           ///< of the written numbers: four decimals
};

/// Makes an exercise of it: one case a recording, with one stage, "program". A name that is given
/// twice is refused. Before anything is judged every recording is made again: it has to be what its
/// program makes, and what no other program makes.
/// @param diagnosis  programs and recordings
/// @return the exercise, without learner, mutants and accepted answers
Exercise exercise_of(Diagnosis diagnosis);

/// What a learner says, as the exercise's answer to the input of one case.
/// @param said  the number of a program for every recording, 0 where nothing is filled in
/// @param input  of the case
/// @return the stage "program"
Stages said_of(const std::vector<std::size_t>& said, const Input& input);

}  // namespace headlight::course
