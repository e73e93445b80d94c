/// @file
/// The commands of the course, one function each; main.cpp holds their table.
#pragma once

#include <cxxopts.hpp>
#include <string>
#include <vector>

#include "say.hpp"
#include "setup.hpp"

namespace headlight::course {

/// What every command gets.
struct Call {
  Setup setup;                        ///< of this checkout
  Voice voice;                        ///< how to write
  std::vector<std::string> ids = {};  ///< the words after the options
};

/// Wrong usage: one line, exit status 2.
struct Usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// @name Commands. Each takes the call and its own parsed options and returns the exit status.
/// @{
int list(Call& call, const cxxopts::ParseResult& options);
int next(Call& call, const cxxopts::ParseResult& options);
int check_command(Call& call, const cxxopts::ParseResult& options);
int hint(Call& call, const cxxopts::ParseResult& options);
int explain(Call& call, const cxxopts::ParseResult& options);
int compare_command(Call& call, const cxxopts::ParseResult& options);
int reset(Call& call, const cxxopts::ParseResult& options);
int solution(Call& call, const cxxopts::ParseResult& options);
int progress(Call& call, const cxxopts::ParseResult& options);
int init(Call& call, const cxxopts::ParseResult& options);
int watch(Call& call, const cxxopts::ParseResult& options);
int grade(Call& call, const cxxopts::ParseResult& options);
int bench(Call& call, const cxxopts::ParseResult& options);
int doctor(Call& call, const cxxopts::ParseResult& options);
/// @}

/// @param call  of a command  @return the exercise named, or the first that is not done
const Entry& one_entry(const Call& call);
/// @param setup  of this checkout  @return where the state is kept
std::filesystem::path state_file(const Setup& setup);
/// Checks one exercise, remembers it and says it. @param call  of a command  @param entry  which
/// @param wish  how  @param quiet  say nothing  @return the verdict
Report check_and_remember(const Call& call, const Entry& entry, Wish wish, bool quiet);
/// @param options  parsed  @return --seed, or a fresh one
std::uint64_t seed_of(const cxxopts::ParseResult& options);
/// @param setup  of this checkout  @return a hash of all that graders are made of
std::string course_hash(const Setup& setup);

}  // namespace headlight::course
