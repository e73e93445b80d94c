#include <algorithm>
#include <array>
#include <headlight/core/shape.hpp>
#include <headlight/learning/data.hpp>
#include <map>
#include <stdexcept>

namespace headlight {

Batch batch_of(std::span<const Example> examples) {
  Batch batch;
  batch.sequences = examples.size();
  if (examples.empty()) return batch;
  batch.n = examples.front().ids.size();
  bool has_mask = false;
  for (const Example& e : examples) {
    require_shape(e.ids.size() == batch.n && e.targets.size() == batch.n, "batch_of",
                  "sequences of " + std::to_string(batch.n) + " and " +
                      std::to_string(e.ids.size()) + " tokens");
    batch.ids.insert(batch.ids.end(), e.ids.begin(), e.ids.end());
    batch.targets.insert(batch.targets.end(), e.targets.begin(), e.targets.end());
    has_mask = has_mask || !e.counts.empty();
  }
  if (has_mask)
    for (const Example& e : examples)
      for (std::size_t i = 0; i < batch.n; ++i)
        batch.counts.push_back(e.counts.empty() || e.counts[i]);
  return batch;
}

Example repeated_example(const RepeatedData& data, Random& random) {
  if (data.vocabulary == 0 || data.shortest == 0 || data.shortest > data.longest)
    throw std::domain_error("repeated_example: wanted a vocabulary and periods a <= b, got " +
                            std::to_string(data.vocabulary) + " tokens and periods from " +
                            std::to_string(data.shortest) + " to " + std::to_string(data.longest));
  Example e;
  e.period = data.shortest + random.below(data.longest - data.shortest + 1);
  std::vector<std::size_t> segment(e.period);
  for (std::size_t& token : segment) token = random.below(data.vocabulary);
  for (std::size_t t = 0; t < data.n; ++t) {
    e.ids.push_back(segment[t % e.period]);
    e.targets.push_back(segment[(t + 1) % e.period]);
  }
  for (std::size_t i = 1; i < data.n; ++i) {
    e.edges.push_back({"previous", i, {i - 1}, false});
    if (i < e.period) continue;
    GoldEdge duplicate{"duplicate", i, {}, false};
    GoldEdge induction{"induction", i, {}, true};
    for (std::size_t j = 0; j < i; ++j)
      if (e.ids[j] == e.ids[i]) {
        duplicate.keys.push_back(j);
        induction.keys.push_back(j + 1);
      }
    e.edges.push_back(std::move(duplicate));
    e.edges.push_back(std::move(induction));
  }
  return e;
}

std::vector<Example> order_examples(std::size_t letters, std::size_t n, Random& random) {
  std::vector<Example> both(2);
  for (std::size_t i = 0; i < n; ++i) both[0].ids.push_back(random.below(letters));
  both[1].ids = both[0].ids;
  const char* relations[] = {"previous", "before previous"};
  for (std::size_t which = 0; which < 2; ++which) {
    Example& e = both[which];
    for (std::size_t i = 0; i < n; ++i) {
      const bool exists = i > which;
      e.counts.push_back(i > 1);
      e.targets.push_back(exists ? which * letters + e.ids[i - which - 1] : 0);
      if (!exists) continue;
      GoldEdge edge{relations[which], i, {i - which - 1}, true};
      for (std::size_t l = 0; l < letters; ++l)  // it competes in its own half
        if (which * letters + l != e.targets[i]) edge.wrong.push_back(which * letters + l);
      e.edges.push_back(std::move(edge));
    }
  }
  return both;
}

namespace {

using Words = std::vector<std::string>;

// A sentence under construction: words and what is known about them, from its own beginning.
struct Sentence {
  Words words;
  std::vector<GoldEdge> edges;
};

const Words& pick(const std::array<const Words*, 2>& lists, std::size_t which) {
  return *lists[which];
}

const std::string& choose(const Words& words, Random& random) {
  return words[random.below(words.size())];
}

Words joined(std::initializer_list<const Words*> lists) {
  Words all;
  for (const Words* list : lists) all.insert(all.end(), list->begin(), list->end());
  return all;
}

const Words men{"john", "tom", "bob", "max", "sam"};
const Words women{"mary", "sue", "ann", "eve", "kate"};
const Words adjectives{"happy", "sad", "angry", "tired", "hungry", "scared"};
const Words reactions{"smiled", "wept", "shouted", "slept", "ate", "ran"};
const Words nouns{"dog", "cat", "bird", "horse", "girl", "boy", "king", "cook", "frog", "star"};
const Words plural_nouns{"dogs", "cats",  "birds", "horses", "girls",
                         "boys", "kings", "cooks", "frogs",  "stars"};
const Words verbs{"runs", "sings", "jumps", "waits", "falls", "shines", "moves", "sleeps"};
const Words plural_verbs{"run", "sing", "jump", "wait", "fall", "shine", "move", "sleep"};
const Words transitive{"hurts", "sees", "likes", "helps"};
const Words places{"store", "park", "school", "beach", "farm", "lake"};
const Words gifts{"drink", "book", "ball", "ring", "cake", "hat"};
const Words function_words{"the",  "a",   "near", "behind", "and",     "to",      "when", "went",
                           "gave", "met", "he",   "she",    "himself", "herself", "again"};
const Words punctuation{".", ",", "(", ")", "[", "]", "\"", "``", ":"};
const Words numbers{"1", "2", "3", "4", "5", "6"};
const Words names = joined({&men, &women});
const Words things = joined({&nouns, &plural_nouns, &gifts});
const Words items = joined({&nouns, &gifts});
const Words repeatable = joined({&men, &women, &places, &gifts});

std::size_t grammar_id(const std::string& word) {
  static const std::map<std::string, std::size_t> ids = [] {
    std::map<std::string, std::size_t> all;
    for (const std::string& w : grammar_words()) all.emplace(w, all.size());
    return all;
  }();
  return ids.at(word);
}

std::vector<std::size_t> ids_of(const Words& words) {
  std::vector<std::size_t> ids;
  for (const std::string& word : words) ids.push_back(grammar_id(word));
  return ids;
}

const std::array<const Words*, 2> noun_by_number{&nouns, &plural_nouns};
const std::array<const Words*, 2> verb_by_number{&verbs, &plural_verbs};
const std::array<const Words*, 2> name_by_gender{&men, &women};
const std::array<std::string, 2> reflexive{"himself", "herself"};
const std::array<std::string, 2> pronoun{"he", "she"};

// the dogs near cat behind bird run .
Sentence agreement(Random& r) {
  const std::size_t number = r.below(2);
  Sentence s{{"the", choose(pick(noun_by_number, number), r)}, {}};
  static constexpr std::size_t attractors[] = {0, 1, 1, 2};
  for (std::size_t a = attractors[r.below(4)]; a > 0; --a) {
    s.words.push_back(r.below(2) ? "near" : "behind");
    s.words.push_back(choose(pick(noun_by_number, r.below(2)), r));
  }
  s.words.push_back(choose(pick(verb_by_number, number), r));
  s.words.push_back(".");
  s.edges.push_back({"agreement",
                     s.words.size() - 3,
                     {1},
                     true,
                     ids_of(pick(verb_by_number, number)),
                     ids_of(pick(verb_by_number, 1 - number))});
  return s;
}

// john near mary hurts himself .
Sentence reflexive_sentence(Random& r) {
  const std::size_t gender = r.below(2);
  Sentence s{{choose(pick(name_by_gender, gender), r)}, {}};
  if (r.below(3) > 0) {
    s.words.push_back(r.below(2) ? "near" : "behind");
    s.words.push_back(choose(pick(name_by_gender, r.below(2)), r));
  }
  s.words.push_back(choose(transitive, r));
  s.words.push_back(reflexive[gender]);
  s.words.push_back(".");
  s.edges.push_back(
      {"reflexive", s.words.size() - 3, {0}, true, {}, {grammar_id(reflexive[1 - gender])}});
  return s;
}

// john and mary met . she mary ate .
Sentence pronoun_sentence(Random& r) {
  const std::size_t gender = r.below(2), who = r.below(2);
  const std::string first = choose(pick(name_by_gender, gender), r);
  const std::string second = choose(pick(name_by_gender, 1 - gender), r);
  const std::string& meant = who == 0 ? first : second;
  const std::string& other = who == 0 ? second : first;
  return {{first, "and", second, "met", ".", pronoun[who == 0 ? gender : 1 - gender], meant,
           choose(reactions, r), "."},
          {{"pronoun",
            5,
            {who == 0 ? std::size_t{0} : std::size_t{2}},
            true,
            {},
            {grammar_id(other)}}}};
}

// when john and mary went to the park , john gave a book to mary .
Sentence indirect_object(Random& r) {
  const std::size_t a = r.below(names.size());
  const std::size_t b = (a + 1 + r.below(names.size() - 1)) % names.size();
  const bool first_gives = r.below(2) == 0;
  const std::string& giver = names[first_gives ? a : b];
  const std::string& taker = names[first_gives ? b : a];
  const std::size_t taker_at = first_gives ? 3 : 1, giver_at = first_gives ? 1 : 3;
  return {{"when", names[a], "and", names[b], "went", "to", "the", choose(places, r), ",", giver,
           "gave", "a", choose(gifts, r), "to", taker, "."},
          {{"indirect object", 13, {taker_at}, true, {}, {grammar_id(giver)}},
           {"first mention", 9, {giver_at}, false},
           {"subject again", 13, {9}, false}}};
}

// ( dog cake ) .
Sentence bracket(Random& r) {
  static const std::array<std::array<std::string, 2>, 3> pairs{
      {{"(", ")"}, {"[", "]"}, {"``", "\""}}};
  const std::array<std::string, 2>& pair = pairs[r.below(3)];
  const std::size_t inside = 1 + r.below(5);
  Sentence s{{pair[0]}, {}};
  for (std::size_t i = 0; i < inside; ++i) s.words.push_back(choose(things, r));
  s.words.push_back(pair[1]);
  s.words.push_back(".");
  GoldEdge edge{"bracket", inside, {0}, true};
  for (const auto& other : pairs)
    if (other[1] != pair[1]) edge.wrong.push_back(grammar_id(other[1]));
  s.edges.push_back(std::move(edge));
  return s;
}

// 3 : sad frog 4 : cake 5 : book .
Sentence numbered_list(Random& r) {
  const std::size_t count = 3 + r.below(3), start = r.below(7 - count);
  Sentence s;
  std::size_t last = nowhere;
  for (std::size_t i = 0; i < count; ++i) {
    if (last != nowhere) {
      GoldEdge edge{"list", s.words.size() - 1, {last}, true};
      for (const std::string& number : numbers)
        if (number != numbers[start + i]) edge.wrong.push_back(grammar_id(number));
      s.edges.push_back(std::move(edge));
    }
    last = s.words.size();
    s.words.push_back(numbers[start + i]);
    s.words.push_back(":");
    if (r.below(2) == 0) s.words.push_back(choose(adjectives, r));
    s.words.push_back(choose(items, r));
  }
  s.words.push_back(".");
  return s;
}

// tom park sue ring , tom park sue ring .
Sentence repetition(Random& r) {
  const std::size_t length = 3 + r.below(4);
  Words segment;
  for (std::size_t i = 0; i < length; ++i) segment.push_back(choose(repeatable, r));
  Sentence s{segment, {}};
  s.words.push_back(",");
  s.words.insert(s.words.end(), segment.begin(), segment.end());
  s.words.push_back(".");
  for (std::size_t i = 1; i < length; ++i) s.edges.push_back({"previous name", i, {i - 1}, false});
  for (std::size_t i = 0; i + 1 < length; ++i) {
    GoldEdge edge{"induction", length + 1 + i, {}, true};
    for (std::size_t j = 0; j < length; ++j)
      if (segment[j] == segment[i]) edge.keys.push_back(j + 1);
    s.edges.push_back(std::move(edge));
  }
  return s;
}

// when tom sue max sue again .
Sentence duplicate_name(Random& r) {
  Words order = names;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[r.below(i)]);
  const std::size_t count = 2 + r.below(4), again = r.below(count);
  Sentence s{{"when"}, {}};
  s.words.insert(s.words.end(), order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count));
  s.words.push_back(order[again]);
  s.words.push_back("again");
  s.words.push_back(".");
  s.edges.push_back({"duplicate name", count + 1, {1 + again}, true});
  return s;
}

