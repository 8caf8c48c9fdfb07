#pragma once

#include <stdexcept>
#include <string>

namespace tidemerge {

// What core code throws; the addon turns it into a TidemergeError with the same code. `code` is a string literal.
class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const noexcept { return code_; }

 private:
  const char* code_;
};

}  // namespace tidemerge
