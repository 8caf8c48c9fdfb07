#pragma once

// For tests: the code of the Error an expression throws.

#include <string>

#include "runtime/error.h"
#include "testing/test.h"

namespace tidemerge::testing {

template <typename F>
std::string code_thrown_by(const F& fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error.code();
  }
  return "nothing";
}

}  // namespace tidemerge::testing

#define EXPECT_CODE(expression, code) \
  EXPECT_EQ(::tidemerge::testing::code_thrown_by([&] { static_cast<void>(expression); }), std::string(code))
