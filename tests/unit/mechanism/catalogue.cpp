#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/catalogue.hpp>
#include <set>

#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;

namespace {

MechanismInput input(std::size_t n, std::size_t d_head = 8, std::size_t d_value = 4) {
  Random random(n);
  return {random_matrix(random, n, d_head), random_matrix(random, n, d_head),
          random_matrix(random, n, d_value)};
}

}  // namespace

TEST_CASE("mechanisms: counted work equals the closed formula, every row, at three lengths",
          "[catalogue][work]") {
  for (const bool causal : {true, false})
    for (const Mechanism& row : mechanisms())
      for (const std::size_t n : {64u, 128u, 256u}) {
        INFO(row.id << " at " << n << (causal ? " causal" : ""));
        MechanismSettings settings;
        settings.causal = causal;
        const Work got = row.run(input(n), settings).work;
        const Work want = row.formula(n, 8, 4, settings);
        CHECK(got.multiply_adds == want.multiply_adds);
        CHECK(got.exponentials == want.exponentials);
        CHECK(got.largest_buffer == want.largest_buffer);
      }
}

TEST_CASE("mechanisms: with other settings too", "[catalogue][work]") {
  MechanismSettings settings;
  settings.window = 5, settings.block = 4, settings.global = 2, settings.random = 3;
  settings.features = 7, settings.heads = 4, settings.tile = 16, settings.reach = 3;
  settings.states = 3, settings.buckets = 6, settings.chunk = 8, settings.rounds = 1;
  settings.hidden = 9, settings.seed = 4;
  for (const bool causal : {true, false})
    for (const Mechanism& row : mechanisms()) {
      INFO(row.id << (causal ? " causal" : ""));
      settings.causal = causal;
      const Work got = row.run(input(64, 16, 8), settings).work;
      const Work want = row.formula(64, 16, 8, settings);
      CHECK(got.multiply_adds == want.multiply_adds);
      CHECK(got.exponentials == want.exponentials);
      CHECK(got.largest_buffer == want.largest_buffer);
    }
}

TEST_CASE("mechanisms: formulas grow as the row says", "[catalogue][work]") {
  MechanismSettings settings;
  for (const Mechanism& row : mechanisms()) {
    INFO(row.id);
    const auto adds = [&](std::size_t n) {
      return static_cast<double>(row.formula(n, 8, 4, settings).multiply_adds);
    };
    const double power = std::log2(adds(std::size_t{1} << 20) / adds(std::size_t{1} << 16)) / 4;
    CHECK(power > row.time_growth - 0.05);
    CHECK(power < row.time_growth + 0.1);  // n log n counts as n
  }
}

TEST_CASE("mechanisms: all ten rows of the table are there, ids once", "[catalogue]") {
  std::set<int> rows;
  std::set<std::string_view> ids;
  for (const Mechanism& row : mechanisms()) {
    rows.insert(row.row);
    CHECK(ids.insert(row.id).second);
    CHECK((row.row == 0) == row.claimed.empty());
    CHECK(&mechanism(row.id) == &row);
  }
  for (int r = 1; r <= 10; ++r) CHECK(rows.count(r) == 1);
  CHECK(mechanisms<float>().size() == mechanisms().size());
  CHECK_THROWS_AS(mechanism("softmin"), std::out_of_range);
}

TEST_CASE("mechanisms: one schema: output as in the last stage, stages named once and numbers",
          "[catalogue]") {
  for (const Mechanism& row : mechanisms()) {
    const MechanismRun run = row.run(input(32), {});
    CHECK(run.output.shape() == std::array<std::size_t, 2>{32, 4});
    std::set<std::string> names;
    bool last_is_output = false;
    run.for_each_stage([&](const StageOf<const double>& stage) {
      INFO(stage.name);
      CHECK(stage.name.rfind(std::string(row.id) + ".", 0) == 0);
      CHECK(names.insert(stage.name).second);
      std::size_t size = 1;
      for (const std::size_t extent : stage.shape) size *= extent;
      CHECK(size == stage.values.size());
      for (const double x : stage.values) REQUIRE_FALSE(std::isnan(x));
      last_is_output = stage.values.size() == run.output.size() &&
                       std::equal(stage.values.begin(), stage.values.end(), run.output.begin());
    });
    INFO(row.id);
    CHECK(names.size() >= 2);
    CHECK(last_is_output);
  }
}

TEST_CASE("mechanisms: an exact row equals full attention, all others do not",
          "[catalogue][control]") {
  const MechanismInput x = input(64);
  const Matrix want = mechanism("full").run(x, {}).output;
  for (const Mechanism& row : mechanisms()) {
    INFO(row.id);
    const double tolerance = row.relation == Relation::exact ? 1e-12 : 1e-3;
    CHECK(compare(row.run(x, {}).output, want, {.tolerance = tolerance}).close ==
          (row.relation == Relation::exact));
  }
}

TEST_CASE("mechanisms: a restricted row equals full attention where the limits are lifted",
          "[catalogue][two-ways]") {
  const MechanismInput x = input(64);
  const Matrix want = mechanism("full").run(x, {}).output;
  MechanismSettings lifted;
  lifted.window = 64, lifted.random = 8, lifted.slope = 0;
  for (const char* id : {"local", "bigbird", "longformer", "alibi"})
    CHECK_THAT(mechanism(id).run(x, lifted).output, IsClose(want));
}

