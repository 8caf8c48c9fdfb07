#include "cpu/instruction_sets.h"

#include <cstring>
#include <string>

#include "base/error.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

constexpr FeatureSet kEverything = ~FeatureSet{0};

// The code of the error a selection ends with, or the name of the set selected.
std::string outcome(const char* forced, const char* environment, FeatureSet features) {
  try {
    return select_instruction_set(forced, environment, features).name;
  } catch (const Error& error) {
    return error.code();
  }
}

std::string message_of(const char* forced, const char* environment, FeatureSet features) {
  try {
    return select_instruction_set(forced, environment, features).name;
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(select_takes_the_best_supported_set) {
  EXPECT_EQ(outcome(nullptr, nullptr, kEverything), std::string(instruction_sets().data[0].name));
  for (const InstructionSet& set : instruction_sets()) {
    EXPECT_TRUE(supports(set.required, set));
    EXPECT_TRUE(supports(set.worthwhile, set));
    const std::string chosen = outcome(nullptr, nullptr, set.worthwhile);
    EXPECT_EQ(chosen, std::string(set.name));
  }
  EXPECT_EQ(outcome(nullptr, nullptr, 0), std::string("ERR_UNSUPPORTED_ISA"));
}

TEST(select_honours_force_before_environment) {
  const char* last = instruction_sets().data[instruction_sets().size - 1].name;
  const char* best = instruction_sets().data[0].name;
  EXPECT_EQ(outcome(last, nullptr, kEverything), std::string(last));
  EXPECT_EQ(outcome(nullptr, last, kEverything), std::string(last));
  EXPECT_EQ(outcome(best, last, kEverything), std::string(best));
  EXPECT_EQ(outcome(best, "no such set", kEverything), std::string(best));
  EXPECT_EQ(outcome("", "", kEverything), std::string(best));
}

TEST(select_refuses_what_is_unknown_or_unsupported) {
  const char* best = instruction_sets().data[0].name;
  for (const char* wrong : {"avx", "AVX2", "avx2 ", "none", "auto"}) {
    EXPECT_EQ(outcome(wrong, nullptr, kEverything), std::string("ERR_INVALID_ISA"));
    EXPECT_EQ(outcome(nullptr, wrong, kEverything), std::string("ERR_INVALID_ISA"));
  }
  EXPECT_EQ(outcome(best, nullptr, 0), std::string("ERR_UNSUPPORTED_ISA"));
  EXPECT_EQ(outcome(nullptr, best, 0), std::string("ERR_UNSUPPORTED_ISA"));

  const std::string unknown = message_of(nullptr, "avx9", kEverything);
  EXPECT_TRUE(unknown.find("TIDEMERGE_ISA") != std::string::npos);
  EXPECT_TRUE(unknown.find("avx9") != std::string::npos);
  EXPECT_TRUE(unknown.find(best) != std::string::npos);
}

TEST(kernel_sets_and_instruction_sets_are_the_same_list) {
  EXPECT_EQ(all_kernel_sets().size, instruction_sets().size);
  for (size_t i = 0; i < all_kernel_sets().size; ++i) {
    EXPECT_EQ(std::string(all_kernel_sets().data[i]->name), std::string(instruction_sets().data[i].name));
  }
  EXPECT_TRUE(runnable_kernel_set("no such set") == nullptr);
  EXPECT_TRUE(runnable_kernel_set(select_kernel_set(nullptr).name) == &select_kernel_set(nullptr));
}

#if defined(__x86_64__)

X86Registers with_everything() {
  X86Registers registers;
  registers.max_leaf = 0x20;
  registers.is_amd = true;
  registers.leaf1_ecx = registers.leaf1_edx = registers.leaf7_ebx = registers.leaf7_ecx = registers.leaf7_1_eax = ~0u;
  registers.xcr0 = 0xe7;
  return registers;
}

std::string best_of(const X86Registers& registers) { return outcome(nullptr, nullptr, decode_x86(registers)); }

TEST(decode_x86_needs_the_operating_system) {
  X86Registers registers = with_everything();
  EXPECT_EQ(best_of(registers), std::string("avx512_bf16"));
  // Each of opmask, upper zmm 0-15 and zmm 16-31 missing alone forbids AVX-512.
  for (uint64_t missing : {0x20u, 0x40u, 0x80u}) {
    registers.xcr0 = 0xe7 & ~missing;
    EXPECT_EQ(best_of(registers), std::string("avx2_vnni"));
  }
  registers.xcr0 = 0x3;  // ymm is not saved
  EXPECT_EQ(best_of(registers), std::string("baseline"));
  registers = with_everything();
  registers.leaf1_ecx &= ~(1u << 27);  // xgetbv is not enabled, xcr0 means nothing
  EXPECT_EQ(best_of(registers), std::string("baseline"));
}

TEST(avx512_bf16_is_chosen_only_where_its_dot_product_is_fast_but_can_be_forced) {
  X86Registers intel = with_everything();
  intel.is_amd = false;
  EXPECT_EQ(best_of(intel), std::string("avx512_vnni"));
  EXPECT_EQ(outcome("avx512_bf16", nullptr, decode_x86(intel)), std::string("avx512_bf16"));
}

TEST(decode_x86_steps_down_with_each_missing_feature) {
  X86Registers registers = with_everything();
  registers.leaf7_1_eax &= ~(1u << 5);
  EXPECT_EQ(best_of(registers), std::string("avx512_vnni"));
  registers.leaf7_ecx &= ~(1u << 11);
  EXPECT_EQ(best_of(registers), std::string("avx512"));
  for (int feature : {16, 17, 28, 30, 31}) {  // F, DQ, CD, BW, VL
    X86Registers partial = with_everything();
    partial.leaf7_ebx &= ~(1u << feature);
    EXPECT_EQ(best_of(partial), std::string("avx2_vnni"));
  }
  registers.leaf7_ebx &= ~(1u << 16);
  registers.leaf7_1_eax &= ~(1u << 4);
  EXPECT_EQ(best_of(registers), std::string("avx2"));
  for (int feature : {12, 28, 29}) {  // FMA, AVX, F16C
    X86Registers partial = registers;
    partial.leaf1_ecx &= ~(1u << feature);
    EXPECT_EQ(best_of(partial), std::string("baseline"));
  }
  registers.max_leaf = 1;
  EXPECT_EQ(best_of(registers), std::string("baseline"));
}

#endif

}  // namespace
}  // namespace tidemerge
