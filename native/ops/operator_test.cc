#include "ops/operator.h"

#include <cmath>
#include <limits>

#include "runtime/expect_code.h"

namespace tidemerge {
namespace {

Attributes example() {
  Attributes attributes("linear");
  attributes.set("scale", 0.5);
  attributes.set("heads", 8.0);
  attributes.set("causal", true);
  attributes.set("activation", std::string("gelu"));
  attributes.set("levels", std::vector<double>{0.1, 0.9});
  return attributes;
}

TEST(attributes_of_the_right_type) {
  const Attributes a = example();
  EXPECT_EQ(a.number("scale"), 0.5);
  EXPECT_EQ(a.integer("heads"), int64_t{8});
  EXPECT_EQ(a.integer_in("heads", 1, 8), int64_t{8});
  EXPECT_TRUE(a.boolean("causal"));
  EXPECT_EQ(a.string("activation"), std::string("gelu"));
  EXPECT_EQ(a.choice("activation", {"none", "gelu"}), size_t{1});
  EXPECT_EQ(a.list("levels").size(), size_t{2});
  EXPECT_CODE(a.expect_all_used(), "nothing");
}

TEST(attributes_that_are_missing) {
  const Attributes a = example();
  EXPECT_CODE(a.number("no"), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.integer("no"), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.boolean("no"), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.string("no"), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.choice("no", {"a"}), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.list("no"), "ERR_INVALID_ARGUMENT");
  EXPECT_EQ(a.number("no", 2.5), 2.5);
  EXPECT_EQ(a.integer("no", -1), int64_t{-1});
  EXPECT_EQ(a.integer_in("no", 0, 4, 3), int64_t{3});
  EXPECT_TRUE(a.boolean("no", true));
  EXPECT_EQ(a.choice("no", {"a", "b"}, 1), size_t{1});
  EXPECT_TRUE(!a.has("no"));
}

TEST(attributes_of_the_wrong_type_or_range) {
  Attributes a = example();
  EXPECT_CODE(a.number("causal"), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.integer("scale"), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.integer_in("heads", 1, 7), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.integer_in("heads", 9, 12, 10), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.boolean("heads"), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.choice("activation", {"none", "relu"}), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(a.list("scale"), "ERR_INVALID_ARGUMENT");
  for (double value : {std::nan(""), std::numeric_limits<double>::infinity(), 1e300, 0.1, -9007199254740994.0}) {
    a.set("heads", value);
    EXPECT_CODE(a.integer("heads"), "ERR_INVALID_ARGUMENT");
  }
}

TEST(attributes_nobody_asked_for) {
  const Attributes a = example();
  a.number("scale");
  EXPECT_CODE(a.expect_all_used(), "ERR_INVALID_ARGUMENT");
  std::string message;
  try {
    a.choice("activation", {"none", "relu"});
  } catch (const Error& error) {
    message = error.what();
  }
  EXPECT_EQ(message, std::string("linear: attribute activation: expected one of 'none', 'relu', got 'gelu'"));
}

}  // namespace
}  // namespace tidemerge