TEST_CASE("mechanisms: what a row looks at is what moves its output", "[catalogue][control]") {
  const std::size_t n = 32;
  for (const Mechanism& row : mechanisms()) {
    if (!row.looks_at) continue;
    INFO(row.id);
    MechanismSettings settings;
    settings.window = 5, settings.block = 4;
    const Mask cells = row.looks_at(n, settings);
    const MechanismInput x = input(n);
    const Matrix before = row.run(x, settings).output;
    if (row.id == "multi_head") continue;  // its values are projections of the query
    for (std::size_t j = 0; j < n; ++j) {
      MechanismInput moved = x;
      for (std::size_t c = 0; c < 4; ++c) moved.value(j, c) += 100;
      const Matrix after = row.run(moved, settings).output;
      for (std::size_t i = 0; i < n; ++i) CHECK((after(i, 0) != before(i, 0)) == cells(i, j));
    }
  }
}

TEST_CASE("mechanisms: causal rows do not read the future", "[catalogue][law]") {
  const std::size_t n = 32, at = 20;
  const MechanismInput x = input(n);
  MechanismInput moved = x;
  for (std::size_t i = at; i < n; ++i)
    for (std::size_t c = 0; c < 4; ++c)
      moved.value(i, c) += c % 2 ? 100 : -100, moved.key(i, c) += 1;
  const std::set<std::string_view> two_sided = {"mixer", "fourier"};
  for (const Mechanism& row : mechanisms()) {
    const Matrix before = row.run(x, {}).output, after = row.run(moved, {}).output;
    bool same = true;
    for (std::size_t i = 0; i < at; ++i)
      for (std::size_t c = 0; c < 4; ++c)
        same = same && std::abs(before(i, c) - after(i, c)) < 1e-9;
    INFO(row.id);
    CHECK(same == (two_sided.count(row.id) == 0));  // cross reads tokens 0 to 15 only
  }
}

TEST_CASE("mechanisms: float agrees with double", "[catalogue][float]") {
  const MechanismInput x = input(32);
  const MechanismInputOf<float> in_float{MatrixF(x.query), MatrixF(x.key), MatrixF(x.value)};
  for (const Mechanism& row : mechanisms()) {
    INFO(row.id);
    CHECK_THAT(
        mechanism<float>(row.id).run(in_float, {}).output,
        IsCloseInFloat(row.run(x, {}).output, 1e-4));  // weights drawn in float, states add up
  }
}

TEST_CASE("mechanisms: refuse inputs that do not fit one another", "[catalogue][error]") {
  MechanismInput x = input(16);
  Random random(1);
  x.value = random_matrix(random, 15, 4);
  for (const Mechanism& row : mechanisms()) CHECK_THROWS_AS(row.run(x, {}), ShapeError);
}

TEST_CASE("mechanisms: no tokens give no rows or one clear line, one token takes its own value",
          "[catalogue][edge]") {
  const MechanismInput none = {Matrix::from_shape({0, 8}), Matrix::from_shape({0, 8}),
                               Matrix::from_shape({0, 4})};
  const std::set<std::string_view> refuse = {"s4",      "s4_fourier", "mamba",
                                             "hashing", "routing",    "fourier"};
  const std::set<std::string_view> average = {"full",    "local",     "bigbird", "longformer",
                                              "linear",  "performer", "flash",   "alibi",
                                              "hashing", "routing"};
  const MechanismInput one = input(1);
  for (const Mechanism& row : mechanisms()) {
    INFO(row.id);
    if (refuse.count(row.id))
      CHECK_THROWS_AS(row.run(none, {}), ShapeError);
    else
      CHECK(row.run(none, {}).output.shape() == std::array<std::size_t, 2>{0, 4});
    const Matrix output = row.run(one, {}).output;
    for (const double x : output) CHECK(std::isfinite(x));
    CHECK(compare(output, one.value).close == (average.count(row.id) == 1));
  }
}

TEST_CASE("mechanisms: settings that cannot be are refused by the row that reads them",
          "[catalogue][error]") {
  const MechanismInput x = input(16);
  const auto refused = [&](const char* id, std::size_t MechanismSettings::*what, std::size_t to) {
    MechanismSettings settings;
    settings.*what = to;
    INFO(id << " " << to);
    CHECK_THROWS_AS(mechanism(id).run(x, settings), ShapeError);
  };
  refused("local", &MechanismSettings::window, 0);
  refused("bigbird", &MechanismSettings::block, 0);
  refused("performer", &MechanismSettings::features, 0);
  refused("flash", &MechanismSettings::tile, 0);
  refused("multi_head", &MechanismSettings::heads, 3);
  refused("s4", &MechanismSettings::states, 0);
  refused("hashing", &MechanismSettings::buckets, 3);
  refused("hashing", &MechanismSettings::rounds, 0);
  refused("multi_head", &MechanismSettings::heads, 0);
  refused("hashing", &MechanismSettings::buckets, 0);
}

TEST_CASE("mechanisms: more links than there are tokens means all", "[catalogue][edge]") {
  const MechanismInput x = input(16);
  const Matrix want = mechanism("full").run(x, {}).output;
  for (std::size_t MechanismSettings::*many :
       {&MechanismSettings::window, &MechanismSettings::global, &MechanismSettings::random}) {
    MechanismSettings settings;
    settings.block = 2, settings.window = 2;
    settings.*many = 1000;
    if (many != &MechanismSettings::window)
      CHECK_THAT(mechanism("bigbird").run(x, settings).output, IsClose(want));
    if (many != &MechanismSettings::random)
      CHECK_THAT(mechanism("longformer").run(x, settings).output, IsClose(want));
  }
}
