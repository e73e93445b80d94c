#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <headlight/file/gpt2_folder.hpp>
#include <headlight/file/safetensors.hpp>
#include <headlight/learning/parameters.hpp>
#include <headlight/render/text.hpp>
#include <limits>

#include "support/catch.hpp"

using namespace headlight;
namespace fs = std::filesystem;

namespace {

struct Run {
  int status = 0;
  std::string out;  // standard output and error
};

Run run(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1 </dev/null").c_str(), "r");
  REQUIRE(pipe != nullptr);
  Run result;
  char part[4096];
  for (std::size_t n; (n = fread(part, 1, sizeof part, pipe)) > 0;) result.out.append(part, n);
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return result;
}

struct Folder {
  fs::path path = fs::temp_directory_path() / ("headlight-train-" + std::to_string(getpid()));
  Folder() { fs::create_directory(path); }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return path / name; }
};

const std::string train = HEADLIGHT_CLI " train ";

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::uint64_t hash_of(const std::string& folder) {
  return parameter_hash(read_gpt2_folder<float>(folder));
}

// Runs a training in the background until its first checkpoint lies there, then kills it outright,
// as a power cut would.
void killed_after_a_checkpoint(const std::string& command, const std::string& folder) {
  const std::string script = "sh -c '" + command +
                             " >/dev/null 2>&1 & pid=$!; while kill -0 $pid "
                             "2>/dev/null && ! test -f " +
                             folder + "/training.safetensors; do :; done; kill -9 $pid; wait $pid'";
  REQUIRE(run(script).status == 137);
}

}  // namespace

TEST_CASE("train: a finished run leaves a folder that trace and heads open", "[train]") {
  const Folder folder;
  const Run made = run(train + "order-two-heads --steps 30 --out " + (folder / "m"));
  CHECK(made.status == 0);
  CHECK(lines(made.out) == 2);
  CHECK(made.out.find('\x1b') == std::string::npos);
  CHECK(fs::exists(folder / "m/card.md"));
  CHECK_FALSE(fs::exists(folder / "m/training.safetensors"));
  CHECK(run(HEADLIGHT_CLI " heads --model " + (folder / "m")).status == 0);
  CHECK(run(HEADLIGHT_CLI " trace --model " + (folder / "m") + " --ids 1,2,3").status == 0);
}

TEST_CASE("train: an interrupted run exits 130, resumes, and has the bits of a whole one",
          "[train]") {
  const Folder folder;
  const std::string steps = "grammar --steps 150 --threads 1 --out ";
  CHECK(run(train + steps + (folder / "whole")).status == 0);
  const Run cut = run("timeout --preserve-status -s INT 0.5 " + train + steps + (folder / "cut"));
  CHECK(cut.status == 130);
  CHECK(lines(cut.out) == 1);
  CHECK_THAT(cut.out, headlight_test::contains("--resume"));
  CHECK(hash_of(folder / "cut") != hash_of(folder / "whole"));  // usable, not finished
  CHECK(run(train + steps + (folder / "cut") + " --resume --threads 2").status == 0);
  CHECK(hash_of(folder / "cut") == hash_of(folder / "whole"));

  const Run other = run(train + steps + (folder / "cut") + " --resume");
  CHECK(other.status == 2);  // nothing left to resume
  CHECK(lines(other.out) == 1);
}

TEST_CASE("train: a state of another run, or a damaged one, is refused in one line", "[train]") {
  const Folder folder;
  const std::string steps = "grammar --steps 150 --out " + (folder / "m");
  REQUIRE(run("timeout --preserve-status -s INT 0.3 " + train + steps).status == 130);
  const Run seed = run(train + steps + " --resume --seed 9");
  CHECK(seed.status == 2);
  CHECK_THAT(seed.out, headlight_test::contains("seed: wanted 9, got 6"));
  const std::string state = folder / "m/training.safetensors";
  write_whole_file(state, read_whole_file(state).substr(0, 2000));
  const Run damaged = run(train + steps + " --resume");
  CHECK(damaged.status == 2);
  CHECK(lines(damaged.out) == 1);
  CHECK_THAT(damaged.out, headlight_test::contains("training.safetensors: "));
}

TEST_CASE("train: at a terminal a bar, the loss with its curve, the time left, in 80 columns",
          "[train]") {
  const Folder folder;
  for (const char* locale : {"C.UTF-8", "C"}) {
    INFO(locale);
    const Run shown =
        run(std::string("env LC_ALL=") + locale + " script -qec '" + train +
            "positions-sinusoidal --steps 25 --out " + (folder / "m") + "' /dev/null");
    CHECK(shown.status == 0);
    CHECK_THAT(shown.out,
               headlight_test::contains("positions-sinusoidal [##########] 25/25  loss "));
    CHECK_THAT(shown.out, headlight_test::contains("ETA 0 s"));
    CHECK((shown.out.find("▁") != std::string::npos) == (std::string(locale) != "C"));
    const std::string progress = shown.out.substr(0, shown.out.find('\n'));
    for (std::size_t at = 0; at < progress.size();) {
      const std::size_t end = std::min(progress.find('\r', at), progress.size());
      CHECK(render::display_width(progress.substr(at, end - at)) <= 80);
      at = end + 1;
    }
  }
}