// Sentences until n + 1 tokens are there; edges that reach beyond the cut are dropped.
template <class NextSentence>
Example cut_text(std::size_t n, const NextSentence& next) {
  std::vector<std::size_t> ids{0};  // <bos>
  Example e;
  while (ids.size() < n + 1) {
    const std::size_t start = ids.size();
    const auto [words, edges] = next();
    for (GoldEdge edge : edges) {
      edge.query += start;
      for (std::size_t& key : edge.keys) key += start;
      if (edge.query < n) e.edges.push_back(std::move(edge));
    }
    ids.insert(ids.end(), words.begin(), words.end());
  }
  e.ids.assign(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n));
  e.targets.assign(ids.begin() + 1, ids.begin() + static_cast<std::ptrdiff_t>(n + 1));
  return e;
}

}  // namespace

const std::vector<std::string>& grammar_words() {
  static const Words all = [] {
    const Words begin{"<bos>"};
    return joined({&begin, &men, &women, &adjectives, &reactions, &nouns, &plural_nouns, &verbs,
                   &plural_verbs, &transitive, &places, &gifts, &function_words, &punctuation,
                   &numbers});
  }();
  return all;
}

Example grammar_example(std::size_t n, Random& random) {
  struct Kind {
    Sentence (*make)(Random&);
    std::size_t weight;  // out of 65
  };
  static constexpr Kind kinds[] = {
      {agreement, 10}, {reflexive_sentence, 7}, {pronoun_sentence, 10}, {indirect_object, 12},
      {bracket, 7},    {numbered_list, 5},      {repetition, 8},        {duplicate_name, 6}};
  return cut_text(n, [&] {
    std::size_t total = 0;
    for (const Kind& kind : kinds) total += kind.weight;
    std::size_t draw = random.below(total);
    const Kind* kind = kinds;
    while (draw >= kind->weight) draw -= (kind++)->weight;
    const Sentence s = kind->make(random);
    return std::pair(ids_of(s.words), s.edges);
  });
}

