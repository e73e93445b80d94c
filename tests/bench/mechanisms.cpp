#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "scratch.hpp"
#include "support/catch.hpp"

using headlight_test::contains;
using nlohmann::json;

TEST_CASE("bench mechanisms: memory grows with the square or with the length, as wanted",
          "[bench]") {
  const scratch::Run run = scratch::headlight("bench mechanisms --json --tokens 256,512,1024");
  INFO(run.err);
  REQUIRE(run.status == 0);
  const json object = json::parse(run.out);
  CHECK(object["mechanisms"].size() >= 10);
  std::map<std::string, double> growth;
  for (const json& row : object["mechanisms"]) {
    INFO(row["id"]);
    growth[row["id"]] = row["memory_growth"];
    CHECK(row["sizes"].size() == 3);
    for (const json& size : row["sizes"]) CHECK(size["seconds"].get<double>() > 0);
    CHECK(row["time_growth"].is_number());
    const double wanted = row["memory_growth_wanted"];
    CHECK(std::abs(growth[row["id"]] - wanted) < (wanted == 1.5 ? 0.4 : 0.12));  // steps of sqrt(n)
  }
  for (const char* id : {"flash", "local", "linear", "s4", "mamba"}) CHECK(growth.at(id) < 1.1);
  CHECK(growth.at("full") > 1.9);
}

TEST_CASE("bench mechanisms: some of them, in a table of 80 columns", "[bench]") {
  const scratch::Run run =
      scratch::headlight("bench mechanisms --tokens 32,64 --only flash,s4_fourier");
  CHECK(run.status == 0);
  CHECK(run.err.empty());
  CHECK_THAT(run.out, contains("s4_fourier"));
  CHECK(run.out.find("hydra") == std::string::npos);
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}

TEST_CASE("bench mechanisms: sizes that would take too long are left out and said", "[bench]") {
  const scratch::Run run = scratch::headlight(
      "bench mechanisms --json --only full --tokens 64,128,1000000 --patience 5");
  REQUIRE(run.status == 0);
  const json row = json::parse(run.out)["mechanisms"][0];
  CHECK(row["sizes"].size() == 2);
  CHECK(row["stopped_by"] == "time");
}

TEST_CASE("bench mechanisms: wrong usage is refused with one line and exit 2", "[bench]") {
  for (const char* wrong : {"--tokens 512", "--tokens 512,512", "--tokens 0,512", "--only softmin",
                            "--tokens many", "--bogus"}) {
    INFO(wrong);
    const scratch::Run run = scratch::headlight(std::string("bench mechanisms ") + wrong);
    CHECK(run.status == 2);
    CHECK(run.out.empty());
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK_THAT(run.err, contains("headlight bench mechanisms: "));
  }
}