TEST_CASE("train: killed outright it goes on from its last checkpoint, to the bits of a whole run",
          "[train]") {
  const Folder folder;
  const std::string steps = "induction --steps 260 --threads 1 --out ";
  CHECK(run(train + steps + (folder / "whole")).status == 0);
  killed_after_a_checkpoint(train + steps + (folder / "cut"), folder / "cut");
  // what a write that was cut short leaves beside the files is nobody's input
  write_whole_file(folder / "cut/training.safetensors.partial-1", "half of a file");
  const Run resumed = run(train + steps + (folder / "cut") + " --resume");
  INFO(resumed.out);
  CHECK(resumed.status == 0);
  CHECK(hash_of(folder / "cut") == hash_of(folder / "whole"));
  // the card of a resumed run has the loss of every step
  const std::string card = read_whole_file(folder / "cut/card.md");
  CHECK_THAT(card, headlight_test::contains("| step | 0 | 25 | 51 |"));
}

TEST_CASE("train: a loss that is not a number stops the run, the last checkpoint stays",
          "[train]") {
  const Folder folder;
  const Run wild = run(train + "order-two-heads --rate 1e30 --out " + (folder / "wild"));
  CHECK(wild.status == 1);
  CHECK(lines(wild.out) == 1);
  CHECK_THAT(wild.out, headlight_test::contains("the loss is not a number; nothing was kept yet"));

  const std::string steps = "induction --steps 260 --out " + (folder / "m");
  killed_after_a_checkpoint(train + steps, folder / "m");
  const std::string path = folder / "m/training.safetensors";
  SafetensorsFile state = read_safetensors(path);
  for (StoredTensor& t : state.tensors)
    if (t.name == "weights") {
      std::vector<float> flat = numbers_of<float>(t);
      flat[7] = std::numeric_limits<float>::infinity();
      t = stored<float>("weights", {flat.size()}, flat.data());
    }
  write_safetensors(path, state);
  const std::string before = read_whole_file(path);
  const Run broken = run(train + steps + " --resume");
  CHECK(broken.status == 1);
  CHECK(lines(broken.out) == 1);
  CHECK_THAT(broken.out,
             headlight_test::contains("step 200: the loss is not a number; training.safetensors "
                                      "holds step 200; try a smaller --rate"));
  CHECK(read_whole_file(path) == before);
  CHECK_FALSE(fs::exists(folder / "m/model.safetensors"));
}

TEST_CASE("train: a checkpoint that is no such thing is refused in one line that says why",
          "[train]") {
  const Folder folder;
  const std::string steps = "induction --steps 260 --out " + (folder / "m");
  killed_after_a_checkpoint(train + steps, folder / "m");
  const std::string path = folder / "m/training.safetensors";
  const SafetensorsFile good = read_safetensors(path);
  const auto refusal = [&](auto change) {
    SafetensorsFile state = good;
    change(state);
    write_safetensors(path, state);
    const Run refused = run(train + steps + " --resume");
    CHECK(refused.status == 2);
    CHECK(lines(refused.out) == 1);
    return refused.out;
  };
  const auto shorter = [](SafetensorsFile& state, const std::string& name) {
    for (StoredTensor& t : state.tensors)
      if (t.name == name) {
        const float few[] = {1, 2, 3};
        t = stored<float>(name, {3}, few);
      }
  };
  using headlight_test::contains;
  CHECK_THAT(refusal([](auto& s) { s.metadata["recipe"] = "grammar"; }),
             contains("recipe: wanted induction, got grammar; start again without --resume"));
  CHECK_THAT(refusal([](auto& s) { s.metadata["of_steps"] = "600"; }),
             contains("of_steps: wanted 260, got 600"));
  CHECK_THAT(refusal([](auto& s) { s.metadata["steps"] = "261"; }),
             contains("steps: wanted a whole number up to 260, got 261"));
  CHECK_THAT(refusal([](auto& s) { s.metadata["steps"] = "-1"; }),
             contains("steps: wanted a whole number up to 260, got -1"));
  CHECK_THAT(refusal([](auto& s) { s.metadata.clear(); }), contains("wanted"));
  CHECK_THAT(refusal([&](auto& s) { shorter(s, "weights"); }),
             contains("wanted 39104 weights, got 3"));
  CHECK_THAT(refusal([&](auto& s) { shorter(s, "adam.second"); }),
             contains("wanted 39104 means of gradients and of squares, got 39104 and 3"));
  CHECK_THAT(refusal([&](auto& s) { shorter(s, "losses"); }), contains("wanted 200 losses, got 3"));
  CHECK_THAT(refusal([](auto& s) { s.tensors.pop_back(); }), contains("is missing"));
  write_safetensors(path, good);
  CHECK(run(train + steps + " --resume").status == 0);

  fs::create_directory(folder / "none");
  fs::create_directory(folder / "none/training.safetensors");
  const Run no_file = run(train + "induction --steps 260 --resume --out " + (folder / "none"));
  CHECK(no_file.status == 2);
  CHECK(lines(no_file.out) == 1);
}