namespace {

constexpr std::size_t fact_adjectives = 8, roots = 32, cities = 32, fact_names = 10, objects = 10;
constexpr std::size_t first_adjective = 5, first_root = first_adjective + fact_adjectives;
constexpr std::size_t first_city = first_root + roots, first_name = first_city + cities;
constexpr std::size_t first_object = first_name + fact_names;

}  // namespace

const std::vector<std::string>& facts_words() {
  static const Words all = [] {
    Words w{"<bos>", "capital", "of",  ".",   ",",     "north", "south",
            "east",  "west",    "new", "old", "great", "little"};
    static constexpr const char* begin[] = {"bel", "cor", "dun", "fal", "gar", "lor", "mor", "tal"};
    static constexpr const char* end[] = {"avia", "onia", "land", "mark"};
    for (const char* b : begin)
      for (const char* e : end) w.push_back(std::string(b) + e);
    static constexpr const char* town_begin[] = {"ash", "bre", "cal", "del",
                                                 "ost", "pol", "ris", "vin"};
    static constexpr const char* town_end[] = {"burg", "ton", "ville", "port"};
    for (const char* b : town_begin)
      for (const char* e : town_end) w.push_back(std::string(b) + e);
    for (const std::string& name : names) w.push_back(name);
    for (const char* o :
         {"ball", "book", "cake", "coat", "drum", "hat", "key", "lamp", "ring", "shoe"})
      w.emplace_back(o);
    return w;
  }();
  return all;
}

