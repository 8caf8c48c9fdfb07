#include "program/direct_call.h"

#include "program/test_operators.h"

namespace tidemerge {
namespace {

using testing::floats_of;
using testing::Room;

template <typename... T>
std::vector<Tensor> call(Room& room, const Attributes& attributes, T... inputs) {
  std::vector<std::optional<Tensor>> list;
  (list.push_back(std::move(inputs)), ...);
  return call_operator(room.context, attributes, std::move(list), testing::test_operators());
}

TEST(direct_call_runs_one_operator) {
  Room room(2);
  EXPECT_TRUE(floats_of(call(room, Attributes("plus_one"), room.floats({1, 2}))[0]) == (std::vector<float>{2, 3}));
  EXPECT_TRUE(floats_of(call(room, Attributes("twice"), room.floats({1, 2}))[0]) == (std::vector<float>{2, 4}));
  EXPECT_TRUE(floats_of(call(room, Attributes("split"), room.floats({1}))[1]) == std::vector<float>{-1});
  EXPECT_EQ(room.buffers.statistics().in_use, size_t{0});
}

TEST(direct_call_errors) {
  Room room;
  EXPECT_CODE(call(room, Attributes("melt")), "ERR_UNSUPPORTED");
  EXPECT_CODE(call(room, Attributes("plus_one")), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(call(room, Attributes("plus_one"), std::nullopt), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(call(room, Attributes("plus_one"), room.integer(1)), "ERR_INVALID_DTYPE");
  EXPECT_CODE(call(room, Attributes("fill")), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(call(room, Attributes("keep"), room.floats({1}), room.floats({1})), "ERR_UNSUPPORTED");
  Attributes silent("fail");
  silent.set("how", std::string("silent"));
  EXPECT_CODE(call(room, silent), "ERR_INTERNAL");
}

}  // namespace
}  // namespace tidemerge