TEST_CASE("train: a checkpoint that does not fit on the disk is said, and the run goes on",
          "[train]") {
  const Folder folder;
  // 51,200 bytes are allowed: enough for the model, too few for its optimiser's state
  const Run tight = run("sh -c 'ulimit -f 100; " + train + "order-two-heads --steps 450 --out " +
                        (folder / "m") + "'");
  INFO(tight.out);
  CHECK(tight.status == 0);
  CHECK_THAT(tight.out, headlight_test::contains("step 200: " + (folder / "m") +
                                                 "/training.safetensors: cannot be written: "));
  CHECK_THAT(tight.out, headlight_test::contains("training goes on"));
  CHECK(lines(tight.out) == 4);  // two checkpoints, and what a finished run says
  CHECK(run(HEADLIGHT_CLI " heads --model " + (folder / "m")).status == 0);
  for (const auto& entry : fs::directory_iterator(folder / "m"))
    CHECK(entry.path().string().find("partial") == std::string::npos);
}

TEST_CASE("train: when a file cannot be written whole, the old one stays", "[train]") {
  const Folder folder;
  const std::string out = "order-two-heads --out " + (folder / "m");
  REQUIRE(run(train + out + " --steps 20").status == 0);
  const std::uint64_t before = hash_of(folder / "m");
  const Run full = run("sh -c 'ulimit -f 8; " + train + out + " --steps 25'");
  CHECK(full.status == 2);
  CHECK(lines(full.out) == 1);
  CHECK_THAT(full.out, headlight_test::contains("model.safetensors: cannot be written: "));
  CHECK(hash_of(folder / "m") == before);
  for (const auto& entry : fs::directory_iterator(folder / "m"))
    CHECK(entry.path().string().find("partial") == std::string::npos);
}

TEST_CASE("train: a diverging run stops with exit 1 and says so", "[train]") {
  const Folder folder;
  const Run wild = run(train + "order-two-heads --rate 1000 --out " + (folder / "m"));
  CHECK(wild.status == 1);
  CHECK(lines(wild.out) == 1);
  CHECK_THAT(wild.out, headlight_test::contains("the run diverges; nothing was kept yet"));
  CHECK_FALSE(fs::exists(folder / "m/model.safetensors"));
}

TEST_CASE("train: wrong usage is one line and exit 2", "[train]") {
  for (const char* wrong : {"", "tall", "induction --steps 0", "induction --bogus",
                            "induction --steps many", "all --out /tmp/x"}) {
    INFO(wrong);
    const Run refused = run(train + wrong);
    CHECK(refused.status == 2);
    CHECK(lines(refused.out) == 1);
  }
  CHECK(run(train + "--list").status == 0);
  CHECK(run(train + "--help").status == 0);
}

TEST_CASE("heads: wrong usage is one line and exit 2, --json is one object", "[train]") {
  for (const char* wrong : {"", "--model /nowhere", "--model induction --period 1"}) {
    INFO(wrong);
    const Run refused = run(std::string(HEADLIGHT_CLI " heads ") + wrong);
    CHECK(refused.status == 2);
    CHECK(lines(refused.out) == 1);
  }
  for (const char* model : {"induction", "positions-shaw --all", "wide --all --exclude-bos"}) {
    INFO(model);
    const Run page = run(std::string(HEADLIGHT_CLI " heads --model ") + model);
    CHECK(page.status == 0);
    CHECK_THAT(page.out, headlight_test::contains("In-context learning: "));
    std::size_t column = 0, widest = 0;  // every sign of this page is one byte wide
    for (const char sign : page.out) {
      column = sign == '\n' ? 0 : column + 1;
      widest = std::max(widest, column);
    }
    CHECK(widest <= 80);
  }
  const Run card = run(HEADLIGHT_CLI " heads --model induction --json");
  CHECK(card.status == 0);
  CHECK(card.out.front() == '{');
  for (const char* part : {"\"ceiling\"", "\"copying.olsson\"", "\"without_repeats\""})
    CHECK_THAT(card.out, headlight_test::contains(part));
}