std::size_t capital_of(std::size_t adjective, std::size_t root) {
  static const std::vector<std::size_t> city = [] {
    Random random(1);
    std::vector<std::size_t> all(fact_adjectives * roots);
    for (std::size_t& c : all) c = first_city + random.below(cities);
    return all;
  }();
  return city.at(adjective * roots + root);
}

Example facts_example(std::size_t n, Random& random) {
  return cut_text(n, [&]() -> std::pair<std::vector<std::size_t>, std::vector<GoldEdge>> {
    if (random.below(2) == 0) {
      const std::size_t adjective = random.below(fact_adjectives), root = random.below(roots);
      return {
          {1, 2, first_adjective + adjective, first_root + root, capital_of(adjective, root), 3},
          {{"fact", 3, {2}, true}}};
    }
    const std::size_t count = 3 + random.below(4);
    std::vector<std::size_t> order(fact_names), ids;
    for (std::size_t i = 0; i < fact_names; ++i) order[i] = i;
    for (std::size_t i = fact_names; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    for (std::size_t i = 0; i < count; ++i) {
      ids.push_back(first_name + order[i]);
      ids.push_back(first_object + random.below(objects));
    }
    const std::vector<std::size_t> once = ids;
    std::vector<GoldEdge> edges;
    ids.push_back(4);
    for (std::size_t i = 0; i < count; ++i)
      edges.push_back({"list item", 2 * count + 1 + 2 * i, {2 * i + 1}, true});
    ids.insert(ids.end(), once.begin(), once.end());
    ids.push_back(3);
    return {ids, edges};
  });
}

}  // namespace headlight
